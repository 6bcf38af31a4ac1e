//! One sample of an image: frozen models, embedded and borrowed, and `Fused` at every SIMD level, against `Tape` and
//! PyTorch.
//!
//! An embedded model is packed here at run time, by the functions that `frozen!` calls at compile time.

use std::{fs, thread};

use safetensors::SafeTensors;
use tuplenet::{
    engine::{Processor, Simd},
    frozen::embed::{self, Level},
    models::LeNet,
    plan::Plan,
    prelude::*,
    shape::{Features, Image, Sample, Shape},
};

use super::{
    Activated, Branches, Concatenated, Dense, Divided, Doubled, Grouped, Layered, Normalized,
    Separable, Windows, pytorch::parameters,
};
use crate::{
    pytorch::{floats, reference},
    samples::Numbers,
};

/// Asserts that each value is within 1e-5 of the largest finite one, or is the same NaN or infinity.
fn assert_same(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let finite = theirs.iter().filter(|value| value.is_finite());
    let largest = finite.fold(0f32, |most, value| most.max(value.abs()));
    for (at, (&a, &b)) in ours.iter().zip(theirs).enumerate() {
        let is_same = match b.is_finite() {
            true => (a - b).abs() <= 1e-5 * largest,
            false => a == b || a.is_nan() && b.is_nan(),
        };
        assert!(is_same, "{what} [{at}]: {a} against {b}");
    }
}

/// The bytes of a weights file.
fn saved<N: Network>(weights: &Weights<N>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    weights.save(&path).unwrap();
    fs::read(path).unwrap()
}

/// Everything that computes one sample, `N` with its weights.
struct Models<N: Network> {
    embedded: Frozen<N>,
    file: Vec<u8>,
    fused: Vec<Fused<N>>,
}

impl<N: Network> Models<N> {
    fn new<const ROWS: usize>(weights: &Weights<N>) -> Self {
        let file = saved(weights);
        let plan = Some(N::PLAN);
        let places = embed::places(&plan, &file, "net", embed::Names::Sequential);
        let packed = Box::new(embed::packed::<ROWS>(&plan, &file, &places));
        let simds = [Simd::Avx512, Simd::Avx2, Simd::Neon, Simd::Scalar];
        let simds = simds.into_iter().filter(|simd| simd.is_available());
        let on = |simd| Fused::on(Processor::detect().threads(1).simd(simd), weights.clone());
        Models {
            embedded: embed::frozen(Box::leak(packed)),
            file,
            fused: simds.map(|simd| on(simd).unwrap()).collect(),
        }
    }

    /// Asserts that all compute these logits.
    fn check<const LEN: usize>(&self, sample: &impl Sample<N::In>, logits: &[f32], what: &str) {
        let what = format!("{what} of {}", std::any::type_name::<N>());
        let same = |found: <N::Output as Shape>::Array, who: &str| {
            assert_same(N::Output::values(&found), logits, &format!("{what}, {who}"))
        };
        #[cfg(target_arch = "x86_64")]
        let levels = [Level::Avx512, Level::Avx2, Level::Portable];
        #[cfg(not(target_arch = "x86_64"))]
        let levels = [Level::Portable];
        for level in levels {
            let found = embed::predict_at(level, &self.embedded, sample);
            same(found, &format!("embedded, {level:?}"));
        }
        let mut buffer = Box::new([f32::NAN; LEN]);
        same(self.embedded.predict_in(sample, &mut buffer), "in a buffer");
        // Shifted by one byte, no value is aligned.
        let shifted = [&[0], &*self.file].concat();
        let borrowed = Frozen::<N>::from_bytes(&shifted[1..]).unwrap();
        same(borrowed.predict(sample), "borrowed");
        for fused in &self.fused {
            same(fused.predict(sample).unwrap(), &format!("{fused:?}"));
        }
    }
}

/// A sample from `from` to `to`, one in three values zero.
fn sample<S: Shape>(numbers: &mut Numbers, from: f32, to: f32) -> S::Array {
    let mut sample = S::zeros();
    for value in S::values_mut(&mut sample) {
        if numbers.next() > 0.33 {
            *value = from + (to - from) * numbers.next();
        }
    }
    sample
}

fn check<N: Network, const ROWS: usize, const LEN: usize>()
where
    <N::In as Shape>::Array: Sample<N::In>,
{
    let mut numbers = Numbers(7);
    for seed in 0..3 {
        let mut weights = Weights::<N>::init(seed);
        let mut x = sample::<N::In>(&mut numbers, -1.0, 2.0);
        // Then one weight is not finite, then one value of the sample.
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        for round in 0..7 {
            let place = numbers.next();
            let bad = bad[round % 3];
            match (round, weights.as_mut_slice()) {
                (0, _) => {}
                (1..=3, weights @ [_, ..]) => {
                    let at = (place * weights.len() as f32) as usize;
                    weights[at] = bad;
                }
                _ => {
                    let x = N::In::values_mut(&mut x);
                    x[(place * x.len() as f32) as usize] = bad;
                }
            }
            let tape = Tape::<N>::new(weights.clone())
                .unwrap()
                .predict(&x)
                .unwrap();
            let models = Models::new::<ROWS>(&weights);
            let what = format!("seed {seed}, round {round}");
            models.check::<LEN>(&x, N::Output::values(&tape), &what);
            if round >= 1 {
                weights = Weights::init(seed);
                x = sample::<N::In>(&mut numbers, -1.0, 2.0);
            }
        }
    }
}

macro_rules! networks {
    ($($name:ident: $network:ty;)*) => {$(
        #[test]
        fn $name() {
            const ROWS: usize = embed::rows(&Some(<$network as Network>::PLAN));
            const LEN: usize = Frozen::<$network>::ACTIVATION_LEN;
            // Unoptimised, packing takes many copies of the weights on the stack, of 600 kB in the largest network.
            let thread = thread::Builder::new().stack_size(1 << 26);
            let checked = thread.spawn(check::<$network, ROWS, LEN>).unwrap();
            checked.join().unwrap();
        }
    )*};
}
networks! {
    lenet: LeNet;
    // 26 columns in the lanes, halved; then 16 channels, and windows of 2 that drop a row.
    a_small_network: (
        Image<1, 28, 28>, Conv2d<1, 8, 3>, ReLU, MaxPool2d<2>, Conv2d<8, 16, 3>, ReLU, Floor<MaxPool2d<2>>, Flatten,
        LazyLinear<10>,
    );
    windows: Windows;
    divided: Divided;
    activated: Activated;
    layered: Layered;
    // Two blocks of channels and a part of one, in and out; deep enough for the other order of loops.
    many_channels: (
        Image<3, 10, 10>, (Conv2d<3, 35, 3, 1, 1>, ReLU, Conv2d<35, 18, 3>, ReLU, MaxPool2d<2>),
        (Conv2d<18, 33, 1>, LayerNorm<33, 4, 4>, ChannelPReLU<33>, Flatten, LazyLinear<5>),
    );
    strides: (
        Image<2, 17, 18>, (Conv2d<2, 3, 3, 2>, ReLU, Conv2d<3, 4, 3, 2, 1>, Sigmoid),
        (Conv2d<4, 5, 1, 2>, Tanh, Flatten, LazyLinear<3>),
    );
    // More vectors of columns than a tile has; the mean of halves.
    a_wide_image: (
        Image<1, 6, 70>, Conv2d<1, 3, 3>, LeakyReLU<20>, AvgPool2d<2>, Conv2d<3, 2, 2, 1, 1>, GlobalAvgPool2d,
    );
    // Channels first from one convolution to the next, with a border, and with an average in between.
    channels_first: (
        Image<2, 16, 30>, (Conv2d<2, 4, 3, 1, 1>, Tanh, Conv2d<4, 3, 5, 1, 2>, AvgPool2d<2>),
        (Conv2d<3, 17, 2>, GELU, GlobalAvgPool2d, Linear<17, 3>),
    );
    // The windows of the first pooling overlap, so that its input is moved; the convolution before stays channels last.
    pooling_first: (
        Image<3, 9, 12>, (ReLU, MaxPool2d<3, 1, 1>, Conv2d<3, 1, 2>, AvgPool2d<3, 2, 1>, Softplus),
        (MaxPool2d<2>, Flatten, Sigmoid, LazyLinear<3>),
    );
    pooling_of_the_sample: (Image<3, 9, 9>, MaxPool2d<3>, Conv2d<3, 16, 2>, ReLU, Dropout<10>, Flatten, LazyLinear<2>);
    means_of_the_sample: (Image<2, 8, 8>, AvgPool2d<2>, Floor<AvgPool2d<3, 2>>, Flatten, LazyLinear<2>);
    only_flat: (Image<2, 8, 8>, Flatten, LazyLinear<20>, ReLU, Linear<20, 3>);
    an_activation_of_the_sample: (Image<3, 4, 5>, Tanh, Flatten, LazyLinear<20>);
    // Without a window the sample is a vector; ReLU is part of the step before it.
    channels_of_the_sample: (
        Image<3, 4, 5>, LayerNorm<3, 4, 5>, ChannelPReLU<3>, ReLU, Dropout2d<10>, Flatten, LazyLinear<2>,
    );
    a_kernel_as_large_as_the_image: (Image<4, 5, 5>, Conv2d<4, 33, 5>, ReLU, Flatten, LazyLinear<2>);
    an_image_of_logits: (Image<2, 9, 7>, Conv2d<2, 5, 3>, ReLU);
    an_image_of_logits_with_channels_first: (Image<1, 20, 20>, Conv2d<1, 3, 3>, Dropout<50>);
    no_parameters: (Image<2, 4, 4>, MaxPool2d<2>);
    grouped: Grouped;
    separable: Separable;
    // Channels first, so that inputs of neighbouring lanes are not neighbours.
    depthwise_of_the_sample: (Image<3, 9, 8>, Conv2d<3, 3, 3, 2, 1, 3>, ReLU);
    branches: Branches;
    normalized: Normalized;
    concatenated: Concatenated;
    dense: Dense;
    doubled: Doubled;
    // Channels first beside channels last, in both orders, and beside the sample; channels first alone, and without windows.
    concatenated_in_both_orders: (
        Image<2, 12, 30>, Concat<(Identity, Conv2d<2, 3, 3, 1, 1>)>,
        Concat<(Conv2d<5, 20, 1>, (Sigmoid, Conv2d<5, 3, 3, 1, 1>, MaxPool2d<3, 1, 1>), Identity)>,
        Concat<(Identity, Tanh)>, GlobalAvgPool2d, Concat<(Linear<56, 2>, Softplus)>,
    );
    concatenated_samples: (Image<3, 4, 5>, Concat<(Identity, (Dropout<20>, Tanh), Identity)>, Concat<(ReLU, Identity)>);
    // A copy of channels first is added to channels last, and the other way round.
    branches_in_both_orders: (
        Image<2, 12, 30>, Conv2d<2, 3, 3, 1, 1>, Tanh, Residual<(Conv2d<3, 40, 3, 1, 1>, ReLU, Conv2d<40, 3, 1>)>,
        Residual<(Conv2d<3, 20, 1>,), (Conv2d<3, 20, 3, 1, 1>,)>, GlobalAvgPool2d,
    );
    branches_of_the_sample: (Image<3, 6, 7>, Residual<(Dropout<20>, Residual<(Conv2d<3, 3, 1>,)>, Tanh)>, ReLU);
    // Odd sides, so that squares overlap, with a border and without; a part of a block of channels.
    squares: (
        Image<3, 9, 12>, (Conv2d<3, 16, 3, 1, 1>, Tanh, Conv2d<16, 40, 3, 1, 1>, Sigmoid, Conv2d<40, 19, 3>),
        (GELU, Flatten, LazyLinear<4>),
    );
    // Fewer squares than a part has, then one; after a sum, and with a batch normalisation as part of the weights.
    few_squares: (
        Image<2, 7, 6>, (Conv2d<2, 32, 3, 1, 1>, ReLU),
        Residual<(Conv2d<32, 32, 3, 1, 1>, BatchNorm2d<32>, ReLU, Conv2d<32, 32, 3, 1, 1>, BatchNorm2d<32>)>,
        (Floor<MaxPool2d<2, 2>>, Conv2d<32, 17, 2, 1, 1>, Conv2d<17, 16, 3>, LayerNorm<16, 2, 2>, Flatten, LazyLinear<3>),
    );
    // More than 131,072 weights after ReLU: zeros are skipped there.
    a_large_linear: (Image<1, 30, 30>, Conv2d<1, 8, 3>, ReLU, Flatten, LazyLinear<24>, ReLU, Linear<24, 2>);
}

fn matches_pytorch<N, S: Shape, const ROWS: usize, const LEN: usize>(name: &str, features: &str)
where
    N: Network<In = S, Output = Features<3>>,
    S::Array: Sample<S>,
{
    let bytes = fs::read(reference("images.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let models = Models::<N>::new::<ROWS>(&parameters(&file, &format!("{name}.init")));
    let features = floats(&file, features);
    let logits = floats(&file, &format!("{name}.logits"));
    assert_eq!((features.len(), logits.len()), (40 * S::LEN, 40 * 3));
    for (features, logits) in features.chunks(S::LEN).zip(logits.chunks(3)) {
        let mut sample = S::zeros();
        S::values_mut(&mut sample).copy_from_slice(features);
        models.check::<LEN>(&sample, logits, "PyTorch");
    }
}

#[test]
fn one_sample_gives_the_logits_of_pytorch() {
    macro_rules! check {
        ($network:ty, $shape:ty, $name:literal, $features:literal) => {
            matches_pytorch::<
                $network,
                $shape,
                { embed::rows(&Some(<$network as Network>::PLAN)) },
                { Frozen::<$network>::ACTIVATION_LEN },
            >($name, $features);
        };
    }
    check!(Windows, Image<2, 15, 14>, "windows", "features");
    check!(Divided, Image<2, 12, 12>, "divided", "features.divided");
    check!(Branches, Image<2, 11, 9>, "branches", "features.branches");
    check!(Normalized, Image<2, 10, 9>, "normalized", "features.normalized");
    check!(Activated, Image<2, 12, 12>, "activated", "features.divided");
    check!(Grouped, Image<2, 11, 9>, "grouped", "features.branches");
    check!(Layered, Image<2, 12, 12>, "layered", "features.divided");
    check!(Concatenated, Image<2, 10, 9>, "concatenated", "features.normalized");
}

/// A NaN anywhere in a window, ties of zeros of either sign, of which the first wins, and infinities, at every SIMD level.
#[test]
fn a_maximum_is_that_of_tape() {
    type Pool = (Image<17, 2, 4>, MaxPool2d<2>);
    type Halves = (Image<1, 4, 70>, MaxPool2d<2>);
    type Overlapping = (Image<3, 3, 3>, MaxPool2d<3, 2, 1>);
    fn check<N: Network, const LEN: usize>()
    where
        <N::In as Shape>::Array: Sample<N::In>,
    {
        let weights = Weights::<N>::zeros();
        let models = Models::new::<0>(&weights);
        let tape = Tape::<N>::new(weights).unwrap();
        let mut numbers = Numbers(3);
        let values = [
            0.0,
            -0.0,
            -1.0,
            2.0,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ];
        for _ in 0..200 {
            let mut x = N::In::zeros();
            for value in N::In::values_mut(&mut x) {
                *value = values[(numbers.next() * 7.0) as usize];
            }
            let logits = tape.predict(&x).unwrap();
            models.check::<LEN>(&x, N::Output::values(&logits), "maxima");
            let signs = |logits: &<N::Output as Shape>::Array| {
                let numbers = N::Output::values(logits)
                    .iter()
                    .filter(|value| !value.is_nan());
                numbers
                    .map(|value| value.is_sign_negative())
                    .collect::<Vec<_>>()
            };
            for fused in &models.fused {
                assert_eq!(signs(&fused.predict(&x).unwrap()), signs(&logits));
            }
        }
    }
    check::<Pool, { Frozen::<Pool>::ACTIVATION_LEN }>();
    check::<Halves, { Frozen::<Halves>::ACTIVATION_LEN }>();
    check::<Overlapping, { Frozen::<Overlapping>::ACTIVATION_LEN }>();
}

/// Of a convolution of 3 x 3 with many channels, an embedded model has 16 weights for each pair of channels, not 9.
#[test]
fn a_convolution_of_many_channels_is_by_squares() {
    let rows = |plan: Plan| embed::rows(&Some(plan));
    type Few = (
        Image<1, 8, 8>,
        Conv2d<1, 15, 3, 1, 1>,
        ReLU,
        Conv2d<15, 16, 3>,
    );
    type Many = (
        Image<1, 8, 8>,
        Conv2d<1, 16, 3, 1, 1>,
        ReLU,
        Conv2d<16, 16, 3>,
    );
    type Stride = (
        Image<1, 9, 9>,
        Conv2d<1, 16, 3, 1, 1>,
        ReLU,
        Conv2d<16, 16, 3, 2>,
    );
    // a bias for each block, and an odd number of rows
    let first = 9 + 1 + 1;
    assert_eq!(rows(Few::PLAN), first + (15 * 9 + 1 + 1));
    assert_eq!(rows(Many::PLAN), first + (16 * 16 + 1));
    assert_eq!(rows(Stride::PLAN), first + (16 * 9 + 1));
}

/// The longest input and output of a layer together, in whole blocks of 16.
#[test]
fn activations_take_as_much_as_the_documentation_says() {
    // 128 and the 10 logits
    assert_eq!(
        Frozen::<(Linear<784, 128>, ReLU, Linear<128, 10>)>::ACTIVATION_LEN,
        144
    );
    // 6 x 28 x 28 and the sample with its border, 32 x 32; then half of both sides
    assert_eq!(
        Frozen::<LeNet>::ACTIVATION_LEN,
        (6 * 28 * 28) + (6 * 14 * 14usize).next_multiple_of(16)
    );
    type Bordered = (Image<1, 28, 28>, Conv2d<1, 1, 5, 1, 2>);
    assert_eq!(Frozen::<Bordered>::ACTIVATION_LEN, 28 * 28 + 32 * 32);
    assert_eq!(Frozen::<(Image<1, 28, 28>, ReLU)>::ACTIVATION_LEN, 28 * 28);
}

#[test]
fn a_network_that_exceeds_the_stack_runs_in_a_buffer() {
    type Net = (
        Image<1, 256, 256>,
        Conv2d<1, 2, 3, 1, 1>,
        ReLU,
        MaxPool2d<2>,
        GlobalAvgPool2d,
    );
    const LEN: usize = Frozen::<Net>::ACTIVATION_LEN;
    const { assert!(LEN > 131_072) };
    let weights = Weights::<Net>::init(1);
    let file = saved(&weights);
    let x = sample::<Image<1, 256, 256>>(&mut Numbers(1), 0.0, 1.0);
    let expected = Tape::<Net>::new(weights.clone())
        .unwrap()
        .predict(&x)
        .unwrap();
    let mut buffer = Box::new([f32::NAN; LEN]);
    let frozen = Frozen::<Net>::from_bytes(&file).unwrap();
    let found = frozen.predict_in(&x, &mut buffer);
    assert_same(&found, &expected, "in a buffer");
    let found = Fused::<Net>::new(weights).unwrap().predict(&x).unwrap();
    assert_same(&found, &expected, "fused");
}
