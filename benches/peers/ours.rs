//! tuplenet's process: the measured engine through its public API, and embedded models for batches of 1.

use tuplenet::{
    engine::{Processor, Simd},
    frozen::embed,
    models::{AnomalyDetector, Mlp, ResNet8},
    prelude::*,
    quantized::{self, Loaded, Quantized, Quantizer},
    shape::{Features, Sample, Shape},
    target::Values,
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
    match is_avx2() {
        true => processor.simd(Simd::Avx2),
        false => processor,
    }
}

/// Whether wider instructions are not to be used.
fn is_avx2() -> bool {
    std::env::var("TUPLENET_SIMD").is_ok_and(|simd| simd == "avx2")
}

/// Answers commands until standard input ends.
pub fn serve() -> Result<()> {
    // Packing copies the weights of embedded models on the stack.
    let thread = std::thread::Builder::new().stack_size(1 << 28);
    let served = thread.spawn(|| {
        let served = serve_with(env!("CARGO_PKG_VERSION"), |setup| match setup.eight_bits {
            true => in_eight_bits(&setup),
            false => dispatch(&setup.network, Make(&setup)),
        });
        served.map_err(|error| error.to_string())
    })?;
    let served = served.join().map_err(|_| "tuplenet's thread panicked")?;
    Ok(served?)
}

struct Make<'a>(&'a Setup);

impl Job for Make<'_> {
    type Out = Box<dyn Served>;
    fn on<N, const O: usize, const ROWS: usize>(self) -> Result<Self::Out>
    where
        N: Network<Output = Features<O>>,
        <N::In as Shape>::Array: Sample<N::In>,
    {
        let setup = self.0;
        if setup.trains {
            return Ok(Box::new(Training::<_, N>::new(processor(), setup)?));
        }
        let features = setup.features()?;
        if setup.batch > 1 {
            return Ok(Box::new(Forward {
                net: Ours::<N>::on(processor(), weights(setup)?)?,
                batch: setup.batch * N::In::LEN,
                features,
                next: 0,
            }));
        }
        let model = embedded::<N, ROWS>(setup)?;
        let samples = samples::<N>(&features);
        Ok(match is_avx2() {
            #[cfg(target_arch = "x86_64")]
            true => {
                let level = embed::Level::Avx2;
                prediction::<N, _>(samples, move |x| embed::predict_at(level, &model, x))
            }
            _ => prediction::<N, _>(samples, move |x| model.predict(x)),
        })
    }
}

/// Inference in eight bits, of the networks that are measured in them: other networks have layers without such a form.
fn in_eight_bits(setup: &Setup) -> Result<Box<dyn Served>> {
    match setup.network.as_str() {
        "784-128-10" => eight_bits::<Mlp<784, 128, 10>, 10>(setup),
        "64-64-16" => eight_bits::<Mlp<64, 64, 16>, 16>(setup),
        "autoencoder" => eight_bits::<AnomalyDetector, 640>(setup),
        "resnet-32" => eight_bits::<ResNet8<3, 32, 32, 10>, 10>(setup),
        name => Err(format!("no network {name} was compiled in eight bits").into()),
    }
}

fn eight_bits<N, const O: usize>(setup: &Setup) -> Result<Box<dyn Served>>
where
    N: Network<Output = Features<O>>,
    <N::In as Shape>::Array: Sample<N::In>,
{
    let features = setup.features()?;
    let samples = samples::<N>(&features);
    let model = quantized::<N, O>(setup, features)?;
    Ok(match is_avx2() {
        #[cfg(target_arch = "x86_64")]
        true => prediction::<N, _>(samples, move |x| {
            quantized::embed::predict_at(quantized::embed::Level::Avx2, &model, x)
        }),
        _ => prediction::<N, _>(samples, move |x| model.predict(x)),
    })
}

fn samples<N: Network>(features: &[f32]) -> Vec<<N::In as Shape>::Array> {
    let sample = |values: &[f32]| {
        let mut sample = N::In::zeros();
        N::In::values_mut(&mut sample).copy_from_slice(values);
        sample
    };
    features.chunks_exact(N::In::LEN).map(sample).collect()
}

/// The network as `frozen!` embeds it, but packed at run time.
fn embedded<N: Network, const ROWS: usize>(setup: &Setup) -> Result<Frozen<N>> {
    let file = std::fs::read(setup.folder.join("weights.safetensors"))?;
    let plan = Some(N::PLAN);
    let places = embed::places(&plan, &file, "weights", embed::Names::Sequential);
    let packed = Box::leak(Box::new(embed::packed::<ROWS>(&plan, &file, &places)));
    Ok(embed::frozen(packed))
}

/// The network in eight bits, with scales for the features.
fn quantized<N, const O: usize>(setup: &Setup, features: Vec<f32>) -> Result<Quantized<N, Loaded>>
where
    N: Network<Output = Features<O>>,
{
    let samples = features.len() / N::In::LEN;
    let data: Dataset<N::In, Values<O>> = Dataset::regression(features, vec![0.0; samples * O])?;
    let weights: Weights<N> = weights(setup)?;
    let file = Quantizer::new(&weights).calibrate(&data)?;
    Ok(Quantized::from_bytes(&file.to_bytes()?)?)
}

/// Batches of 1 with an embedded model.
struct Prediction<N: Network, F> {
    predict: F,
    samples: Vec<<N::In as Shape>::Array>,
    next: usize,
}

fn prediction<N: Network, F>(samples: Vec<<N::In as Shape>::Array>, predict: F) -> Box<dyn Served>
where
    F: Fn(&<N::In as Shape>::Array) -> <N::Output as Shape>::Array + 'static,
{
    Box::new(Prediction::<N, F> {
        predict,
        samples,
        next: 0,
    })
}

impl<N: Network, F> Served for Prediction<N, F>
where
    F: Fn(&<N::In as Shape>::Array) -> <N::Output as Shape>::Array,
{
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            std::hint::black_box((self.predict)(&self.samples[self.next]));
            self.next = (self.next + 1) % self.samples.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        let logits = (self.predict)(&self.samples[0]);
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
