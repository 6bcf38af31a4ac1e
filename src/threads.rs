//! The default limit on an engine's threads.

/// With more threads, networks of the intended size spend longer on synchronisation than on computation.
pub(crate) const MAX_THREADS: usize = 8;
