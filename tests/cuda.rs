//! `Tape` on an NVIDIA GPU against `Tape` on the CPU; prints `SKIPPED` without a GPU.
//!
//! The comparisons also run CPU against CPU, so that they are tested on every machine.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "engines.rs"]
#[allow(dead_code, unused_imports, unused_macros)]
mod engines;

#[path = "cuda/failures.rs"]
mod failures;
#[path = "cuda/faults.rs"]
mod faults;
#[path = "cuda/fused.rs"]
mod fused;
#[path = "cuda/graphs.rs"]
mod graphs;
#[path = "cuda/precision.rs"]
mod precision;
#[path = "cuda/random.rs"]
mod random;

use std::io::Write;

use tuplenet::{
    Error,
    engine::Batches,
    layers::Max,
    objective::Optimizer,
    prelude::*,
    shape::{Features, Image, Pair, Tokens},
    target::Classes,
};

use engines::{Recipe, Tested, losses, optimizers, three_losses, train};

/// The losses that an engine has.
trait HasLosses: Tested {
    fn has(_: &Loss) -> bool {
        true
    }
}

macro_rules! on_tape {
    ($($(#[$doc:meta])* $name:ident: $device:ident, $make:expr;)*) => { $(
        $(#[$doc])*
        struct $name;

        impl Tested for $name {
            type Engine<N: Network> = Tape<N, $device>;

            fn new<N: Network>(weights: Weights<N>) -> Tape<N, $device> {
                $make(weights).unwrap()
            }

            fn gradient<N: Network>(
                net: &Tape<N, $device>,
                data: &<Tape<N, $device> as Engine<N>>::Data,
                order: &[u32],
                loss: Loss,
            ) -> (f32, Weights<N>) {
                net.gradient(data, order, loss).unwrap()
            }
        }

        impl HasLosses for $name {}
    )* };
}
on_tape! {
    /// Batches are gathered, the default on a GPU.
    OnCuda: Cuda, |weights| Tape::cuda(0, weights);
    OnCudaUploaded: Cuda, |weights| Tape::cuda(0, weights).map(|net| net.batches(Batches::Uploaded));
    /// CPU against CPU.
    OnCpu: Cpu, |weights| Tape::new(weights).map(|net| net.batches(Batches::Gathered));
}

type Images = (
    Image<1, 10, 8>,
    Conv2d<1, 4, 3, 1, 1>,
    ReLU,
    MaxPool2d<2>,
    Conv2d<4, 3, 2>,
    AvgPool2d<3, 1, 1>,
    (LayerNorm<3, 4, 3>, ChannelPReLU<3>, Dropout2d<10>),
    Tanh,
    Flatten,
    LazyLinear<3>,
);

/// Batch normalisation, residuals and concatenations. No tensor has a gradient of 0, as a bias would whose sum a
/// normalisation takes away again.
type Branches = (
    Image<1, 10, 8>,
    Concat<(Identity, (Conv2d<1, 4, 3, 1, 1>, SiLU))>,
    BatchNorm2d<5>,
    Residual<(Conv2d<5, 5, 3, 1, 1>, Tanh)>,
    Residual<(Conv2d<5, 6, 3, 2, 1>, ReLU, BatchNorm2d<6>), (Conv2d<5, 6, 1, 2>, Sigmoid)>,
    GlobalAvgPool2d,
    Concat<((Linear<6, 7>, Tanh), Identity)>,
    BatchNorm1d<13>,
    Linear<13, 3>,
);

/// Tables of the same tokens: a convolution over them, a mean and a maximum; and numbers.
type Texts = (
    Words,
    Parallel<(
        Concat<(
            (Embedding<40, 5>, Conv1d<5, 6, 3>, Tanh, GlobalMaxPool2d),
            EmbeddingBag<40, 7>,
            EmbeddingBag<40, 4, Max>,
        )>,
        (Tanh, Linear<3, 4>),
    )>,
    Linear<21, 3>,
);
type Words = Pair<Tokens<12, 40>, Features<3>>;

/// Texts of up to 12 words, and three numbers from 0 to 4.
fn texts() -> Dataset<Words, Classes<3>> {
    let value = |i: usize| match i % 15 {
        12.. => i * 7919 % 5,
        place => i * 7919 % 40 * usize::from(place <= i % 17),
    };
    let bytes = (0..100 * 15).map(|i| value(i) as u8).collect();
    Dataset::from_bytes(bytes, 1.0, (0..100).map(|i| (i % 3) as u8).collect()).unwrap()
}

/// Whether there is a GPU; if not, prints a line to the terminal that the test harness does not capture.
fn gpu(test: &str) -> bool {
    match Tape::<(Linear<1, 1>,), Cuda>::cuda(0, Weights::zeros()) {
        Ok(_) => true,
        Err(error @ Error::NoDevice { .. }) => {
            let line = format!("SKIPPED {test}: {error}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Pixels, four in five of which are 0, and labels.
fn data<const I: usize, const C: usize>(samples: usize) -> Dataset<Features<I>, Classes<C>> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    let bytes = (0..samples * I).map(|_| match next() % 5 {
        0 => (next() % 256) as u8,
        _ => 0,
    });
    let bytes = bytes.collect();
    let labels = (0..samples).map(|_| (next() % C) as u8).collect();
    Dataset::from_bytes(bytes, 1.0 / 255.0, labels).unwrap()
}

/// Each value within `share` of the largest. The GPU sums in another order, and its exponential,
/// error function and so on differ in the last bits.
fn assert_close(ours: &[f32], theirs: &[f32], share: f32, what: &str) {
    // where softmax probabilities cancel, their mean has a rounding error of 6e-8
    assert_within(ours, theirs, (share, 6e-8), what);
}

/// Each value within a share of the largest, and a rounding error.
fn assert_within(ours: &[f32], theirs: &[f32], (share, rounding): (f32, f32), what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(0f32, |max, v| max.max(v.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let close = (a - b).abs() <= share * largest + rounding;
        assert!(close, "{what} [{i}]: {a} against {b}, largest {largest}");
    }
}

/// Logits, loss and every gradient, for batches of sizes that are no multiples of 32 and of one that is.
fn one_batch<T: HasLosses, N, const I: usize, const C: usize>()
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    let mut weights = Weights::<N>::init(3);
    weights.adapt(&data::<I, C>(257)).unwrap();
    let cpu = Tape::<N>::new(weights.clone()).unwrap();
    let net = T::new::<N>(weights.clone());
    assert_eq!(net.weights().unwrap(), weights);
    for samples in [1, 31, 64, 100, 257] {
        let dataset = data::<I, C>(samples);
        let (on_cpu, on_device) = (cpu.upload(&dataset).unwrap(), net.upload(&dataset).unwrap());
        let mut order: Vec<u32> = (0..samples as u32).rev().collect();
        order.rotate_left(samples / 3);
        let what = format!("{} on {}, {samples}", N::summary(), net.device());

        let theirs = cpu.logits(&on_cpu, &order).unwrap();
        let ours = net.logits(&on_device, &order).unwrap();
        assert_close(&ours, &theirs, 1e-5, &format!("logits of {what}"));
        let sample = dataset.sample(order[0] as usize).unwrap();
        let ours = net.forward(&sample).unwrap();
        assert_close(&ours, &theirs[..C], 1e-5, &format!("one sample of {what}"));

        let losses = match N::PARAMS {
            0..50_000 => losses(C),
            _ => three_losses(C, samples as u64), // as an emulated GPU takes seconds for each
        };
        for loss in losses.into_iter().filter(T::has) {
            let (theirs, their_gradient) = cpu.gradient(&on_cpu, &order, loss.clone()).unwrap();
            let (ours, our_gradient) = T::gradient(&net, &on_device, &order, loss.clone());
            assert_close(&[ours], &[theirs], 1e-5, &format!("{loss:?} of {what}"));
            for (ours, theirs) in our_gradient.tensors().zip(their_gradient.tensors()) {
                let what = format!("{loss:?}, gradient of {} of {what}", ours.name);
                assert_close(ours.values, theirs.values, 1e-5, &what);
            }
        }
    }
}

/// Ten steps, with a short last batch in each of two epochs: every loss, and the final logits.
fn ten_steps<T: Tested, N, const I: usize, const C: usize>(optimizer: Optimizer)
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    const SAMPLES: usize = 157; // 32, 32, 32, 32 and 29
    let dataset = data::<I, C>(SAMPLES);
    let (cpu_losses, cpu_logits) = trained::<_, N, I, C>(
        Tape::<N>::new(Weights::init(4)).unwrap(),
        optimizer,
        &dataset,
    );
    let (losses, logits) =
        trained::<_, N, I, C>(T::new::<N>(Weights::init(4)), optimizer, &dataset);
    let what = format!("{optimizer:?} of {}", N::summary());
    assert_eq!(losses.len(), 10);
    for (step, (ours, theirs)) in losses.iter().zip(&cpu_losses).enumerate() {
        assert_close(&[*ours], &[*theirs], 1e-4, &format!("step {step}, {what}"));
    }
    assert_close(
        &logits,
        &cpu_logits,
        1e-3,
        &format!("after 10 steps, {what}"),
    );
}

/// The losses of ten steps, and the logits after them.
fn trained<E: Engine<N>, N, const I: usize, const C: usize>(
    mut net: E,
    optimizer: Optimizer,
    dataset: &Dataset<Features<I>, Classes<C>>,
) -> (Vec<f32>, Vec<f32>)
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    let uploaded = net.upload(dataset).unwrap();
    let samples = dataset.len();
    // in half of the steps, so that both cases are tested
    let recipe = Recipe {
        clip_norm: Some(0.5),
        ..Recipe::of(optimizer)
    };
    let losses = train(&mut net, &uploaded, samples, &recipe, 32, 2);
    let order: Vec<u32> = (0..samples as u32).collect();
    let logits = net.logits(&uploaded, &order).unwrap();
    (losses, logits)
}

// Networks that both engines run.
type Deep = (Linear<65, 100>, GELU, Linear<100, 17>, ReLU, Linear<17, 3>);
type Bent = (
    Input<80>,
    Tanh,
    Linear<80, 16>,
    Softplus,
    Sigmoid,
    Linear<16, 48>,
);
type Kinked = (Linear<66, 18>, Hardswish, Linear<18, 4>, ELU<50>);
type Standardized = (Standardize<67>, Linear<67, 18>, Tanh, Linear<18, 4>);
type Classifier = (Linear<784, 128>, ReLU, Linear<128, 10>);

fn every_network<T: HasLosses>() {
    type Smooth = (
        Linear<65, 40>,
        SiLU,
        LayerNorm<40>,
        Linear<40, 33>,
        ELU,
        PReLU,
        Linear<33, 3>,
    );
    one_batch::<T, (Linear<1, 1>,), 1, 1>();
    one_batch::<T, Classifier, 784, 10>();
    one_batch::<T, (Linear<130, 1100>, LeakyReLU<20>, Linear<1100, 10>), 130, 10>();
    one_batch::<T, Deep, 65, 3>();
    one_batch::<T, Bent, 80, 48>();
    one_batch::<T, Smooth, 65, 3>();
    one_batch::<T, Kinked, 66, 4>();
    one_batch::<T, Standardized, 67, 4>();
}

fn every_optimiser<T: Tested>() {
    type Dropped = (
        Linear<70, 33>,
        ReLU,
        Dropout<20>,
        Linear<33, 24>,
        Tanh,
        Linear<24, 5>,
    );
    for optimizer in optimizers() {
        ten_steps::<T, Dropped, 70, 5>(optimizer);
    }
    ten_steps::<T, Classifier, 784, 10>(Adam::default().into());
}

#[test]
fn the_comparisons_run() {
    every_network::<OnCpu>();
    every_optimiser::<OnCpu>();
}

#[test]
fn every_network_matches_the_cpu() {
    if gpu("every_network_matches_the_cpu") {
        every_network::<OnCuda>();
    }
}

#[test]
fn ten_steps_of_every_optimiser_match_the_cpu() {
    if gpu("ten_steps_of_every_optimiser_match_the_cpu") {
        every_optimiser::<OnCuda>();
    }
}

/// Batches that are uploaded, not gathered on the device.
#[test]
fn uploaded_batches_match_the_cpu() {
    type Net = (Linear<70, 33>, ReLU, Dropout<20>, Linear<33, 5>);
    if gpu("uploaded_batches_match_the_cpu") {
        one_batch::<OnCudaUploaded, Net, 70, 5>();
        for optimizer in optimizers() {
            ten_steps::<OnCudaUploaded, Net, 70, 5>(optimizer);
        }
    }
}

/// Logits, loss, gradients and ten steps of a network of images.
macro_rules! images {
    ($net:ty, $make:expr) => {
        compare!($net, data::<80, 3>(100).reshaped(), $make)
    };
}

/// The same of a network of any samples, a hundred of them.
macro_rules! compare {
    ($net:ty, $data:expr, $make:expr) => {{
        let make = $make;
        // dividing by the deviation of a batch enlarges rounding errors: tests/images/parity.rs
        let allowed = match <$net>::PLAN.statistics() {
            0 => (1e-5, 6e-8),
            _ => (4e-5, 1.2e-5),
        };
        let weights = Weights::<$net>::init(6);
        let cpu = Tape::<$net>::new(weights.clone()).unwrap();
        let net = make(weights.clone());
        let dataset: Dataset<<$net as Network>::In, Classes<3>> = $data;
        let (on_cpu, on_device) = (cpu.upload(&dataset).unwrap(), net.upload(&dataset).unwrap());
        let order: Vec<u32> = (0..100).rev().collect();
        let theirs = cpu.logits(&on_cpu, &order).unwrap();
        let ours = net.logits(&on_device, &order).unwrap();
        assert_close(&ours, &theirs, 1e-5, "logits");
        for loss in losses(3) {
            let (theirs, their_gradient) = cpu.gradient(&on_cpu, &order, loss.clone()).unwrap();
            let (ours, our_gradient) = net.gradient(&on_device, &order, loss.clone()).unwrap();
            assert_close(&[ours], &[theirs], 1e-5, "loss");
            for (ours, theirs) in our_gradient.tensors().zip(their_gradient.tensors()) {
                let what = format!("{loss:?}, gradient of {}", ours.name);
                let largest = theirs.values.iter().fold(0f32, |max, v| max.max(v.abs()));
                assert!(
                    largest > 20.0 * allowed.1,
                    "{what}: {largest} may be a rounding error"
                );
                assert_within(ours.values, theirs.values, allowed, &what);
            }
        }
        for optimizer in optimizers() {
            let recipe = Recipe::of(optimizer);
            let (mut cpu, mut net) = (
                Tape::<$net>::new(weights.clone()).unwrap(),
                make(weights.clone()),
            );
            let theirs = train(&mut cpu, &on_cpu, 100, &recipe, 20, 2);
            let ours = train(&mut net, &on_device, 100, &recipe, 20, 2);
            assert_close(&ours, &theirs, 1e-4, &format!("{optimizer:?}"));
        }
    }};
}

#[test]
fn the_comparison_of_images_runs() {
    images!(Images, |weights| Tape::<Images>::new(weights).unwrap());
    images!(Branches, |weights| Tape::<Branches>::new(weights).unwrap());
    // which adds in another order, as a GPU does
    images!(Images, |weights| Fused::<Images>::new(weights).unwrap());
    images!(Branches, |weights| Fused::<Branches>::new(weights).unwrap());
}

#[test]
fn the_comparison_of_texts_runs() {
    compare!(Texts, texts(), |weights| Tape::<Texts>::new(weights)
        .unwrap());
    compare!(Texts, texts(), |weights| Fused::<Texts>::new(weights)
        .unwrap());
}

#[test]
fn texts_match_the_cpu() {
    if gpu("texts_match_the_cpu") {
        compare!(Texts, texts(), |weights| Tape::<Texts, Cuda>::cuda(
            0, weights
        )
        .unwrap());
    }
}

#[test]
fn images_match_the_cpu() {
    if gpu("images_match_the_cpu") {
        images!(Images, |weights| Tape::<Images, Cuda>::cuda(0, weights)
            .unwrap());
        images!(Branches, |weights| Tape::<Branches, Cuda>::cuda(0, weights)
            .unwrap());
    }
}

/// 60,000 hidden values for each of two million samples are 480 GB; on the host they are 8 MB.
#[test]
fn out_of_memory_is_an_error() {
    if gpu("out_of_memory_is_an_error") {
        type Net = (Linear<1, 60_000>, ReLU, Linear<60_000, 1>);
        let net = OnCuda::new::<Net>(Weights::zeros());
        let error = net.forward(&vec![0.0; 2_000_000]).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Device { .. }), "{text}");
        assert!(text.contains("try a smaller batch"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(net.predict(&[1.0]).unwrap(), [0.0], "it goes on");
    }
}

/// Works with and without a driver: no machine has that many GPUs.
#[test]
fn a_missing_gpu_is_a_one_line_error() {
    let made = Tape::<(Linear<1, 1>,), Cuda>::cuda(1_000_000, Weights::zeros());
    let error = made.unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("cuda:1000000: expected "), "{text}");
    assert!(text.contains("found ") && text.contains("; "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
