//! Threads: the pool and its barriers, the partition among workers, and the choice between pool and single thread.

pub(crate) mod autotune;
mod barrier;
pub(crate) mod partition;
pub(crate) mod pool;

pub(crate) use self::barrier::BrokenBarrier;
