//! Several ranks of a training, each a process that `mpirun` starts, against one.

#![allow(clippy::unwrap_used)]

mod norm;
mod start;
mod tape;
