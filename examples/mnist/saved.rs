//! Weights that the example `mnist` saved.

use std::path::{Path, PathBuf};

use tuplenet::{Result, weights};

/// Where the example `mnist` saves by default.
pub const SAVED: &str = "target/mnist.safetensors";

/// The given file, else [`SAVED`] if it exists.
pub fn find(named: Option<&Path>) -> Option<PathBuf> {
    let saved = || Some(PathBuf::from(SAVED)).filter(|path| path.exists());
    named.map(Path::to_owned).or_else(saved)
}

/// The number of hidden units of the network in a file, if it contains such a network. It selects the type, which
/// then checks the whole file.
pub fn hidden(path: &Path) -> Result<Option<usize>> {
    let tensors = weights::shapes(path)?;
    let bias = tensors.into_iter().find(|tensor| tensor.name == "0.bias");
    Ok(bias.and_then(|bias| bias.shape.first().copied()))
}
