//! Weights that the example `mnist` saved.

use std::path::{Path, PathBuf};

use tuplenet::{Result, weights};

/// Where the example `mnist` saves, unless it is told otherwise.
pub const SAVED: &str = "target/mnist.safetensors";

/// The file that was named, else [`SAVED`] where it is there.
pub fn find(named: Option<&Path>) -> Option<PathBuf> {
    let saved = || Some(PathBuf::from(SAVED)).filter(|path| path.exists());
    named.map(Path::to_owned).or_else(saved)
}

/// The number of hidden units of the network in a file, if there is such a network in it: the file says which of
/// the types it fits, and the type then checks all of it.
pub fn hidden(path: &Path) -> Result<Option<usize>> {
    let tensors = weights::shapes(path)?;
    let bias = tensors.into_iter().find(|tensor| tensor.name == "0.bias");
    Ok(bias.and_then(|bias| bias.shape.first().copied()))
}
