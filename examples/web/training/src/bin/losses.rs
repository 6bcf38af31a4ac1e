//! The same training with scalar kernels on one thread: for each epoch a line with the accuracy, then the losses.

use tuplenet::{
    Result,
    engine::{Processor, Simd},
};

use training::Training;

/// As many as `test.mjs` compares.
const EPOCHS: usize = 3;

fn main() -> Result<()> {
    let scalar = Processor::detect().threads(1).simd(Simd::Scalar);
    let mut training = Training::begin(scalar)?;
    for _ in 0..EPOCHS {
        let mut losses = Vec::new();
        let accuracy = training.epoch(|at| losses.push(at.loss.to_string()))?;
        println!("{accuracy} {}", losses.join(" "));
    }
    Ok(())
}
