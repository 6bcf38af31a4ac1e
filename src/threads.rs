//! How many threads an engine takes by default.

/// For the networks that this crate is for, more threads wait for each other longer than they compute.
pub(crate) const MAX_THREADS: usize = 8;
