//! The numbers of a batch normalisation: of a batch in training, or the running ones.

use super::model::Model;
use crate::{
    engine::fused::{kernels::PerLane, memory::matrix::BLOCK, program::Norm},
    plan::Op,
};

/// What a value is normalised by: `y = factor (x - mean) + bias`.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) mean: f32,
    pub(crate) factor: f32,
    pub(crate) bias: f32,
}

impl Numbers {
    /// Those of a channel with this mean and this variance.
    ///
    /// # Safety
    /// No thread writes the weights in this phase.
    pub(crate) unsafe fn of(
        model: &Model,
        norm: &Norm,
        channel: usize,
        [mean, variance]: [f32; 2],
    ) -> Numbers {
        let (block, lane) = (channel / BLOCK, channel % BLOCK);
        // SAFETY: guaranteed by the caller.
        let [weight, bias] = unsafe {
            let weights = model.weights[norm.weights].view();
            [0, 1].map(|row| weights.row(block, row)[lane])
        };
        Numbers {
            mean,
            factor: weight * inverse_deviation(variance),
            bias,
        }
    }

    /// Those of a channel with the running statistics.
    ///
    /// # Safety
    /// No thread writes the weights or the running statistics in this phase.
    pub(crate) unsafe fn running(model: &Model, norm: &Norm, channel: usize) -> Numbers {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let value = |range| model.statistics.slice(range)[0];
            let mean = value(norm.means(channel..channel + 1));
            let variance = value(norm.variances(channel..channel + 1));
            Numbers::of(model, norm, channel, [mean, variance])
        }
    }

    /// The numbers of up to 16 channels, from `first` on, one for each lane; 0 beyond the last.
    pub(crate) fn per_lane(
        norm: &Norm,
        first: usize,
        numbers: impl Fn(usize) -> Numbers,
    ) -> [PerLane; 3] {
        let mut lanes = [[0.0; BLOCK]; 3];
        for channel in first..norm.channels.min(first + BLOCK) {
            let Numbers { mean, factor, bias } = numbers(channel);
            for (lanes, number) in lanes.iter_mut().zip([mean, factor, bias]) {
                lanes[channel - first] = number;
            }
        }
        lanes
    }
}

/// `1 / sqrt(variance + 1e-5)`.
pub(crate) fn inverse_deviation(variance: f32) -> f32 {
    (1.0 / (f64::from(variance) + Op::EPSILON).sqrt()) as f32
}

/// The mean and the variance of some values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    /// The sum of the squares of the distances from the mean.
    pub(crate) squares: f64,
}

impl Moments {
    /// Those of values whose distances from `near` have this sum, and this sum of squares.
    pub(crate) fn around(near: f32, count: f64, [sum, squares]: [f64; 2]) -> Moments {
        Moments {
            count,
            mean: f64::from(near) + sum / count,
            squares: squares - sum * sum / count,
        }
    }

    /// Those of both groups of values together.
    ///
    /// Source: T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
    /// 1979.
    pub(crate) fn with(self, other: Moments) -> Moments {
        let count = self.count + other.count;
        let between = other.mean - self.mean;
        let share = other.count / count;
        Moments {
            count,
            mean: self.mean + between * share,
            squares: self.squares + other.squares + between * between * self.count * share,
        }
    }

    /// The mean and the variance, in `f32`.
    pub(crate) fn rounded(&self) -> [f32; 2] {
        [self.mean, self.squares / self.count].map(|moment| moment as f32)
    }

    /// Adds a batch with these moments to a channel's running statistics; see [`Op::BatchNorm`].
    pub(crate) fn add_to(&self, mean: &mut f32, variance: &mut f32) {
        *mean = Op::running_average(*mean, self.mean);
        *variance = Op::running_average(*variance, self.squares / (self.count - 1.0));
    }
}
