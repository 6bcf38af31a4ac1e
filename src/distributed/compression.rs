//! [`Compression`]: gradients in half as many bytes.

use std::ops::Range;

use half::{bf16, slice::HalfFloatSliceExt};

/// How gradients are sent from rank to rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// In `f32`.
    #[default]
    None,
    /// In `bf16`, 8 significant bits, with error feedback: what rounding has cut off a gradient is added to the next, on the rank
    /// that has rounded it, so that no part of a gradient is lost for good. The last step of each run of batches (16 steps, or a
    /// fiftieth of an epoch) is in `f32` and has all that is left, so that a checkpoint needs no rest.
    ///
    /// Source: F. Seide, H. Fu, J. Droppo, G. Li, D. Yu, "1-bit stochastic gradient descent and its application to data-parallel
    /// distributed training of speech DNNs", Interspeech 2014, section 3.
    Bf16,
}

/// A run of batches has a multiple of this many steps.
pub(super) const STEPS_OF_RUN: usize = 16;

/// What rounding has cut off, for each value of a step's gradient.
#[derive(Debug, Default)]
pub(super) struct Rest(Vec<f32>);

impl Rest {
    /// Rounds values from `first` on, with their rest from before.
    pub(super) fn round(&mut self, first: usize, values: &[f32]) -> Vec<bf16> {
        let rest = self.of(first..first + values.len());
        let both = rest.iter_mut().zip(values);
        both.for_each(|(rest, value)| *rest += value);
        let rounded: Vec<bf16> = rest.iter().copied().map(bf16::from_f32).collect();
        for (rest, rounded) in rest.iter_mut().zip(&rounded) {
            *rest -= rounded.to_f32();
        }
        rounded
    }

    /// Adds to values from `first` on their rest from before.
    pub(super) fn add_to(&mut self, first: usize, values: &mut [f32]) {
        let rest = self.of(first..first + values.len());
        for (value, rest) in values.iter_mut().zip(rest) {
            *value += std::mem::take(rest);
        }
    }

    fn of(&mut self, range: Range<usize>) -> &mut [f32] {
        if self.0.len() < range.end {
            self.0.resize(range.end, 0.0);
        }
        &mut self.0[range]
    }
}

/// Adds up `count` parts, one after another.
pub(super) fn add_up(parts: &[bf16], count: usize) -> Vec<f32> {
    let len = parts.len() / count;
    let mut sum = parts[..len].to_f32_vec();
    for part in parts[len..].chunks_exact(len) {
        let both = sum.iter_mut().zip(part);
        both.for_each(|(sum, value)| *sum += value.to_f32());
    }
    sum
}
