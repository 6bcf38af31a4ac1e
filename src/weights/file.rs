//! Weights as `.safetensors`, with the keys and layout of `torch.nn.Sequential`.

use std::{collections::HashMap, fs, path::Path};

use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};

use super::{
    Mismatch, Parameters, RunningStatistics, Tensor, Weights, header,
    names::{Names, Part},
};
use crate::{
    atomic_file,
    checksum::little_endian,
    error::{Error, Result},
    network::Network,
    plan::Plan,
};

/// A tensor's name and shape in a weights file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// As in `0.weight`.
    pub name: String,
    /// As in `[128, 784]`.
    pub shape: Vec<usize>,
}

/// The names and shapes of the tensors in a `.safetensors` file, sorted by name.
///
/// For programs that choose among several networks by the contents of a file.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::WeightsFile`] when it is not safetensors.
pub fn shapes(path: impl AsRef<Path>) -> Result<Vec<TensorShape>> {
    let path = path.as_ref();
    let bytes = read(path)?;
    let mut shapes: Vec<TensorShape> = parse(path, &bytes)?
        .iter()
        .map(|(name, tensor)| TensorShape {
            name: name.to_owned(),
            shape: tensor.shape().to_vec(),
        })
        .collect();
    shapes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(shapes)
}

impl<N: Network> Weights<N> {
    /// Reads a `.safetensors` file with exactly this network's tensors, of dtype `F32`, `F16` or `BF16`, named as in
    /// `torch.nn.Sequential`.
    ///
    /// From a checkpoint, it reads the weights that the network would have if
    /// [`Trainer::fit`](crate::train::Trainer::fit) had ended there: those of the best epoch with
    /// [`EarlyStopping`](crate::train::EarlyStopping), otherwise those of the last step. The checksum of a checkpoint
    /// is verified only when a training resumes from it.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::WeightsFile`], with the tensor's name, when a tensor is
    /// missing, unexpected, of another dtype or of another shape.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_as(path.as_ref(), Names::Sequential)
    }

    /// As [`Weights::load`] for a weights file whose layers with parameters are named `names`, in order: with
    /// `["fc1", "fc2"]` the tensors are `fc1.weight`, `fc1.bias`, `fc2.weight`, `fc2.bias`.
    ///
    /// # Errors
    /// As [`Weights::load`], and when `names` has the wrong length or duplicates.
    pub fn load_named(path: impl AsRef<Path>, names: &[&str]) -> Result<Self> {
        Self::load_as(path.as_ref(), Names::Listed(names))
    }

    /// As [`Weights::load`], from the bytes of such a file, for example from `include_bytes!`.
    ///
    /// # Errors
    /// [`Mismatch`], with the tensor's name, when the bytes are not such a file.
    pub fn from_bytes(file: &[u8]) -> Result<Self, Mismatch> {
        Self::read(file, Names::Sequential)
    }

    fn load_as(path: &Path, names: Names<'_>) -> Result<Self> {
        Self::read(&read(path)?, names).map_err(|mismatch| refused(path, &mismatch))
    }

    fn read(file: &[u8], names: Names<'_>) -> Result<Self, Mismatch> {
        let mut weights = Self::zeros();
        let plan = const { &N::PLAN };
        fill(&mut weights.values, &mut weights.running, plan, file, names)?;
        Ok(weights)
    }

    /// Writes a `.safetensors` file that `torch.nn.Sequential` loads with `strict=True`.
    ///
    /// The bytes are written to a temporary file, synced and renamed into place, so a failure leaves an existing file
    /// unchanged. As with `torch.save`, the mode of a new file follows the umask; an overwritten file keeps its mode
    /// (and its access control list on Linux, and its owner where the system allows it); a read-only file is not
    /// overwritten; a symbolic link stays, and its target is written; a pipe or `/dev/stdout` receives the bytes.
    /// Unlike `torch.save`, and like the crate `safetensors`, a second hard link keeps the old contents. Other extended
    /// attributes are not preserved. On a file system that does not support sync, the file may be missing after a loss
    /// of power.
    ///
    /// # Errors
    /// [`Error::Io`] when the file or its folder cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_as(path.as_ref(), Names::Sequential)
    }

    /// As [`Weights::save`], where the layers with parameters are named `names`, in order: for a module
    /// with `self.fc1` and `self.fc2`.
    ///
    /// # Errors
    /// As [`Weights::save`]; [`Error::WeightsFile`] when `names` has the wrong length or duplicates.
    pub fn save_named(&self, path: impl AsRef<Path>, names: &[&str]) -> Result<()> {
        self.save_as(path.as_ref(), Names::Listed(names))
    }

    fn save_as(&self, path: &Path, names: Names<'_>) -> Result<()> {
        save(self.parameters(), path, names)
    }
}

/// Reads the parameters and the running statistics of `plan` from a weights file.
fn fill(
    values: &mut [f32],
    running: &mut RunningStatistics,
    plan: &Plan,
    file: &[u8],
    names: Names<'_>,
) -> Result<(), Mismatch> {
    let places = header::places(file, plan, names)?;
    let layers = plan.steps().iter().filter(|step| step.has_tensors());
    let mut batches = running.batches.iter_mut();
    for (step, places) in layers.zip(&places.tensors) {
        let parameters = &mut values[step.offset..step.offset + step.params()];
        let [rows, columns] = step.weight_matrix();
        let (weight, bias) = parameters.split_at_mut(rows * columns);
        let end = step.statistics + step.statistics_len();
        let statistics = &mut running.values[step.statistics..end];
        let (mean, spread) = statistics.split_at_mut(step.statistics_len() / 2);
        for &part in Part::of(step) {
            let place = &places[part as usize];
            let values = match part {
                Part::Weight => &mut *weight,
                Part::Bias => &mut *bias,
                Part::Mean => &mut *mean,
                Part::Spread => &mut *spread,
                Part::NumBatchesTracked => {
                    if let Some(batches) = batches.next() {
                        // PyTorch counts up from 0
                        *batches = place.count(file).unsigned_abs();
                    }
                    continue;
                }
            };
            for (index, to) in values.iter_mut().enumerate() {
                *to = place.value(file, index);
            }
        }
    }
    Ok(())
}

/// Writes a weights file.
fn save(parameters: Parameters<'_>, path: &Path, names: Names<'_>) -> Result<()> {
    names
        .check(parameters.plan)
        .map_err(|mismatch| refused(path, &mismatch))?;
    let file = bytes(parameters, names).map_err(|error| not_safetensors(path, error))?;
    write(path, &file)
}

/// The bytes of a weights file.
pub(super) fn bytes(
    parameters: Parameters<'_>,
    names: Names<'_>,
) -> Result<Vec<u8>, SafeTensorError> {
    let tensors = parameters.tensors(names).chain(parameters.buffers(names));
    let metadata = parameters.class_names().map(|names| HashMap::from([names]));
    to_safetensors(tensors, parameters.batches(names), metadata)
}

/// Writes the bytes of a file of weights.
pub(super) fn write(path: &Path, file: &[u8]) -> Result<()> {
    match atomic_file::write(path, file) {
        // Without sync the file is complete, but may be missing after a loss of power.
        Ok(_unsynced) => Ok(()),
        Err(source) => Err(Error::unwritable(path, "write the weights", source)),
    }
}

/// The bytes of a safetensors file with these tensors and these named counts, of dtype I64.
pub(crate) fn to_safetensors<'a>(
    tensors: impl IntoIterator<Item = Tensor<'a>>,
    counts: impl IntoIterator<Item = (String, u64)>,
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, SafeTensorError> {
    let tensors = tensors.into_iter().map(|tensor| {
        let bytes = little_endian(tensor.values);
        (tensor.name, Dtype::F32, tensor.shape, bytes)
    });
    let counts = counts.into_iter().map(|(name, count)| {
        let bytes = count.to_le_bytes().to_vec();
        (name, Dtype::I64, Vec::new(), bytes)
    });
    serialize(tensors.chain(counts).collect(), metadata)
}

/// A tensor as a file has it: name, type, shape and bytes.
pub(crate) type Raw = (String, Dtype, Vec<usize>, Vec<u8>);

/// The bytes of a safetensors file with these tensors.
pub(crate) fn serialize(
    tensors: Vec<Raw>,
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, SafeTensorError> {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes)?;
        Ok((name.as_str(), view))
    });
    let views: Vec<_> = views.collect::<Result<_, SafeTensorError>>()?;
    safetensors::serialize(views, metadata)
}

fn refused(path: &Path, mismatch: &Mismatch) -> Error {
    Error::WeightsFile {
        path: path.to_owned(),
        tensor: mismatch.tensor().to_owned(),
        expected: mismatch.expected().to_owned(),
        found: mismatch.found().to_owned(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        action: "read the weights",
        source,
        remedy: "name a `.safetensors` file, as `Weights::save` writes it",
    })
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).map_err(|error| not_safetensors(path, error))
}

/// The error of bytes that are no safetensors file.
pub(crate) fn not_safetensors(path: &Path, error: SafeTensorError) -> Error {
    Error::WeightsFile {
        path: path.to_owned(),
        tensor: "header".to_owned(),
        expected: "a safetensors file".to_owned(),
        found: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    type Net = (Linear<4, 3>, ReLU, Linear<3, 2>);

    #[test]
    fn a_saved_file_loads_with_the_same_bits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        let weights = Weights::<Net>::init(1);
        weights.save(&path).unwrap();
        assert_eq!(Weights::load(&path).unwrap(), weights);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(Weights::from_bytes(&bytes).unwrap(), weights);
        let cut = Weights::<Net>::from_bytes(&bytes[1..]).unwrap_err();
        assert_eq!(cut.tensor(), "header");
        let shape = |name: &str, shape: &[usize]| TensorShape {
            name: name.into(),
            shape: shape.into(),
        };
        let expected = [
            shape("0.bias", &[3]),
            shape("0.weight", &[3, 4]),
            shape("2.bias", &[2]),
            shape("2.weight", &[2, 3]),
        ];
        assert_eq!(shapes(&path).unwrap(), expected);
    }

    #[test]
    fn a_mismatch_names_tensor_expected_and_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        let says = |error: Error, words: &str| {
            let text = error.to_string();
            assert!(
                text.contains("net.safetensors") && text.contains(words),
                "{text}"
            );
        };
        Weights::<Net>::init(1).save(&path).unwrap();
        says(
            Weights::<(Linear<4, 5>, ReLU, Linear<5, 2>)>::load(&path).unwrap_err(),
            "`0.weight`: expected F32 [5, 4], found F32 [3, 4]",
        );
        says(
            Weights::<(Linear<4, 3>, Linear<3, 2>)>::load(&path).unwrap_err(),
            "`1.weight`: expected F32 [2, 3], found no tensor of this name",
        );
        says(
            Weights::<(Linear<4, 3>,)>::load(&path).unwrap_err(),
            "`2.bias`: expected only the network's 2 tensors, found one more",
        );
        fs::write(&path, b"not safetensors").unwrap();
        says(
            Weights::<Net>::load(&path).unwrap_err(),
            "`header`: expected a safetensors file",
        );
        says(
            Weights::<Net>::load(folder.path().join("no/net.safetensors")).unwrap_err(),
            "cannot read the weights",
        );
        says(
            Weights::<Net>::init(1)
                .save(folder.path().join("no/net.safetensors"))
                .unwrap_err(),
            "cannot write",
        );
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_refused_and_never_panic(bytes in proptest::collection::vec(0u8.., 0..400)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("net.safetensors");
            fs::write(&path, bytes).unwrap();
            proptest::prop_assert!(Weights::<Net>::load(&path).is_err());
        }
    }
}
