//! Failures of the device, each in a process of its own: the allocations and launches of a short training fail, one
//! by one. The emulated GPU fails where it is told to (`scripts/cuda-emulate`); on another, these tests print
//! `SKIPPED`.

use std::{
    env,
    io::Write,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use tempfile::tempdir;
use tuplenet::{prelude::*, shape::Features};

use super::data;

/// Layers that share tensors, which dfdx copies.
type Net = (Linear<7, 5>, GELU, PReLU, BatchNorm1d<5>, Linear<5, 3>);
/// What the fused engine runs.
type Fusible = (Linear<7, 5>, GELU, Dropout<20>, Linear<5, 3>);

/// The folder of the child's checkpoints.
const FOLDER: &str = "TUPLENET_CUDA_TEST_FOLDER";

/// The child's engine.
const ENGINE: &str = "TUPLENET_CUDA_TEST_ENGINE";

/// The digest of the weights after a short training, with clipping and a short last batch.
fn short_training<N>(
    net: tuplenet::Result<impl Engine<N>>,
    (samples, batch_size): (usize, usize),
    (folder, every): (&Path, Duration),
) -> tuplenet::Result<String>
where
    N: Network<In = Features<7>, Output = Features<3>>,
{
    let mut net = net?;
    let checkpoints = Checkpoints::in_folder(folder);
    Trainer::new(Adam::default())
        .epochs(2)
        .batch(batch_size)
        .seed(1)
        .clip_norm(0.5)
        .checkpoints(checkpoints.every(every).resume(true))
        .fit(&mut net, &data::<7, 3>(samples))?;
    Ok(net.weights()?.sha256())
}

/// The child's part of the tests below; alone it does nothing.
#[test]
fn child() {
    if let Some(folder) = env::var_os(FOLDER) {
        let folder = folder.as_ref();
        let result = match env::var(ENGINE).as_deref() {
            // 52 batches, two at a time, which are a CUDA graph, but for the last, short one
            Ok("fused") => {
                let net = FusedCuda::<Fusible>::new(0, Weights::init(2));
                short_training(net, (103, 2), (folder, Duration::MAX))
            }
            _ => short_training(
                Tape::<Net, Cuda>::cuda(0, Weights::init(2)),
                (11, 8),
                (folder, Duration::ZERO),
            ),
        };
        match result {
            Ok(digest) => println!("\ntrained: {digest}"),
            Err(error) => println!("\nerror: {error}"),
        }
    }
}

/// How the training ends in a child, whose emulated device has a setting.
fn outcome(engine: &str, folder: &Path, setting: (&str, &str)) -> String {
    let child = Command::new(env::current_exe().unwrap())
        .args(["failures::child", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(ENGINE, engine)
        .env(setting.0, setting.1)
        .output()
        .unwrap();
    let [printed, errors] =
        [child.stdout, child.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(child.status.success(), "{setting:?}: {printed}{errors}");
    assert_eq!(errors, "", "{setting:?}: nothing but the result is printed");
    let result = |line: &&str| line.starts_with("trained: ") || line.starts_with("error: ");
    let lines: Vec<&str> = printed.lines().filter(result).collect();
    assert_eq!(lines.len(), 1, "{setting:?}: one line: {printed}");
    lines[0].to_owned()
}

pub(super) fn is_emulated(test: &str) -> bool {
    let net = Tape::<(Linear<1, 1>,), Cuda>::cuda(0, Weights::zeros());
    let is_emulated = net.is_ok_and(|net| net.device().contains("emulated"));
    if !is_emulated {
        let line = format!("SKIPPED {test}: no emulated GPU; run scripts/cuda-emulate\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    is_emulated
}

/// Lets `kind` number 1, 1 + step, .. fail, until the training ends without one, and returns how many failed.
/// What a failed training has left is resumed, with the same bits.
fn each_fails(engine: &str, kind: &str, step: u32, words: &str) -> u32 {
    let folder = tempdir().unwrap();
    let expected = outcome(engine, folder.path(), ("TUPLENET_EMULATOR_DEVICES", "1"));
    assert!(expected.starts_with("trained: "), "{expected}");
    let (next, failed) = (AtomicU32::new(0), AtomicU32::new(0));
    let work = || {
        loop {
            let number = 1 + step * next.fetch_add(1, Ordering::Relaxed);
            let folder = tempdir().unwrap();
            let setting = format!("{kind}:{number}");
            let found = outcome(engine, folder.path(), ("TUPLENET_EMULATOR_FAIL", &setting));
            if found == expected {
                return; // the training has fewer
            }
            failed.fetch_add(1, Ordering::Relaxed);
            let begins = [&format!("error: {engine} on cuda:0"), "error: cuda:0"];
            let is_device = begins.iter().any(|begin| found.starts_with(begin));
            assert!(is_device && found.contains(words), "{setting}: {found}");
            if number % 5 == 1 {
                let resumed = outcome(engine, folder.path(), ("TUPLENET_EMULATOR_DEVICES", "1"));
                assert_eq!(resumed, expected, "resumed after {setting}");
            }
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    failed.into_inner()
}

#[test]
fn every_allocation_that_fails_is_an_error() {
    if is_emulated("every_allocation_that_fails_is_an_error") {
        let failed = each_fails("dfdx", "allocation", 1, "out of memory");
        assert!(failed > 50, "{failed}");
        let failed = each_fails("fused", "allocation", 1, "out of memory");
        assert!(failed > 20, "{failed}");
    }
}

#[test]
fn a_graph_without_memory_is_an_error() {
    if is_emulated("a_graph_without_memory_is_an_error") {
        assert_eq!(each_fails("fused", "graph", 1, "out of memory"), 1);
    }
}

#[test]
fn a_lost_device_is_an_error() {
    if is_emulated("a_lost_device_is_an_error") {
        let failed = each_fails("dfdx", "launch", 7, "the device is lost");
        assert!(failed > 50, "{failed}");
        let failed = each_fails("fused", "launch", 29, "the device is lost");
        assert!(failed > 20, "{failed}");
    }
}

#[test]
fn a_driver_without_a_gpu() {
    if is_emulated("a_driver_without_a_gpu") {
        let folder = tempdir().unwrap();
        for engine in ["dfdx", "fused"] {
            let found = outcome(engine, folder.path(), ("TUPLENET_EMULATOR_DEVICES", "0"));
            let begin = "error: cuda:0: expected an NVIDIA GPU, found none";
            assert!(found.starts_with(begin), "{found}");
        }
    }
}
