//! `Tape` on an NVIDIA GPU against `Tape` on the CPU. Without a GPU all but the last test say that they are
//! skipped.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{any::type_name, io::Write};

use tuplenet::{
    Error,
    engine::{Batches, Run},
    prelude::*,
    shape::Features,
    train::Optimizer,
};

type Small = (Linear<20, 16>, Tanh, Linear<16, 12>, ReLU, Linear<12, 5>);
type Every = (
    Input<24>,
    Tanh,
    Linear<24, 33>,
    GELU,
    Linear<33, 17>,
    Sigmoid,
    Linear<17, 9>,
    LeakyReLU<20>,
    Linear<9, 9>,
    Softplus,
    Dropout<30>,
    Linear<9, 3>,
);
type Digits = (Linear<784, 100>, ReLU, Linear<100, 10>);

/// Says it on the terminal: the test harness would hide `eprintln`.
fn say(text: &str) {
    std::io::stderr()
        .write_all(format!("\n{text}\n").as_bytes())
        .unwrap();
}

/// The network on the first GPU, if there is one.
fn on_gpu<N: Network>(weights: &Weights<N>) -> Option<Tape<N, Cuda>> {
    match Tape::cuda(0, weights.clone()) {
        Ok(tape) => Some(tape),
        Err(error @ Error::NoDevice { .. }) => {
            say(&format!("SKIPPED on CUDA: {error}"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Samples from a linear congruential generator, half of their features 0.
fn data<const I: usize, const C: usize>(samples: usize) -> Dataset<I, C> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let values = (0..samples * I).map(|_| (next() - 0.5).max(0.0) * 4.0);
    let values = values.collect();
    let labels = (0..samples).map(|_| (next() * C as f32) as u8).collect();
    Dataset::from_values(values, labels).unwrap()
}

/// Each entry within `share` of the largest.
fn assert_close(ours: &[f32], theirs: &[f32], share: f32, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        // 6e-8: what rounding leaves where the shares of a mean cancel.
        let is_close = (a - b).abs() <= share * largest + 6e-8;
        assert!(is_close, "{what} [{i}]: {a} against {b}");
    }
}

/// Logits, loss and every gradient, for batches that fill no warp of 32 and for one that is alone.
fn same_as_on_the_cpu<N, const I: usize, const C: usize>()
where
    N: Network<In = Features<I>, Output = Features<C>>,
{
    let weights = Weights::<N>::init(3);
    let cpu = Tape::<N>::new(weights.clone()).unwrap();
    let data = data::<I, C>(150);
    let on_cpu = cpu.upload(&data).unwrap();
    for batches in [Batches::Uploaded, Batches::Gathered] {
        let Some(gpu) = on_gpu(&weights) else { return };
        let gpu = gpu.batches(batches);
        let on_gpu = gpu.upload(&data).unwrap();
        for count in [150, 97, 33, 7, 1] {
            let what = format!("{} {batches:?}, {count} samples", type_name::<N>());
            let order: Vec<u32> = (0..count).map(|i| (i * 7 + 3) % 150).collect();
            let logits = gpu.logits(&on_gpu, &order).unwrap();
            assert_close(&logits, &cpu.logits(&on_cpu, &order).unwrap(), 1e-5, &what);
            for loss in [Loss::CrossEntropy, Loss::MeanSquaredError] {
                let (value, gradient) = gpu.gradient(&on_gpu, &order, loss).unwrap();
                let (expected, expected_gradient) = cpu.gradient(&on_cpu, &order, loss).unwrap();
                assert_close(&[value], &[expected], 1e-5, &what);
                for (a, b) in gradient.tensors().zip(expected_gradient.tensors()) {
                    let what = format!("{what}, {loss:?}, {}", a.name);
                    assert_close(a.values, b.values, 1e-5, &what);
                }
            }
        }
    }
}

#[test]
fn logits_losses_and_gradients_are_the_cpus() {
    same_as_on_the_cpu::<Small, 20, 5>();
    same_as_on_the_cpu::<Every, 24, 3>();
    same_as_on_the_cpu::<Digits, 784, 10>();
}

/// Ten steps of 16, the last batch short, dropout on.
fn losses<N, D, const I: usize, const C: usize>(
    mut net: Tape<N, D>,
    optimizer: Optimizer,
    data: &Dataset<I, C>,
) -> Vec<f32>
where
    N: Network<In = Features<I>, Output = Features<C>>,
    D: dfdx::prelude::Device<f32>,
{
    let uploaded = net.upload(data).unwrap();
    let order: Vec<u32> = (0..150).collect();
    let run = Run {
        order: &order,
        batch_size: 16,
        optimizer: &optimizer,
        schedule: Schedule::Constant,
        total_steps: 10,
        loss: Loss::CrossEntropy,
        seed: 5,
        first_step: 0,
    };
    let mut losses = Vec::new();
    net.train(&uploaded, &run, &mut losses).unwrap();
    losses
}

#[test]
fn ten_steps_of_every_optimiser_are_the_cpus() {
    let weights = Weights::<Every>::init(4);
    let data = data::<24, 3>(150);
    for optimizer in [
        Optimizer::from(Sgd::default()),
        Optimizer::from(Adam::default()),
        Optimizer::from(AdamW::default()),
    ] {
        let expected = losses(Tape::new(weights.clone()).unwrap(), optimizer, &data);
        assert_eq!(expected.len(), 10);
        let on_gpu = |batches| Some(losses(on_gpu(&weights)?.batches(batches), optimizer, &data));
        let Some(uploaded) = on_gpu(Batches::Uploaded) else {
            return;
        };
        assert_close(&uploaded, &expected, 1e-4, &format!("{optimizer:?}"));
        let gathered = on_gpu(Batches::Gathered).unwrap();
        assert_close(
            &gathered,
            &uploaded,
            1e-6,
            &format!("{optimizer:?} gathered"),
        );
    }
}

#[test]
fn a_gpu_that_is_not_there_is_one_line() {
    let error = Tape::<Small, Cuda>::cuda(9999, Weights::init(1)).unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with("cuda:9999: expected ") && text.contains(", found "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}
