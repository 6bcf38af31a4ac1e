//! [`Operands`]: the values that a step reads.

/// The maximum number of operands of a step: the branches of a [`Concat`](crate::layers::Concat).
pub(crate) const MAX_OPERANDS: usize = 8;

/// The values that a step of a plan reads, in order: 0 is the network's input, `i + 1` the output of step `i`.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    values: [usize; MAX_OPERANDS],
    len: usize,
}

impl Operands {
    pub(super) const NONE: Operands = Operands {
        values: [0; MAX_OPERANDS],
        len: 0,
    };

    /// These, and one more.
    pub(super) const fn then(mut self, value: usize) -> Self {
        self.values[self.len] = value;
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
