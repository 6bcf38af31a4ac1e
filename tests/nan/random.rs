//! Random networks with NaN and infinity in weights and features, on every engine.

use proptest::prelude::*;
use tuplenet::{
    prelude::*,
    shape::{Features, Sample, Shape},
    target::Classes,
};
use tuplenet_textbook::logits;

use super::same;
use crate::{
    cases::cases,
    engines::{OnFused, OnTape, Tested, losses},
    parity::processors,
    samples::Numbers,
};

const NOT_FINITE: [f32; 4] = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY];

/// Weights of a layer whose features may be 0: multiples of 1/8, so that sums are exact and all engines are on the
/// same side of a kink.
fn on_a_grid(numbers: &mut Numbers) -> f32 {
    (numbers.next() * 17.0).floor() / 8.0 - 1.0
}

/// `values`, `count` of which are made non-finite.
fn spoiled(mut values: Vec<f32>, count: usize, numbers: &mut Numbers) -> Vec<f32> {
    for _ in 0..count {
        let place = (numbers.next() * values.len() as f32) as usize;
        values[place] = NOT_FINITE[(numbers.next() * 4.0) as usize];
    }
    values
}

#[derive(Clone, Copy, Debug)]
struct Case {
    samples: usize,
    density: f32,
    bad_weights: usize,
    bad_features: usize,
    seed: u64,
}

/// Logits of every engine against a plain forward pass in `f64`, which skips nothing and does not use `max`; then
/// losses and gradients of the engines against each other.
fn every_engine_propagates<N, const I: usize, const C: usize>(
    case: Case,
) -> Result<(), TestCaseError>
where
    N: Network<In = Features<I>, Output = Features<C>>,
    Features<C>: Shape<Array = [f32; C], Class = usize>,
    [f32; I]: Sample<N::In>,
{
    let mut numbers = Numbers(case.seed);
    let weights = (0..N::PARAMS).map(|_| on_a_grid(&mut numbers)).collect();
    // a network without parameters has none to change
    let bad_weights = case.bad_weights * usize::from(N::PARAMS > 0);
    let weights = spoiled(weights, bad_weights, &mut numbers);
    let features = (0..case.samples * I).map(|_| match numbers.next() < case.density {
        true => on_a_grid(&mut numbers),
        false => 0.0,
    });
    let features = features.collect();
    let features = spoiled(features, case.bad_features, &mut numbers);

    let exact: Vec<f64> = weights.iter().map(|&w| w.into()).collect();
    let samples = features.as_chunks::<I>().0;
    let expected: Vec<f64> = samples
        .iter()
        .flat_map(|x| logits(&N::PLAN, &exact, &x.map(f64::from)))
        .collect();

    let weights = Weights::<N>::from_slice(&weights).unwrap();
    let labels = (0..case.samples).map(|at| (at % C) as u8).collect();
    let data = Dataset::<Features<I>, Classes<C>>::from_values(features.clone(), labels).ok();
    let order: Vec<u32> = (0..case.samples as u32).collect();

    let tape = Tape::<N>::new(weights.clone()).unwrap();
    same(&tape.forward(&features).unwrap(), &expected, "tape")?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    weights.save(&path).unwrap();
    let bytes = std::fs::read(path).unwrap();
    let frozen = Frozen::<N>::from_bytes(&bytes).unwrap();
    for (sample, expected) in samples.iter().zip(expected.chunks_exact(C)) {
        same(&tape.predict(sample).unwrap(), expected, "tape, one")?;
        same(&frozen.predict(sample), expected, "frozen")?;
        // torch.argmax
        let nan = expected.iter().position(|logit| logit.is_nan());
        prop_assert!(nan.is_none_or(|nan| frozen.classify(sample) == nan));
        let infinite = expected.contains(&f64::INFINITY);
        let all = expected.iter().all(|&logit| logit == f64::NEG_INFINITY);
        let probabilities = frozen.probabilities(sample);
        let is_broken = nan.is_some() || infinite || all;
        prop_assert!(probabilities.iter().all(|p| p.is_nan() == is_broken));
    }
    let on_tape = data.as_ref().map(|data| tape.upload(data).unwrap());
    for processor in processors() {
        let what = format!("{} {processor:?}", std::any::type_name::<N>());
        let fused = Fused::<N>::on(processor, weights.clone()).unwrap();
        same(&fused.forward(&features).unwrap(), &expected, &what)?;
        for (sample, expected) in samples.iter().zip(expected.chunks_exact(C)) {
            same(&fused.predict(sample).unwrap(), expected, &what)?;
        }
        let (Some(data), Some(on_tape)) = (&data, &on_tape) else {
            continue;
        };
        let uploaded = fused.upload(data).unwrap();
        same(&fused.logits(&uploaded, &order).unwrap(), &expected, &what)?;
        for loss in losses(C) {
            let (theirs, their_gradient) = OnTape::gradient(&tape, on_tape, &order, loss.clone());
            let (ours, our_gradient) = OnFused::gradient(&fused, &uploaded, &order, loss.clone());
            prop_assert!(
                ours.is_finite() == theirs.is_finite(),
                "{what}: {ours} against {theirs}"
            );
            let pairs = our_gradient
                .as_slice()
                .iter()
                .zip(their_gradient.as_slice());
            for (at, (ours, theirs)) in pairs.enumerate() {
                let hides = ours.is_finite() && !theirs.is_finite();
                prop_assert!(!hides, "{what}, {loss:?}, {at}: {ours} against {theirs}");
            }
        }
    }
    Ok(())
}

type Deep = (
    Linear<64, 16>,
    ReLU,
    Dropout<50>,
    Linear<16, 16>,
    LeakyReLU<0>,
    Linear<16, 4>,
    LeakyReLU<20>,
);

type Joined = (
    Input<33>,
    Concat<(Identity, (Linear<33, 20>, ReLU), Tanh)>,
    Concat<(Linear<86, 2>, (Linear<86, 1>, Sigmoid))>,
);

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn nan_and_infinity_are_propagated_by_every_engine(
        which in 0..15,
        samples in prop_oneof![1..9usize, 60..70usize],
        density in prop_oneof![Just(0.0f32), Just(1.0), 0.0..1.0f32],
        bad_weights in 0..4usize,
        bad_features in 0..3usize,
        seed: u64,
    ) {
        let case = Case { samples, density, bad_weights, bad_features, seed };
        match which {
            0 => every_engine_propagates::<(Linear<1, 1>, ReLU), 1, 1>(case)?,
            1 => every_engine_propagates::<(Linear<7, 5>, GELU, Linear<5, 3>), 7, 3>(case)?,
            2 => every_engine_propagates::<(Linear<130, 20>, ReLU, Linear<20, 3>), 130, 3>(case)?,
            3 => every_engine_propagates::<(Linear<100, 17>, Tanh, Linear<17, 4>), 100, 4>(case)?,
            4 => every_engine_propagates::<(Linear<97, 33>, Sigmoid, Linear<33, 2>), 97, 2>(case)?,
            5 => every_engine_propagates::<(Input<70>, Softplus, Linear<70, 6>, Sigmoid), 70, 6>(case)?,
            6 => every_engine_propagates::<Deep, 64, 4>(case)?,
            7 => every_engine_propagates::<(Linear<7, 5>, SiLU, Linear<5, 3>), 7, 3>(case)?,
            8 => every_engine_propagates::<(Linear<100, 17>, ELU, Linear<17, 4>, ELU<50>), 100, 4>(case)?,
            9 => every_engine_propagates::<(Linear<97, 33>, Hardswish, Linear<33, 2>), 97, 2>(case)?,
            10 => every_engine_propagates::<(Input<70>, Hardswish, Linear<70, 6>, SiLU, ELU<0>), 70, 6>(case)?,
            11 => every_engine_propagates::<(Linear<100, 17>, LayerNorm<17>), 100, 17>(case)?,
            12 => every_engine_propagates::<(Input<70>, PReLU, Linear<70, 18>, ChannelPReLU<18>, Linear<18, 2>), 70, 2>(case)?,
            13 => every_engine_propagates::<Joined, 33, 3>(case)?,
            _ => every_engine_propagates::<(Input<5>, ReLU, LeakyReLU<100>), 5, 5>(case)?,
        }
    }
}

/// A NaN after the first layer makes deltas NaN, and so the gradients of features that are 0.
#[test]
fn a_nan_in_a_later_layer_reaches_gradients_of_zero_features() {
    let case = Case {
        samples: 1,
        density: 0.0,
        bad_weights: 1,
        bad_features: 0,
        seed: 3701901329035000729,
    };
    every_engine_propagates::<Deep, 64, 4>(case).unwrap();
}
