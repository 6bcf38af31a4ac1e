//! tuplenet's process: the measured engine through its public API.

use tuplenet::{
    engine::{Processor, Simd},
    models::Mlp,
    prelude::*,
};

use crate::harness::{
    network::{Job, dispatch},
    served::{Result, Served, Setup, serve as serve_with},
    training::{Maker, Training, weights},
};

/// The measured engine.
type Ours<N> = Fused<N>;

impl Maker for Processor {
    type Engine<N: Network> = Ours<N>;
    fn make<N: Network>(&self, weights: Weights<N>) -> tuplenet::Result<Ours<N>> {
        Ours::on(*self, weights)
    }
}

/// Threads and SIMD level, from the environment variables that the benchmark sets for every contender.
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

/// The engine's name for the tables.
pub fn engine() -> Result<&'static str> {
    type Any = Mlp<64, 64, 16>;
    Ok(Ours::<Any>::new(Weights::zeros())?.name())
}

struct Make<'a>(&'a Setup);

impl Job for Make<'_> {
    type Out = Box<dyn Served>;
    fn on<const I: usize, const H: usize, const O: usize>(self) -> Result<Self::Out> {
        let setup = self.0;
        if setup.trains {
            return Ok(Box::new(Training::<_, I, H, O>::new(processor(), setup)?));
        }
        let net = Ours::<Mlp<I, H, O>>::on(processor(), weights(setup)?)?;
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

/// Batches of 1 with [`Engine::predict`].
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

/// Larger batches with [`Engine::forward`].
struct Forward<const I: usize, const H: usize, const O: usize> {
    net: Ours<Mlp<I, H, O>>,
    features: Vec<f32>,
    /// The number of features in a batch.
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
