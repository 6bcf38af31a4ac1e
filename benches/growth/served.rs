//! The process of a point: it sets up a training, then answers commands on standard input, one per line:
//!
//! - `memory`, answer the bytes that the training took, those that were predicted, and of these weights and moments, and a batch
//! - `run THREADS MS`, answer the seconds of a step, over about so many milliseconds

use std::{collections::BTreeMap, io, path::PathBuf, time::Instant};

use rand::{SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};
use tuplenet::{
    engine::{Processor, Run, TrainingSize},
    objective::Optimizer,
    prelude::*,
    shape::Features,
};

use crate::{
    Result, digits,
    memory::Resident,
    network::{Job, dispatch},
};

/// The words after `--serve`: the point, the number of threads of the memory, the folder.
pub fn serve(setup: &[String]) -> Result<()> {
    let [width, depth, batch, samples, _, threads, folder] = setup else {
        return Err("--serve: expected a point, threads and a folder".into());
    };
    let setup = Setup {
        batch: batch.parse()?,
        samples: samples.parse()?,
        threads: threads.parse()?,
        folder: folder.into(),
    };
    dispatch(width.parse()?, depth.parse()?, setup)
}

struct Setup {
    batch: usize,
    samples: usize,
    threads: usize,
    folder: PathBuf,
}

impl Job for Setup {
    type Out = ();

    fn on<N: Network<In = Features<784>, Output = Features<10>>>(self) -> Result<()> {
        let before = Resident::of_this_process()?.now;
        let mut training = Training::<N>::new(&self)?;
        training.steps(self.threads, 3)?;
        let taken = Resident::of_this_process()?.peak - before;
        let predicted = Fused::<N>::training_memory(&TrainingSize {
            processor: Processor::detect().threads(self.threads),
            ..TrainingSize::new(self.samples, self.batch)
        });
        println!("ready");
        for line in io::stdin().lines() {
            let line = line?;
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["memory"] => println!(
                    "{taken} {} {} {}",
                    predicted.total(),
                    predicted.weights + predicted.moments,
                    predicted.batch
                ),
                ["run", threads, ms] => {
                    println!("{}", training.turn(threads.parse()?, ms.parse()?)?)
                }
                _ => return Err(format!("unknown command: {line}").into()),
            }
        }
        Ok(())
    }
}

/// A data set in a random order, and an engine for each number of threads.
struct Training<N: Network> {
    batch: usize,
    data: <Fused<N> as Engine<N>>::Data,
    order: Vec<u32>,
    /// The first sample of the next step.
    next: usize,
    engines: BTreeMap<usize, Fused<N>>,
    losses: Vec<f32>,
}

impl<N: Network<In = Features<784>, Output = Features<10>>> Training<N> {
    fn new(setup: &Setup) -> Result<Self> {
        let data = digits::load(&setup.folder, setup.samples)?;
        let mut order: Vec<u32> = (0..setup.samples as u32).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
        let first = engine(setup.threads)?;
        Ok(Training {
            batch: setup.batch,
            data: first.upload(&data)?,
            order,
            next: 0,
            engines: BTreeMap::from([(setup.threads, first)]),
            losses: Vec::new(),
        })
    }

    /// The seconds of a step, from the initial weights, after some that are not timed.
    fn turn(&mut self, threads: usize, ms: u64) -> Result<f64> {
        match self.engines.get_mut(&threads) {
            Some(engine) => engine.restore(&Weights::init(1), None)?,
            None => drop(self.engines.insert(threads, engine(threads)?)),
        }
        self.steps(threads, 2)?;
        let seconds = self.steps(threads, 2)? / 2.0;
        let steps = (ms as f64 / 1e3 / seconds).ceil().max(2.0) as usize;
        Ok(self.steps(threads, steps)? / steps as f64)
    }

    /// Takes that many steps, in as many calls of the engine as the end of the order requires; returns the seconds.
    fn steps(&mut self, threads: usize, mut steps: usize) -> Result<f64> {
        let engine = self.engines.get_mut(&threads).ok_or("no engine")?;
        let optimizer = Optimizer::from(Adam::default());
        let mut seconds = 0.0;
        while steps > 0 {
            let left = &self.order[self.next..];
            let whole = (left.len() / self.batch).min(steps);
            if whole == 0 {
                self.next = 0;
                continue;
            }
            let run = Run {
                order: &left[..whole * self.batch],
                batch_size: self.batch,
                optimizer: &optimizer,
                schedule: Schedule::CONSTANT,
                total_steps: 0,
                loss: Loss::CrossEntropy,
                seed: 0,
                first_step: 0,
                clip_norm: None,
            };
            self.losses.clear();
            let start = Instant::now();
            engine.train(&self.data, &run, &mut self.losses)?;
            seconds += start.elapsed().as_secs_f64();
            self.next += whole * self.batch;
            steps -= whole;
        }
        Ok(seconds)
    }
}

fn engine<N: Network>(threads: usize) -> tuplenet::Result<Fused<N>> {
    Fused::on(Processor::detect().threads(threads), Weights::init(1))
}
