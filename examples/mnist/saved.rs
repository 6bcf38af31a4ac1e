//! Weights that the example `mnist` saved.

use std::path::{Path, PathBuf};

use tuplenet::{Result, weights};

use crate::network::{Hidden, NetworkType};

/// Where the example `mnist` saves by default.
pub const SAVED: &str = "target/mnist.safetensors";

/// The given file, else [`SAVED`] if it exists.
pub fn find(named: Option<&Path>) -> Option<PathBuf> {
    let saved = || Some(PathBuf::from(SAVED)).filter(|path| path.exists());
    named.map(Path::to_owned).or_else(saved)
}

/// The network in a file, by the shape of its first layer's weights. Loading then checks the whole file against the
/// network's type: a file of none of these networks is compared with `mnist`'s default.
pub fn network(path: &Path) -> Result<NetworkType> {
    let tensors = weights::shapes(path)?;
    let first = tensors.iter().find(|tensor| tensor.name == "0.weight");
    Ok(match first.map(|weight| weight.shape.as_slice()) {
        Some([16, _, 3, 3]) => NetworkType::ResNet,
        Some([_, _, _, _]) => NetworkType::LeNet,
        Some([32, _]) => NetworkType::Mlp(Hidden::H32),
        Some([128, _]) => NetworkType::Mlp(Hidden::H128),
        Some([800, _]) => NetworkType::Mlp(Hidden::H800),
        _ => NetworkType::Mlp(Hidden::H500),
    })
}
