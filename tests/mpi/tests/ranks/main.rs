//! Several ranks of a training, each a process that `mpirun` starts, against one.

#![allow(clippy::unwrap_used)]

mod faults;
mod fit;
mod hosts;
mod norm;
mod report;
mod start;
mod steps;
mod tape;
