//! Where in the arena each value is.

use super::{Kind, Program};

/// Bytes after the last value: products read four codes at a time, of which up to three are past the end.
const SLACK: usize = 16;

impl Program {
    /// Places each value at the first gap between those that are still read when it is written.
    pub(super) const fn place(&mut self) {
        let mut value = 0;
        while value <= self.len {
            if self.is_kept(value) {
                let start = self.gap(value);
                self.values[value].start = start;
                let end = start + self.values[value].bytes();
                if end > self.arena {
                    self.arena = end;
                }
            }
            value += 1;
        }
        self.arena += SLACK;
    }

    /// Whether a value is in the arena: all but logits.
    const fn is_kept(&self, value: usize) -> bool {
        value == 0 || !matches!(self.steps[value - 1].kind, Kind::Logits)
    }

    /// The lowest place with room for a value: the start of the arena, or the end of another value.
    const fn gap(&self, value: usize) -> usize {
        let mut lowest = usize::MAX;
        if self.is_free(value, 0) {
            return 0;
        }
        let mut other = 0;
        while other < value {
            let end = self.values[other].start + self.values[other].bytes();
            if end < lowest && self.is_free(value, end) {
                lowest = end;
            }
            other += 1;
        }
        lowest
    }

    /// Whether no earlier value that is still read overlaps a value at `start`.
    const fn is_free(&self, value: usize, start: usize) -> bool {
        let end = start + self.values[value].bytes();
        let mut other = 0;
        while other < value {
            let from = self.values[other].start;
            let to = from + self.values[other].bytes();
            if start < to && from < end && self.is_read_from(other, value) {
                return false;
            }
            other += 1;
        }
        true
    }

    /// Whether a value is read by the step that writes `written`, or later. (The network's output is the last value.)
    const fn is_read_from(&self, value: usize, written: usize) -> bool {
        let mut i = written.saturating_sub(1);
        while i < self.len {
            let step = &self.steps[i];
            if step.input == value || (matches!(step.kind, Kind::Sum) && step.term == value) {
                return true;
            }
            i += 1;
        }
        false
    }
}
