//! Several ranks of a training, each a process that `mpirun` starts, against one.

mod norm;
mod start;
mod tape;
