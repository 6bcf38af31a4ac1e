//! [`LocalSteps`]: steps that each rank takes alone.

use crate::{
    engine::{Engine, OptimizerState, Ranks, Run},
    error::{Error, Result},
    network::Network,
    weights::Weights,
};

/// Each rank takes steps alone, each on its part of a batch, and then all take the mean of their weights: a message every so many
/// steps, for slow links.
///
/// It costs accuracy, as each rank has but a part of each batch. 784-128-10 on MNIST, 5 epochs, Adam, batches of 100 samples of all
/// ranks together, seeds 0 and 1; test accuracy in percent:
///
/// | | 2 ranks | 4 ranks |
/// | --- | --- | --- |
/// | a sum in every step | 97.49, 97.19 | 97.46, 97.21 |
/// | 8 local steps | 97.08, 97.07 | 96.55, 96.55 |
/// | 64 local steps | 97.07, 96.95 | 96.75, 96.68 |
///
/// Source: S. Stich, "Local SGD converges fast and communicates little", 2018, <https://arxiv.org/abs/1805.09767>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalSteps {
    /// The steps between two means, at least 1. There is one at the end of each epoch, too.
    pub steps: usize,
    /// Whether the optimiser's moments are averaged as well. If not, each rank keeps its own, and a training that resumes
    /// continues with those of rank 0 on every rank.
    pub averages_moments: bool,
}

impl Default for LocalSteps {
    /// 8 steps, then weights and moments are averaged.
    fn default() -> Self {
        LocalSteps {
            steps: 8,
            averages_moments: true,
        }
    }
}

impl LocalSteps {
    /// Trains as [`Engine::train`].
    pub(super) fn train<N: Network, E: Engine<N>>(
        self,
        (net, ranks): (&mut E, &Ranks),
        data: &E::Data,
        run: &Run<'_>,
        losses: &mut Vec<f32>,
    ) -> Result<()> {
        if run.batch_size < ranks.count() {
            return Err(Error::Setting {
                setting: "batch size",
                expected: format!("{} or more, a sample for each rank", ranks.count()),
                found: run.batch_size.to_string(),
            });
        }
        let before = losses.len();
        let mut shares = Vec::new();
        for (index, batch) in run.order.chunks(run.batch_size).enumerate() {
            // all have the last samples of an epoch if these are fewer than the ranks
            let part = match batch.len() < ranks.count() {
                true => batch,
                false => &batch[ranks.part(batch.len())],
            };
            let alone = Run {
                order: part,
                batch_size: part.len(),
                first_step: run.first_step + index as u64,
                // other masks of dropout than those of the other ranks
                seed: run.seed ^ (ranks.rank() as u64).rotate_right(8),
                ..run.clone()
            };
            net.train(data, &alone, losses)?;
            shares.push(part.len() as f64);
            if (index + 1) % self.steps == 0 {
                self.average(net, ranks)?;
            }
        }
        if !shares.len().is_multiple_of(self.steps) {
            self.average(net, ranks)?;
        }
        mean_losses(ranks, &mut losses[before..], shares);
        Ok(())
    }

    /// Gives every rank the mean of the weights, of the running statistics and, if so chosen, of the moments.
    fn average<N: Network, E: Engine<N>>(self, net: &mut E, ranks: &Ranks) -> Result<()> {
        let mut weights = net.weights()?;
        let mut state = net.optimizer_state()?;
        mean(ranks, weights.as_mut_slice());
        mean(ranks, weights.statistics_mut());
        if let Some(OptimizerState { moments, .. }) = &mut state
            && self.averages_moments
        {
            for moment in moments {
                mean(ranks, Weights::as_mut_slice(moment));
            }
        }
        net.restore(&weights, state.as_ref())
    }
}

fn mean(ranks: &Ranks, values: &mut [f32]) {
    let mut sums = values.to_vec();
    ranks.sum_values(&mut sums);
    let count = ranks.count() as f32;
    for (value, sum) in values.iter_mut().zip(sums) {
        *value = sum / count;
    }
}

/// The mean loss of each step over the samples of all ranks, of whose parts these are the means; `shares` are the samples.
fn mean_losses(ranks: &Ranks, losses: &mut [f32], mut shares: Vec<f64>) {
    let sums = losses.iter().zip(&shares);
    let mut sums: Vec<f64> = sums.map(|(&loss, share)| f64::from(loss) * share).collect();
    ranks.sum(&mut sums);
    ranks.sum(&mut shares);
    for ((loss, sum), share) in losses.iter_mut().zip(sums).zip(shares) {
        *loss = (sum / share) as f32;
    }
}
