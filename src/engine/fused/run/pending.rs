//! [`Pending`]: steps of the optimiser that some rows of a table have yet to take.
//!
//! An optimiser with moments or weight decay changes a weight in every step, though its gradient is 0: Adam's mean decays,
//! and the weight moves on by it. Doing that to a table of 20,000 words for a batch with 3,000 of them would take most of
//! the time of a step. So a row takes these steps when a batch reads it next, and all rows do before anything else reads the
//! weights or the moments: the same steps, in the same order, with the same results.

use crate::engine::fused::{kernels::Rule, memory::shared::Shared, program::Program};

/// The number of steps after which all rows take them, so that the list remains short.
pub(crate) const MAX_STEPS: usize = 1 << 12;

/// The steps since all rows were up to date.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) rules: Vec<Rule>,
    /// Whether one of them [decays](Rule::decays).
    pub(crate) decays: bool,
    /// For each parameter of the program, for each row how many of these it has taken; empty where it is no table.
    pub(crate) applied: Vec<Shared<u32>>,
}

impl Pending {
    pub(crate) fn new(program: &Program) -> Self {
        let tables = program.parameters.iter().map(|step| match step.is_table() {
            true => {
                let [_, vocabulary] = step.weight_matrix();
                Shared::zeros(vocabulary)
            }
            false => Shared::zeros(0),
        });
        Pending {
            rules: Vec::new(),
            decays: false,
            applied: tables.collect(),
        }
    }

    /// Adds the next steps.
    ///
    /// # Panics
    /// When they keep other moments than those before.
    pub(crate) fn extend(&mut self, rules: impl Iterator<Item = Rule>) {
        for rule in rules {
            self.decays |= rule.decays();
            self.rules.push(rule);
            assert!(rule.moments() == self.rules[0].moments());
        }
    }

    /// Forgets the steps, once all rows have taken them.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
        self.decays = false;
        for applied in &mut self.applied {
            // SAFETY: `&mut self` guarantees that no other slice is alive.
            unsafe { applied.slice_mut(0..applied.len()) }.fill(0);
        }
    }
}
