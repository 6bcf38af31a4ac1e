//! Saliency: the gradient of a logit with respect to the input.
//!
//! Dims: `B` = batch size, `I` = inputs, `C` = classes.

use dfdx::prelude::{Backward, Device, SumTo, Trace, TryMul};

use super::{Tape, TapeDevice, forward::Pass, layer::Matrix, model::Model};
use crate::{
    engine::run::whole_samples,
    error::{Error, Result},
    network::Network,
    shape::{Numbers, Sample, Shape},
};

impl<N: Network, D: TapeDevice> Tape<N, D> {
    /// The gradient of the logit of `class` with respect to the sample: `s_i = dz_class / dx_i`, `[I]`;
    /// dropout is off.
    ///
    /// The sign is kept: a larger `x_i` raises the logit where `s_i` is above 0. Where the input of a ReLU is 0,
    /// its derivative is 0, as in PyTorch.
    ///
    /// Source: K. Simonyan, A. Vedaldi, A. Zisserman, "Deep Inside Convolutional Networks", 2013, section 3, which
    /// plots the magnitudes `|s_i|`.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// // z = W x + b: the gradient of a logit is its row of W, whatever the sample
    /// let weights = Weights::<(Linear<2, 2>,)>::from_slice(&[1., 2., 3., 4., 0.5, 0.5])?;
    /// let net = Tape::<(Linear<2, 2>,)>::new(weights)?;
    /// assert_eq!(net.saliency(&[0.7, -0.1], 1)?, [3.0, 4.0]);
    ///
    /// let refused = net.saliency(&[0.7, -0.1], 2).unwrap_err();
    /// assert_eq!(refused.to_string(), "class: expected a number below 2, found 2");
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] when `class` is not below `C`, [`Error::Device`] when the device fails.
    pub fn saliency(
        &self,
        sample: &impl Sample<N::In>,
        class: usize,
    ) -> Result<<N::In as Shape>::Array>
    where
        N::In: Numbers,
    {
        let mut out = N::In::zeros();
        N::In::values_mut(&mut out).copy_from_slice(&self.saliencies(sample.values(), &[class])?);
        Ok(out)
    }

    /// [`Tape::saliency`] of the samples `features`, `[B, I]` row-major, each for its own class, in one backward pass;
    /// `[B, I]`.
    ///
    /// # Errors
    /// [`Error::Data`] when `features` is not a whole number of samples or `classes` does not have one class for each,
    /// and as [`Tape::saliency`].
    pub fn saliencies(&self, features: &[f32], classes: &[usize]) -> Result<Vec<f32>>
    where
        N::In: Numbers,
    {
        D::saliencies(&self.model, features, classes)
    }
}

impl<D: Device<f32>> Model<D> {
    pub(super) fn saliencies(&self, features: &[f32], classes: &[usize]) -> Result<Vec<f32>> {
        let [width, outputs] = self.widths;
        let samples = whole_samples(features, width)?;
        if classes.len() != samples {
            return Err(Error::Data {
                sample: None,
                expected: format!("a class for each of {samples} samples"),
                found: format!("{} classes", classes.len()),
            });
        }
        classes
            .iter()
            .try_for_each(|&class| check_class(class, outputs))?;
        if samples == 0 {
            return Ok(Vec::new());
        }
        self.input_gradients(features, classes)
            .map_err(|error| self.failed(error))
    }

    /// The gradients of `sum_b z[b, classes[b]]`: a sample's logits depend on that sample alone.
    fn input_gradients(&self, features: &[f32], classes: &[usize]) -> Result<Vec<f32>, D::Err> {
        let [width, outputs] = self.widths;
        let mut chosen = vec![0.0; classes.len() * outputs];
        for (row, &class) in chosen.chunks_exact_mut(outputs).zip(classes) {
            row[class] = 1.0;
        }
        let chosen: Matrix<D> = self
            .device
            .try_tensor_from_vec(chosen, (classes.len(), outputs))?;
        let x: Matrix<D> = self
            .device
            .try_tensor_from_vec(features.to_vec(), (classes.len(), width))?;
        let logits = self.forward(x.leaky_trace(), &mut Pass::Inference)?;
        let mut gradients = logits.try_mul(chosen)?.try_sum::<(), _>()?.try_backward()?;
        gradients.try_alloc_for(&x)?;
        Ok(gradients.get(&x).as_vec())
    }
}

/// # Errors
/// [`Error::Setting`] when `class` is not below `classes`.
pub(crate) fn check_class(class: usize, classes: usize) -> Result<()> {
    if class >= classes {
        return Err(Error::Setting {
            setting: "class",
            expected: format!("a number below {classes}"),
            found: class.to_string(),
        });
    }
    Ok(())
}
