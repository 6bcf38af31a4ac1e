//! Products on tensor cores: `FusedCuda` in TF32 and bf16 against `Tape` on the CPU.

use tuplenet::{engine::Precision, prelude::*, shape::Features};

use super::{
    data,
    engines::{OnTape, Tested},
    gpu,
};

// Without kinks, at which a gradient has another value after the smallest change.
type Two = (Linear<784, 128>, Tanh, Linear<128, 10>);
type Three = (Linear<65, 100>, GELU, Linear<100, 17>, SiLU, Linear<17, 3>);

/// The largest difference of two tensors, as a share of the largest value.
fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    let largest = theirs.iter().fold(0f32, |max, value| max.max(value.abs()));
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    differences.fold(0f32, f32::max) / largest
}

/// Logits and gradients of a network differ by roundings of factors of this size, and by these alone.
fn roundings<N, const I: usize, const C: usize>(precision: Precision, rounding: f32)
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    let weights = Weights::<N>::init(3);
    let gpu = FusedCuda::<N>::with_precision(0, weights.clone(), precision).unwrap();
    let cpu = OnTape::new::<N>(weights);
    for samples in [1, 31, 100] {
        let dataset = data::<I, C>(samples);
        let (on_gpu, on_cpu) = (gpu.upload(&dataset).unwrap(), cpu.upload(&dataset).unwrap());
        let order: Vec<u32> = (0..samples as u32).rev().collect();
        let what = format!("{precision:?}, {samples} samples of {I} features");
        let theirs = cpu.logits(&on_cpu, &order).unwrap();
        let mut differences = vec![difference(&gpu.logits(&on_gpu, &order).unwrap(), &theirs)];
        let (_, theirs) = cpu.gradient(&on_cpu, &order, Loss::CrossEntropy).unwrap();
        let (_, ours) = gpu.gradient(&on_gpu, &order, Loss::CrossEntropy).unwrap();
        for (ours, theirs) in ours.tensors().zip(theirs.tensors()) {
            differences.push(difference(ours.values, theirs.values));
        }
        let largest = differences.iter().fold(0f32, |max, value| max.max(*value));
        println!("{what}: {} roundings", largest / rounding);
        // The factors of a term have one rounding each, and terms cancel; three layers add theirs.
        assert!(largest < 8.0 * rounding, "{what}: {differences:?}");
        assert!(
            largest > rounding / 16.0,
            "{what}: {differences:?} is exact"
        );
    }
}

#[test]
fn results_differ_by_the_roundings_of_factors() {
    if gpu("precision::results_differ_by_the_roundings_of_factors") {
        for (precision, rounding) in [
            (Precision::Tf32, 2f32.powi(-11)),
            (Precision::Bf16, 2f32.powi(-8)),
        ] {
            roundings::<Two, 784, 10>(precision, rounding);
            roundings::<Three, 65, 3>(precision, rounding);
        }
    }
}

/// A training reaches the accuracy of `f32`, in the same bits again.
#[test]
fn trainings_reach_the_accuracy_of_f32() {
    type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
    if !gpu("precision::trainings_reach_the_accuracy_of_f32") {
        return;
    }
    let digits = Digits::new(1);
    let (train, test) = (
        digits.dataset(0..640).unwrap(),
        digits.dataset(640..1_000).unwrap(),
    );
    let trained = |precision: Precision| {
        let net = FusedCuda::<Net>::with_precision(0, Weights::init(1), precision);
        let mut net = net.unwrap();
        let trainer = Trainer::new(Adam {
            learning_rate: 0.01,
            ..Adam::default()
        });
        trainer
            .epochs(6)
            .batch(32)
            .seed(1)
            .fit(&mut net, &train)
            .unwrap();
        let accuracy = net.evaluate(&test).unwrap().accuracy();
        println!("{precision:?}: {accuracy}");
        (net.name(), accuracy, net.weights().unwrap())
    };
    let (name, expected, _) = trained(Precision::F32);
    assert_eq!(name, "fused");
    for (precision, engine) in [
        (Precision::Tf32, "fused (TF32)"),
        (Precision::Bf16, "fused (bf16)"),
    ] {
        let (name, accuracy, weights) = trained(precision);
        assert_eq!(name, engine);
        assert!(
            (accuracy - expected).abs() < 0.02,
            "{precision:?}: {accuracy}, f32 {expected}"
        );
        assert_eq!(trained(precision).2, weights);
    }
}
