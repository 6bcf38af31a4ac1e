//! What is measured: a task, a network, a batch and a kind of data.

use std::fmt;

use super::options::Common;

/// One table of the benchmark.
pub struct Case {
    pub trains: bool,
    /// Inputs, hidden, outputs.
    pub shape: [usize; 3],
    pub batch: usize,
    /// Data without zeros.
    pub dense: bool,
    pub threads: usize,
}

impl Case {
    pub fn new(
        options: &Common,
        trains: bool,
        shape: [usize; 3],
        batch: usize,
        dense: bool,
    ) -> Self {
        let single = !trains && batch == 1;
        Case {
            trains,
            shape,
            batch,
            dense,
            threads: if single { 1 } else { options.threads },
        }
    }

    /// The number of batches that a contender cycles through.
    pub fn batches(&self) -> usize {
        match (self.trains, self.batch) {
            (true, _) => 16,
            (false, 1) => 64,
            (false, _) => 4,
        }
    }

    /// The protocol's `setup` command without the folder.
    pub fn setup(&self) -> String {
        let (task, [i, h, o]) = (self.task(), self.shape);
        format!("setup {task} {i} {h} {o} {}", self.batch)
    }

    pub fn task(&self) -> &'static str {
        if self.trains { "train" } else { "infer" }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.trains, self.batch) {
            (true, _) => "one training step",
            (false, 1) => "one prediction",
            (false, _) => "one forward pass",
        };
        let ([i, h, o], batch, threads) = (self.shape, self.batch, self.threads);
        let s = if threads == 1 { "" } else { "s" };
        write!(
            f,
            "{what} of {i}-{h}-{o}, batch {batch}, {threads} thread{s}"
        )
    }
}

/// 784-H-10 for each (H, B) of the grid.
pub fn on_grid(options: &Common, trains: bool) -> impl Iterator<Item = Case> {
    options.grid.iter().map(move |&(hidden, batch)| {
        Case::new(options, trains, [784, hidden, 10], batch, options.dense)
    })
}
