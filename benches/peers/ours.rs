//! tuplenet's process: the measured engine through its public API.

use tuplenet::{
    engine::{Processor, Simd},
    models::Mlp,
    prelude::*,
    shape::{Features, Sample, Shape},
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
        dispatch(&setup.network, Make(&setup))
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
    fn on<N, const O: usize>(self) -> Result<Self::Out>
    where
        N: Network<Output = Features<O>>,
        <N::In as Shape>::Array: Sample<N::In>,
    {
        let setup = self.0;
        if setup.trains {
            return Ok(Box::new(Training::<_, N>::new(processor(), setup)?));
        }
        let net = Ours::<N>::on(processor(), weights(setup)?)?;
        let features = setup.features()?;
        let sample = |values: &[f32]| {
            let mut sample = N::In::zeros();
            N::In::values_mut(&mut sample).copy_from_slice(values);
            sample
        };
        Ok(match setup.batch {
            1 => Box::new(Prediction {
                net,
                samples: features.chunks_exact(N::In::LEN).map(sample).collect(),
                next: 0,
            }),
            _ => Box::new(Forward {
                net,
                batch: setup.batch * N::In::LEN,
                features,
                next: 0,
            }),
        })
    }
}

/// Batches of 1 with [`Engine::predict`].
struct Prediction<N: Network> {
    net: Ours<N>,
    samples: Vec<<N::In as Shape>::Array>,
    next: usize,
}

impl<N: Network> Served for Prediction<N>
where
    <N::In as Shape>::Array: Sample<N::In>,
{
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
        let logits = self.net.predict(&self.samples[0])?;
        Ok(N::Output::values(&logits)[..count].to_vec())
    }
}

/// Larger batches with [`Engine::forward`].
struct Forward<N: Network> {
    net: Ours<N>,
    features: Vec<f32>,
    /// The number of features in a batch.
    batch: usize,
    next: usize,
}

impl<N: Network> Served for Forward<N> {
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
