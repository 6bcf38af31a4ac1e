//! One training step and one prediction, over the grid of widths and batches.
//!
//! Time is per step (forward, backward, Adam) and per sample; `Throughput` divides by samples.
//! `cargo bench --bench step`

#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros write an undocumented function

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tuplenet::{engine::Run, models::MnistClassifier, prelude::*, train::Optimizer};

fn training_step<const H: usize>(criterion: &mut Criterion, batch_size: usize) {
    let data = Digits::new(1).dataset(0..batch_size as u64).unwrap();
    let mut net = Tape::<MnistClassifier<H>>::new(Weights::init(1)).unwrap();
    let uploaded = net.upload(&data).unwrap();
    let order: Vec<u32> = (0..batch_size as u32).collect();
    let optimizer = Optimizer::from(Adam::default());
    let mut losses = Vec::new();
    let mut group = criterion.benchmark_group("step");
    group
        .throughput(Throughput::Elements(batch_size as u64))
        .sample_size(20);
    let id = BenchmarkId::new(format!("dfdx/784-{H}-10"), batch_size);
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            losses.clear();
            let loss = Loss::CrossEntropy;
            let run = Run {
                order: &order,
                batch_size,
                optimizer: &optimizer,
                schedule: Schedule::Constant,
                total_steps: 0,
                loss,
                seed: 0,
                first_step: 0,
            };
            net.train(&uploaded, &run, &mut losses).unwrap();
        });
    });
    group.finish();
}

fn prediction<const H: usize>(criterion: &mut Criterion) {
    let net = Tape::<MnistClassifier<H>>::new(Weights::init(1)).unwrap();
    let sample = Digits::new(1).dataset(0..1).unwrap().sample(0).unwrap();
    criterion.bench_function(&format!("predict/dfdx/784-{H}-10"), |bencher| {
        bencher.iter(|| net.predict(std::hint::black_box(&sample)).unwrap());
    });
}

fn grid(criterion: &mut Criterion) {
    training_step::<128>(criterion, 64);
    training_step::<500>(criterion, 100);
    training_step::<512>(criterion, 1024);
    training_step::<2048>(criterion, 256);
    prediction::<128>(criterion);
    prediction::<500>(criterion);
}

criterion_group!(benches, grid);
criterion_main!(benches);
