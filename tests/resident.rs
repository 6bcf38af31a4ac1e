//! The memory of a training as `Fused::training_memory` predicts it, beside that of a process which does nothing else.

use std::{env, fs, process::Command};

use tuplenet::{engine::TrainingSize, models::MnistClassifier, prelude::*};

/// Every part but the order is more than the tolerance.
type Net = MnistClassifier<2048>;
const SAMPLES: usize = 50_000;
const BATCH: usize = 4096;

/// For pages that are not full, the allocator's own data, the stacks of threads and the pages of the program that are read for
/// the first time: 2 MB on two cores.
const TOLERANCE: usize = 4_000_000;

const TOLD: &str = "TUPLENET_RESIDENT";

/// Whether this process is the one that does nothing else.
pub fn is_told() -> bool {
    env::var_os(TOLD).is_some()
}

/// Trains, and compares with the prediction.
pub fn train() {
    rayon::broadcast(|_| ());
    let [before, _] = resident();
    let data = Digits::new(1).dataset(0..SAMPLES as u64).unwrap();
    let mut net = Fused::<Net>::new(Weights::init(1)).unwrap();
    let trained = Trainer::new(Adam::default())
        .batch(BATCH)
        .epochs(1)
        .fit(&mut net, &data);
    trained.unwrap();
    let [_, peak] = resident();
    let taken = peak - before;
    let predicted = Fused::<Net>::training_memory(&TrainingSize::new(SAMPLES, BATCH));
    let with_copy = predicted.total() + 4 * Net::PARAMS;
    assert!(
        taken.abs_diff(with_copy) <= TOLERANCE,
        "{taken} bytes, {with_copy} predicted with the trainer's copy: {predicted}"
    );
}

/// Runs the test `name` of this program in a process of its own, which only [`train`]s.
pub fn is_as_predicted(name: &str) {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", name])
        .env(TOLD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

/// The bytes of this process that are in memory, and the most that there were.
fn resident() -> [usize; 2] {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kilobytes.parse::<usize>().unwrap() * 1024
    })
}
