//! The training behind the page's second tab: the crate's engine, trainer and built-in digits, in the browser.
//!
//! For the page it is a WebAssembly module, see `exports.rs`; `page/worker.js` calls it. Elsewhere it is the same functions,
//! with which `scripts/web --test` compares the module's losses.

#[cfg(target_family = "wasm")]
mod exports;

use tuplenet::{
    Result, engine::Processor, models::MnistClassifier, prelude::*, shape::Features,
    target::Classes, train::Progress,
};

/// The network that is trained.
pub type Net = MnistClassifier<32>;

/// Samples per epoch, and those that the accuracy is measured on.
const TRAIN: u64 = 20_000;
const TEST: u64 = 1_000;

/// A training that goes on epoch by epoch.
#[derive(Debug)]
pub struct Training {
    net: Fused<Net>,
    train: Dataset<Features<784>, Classes<10>>,
    test: Dataset<Features<784>, Classes<10>>,
    epochs: usize,
}

impl Training {
    /// Draws the digits, and initialises the network.
    ///
    /// # Errors
    /// Those of [`Fused::on`].
    pub fn begin(processor: Processor) -> Result<Self> {
        Ok(Training {
            net: Fused::on(processor, Weights::init(1))?,
            train: Digits::new(1).dataset(0..TRAIN)?,
            test: Digits::new(2).dataset(0..TEST)?,
            epochs: 0,
        })
    }

    /// Trains the next epoch. Returns the accuracy on other digits after it.
    ///
    /// # Errors
    /// Those of [`Trainer::fit`].
    pub fn epoch(&mut self, on_progress: impl FnMut(&Progress)) -> Result<f64> {
        Trainer::new(Adam::default())
            .epochs(self.epochs + 1)
            .initial_epoch(self.epochs)
            .batch(50)
            .on_progress(on_progress)
            .fit(&mut self.net, &self.train)?;
        self.epochs += 1;
        Ok(self.net.evaluate(&self.test)?.accuracy())
    }

    /// The network's weights, the first layer's `[32, 784]` first.
    ///
    /// # Errors
    /// Those of [`Engine::weights`].
    pub fn weights(&self) -> Result<Weights<Net>> {
        self.net.weights()
    }
}
