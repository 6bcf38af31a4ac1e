//! The values of a forward pass that later steps read.

use dfdx::prelude::{Device, Tape};

use super::layer::Matrix;
use crate::plan::Plan;

/// The network's input, and the output of every step so far.
pub(super) struct Values<D: Device<f32>, T: Tape<f32, D>> {
    /// None once the last step that reads it has taken it.
    values: Vec<Option<Matrix<D, T>>>,
    /// How often each is yet to be taken.
    uses: Vec<usize>,
}

impl<D: Device<f32>, T: Tape<f32, D>> Values<D, T> {
    pub(super) fn new(plan: &Plan, input: Matrix<D, T>) -> Self {
        let values = 0..=plan.steps().len();
        let mut uses: Vec<usize> = values.map(|value| plan.uses_of(value)).collect();
        // the result of the forward pass
        uses[plan.steps().len()] += 1;
        Values {
            values: vec![Some(input)],
            uses,
        }
    }

    pub(super) fn push(&mut self, output: Matrix<D, T>) {
        self.values.push(Some(output));
    }

    /// A value, and the tape of its computation if it is taken for the first time: those of all operands are merged.
    ///
    /// # Panics
    /// When it has been taken as often as the plan uses it.
    pub(super) fn take(&mut self, value: usize) -> Matrix<D, T> {
        let Some(taken) = self.values[value].take() else {
            unreachable!("value {value} is taken more often than the plan uses it");
        };
        self.uses[value] -= 1;
        if self.uses[value] > 0 {
            self.values[value] = Some(taken.retaped::<T>());
        }
        taken
    }
}
