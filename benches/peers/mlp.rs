//! The network `Linear ReLU Linear` of a task, for baselines that support no other.

use std::{error::Error, fs};

use crate::served::{Result, Setup, floats};

/// Inputs, hidden and outputs.
pub fn shape(setup: &Setup) -> Result<[usize; 3]> {
    let numbers: std::result::Result<Vec<usize>, _> =
        setup.network.split('-').map(str::parse).collect();
    let numbers = numbers.ok().and_then(|numbers| numbers.try_into().ok());
    let unsupported = || format!("networks of two layers only, not {}", setup.network);
    Ok(numbers.ok_or_else(unsupported)?)
}

/// The initial weights: `[H, I]`, `[H]`, `[O, H]`, `[O]`.
pub fn weights(setup: &Setup) -> Result<[Vec<f32>; 4]> {
    let bytes = fs::read(setup.folder.join("weights.safetensors"))?;
    let file = safetensors::SafeTensors::deserialize(&bytes)?;
    let tensor = |name| Ok::<_, Box<dyn Error>>(floats(file.tensor(name)?.data()));
    Ok([
        tensor("0.weight")?,
        tensor("0.bias")?,
        tensor("2.weight")?,
        tensor("2.bias")?,
    ])
}
