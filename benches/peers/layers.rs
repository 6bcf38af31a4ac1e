//! The layers of a task's network, for baselines that support any.

use std::fs;

use crate::served::{Result, Setup, floats};

/// One layer of `layers.txt`.
pub struct Layer {
    /// As in `torch.nn`.
    pub name: String,
    /// Its sizes, such as channels, kernel, stride and padding.
    pub sizes: Vec<usize>,
    /// The initial weight and bias, if it has any.
    pub parameters: Vec<Vec<f32>>,
}

/// Every layer; the first one states the input's sizes, without those of the batch.
pub fn layers(setup: &Setup) -> Result<Vec<Layer>> {
    let bytes = fs::read(setup.folder.join("weights.safetensors"))?;
    let file = safetensors::SafeTensors::deserialize(&bytes)?;
    let text = fs::read_to_string(setup.folder.join("layers.txt"))?;
    let layers = text.lines().enumerate().map(|(index, line)| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (path, operands, name) = (word(), word(), word());
        if index > 0 && operands != (index - 1).to_string() {
            return Err("networks without branches only".into());
        }
        let sizes = words.map(str::parse);
        let tensors = ["weight", "bias"].map(|part| file.tensor(&format!("{path}.{part}")));
        Ok(Layer {
            name,
            sizes: sizes.collect::<std::result::Result<_, _>>()?,
            parameters: tensors
                .into_iter()
                .flatten()
                .map(|tensor| floats(tensor.data()))
                .collect(),
        })
    });
    layers.collect()
}
