//! [`Operands`]: the values that a step reads.

use super::{Op, Step};

/// The maximum number of operands of a step: the branches of a [`Concat`](crate::layers::Concat).
pub(crate) const MAX_OPERANDS: usize = 8;

/// The values that a step of a plan reads, in order: 0 is the network's input, `i + 1` the output of step `i`.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    values: [usize; MAX_OPERANDS],
    len: usize,
}

impl Operands {
    /// Those of step `index` of a plan.
    pub(super) const fn of(step: &Step, index: usize) -> Self {
        let mut operands = Operands {
            values: [0; MAX_OPERANDS],
            len: 0,
        }
        .then(step.back, index);
        match step.op {
            Op::Add { back } => operands = operands.then(back, index),
            Op::Concat { backs } => {
                let mut i = 0;
                while i < backs.len() && backs[i] > 0 {
                    operands = operands.then(backs[i], index);
                    i += 1;
                }
            }
            _ => {}
        }
        operands
    }

    const fn then(mut self, back: usize, index: usize) -> Self {
        self.values[self.len] = (index + 1).saturating_sub(back);
        self.len += 1;
        self
    }

    pub(crate) const fn first(&self) -> usize {
        self.values[0]
    }

    pub(crate) const fn as_slice(&self) -> &[usize] {
        self.values.split_at(self.len).0
    }
}
