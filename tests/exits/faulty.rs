//! An engine and a data source with injected faults.

use std::cell::Cell;

use tuplenet::{
    Error, Result,
    data::{DataFor, TrainingData},
    engine::{OptimizerState, Run},
    prelude::*,
    shape::Features,
    target::Classes,
};

use super::{EPOCH, Exit, Net, STEPS};

/// An engine with injected faults.
pub struct Faulty<E> {
    net: E,
    exit: Exit,
    /// The number of calls of `train`, and the weights' checksum after each successful one.
    pub trained: usize,
    pub sums: Vec<String>,
    pub uploaded: Cell<usize>,
    measured: Cell<usize>,
}

impl<E: Engine<Net>> Faulty<E> {
    pub fn new(net: E, exit: Exit) -> Self {
        Faulty {
            sums: vec![net.weights().unwrap().sha256()],
            net,
            exit,
            trained: 0,
            uploaded: Cell::new(0),
            measured: Cell::new(0),
        }
    }

    fn fails<T>(&self, words: &str) -> Result<T> {
        Err(Error::Device {
            engine: self.name(),
            device: self.device(),
            message: words.to_owned(),
        })
    }

    /// Sets one weight to NaN.
    fn poison(&mut self) {
        let mut weights = self.net.weights().unwrap();
        weights.as_mut_slice()[0] = f32::NAN;
        let state = self.net.optimizer_state().unwrap();
        self.net.restore(&weights, state.as_ref()).unwrap();
    }
}

impl<E: Engine<Net>> Engine<Net> for Faulty<E> {
    type Data = E::Data;

    fn name(&self) -> &'static str {
        self.net.name()
    }

    fn device(&self) -> String {
        self.net.device()
    }

    fn upload(&self, data: &impl DataFor<Features<70>, Features<3>>) -> Result<E::Data> {
        self.uploaded.set(self.uploaded.get() + 1);
        // the validation samples, then those of each epoch
        if self.exit == Exit::EngineUploads && self.uploaded.get() == 1 + EPOCH {
            return self.fails("no room");
        }
        self.net.upload(data)
    }

    fn train(&mut self, data: &E::Data, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        self.trained += 1;
        let is_third = self.trained == (EPOCH - 1) * STEPS + 3;
        match self.exit {
            Exit::EngineTrains if is_third => return self.fails("the third step fails"),
            Exit::PanicInEngine if is_third => panic!("a panic of the engine"),
            _ => self.net.train(data, run, losses)?,
        }
        if self.exit == Exit::LossNotFinite && is_third {
            *losses.last_mut().unwrap() = f32::INFINITY;
        }
        if self.exit == Exit::WeightNotFinite && self.trained == EPOCH * STEPS {
            self.poison();
        }
        self.sums.push(self.net.weights()?.sha256());
        Ok(())
    }

    fn logits(&self, data: &E::Data, order: &[u32]) -> Result<Vec<f32>> {
        self.measured.set(self.measured.get() + 1);
        let mut logits = self.net.logits(data, order)?;
        match self.exit {
            Exit::EngineMeasures if self.measured.get() == EPOCH => self.fails("no logits"),
            Exit::ValidationNotFinite if self.measured.get() == EPOCH => {
                logits.fill(f32::NAN);
                Ok(logits)
            }
            _ => Ok(logits),
        }
    }

    fn forward(&self, features: &[f32]) -> Result<Vec<f32>> {
        self.net.forward(features)
    }

    fn weights(&self) -> Result<Weights<Net>> {
        self.net.weights()
    }

    fn optimizer_state(&self) -> Result<Option<OptimizerState<Net>>> {
        self.net.optimizer_state()
    }

    fn restore(
        &mut self,
        weights: &Weights<Net>,
        state: Option<&OptimizerState<Net>>,
    ) -> Result<()> {
        self.net.restore(weights, state)
    }
}

/// The same samples in every epoch, in newly allocated memory, so that they are uploaded each time.
pub struct Afresh {
    pub exit: Exit,
    /// With other labels: the better a network has learnt, the higher its validation loss.
    pub measured: Dataset<Features<70>, Classes<3>>,
}

impl TrainingData<Features<70>, Features<3>> for Afresh {
    type Target = Classes<3>;
    type Epoch = Dataset<Features<70>, Classes<3>>;

    fn epoch(&self, epoch: usize) -> Result<Dataset<Features<70>, Classes<3>>> {
        match self.exit {
            Exit::Data if epoch + 1 == EPOCH => Err(Error::Prefetch {
                message: "no samples".to_owned(),
            }),
            Exit::PanicInData if epoch + 1 == EPOCH => panic!("a panic of the data"),
            _ => Ok(samples(0)),
        }
    }

    fn undistorted(&self) -> Option<&Dataset<Features<70>, Classes<3>>> {
        Some(&self.measured)
    }

    fn fingerprint(&self) -> String {
        "afresh".to_owned()
    }
}

/// 50 samples with 30 % of the features non-zero; `turn` is added to every label.
pub fn samples(turn: usize) -> Dataset<Features<70>, Classes<3>> {
    let value = |i: usize| match (i * 7919) % 1000 {
        k if k >= 300 => 0.0,
        k => k as f32 / 150.0 - 1.0,
    };
    let features = (0..50 * 70).map(value).collect();
    let labels = (0..50).map(|i| ((i * i + turn) % 3) as u8).collect();
    Dataset::from_values(features, labels).unwrap()
}
