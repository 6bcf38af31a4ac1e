//! Values that a later step reads again: they are copied to a place of their own in the arena.

use super::columns::padded;
use crate::plan::{Op, Plan};

/// A copy of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Where it begins, among all copies.
    pub(super) start: usize,
    pub(super) positions: usize,
    pub(super) channels: usize,
    /// Whether it is `[channels][positions]` in memory, or the other way round.
    pub(super) channels_first: bool,
}

/// The second term of a sum.
#[derive(Clone, Copy, Debug)]
pub(super) enum Term {
    /// The first one again.
    Same,
    Sample,
    Held(Held),
}

/// The copies of a plan's values, indexed as [`Step::operand`](crate::plan::Step::operand) does.
pub(super) struct Copies {
    of: [Option<Held>; Plan::CAPACITY + 1],
    /// The number of values of all copies at a time.
    pub(super) len: usize,
}

impl Copies {
    pub(super) const NONE: Copies = Copies {
        of: [None; Plan::CAPACITY + 1],
        len: 0,
    };

    /// The copy of a value, if it has one.
    pub(super) const fn of(&self, value: usize) -> Option<Held> {
        self.of[value]
    }

    /// Finds a place for the output of step `i` with this layout, if it is to be copied.
    pub(super) const fn hold(
        &mut self,
        plan: &Plan,
        i: usize,
        [positions, channels]: [usize; 2],
        channels_first: bool,
    ) -> Option<Held> {
        if !is_held(plan, i) {
            return None;
        }
        // After every copy that a later step reads.
        let mut start = 0;
        let mut value = 0;
        while value <= i {
            if let (Some(held), Some(last)) = (self.of[value], plan.last_use(value))
                && last > i
            {
                let end = held.start + padded(held.positions * held.channels);
                if end > start {
                    start = end;
                }
            }
            value += 1;
        }
        let held = Some(Held {
            start,
            positions,
            channels,
            channels_first,
        });
        self.of[i + 1] = held;
        let end = start + padded(positions * channels);
        if end > self.len {
            self.len = end;
        }
        held
    }
}

/// The operation of the step after `i`, if only that step reads the output of `i`, as its first operand.
pub(super) const fn only_reader(plan: &Plan, i: usize) -> Option<Op> {
    let value = i + 1;
    match plan.last_use(value) {
        Some(last) if last == value && plan.steps()[last].input(last) == value => {
            Some(plan.steps()[last].op)
        }
        _ => None,
    }
}

/// Whether a step reads the output of step `i`, other than its [`only_reader`]; a concatenation reads copies alone.
const fn is_held(plan: &Plan, i: usize) -> bool {
    let is_read = plan.last_use(i + 1).is_some();
    is_read && matches!(only_reader(plan, i), None | Some(Op::Concat { .. }))
}

/// Whether ReLU, and nothing else, reads the output of step `i`.
pub(super) const fn is_before_relu(plan: &Plan, i: usize) -> bool {
    matches!(only_reader(plan, i), Some(Op::Relu))
}

/// Adds a term to values, of which `[positions, channels]` are one matrix or the other way round; `transposed` states that
/// the term has them the other way round.
#[inline(always)]
pub(super) fn add(values: &mut [f32], term: &[f32], [rows, columns]: [usize; 2], transposed: bool) {
    if !transposed {
        for (value, term) in values.iter_mut().zip(term) {
            *value += term;
        }
        return;
    }
    let (values, _) = values
        .split_at_mut_checked(rows * columns)
        .unwrap_or_default();
    for (row, values) in values.chunks_exact_mut(columns).enumerate() {
        let column = term.get(row..).unwrap_or_default().iter().step_by(rows);
        for (value, term) in values.iter_mut().zip(column) {
            *value += term;
        }
    }
}
