//! The file format of checkpoints: safetensors, readable by any tool that supports it.
//!
//! | | |
//! | --- | --- |
//! | tensors `weights.*` | the weights, as in a weights file: `weights.0.weight` |
//! | `moment1.*`, `moment2.*` | the optimiser's moments, of the same shapes |
//! | `best.*` | the weights of the best epoch |
//! | `losses` | the losses of the epoch's steps so far |
//! | metadata `checkpoint` | everything else, as JSON |
//! | metadata `sha256` | the SHA-256 of the whole file, computed with 64 zeros in place of itself |

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    checksum::in_hex,
    engine::OptimizerState,
    network::Network,
    objective::OptimizerKind,
    train::{
        History,
        state::{Best, Position, TrainingState},
    },
    weights::{Parameters, Tensor, Weights, names::Names, to_safetensors},
};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
const NO_SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Everything except tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    /// The version of the crate that wrote it.
    tuplenet: String,
    identity: Value,
    position: Position,
    optimizer: Option<OptimizerNumbers>,
    best: Option<BestNumbers>,
    history: History,
}

#[derive(Debug, Serialize, Deserialize)]
struct OptimizerNumbers {
    kind: OptimizerKind,
    steps: u64,
    moments: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct BestNumbers {
    epoch: usize,
    loss: f64,
}

/// Why a file is not a checkpoint to resume from.
#[derive(Debug)]
pub(super) struct Invalid {
    pub(super) expected: String,
    pub(super) found: String,
}

fn invalid(expected: impl Into<String>, found: impl ToString) -> Invalid {
    Invalid {
        expected: expected.into(),
        found: found.to_string(),
    }
}

/// The contents of a checkpoint.
#[derive(Debug)]
pub(in crate::train) struct Contents<N> {
    pub(in crate::train) weights: Weights<N>,
    pub(in crate::train) optimizer: Option<OptimizerState<N>>,
    pub(in crate::train) state: TrainingState<N>,
}

/// The bytes of a checkpoint file.
pub(super) fn write<N: Network>(
    identity: Value,
    weights: &Weights<N>,
    optimizer: Option<&OptimizerState<N>>,
    state: &TrainingState<N>,
) -> Result<Vec<u8>, String> {
    let manifest = Manifest {
        version: VERSION,
        tuplenet: env!("CARGO_PKG_VERSION").to_owned(),
        identity,
        position: state.position,
        optimizer: optimizer.map(|state| OptimizerNumbers {
            kind: state.kind,
            steps: state.steps,
            moments: state.moments.len(),
        }),
        best: state.best.as_ref().map(|best| BestNumbers {
            epoch: best.epoch,
            loss: best.loss,
        }),
        history: state.history.clone(),
    };
    let mut weights = vec![("weights", weights.parameters())];
    let best = state.best.as_ref();
    weights.extend(best.map(|best| ("best", best.weights.parameters())));
    let moments = optimizer.map_or(&[][..], |state| &state.moments[..]);
    let moments = moments.iter().map(Weights::parameters);
    let moments: Vec<_> = (1..).map(moment_name).zip(moments).collect();
    to_file(&manifest, &weights, &moments, &state.losses)
}

/// The bytes of a checkpoint file with these weights and these moments under these prefixes.
fn to_file(
    manifest: &Manifest,
    weights: &[(&str, Parameters<'_>)],
    moments: &[(String, Parameters<'_>)],
    losses: &[f32],
) -> Result<Vec<u8>, String> {
    let manifest = serde_json::to_string(manifest).map_err(|error| error.to_string())?;
    let moments = moments.iter().map(|(prefix, moment)| (&**prefix, *moment));
    let parameters = weights
        .iter()
        .copied()
        .chain(moments)
        .flat_map(|(prefix, parameters)| {
            let tensors = parameters.tensors(Names::Sequential);
            tensors.map(move |tensor| within(prefix, tensor))
        });
    let buffers = weights.iter().flat_map(|(prefix, parameters)| {
        let buffers = parameters.buffers(Names::Sequential);
        buffers.map(move |tensor| within(prefix, tensor))
    });
    let counts = weights.iter().flat_map(|(prefix, parameters)| {
        let counts = parameters.batches(Names::Sequential);
        counts.map(move |(name, count)| (format!("{prefix}.{name}"), count))
    });
    let losses = Tensor {
        name: "losses".to_owned(),
        shape: vec![losses.len()],
        values: losses,
    };
    let metadata = [("checkpoint", manifest), ("sha256", NO_SUM.to_owned())];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value));
    let names = weights
        .iter()
        .find_map(|(_, weights)| weights.class_names());
    let metadata = metadata.into_iter().chain(names).collect();
    let tensors = parameters.chain(buffers).chain([losses]);
    let mut file =
        to_safetensors(tensors, counts, Some(metadata)).map_err(|error| error.to_string())?;
    let place = place_of(&file, NO_SUM).ok_or("the checksum has no place")?;
    let sum = in_hex(&Sha256::digest(&file));
    file[place..place + NO_SUM.len()].copy_from_slice(sum.as_bytes());
    Ok(file)
}

/// The tensor with a prefix before its name.
fn within<'a>(prefix: &str, tensor: Tensor<'a>) -> Tensor<'a> {
    Tensor {
        name: format!("{prefix}.{}", tensor.name),
        ..tensor
    }
}

/// A checkpoint whose checksum matches.
pub(super) struct Opened<'a> {
    manifest: Manifest,
    tensors: SafeTensors<'a>,
}

/// Parses a checkpoint file, and verifies its checksum.
///
/// # Errors
/// A [`Invalid`] when it is not a checkpoint, of another version, or damaged.
pub(super) fn open(file: &[u8]) -> Result<Opened<'_>, Invalid> {
    let complete = "a complete checkpoint";
    let (_, header) = SafeTensors::read_metadata(file).map_err(|error| invalid(complete, error))?;
    let metadata: HashMap<String, String> = header.metadata().clone().unwrap_or_default();
    let named = |name: &str| {
        let value = metadata.get(name);
        value.ok_or_else(|| invalid(complete, format!("a safetensors file without `{name}`")))
    };
    let (manifest, sum) = (named("checkpoint")?, named("sha256")?);
    let version: Result<Value, _> = serde_json::from_str(manifest);
    let version = version.map_err(|error| invalid(complete, error))?["version"].clone();
    if version != VERSION {
        return Err(invalid(
            format!("a checkpoint of version {VERSION}"),
            format!("version {version}"),
        ));
    }
    let damaged = || {
        invalid(
            format!("contents with SHA-256 {sum}"),
            "different contents: the file is damaged",
        )
    };
    let place = place_of(file, sum).ok_or_else(damaged)?;
    let mut hash = Sha256::new();
    hash.update(&file[..place]);
    hash.update(NO_SUM);
    hash.update(&file[place + sum.len()..]);
    if in_hex(&hash.finalize()) != *sum {
        return Err(damaged());
    }
    Ok(Opened {
        manifest: serde_json::from_str(manifest).map_err(|error| invalid(complete, error))?,
        tensors: SafeTensors::deserialize(file).map_err(|error| invalid(complete, error))?,
    })
}

/// The offset of the value of `sha256`.
fn place_of(file: &[u8], sum: &str) -> Option<usize> {
    let quoted = format!("\"sha256\":\"{sum}\"");
    let before = quoted.len() - sum.len() - 1;
    let found = file
        .windows(quoted.len())
        .position(|window| window == quoted.as_bytes())?;
    Some(found + before)
}

impl Opened<'_> {
    /// The identity of the training that wrote it.
    pub(super) fn identity(&self) -> &Value {
        &self.manifest.identity
    }

    /// Its contents, for the network that it belongs to.
    pub(super) fn contents<N: Network>(self) -> Result<Contents<N>, Invalid> {
        let Opened { manifest, tensors } = self;
        let optimizer = manifest.optimizer.map(|numbers| {
            let moments =
                (1..=numbers.moments).map(|number| moments(&tensors, &moment_name(number)));
            Ok(OptimizerState {
                kind: numbers.kind,
                steps: numbers.steps,
                moments: moments.collect::<Result<_, _>>()?,
            })
        });
        let best = manifest.best.map(|numbers| {
            Ok(Best {
                epoch: numbers.epoch,
                loss: numbers.loss,
                weights: weights(&tensors, "best")?,
            })
        });
        Ok(Contents {
            weights: weights(&tensors, "weights")?,
            optimizer: optimizer.transpose()?,
            state: TrainingState {
                position: manifest.position,
                losses: values(&tensors, "losses", None)?,
                history: manifest.history,
                best: best.transpose()?,
            },
        })
    }
}

fn moment_name(number: usize) -> String {
    format!("moment{number}")
}

/// The weights of a network, from the tensors whose names begin with `prefix`.
fn weights<N: Network>(tensors: &SafeTensors<'_>, prefix: &str) -> Result<Weights<N>, Invalid> {
    let mut weights = moments(tensors, prefix)?;
    let flat = all_values(
        tensors,
        prefix,
        weights.parameters().buffers(Names::Sequential),
    )?;
    weights.statistics_mut().copy_from_slice(&flat);
    let names = weights.parameters().batches(Names::Sequential);
    let names: Vec<String> = names.map(|(name, _)| name).collect();
    for (batches, name) in weights.running.batches.iter_mut().zip(names) {
        *batches = count(tensors, &format!("{prefix}.{name}"))?;
    }
    Ok(weights)
}

/// The moments of a network's parameters, likewise.
fn moments<N: Network>(tensors: &SafeTensors<'_>, prefix: &str) -> Result<Weights<N>, Invalid> {
    let mut moments = Weights::zeros();
    let flat = all_values(
        tensors,
        prefix,
        moments.parameters().tensors(Names::Sequential),
    )?;
    moments.as_mut_slice().copy_from_slice(&flat);
    Ok(moments)
}

/// The values of the tensors whose names are those of `like` with `prefix` before them.
fn all_values<'a>(
    tensors: &SafeTensors<'_>,
    prefix: &str,
    like: impl Iterator<Item = Tensor<'a>>,
) -> Result<Vec<f32>, Invalid> {
    let mut flat = Vec::new();
    for tensor in like {
        let name = format!("{prefix}.{}", tensor.name);
        flat.extend(values(tensors, &name, Some(&tensor.shape))?);
    }
    Ok(flat)
}

/// The value of a tensor of one number, of dtype I64.
fn count(tensors: &SafeTensors<'_>, name: &str) -> Result<u64, Invalid> {
    let tensor = tensors
        .tensor(name)
        .map_err(|error| invalid(format!("`{name}`"), error))?;
    match (tensor.dtype(), <[u8; 8]>::try_from(tensor.data())) {
        (Dtype::I64, Ok(bytes)) => Ok(u64::from_le_bytes(bytes)),
        _ => Err(invalid(
            format!("`{name}`: I64 []"),
            format!("{} {:?}", tensor.dtype(), tensor.shape()),
        )),
    }
}

/// The values of a tensor, which must have `shape` if that is given.
fn values(
    tensors: &SafeTensors<'_>,
    name: &str,
    shape: Option<&[usize]>,
) -> Result<Vec<f32>, Invalid> {
    let tensor = tensors
        .tensor(name)
        .map_err(|error| invalid(format!("`{name}`"), error))?;
    if tensor.dtype() != Dtype::F32 || shape.is_some_and(|shape| shape != tensor.shape()) {
        let expected = format!("`{name}`: F32 {:?}", shape.unwrap_or(tensor.shape()));
        return Err(invalid(
            expected,
            format!("{} {:?}", tensor.dtype(), tensor.shape()),
        ));
    }
    let (numbers, _) = tensor.data().as_chunks::<4>();
    Ok(numbers.iter().copied().map(f32::from_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    #[test]
    fn values_of_another_dtype_or_shape_are_refused() {
        for (dtype, shape, is_read) in [
            (Dtype::F32, [2, 1], true),
            (Dtype::I32, [2, 1], false),
            (Dtype::F32, [1, 2], false),
        ] {
            let bytes = [1f32, -2.0].map(f32::to_le_bytes).concat();
            let tensor = TensorView::new(dtype, shape.to_vec(), &bytes).unwrap();
            let file = safetensors::serialize([("x", tensor)], None).unwrap();
            let tensors = SafeTensors::deserialize(&file).unwrap();
            let found = values(&tensors, "x", Some(&[2, 1]));
            assert_eq!(found.ok(), is_read.then(|| vec![1.0, -2.0]));
        }
    }
}
