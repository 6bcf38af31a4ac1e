//! The networks of the benchmarks: a network is a type, so each is compiled.

use std::path::Path;

use tuplenet::{models::Mlp, prelude::*};

use super::served::Result;

/// Generic code that runs for a network whose widths are known only at run time.
pub trait Job {
    type Out;
    fn on<const I: usize, const H: usize, const O: usize>(self) -> Result<Self::Out>;
}

/// Runs `job` for the network of this shape.
pub fn dispatch<J: Job>(shape: [usize; 3], job: J) -> Result<J::Out> {
    match shape {
        [784, 128, 10] => job.on::<784, 128, 10>(),
        [784, 500, 10] => job.on::<784, 500, 10>(),
        [784, 512, 10] => job.on::<784, 512, 10>(),
        [784, 2048, 10] => job.on::<784, 2048, 10>(),
        [64, 64, 16] => job.on::<64, 64, 16>(),
        _ => Err(format!("no network of shape {shape:?} was compiled").into()),
    }
}

/// Saves weights with PyTorch's initialisation, from a seed.
pub fn save_weights(shape: [usize; 3], seed: u64, path: &Path) -> Result<()> {
    dispatch(shape, SaveWeights { seed, path })
}

struct SaveWeights<'a> {
    seed: u64,
    path: &'a Path,
}

impl Job for SaveWeights<'_> {
    type Out = ();
    fn on<const I: usize, const H: usize, const O: usize>(self) -> Result<()> {
        Ok(Weights::<Mlp<I, H, O>>::init(self.seed).save(self.path)?)
    }
}
