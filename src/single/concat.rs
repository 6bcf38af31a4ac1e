//! Concatenation: the values of every operand are copied to their place in the result.

use super::held::{Copies, Held};
use crate::plan::{MAX_OPERANDS, Step};

/// The operands of a concatenation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    parts: [Part; MAX_OPERANDS],
    len: usize,
    /// Whether the result is `[channels][positions]` in memory, as it is if all operands are, or the other way round.
    pub(super) channels_first: bool,
}

/// An operand of a concatenation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) is_sample: bool,
    /// Its layout, and its place among the copies if it is not the sample.
    pub(super) held: Held,
    /// The place of its first channel among those of the result.
    first: usize,
}

impl Parts {
    /// Those of step `index`; `sample` has the layout of the sample.
    pub(super) const fn of(step: &Step, index: usize, sample: Held, copies: &Copies) -> Self {
        let part = Part {
            is_sample: true,
            held: sample,
            first: 0,
        };
        let mut parts = Parts {
            parts: [part; MAX_OPERANDS],
            len: 0,
            channels_first: true,
        };
        let mut channels = 0;
        while let Some(value) = step.operand(index, parts.len) {
            let part = &mut parts.parts[parts.len];
            if let Some(held) = copies.of(value) {
                (part.is_sample, part.held) = (false, held);
            }
            part.first = channels;
            channels += part.held.channels;
            parts.channels_first &= part.held.channels_first;
            parts.len += 1;
        }
        parts
    }

    pub(super) const fn as_slice(&self) -> &[Part] {
        self.parts.split_at(self.len).0
    }

    /// The number of positions of every operand.
    pub(super) const fn positions(&self) -> usize {
        self.parts[0].held.positions
    }

    /// Copies the values of an operand to their place in the result.
    #[inline(always)]
    pub(super) fn copy(&self, part: &Part, input: &[f32], output: &mut [f32]) {
        let Part { first, held, .. } = *part;
        let (positions, channels) = (held.positions, held.channels);
        let input = input.get(..positions * channels).unwrap_or_default();
        if self.channels_first || positions == 1 {
            let output = output.get_mut(first * positions..).unwrap_or_default();
            copy(input.iter(), output);
            return;
        }
        let row = output.len() / positions;
        for (position, output) in output.chunks_exact_mut(row.max(1)).enumerate() {
            let output = output.get_mut(first..).unwrap_or_default();
            if held.channels_first {
                let input = input.get(position..).unwrap_or_default();
                copy(input.iter().step_by(positions), output);
            } else {
                let input = input.get(position * channels..).unwrap_or_default();
                copy(input.iter().take(channels), output);
            }
        }
    }
}

#[inline(always)]
fn copy<'a>(from: impl Iterator<Item = &'a f32>, to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels, then one, of an image of three positions.
    #[test]
    fn channels_are_one_after_another_in_every_layout() {
        let part = |first, channels, channels_first| Part {
            is_sample: false,
            held: Held {
                start: 0,
                positions: 3,
                channels,
                channels_first,
            },
            first,
        };
        let of = |inputs: [(Part, &[f32]); 2], channels_first| {
            let mut output = [0.0; 9];
            let parts = Parts {
                parts: [inputs[0].0; MAX_OPERANDS],
                len: 2,
                channels_first,
            };
            for (part, input) in inputs {
                parts.copy(&part, input, &mut output);
            }
            output
        };
        let by_channel = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let by_position = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        let last = (part(2, 1, true), &[7.0, 8.0, 9.0][..]);
        let expected = [1.0, 4.0, 7.0, 2.0, 5.0, 8.0, 3.0, 6.0, 9.0];
        assert_eq!(of([(part(0, 2, true), &by_channel), last], false), expected);
        assert_eq!(
            of([(part(0, 2, false), &by_position), last], false),
            expected
        );
        let expected = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        assert_eq!(of([(part(0, 2, true), &by_channel), last], true), expected);
    }
}
