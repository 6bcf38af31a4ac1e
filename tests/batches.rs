//! Batches gathered on the host and on the device give bit-identical results.

use tuplenet::{
    engine::{Batches, Run},
    prelude::*,
};

type Net = (Linear<784, 20>, ReLU, Dropout<20>, Linear<20, 10>);

/// Logits, loss and gradient of one batch; then two epochs with a short last batch.
fn bits(batches: Batches) -> (Vec<f32>, f32, String, Vec<f32>, String) {
    let digits = Digits::new(6).dataset(0..130).unwrap();
    let mut net = Tape::<Net>::new(Weights::init(2)).unwrap().batches(batches);
    let data = net.upload(&digits).unwrap();
    let order: Vec<u32> = (0..130).rev().collect();
    let logits = net.logits(&data, &order).unwrap();
    let (loss, gradient) = net.gradient(&data, &order, Loss::CrossEntropy).unwrap();
    let mut losses = Vec::new();
    for _ in 0..2 {
        let run = Run {
            order: &order,
            batch_size: 50,
            optimizer: &Adam::default().into(),
            schedule: Schedule::CONSTANT,
            total_steps: 0,
            loss: Loss::CrossEntropy,
            seed: 1,
            first_step: losses.len() as u64,
            clip_norm: None,
        };
        net.train(&data, &run, &mut losses).unwrap();
    }
    assert_eq!(losses.len(), 6);
    let weights = net.weights().unwrap().sha256();
    (logits, loss, gradient.sha256(), losses, weights)
}

#[test]
fn gathered_and_uploaded_batches_are_identical() {
    assert_eq!(bits(Batches::Gathered), bits(Batches::Uploaded));
}
