//! Threads: the pool and its barriers, what each worker computes, and whether the pool is used at all.

pub(crate) mod autotune;
mod barrier;
pub(crate) mod partition;
pub(crate) mod pool;

pub(crate) use self::barrier::BrokenBarrier;
