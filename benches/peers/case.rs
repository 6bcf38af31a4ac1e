//! What is measured: a task, a network, a batch and a kind of data.

use std::fmt;

use crate::options::{Only, Options};

/// One table of the benchmark.
pub struct Case {
    pub trains: bool,
    /// Inputs, hidden, outputs.
    pub shape: [usize; 3],
    pub batch: usize,
    /// Data with no zeros.
    pub dense: bool,
    pub threads: usize,
}

impl Case {
    /// How many batches a contender goes through before it begins again.
    pub fn batches(&self) -> usize {
        match (self.trains, self.batch) {
            (true, _) => 16,
            (false, 1) => 64,
            (false, _) => 4,
        }
    }

    /// One line of the protocol, less the folder.
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

/// The cases in the order they are measured.
pub fn all(options: &Options) -> Vec<Case> {
    let mut cases = Vec::new();
    let threads = options.threads;
    if options.only != Some(Only::Infer) {
        for &(hidden, batch) in &options.grid {
            let (shape, dense) = ([784, hidden, 10], options.dense);
            cases.push(Case {
                trains: true,
                shape,
                batch,
                dense,
                threads,
            });
        }
    }
    if options.only != Some(Only::Train) {
        let mut infer = |shape, batch, dense| {
            let threads = if batch == 1 { 1 } else { threads };
            // Not pixels, where the caller asked for dense data alone.
            if dense || !options.dense {
                cases.push(Case {
                    trains: false,
                    shape,
                    batch,
                    dense,
                    threads,
                });
            }
        };
        for hidden in [128, 500] {
            infer([784, hidden, 10], 1, false);
            infer([784, hidden, 10], 1, true);
        }
        infer([64, 64, 16], 1, true);
        infer([784, 500, 10], 1024, false);
        infer([784, 500, 10], 1024, true);
    }
    cases
}
