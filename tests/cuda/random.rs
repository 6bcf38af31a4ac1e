//! Random networks on `FusedCuda` against `Tape` and `Fused` on the CPU: sizes, layers, data, batches, losses, optimisers, clipping
//! and schedules.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng, seq::IndexedRandom};
use tuplenet::{objective::Curve, prelude::*, shape::Features, target::Classes};

use super::{
    HasLosses, assert_close,
    engines::{OnFused, OnTape, Recipe, Tested, losses, optimizers, train},
    fused::OnGpu,
    gpu,
};

/// A data set of random features: bytes, of which most are 0, or values.
fn features<const I: usize, const C: usize>(
    random: &mut impl Rng,
    samples: usize,
) -> Dataset<Features<I>, Classes<C>> {
    let labels = (0..samples)
        .map(|_| random.random_range(0..C) as u8)
        .collect();
    let values = samples * I;
    let dataset = if random.random_bool(0.5) {
        let bytes = (0..values).map(|_| random.random::<u8>() * u8::from(random.random_bool(0.2)));
        Dataset::from_bytes(bytes.collect(), 1.0 / 255.0, labels)
    } else {
        let values = (0..values).map(|_| random.random_range(-1.0..1.0));
        Dataset::from_values(values.collect(), labels)
    };
    dataset.unwrap()
}

fn schedule(random: &mut impl Rng) -> Schedule {
    let curves: [Curve; 4] = [
        Curve::Constant,
        OneCycle::default().into(),
        Cosine::default().into(),
        StepDecay {
            period: 0.3,
            factor: 0.5,
        }
        .into(),
    ];
    Schedule {
        warm_up: random.random_bool(0.5).then(WarmUp::default),
        curve: *curves.choose(random).unwrap(),
    }
}

/// What an engine computes: the loss and the gradient of all samples, then the losses of two epochs, and logits.
struct Computed<N: Network> {
    loss: f32,
    gradient: Weights<N>,
    losses: Vec<f32>,
    logits: Vec<f32>,
}

fn compute<T: Tested, N, const C: usize>(
    weights: &Weights<N>,
    dataset: &Dataset<N::In, Classes<C>>,
    recipe: &Recipe,
    batch_size: usize,
) -> Computed<N>
where
    N: Network<Output = Features<C>>,
{
    let mut net = T::new(weights.clone());
    let data = net.upload(dataset).unwrap();
    let order: Vec<u32> = (0..dataset.len() as u32).rev().collect();
    let (loss, gradient) = T::gradient(&net, &data, &order, recipe.loss.clone());
    Computed {
        loss,
        gradient,
        losses: train(&mut net, &data, order.len(), recipe, batch_size, 2),
        logits: net.logits(&data, &order).unwrap(),
    }
}

fn compare<N: Network>(ours: &Computed<N>, theirs: &Computed<N>, what: &str) {
    assert_close(&[ours.loss], &[theirs.loss], 1e-5, what);
    for (ours, theirs) in ours.gradient.tensors().zip(theirs.gradient.tensors()) {
        let what = format!("gradient of {}, {what}", ours.name);
        assert_close(ours.values, theirs.values, 2e-5, &what);
    }
    for (ours, theirs) in ours.losses.iter().zip(&theirs.losses) {
        assert_close(&[*ours], &[*theirs], 1e-4, what);
    }
    let what = format!("logits after two epochs, {what}");
    assert_close(&ours.logits, &theirs.logits, 1e-3, &what);
}

/// A network with weights, data and settings drawn from this seed.
fn network<N, const I: usize, const C: usize>(seed: u64)
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let samples = random.random_range(1..=80);
    let dataset = features::<I, C>(random, samples);
    let mut weights = Weights::<N>::init(seed);
    weights.adapt(&dataset).unwrap();
    let mut losses = losses(C);
    losses.retain(OnGpu::has);
    let recipe = Recipe {
        optimizer: *optimizers().choose(random).unwrap(),
        schedule: schedule(random),
        loss: losses.choose(random).unwrap().clone(),
        clip_norm: random.random_bool(0.5).then_some(0.1),
    };
    let batch_size = random.random_range(1..=samples);
    let what = format!(
        "{recipe:?}, {samples} samples by {batch_size}, {}",
        N::summary()
    );
    let ours = compute::<OnGpu, N, C>(&weights, &dataset, &recipe, batch_size);
    let theirs = compute::<OnTape, N, C>(&weights, &dataset, &recipe, batch_size);
    compare(&ours, &theirs, &format!("Tape, {what}"));
    let theirs = compute::<OnFused, N, C>(&weights, &dataset, &recipe, batch_size);
    compare(&ours, &theirs, &format!("Fused, {what}"));
}

macro_rules! networks {
    ($($number:literal: $inputs:literal, $outputs:literal, $net:ty;)*) => {
        $(network::<$net, $inputs, $outputs>($number);)*
    };
}

#[test]
fn random_networks_match_the_cpu() {
    if !gpu("random::random_networks_match_the_cpu") {
        return;
    }
    // drawn by `random.py`
    networks! {
    0: 33, 7, (Input<33>, LeakyReLU<7>, Linear<33, 33>, Linear<33, 16>, GELU, Linear<16, 7>,);
    1: 1, 5, (Linear<1, 16>, Dropout<30>, GELU, Linear<16, 5>,);
    2: 64, 1, (Linear<64, 16>, ELU<60>, Linear<16, 1>, GELU, LeakyReLU<7>,);
    3: 17, 2, (Input<17>, Softplus, Linear<17, 16>, Hardswish, Linear<16, 31>, Tanh, GELU, Linear<31, 2>, ReLU, GELU,);
    4: 1, 9, (Linear<1, 9>, Tanh,);
    5: 16, 8, (Linear<16, 17>, ELU<60>, ReLU, Linear<17, 33>, ELU<60>, Linear<33, 8>,);
    6: 100, 2, (Linear<100, 2>, Linear<2, 33>, LeakyReLU<7>, SiLU, Linear<33, 64>, ReLU, Linear<64, 2>, ReLU, SiLU,);
    7: 33, 11, (Linear<33, 48>, Sigmoid, Linear<48, 65>, Sigmoid, Hardswish, Linear<65, 11>,);
    8: 1, 11, (Linear<1, 31>, ReLU, SiLU, Linear<31, 11>,);
    9: 7, 1, (Linear<7, 3>, Linear<3, 64>, Linear<64, 1>, Tanh, GELU,);
    10: 31, 12, (Input<31>, ELU<60>, Linear<31, 1>, ReLU, Linear<1, 31>, Linear<31, 33>, Linear<33, 12>, LeakyReLU<7>, SiLU,);
    11: 48, 4, (Input<48>, Sigmoid, Linear<48, 31>, Sigmoid, GELU, Linear<31, 2>, Linear<2, 4>, SiLU,);
    12: 31, 3, (Input<31>, Tanh, Linear<31, 7>, Hardswish, Linear<7, 3>,);
    13: 3, 3, (Linear<3, 17>, SiLU, ReLU, Linear<17, 65>, GELU, Linear<65, 33>, GELU, Sigmoid, Linear<33, 3>,);
    14: 100, 9, (Linear<100, 33>, ELU<60>, Hardswish, Linear<33, 7>, Linear<7, 9>, Hardswish,);
    15: 65, 11, (Standardize<65>, Linear<65, 11>,);
    }
}
