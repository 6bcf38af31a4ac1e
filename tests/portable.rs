//! Small networks on any CPU, without dfdx: `scripts/targets` runs this on a 32-bit target, under
//! `qemu-aarch64` and under Miri, which detects undefined behaviour and data races.

#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod halves;

use tuplenet::{
    engine::{Engine, Processor, Run, Simd},
    layers::{Dot, Max},
    objective::Optimizer,
    prelude::*,
    shape::{Category, Features, Image, Pair, Sample, Shape, Tokens},
    target::Classes,
};

/// 20 inputs are two blocks of columns, the second of them partly empty.
type Net = (
    Linear<20, 18>,
    ReLU,
    Dropout<20>,
    Linear<18, 5>,
    Tanh,
    Linear<5, 3>,
);

/// A padding, a stride, a concatenation, and pools that drop a row and a column.
type Images = (
    Image<1, 5, 4>,
    (Conv2d<1, 1, 3, 1, 1>, ReLU, Dropout<20>),
    (
        Concat<(Identity, Sigmoid)>,
        Conv2d<2, 2, 3, 2, 1>,
        LayerNorm<2, 3, 2>,
        ChannelPReLU<2>,
        Dropout2d<20>,
    ),
    (Tanh, Floor<MaxPool2d<2>>),
    (Flatten, LazyLinear<3>),
);
/// Images are computed 16 at a time: the second worker has one.
const IMAGES: usize = 17;

/// Functions of `exp`, one with two kinks, and a concatenation of two blocks of columns.
type Curved = (
    Linear<20, 6>,
    (SiLU, ELU<50>, Concat<(Identity, Linear<6, 15>)>),
    (ELU, Hardswish, LayerNorm<21>, PReLU, Linear<21, 3>),
);

/// A table of two blocks of columns for texts, one for categories, and their dot product; the rows that a batch does not read are
/// updated later.
type Tables = (
    Words,
    Parallel<
        (
            (
                Concat<(EmbeddingBag<30, 2, Max>, EmbeddingBag<30, 18>)>,
                Linear<20, 5>,
            ),
            (Embedding<20, 5>, Sigmoid),
        ),
        Dot,
    >,
    Linear<1, 3>,
);
type Words = Pair<Tokens<4, 30>, Category<20>>;

/// A convolution over the words of a text, of which only maxima are read, and two numbers.
type Sequences = (
    Pair<Tokens<10, 30>, Features<2>>,
    Parallel<(
        (Embedding<30, 3>, Conv1d<3, 2, 3>, ReLU, GlobalMaxPool2d),
        (Tanh, Linear<2, 2>),
    )>,
    Linear<4, 3>,
);

/// Texts of up to ten of 30 words, and two numbers.
fn texts(count: usize) -> Dataset<Pair<Tokens<10, 30>, Features<2>>, Classes<3>> {
    let value = |i: usize| match i % 12 {
        10 | 11 => i * 7919 % 3,
        place => i * 7919 % 30 * usize::from(place <= i % 17),
    };
    let bytes = (0..count * 12).map(|i| value(i) as u8).collect();
    Dataset::from_bytes(bytes, 1.0, (0..count).map(|i| (i % 3) as u8).collect()).unwrap()
}

/// Texts of up to four of 30 words, and one of 20 categories.
fn words(count: usize) -> Dataset<Words, Classes<3>> {
    let word = |i: usize| match i % 5 {
        4 => i * 7919 % 20,
        place => i * 7919 % 30 * usize::from(place <= i % 7),
    };
    let bytes = (0..count * 5).map(|i| word(i) as u8).collect();
    Dataset::from_bytes(bytes, 1.0, (0..count).map(|i| (i % 3) as u8).collect()).unwrap()
}

/// Samples with one in `every` features non-zero.
fn samples(count: usize, every: usize) -> Dataset<Features<20>, Classes<3>> {
    let byte = |i: usize| (i * 7919 % 251 + 1) as u8 * u8::from(i.is_multiple_of(every));
    let labels = (0..count).map(|i| (i % 3) as u8).collect();
    Dataset::from_bytes((0..count * 20).map(byte).collect(), 1.0 / 255.0, labels).unwrap()
}

/// Under Miri, which interprets some 100,000 basic blocks per second, two steps instead of six.
const SAMPLES: usize = if cfg!(miri) { 10 } else { 14 };
const EPOCHS: usize = if cfg!(miri) { 1 } else { 2 };
/// More than 8 rows, which are the least that a worker is given; the last batch of an epoch is smaller.
const BATCH: usize = if cfg!(miri) { 9 } else { 5 };

/// The losses, weights and logits after training.
fn trained<N, S: Shape>(
    processor: Processor,
    optimizer: Optimizer,
    data: &Dataset<S, Classes<3>>,
    batch_size: usize,
    clip_norm: Option<f64>,
) -> Vec<f32>
where
    N: Network<In = S, Output = Features<3>>,
    S::Array: Sample<S>,
{
    let mut net = Fused::<N>::on(processor, Weights::init(1)).unwrap();
    let uploaded = net.upload(data).unwrap();
    let count = data.len() as u32;
    let order = (0..count).rev().chain(0..count);
    let order: Vec<u32> = order.take(EPOCHS * data.len()).collect();
    let mut values = Vec::new();
    let run = Run {
        order: &order,
        batch_size,
        loss: Loss::CrossEntropy,
        optimizer: &optimizer,
        schedule: Schedule::default(),
        first_step: 0,
        total_steps: order.len().div_ceil(batch_size) as u64,
        seed: 3,
        clip_norm,
    };
    net.train(&uploaded, &run, &mut values).unwrap();
    values.extend(net.weights().unwrap().as_slice());
    values.extend(net.logits(&uploaded, &[count - 1, 0, count / 2]).unwrap());
    values.extend(N::Output::values(
        &net.predict(&data.sample(2).unwrap()).unwrap(),
    ));
    values
}

fn optimizers() -> [Optimizer; 3] {
    let momentum = Sgd {
        momentum: 0.9,
        ..Sgd::default()
    };
    [
        Sgd::default().into(),
        momentum.into(),
        Adam::default().into(),
    ]
}

#[test]
fn threads_are_bit_identical_and_simd_is_close() {
    let data = [(1, None), (4, None), (4, Some(0.5))];
    for (at, optimizer) in optimizers().into_iter().enumerate() {
        // Under Miri, the first and the last, each with one kind of data.
        let data = match (cfg!(miri), at) {
            (true, 1) => continue,
            (true, _) => &data[at..=at],
            (false, _) => &data[..],
        };
        for &(every, clip_norm) in data {
            let data = samples(SAMPLES, every);
            same_on_every_processor::<Net, _>(optimizer, &data, BATCH, clip_norm);
        }
    }
}

#[test]
fn curved_activations_are_bit_identical_for_threads_and_close_for_simd() {
    let [sgd, ..] = optimizers();
    same_on_every_processor::<Curved, _>(sgd, &samples(SAMPLES, 1), BATCH, None);
}

#[test]
fn tables_are_bit_identical_for_threads_and_close_for_simd() {
    let optimizers = optimizers().into_iter().rev();
    // Under Miri, Adam, whose steps the rows take later.
    for optimizer in optimizers.take(if cfg!(miri) { 1 } else { 3 }) {
        same_on_every_processor::<Tables, _>(optimizer, &words(SAMPLES), BATCH, None);
        if !cfg!(miri) {
            same_on_every_processor::<Tables, _>(optimizer, &words(SAMPLES), BATCH, Some(0.5));
        }
    }
}

#[test]
fn sequences_are_bit_identical_for_threads_and_close_for_simd() {
    let optimizers = optimizers().into_iter().rev();
    // Under Miri, Adam, whose steps the rows take later.
    for optimizer in optimizers.take(if cfg!(miri) { 1 } else { 3 }) {
        same_on_every_processor::<Sequences, _>(optimizer, &texts(IMAGES), IMAGES, None);
    }
}

#[test]
fn images_are_bit_identical_for_threads_and_close_for_simd() {
    let optimizers = optimizers().into_iter();
    // Under Miri, one of them.
    for optimizer in optimizers.take(if cfg!(miri) { 1 } else { 3 }) {
        let data = samples(IMAGES, 1).reshaped();
        same_on_every_processor::<Images, _>(optimizer, &data, IMAGES, Some(0.5));
    }
}

fn same_on_every_processor<N, S: Shape>(
    optimizer: Optimizer,
    data: &Dataset<S, Classes<3>>,
    batch: usize,
    clip_norm: Option<f64>,
) where
    N: Network<In = S, Output = Features<3>>,
    S::Array: Sample<S>,
{
    let scalar = Processor::detect().simd(Simd::Scalar);
    let simds = [Simd::Avx512, Simd::Avx2, Simd::Neon];
    let with = |processor| trained::<N, S>(processor, optimizer, data, batch, clip_norm);
    // Without threads of the system, one again.
    let threads = if cfg!(target_family = "wasm") { 1 } else { 2 };
    let one = with(scalar.threads(1));
    assert!(one.iter().all(|value| value.is_finite()));
    let bits = |values: &[f32]| {
        values
            .iter()
            .map(|value| value.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        bits(&one),
        bits(&with(scalar.threads(threads))),
        "{optimizer:?}"
    );
    for simd in simds.into_iter().filter(|simd| simd.is_available()) {
        for (vector, scalar) in with(scalar.simd(simd).threads(1)).iter().zip(&one) {
            // Adam's first steps normalise gradients, however small they are.
            assert!(
                (vector - scalar).abs() < 1e-4,
                "{simd:?} {optimizer:?}: {vector}, not {scalar}"
            );
        }
    }
}

#[test]
fn a_borrowed_model_matches_the_engine() {
    type Relu = (Linear<20, 16>, ReLU, Linear<16, 12>, ReLU, Linear<12, 5>);
    let file: &[u8] = include_bytes!("reference/frozen/relu.safetensors");
    let net = Fused::<Relu>::new(Weights::from_bytes(file).unwrap()).unwrap();
    // Shifted by one byte, every value has a different alignment.
    let mut shifted = vec![0];
    shifted.extend(file);
    let data = samples(3, 2);
    for file in [file, &shifted[1..]] {
        let frozen = Frozen::<Relu>::from_bytes(file).unwrap();
        for i in 0..3 {
            let sample = &data.sample(i).unwrap();
            let (ours, engines) = (frozen.predict(sample), net.predict(sample).unwrap());
            for (ours, engines) in ours.iter().zip(engines) {
                assert!((ours - engines).abs() < 1e-5, "{ours}, not {engines}");
            }
        }
    }
}
