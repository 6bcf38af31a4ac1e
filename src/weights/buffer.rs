//! A network's parameters: one flat, aligned buffer in the plan's order, with named views.

use std::{fmt, marker::PhantomData};

use aligned_vec::{AVec, ConstAlign};
use sha2::{Digest, Sha256};

use super::{
    Init,
    header::CLASSES,
    names::{Layer, Names, Part},
};
use crate::{
    checksum::{add_floats, in_hex},
    error::{Error, Result},
    network::Network,
    plan::{Op, Plan, Step},
};

/// The parameters of the network `N`: one 64-byte-aligned buffer of [`Network::PARAMS`] `f32`.
///
/// For each layer with parameters in the plan's order: `K.weight` (`[O, I]` of a `Linear`, `[O, C, K, K]` of a
/// `Conv2d`, `[C]` of a batch normalisation or of slopes, the sample's shape of a layer normalisation), row-major, then
/// `K.bias` `[O]` if the layer has one, where the name's `K` is the layer's number in `torch.nn.Sequential`, or its
/// [path](crate::plan::Path). The statistics of batch normalisations and of a standardisation are no parameters; they are
/// beside them.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<4, 3>, ReLU, Linear<3, 2>);
/// let weights = Weights::<Net>::init(1);
/// let names: Vec<_> = weights.tensors().map(|tensor| tensor.name).collect();
/// assert_eq!(names, ["0.weight", "0.bias", "2.weight", "2.bias"]);
/// assert_eq!(weights.tensor("2.weight").unwrap().shape, [2, 3]);
/// ```
pub struct Weights<N> {
    pub(super) values: AVec<f32, ConstAlign<64>>,
    pub(crate) running: RunningStatistics,
    network: PhantomData<fn() -> N>,
}

/// The statistics of a network's batch normalisations and of its standardisation, in the plan's order.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningStatistics {
    /// The means, then the variances or standard deviations of each.
    pub(crate) values: Vec<f32>,
    /// The number of batches that each batch normalisation has seen.
    pub(crate) batches: Vec<u64>,
}

impl RunningStatistics {
    /// Those of a network that has seen no batch: means of 0, variances of 1, standard deviations of 0.
    pub(crate) fn initial(plan: &Plan) -> Self {
        let of = |step: &Step| {
            let (len, second) = match step.op {
                Op::Standardize => (step.statistics_len(), 0.0),
                _ => (step.statistics_len(), 1.0),
            };
            (0..len).map(move |at| if at < len / 2 { 0.0 } else { second })
        };
        RunningStatistics {
            values: plan.steps().iter().flat_map(of).collect(),
            batches: vec![0; batch_norms(plan).count()],
        }
    }
}

/// The batch normalisations of a plan.
pub(crate) fn batch_norms(plan: &Plan) -> impl Iterator<Item = &Step> {
    let is_batch_norm = |step: &&Step| matches!(step.op, Op::BatchNorm { .. });
    plan.steps().iter().filter(is_batch_norm)
}

/// One parameter tensor: its name, its shape and its values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// As in `torch.nn.Sequential`: `0.weight`, `0.bias`.
    pub name: String,
    /// `[O, I]` or `[O, C, K, K]` for a weight, `[O]` for a bias.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub values: &'a [f32],
}

impl<N: Network> Weights<N> {
    /// PyTorch's initialisation of `nn.Linear` and `nn.Conv2d`, from `seed`; see [`Init::PyTorch`].
    pub fn init(seed: u64) -> Self {
        Self::init_with(Init::PyTorch, seed)
    }

    /// An initialisation of your choice, from `seed`.
    pub fn init_with(init: Init, seed: u64) -> Self {
        let mut weights = Self::zeros();
        init.fill(&N::PLAN, &mut weights.values, seed);
        weights
    }

    /// All parameters zero, and running statistics as before the first batch: means of 0, variances of 1.
    pub fn zeros() -> Self {
        Weights {
            values: AVec::from_iter(64, std::iter::repeat_n(0.0, N::PARAMS)),
            running: RunningStatistics::initial(&N::PLAN),
            network: PhantomData,
        }
    }

    /// The given parameters, in the plan's order, and running statistics as before the first batch.
    ///
    /// # Errors
    /// [`Error::WeightsLength`] when `values` does not have [`Network::PARAMS`] elements.
    pub fn from_slice(values: &[f32]) -> Result<Self> {
        if values.len() != N::PARAMS {
            return Err(Error::WeightsLength {
                expected: N::PARAMS,
                found: values.len(),
            });
        }
        Ok(Weights {
            values: AVec::from_slice(64, values),
            running: RunningStatistics::initial(&N::PLAN),
            network: PhantomData,
        })
    }

    /// All parameters, in the plan's order, aligned to 64 bytes.
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// All parameters, mutable.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The statistics of batch normalisations and of a standardisation, in the plan's order: of each, the means `[C]`, then the
    /// variances or standard deviations `[C]`.
    pub fn statistics(&self) -> &[f32] {
        &self.running.values
    }

    /// These statistics, mutable.
    pub fn statistics_mut(&mut self) -> &mut [f32] {
        &mut self.running.values
    }

    /// These statistics as tensors, in the plan's order: `K.running_mean` and `K.running_var`, or `K.mean` and `K.std` of a
    /// [`Standardize`](crate::layers::Standardize), both `[C]`.
    pub fn buffers(&self) -> impl Iterator<Item = Tensor<'_>> {
        self.parameters().buffers(Names::Sequential)
    }

    /// The tensors, in the plan's order.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor<'_>> {
        self.parameters().tensors(Names::Sequential)
    }

    /// The parameters and the plan that they belong to, for code that is compiled once for all networks.
    pub(crate) fn parameters(&self) -> Parameters<'_> {
        Parameters {
            plan: const { &N::PLAN },
            values: self.as_slice(),
            running: &self.running,
        }
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<Tensor<'_>> {
        self.tensors().find(|tensor| tensor.name == name)
    }

    /// The SHA-256 of the parameters, then the running statistics, as little-endian `f32`, in hexadecimal; equal checksums
    /// mean equal bits.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        add_floats(&mut hash, self.as_slice());
        add_floats(&mut hash, self.statistics());
        in_hex(&hash.finalize())
    }
}

/// The parameters of any network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a> {
    pub(super) plan: &'static Plan,
    values: &'a [f32],
    running: &'a RunningStatistics,
}

impl<'a> Parameters<'a> {
    /// The plan that they belong to.
    pub(crate) fn plan(self) -> &'static Plan {
        self.plan
    }

    /// All parameters, in the plan's order.
    pub(crate) fn values(self) -> &'a [f32] {
        self.values
    }

    /// The tensors, in the plan's order, under these layer names; a list must have been checked.
    pub(crate) fn tensors<'n: 'a>(self, names: Names<'n>) -> impl Iterator<Item = Tensor<'a>> {
        views(self.plan, self.values, names, Part::PARAMETERS)
    }

    /// The running statistics as tensors, likewise.
    pub(crate) fn buffers<'n: 'a>(self, names: Names<'n>) -> impl Iterator<Item = Tensor<'a>> {
        views(self.plan, &self.running.values, names, Part::STATISTICS)
    }

    /// The name of each tensor with the number of batches that a batch normalisation has seen, and that number.
    pub(crate) fn batches<'n: 'a>(
        self,
        names: Names<'n>,
    ) -> impl Iterator<Item = (String, u64)> + use<'a> {
        let part = Part::NumBatchesTracked;
        let layers = layers_with(self.plan, part);
        let names = layers.map(move |(layer, step)| name(names, layer, step, part));
        names.zip(self.running.batches.iter().copied())
    }

    /// The entry of a file's metadata with the names of the classes, if they have names.
    pub(crate) fn class_names(self) -> Option<(String, String)> {
        names_of_classes(self.plan)
    }

    /// The name of the first tensor with a value that is not finite, as in `torch.nn.Sequential`.
    pub(crate) fn not_finite(self) -> Option<String> {
        let mut tensors = self.tensors(Names::Sequential);
        let bad = tensors.find(|tensor| tensor.values.iter().any(|value| !value.is_finite()));
        bad.map(|tensor| tensor.name)
    }
}

/// The entry of a file's metadata with the names of the classes, if they have names.
pub(crate) fn names_of_classes(plan: &Plan) -> Option<(String, String)> {
    let names = plan.classes();
    (!names.is_empty()).then(|| (CLASSES.to_owned(), names.join(",")))
}

/// The layers with such a tensor.
fn layers_with(plan: &'static Plan, part: Part) -> impl Iterator<Item = (Layer, &'static Step)> {
    std::iter::successors(Layer::first(plan), |layer| layer.next(plan))
        .map(|layer| (layer, &plan.steps()[layer.index]))
        .filter(move |(_, step)| Part::of(step).contains(&part))
}

fn name(names: Names<'_>, layer: Layer, step: &Step, part: Part) -> String {
    match names {
        Names::Sequential => format!("{}.{}", layer.path, part.name(step)),
        Names::Listed(names) => format!("{}.{}", names[layer.ordinal], part.name(step)),
    }
}

/// The values of these parts of every layer that has them, one after another.
fn views<'a>(
    plan: &'static Plan,
    mut values: &'a [f32],
    names: Names<'a>,
    parts: [Part; 2],
) -> impl Iterator<Item = Tensor<'a>> {
    layers_with(plan, parts[0])
        .flat_map(move |(layer, step)| {
            let there = parts.into_iter();
            let there = there.filter(|part| Part::of(step).contains(part));
            there.map(move |part| (layer, step, part))
        })
        .map(move |(layer, step, part)| {
            let shape = part.shape(step).sizes().to_vec();
            let tensor;
            (tensor, values) = values.split_at(shape.iter().product());
            Tensor {
                name: name(names, layer, step, part),
                shape,
                values: tensor,
            }
        })
}

impl<N> Clone for Weights<N> {
    fn clone(&self) -> Self {
        Weights {
            values: self.values.clone(),
            running: self.running.clone(),
            network: PhantomData,
        }
    }
}

impl<N> PartialEq for Weights<N> {
    fn eq(&self, other: &Self) -> bool {
        self.values[..] == other.values[..] && self.running == other.running
    }
}

impl<N> fmt::Debug for Weights<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Weights<{}>({} values)",
            std::any::type_name::<N>(),
            self.values.len()
        )
    }
}

/// The weights of network `N`: implemented by `Weights<N>` and by nothing else.
///
/// It exists for its error message about the weights of another network.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are the weights of another network than `{N}`",
    label = "these weights belong to another network",
    note = "an engine takes the weights of its own network: the two types must be the same"
)]
pub trait WeightsOf<N: Network> {
    /// The weights.
    fn into_weights(self) -> Weights<N>;
}

impl<N: Network> WeightsOf<N> for Weights<N> {
    fn into_weights(self) -> Weights<N> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    type Net = (Linear<4, 3>, ReLU, Linear<3, 2>);

    #[test]
    fn the_buffer_is_aligned_and_the_views_cover_it() {
        let weights = Weights::<Net>::init(3);
        assert_eq!(weights.as_slice().as_ptr() as usize % 64, 0);
        let joined: Vec<f32> = weights
            .tensors()
            .flat_map(|tensor| tensor.values.to_vec())
            .collect();
        assert_eq!(joined, weights.as_slice());
        assert_eq!(
            weights.tensor("2.bias").map(|tensor| tensor.shape),
            Some(vec![2])
        );
        assert_eq!(weights.tensor("1.bias"), None);
    }

    #[test]
    fn a_wrong_number_of_values_is_rejected() {
        let error = Weights::<Net>::from_slice(&[0.0; 22])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("weights: expected 23 values, found 22"),
            "{error}"
        );
    }

    #[test]
    fn the_checksum_is_that_of_the_bytes() {
        // head -c 92 /dev/zero | sha256sum: 23 zeros of four bytes
        let sum = "62b14867e4e79d50673d2f7474335229f54c478f56d2a910235e1953c6d29206";
        assert_eq!(Weights::<Net>::zeros().sha256(), sum);
        assert_ne!(
            Weights::<Net>::init(1).sha256(),
            Weights::<Net>::init(2).sha256()
        );
    }
}
