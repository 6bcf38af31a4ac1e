//! NaN and infinity in weights and features: every engine propagates them, on every code path.

mod random;

use proptest::prelude::*;
use tuplenet::{
    Error,
    engine::{Processor, Run, Simd},
    explain::{Calibration, IntegratedGradients},
    objective::Optimizer,
    prelude::*,
    shape::Features,
    target::{Classes, Values},
};
use tuplenet_textbook::logits;

use crate::{
    engines::{Recipe, Tested, on_every_engine, optimizers, train},
    frozen::file,
    parity::processors,
};

on_every_engine! {
    relu_propagates_nan
    a_class_of_probability_0_adds_no_loss
    a_nan_in_one_gradient_reaches_the_norm_and_every_weight
    evaluations_report_non_finite_logits
}

/// The class of a non-finite number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nan,
    Infinite { is_negative: bool },
    Finite,
}

fn kind(value: f64) -> Kind {
    if value.is_nan() {
        Kind::Nan
    } else if value.is_infinite() {
        Kind::Infinite {
            is_negative: value < 0.0,
        }
    } else {
        Kind::Finite
    }
}

/// Each value has the class of its reference, and is close to it if finite.
fn same(found: &[f32], expected: &[f64], what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    let finite = expected.iter().filter(|value| value.is_finite());
    let largest = finite.fold(1f64, |most, value| most.max(value.abs()));
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let found = f64::from(found);
        let close = !expected.is_finite() || (found - expected).abs() <= 1e-5 * largest;
        prop_assert!(
            kind(found) == kind(expected) && close,
            "{what}, logit {at}: {found} against {expected}"
        );
    }
    Ok(())
}

/// The network of the bug report: the tape returned `[0.0]`, as its ReLU was `max(x, 0)`.
fn relu_propagates_nan<T: Tested>() {
    type Net = (Linear<1, 1>, ReLU);
    for (weight, expected) in [
        (f32::NAN, Kind::Nan),
        (f32::NEG_INFINITY, Kind::Finite),
        (f32::INFINITY, Kind::Infinite { is_negative: false }),
    ] {
        let net = T::new::<Net>(Weights::from_slice(&[weight, 0.0]).unwrap());
        let [logit] = net.predict(&[1.0]).unwrap();
        assert_eq!(kind(logit.into()), expected, "{weight}: {logit}");
        // and the gradient propagates the NaN, as in PyTorch
        let data = Dataset::<Features<1>, Values<1>>::regression(vec![1.0], vec![0.0]).unwrap();
        let uploaded = net.upload(&data).unwrap();
        let (loss, gradient) = T::gradient(&net, &uploaded, &[0], Loss::MeanSquaredError);
        assert_eq!(loss.is_nan(), weight.is_nan());
        assert!(
            gradient
                .as_slice()
                .iter()
                .all(|g| g.is_nan() == weight.is_nan())
        );
    }
}

/// As with `torch.nn.functional.cross_entropy`: a logit of `-inf` has a probability of 0, unless it is the label's.
fn a_class_of_probability_0_adds_no_loss<T: Tested>() {
    type Net = (Linear<1, 3>,);
    let weights = [0.5, f32::NEG_INFINITY, -1.0, 0.0, 0.0, 0.0];
    let net = T::new::<Net>(Weights::from_slice(&weights).unwrap());
    let data = Dataset::<Features<1>, Classes<3>>::from_values(vec![1.0; 2], vec![0, 1]).unwrap();
    let uploaded = net.upload(&data).unwrap();
    let (loss, gradient) = T::gradient(&net, &uploaded, &[0], Loss::CrossEntropy);
    // ln(1 + exp(-1.5)), and its derivative
    assert!((loss - 0.201_413_3).abs() < 1e-6, "{loss}");
    let share = 0.182_425_5;
    for (found, expected) in gradient
        .as_slice()
        .iter()
        .zip([-share, 0.0, share].repeat(2))
    {
        assert!((found - expected).abs() < 1e-6, "{gradient:?}");
    }
    let (loss, _) = T::gradient(&net, &uploaded, &[1], Loss::CrossEntropy);
    assert_eq!(loss, f32::INFINITY);
    let alone = Dataset::<Features<1>, Classes<3>>::from_values(vec![1.0], vec![0]).unwrap();
    let evaluation = net.evaluate(&alone).unwrap();
    assert!(
        (evaluation.loss - 0.201_413_3).abs() < 1e-6,
        "{}",
        evaluation.loss
    );
    assert_eq!(evaluation.non_finite_samples(), 0);
}

/// As in `torch.nn.utils.clip_grad_norm_`: the norm is NaN, and so is everything multiplied by it.
fn a_nan_in_one_gradient_reaches_the_norm_and_every_weight<T: Tested>() {
    type Net = (Linear<3, 2>,);
    // logit 1 is NaN; with the squared error, so is only its gradient
    let weights = [1.0, 2.0, 3.0, f32::NAN, 1.0, 1.0, 0.0, 0.0];
    let data =
        Dataset::<Features<3>, Classes<2>>::from_values(vec![1.0, 0.5, 2.0], vec![0]).unwrap();
    for (clip_norm, nans) in [(None, 4), (Some(0.1), 8), (Some(1e9), 8)] {
        let mut net = T::new::<Net>(Weights::from_slice(&weights).unwrap());
        let uploaded = net.upload(&data).unwrap();
        let recipe = Recipe {
            loss: Loss::MeanSquaredError,
            clip_norm,
            ..Recipe::of(Sgd::default())
        };
        let losses = train(&mut net, &uploaded, 1, &recipe, 1, 1);
        assert!(losses[0].is_nan());
        let after = net.weights().unwrap();
        let found = after.as_slice().iter().filter(|w| w.is_nan()).count();
        assert_eq!(found, nans, "{clip_norm:?}: {after:?}");
    }
}

fn evaluations_report_non_finite_logits<T: Tested>() {
    // logits: the features, and for class 2 `inf` times the third, NaN where that is 0
    type Net = (Linear<3, 3>,);
    let (inf, mut weights) = (f32::INFINITY, [0.0; 12]);
    weights[..9].copy_from_slice(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, inf]);
    let net = T::new::<Net>(Weights::from_slice(&weights).unwrap());
    let rows = [
        [3.0, 1.0, -1.0],
        [1.0, 4.0, 0.0],
        [1.0, 4.0, 1.0],
        [0.0, 2.0, -1.0],
    ];
    let data =
        Dataset::<Features<3>, Classes<3>>::from_values(rows.concat(), vec![0, 1, 2, 0]).unwrap();
    let evaluation = net.evaluate(&data).unwrap();
    // torch.argmax of [3, 1, -inf], [1, 4, nan], [1, 4, inf], [0, 2, -inf]
    assert_eq!(evaluation.predictions, [0, 2, 2, 1]);
    assert_eq!(evaluation.confusion.get(1, 2), 1);
    assert_eq!(evaluation.accuracy(), 0.5);
    assert!(evaluation.loss.is_nan());
    let nans: Vec<bool> = evaluation.confidences.iter().map(|c| c.is_nan()).collect();
    assert_eq!(nans, [false, true, true, false]);
    assert_eq!(evaluation.non_finite_samples(), 2);
    let text = evaluation.to_string();
    let words = "accuracy 50.00 %, loss NaN\n2 of 4 samples have logits that are not finite\n";
    assert!(text.starts_with(words), "{text}");
    let error = Calibration::of(&evaluation, 10).unwrap_err().to_string();
    assert_eq!(
        error,
        "data set: expected a confidence from 0 to 1, found NaN (sample 1)"
    );

    let whole = T::new::<Net>(Weights::init(1)).evaluate(&data).unwrap();
    assert_eq!(whole.non_finite_samples(), 0);
    assert!(!whole.to_string().contains("not finite"));
}

tuplenet::frozen! {
    static BROKEN: Broken = "../reference/frozen/not_finite.safetensors";
}

type Broken = (Linear<100, 17>, ReLU, Linear<17, 4>);

/// `tests/reference/not_finite.py` generates the file: a NaN and an infinity, multiplied by zeros.
#[test]
fn an_embedded_model_skips_no_zero_times_nan() {
    let bytes = file("not_finite");
    let borrowed = Frozen::<Broken>::from_bytes(&bytes).unwrap();
    let weights = Weights::<Broken>::from_bytes(&bytes).unwrap();
    let exact: Vec<f64> = weights.as_slice().iter().map(|&w| w.into()).collect();
    let mut sample = [0.0; 100];
    sample[7] = 1.0;
    for at_infinity in [0.0, -1.0, 1.0] {
        sample[98] = at_infinity;
        let expected = logits(&Broken::PLAN, &exact, &sample.map(f64::from));
        assert!(expected.iter().all(|logit| logit.is_nan()));
        for found in [BROKEN.predict(&sample), borrowed.predict(&sample)] {
            same(&found, &expected, "frozen").unwrap();
        }
        assert_eq!(
            (BROKEN.classify(&sample), borrowed.classify(&sample)),
            (0, 0)
        );
    }
}

/// Samples of 70 features; of the first, feature 3 is so large that a step makes its weights infinite.
fn overflowing() -> Dataset<Features<70>, Values<2>> {
    let mut features = vec![0.0; 2 * 70];
    features[3] = 1e30;
    features[70 + 5] = 1.0;
    Dataset::regression(features, vec![0.0; 4]).unwrap()
}

/// After weights become infinite, by training or by a restore, no zeros are skipped; after finite weights are
/// restored, results are bit-identical to those of a new engine.
#[test]
fn infinite_weights_are_detected_where_their_features_are_0() {
    type Net = (Linear<70, 2>,);
    let data = overflowing();
    let sgd: Optimizer = Sgd {
        learning_rate: 1e10,
        ..Sgd::default()
    }
    .into();
    let run = Run {
        order: &[0],
        batch_size: 1,
        optimizer: &sgd,
        schedule: Schedule::CONSTANT,
        total_steps: 1,
        loss: Loss::MeanSquaredError,
        seed: 1,
        first_step: 0,
        clip_norm: None,
    };
    let mut start = Weights::<Net>::init(4);
    // the logits are the biases except for feature 3, whose weights are small enough for a finite loss
    for output in 0..2 {
        start.as_mut_slice()[output * 70 + 3] = 1e-30;
    }
    let broken = {
        let mut tape = Tape::<Net>::new(start.clone()).unwrap();
        let uploaded = tape.upload(&data).unwrap();
        let mut losses = Vec::new();
        tape.train(&uploaded, &run, &mut losses).unwrap();
        assert!(losses[0].is_finite());
        assert!(
            tape.logits(&uploaded, &[1])
                .unwrap()
                .iter()
                .all(|z| z.is_nan())
        );
        tape.weights().unwrap()
    };
    assert!(broken.as_slice()[3].is_infinite() && broken.as_slice()[140].is_finite());
    for processor in processors().into_iter().flat_map(|p| [p, p.threads(1)]) {
        let mut fused = Fused::<Net>::on(processor, start.clone()).unwrap();
        let uploaded = fused.upload(&data).unwrap();
        let sample = data.sample(1).unwrap();
        let hides = |fused: &Fused<Net>| {
            let all = [
                fused.logits(&uploaded, &[1]).unwrap(),
                fused.forward(&sample).unwrap(),
                fused.predict(&sample).unwrap().to_vec(),
            ];
            let hides = all.concat().iter().any(|z| !z.is_nan());
            let (loss, gradient) = fused.gradient(&uploaded, &[1], run.loss.clone()).unwrap();
            hides || !loss.is_nan() || gradient.as_slice().iter().any(|g| !g.is_nan())
        };
        fused.train(&uploaded, &run, &mut Vec::new()).unwrap();
        assert!(!hides(&fused), "{processor:?}, trained");
        // the next run detects them as well
        let next = Run {
            order: &[1],
            ..run.clone()
        };
        let mut losses = Vec::new();
        fused.train(&uploaded, &next, &mut losses).unwrap();
        assert!(losses[0].is_nan(), "{processor:?}, the next run");
        let mut fused = Fused::<Net>::on(processor, start.clone()).unwrap();
        fused.restore(&broken, None).unwrap();
        assert!(!hides(&fused), "{processor:?}, restored");

        fused.restore(&start, None).unwrap();
        let fresh = Fused::<Net>::on(processor, start.clone()).unwrap();
        let bits = |fused: &Fused<Net>| fused.logits(&uploaded, &[1, 0]).unwrap();
        assert_eq!(bits(&fused), bits(&fresh), "{processor:?}");
    }
}

/// The padding of a block of 16 columns is not read, but its gradient would contribute to the norm.
#[test]
fn restoring_finite_weights_clears_every_nan() {
    type Net = (Linear<70, 33>, Tanh, Linear<33, 5>, Sigmoid);
    let data = crate::samples::Data {
        samples: 40,
        density: 0.3,
        bytes: false,
        seed: 6,
    };
    let data = data.make::<70, 5>();
    let good = Weights::<Net>::init(2);
    let mut bad = good.clone();
    bad.as_mut_slice()[9] = f32::NAN;
    for optimizer in optimizers() {
        let recipe = Recipe {
            clip_norm: Some(0.1),
            loss: Loss::MeanSquaredError,
            ..Recipe::of(optimizer)
        };
        let mut used = Fused::<Net>::new(bad.clone()).unwrap();
        let uploaded = used.upload(&data).unwrap();
        assert!(
            train(&mut used, &uploaded, 40, &recipe, 16, 1)
                .iter()
                .all(|l| l.is_nan())
        );
        used.restore(&good, None).unwrap();
        let mut fresh = Fused::<Net>::new(good.clone()).unwrap();
        let losses = train(&mut fresh, &uploaded, 40, &recipe, 16, 2);
        assert!(losses.iter().all(|loss| loss.is_finite()));
        assert_eq!(
            train(&mut used, &uploaded, 40, &recipe, 16, 2),
            losses,
            "{recipe:?}"
        );
        assert_eq!(used.weights().unwrap(), fresh.weights().unwrap());
    }
}

/// As in PyTorch: the gradient propagates NaN to preceding layers.
#[test]
fn saliency_and_integrated_gradients_propagate_nan() {
    type Net = (Linear<2, 2>, ReLU, Linear<2, 1>);
    let mut weights =
        Weights::<Net>::from_slice(&[1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 1.0, 1.0, 0.0]).unwrap();
    let whole = Tape::<Net>::new(weights.clone()).unwrap();
    assert_eq!(whole.saliency(&[1.0, 1.0], 0).unwrap(), [4.0, 6.0]);
    weights.as_mut_slice()[0] = f32::NAN;
    let net = Tape::<Net>::new(weights).unwrap();
    let [first, second] = net.saliency(&[1.0, 1.0], 0).unwrap();
    assert!(first.is_nan() && second == 6.0, "{first}, {second}");
    let error = IntegratedGradients::new()
        .explain(&net, &[1.0, 1.0], 0)
        .unwrap_err();
    // immediately: more steps do not help
    assert!(
        matches!(error, Error::Incomplete { found, steps: 32, .. } if found.is_nan()),
        "{error}"
    );
}

/// If the logit of the sample itself overflows, the kinks before it are not refined.
#[test]
fn a_nan_difference_stops_integrated_gradients_immediately() {
    type Net = (Linear<1, 2>, ReLU, Linear<2, 1>);
    // max(2 x, 0) - max(2 x - 1e38, 0): a kink at 5e37, and `inf - inf` from 1.7e38 on
    let weights = Weights::<Net>::from_slice(&[2.0, 2.0, 0.0, -1e38, 1.0, -1.0, 0.0]).unwrap();
    let net = Tape::<Net>::new(weights).unwrap();
    let explain = |x: f32| IntegratedGradients::new().explain(&net, &[x], 0);
    assert!(explain(1.5e38).unwrap().steps > 32);
    let error = explain(3e38).unwrap_err();
    assert!(
        matches!(error, Error::Incomplete { expected, steps: 32, .. } if expected.is_nan()),
        "{error}"
    );
}

/// The training stops with an error, even if only a validation sample is the cause.
#[test]
fn a_non_finite_validation_loss_stops_the_training() {
    type Net = (Linear<1, 2>,);
    let processor = Processor::detect().simd(Simd::Scalar).threads(1);
    let mut ended = 0;
    // one of eight samples overflows `f32`: with some seeds it is in the validation split
    for seed in 0..8 {
        let mut features = vec![1.0f32; 8];
        features[3] = 3e38;
        let data =
            Dataset::<Features<1>, Classes<2>>::from_values(features, vec![0, 1, 0, 1, 0, 1, 0, 1])
                .unwrap();
        let weights = Weights::<Net>::from_slice(&[2.0, 2.0, 0.0, 0.0]).unwrap();
        let mut net = Fused::<Net>::on(processor, weights).unwrap();
        let trainer = Trainer::new(Sgd::default())
            .epochs(1)
            .batch(8)
            .validation(4)
            .seed(seed);
        let stopping = EarlyStopping::default();
        let error = trainer
            .early_stopping(stopping)
            .fit(&mut net, &data)
            .unwrap_err();
        let Error::NotFinite { loss, .. } = error else {
            panic!("{error}")
        };
        assert!(loss.is_nan(), "{loss}");
        let weights = net.weights().unwrap();
        ended += u32::from(weights.as_slice().iter().all(|w| w.is_finite()));
    }
    assert!(
        ended > 0,
        "of eight seeds one puts it among the validation samples"
    );
}
