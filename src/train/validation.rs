//! [`Validation`]: the samples on which the network is evaluated after each epoch.

use std::sync::Arc;

use super::training::Training;
use crate::{
    argmax::argmax,
    data::{DataFor, Samples, Targets},
    engine::Engine,
    error::Result,
    network::Network,
    objective::Loss,
    shape::Shape,
};

/// The validation samples: those of a separate validation set, or the held-out ones.
pub(super) enum Validation<D> {
    /// All samples of a validation set.
    Set(Uploaded<D>),
    /// The held-out samples; without distortion, if the epochs are distorted.
    HeldOut { undistorted: Option<Uploaded<D>> },
}

/// Samples, and the engine's copy of them.
pub(super) struct Uploaded<D> {
    samples: Arc<Samples>,
    data: D,
}

/// The validation metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) loss: f64,
    /// `None` if the samples have no labels.
    pub(super) accuracy: Option<f64>,
}

impl<D> Validation<D> {
    /// Uploads the validation samples that are not part of the samples of an epoch.
    pub(super) fn new<N: Network, E: Engine<N, Data = D>>(
        training: &Training<'_, N, E>,
        set: Option<&impl DataFor<N::In, N::Output>>,
        undistorted: Option<&impl DataFor<N::In, N::Output>>,
    ) -> Result<Self> {
        if let Some(set) = set {
            return Ok(Validation::Set(Uploaded::new(training.net, set)?));
        }
        let undistorted = undistorted.filter(|_| training.settings.validation_samples > 0);
        let undistorted = undistorted.map(|samples| Uploaded::new(training.net, samples));
        Ok(Validation::HeldOut {
            undistorted: undistorted.transpose()?,
        })
    }

    /// Loss and accuracy, or `None` without validation samples; `held_out` are indices into the samples of `epoch`.
    pub(super) fn measure<N: Network, E: Engine<N, Data = D>>(
        &self,
        training: &Training<'_, N, E>,
        epoch: (&Samples, &D),
        held_out: &[u32],
    ) -> Result<Option<Measured>> {
        let loss = training.settings.loss.measured();
        let all: Vec<u32>;
        let (both, order) = match self {
            Validation::Set(set) => {
                all = (0..set.samples.len as u32).collect();
                (set.both(), &all[..])
            }
            Validation::HeldOut { undistorted } => {
                let both = undistorted.as_ref().map_or(epoch, Uploaded::both);
                (both, held_out)
            }
        };
        if order.is_empty() {
            return Ok(None);
        }
        measure(training.net, &loss, both, order).map(Some)
    }
}

impl<D> Uploaded<D> {
    fn new<N: Network, E: Engine<N, Data = D>>(
        net: &E,
        data: &impl DataFor<N::In, N::Output>,
    ) -> Result<Self> {
        Ok(Uploaded {
            samples: Arc::clone(data.samples()),
            data: net.upload(data)?,
        })
    }

    fn both(&self) -> (&Samples, &D) {
        (&self.samples, &self.data)
    }
}

/// The mean loss of the samples `order`, and their accuracy if they have labels.
fn measure<N: Network, E: Engine<N>>(
    net: &E,
    loss: &Loss,
    (samples, data): (&Samples, &E::Data),
    order: &[u32],
) -> Result<Measured> {
    let logits = net.logits(data, order)?;
    let width = N::Output::LEN;
    Ok(Measured {
        loss: mean_loss(loss, &samples.targets, order, &logits, width),
        accuracy: accuracy(&samples.targets, order, &logits, width),
    })
}

/// The mean loss of `logits`, `[order.len(), width]`, against the targets of the samples `order`.
fn mean_loss(loss: &Loss, targets: &Targets, order: &[u32], logits: &[f32], width: usize) -> f64 {
    let mut target = vec![0.0; width];
    let mut sum = 0.0;
    for (row, sample) in logits.chunks_exact(width).zip(order) {
        targets.gather(width, &[*sample], &mut target);
        sum += loss.of_sample(row, &target);
    }
    sum / loss.divisor(targets, None, order)
}

/// The fraction of the samples `order` whose label is the predicted class, or `None` without labels.
fn accuracy(targets: &Targets, order: &[u32], logits: &[f32], width: usize) -> Option<f64> {
    let Targets::Labels(labels) = targets else {
        return None;
    };
    let samples = logits.chunks_exact(width).zip(order);
    let right =
        samples.filter(|(row, sample)| argmax(row) == usize::from(labels[**sample as usize]));
    Some(right.count() as f64 / order.len() as f64)
}
