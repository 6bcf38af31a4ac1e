//! What is measured: a task, a network, a batch and a kind of data.

use std::fmt;

use super::{network, options::Common, served::Result};

/// One table of the benchmark.
pub struct Case {
    pub trains: bool,
    /// Whether inference is in eight bits.
    pub eight_bits: bool,
    /// The name of the network: `I-H-O`, or one of images or tokens.
    pub network: String,
    /// The numbers of features and of classes.
    pub widths: [usize; 2],
    pub batch: usize,
    pub values: Values,
    pub threads: usize,
}

/// What the samples consist of.
#[derive(Clone, Copy, PartialEq)]
pub enum Values {
    /// Most of them are zero.
    Pixels,
    /// None of them is zero.
    Dense,
    /// Indices of words.
    Tokens,
    /// Indices of words, then a number for each.
    Counts,
}

impl Values {
    /// Whether a step may leave out the rows of words that its batch does not have.
    pub fn has_words(self) -> bool {
        [Values::Tokens, Values::Counts].contains(&self)
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Values::Pixels => "pixels",
            Values::Dense => "dense",
            Values::Tokens => "tokens",
            Values::Counts => "counts",
        })
    }
}

impl Case {
    pub fn new(
        options: &Common,
        trains: bool,
        network: String,
        batch: usize,
        values: Values,
    ) -> Result<Self> {
        let single = !trains && batch == 1;
        Ok(Case {
            trains,
            eight_bits: false,
            widths: network::widths(&network)?,
            network,
            batch,
            values,
            threads: if single { 1 } else { options.threads },
        })
    }

    /// The number of batches that a contender cycles through.
    pub fn batches(&self) -> usize {
        match (self.trains, self.batch) {
            (true, _) => 16,
            (false, 1) => 64,
            (false, _) => 4,
        }
    }

    /// The number of training steps whose losses are compared.
    pub fn checked_steps(&self) -> usize {
        match self.network.as_str() {
            // Rounding errors grow fast here: the gradients of biases before a batch normalisation are nothing else, and
            // Adam takes steps of the same size for them. After 32 steps, PyTorch's losses differ by up to 3e-3.
            "resnet" => 8,
            _ => 32,
        }
    }

    /// The protocol's `setup` command without the folder.
    pub fn setup(&self) -> String {
        let (task, network) = (self.task(), &self.network);
        format!("setup {task} {network} {}", self.batch)
    }

    pub fn task(&self) -> &'static str {
        match (self.trains, self.eight_bits) {
            (true, _) => "train",
            (false, false) => "infer",
            (false, true) => "infer8",
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.trains, self.batch) {
            (true, _) => "one training step",
            (false, 1) => "one prediction",
            (false, _) => "one forward pass",
        };
        let (network, batch, threads) = (&self.network, self.batch, self.threads);
        let s = if threads == 1 { "" } else { "s" };
        let bits = if self.eight_bits {
            " in eight bits"
        } else {
            ""
        };
        write!(
            f,
            "{what} of {network}{bits}, batch {batch}, {threads} thread{s}"
        )
    }
}

/// 784-H-10 for each (H, B) of the grid.
pub fn on_grid(options: &Common, trains: bool) -> Result<Vec<Case>> {
    let values = match options.dense {
        true => Values::Dense,
        false => Values::Pixels,
    };
    let grid = options.grid.iter().map(|&(hidden, batch)| {
        let network = format!("784-{hidden}-10");
        Case::new(options, trains, network, batch, values)
    });
    grid.collect()
}
