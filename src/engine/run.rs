//! [`Run`]: a run of batches, the unit of work of an engine.

use crate::{
    data::Samples,
    error::{Error, Result},
    network::Network,
    objective::{Loss, Optimizer, Schedule, at_least_one, check_clip_norm},
    plan::Plan,
    shape::Shape,
    weights::batch_norms,
};

/// A run of batches: what [`Engine::train`](super::Engine::train) does.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The samples in the order they are used; each `batch_size` of them form a batch, and the remainder, if any, a
    /// smaller last one.
    pub order: &'a [u32],
    /// `B`, at least 1.
    pub batch_size: usize,
    /// How a gradient updates the parameters; its learning rate is the schedule's peak.
    pub optimizer: &'a Optimizer,
    /// How the learning rate changes from step to step.
    pub schedule: Schedule,
    /// The steps of the whole training, of which this run may be a part; the schedule spans them. Ignored by
    /// [`Schedule::CONSTANT`], else at least 1.
    pub total_steps: u64,
    /// What is minimised.
    pub loss: Loss,
    /// Determines the dropout masks.
    pub seed: u64,
    /// The number of the first batch's step, counted from 0 at the beginning of training; with `seed` it determines
    /// the dropout masks, with `total_steps` the learning rate.
    pub first_step: u64,
    /// Clipping by norm: where the norm `n` of the gradient of all parameters together is larger than
    /// this, the gradient is multiplied by `clip_norm / (n + 1e-6)` before the optimiser receives it.
    ///
    /// Source: `torch.nn.utils.clip_grad_norm_`; R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of
    /// training recurrent neural networks", 2012, <https://arxiv.org/abs/1211.5063>.
    pub clip_norm: Option<f64>,
}

impl Run<'_> {
    /// Checks the run against a data set, for a network of `outputs` outputs.
    ///
    /// # Errors
    /// [`Error::Setting`] for a batch size of 0, a sample out of range, an optimiser, schedule, loss or norm out of
    /// its range, a schedule over no steps, or a loss that does not take the targets, such as cross-entropy without
    /// labels.
    pub fn check(&self, samples: &Samples, outputs: usize) -> Result<()> {
        at_least_one("batch size", self.batch_size)?;
        check_order(self.order, samples.len)?;
        self.loss.check(&samples.targets, outputs)?;
        self.optimizer.check()?;
        self.schedule.check()?;
        check_clip_norm(self.clip_norm)?;
        if self.total_steps == 0 && self.schedule != Schedule::CONSTANT {
            let (expected, found) = ("1 or more for a schedule".to_owned(), "0".to_owned());
            return Err(Error::Setting {
                setting: "total steps",
                expected,
                found,
            });
        }
        Ok(())
    }

    /// The learning rate of the run's batch `index`, from 0.
    pub fn learning_rate(&self, index: usize) -> f64 {
        let peak = self.optimizer.learning_rate();
        let step = self.first_step + index as u64;
        self.schedule.learning_rate(peak, step, self.total_steps)
    }

    /// The optimiser with the learning rate of the run's batch `index`, from 0.
    pub fn optimizer_at(&self, index: usize) -> Optimizer {
        self.optimizer.with_learning_rate(self.learning_rate(index))
    }
}

/// Checks that every batch of `samples` samples has a variance for each channel of the plan's batch normalisations.
///
/// # Errors
/// [`Error::Setting`] when a batch has one sample, and a channel one value of each.
pub(crate) fn check_batches(plan: &Plan, samples: usize, batch_size: usize) -> Result<()> {
    let mut norms = batch_norms(plan);
    let normalizes_vectors = norms.any(|step| step.statistics_len() == 2 * step.inputs);
    let smallest = match samples % batch_size {
        0 => batch_size,
        rest => rest,
    };
    if samples == 0 || smallest > 1 || !normalizes_vectors {
        return Ok(());
    }
    Err(Error::Setting {
        setting: "batch size",
        expected: "one that leaves 2 samples or more for every batch, as `BatchNorm1d` needs their variance".to_owned(),
        found: format!("a batch of 1 sample: {samples} samples in batches of {batch_size}"),
    })
}

/// The factor for a gradient with this sum of squares, at most 1, or NaN if the sum is NaN; see [`Run::clip_norm`].
pub(super) fn clip_factor(max_norm: f64, sum_of_squares: f64) -> f64 {
    // Added to the norm, as PyTorch does.
    const EPSILON: f64 = 1e-6;
    // not `min`, which returns the other argument of a NaN
    (max_norm / (sum_of_squares.sqrt() + EPSILON)).clamp(0.0, 1.0)
}

/// The error for a data set that was uploaded for these features and classes, which are another network's.
pub(super) fn of_another_network<N: Network>([features, classes]: [usize; 2]) -> Error {
    Error::Setting {
        setting: "data set",
        expected: format!(
            "one uploaded by this network's engine, {} features and {} classes",
            N::In::LEN,
            N::Output::LEN
        ),
        found: format!("another network's, {features} features and {classes} classes"),
    }
}

/// The number of samples of `width` features.
///
/// # Errors
/// [`Error::Data`] when `features` is not a whole number of samples.
pub(super) fn whole_samples(features: &[f32], width: usize) -> Result<usize> {
    if !features.len().is_multiple_of(width) {
        let expected = format!("whole samples of {width} features");
        let found = format!("{} values", features.len());
        return Err(Error::Data {
            sample: None,
            expected,
            found,
        });
    }
    Ok(features.len() / width)
}

/// # Errors
/// [`Error::Setting`] when `order` names a sample that is not below `samples`.
pub(super) fn check_order(order: &[u32], samples: usize) -> Result<()> {
    match order.iter().find(|&&sample| sample as usize >= samples) {
        Some(sample) => Err(Error::Setting {
            setting: "order",
            expected: format!("samples below {samples}"),
            found: sample.to_string(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clip_factor_adds_an_epsilon_to_the_norm() {
        assert_eq!(clip_factor(1e-6, 1e-12), 0.5);
        assert_eq!(clip_factor(2.0, 1.0), 1.0);
        assert!(clip_factor(1.0, f64::NAN).is_nan());
    }
}
