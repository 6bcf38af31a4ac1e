//! Times one training step (forward, backward, Adam) and one prediction of tuplenet's engines, over the grid of widths
//! and batch sizes, and one prediction of frozen models.
//!
//! `cargo bench --bench step`; with `TUPLENET_MNIST` on MNIST, else on built-in digits. The throughput is in samples.

#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros write an undocumented function

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tuplenet::{
    engine::Run, frozen::embed, models::MnistClassifier, objective::Optimizer, prelude::*,
    shape::Features, target::Classes,
};

/// The number of samples that the batches cycle through, so that they do not all stay in the cache.
const SAMPLES: usize = 16_384;

/// MNIST if it is found, else built-in digits; and dense values without zeros.
fn data() -> [(&'static str, Dataset<Features<784>, Classes<10>>); 2] {
    let pixels = match Mnist::find() {
        Ok(mnist) => mnist.load().unwrap().0,
        Err(_) => Digits::new(1).dataset(0..SAMPLES as u64).unwrap(),
    };
    let label = |i: usize| (i * 7 % 10) as u8;
    let value = |i: usize| 0.1 + (i * 7919 % 1009) as f32 / 1121.0;
    let values = (0..SAMPLES * 784).map(value).collect();
    let dense = Dataset::from_values(values, (0..SAMPLES).map(label).collect()).unwrap();
    [("pixels", pixels), ("dense", dense)]
}

fn training_step<const H: usize, E: Engine<MnistClassifier<H>>>(
    criterion: &mut Criterion,
    mut net: E,
    batch_size: usize,
) {
    let mut group = criterion.benchmark_group("step");
    group
        .throughput(Throughput::Elements(batch_size as u64))
        .sample_size(20);
    for (kind, data) in data() {
        let uploaded = net.upload(&data).unwrap();
        let order: Vec<u32> = (0..SAMPLES as u32).collect();
        let mut batches = order.chunks_exact(batch_size).cycle();
        let optimizer = Optimizer::from(Adam::default());
        let mut losses = Vec::new();
        let id = BenchmarkId::new(format!("{}/784-{H}-10/{kind}", net.name()), batch_size);
        group.bench_function(id, |bencher| {
            bencher.iter(|| {
                losses.clear();
                let run = Run {
                    order: batches.next().unwrap(),
                    batch_size,
                    optimizer: &optimizer,
                    schedule: Schedule::CONSTANT,
                    total_steps: 0,
                    loss: Loss::CrossEntropy,
                    seed: 0,
                    first_step: 0,
                    clip_norm: None,
                };
                net.train(&uploaded, &run, &mut losses).unwrap();
            });
        });
    }
    group.finish();
}

fn prediction<N: Network<In = Features<I>>, E: Engine<N>, const I: usize>(
    criterion: &mut Criterion,
    net: E,
    name: &str,
    sample: [f32; I],
) {
    let id = format!("predict/{}/{name}", net.name());
    criterion.bench_function(&id, |bencher| {
        bencher.iter(|| net.predict(black_box(&sample)).unwrap());
    });
}

/// A prediction of a frozen model: packed as by `frozen!`, but at run time, and borrowed from a file.
fn frozen<N: Network<In = Features<I>>, const I: usize, const ROWS: usize>(
    criterion: &mut Criterion,
    name: &str,
    sample: [f32; I],
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    Weights::<N>::init(1).save(&path).unwrap();
    let file = std::fs::read(path).unwrap();
    let plan = Some(N::PLAN);
    let places = embed::places(&plan, &file, "net.safetensors", embed::Names::Sequential);
    let packed = Box::leak(Box::new(embed::packed::<ROWS>(&plan, &file, &places)));
    let embedded = embed::frozen::<N, ROWS>(packed);
    criterion.bench_function(&format!("predict/frozen/{name}"), |bencher| {
        bencher.iter(|| embedded.predict(black_box(&sample)));
    });
    let borrowed = Frozen::<N>::from_bytes(&file).unwrap();
    criterion.bench_function(&format!("predict/borrowed/{name}"), |bencher| {
        bencher.iter(|| borrowed.predict(black_box(&sample)));
    });
}

fn grid(criterion: &mut Criterion) {
    macro_rules! at {
        ($h:literal, $batch:literal) => {
            type Net = MnistClassifier<$h>;
            training_step::<$h, _>(
                criterion,
                Fused::<Net>::new(Weights::init(1)).unwrap(),
                $batch,
            );
            #[cfg(feature = "dfdx")]
            training_step::<$h, _>(
                criterion,
                Tape::<Net>::new(Weights::init(1)).unwrap(),
                $batch,
            );
        };
    }
    {
        at!(128, 64);
    }
    {
        at!(500, 100);
    }
    {
        at!(512, 1024);
    }
    {
        at!(2048, 256);
    }
    let [(_, pixels), (_, dense)] = data();
    let (digit, values) = (pixels.sample(0).unwrap(), dense.sample(0).unwrap());
    macro_rules! predict {
        ($h:literal) => {
            type Net = MnistClassifier<$h>;
            let fused = || Fused::<Net>::new(Weights::init(1)).unwrap();
            prediction::<Net, _, 784>(criterion, fused(), concat!("784-", $h, "-10/pixels"), digit);
            prediction::<Net, _, 784>(criterion, fused(), concat!("784-", $h, "-10/dense"), values);
            const ROWS: usize = embed::rows(&Some(Net::PLAN));
            frozen::<Net, 784, ROWS>(criterion, concat!("784-", $h, "-10/pixels"), digit);
            frozen::<Net, 784, ROWS>(criterion, concat!("784-", $h, "-10/dense"), values);
        };
    }
    {
        predict!(128);
    }
    {
        predict!(500);
    }
    type Small = (Linear<64, 64>, ReLU, Linear<64, 16>);
    let small = Fused::<Small>::new(Weights::init(1)).unwrap();
    prediction::<Small, _, 64>(criterion, small, "64-64-16/dense", [0.5; 64]);
    frozen::<Small, 64, { embed::rows(&Some(Small::PLAN)) }>(
        criterion,
        "64-64-16/dense",
        [0.5; 64],
    );
}

criterion_group!(benches, grid);
criterion_main!(benches);
