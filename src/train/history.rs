//! The history of a training: a report for each epoch, and some fifty progress points in each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The metrics of one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpochReport {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean loss over the epoch's samples, each computed before the step of its batch.
    pub train_loss: f64,
    /// Mean loss on the validation samples, if there are any; cross-entropy without smoothing if labels were smoothed.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation samples, from 0 to 1, if there are any and they have labels.
    pub validation_accuracy: Option<f64>,
    /// Time spent in training steps, in seconds; 0 where there is no clock, as in WebAssembly in a browser.
    pub train_seconds: f64,
    /// Samples trained on per second; infinite where there is no clock.
    pub samples_per_second: f64,
}

/// The progress of a training within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Samples trained on in this epoch so far.
    pub samples_done: usize,
    /// Samples that this epoch trains on.
    pub samples: usize,
    /// Steps taken since the start of the training.
    pub steps: u64,
    /// The last batch's mean loss.
    pub loss: f32,
    /// The last step's learning rate.
    pub learning_rate: f64,
}

/// The epochs of a training, in order, and its progress within them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct History {
    /// The epochs.
    pub epochs: Vec<EpochReport>,
    /// Some fifty points of each epoch.
    pub progress: Vec<Progress>,
    /// The epoch whose weights the network has afterwards, counted from 1; `None` without
    /// [`EarlyStopping`](super::EarlyStopping), where these are the weights of the last epoch.
    pub best_epoch: Option<usize>,
    /// What the file systems of the checkpoints and of the run folder do not support, each once: without locks or syncs
    /// the training is the same, but its files are less safe. Includes the warnings from before a resume.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl History {
    /// Adds warnings that are not listed yet.
    pub(super) fn warn(&mut self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// Time spent in training steps, in seconds.
    pub fn train_seconds(&self) -> f64 {
        self.epochs.iter().map(|epoch| epoch.train_seconds).sum()
    }
}

impl fmt::Display for EpochReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "epoch {:>3}  train loss {:.4}",
            self.epoch, self.train_loss
        )?;
        if let Some(loss) = self.validation_loss {
            write!(f, "  validation loss {loss:.4}")?;
        }
        if let Some(accuracy) = self.validation_accuracy {
            write!(f, "  accuracy {:.2} %", accuracy * 100.0)?;
        }
        write!(
            f,
            "  {:.2} s  {:.0} samples/s",
            self.train_seconds, self.samples_per_second
        )
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, epoch) in self.epochs.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{epoch}")?;
        }
        for (index, warning) in self.warnings.iter().enumerate() {
            if index + self.epochs.len() > 0 {
                writeln!(f)?;
            }
            write!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

/// The mean over samples of `losses`, which are means over batches, the last of which may be smaller.
pub(super) fn mean_over_samples(losses: &[f32], samples: usize, batch_size: usize) -> f64 {
    let sizes = (0..samples)
        .step_by(batch_size)
        .map(|first| batch_size.min(samples - first));
    let sum: f64 = losses
        .iter()
        .zip(sizes)
        .map(|(&loss, size)| f64::from(loss) * size as f64)
        .sum();
    sum / samples as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_last_batch_is_weighted_by_its_samples() {
        assert_eq!(mean_over_samples(&[1.0, 4.0], 3, 2), 2.0);
        assert_eq!(mean_over_samples(&[1.0, 4.0], 4, 2), 2.5);
        assert_eq!(mean_over_samples(&[7.0], 3, 100), 7.0);
    }

    #[test]
    fn a_history_is_printed_line_by_line_and_its_times_add_up() {
        let epoch = |epoch, validation_loss| EpochReport {
            epoch,
            train_loss: 0.5,
            validation_loss,
            validation_accuracy: validation_loss.map(|_| 0.875),
            train_seconds: 1.25,
            samples_per_second: 800.0,
        };
        let printed = |epochs: &[EpochReport], warnings: &[&str]| {
            let history = History {
                epochs: epochs.to_vec(),
                warnings: warnings.iter().map(|&text| text.to_owned()).collect(),
                ..History::default()
            };
            assert_eq!(history.train_seconds(), 1.25 * epochs.len() as f64);
            history.to_string()
        };
        let one = "epoch   1  train loss 0.5000  1.25 s  800 samples/s";
        let two = "epoch   2  train loss 0.5000  validation loss 0.2500  accuracy 87.50 %  1.25 s  800 samples/s";
        let epochs = [epoch(1, None), epoch(2, Some(0.25))];
        assert_eq!(printed(&epochs, &[]), format!("{one}\n{two}"));
        assert_eq!(printed(&[], &["a", "b"]), "warning: a\nwarning: b");
        assert_eq!(
            printed(&epochs[..1], &["a", "b"]),
            format!("{one}\nwarning: a\nwarning: b")
        );
    }
}
