//! Our own side: the public API of the engine under test, served as the rivals are.

use std::path::Path;

use tuplenet::{
    engine::{Processor, Run, Simd},
    models::Mlp,
    prelude::*,
    train::Optimizer,
};

use crate::served::{Result, Served, Setup, serve as serve_with};

/// The engine under test.
type Ours<N> = Fused<N>;

/// The threads and the SIMD that the benchmark asks for, in the variables that it gives every contender.
fn processor() -> Processor {
    let detected = Processor::detect();
    let threads = std::env::var("RAYON_NUM_THREADS").ok();
    let threads = threads.and_then(|count| count.parse().ok());
    let processor = threads.map_or(detected, |count| detected.threads(count));
    match std::env::var("TUPLENET_SIMD").as_deref() {
        Ok("avx2") => processor.simd(Simd::Avx2),
        _ => processor,
    }
}

/// Answers commands until standard input ends.
pub fn serve() -> Result<()> {
    serve_with(env!("CARGO_PKG_VERSION"), |setup| {
        dispatch(setup.shape, Make(&setup))
    })
}

/// The engine's name, for the tables.
pub fn engine() -> Result<&'static str> {
    type Any = Mlp<64, 64, 16>;
    Ok(Ours::<Any>::new(Weights::zeros())?.name())
}

/// PyTorch's initialisation from a seed.
pub fn save_weights(shape: [usize; 3], seed: u64, path: &Path) -> Result<()> {
    dispatch(shape, SaveWeights { seed, path })
}

/// A job on a network whose widths are known only when running.
trait Job {
    type Out;
    fn on<const I: usize, const H: usize, const O: usize>(self) -> Result<Self::Out>;
}

/// The networks of the benchmark: a network is a type, so each is compiled.
fn dispatch<J: Job>(shape: [usize; 3], job: J) -> Result<J::Out> {
    match shape {
        [784, 128, 10] => job.on::<784, 128, 10>(),
        [784, 500, 10] => job.on::<784, 500, 10>(),
        [784, 512, 10] => job.on::<784, 512, 10>(),
        [784, 2048, 10] => job.on::<784, 2048, 10>(),
        [64, 64, 16] => job.on::<64, 64, 16>(),
        _ => Err(format!("no network of the shape {shape:?} was compiled").into()),
    }
}

struct SaveWeights<'a> {
    seed: u64,
    path: &'a Path,
}

impl Job for SaveWeights<'_> {
    type Out = ();
    fn on<const I: usize, const H: usize, const O: usize>(self) -> Result<()> {
        Ok(Weights::<Mlp<I, H, O>>::init(self.seed).save(self.path)?)
    }
}

struct Make<'a>(&'a Setup);

impl Job for Make<'_> {
    type Out = Box<dyn Served>;
    fn on<const I: usize, const H: usize, const O: usize>(self) -> Result<Self::Out> {
        let setup = self.0;
        let weights = Weights::<Mlp<I, H, O>>::from_slice(&setup.weights()?.concat())?;
        if setup.trains {
            return Ok(Box::new(Training::new(setup, weights)?));
        }
        let net = Ours::on(processor(), weights)?;
        let features = setup.features()?;
        Ok(match setup.batch {
            1 => Box::new(Prediction {
                net,
                samples: features.as_chunks().0.to_vec(),
                next: 0,
            }),
            _ => Box::new(Forward {
                net,
                batch: setup.batch * I,
                features,
                next: 0,
            }),
        })
    }
}

type Data<const I: usize, const H: usize, const O: usize> =
    <Ours<Mlp<I, H, O>> as Engine<Mlp<I, H, O>>>::Data;

/// Training, by one call of [`Engine::train`] for all the steps of a turn.
struct Training<const I: usize, const H: usize, const O: usize> {
    weights: Weights<Mlp<I, H, O>>,
    net: Ours<Mlp<I, H, O>>,
    data: Data<I, H, O>,
    samples: u32,
    batch: usize,
    /// All samples in order, again and again, from the first step after `reset`.
    order: Vec<u32>,
    losses: Vec<f32>,
}

impl<const I: usize, const H: usize, const O: usize> Training<I, H, O> {
    fn new(setup: &Setup, weights: Weights<Mlp<I, H, O>>) -> Result<Self> {
        let labels = setup.labels()?;
        let samples = labels.len() as u32;
        let pixels = setup.folder.join("pixels.u8");
        let data = match pixels.exists() {
            true => Dataset::<I, O>::from_bytes(std::fs::read(pixels)?, 1.0 / 255.0, labels)?,
            false => Dataset::<I, O>::from_values(setup.features()?, labels)?,
        };
        let net = Ours::on(processor(), weights.clone())?;
        let data = net.upload(&data)?;
        let (batch, order, losses) = (setup.batch, Vec::new(), Vec::new());
        Ok(Training {
            weights,
            net,
            data,
            samples,
            batch,
            order,
            losses,
        })
    }
}

impl<const I: usize, const H: usize, const O: usize> Served for Training<I, H, O> {
    fn reset(&mut self) -> Result<()> {
        self.net = Ours::on(processor(), self.weights.clone())?;
        self.losses.clear();
        Ok(())
    }

    fn prepare(&mut self, steps: usize) {
        while self.order.len() < (self.losses.len() + steps) * self.batch {
            self.order.extend(0..self.samples);
        }
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        let first = self.losses.len();
        let run = Run {
            order: &self.order[first * self.batch..(first + steps) * self.batch],
            batch_size: self.batch,
            optimizer: &Optimizer::from(Adam::default()),
            schedule: Schedule::CONSTANT,
            total_steps: 0,
            loss: Loss::CrossEntropy,
            seed: 0,
            first_step: first as u64,
            clip_norm: None,
        };
        Ok(self.net.train(&self.data, &run, &mut self.losses)?)
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.losses[..count].to_vec())
    }
}

/// Batches of 1, by [`Engine::predict`].
struct Prediction<const I: usize, const H: usize, const O: usize> {
    net: Ours<Mlp<I, H, O>>,
    samples: Vec<[f32; I]>,
    next: usize,
}

impl<const I: usize, const H: usize, const O: usize> Served for Prediction<I, H, O> {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            std::hint::black_box(self.net.predict(&self.samples[self.next])?);
            self.next = (self.next + 1) % self.samples.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.net.predict(&self.samples[0])?[..count].to_vec())
    }
}

/// Larger batches, by [`Engine::forward`].
struct Forward<const I: usize, const H: usize, const O: usize> {
    net: Ours<Mlp<I, H, O>>,
    features: Vec<f32>,
    /// The values of a batch.
    batch: usize,
    next: usize,
}

impl<const I: usize, const H: usize, const O: usize> Served for Forward<I, H, O> {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            let batch = &self.features[self.next..self.next + self.batch];
            std::hint::black_box(self.net.forward(batch)?);
            self.next = (self.next + self.batch) % self.features.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.net.forward(&self.features[..self.batch])?[..count].to_vec())
    }
}
