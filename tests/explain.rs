//! Saliency and integrated gradients against a plain forward pass in `f64` and known values.

use proptest::prelude::*;
use tuplenet::{
    Error, explain::IntegratedGradients, models::MnistClassifier, prelude::*, shape::Features,
};
use tuplenet_textbook::logits;

/// Weights of PyTorch's distribution times two, so that activations leave their linear range, in both precisions.
fn weights<N: Network>(seed: u64) -> (Weights<N>, Vec<f64>) {
    let mut weights = Weights::<N>::init(seed);
    weights.as_mut_slice().iter_mut().for_each(|w| *w *= 2.0);
    let exact = weights.as_slice().iter().map(|&w| w.into()).collect();
    (weights, exact)
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| v.into()).collect()
}

/// `(z(x + h e_i) - z(x - h e_i)) / 2h` for every feature `i`.
fn differences<N: Network>(weights: &[f64], sample: &[f64], class: usize) -> Vec<f64> {
    let h = 1e-6;
    let logit = |i: usize, at: f64| {
        let mut sample = sample.to_vec();
        sample[i] += at;
        logits(&N::PLAN, weights, &sample)[class]
    };
    (0..sample.len())
        .map(|i| (logit(i, h) - logit(i, -h)) / (2.0 * h))
        .collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |a, b| a.max(b.abs()))
}

tuplenet::frozen! {
    static DIGITS: MnistClassifier<32> = "../examples/digits.safetensors";
}

/// Embedded and borrowed, of one logit and of a weighted sum of two.
#[test]
fn a_frozen_models_gradient_is_that_of_its_logits() {
    type Net = MnistClassifier<32>;
    let file: &[u8] = include_bytes!("../examples/digits.safetensors");
    let borrowed = Frozen::<Net>::from_bytes(file).unwrap();
    let weights = Weights::<Net>::from_bytes(file).unwrap();
    let exact = widened(weights.as_slice());
    let tape = Tape::<Net>::new(weights).unwrap();
    for class in 0..10 {
        let (pixels, _) = Digits::new(3).image(class as u64);
        let sample: [f32; 784] = pixels.map(|value| f32::from(value) / 255.0);
        let mut one = [0.0; 10];
        one[class] = 1.0;
        let mut two = one;
        two[(class + 3) % 10] = -0.5;
        let slopes = |class| differences::<Net>(&exact, &widened(&sample), class);
        let of_one = slopes(class);
        let pairs = of_one.iter().zip(slopes((class + 3) % 10));
        let of_two: Vec<f64> = pairs.map(|(a, b)| a - 0.5 * b).collect();
        let saliency = widened(&tape.saliency(&sample, class).unwrap());
        for (of, expected) in [(&one, &of_one), (&two, &of_two), (&one, &saliency)] {
            let size = largest(expected);
            assert!(size > 0.1, "a gradient to speak of: {size}");
            for found in [DIGITS.gradient(&sample, of), borrowed.gradient(&sample, of)] {
                for (found, expected) in found.iter().zip(expected) {
                    // f32 carries 7 digits; sums of 32 terms lose one of them.
                    assert!((f64::from(*found) - expected).abs() < 2e-6 * size);
                }
            }
        }
    }
}

const SAMPLES: [[f32; 5]; 3] = [
    [0.9, -1.3, 0.4, 1.8, -0.2],
    [-1.1, 0.3, 1.7, -0.6, 0.8],
    [2.1, 0.7, -0.9, -1.4, 1.2],
];

/// Every sample and class separately, and all of them in one batch.
fn saliency_is_the_gradient<N: Network<In = Features<5>, Output = Features<3>>>() {
    let (weights, exact) = weights::<N>(11);
    let net = Tape::<N>::new(weights).unwrap();
    let (mut features, mut classes, mut singles) = (vec![], vec![], vec![]);
    for (sample, class) in SAMPLES
        .iter()
        .flat_map(|x| (0..3).map(move |class| (x, class)))
    {
        let found = net.saliency(sample, class).unwrap();
        let expected = differences::<N>(&exact, &widened(sample), class);
        let size = largest(&expected);
        assert!(size > 1e-3, "a gradient to speak of: {expected:?}");
        for (found, expected) in found.iter().zip(&expected) {
            let name = std::any::type_name::<N>();
            // f32 carries 7 digits; sums of some tens of terms lose one or two of them.
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5 * size,
                "{name}, class {class}: {found} against {expected}"
            );
        }
        features.extend(sample);
        classes.push(class);
        singles.extend(found);
    }
    let batch = net.saliencies(&features, &classes).unwrap();
    assert_eq!(batch.len(), singles.len());
    for (one, of_batch) in singles.iter().zip(&batch) {
        // a matrix product may sum in another order than a product with a single row
        assert!((one - of_batch).abs() <= 1e-6, "{one} against {of_batch}");
    }
}

/// The mean of central differences at 4000 midpoints of the path from `baseline`, times its length: a different and
/// finer quadrature than the engine's.
fn integrated<N: Network>(
    weights: &[f64],
    baseline: &[f64],
    sample: &[f64],
    class: usize,
) -> Vec<f64> {
    let points = 4000;
    let mut sums = vec![0.0; sample.len()];
    for k in 0..points {
        let t = (f64::from(k) + 0.5) / f64::from(points);
        let ends = baseline.iter().zip(sample);
        let at: Vec<f64> = ends.map(|(b, x)| b + t * (x - b)).collect();
        let slopes = differences::<N>(weights, &at, class);
        sums.iter_mut()
            .zip(slopes)
            .for_each(|(sum, slope)| *sum += slope);
    }
    let ends = baseline.iter().zip(sample).zip(sums);
    ends.map(|((b, x), sum)| (x - b) * sum / f64::from(points))
        .collect()
}

fn integrated_gradients_match_a_fine_quadrature<N>()
where
    N: Network<In = Features<5>, Output = Features<3>>,
{
    let (weights, exact) = weights::<N>(12);
    let net = Tape::<N>::new(weights).unwrap();
    let baseline = [0.1, -0.2, 0.3, 0.0, -0.5];
    for (class, sample) in SAMPLES.iter().enumerate() {
        for baseline in [[0.0; 5], baseline] {
            let (from, to) = (widened(&baseline), widened(sample));
            let found = IntegratedGradients::new()
                .baseline(&baseline)
                .tolerance(1e-5)
                .explain(&net, sample, class)
                .unwrap();
            let expected = integrated::<N>(&exact, &from, &to, class);
            let size = largest(&expected);
            assert!(size > 1e-3, "attributions to speak of: {expected:?}");
            for (found, expected) in found.values.iter().zip(&expected) {
                let name = std::any::type_name::<N>();
                // Each kink is in one of 4000 intervals: an error of up to 2.5e-4 of the slope's jump; at most 48 kinks.
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-3 * size,
                    "{name}, class {class}: {found} against {expected}"
                );
            }
            let z = |x: &[f64]| logits(&N::PLAN, &exact, x)[class];
            assert!((found.difference - (z(&to) - z(&from))).abs() < 1e-5 * size);
            let sum: f64 = widened(&found.values).iter().sum();
            assert!((sum - found.difference - found.gap).abs() < 1e-6 * size);
        }
    }
}

macro_rules! every_layer {
    ($($test:ident: $layer:ty;)*) => { $(
        #[test]
        fn $test() {
            // after layers and before them: then the input itself is the tape's leaf
            type Net = (Linear<5, 6>, $layer, Linear<6, 4>, $layer, Linear<4, 3>);
            type InFront = (Input<5>, $layer, Linear<5, 3>);
            saliency_is_the_gradient::<Net>();
            saliency_is_the_gradient::<InFront>();
            integrated_gradients_match_a_fine_quadrature::<Net>();
            integrated_gradients_match_a_fine_quadrature::<InFront>();
        }
    )* };
}
every_layer! {
    relu: ReLU;
    sigmoid: Sigmoid;
    tanh: Tanh;
    leaky_relu: LeakyReLU<10>;
    gelu: GELU;
    softplus: Softplus;
    silu: SiLU;
    prelu: PReLU;
    elu: ELU<50>;
    hardswish: Hardswish;
    dropout_is_off: Dropout<50>;
}

/// `z = W x + b`: saliency is a row of `W`, integrated gradients are that row times `x - b`.
#[test]
fn attributions_of_a_linear_network_have_a_closed_form() {
    type Net = (Linear<5, 3>,);
    let weights = Weights::<Net>::init(3);
    let net = Tape::<Net>::new(weights.clone()).unwrap();
    let baseline = [0.5, 0.25, -1.0, 0.0, 2.0];
    for (class, sample) in SAMPLES.iter().enumerate() {
        let row = &weights.as_slice()[class * 5..class * 5 + 5];
        assert_eq!(net.saliency(sample, class).unwrap(), row);
        let explained = IntegratedGradients::new()
            .baseline(&baseline)
            .explain(&net, sample, class)
            .unwrap();
        assert_eq!(explained.steps, 32, "complete at once");
        for i in 0..5 {
            let expected = row[i] * (sample[i] - baseline[i]);
            // rounding of the halved weights, of the sum over the steps' lengths, and of the product
            assert!((explained.values[i] - expected).abs() <= 2.0 * f32::EPSILON * expected.abs());
        }

        // with a relative tolerance of 0, what is allowed is the rounding of the logits and of the terms in f32
        let exact = IntegratedGradients::new()
            .baseline(&baseline)
            .tolerance(0.0);
        let allowed = exact.explain(&net, sample, class).unwrap().allowed;
        let logit = |x: &[f32; 5]| f64::from(net.predict(x).unwrap()[class].abs());
        let terms: f64 = widened(&explained.values).iter().map(|v| v.abs()).sum();
        let rounding = 2f64.powi(-22) * (logit(&baseline) + logit(sample) + terms);
        assert!(
            (allowed / rounding - 1.0).abs() < 1e-5,
            "{allowed} against {rounding}"
        );
    }
    // and of a network that computes nothing, the logit's own feature
    let identity = Tape::<(Input<3>,)>::new(Weights::zeros()).unwrap();
    assert_eq!(
        identity.saliency(&[5.0, 6.0, 7.0], 1).unwrap(),
        [0.0, 1.0, 0.0]
    );
}

/// With one feature, the sum reveals the nodes of a step. The two-point Gauss-Legendre rule has its nodes at
/// `(1 -+ 1/sqrt(3)) / 2` with equal weights: `tanh'(t) = 1 / cosh(t)^2` there, for `z = tanh(x)` from 0 to 1.
#[test]
fn a_single_step_uses_the_two_gauss_legendre_nodes() {
    let net = Tape::<(Input<1>, Tanh)>::new(Weights::zeros()).unwrap();
    let settings = IntegratedGradients::new().tolerance(1.0);
    // M. Abramowitz, I. Stegun, "Handbook of mathematical functions", table 25.4: 0.57735 02691 89626 on -1 to 1
    let points = [0.211_324_865_405_187, 0.788_675_134_594_813];
    let slope = |x: f64| x.cosh().powi(-2);
    // the last has more points than one batch
    for steps in [1, 2, 3, 600] {
        let found = settings.steps(steps).explain(&net, &[1.0], 0).unwrap();
        assert_eq!(found.steps, steps);
        let count = steps as f64;
        let places = (0..steps).flat_map(|step| points.map(|point| (step as f64 + point) / count));
        let expected: f64 = places.map(slope).sum::<f64>() / (2.0 * count);
        // slopes, their sums and the attribution are rounded to f32
        assert!((f64::from(found.values[0]) - expected).abs() < 3e-7);
        assert!((found.gap - (expected - 1f64.tanh())).abs() < 3e-7);
    }
}

/// `relu(x - 1/3) + 0.6 relu(x - 1/5)` from 0 to 1: only the two steps that contain a kink have a gap, the rule is exact
/// in the others. Of 32 steps, these two are off by 1/6 and -0.06 of a step's length, 0.1067 / 32 in sum, more than the
/// 0.0023 allowed, 0.002 of the difference 1.1467. A quarter of the larger is less than both, and so is a 32nd of what is
/// allowed: both are halved. They are then off by 1/6 and 0.12 with the same sign, 0.2867 / 64, and after another halving by
/// 1/6 and 0.06, 0.2267 / 128, which is allowed.
#[test]
fn steps_with_a_kink_are_halved_up_to_the_limit() {
    let mut weights = Weights::<(Linear<1, 2>, ReLU, Linear<2, 1>)>::zeros();
    let values = [1.0, 1.0, -1.0 / 3.0, -0.2, 1.0, 0.6, 0.0];
    weights.as_mut_slice().copy_from_slice(&values);
    let net = Tape::new(weights).unwrap();
    let settings = IntegratedGradients::new().tolerance(2e-3);
    for (most, taken) in [(32, 32), (33, 32), (34, 34), (35, 34)] {
        let limited = settings.max_steps(most).explain(&net, &[1.0], 0);
        let Err(Error::Incomplete { steps, .. }) = limited else {
            panic!("{most}: {limited:?}")
        };
        assert_eq!(steps, taken, "{most}");
    }
    let found = settings.max_steps(36).explain(&net, &[1.0], 0).unwrap();
    assert_eq!(found.steps, 36);
    assert!(
        (found.gap.abs() - 17.0 / 75.0 / 128.0).abs() < 1e-6,
        "{}",
        found.gap
    );
}

/// Two layers of width 12 with one kind of activation; wide enough for some kinks, small enough for many cases.
type Deep<A> = (Linear<7, 12>, A, Linear<12, 9>, A, Linear<9, 4>);

fn completeness<A>(
    seed: u64,
    scale: f32,
    ends: &[[f32; 7]; 2],
    class: usize,
) -> Result<(), TestCaseError>
where
    Deep<A>: Network<In = Features<7>, Output = Features<4>>,
{
    let mut weights = Weights::<Deep<A>>::init(seed);
    weights.as_mut_slice().iter_mut().for_each(|w| *w *= scale);
    let exact = widened(weights.as_slice());
    let net = Tape::new(weights).unwrap();
    let [baseline, sample] = ends;
    let found = IntegratedGradients::new()
        .baseline(baseline)
        .explain(&net, sample, class);
    let found = found.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let z = |x: &[f32]| logits(&Deep::<A>::PLAN, &exact, &widened(x))[class];
    let difference = z(sample) - z(baseline);
    let values = widened(&found.values);
    let sum = values.iter().sum::<f64>();
    // the tape's f32 rounding of a logit, and of sums that cancel, which more steps do not reduce
    let size = z(sample).abs() + z(baseline).abs() + values.iter().map(|a| a.abs()).sum::<f64>();
    let rounding = 1e-5 * size;
    prop_assert!((found.difference - difference).abs() <= rounding);
    // The guarantee is that the values sum to the difference of the tape's logits within the returned tolerance: a
    // fraction of that difference, or the rounding error where that is small.
    prop_assert_eq!(sum - found.difference, found.gap);
    prop_assert!(found.gap.abs() <= found.allowed, "{found:?}");
    let share = 1e-3 * found.difference.abs();
    prop_assert!(found.allowed <= share.max(rounding), "{found:?}");
    Ok(())
}

/// If the gap is close to a thousandth, the `f32` rounding of the logits decides on which side of it the exact
/// difference is: with this seed and scale (and others) a test with its own bound failed by chance.
#[test]
fn barely_complete_attributions_are_within_their_tolerance() {
    let ends = [
        [
            -1.3478054,
            1.6749325,
            -0.93824744,
            -2.7121975,
            1.4895139,
            -0.5271039,
            1.7590771,
        ],
        [
            1.9241323, 1.1417923, -2.228683, 0.46578646, -1.2339646, 1.2325711, 0.9396553,
        ],
    ];
    for class in 0..4 {
        let (seed, scale) = (10805833223793017150, 5.4703746);
        completeness::<ReLU>(seed, scale, &ends, class).unwrap();
        completeness::<LeakyReLU<20>>(seed, scale, &ends, class).unwrap();
        completeness::<Tanh>(seed, scale, &ends, class).unwrap();
        completeness::<GELU>(seed, scale, &ends, class).unwrap();
    }
}

proptest! {
    #[test]
    fn attributions_of_random_networks_are_complete(
        seed: u64,
        scale in 0.5f32..6.0,
        ends in prop::array::uniform2(prop::array::uniform7(-3f32..3.0)),
        class in 0usize..4,
    ) {
        completeness::<ReLU>(seed, scale, &ends, class)?;
        completeness::<LeakyReLU<20>>(seed, scale, &ends, class)?;
        completeness::<Tanh>(seed, scale, &ends, class)?;
        completeness::<GELU>(seed, scale, &ends, class)?;
        completeness::<Hardswish>(seed, scale, &ends, class)?;
    }
}

/// The examples' digit model, 784-32-10 with ReLU, on images that it was not trained on; default settings.
#[test]
fn attributions_of_a_trained_network_are_complete() {
    let file = include_bytes!("../examples/digits.safetensors");
    let net = Tape::<MnistClassifier<32>>::new(Weights::from_bytes(file).unwrap()).unwrap();
    let digits = Digits::new(u64::MAX)
        .dataset::<Features<784>>(0..40)
        .unwrap();
    let blank = net.predict(&[0.0; 784]).unwrap();
    let mut within = 0;
    for index in 0..digits.len() {
        let sample = digits.sample(index).unwrap();
        let logits = net.predict(&sample).unwrap();
        for class in 0..10 {
            let found = IntegratedGradients::new()
                .explain(&net, &sample, class)
                .unwrap();
            let difference = f64::from(logits[class]) - f64::from(blank[class]);
            let sum: f64 = widened(&found.values).iter().sum();
            let gap = (sum - difference).abs();
            // Within 1e-3, or within f32 rounding if the difference is almost 0.
            let size = widened(&found.values).iter().map(|a| a.abs()).sum::<f64>();
            let steps = found.steps;
            assert!(
                gap <= (1e-3 * difference.abs()).max(1e-6 * size),
                "image {index}, class {class}: {gap} of {difference}, {steps} steps"
            );
            within += usize::from(gap <= 1e-3 * difference.abs());
        }
    }
    assert!(within >= 398, "{within} of 400 within 1e-3");
}

#[test]
fn invalid_inputs_are_rejected() {
    type Net = (Linear<5, 64>, ReLU, Linear<64, 3>);
    let (values, _) = weights::<Net>(4);
    let net = Tape::<Net>::new(values.clone()).unwrap();
    let sample = &SAMPLES[0];
    let says = |result: tuplenet::Result<_>, words: &str| {
        let error: Error = result.map(|_: ()| ()).unwrap_err();
        assert_eq!(error.to_string(), words);
    };
    let class = "class: expected a number below 3, found 3";
    says(net.saliency(sample, 3).map(|_| ()), class);
    let explain = |settings: IntegratedGradients<Features<5>>, sample: &[f32; 5], class| {
        settings.explain(&net, sample, class).map(|_| ())
    };
    let settings = IntegratedGradients::new;
    says(explain(settings(), sample, 3), class);
    says(
        net.saliencies(&[0.0; 9], &[0]).map(|_| ()),
        "data set: expected whole samples of 5 features, found 9 values",
    );
    says(
        net.saliencies(&[0.0; 10], &[0]).map(|_| ()),
        "data set: expected a class for each of 2 samples, found 1 classes",
    );
    assert!(net.saliencies(&[], &[]).unwrap().is_empty());
    says(
        explain(settings().steps(0), sample, 0),
        "steps: expected 1 or more, found 0",
    );
    says(
        explain(settings().max_steps(31), sample, 0),
        "maximum number of steps: expected 32 or more, the initial number of steps, found 31",
    );
    says(
        explain(settings().tolerance(f64::NAN), sample, 0),
        "tolerance: expected a finite number from 0, found NaN",
    );
    says(
        explain(settings().tolerance(-1.0), sample, 0),
        "tolerance: expected a finite number from 0, found -1",
    );
    says(
        explain(settings(), &[0.0, f32::INFINITY, 0.0, 0.0, 0.0], 0),
        "data set: expected a sample that is finite, found inf",
    );
    says(
        explain(settings().baseline(&[f32::NAN; 5]), sample, 0),
        "data set: expected a baseline that is finite, found NaN",
    );

    // One step with two gradients cannot resolve 64 kinks; the default can.
    let error = explain(settings().steps(1).max_steps(1), sample, 0).unwrap_err();
    let Error::Incomplete {
        expected,
        found,
        steps: 1,
        class: 0,
    } = error
    else {
        panic!("{error}")
    };
    assert!((expected - found).abs() > 1e-3 * expected.abs());
    assert!(error.to_string().contains("allow more steps"), "{error}");
    explain(settings(), sample, 0).unwrap();

    // NaN weights give an error, not an infinite loop.
    let mut broken = values;
    broken.as_mut_slice().fill(f32::NAN);
    let broken = Tape::<Net>::new(broken).unwrap();
    let error = settings().explain(&broken, sample, 0).unwrap_err();
    assert!(matches!(error, Error::Incomplete { .. }), "{error}");
}
