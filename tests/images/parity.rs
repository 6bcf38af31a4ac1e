//! `Fused` against dfdx's tape: logits, loss and every gradient of networks of images.

use proptest::prelude::*;
use tuplenet::{
    data::DataFor,
    engine::Processor,
    models::LeNet,
    prelude::*,
    shape::{Features, Image, Shape},
    target::Classes,
};

use super::{
    Activated, Branches, Concatenated, Dense, Divided, Doubled, Grouped, Layered, Normalized,
    Separable, Windows, difference, difference_above, is_cancelled, step_of,
};
use crate::{
    cases::cases,
    engines::{Recipe, three_losses, train},
    losses,
    parity::processors,
    samples::Numbers,
};

/// For probabilities that cancel; see `crate::parity`.
const ROUNDING: f32 = 2.4e-7;

fn assert_close(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(difference(ours, theirs, ROUNDING), None, "{what}");
}

/// The first difference of two gradients of a tensor that rounding errors do not explain, or `errors` times as many.
///
/// Each batch normalisation divides by a deviation, of 0.1 or less here, so that rounding errors are as much larger: PyTorch's
/// gradients in float32 and float64 differ by up to 4e-5 of the largest, and small gradients of [`Separable`]'s depthwise
/// kernels by up to 9e-6 from engine to engine.
fn gradient_difference<N: Network>(
    tensor: &str,
    ours: &[f32],
    theirs: &[f32],
    errors: f32,
) -> Option<String> {
    let (part, rounding) = match N::PLAN.statistics() {
        0 => (1e-5, ROUNDING),
        _ if is_cancelled::<N>(tensor) => (4e-5, 1e-5),
        _ => (4e-5, 50.0 * ROUNDING),
    };
    difference_above(errors * part, ours, theirs, errors * rounding)
}

/// What the tape's rounding errors add to the gradient of a bias, as a part of the largest: it adds the terms of all samples and
/// positions one after the other in `f32`, each rounded by up to 2^-24 of the sum so far, in the same direction if they are
/// equal. (With the mean absolute error, whose terms are, the tape is 1.4e-5 off a finite difference in `f64` for 1,120 terms,
/// and `Fused` 1.6e-8.)
fn rounding_of_the_tape<N: Network>(tensor: &str, len: usize, samples: usize) -> f32 {
    let (at, name) = step_of::<N>(tensor);
    if name != "bias" {
        return 0.0;
    }
    let terms = samples * N::PLAN.steps()[at].outputs / len;
    terms as f32 / 2.0 * 2f32.powi(-24)
}

/// Whether rounding errors may select another maximum, or the other slope of a ReLU: whether the reference's gradient jumps
/// when the weights change by as much. Then two engines may differ, and both are right.
fn is_at_a_kink<N: Network>(
    weights: &Weights<N>,
    data: &impl DataFor<N::In, N::Output>,
    order: &[u32],
) -> bool {
    let gradient = |weights: Weights<N>| {
        let tape = Tape::<N>::new(weights).unwrap();
        let data = tape.upload(data).unwrap();
        tape.gradient(&data, order, Loss::CrossEntropy).unwrap().1
    };
    // A larger change, where rounding errors are larger, also changes a gradient that does not jump.
    let (change, errors) = match N::PLAN.statistics() {
        0 => (1e-6, 1.0),
        _ => (2e-5, 3.0),
    };
    let there = gradient(weights.clone());
    let mut numbers = Numbers(1);
    (0..6).any(|_| {
        let mut near = weights.clone();
        for weight in near.as_mut_slice() {
            *weight *= 1.0 + (numbers.next() - 0.5) * change;
        }
        let near = gradient(near);
        let mut tensors = near.tensors().zip(there.tensors());
        tensors
            .any(|(a, b)| gradient_difference::<N>(&a.name, a.values, b.values, errors).is_some())
    })
}

fn dataset<S: Shape, const C: usize>(
    samples: usize,
    bytes: bool,
    seed: u64,
) -> Dataset<S, Classes<C>> {
    let mut numbers = Numbers(seed);
    let labels = (0..samples)
        .map(|_| (numbers.next() * C as f32) as u8)
        .collect();
    let mut values = || {
        (0..samples * S::LEN)
            .map(|_| numbers.next() * 2.0 - 0.5)
            .collect::<Vec<f32>>()
    };
    match bytes {
        true => {
            let bytes = values().iter().map(|value| (value * 170.0) as u8).collect();
            Dataset::from_bytes(bytes, 1.0 / 255.0, labels).unwrap()
        }
        false => Dataset::from_values(values(), labels).unwrap(),
    }
}

/// On every one of `processors`.
fn matches_the_tape<N, S: Shape, const C: usize>(
    processors: &[Processor],
    samples: usize,
    bytes: bool,
    seed: u64,
) where
    N: Network<In = S, Output = Features<C>>,
{
    let data = dataset::<S, C>(samples, bytes, seed);
    let mut order: Vec<u32> = (0..samples as u32).rev().collect();
    order.rotate_left(samples / 3);
    let mut weights = (seed..seed + 20).map(Weights::<N>::init);
    let weights = weights.find(|weights| !is_at_a_kink(weights, &data, &order));
    let weights = weights.expect("weights away from kinks");
    let tape = Tape::<N>::new(weights.clone()).unwrap();
    let on_tape = tape.upload(&data).unwrap();
    let logits = tape.logits(&on_tape, &order).unwrap();
    let labels = order.iter().map(|&at| data.label(at as usize).unwrap());
    let targets = losses::one_hot(&labels.map(|label| label as u8).collect::<Vec<_>>(), C);
    let rows = logits.chunks(C);
    let outputs: Vec<Vec<f64>> = rows
        .map(|row| row.iter().map(|&y| y.into()).collect())
        .collect();
    let gradients = three_losses(C, seed).into_iter();
    let gradients = gradients.filter(|loss| !losses::is_at_a_kink(loss, &outputs, &targets));
    let gradients = gradients.map(|loss| {
        let gradient = tape.gradient(&on_tape, &order, loss.clone()).unwrap();
        (loss, gradient)
    });
    let gradients: Vec<_> = gradients.collect();
    let sample = |at: u32| data.sample(at as usize).unwrap();
    let features: Vec<f32> = order
        .iter()
        .flat_map(|&at| S::values(&sample(at)).to_vec())
        .collect();
    for &processor in processors {
        let what = format!(
            "{} {processor:?} {samples} {bytes} {seed}",
            std::any::type_name::<N>()
        );
        let fused = Fused::<N>::on(processor, weights.clone()).unwrap();
        assert_eq!(fused.weights().unwrap(), weights);
        let on_fused = fused.upload(&data).unwrap();
        assert_close(&fused.logits(&on_fused, &order).unwrap(), &logits, &what);
        assert_close(&fused.forward(&features).unwrap(), &logits, &what);
        for (loss, (theirs, their_gradient)) in &gradients {
            let (ours, our_gradient) = fused.gradient(&on_fused, &order, loss.clone()).unwrap();
            assert!(
                (ours - theirs).abs() <= 1e-4 * theirs,
                "{what}: {ours} against {theirs}"
            );
            for (a, b) in our_gradient.tensors().zip(their_gradient.tensors()) {
                let len = a.values.len();
                let errors = 1.0 + rounding_of_the_tape::<N>(&a.name, len, samples) / 1e-5;
                let found = gradient_difference::<N>(&a.name, a.values, b.values, errors);
                assert_eq!(found, None, "{what}, {}", a.name);
            }
        }
    }
}

/// Many channels: two blocks of 16 and a part of one, in and out.
type Wide = (
    Image<3, 10, 10>,
    (
        Conv2d<3, 35, 3, 1, 1>,
        ReLU,
        Conv2d<35, 18, 3>,
        ReLU,
        MaxPool2d<2>,
    ),
    (Conv2d<18, 33, 1>, Tanh, Flatten, LazyLinear<5>),
);
/// Channels enough for Winograd's algorithm, on images whose sides are odd, and of which one is read twice.
type Squares = (
    Image<2, 9, 7>,
    (Conv2d<2, 32, 3, 1, 1>, Tanh, Conv2d<32, 33, 3, 1, 1>, ReLU),
    (Conv2d<33, 40, 3>, Residual<(Tanh, Conv2d<40, 40, 3, 1, 1>)>),
    (ReLU, GlobalAvgPool2d, Linear<40, 3>),
);
/// Strides, with rows and columns that no window reaches, and kernels that are smaller than their stride.
type Strides = (
    Image<2, 17, 18>,
    (Conv2d<2, 3, 3, 2>, ReLU, Conv2d<3, 4, 3, 2, 1>, Sigmoid),
    (Conv2d<4, 5, 1, 2>, Tanh, Flatten, LazyLinear<3>),
);
/// Every pooling; operations before the first layer, after a maximum and after `Flatten`.
type Pools = (
    Image<1, 16, 15>,
    (
        Tanh,
        MaxPool2d<3, 1, 1>,
        Conv2d<1, 4, 3>,
        ReLU,
        MaxPool2d<3, 2, 1>,
        ReLU,
    ),
    (Conv2d<4, 4, 2, 1, 1>, ReLU, AvgPool2d<2>, Softplus),
    (
        Conv2d<4, 6, 3, 1, 1>,
        ReLU,
        MaxPool2d<2>,
        Tanh,
        Flatten,
        Sigmoid,
        LazyLinear<3>,
    ),
);
type Means = (
    Image<3, 12, 12>,
    (
        Conv2d<3, 8, 3, 1, 1>,
        ReLU,
        AvgPool2d<3, 2, 1>,
        Conv2d<8, 12, 3>,
        GELU,
        GlobalAvgPool2d,
    ),
    (Linear<12, 6>, LeakyReLU, Linear<6, 3>),
);
/// No parameters but those of a `Linear`, and none at all after a convolution.
type NoConvolution = (
    Image<2, 7, 6>,
    Floor<MaxPool2d<2>>,
    ReLU,
    Flatten,
    LazyLinear<4>,
);
type NoLinear = (
    Image<1, 7, 7>,
    Conv2d<1, 5, 3, 2>,
    ReLU,
    Conv2d<5, 4, 3>,
    GlobalAvgPool2d,
);
type OnlyFlat = (Image<1, 9, 8>, Flatten, LazyLinear<4>, ReLU, Linear<4, 3>);

/// Chains of activations: of the samples, before and after a maximum and a mean, and around a residual.
type Bent = (
    Image<1, 8, 9>,
    (ELU, Hardswish),
    (Conv2d<1, 17, 3>, Hardswish, SiLU, MaxPool2d<3, 1, 1>),
    (
        ELU<50>,
        Conv2d<17, 4, 2>,
        SiLU,
        AvgPool2d<3, 1, 1>,
        Hardswish,
    ),
    Residual<(SiLU, Conv2d<4, 4, 1>)>,
    (ELU<50>, Flatten, ELU<200>, LazyLinear<3>),
);

/// The numbers of [`Normalized`], [`Separable`] and [`Dense`] in `networks`.
const NORMALIZED: i32 = 10;
const SEPARABLE: i32 = 15;
const DENSE: i32 = 18;

macro_rules! networks {
    ($call:ident($($argument:expr),*), $which:expr) => {
        match $which {
            0 => $call::<Windows, Image<2, 15, 14>, 3>($($argument),*),
            1 => $call::<Divided, Image<2, 12, 12>, 3>($($argument),*),
            2 => $call::<LeNet, Image<1, 28, 28>, 10>($($argument),*),
            3 => $call::<Wide, Image<3, 10, 10>, 5>($($argument),*),
            4 => $call::<Strides, Image<2, 17, 18>, 3>($($argument),*),
            5 => $call::<Pools, Image<1, 16, 15>, 3>($($argument),*),
            6 => $call::<Means, Image<3, 12, 12>, 3>($($argument),*),
            7 => $call::<NoConvolution, Image<2, 7, 6>, 4>($($argument),*),
            8 => $call::<NoLinear, Image<1, 7, 7>, 4>($($argument),*),
            9 => $call::<Branches, Image<2, 11, 9>, 3>($($argument),*),
            NORMALIZED => $call::<Normalized, Image<2, 10, 9>, 3>($($argument),*),
            11 => $call::<Doubled, Image<2, 8, 8>, 3>($($argument),*),
            12 => $call::<Activated, Image<2, 12, 12>, 3>($($argument),*),
            13 => $call::<Bent, Image<1, 8, 9>, 3>($($argument),*),
            14 => $call::<Layered, Image<2, 12, 12>, 3>($($argument),*),
            SEPARABLE => $call::<Separable, Image<1, 12, 20>, 3>($($argument),*),
            16 => $call::<Grouped, Image<2, 11, 9>, 3>($($argument),*),
            17 => $call::<Squares, Image<2, 9, 7>, 3>($($argument),*),
            DENSE => $call::<Dense, Image<2, 8, 7>, 3>($($argument),*),
            19 => $call::<Concatenated, Image<2, 10, 9>, 3>($($argument),*),
            _ => $call::<OnlyFlat, Image<1, 9, 8>, 3>($($argument),*),
        }
    };
}

#[test]
fn every_simd_level_and_network_matches_the_tape() {
    let processors = processors();
    for which in 0..21 {
        // pixels, most of which are 0, so that many maxima are equal; and values
        networks!(matches_the_tape(&processors, 19, true, 11), which);
        networks!(matches_the_tape(&processors, 5, false, 11), which);
    }
}

/// More than eight blocks of 16: groups of several blocks, whose gradients are summed.
#[test]
fn a_large_batch_matches_the_tape() {
    let processors = processors();
    matches_the_tape::<Divided, Image<2, 12, 12>, 3>(&processors, 150, true, 4);
    matches_the_tape::<Layered, Image<2, 12, 12>, 3>(&processors, 150, true, 4);
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn any_network_batch_and_processor_matches_the_tape(
        which in 0..21,
        samples in prop_oneof![1..20usize, 30..40usize],
        bytes: bool,
        threads in 1..5usize,
        simd in 0..4usize,
        seed in 0..1000u64,
    ) {
        let processors = processors();
        let processor = processors[simd % processors.len()].threads(threads);
        // A batch of 1 has no variance; of few samples, all but rounding errors cancels in the gradient of their variance.
        let samples = match which {
            NORMALIZED | SEPARABLE | DENSE => samples.max(5),
            _ => samples,
        };
        networks!(matches_the_tape(&[processor], samples, bytes, seed), which);
    }
}

/// Dropout of samples, of images, of their channels, of vectors and within concatenations, with what else each worker
/// computes of its own samples.
type Dropped = (
    Image<1, 12, 12>,
    Dropout<10>,
    Conv2d<1, 5, 3>,
    LayerNorm<5, 10, 10>,
    ReLU,
    (Dropout<20>, Dropout2d<10>),
    MaxPool2d<2>,
    Concat<(Identity, (Conv2d<5, 7, 3, 1, 1>, Dropout<10>))>,
    Conv2d<12, 7, 3>,
    (ChannelPReLU<7>, Dropout2d<20>, Tanh),
    (
        Dropout<30>,
        Flatten,
        LazyLinear<20>,
        LayerNorm<20>,
        ReLU,
        Concat<((Linear<20, 35>, Dropout<40>), Identity)>,
        Linear<55, 20>,
        PReLU,
        Linear<20, 3>,
    ),
);

/// Two epochs of 110 samples in batches of 50, which are blocks of 16, 16, 16 and 2, and a last one of 10.
fn trained(net: &mut impl Engine<Dropped>, clip_norm: Option<f64>) -> Vec<f32> {
    let data = dataset::<Image<1, 12, 12>, 3>(110, true, 5);
    let uploaded = net.upload(&data).unwrap();
    let recipe = Recipe {
        clip_norm,
        ..Recipe::of(Adam::default())
    };
    train(net, &uploaded, 110, &recipe, 50, 2)
}

#[test]
fn dropout_and_clipping_match_the_tape() {
    for clip_norm in [None, Some(0.05)] {
        let weights = Weights::init(2);
        let mut tape = Tape::<Dropped>::new(weights.clone()).unwrap();
        let theirs = trained(&mut tape, clip_norm);
        for processor in processors() {
            let mut fused = Fused::<Dropped>::on(processor, weights.clone()).unwrap();
            let ours = trained(&mut fused, clip_norm);
            for (a, b) in ours.iter().zip(&theirs) {
                // rounding errors grow from step to step
                assert!(
                    (a - b).abs() <= 1e-5 * b,
                    "{processor:?}: {ours:?} against {theirs:?}"
                );
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for processor in processors() {
        for clip_norm in [None, Some(0.05)] {
            let bits = |threads| {
                let mut net =
                    Fused::<Dropped>::on(processor.threads(threads), Weights::init(2)).unwrap();
                let losses = trained(&mut net, clip_norm);
                (losses, net.weights().unwrap().sha256())
            };
            let one = bits(1);
            for threads in [2, 3, 4, 9] {
                assert_eq!(one, bits(threads), "{processor:?}, {threads} threads");
            }
        }
    }
}
