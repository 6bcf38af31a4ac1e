//! The engine `Fused` against dfdx's tape: logits, loss, every gradient, many steps.

use proptest::prelude::*;
use tuplenet::{
    engine::{Processor, Simd},
    objective::Optimizer,
    plan::Op,
    prelude::*,
    shape::Features,
    target::Classes,
};
use tuplenet_textbook::one_step;

use crate::{
    cases::cases,
    engines::{Recipe, optimizers, three_losses, train},
    losses::{is_at_a_kink, mean_loss, one_hot},
    samples::Data,
};

/// Each entry of each tensor within 1e-5 of the tensor's largest, times the [`conditioning`] of the network.
fn assert_close<N: Network>(ours: &Weights<N>, theirs: &Weights<N>, conditioning: f32, what: &str) {
    for (a, b) in ours.tensors().zip(theirs.tensors()) {
        let largest = b.values.iter().fold(0f32, |max, v| max.max(v.abs()));
        for (i, (x, y)) in a.values.iter().zip(b.values).enumerate() {
            // An entry is a mean of softmax probabilities `p`; where they cancel, only their rounding errors remain, which
            // are equal for equal samples. `exp` has a relative error of 2.4e-7, which contributes `p (1 - p)` of that to
            // `p`, 6e-8 at most; sum and quotient are rounded, 3e-8 each; and there are two engines.
            let allowed = 1e-5 * conditioning * largest + 2.4e-7;
            assert!(
                (x - y).abs() <= allowed,
                "{what}, {} [{i}]: {x} against {y}",
                a.name
            );
        }
    }
}

/// The arguments at which an activation has a kink: within rounding of one, the engines may take the slopes of different
/// sides, and both are correct.
fn kinks(op: Op) -> &'static [f64] {
    match op {
        Op::Elu { alpha_percent: 100 } => &[],
        Op::Relu | Op::LeakyRelu { .. } | Op::PRelu { .. } | Op::Elu { .. } => &[0.0],
        Op::Hardswish => &[-3.0, 3.0],
        _ => &[],
    }
}

/// Changes the biases minimally so that no sample has a pre-activation near a kink of the activation that follows.
fn away_from_kinks<N, const I: usize, const C: usize>(
    mut weights: Weights<N>,
    dataset: &Dataset<Features<I>, Classes<C>>,
) -> Weights<N>
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    if N::PLAN.steps().iter().all(|step| kinks(step.op).is_empty()) {
        return weights;
    }
    let samples = (0..dataset.len()).map(|at| dataset.sample(at).unwrap());
    let mut values: Vec<Vec<f64>> = samples.map(|x| x.map(f64::from).to_vec()).collect();
    let steps = N::PLAN.steps();
    for (at, step) in steps.iter().enumerate() {
        let kinks = steps.get(at + 1).map_or(&[][..], |next| kinks(next.op));
        let apply = |weights: &Weights<N>, x: &[f64]| -> Vec<f64> {
            let parameters = &weights.as_slice()[step.offset..step.offset + step.params()];
            let parameters: Vec<f64> = parameters.iter().map(|&w| w.into()).collect();
            one_step(step, &parameters, x)
        };
        let mut next: Vec<Vec<f64>> = values.iter().map(|x| apply(&weights, x)).collect();
        if step.op == Op::Linear && !kinks.is_empty() {
            let largest = next.iter().flatten().fold(0f64, |a, z| a.max(z.abs()));
            // a hundred times the rounding error of a sum of that many terms
            let margin = 1e-4 * largest;
            for output in 0..step.outputs {
                let from = |kink| next.iter().map(move |z| z[output] - kink);
                let mut zs: Vec<f64> = kinks.iter().flat_map(from).collect();
                zs.extend([f64::NEG_INFINITY, f64::INFINITY]);
                zs.sort_by(f64::total_cmp);
                let gaps = zs
                    .windows(2)
                    .filter(|pair| pair[1] - pair[0] > 2.0 * margin);
                let places = gaps.map(|pair| 0f64.clamp(pair[0] + margin, pair[1] - margin));
                let shift = places.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
                let bias = step.offset + step.inputs * step.outputs + output;
                weights.as_mut_slice()[bias] -= shift as f32;
            }
            next = values.iter().map(|x| apply(&weights, x)).collect();
            let distances = next
                .iter()
                .flatten()
                .flat_map(|z| kinks.iter().map(move |kink| (z - kink).abs()));
            let nearest = distances.fold(largest, f64::min);
            assert!(nearest >= 0.9 * margin, "{nearest} from a kink");
        }
        values = next;
    }
    weights
}

/// By how much layer normalisations magnify rounding errors: an error in proportion to a value becomes one in proportion to the
/// deviation of the sample's values, by which both the value and its gradient are divided. At least 1.
fn conditioning<N, const I: usize, const C: usize>(
    weights: &Weights<N>,
    dataset: &Dataset<Features<I>, Classes<C>>,
) -> f32
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    let mut largest = 1f64;
    // in a sequence of steps, as the networks of this test with a layer normalisation are
    for at in 0..dataset.len() {
        let mut x: Vec<f64> = dataset.sample(at).unwrap().map(f64::from).to_vec();
        for step in N::PLAN.steps().iter().take_while(|step| step.back == 1) {
            if let Op::LayerNorm { .. } = step.op {
                let mean = x.iter().sum::<f64>() / x.len() as f64;
                let squares = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
                let deviation = (squares / x.len() as f64 + 1e-5).sqrt();
                let size = x.iter().fold(0f64, |size, x| size.max(x.abs()));
                largest = largest.max(size / deviation);
            }
            let parameters = &weights.as_slice()[step.offset..step.offset + step.params()];
            let parameters: Vec<f64> = parameters.iter().map(|&w| w.into()).collect();
            match step.op {
                Op::Add { .. } | Op::Concat { .. } | Op::BatchNorm { .. } => break,
                _ => x = one_step(step, &parameters, &x),
            }
        }
    }
    largest as f32
}

/// Logits, loss and every gradient, for one shuffled batch.
fn matches_the_tape<N, const I: usize, const C: usize>(processor: Processor, data: Data)
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    let what = format!("{} {processor:?} {data:?}", std::any::type_name::<N>());
    let dataset = data.make::<I, C>();
    let weights = away_from_kinks::<N, I, C>(Weights::init(data.seed), &dataset);
    let (tape, fused) = (
        Tape::<N>::new(weights.clone()).unwrap(),
        Fused::<N>::on(processor, weights.clone()).unwrap(),
    );
    assert_eq!(fused.weights().unwrap(), weights);
    let (on_tape, on_fused) = (
        tape.upload(&dataset).unwrap(),
        fused.upload(&dataset).unwrap(),
    );
    let mut order: Vec<u32> = (0..data.samples as u32).rev().collect();
    order.rotate_left(data.samples / 3);
    let conditioning = conditioning::<N, I, C>(&weights, &dataset);

    let theirs = tape.logits(&on_tape, &order).unwrap();
    let largest = theirs.iter().fold(0f32, |max, v| max.max(v.abs()));
    let features: Vec<f32> = order
        .iter()
        .flat_map(|&at| dataset.sample(at as usize).unwrap())
        .collect();
    let from_data = fused.logits(&on_fused, &order).unwrap();
    let from_features = fused.forward(&features).unwrap();
    for (i, theirs) in theirs.iter().enumerate() {
        for ours in [from_data[i], from_features[i]] {
            let close = (ours - theirs).abs() <= 1e-5 * largest;
            assert!(close, "{what}, logit {i}: {ours} against {theirs}");
        }
    }
    let sample = dataset.sample(order[0] as usize).unwrap();
    let single = fused.predict(&sample).unwrap();
    for (ours, theirs) in single.iter().zip(&theirs) {
        assert!(
            (ours - theirs).abs() <= 1e-5 * largest,
            "{what}: {ours} against {theirs}"
        );
    }
    let rows = from_data.chunks(C);
    let outputs: Vec<Vec<f64>> = rows
        .map(|row| row.iter().map(|&y| y.into()).collect())
        .collect();
    let labels = order.iter().map(|&at| dataset.label(at as usize).unwrap());
    let labels: Vec<u8> = labels.map(|label| label as u8).collect();
    let targets = one_hot(&labels, C);
    for loss in three_losses(C, data.seed) {
        if is_at_a_kink(&loss, &outputs, &targets) {
            continue;
        }
        let (theirs, their_gradient) = tape.gradient(&on_tape, &order, loss.clone()).unwrap();
        let (ours, our_gradient) = fused.gradient(&on_fused, &order, loss.clone()).unwrap();
        let what = format!("{what} {loss:?}");
        let expected = mean_loss(&loss, &outputs, &targets);
        let near = |value: f32, share: f64| (f64::from(value) - expected).abs() <= share * expected;
        assert!(near(ours, 1e-5), "{what}: {ours} against {expected}");
        // dfdx sums the terms of a sample, and those sums, one after the other in `f32`
        assert!(near(theirs, 1e-4), "{what}: {theirs} against {expected}");
        assert_close(&our_gradient, &their_gradient, conditioning, &what);
    }
}

/// 100 steps of every optimiser, with a short last batch in every epoch: losses within 1e-4.
#[test]
fn a_hundred_steps_of_every_optimiser_match_the_tape() {
    type Net = (
        Linear<70, 33>,
        ReLU,
        Dropout<20>,
        Linear<33, 24>,
        Tanh,
        Linear<24, 5>,
    );
    for loss in [Loss::CrossEntropy, Loss::MeanSquaredError] {
        a_hundred_steps::<Net>(|optimizer| Recipe {
            loss: loss.clone(),
            ..Recipe::of(optimizer)
        });
    }
}

/// Without ReLU: if a pre-activation is 0 within rounding, one engine passes the gradient and the
/// other does not, and the trainings diverge from that step on (with these data at step 44 of SGD with
/// momentum and smoothed labels, suddenly from 2e-7 to 7e-6).
type Smooth = (
    Linear<70, 33>,
    Tanh,
    Dropout<20>,
    Linear<33, 24>,
    Sigmoid,
    Linear<24, 5>,
);

#[test]
fn a_hundred_steps_with_smoothed_labels_match_the_tape() {
    a_hundred_steps::<Smooth>(|optimizer| Recipe {
        loss: Loss::SmoothedCrossEntropy { smoothing: 0.1 },
        ..Recipe::of(optimizer)
    });
}

#[test]
fn a_hundred_steps_with_clipped_gradients_match_the_tape() {
    a_hundred_steps::<Smooth>(|optimizer| Recipe {
        // norms are from 0.18 to 0.70: seven in ten steps are clipped
        clip_norm: Some(0.3),
        ..Recipe::of(optimizer)
    });
}

fn a_hundred_steps<N>(recipe: impl Fn(Optimizer) -> Recipe)
where
    N: Network<In = Features<70>, Output = Features<5>>,
{
    for density in [0.2, 1.0] {
        let data = Data {
            samples: 157,
            density,
            bytes: density < 1.0,
            seed: 3,
        };
        let dataset = data.make::<70, 5>();
        for optimizer in optimizers() {
            let mut tape = Tape::<N>::new(Weights::init(1)).unwrap();
            let mut fused = Fused::<N>::new(Weights::init(1)).unwrap();
            let on_tape = tape.upload(&dataset).unwrap();
            let on_fused = fused.upload(&dataset).unwrap();
            let recipe = recipe(optimizer);
            let theirs = train(&mut tape, &on_tape, 157, &recipe, 32, 20);
            let ours = train(&mut fused, &on_fused, 157, &recipe, 32, 20);
            assert_eq!((ours.len(), theirs.len()), (100, 100));
            for (step, (a, b)) in ours.iter().zip(&theirs).enumerate() {
                let close = (a - b).abs() <= 1e-4 * b.abs();
                assert!(close, "{recipe:?}, step {step}: {a} against {b}");
            }
        }
    }
}

/// Weights after some epochs, as a checksum, and the losses.
fn bits<N, const I: usize, const C: usize>(
    processor: Processor,
    data: Data,
    clip_norm: Option<f64>,
) -> (String, Vec<f32>)
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    let dataset = data.make::<I, C>();
    let mut net = Fused::<N>::on(processor, Weights::init(2)).unwrap();
    let uploaded = net.upload(&dataset).unwrap();
    let recipe = Recipe {
        clip_norm,
        ..Recipe::of(Adam::default())
    };
    let losses = train(&mut net, &uploaded, data.samples, &recipe, 100, 3);
    let mut all = losses;
    all.extend(net.logits(&uploaded, &[3, 1, 2]).unwrap());
    (net.weights().unwrap().sha256(), all)
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    type Wide = (
        Linear<784, 300>,
        PReLU,
        Linear<300, 50>,
        LayerNorm<50>,
        ChannelPReLU<50>,
        Linear<50, 10>,
    );
    type Dropped = (Linear<784, 100>, ReLU, Dropout<30>, Linear<100, 10>);
    for density in [0.2, 1.0] {
        let data = Data {
            samples: 430,
            density,
            bytes: true,
            seed: 8,
        };
        let of = |threads: usize| {
            let processor = Processor::detect().threads(threads);
            (
                bits::<Wide, 784, 10>(processor, data, None),
                bits::<Wide, 784, 10>(processor, data, Some(0.5)),
                bits::<Dropped, 784, 10>(processor, data, Some(0.5)),
                bits::<Dropped, 784, 10>(processor, data, None),
            )
        };
        let one = of(1);
        for threads in [2, 3, 4, 7] {
            assert_eq!(one, of(threads), "{threads} threads, density {density}");
        }
    }
}

/// The same samples with zeros skipped and with zeros multiplied: a data set that is dense except for
/// the current batch is stored as dense.
#[test]
fn skipping_zeros_is_bit_identical() {
    type Net = (Linear<100, 40>, ReLU, Linear<40, 3>);
    let sparse = Data {
        samples: 90,
        density: 0.3,
        bytes: false,
        seed: 4,
    };
    let batch = sparse.make::<100, 3>();
    let tuplenet::data::FeatureValues::Values(values) = batch.features() else {
        panic!("made of values")
    };
    let labels = (0..90).map(|i| batch.label(i).unwrap() as u8);
    let labels: Vec<u8> = labels.chain(std::iter::repeat_n(0, 900)).collect();
    let mut padded = values.to_vec();
    padded.resize(990 * 100, 1.0);
    let dense = Dataset::<Features<100>, Classes<3>>::from_values(padded, labels).unwrap();
    let trained = |data: &Dataset<Features<100>, Classes<3>>, clip_norm| {
        let mut net = Fused::<Net>::new(Weights::init(1)).unwrap();
        let uploaded = net.upload(data).unwrap();
        let recipe = Recipe {
            clip_norm,
            ..Recipe::of(Adam::default())
        };
        let losses = train(&mut net, &uploaded, 90, &recipe, 40, 5);
        (net.weights().unwrap().sha256(), losses)
    };
    for clip_norm in [None, Some(0.25)] {
        assert_eq!(trained(&batch, clip_norm), trained(&dense, clip_norm));
    }
}

/// All SIMD levels that this CPU supports.
pub fn processors() -> Vec<Processor> {
    let simds = [Simd::Avx512, Simd::Avx2, Simd::Neon, Simd::Scalar];
    let there = simds.into_iter().filter(|simd| simd.is_available());
    there
        .map(|simd| Processor::detect().threads(2).simd(simd))
        .collect()
}

/// Residuals with and without a projection, within each other, of activations, and of the logits.
type Branches = (
    Linear<70, 50>,
    GELU,
    Residual<(Linear<50, 33>, Tanh, Linear<33, 50>)>,
    Softplus,
    Residual<(Sigmoid, Residual<(Linear<50, 50>, Tanh), (Linear<50, 50>,)>)>,
    Linear<50, 10>,
    Residual<(Tanh,)>,
);

macro_rules! networks {
    ($call:ident($($argument:expr),*), $which:expr) => {
        match $which {
            0 => $call::<(Linear<1, 1>,), 1, 1>($($argument),*),
            1 => $call::<(Linear<7, 1>, Tanh, Linear<1, 7>), 7, 7>($($argument),*),
            2 => $call::<(Linear<64, 10>, ReLU, Linear<10, 2>), 64, 2>($($argument),*),
            3 => $call::<(Linear<65, 100>, GELU, Linear<100, 17>, ReLU, Linear<17, 3>), 65, 3>($($argument),*),
            4 => $call::<(Linear<130, 2048>, LeakyReLU<20>, Linear<2048, 10>), 130, 10>($($argument),*),
            5 => $call::<(Input<80>, Tanh, Linear<80, 16>, Softplus, Sigmoid, Linear<16, 48>), 80, 48>($($argument),*),
            6 => $call::<(Linear<96, 20>, Linear<20, 31>, ReLU, Dropout<50>, Linear<31, 4>, Sigmoid), 96, 4>($($argument),*),
            7 => $call::<(Linear<784, 49>, Sigmoid, Linear<49, 10>), 784, 10>($($argument),*),
            8 => $call::<(Input<70>, Softplus), 70, 70>($($argument),*),
            9 => $call::<Branches, 70, 10>($($argument),*),
            10 => $call::<(Residual<(Linear<40, 40>, Tanh)>, Linear<40, 4>), 40, 4>($($argument),*),
            11 => $call::<(Linear<66, 100>, SiLU, Linear<100, 18>, Hardswish, Dropout<20>, Linear<18, 3>), 66, 3>($($argument),*),
            12 => $call::<(Input<80>, Hardswish, Linear<80, 40>, ELU, Linear<40, 33>, ELU<50>, Linear<33, 5>, SiLU), 80, 5>($($argument),*),
            13 => $call::<(LayerNorm<70>, Linear<70, 50>, PReLU, Dropout<20>, LayerNorm<50>, GELU, Linear<50, 33>, ChannelPReLU<33>, Linear<33, 5>, LayerNorm<5>), 70, 5>($($argument),*),
            // Concatenations of the samples, of widths that are multiples of 16 and others, within each other and residuals,
            // and of the logits.
            14 => $call::<(
                Input<37>, Concat<(Identity, (Linear<37, 16>, Tanh), Linear<37, 5>, Identity)>,
                Concat<((Linear<95, 48>, SiLU), (Linear<95, 1>, Sigmoid), Residual<(Tanh,)>)>, GELU,
                Concat<(Linear<144, 15>, Concat<(Linear<144, 17>, Linear<144, 31>)>)>, Dropout<20>,
                Concat<((Linear<63, 4>, Tanh), Linear<63, 6>)>,
            ), 37, 10>($($argument),*),
            _ => $call::<(Linear<100, 300>,), 100, 300>($($argument),*),
        }
    };
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn any_network_batch_and_density_matches_the_tape(
        which in 0..16,
        samples in prop_oneof![1..20usize, 60..70usize, 120..200usize],
        density in prop_oneof![Just(0.0f32), Just(1.0), 0.0..1.0f32],
        bytes: bool,
        threads in 1..5usize,
        simd in 0..4usize,
        seed: u64,
    ) {
        let data = Data { samples, density, bytes, seed };
        let processors = processors();
        let processor = processors[simd % processors.len()].threads(threads);
        networks!(matches_the_tape(processor, data), which);
    }
}

/// 60 samples of zeros, whose softmax probabilities all have the same error: the gradients of the last biases, in
/// which they cancel, differ by 1e-7.
#[test]
fn a_batch_of_cancelling_probabilities_matches_the_tape() {
    let data = Data {
        samples: 60,
        density: 0.0,
        bytes: true,
        seed: 18281914312474419942,
    };
    for processor in processors() {
        networks!(matches_the_tape(processor, data), 2);
    }
}

/// One of 126,976 pre-activations was so close to the kink of LeakyReLU that the engines took different slopes.
#[test]
fn a_batch_with_a_pre_activation_at_a_kink_matches_the_tape() {
    let data = Data {
        samples: 62,
        density: 1.0,
        bytes: true,
        seed: 7992549315980020971,
    };
    for processor in processors() {
        networks!(matches_the_tape(processor, data), 4);
    }
}

#[test]
fn every_simd_level_and_network_matches_the_tape() {
    for processor in processors() {
        for which in 0..16 {
            for (samples, density) in [(33, 0.2), (8, 1.0)] {
                let data = Data {
                    samples,
                    density,
                    bytes: samples == 33,
                    seed: 11,
                };
                networks!(matches_the_tape(processor, data), which);
            }
        }
    }
}
