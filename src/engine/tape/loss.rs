//! The mean loss of a batch on dfdx's tape.
//!
//! Dims: `B` = batch size, `C` = classes.

use dfdx::prelude::{
    Axis, Backward, BroadcastTo, ChooseFrom, Device, Gradients, HasShape, NoneTape, OwnedTape,
    SumTo, Tensor, Trace, TryAdd, TryDiv, TryLe, TryMul, TrySub,
};

use super::{batches::Uploaded, layer::Matrix};
use crate::{
    data::Samples,
    objective::{CustomLoss, Loss},
};

/// A batch's mean loss, and its gradients.
pub(super) type LossAndGradients<D> = (Tensor<(), f32, D>, Gradients<f32, D>);

type Taped<D> = OwnedTape<f32, D>;

/// A value for each sample of a batch.
type OfSamples<D> = Tensor<(usize,), f32, D, Taped<D>>;

/// A batch, or this rank's part of it, and what is minimised for it.
pub(super) struct BatchLoss<'a, D: Device<f32>> {
    pub(super) device: &'a D,
    pub(super) data: &'a Uploaded<D>,
    pub(super) order: &'a [u32],
    /// The samples of the whole batch, over which the mean is taken.
    pub(super) whole: &'a [u32],
    pub(super) classes: usize,
    pub(super) loss: &'a Loss,
}

impl<D: Device<f32>> BatchLoss<'_, D> {
    /// The mean loss of `logits`, `[B, C]`, or its terms of this rank's samples, and the gradients of everything on their tape.
    pub(super) fn backward(
        &self,
        logits: Matrix<D, Taped<D>>,
    ) -> Result<LossAndGradients<D>, D::Err> {
        if let Loss::Custom(loss) = self.loss {
            return self.custom(&**loss, logits);
        }
        let mean = self.sum(logits)?.try_div(self.divisor() as f32)?;
        let value = mean.retaped::<NoneTape>();
        Ok((value, mean.try_backward()?))
    }

    fn sum(&self, logits: Matrix<D, Taped<D>>) -> Result<Tensor<(), f32, D, Taped<D>>, D::Err> {
        let targets = self.data.targets(self.device, self.order, self.classes)?;
        let errors = match self.loss {
            Loss::MeanAbsoluteError => logits.try_sub(targets)?.try_abs()?,
            Loss::Huber { delta } => logits.try_huber_error(targets, *delta)?,
            Loss::BinaryCrossEntropy => logits.try_bce_with_logits(targets)?,
            Loss::CrossEntropy => return self.cross_entropy(logits, targets, 0.0, None),
            Loss::SmoothedCrossEntropy { smoothing } => {
                return self.cross_entropy(logits, targets, *smoothing, None);
            }
            Loss::WeightedCrossEntropy { weights, smoothing } => {
                return self.cross_entropy(logits, targets, *smoothing, Some(weights));
            }
            // a loss of one's own is not computed on the tape
            Loss::MeanSquaredError | Loss::Custom(_) => logits.try_sub(targets)?.try_square()?,
        };
        // per sample first: summing all B C terms at once in f32 loses the fourth digit
        let of_samples = errors.try_sum::<(usize,), Axis<1>>()?;
        self.weighted(of_samples)?
            .try_sum::<(), _>()?
            .try_div(self.classes as f32)
    }

    fn divisor(&self) -> f64 {
        let Samples {
            targets, weights, ..
        } = self.data.samples();
        self.loss.divisor(targets, weights.as_deref(), self.whole)
    }

    /// The weights of the batch's samples, if they are not all 1.
    fn weights(&self) -> Option<Vec<f32>> {
        let weights = self.data.samples().weights.as_ref()?;
        let order = self.order.iter();
        Some(order.map(|&sample| weights[sample as usize]).collect())
    }

    /// The loss of each sample times its weight.
    fn weighted(&self, losses: OfSamples<D>) -> Result<OfSamples<D>, D::Err> {
        let Some(weights) = self.weights() else {
            return Ok(losses);
        };
        let weights: Tensor<(usize,), f32, D> = self
            .device
            .try_tensor_from_vec(weights, (self.order.len(),))?;
        losses.try_mul(weights)
    }

    fn cross_entropy(
        &self,
        logits: Matrix<D, Taped<D>>,
        targets: Matrix<D>,
        smoothing: f64,
        weights: Option<&[f32]>,
    ) -> Result<Tensor<(), f32, D, Taped<D>>, D::Err> {
        let targets = match smoothing {
            0.0 => targets,
            _ => targets
                .try_mul((1.0 - smoothing) as f32)?
                .try_add((smoothing / self.classes as f64) as f32)?,
        };
        // a class with a target of 0 adds no loss, though `0 * ln 0` is NaN
        let without_share = targets.try_le(0.0)?;
        let nothing: Matrix<D> = self.device.try_zeros_like(targets.shape())?;
        let targets = match weights {
            None => targets,
            Some(weights) => {
                let row: Tensor<(usize,), f32, D> = self
                    .device
                    .try_tensor_from_vec(weights.to_vec(), (self.classes,))?;
                let rows: Matrix<D> =
                    row.try_broadcast_like::<_, Axis<0>>(&(self.order.len(), self.classes))?;
                targets.try_mul(rows)?
            }
        };
        let shares = logits.try_log_softmax::<Axis<1>>()?.try_mul(targets)?;
        // per sample first, as above
        let of_samples = without_share
            .try_choose(nothing.traced(Gradients::leaky()), shares)?
            .try_sum::<(usize,), Axis<1>>()?;
        self.weighted(of_samples)?.try_sum::<(), _>()?.try_negate()
    }

    /// The gradients of `sum(logits * g)`, where `g` is the loss's own gradient with respect to the logits.
    fn custom(
        &self,
        loss: &dyn CustomLoss,
        logits: Matrix<D, Taped<D>>,
    ) -> Result<LossAndGradients<D>, D::Err> {
        let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
        let targets = self.data.targets(self.device, self.order, self.classes)?;
        let (outputs, targets) = (wide(logits.as_vec()), wide(targets.as_vec()));
        let mut gradient = vec![0.0; outputs.len()];
        let mut sum = 0.0;
        let weights = self
            .weights()
            .unwrap_or_else(|| vec![1.0; self.order.len()]);
        let rows = outputs
            .chunks_exact(self.classes)
            .zip(targets.chunks_exact(self.classes))
            .zip(gradient.chunks_exact_mut(self.classes))
            .zip(weights);
        for (((outputs, targets), gradient), weight) in rows {
            sum += loss.value(outputs, targets) * f64::from(weight);
            loss.gradient(outputs, targets, gradient);
            gradient
                .iter_mut()
                .for_each(|slope| *slope *= f64::from(weight));
        }
        let (batch, divisor) = (self.order.len(), self.divisor());
        let seed = gradient.iter().map(|slope| (slope / divisor) as f32);
        let seed: Matrix<D> = self
            .device
            .try_tensor_from_vec(seed.collect(), (batch, self.classes))?;
        let value = vec![(sum / divisor) as f32];
        let value: Tensor<(), f32, D> = self.device.try_tensor_from_vec(value, ())?;
        let seeded = logits.try_mul(seed)?.try_sum::<(), _>()?;
        Ok((value, seeded.try_backward()?))
    }
}
