//! The steps that read the network's input, which holds the tokens and is what a standardisation may read.

use super::{Op, Plan};

impl Plan {
    /// Whether every standardisation reads the network's input, or a part of it, and nothing else reads that.
    pub(crate) const fn standardizes_only_the_input(&self) -> bool {
        let mut i = 0;
        while i < self.len {
            let value = self.steps[i].input(i);
            if matches!(self.steps[i].op, Op::Standardize)
                && (self.part_of_the_input(value).is_none() || !self.is_read_by(value, i))
            {
                return false;
            }
            i += 1;
        }
        true
    }

    /// Whether step `i`, and no other, reads a value.
    const fn is_read_by(&self, value: usize, i: usize) -> bool {
        let mut reader = 0;
        while reader < self.len {
            if reader != i && self.steps[reader].reads(reader, value) > 0 {
                return false;
            }
            reader += 1;
        }
        true
    }

    /// Whether every embedding reads the network's input, or a part of it.
    pub(crate) const fn embeds_only_the_input(&self) -> bool {
        let mut i = 0;
        while i < self.len {
            let step = &self.steps[i];
            let reads_tokens = step.op.reads_tokens() || matches!(step.op, Op::Narrow { .. });
            if reads_tokens && self.part_of_the_input(step.input(i)).is_none() {
                return false;
            }
            i += 1;
        }
        true
    }

    /// The index in the network's input of the first value of a value that is a part of it, or all of it; see
    /// [`Step::operand`](super::Step::operand).
    pub(crate) const fn part_of_the_input(&self, mut value: usize) -> Option<usize> {
        let mut first = 0;
        while let Some(i) = value.checked_sub(1) {
            let Op::Narrow { start } = self.steps[i].op else {
                return None;
            };
            first += start;
            value = self.steps[i].input(i);
        }
        Some(first)
    }
}
