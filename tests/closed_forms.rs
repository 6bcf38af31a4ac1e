//! Minimal training steps whose result has a closed form in `f64`: they catch faults that random networks and long trainings miss.

use tuplenet::{
    engine::{OptimizerState, Processor, Run},
    objective::Optimizer,
    prelude::*,
    seed::dropout2d_row,
    shape::{Features, Image},
    target::{Classes, Values},
};

use crate::{
    clipping::{left_half, right_half},
    engines::{Recipe, Tested, on_every_engine, train},
    parity::processors,
};

on_every_engine! {
    every_weight_counts_in_the_norm
    the_clipping_factor_has_pytorchs_epsilon
    moments_of_features_that_a_second_data_set_lacks_still_apply
    classes_far_below_the_largest_logit_keep_their_gradient
    the_class_is_the_first_of_equal_logits
    a_channel_is_dropped_as_a_whole
}

/// With a learning rate of 1 a step subtracts the gradient itself.
const PLAIN: Sgd = Sgd {
    learning_rate: 1.0,
    momentum: 0.0,
    nesterov: false,
    weight_decay: 0.0,
};

/// Mean squared error, clipped to a norm.
fn clipped_to(max_norm: f64) -> Recipe {
    Recipe {
        loss: Loss::MeanSquaredError,
        clip_norm: Some(max_norm),
        ..Recipe::of(PLAIN)
    }
}

fn norm(values: &[f32]) -> f64 {
    let squares = values.iter().map(|&value| f64::from(value).powi(2));
    squares.sum::<f64>().sqrt()
}

const INPUTS: usize = 300;
const OUTPUTS: usize = 33;
type Wide = (Linear<INPUTS, OUTPUTS>,);

/// The norm of a step from weights of 0, on one sample with a single non-zero feature and a single non-zero target.
fn step_norm<E: Engine<Wide>>(net: &mut E, feature: usize, output: usize, max_norm: f64) -> f64 {
    let (mut sample, mut target) = (vec![0.0; INPUTS], vec![0.0; OUTPUTS]);
    (sample[feature], target[output]) = (20.0, 33.0);
    let data = Dataset::<Features<INPUTS>, Values<OUTPUTS>>::regression(sample, target).unwrap();
    let data = net.upload(&data).unwrap();
    train(net, &data, 1, &clipped_to(max_norm), 1, 1);
    norm(net.weights().unwrap().as_slice())
}

/// The gradient of that step is `-2 * 33 / 33 = -2` at the bias, and 20 times as much at one weight: that weight contributes
/// all but a thousandth of the norm, whatever its position.
fn every_weight_counts_in_the_norm<T: Tested>() {
    for output in [0, 15, 16, 31, 32] {
        for feature in [0, 1, 127, 128, 255, 256, 299] {
            let mut net = T::new::<Wide>(Weights::zeros());
            let found = step_norm(&mut net, feature, output, 1.0);
            // a factor, a product and a difference, each rounded to f32
            assert!((found - 1.0).abs() < 1e-6, "{feature}, {output}: {found}");
            let mut net = T::new::<Wide>(Weights::zeros());
            let (found, whole) = (step_norm(&mut net, feature, output, 1e3), 1604f64.sqrt());
            assert!((found - whole).abs() < 1e-5, "{feature}, {output}: {found}");
        }
    }
}

/// The same for every number of threads, between which the chunks of the norm are divided.
#[test]
fn every_weight_counts_in_the_norm_on_any_number_of_threads() {
    for threads in [1, 2, 3, 8] {
        for feature in [0, 128, 299] {
            let processor = Processor::detect().threads(threads);
            let mut net = Fused::<Wide>::on(processor, Weights::zeros()).unwrap();
            let found = step_norm(&mut net, feature, 16, 1.0);
            assert!((found - 1.0).abs() < 1e-6, "{threads}, {feature}: {found}");
        }
    }
}

/// `torch.nn.utils.clip_grad_norm_` multiplies by `max_norm / (norm + 1e-6)`: a gradient of norm 1e-6 with
/// `max_norm` 1e-6 is halved.
fn the_clipping_factor_has_pytorchs_epsilon<T: Tested>() {
    // The sample is 0, so only the bias has a gradient: -2 t.
    let data = Dataset::<Features<1>, Values<1>>::regression(vec![0.0], vec![5e-7]).unwrap();
    for (max_norm, left) in [(1e-6, 0.5), (5e-7, 0.25), (3e-6, 1.0), (2.1e-6, 1.0)] {
        let mut net = T::new::<(Linear<1, 1>,)>(Weights::zeros());
        let data = net.upload(&data).unwrap();
        train(&mut net, &data, 1, &clipped_to(max_norm), 1, 1);
        let found = f64::from(net.weights().unwrap().as_slice()[1]);
        let expected = left * 1e-6;
        assert!(
            (found - expected).abs() < 1e-6 * expected,
            "{max_norm}: {found:e} against {expected:e}"
        );
    }
}

type Net = (Linear<70, 33>, ReLU, Linear<33, 5>);

/// A weight after `steps` steps with a gradient of 0: the update rules of Adam and SGD, from their moments only.
fn moved_by_moments(
    optimizer: Optimizer,
    weight: f32,
    state: &OptimizerState<Net>,
    at: usize,
    steps: u64,
) -> f64 {
    let moment = |which: usize| f64::from(state.moments[which].as_slice()[at]);
    let mut weight = f64::from(weight);
    match optimizer {
        Optimizer::Sgd(sgd) => {
            let mut velocity = moment(0);
            for _ in 0..steps {
                velocity *= sgd.momentum;
                let ahead = if sgd.nesterov { sgd.momentum } else { 1.0 };
                weight -= sgd.learning_rate * ahead * velocity;
            }
        }
        Optimizer::Adam(adam) => {
            let (mut first, mut second) = (moment(0), moment(1));
            for step in state.steps + 1..=state.steps + steps {
                first *= adam.betas[0];
                second *= adam.betas[1];
                let corrected = |value: f64, beta: f64| value / (1.0 - beta.powi(step as i32));
                let (first, second) = (
                    corrected(first, adam.betas[0]),
                    corrected(second, adam.betas[1]),
                );
                weight -= adam.learning_rate * first / (second.sqrt() + adam.epsilon);
            }
        }
        other => panic!("no closed form for {other:?}"),
    }
    weight
}

/// The first data set has only the first 35 features, the second only the others, where the moments still update the
/// weights of the first 35. So does an engine to which weights and moments are moved in between.
fn moments_of_features_that_a_second_data_set_lacks_still_apply<T: Tested>() {
    let momentum = Sgd {
        learning_rate: 0.05,
        momentum: 0.9,
        ..Sgd::default()
    };
    let nesterov = Sgd {
        nesterov: true,
        ..momentum
    };
    let adam = Adam {
        learning_rate: 3e-3,
        ..Adam::default()
    };
    let optimizers: [Optimizer; 3] = [momentum.into(), nesterov.into(), adam.into()];
    for optimizer in optimizers {
        for clip_norm in [None, Some(0.01)] {
            let recipe = Recipe {
                clip_norm,
                ..Recipe::of(optimizer)
            };
            let mut net = T::new::<Net>(Weights::init(1));
            let first = net.upload(&left_half(1)).unwrap();
            train(&mut net, &first, 157, &recipe, 32, 2);
            let (before, state) = (net.weights().unwrap(), net.optimizer_state().unwrap());
            let mut resumed = T::new::<Net>(Weights::init(2));
            resumed.restore(&before, state.as_ref()).unwrap();
            for mut net in [net, resumed] {
                let second = net.upload(&right_half(2)).unwrap();
                let steps = train(&mut net, &second, 157, &recipe, 32, 1).len() as u64;
                let (after, state) = (net.weights().unwrap(), state.as_ref().unwrap());
                let mut longest = 0f64;
                for at in (0..33 * 70).filter(|at| at % 70 < 35) {
                    let old = before.as_slice()[at];
                    let expected = moved_by_moments(optimizer, old, state, at, steps);
                    longest = longest.max((expected - f64::from(old)).abs());
                    let found = after.as_slice()[at];
                    // five differences of weights below 1/4, each rounded to 1.5e-8
                    assert!(
                        (f64::from(found) - expected).abs() < 1.5e-7,
                        "{recipe:?} [{at}]: {old}, then {found} against {expected}"
                    );
                }
                assert!(longest > 1e-4, "{recipe:?}: {longest}");
            }
        }
    }
}

/// Moments of weights without a gradient decay to exactly 0, not to denormal numbers, nor to values whose product with
/// the learning rate is one: operations on those take a hundred times as long on many processors.
#[test]
fn moments_of_weights_without_a_gradient_decay_to_0() {
    let momentum = Sgd {
        momentum: 0.8,
        ..Sgd::default()
    };
    let nesterov = Sgd {
        nesterov: true,
        ..momentum
    };
    let l2 = Adam {
        betas: [0.9, 0.99],
        ..Adam::default()
    };
    let optimizers: [Optimizer; 4] = [
        momentum.into(),
        nesterov.into(),
        l2.into(),
        AdamW::default().into(),
    ];
    for processor in processors() {
        for optimizer in optimizers {
            let recipe = Recipe::of(optimizer);
            let mut net = Fused::<Net>::on(processor, Weights::init(1)).unwrap();
            let first = net.upload(&left_half(1)).unwrap();
            train(&mut net, &first, 157, &recipe, 32, 1);
            let second = net.upload(&right_half(2)).unwrap();
            let means = |net: &Fused<Net>| {
                let state = net.optimizer_state().unwrap().unwrap();
                let means = state.moments[0].as_slice()[..33 * 70].to_vec();
                (0..33 * 70)
                    .filter(|at| at % 70 < 35)
                    .map(move |at| means[at])
            };
            assert!(
                means(&net).any(|mean| mean != 0.0),
                "{processor:?} {optimizer:?}"
            );
            for _ in 0..160 {
                train(&mut net, &second, 157, &recipe, 32, 1);
                for mean in means(&net) {
                    let flushed = mean == 0.0 || mean.abs() >= 1e-30;
                    assert!(flushed, "{processor:?} {optimizer:?}: {mean:e}");
                }
            }
            let left = means(&net).filter(|&mean| mean != 0.0).count();
            assert_eq!(left, 0, "{processor:?} {optimizer:?}");
        }
    }
}

/// The gradient of each other class is its softmax probability, however small; the loss is the label's distance from the maximum.
fn classes_far_below_the_largest_logit_keep_their_gradient<T: Tested>() {
    const LOGITS: [f32; 8] = [0.0, -8.0, -11.5, -12.5, -20.0, -40.0, -60.0, -79.0];
    let mut parameters = [0.0; 16];
    parameters[8..].copy_from_slice(&LOGITS);
    let weights = Weights::<(Linear<1, 8>,)>::from_slice(&parameters).unwrap();
    let net = T::new(weights);
    let exps = LOGITS.map(|z| f64::from(z).exp());
    let sum: f64 = exps.iter().sum();
    for label in 0..8u8 {
        let data = Dataset::<Features<1>, Classes<8>>::from_values(vec![0.0], vec![label]).unwrap();
        let data = net.upload(&data).unwrap();
        let (loss, gradient) = T::gradient(&net, &data, &[0], Loss::CrossEntropy);
        let expected = sum.ln() - f64::from(LOGITS[usize::from(label)]);
        // the sum is near 1, and is rounded to 6e-8 once or twice
        assert!(
            (f64::from(loss) - expected).abs() < 1e-6 * expected + 1.5e-7,
            "{label}: {loss} against {expected}"
        );
        for class in (0..8).filter(|&class| class != usize::from(label)) {
            let (found, expected) = (gradient.as_slice()[8 + class], exps[class] / sum);
            // A difference of logits near -79 is rounded to 4e-6, which is the relative error of its exponential.
            assert!(
                (f64::from(found) - expected).abs() < 1e-5 * expected,
                "{label}, {class}: {found:e} against {expected:e}"
            );
        }
    }
}

/// As `numpy.argmax` and `torch.argmax` do on a CPU.
fn the_class_is_the_first_of_equal_logits<T: Tested>() {
    let rows = [
        [2.0, 2.0, 2.0, 2.0],
        [1.0, 3.0, 3.0, 2.0],
        [-1.0, -5.0, -1.0, -1.0],
        [0.0, 1.0, 2.0, 2.0],
        [-0.0, 0.0, -1.0, 0.0],
    ];
    let data = Dataset::<Features<4>, Classes<4>>::from_values(rows.concat(), vec![0; 5]).unwrap();
    // An identity network: its logits are the features.
    let evaluation = T::new::<(Input<4>,)>(Weights::zeros())
        .evaluate(&data)
        .unwrap();
    assert_eq!(evaluation.predictions, [0, 1, 0, 2, 0]);
}

/// From weights of 0, a step of the squared error adds twice the sample, which is 1, times its mask.
fn a_channel_is_dropped_as_a_whole<T: Tested>() {
    type Net = (Image<3, 2, 2>, Dropout2d<50>, Flatten, LazyLinear<1>);
    let data = Dataset::<Image<3, 2, 2>, Values<1>>::regression(vec![1.0; 12], vec![1.0]).unwrap();
    let mut dropped = [0; 3];
    for seed in 0..30 {
        let mut net = T::new::<Net>(Weights::zeros());
        let uploaded = net.upload(&data).unwrap();
        let run = Run {
            order: &[0],
            batch_size: 1,
            optimizer: &PLAIN.into(),
            schedule: Schedule::CONSTANT,
            total_steps: 1,
            loss: Loss::MeanSquaredError,
            seed,
            first_step: 7,
            clip_norm: None,
        };
        net.train(&uploaded, &run, &mut Vec::new()).unwrap();
        let weights = net.weights().unwrap();
        let mut mask = [0.0; 12];
        dropout2d_row(seed, 7, 0, 50, 0, 3, &mut mask);
        assert_eq!(weights.as_slice()[..12], mask.map(|value| 2.0 * value));
        for (channel, dropped) in weights.as_slice()[..12].chunks(4).zip(&mut dropped) {
            assert!(channel == [0.0; 4] || channel == [4.0; 4], "{channel:?}");
            *dropped += usize::from(channel[0] == 0.0);
        }
        // no dropout in inference: 3 channels of 4 pixels, those that are left with a weight of 4, and the bias
        let left = weights.as_slice()[..12].iter().sum::<f32>();
        assert_eq!(net.predict(&[[[1.0; 2]; 2]; 3]).unwrap(), [left + 2.0]);
    }
    assert!(
        dropped.iter().all(|count| (5..25).contains(count)),
        "{dropped:?}"
    );
}
