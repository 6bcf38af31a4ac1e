//! [`Quantizer`]: from trained weights and a data set to the file of an eight-bit model.

mod layers;
mod pass;
mod ranges;
mod write;

use std::{collections::HashMap, fmt, marker::PhantomData, path::Path};

use self::{layers::Layers, ranges::Ranges, write::tensors};
use super::program::{Program, ProgramOf};
use crate::{
    atomic_file,
    data::{DataFor, Samples},
    error::{Error, Result},
    network::Network,
    weights::{
        Parameters, RunningStatistics, Weights, is_unadapted, names_of_classes, not_safetensors,
        serialize,
    },
};

/// Makes an eight-bit model of trained weights: `Quantizer::new(&weights).calibrate(&data)?.save(path)`.
///
/// The scale of each output channel's weights is the largest of them, in absolute value, over 127. Those of the activations follow from the
/// data set: the range from the smallest to the largest value that the network, in `f32`, has there for any sample, extended to 0, has the
/// codes from 0 to 255. Some hundred samples of the training data suffice. Batch normalisations become part of the weights before
/// them.
///
/// Source: R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018,
/// <https://arxiv.org/abs/1806.08342>, sections 2 and 3.
///
/// ```
/// use tuplenet::{prelude::*, quantized::{Quantized, Quantizer}};
///
/// type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
/// let data = Digits::new(1).dataset(0..200)?;
/// let mut net = Fused::<Net>::new(Weights::init(1))?;
/// Trainer::new(Adam::default()).epochs(3).fit(&mut net, &data)?;
///
/// let file = Quantizer::new(&net.weights()?).calibrate(&data)?.to_bytes()?;
/// let eight_bit = Quantized::<Net>::from_bytes(&file)?;
/// let sample = data.sample(0).expect("the first of 200");
/// let logits: [f32; 10] = eight_bit.predict(&sample);
/// for (logit, expected) in logits.into_iter().zip(net.predict(&sample)?) {
///     assert!((logit - expected).abs() < 0.2);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Quantizer<'a, N: Network> {
    weights: &'a Weights<N>,
}

impl<'a, N: Network> Quantizer<'a, N> {
    /// One for these weights. A network with a layer that has no eight-bit form does not compile; [`Quantized`](super::Quantized) lists
    /// those that have one.
    pub fn new(weights: &'a Weights<N>) -> Self {
        const { assert!(ProgramOf::<N>::PROGRAM.arena > 0) };
        Quantizer { weights }
    }

    /// Finds the ranges of all activations on these samples.
    ///
    /// # Errors
    /// [`Error::Setting`] when a weight is not finite, or when the statistics of a [`Standardize`](crate::layers::Standardize) have
    /// not been computed; [`Error::Data`] when a sample leads to a value that is not finite.
    pub fn calibrate(self, data: &impl DataFor<N::In, N::Output>) -> Result<Calibrated<N>> {
        let program = const { &ProgramOf::<N>::PROGRAM };
        let parameters = self.weights.parameters();
        let (layers, ranges) =
            calibrate(program, parameters, &self.weights.running, data.samples())?;
        Ok(Calibrated {
            layers,
            ranges,
            network: PhantomData,
        })
    }
}

fn calibrate(
    program: &Program,
    parameters: Parameters<'_>,
    running: &RunningStatistics,
    samples: &Samples,
) -> Result<(Layers, Ranges)> {
    let wrong = |expected: &str, found: String| Error::Setting {
        setting: "weights of an eight-bit model",
        expected: expected.to_owned(),
        found,
    };
    if let Some(tensor) = parameters.not_finite() {
        let found = format!("one in `{tensor}` that is not");
        return Err(wrong("finite values", found));
    }
    if is_unadapted(parameters.plan(), running) {
        let expected = "the statistics of `Standardize`, from a training or `Weights::adapt`";
        return Err(wrong(expected, "none".to_owned()));
    }
    let layers = Layers::new(program, parameters, running);
    let ranges = Ranges::of(program, parameters.plan(), &layers, samples)?;
    Ok((layers, ranges))
}

/// Weights, and the ranges of activations.
pub struct Calibrated<N: Network> {
    layers: Layers,
    ranges: Ranges,
    network: PhantomData<fn() -> N>,
}

impl<N: Network> Calibrated<N> {
    /// Writes the file of the eight-bit model, for [`quantized!`](crate::quantized!) and
    /// [`Quantized::from_bytes`](super::Quantized::from_bytes), as [`Weights::save`] writes one.
    ///
    /// # Errors
    /// [`Error::Io`] when the file or its folder cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        match atomic_file::write(path, &self.file(path)?) {
            // Without sync the file is complete, but may be missing after a loss of power.
            Ok(_unsynced) => Ok(()),
            Err(source) => Err(Error::unwritable(path, "write the model", source)),
        }
    }

    /// The bytes of that file.
    ///
    /// # Errors
    /// [`Error::WeightsFile`] when they cannot be written as safetensors, which does not occur.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.file(Path::new(""))
    }

    fn file(&self, path: &Path) -> Result<Vec<u8>> {
        let program = const { &ProgramOf::<N>::PROGRAM };
        let plan = const { &N::PLAN };
        let tensors = tensors(program, plan, &self.layers, &self.ranges);
        let metadata = names_of_classes(plan).map(|names| HashMap::from([names]));
        serialize(tensors, metadata).map_err(|error| not_safetensors(path, error))
    }
}

impl<N: Network> fmt::Debug for Quantizer<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quantizer<{}>", std::any::type_name::<N>())
    }
}

impl<N: Network> fmt::Debug for Calibrated<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Calibrated<{}>", std::any::type_name::<N>())
    }
}
