//! Times one prediction of frozen models in `f32` and in eight bits, one thread, and prints the ratio of their times.
//!
//! `cargo bench --bench eight_bit [-- ROUNDS] [NAME]`, with a part of a network's name for it alone. Both alternate, some milliseconds each, so that what else runs on the machine slows both;
//! a round gives one ratio. The same instructions are compared: AVX2 with AVX2, AVX-512 with AVX-512 VNNI, portable with portable.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use tuplenet::{
    frozen::embed::{self, Level as Wide},
    models::{AnomalyDetector, MnistClassifier, ResNet8},
    prelude::*,
    quantized::{
        Quantized, Quantizer,
        embed::{Level, predict_at},
    },
    shape::{Features, Sample, Shape},
    target::Values,
};

/// The least time of a turn.
const TURN: Duration = Duration::from_micros(700);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rounds = match words.iter().any(|word| word == "--test") {
        true => 1,
        false => words
            .iter()
            .find_map(|word| word.parse().ok())
            .unwrap_or(301),
    };
    let named = words
        .iter()
        .find(|word| word.starts_with(char::is_alphabetic));
    println!("| | instructions | f32, us | eight bits, us | times as fast (quartiles) |");
    println!("| --- | --- | ---: | ---: | ---: |");
    macro_rules! case {
        ($name:literal, $net:ty, $density:expr) => {{
            type Net = $net;
            const ROWS: usize = embed::rows(&Some(Net::PLAN));
            if named.is_none_or(|name| $name.contains(name.as_str())) {
                compare::<Net, _, { <<Net as Network>::Output as Shape>::LEN }, ROWS>(
                    $name, $density, rounds,
                );
            }
        }};
    }
    type Small = (Linear<64, 64>, ReLU, Linear<64, 16>);
    case!("784-128-10, dense", MnistClassifier<128>, 1.0);
    case!("784-128-10, a fifth not zero", MnistClassifier<128>, 0.2);
    case!("64-64-16", Small, 1.0);
    case!("autoencoder of MLPerf Tiny", AnomalyDetector, 1.0);
    case!("ResNet-8 of MLPerf Tiny", ResNet8<3, 32, 32, 10>, 1.0);
}

/// Samples of which so many values are not 0, in runs as the strokes of a digit are.
fn data<S: Shape, const O: usize>(density: f32) -> Dataset<S, Values<O>> {
    let value = |i: usize| {
        let is_lit = (i / 7 * 7919 % 1000) as f32 <= 1000.0 * density;
        if is_lit {
            0.1 + (i * 7919 % 1009) as f32 / 1121.0
        } else {
            0.0
        }
    };
    let values = (0..64 * S::LEN).map(value).collect();
    Dataset::regression(values, vec![0.0; 64 * O]).unwrap()
}

fn compare<N, S: Shape, const O: usize, const ROWS: usize>(name: &str, density: f32, rounds: usize)
where
    N: Network<In = S, Output = Features<O>>,
    S::Array: Sample<S>,
{
    let weights = Weights::<N>::init(1);
    let data = data::<S, O>(density);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    weights.save(&path).unwrap();
    let file = std::fs::read(path).unwrap();
    let plan = Some(N::PLAN);
    let places = embed::places(&plan, &file, "net.safetensors", embed::Names::Sequential);
    let packed = Box::leak(Box::new(embed::packed::<ROWS>(&plan, &file, &places)));
    let exact = embed::frozen::<N, ROWS>(packed);
    let file = Quantizer::new(&weights).calibrate(&data).unwrap();
    let eight_bit = Quantized::<N>::from_bytes(&file.to_bytes().unwrap()).unwrap();
    let samples: Vec<S::Array> = (0..64).map(|i| data.sample(i).unwrap()).collect();

    #[cfg(target_arch = "x86_64")]
    let levels = [
        ("AVX-512", Wide::Avx512, Level::Vnni),
        ("AVX2", Wide::Avx2, Level::Avx2),
        ("SSE2", Wide::Portable, Level::Sse2),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let levels = [("portable", Wide::Portable, Level::Portable)];
    for (instructions, wide, level) in levels {
        if !level.is_available() {
            continue;
        }
        let exact = |sample: &S::Array| {
            black_box(embed::predict_at(wide, &exact, black_box(sample)));
        };
        let eight_bit = |sample: &S::Array| {
            black_box(predict_at(level, &eight_bit, black_box(sample)));
        };
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            times[0].push(time(&samples, exact));
            times[1].push(time(&samples, eight_bit));
        }
        let both = times[0].iter().zip(&times[1]);
        let ratios = both.map(|(exact, eight_bit)| exact / eight_bit).collect();
        let [[_, exact, _], [_, eight_bit, _]] = times.map(quartiles);
        let [low, ratio, high] = quartiles(ratios);
        println!(
            "| {name} | {instructions} | {exact:.2} | {eight_bit:.2} | {ratio:.2} ({low:.2}-{high:.2}) |"
        );
    }
}

/// Microseconds for one prediction, over one turn.
fn time<A>(samples: &[A], mut predict: impl FnMut(&A)) -> f64 {
    samples.iter().for_each(&mut predict);
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < TURN {
        samples.iter().for_each(&mut predict);
        count += samples.len();
    }
    start.elapsed().as_secs_f64() * 1e6 / count as f64
}

/// The first quartile, the median and the third quartile.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
}
