//! Faults that are planted in dfdx's kernels: the emulated GPU reports each, or the result differs from the CPU's.

use std::{
    env,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tuplenet::{objective::Optimizer, prelude::*, shape::Image, target::Classes};

use super::{
    data,
    engines::{Recipe, train},
    failures::is_emulated,
};

/// Kernels of every kind in little time.
type Net = (
    Image<1, 8, 4>,
    Conv2d<1, 2, 3, 1, 1>,
    ReLU,
    Conv2d<2, 2, 3, 1, 1>,
    MaxPool2d<2>,
    LayerNorm<2, 4, 2>,
    Flatten,
    LazyLinear<7>,
    Tanh,
    Linear<7, 3>,
);

const CHILD: &str = "TUPLENET_CUDA_TEST_FAULTS";

/// How a fault is seen: what the emulated GPU reports, or a comparison with the CPU.
const OUTSIDE: &str = "outside every allocation";
const RACE: &str = "a race";
const UNWRITTEN: &str = "which nothing has written";
const DIFFERENT: &str = "differ";

/// A kernel (of `f32`), what is changed in it, which place with that text, what such a fault is, and how it is seen.
type Planted = (
    &'static str,
    &'static str,
    &'static str,
    u32,
    &'static str,
    &'static str,
);

/// `docs/cuda-faults.md` is this table.
#[rustfmt::skip]
const PLANTED: [Planted; 30] = [
    ("relu_fwd", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("badd_fwd", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("gather_fwd", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("choose_fwd", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("tanh_bwd", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("bmul_bwd_rhs", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("adam_update", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("badd_fwd", ", 2;", ", 3;", 2, "wrong width", OUTSIDE),
    ("sum_to_bwd", "mul.lo.s64", "add.s64", 5, "wrong stride", OUTSIDE),
    ("sum_to_bwd", "rem.u32", "div.u32", 5, "wrong index", DIFFERENT),
    ("sum_to_fwd", "bar.sync", "//", 1, "missing barrier", RACE),
    ("sum_to_fwd", "bar.sync", "//", 2, "missing barrier in a loop", RACE),
    ("max_to_fwd", "bar.sync", "//", 1, "missing barrier", RACE),
    ("badd_bwd_rhs", "bar.sync", "//", 1, "missing barrier", UNWRITTEN),
    ("badd_bwd_rhs", "bar.sync", "//", 2, "missing barrier in a loop", RACE),
    ("sum_to_fwd", "setp.ge.u32", "setp.gt.u32", 1, "chunk too long by one", RACE),
    ("sum_to_fwd", "min.u32", "max.u32", 1, "chunk beyond its block", RACE),
    ("sum_to_fwd", "atom.global.add.f32", "atom.global.exch.b32", 2, "lost sums of other blocks", DIFFERENT),
    ("gather_bwd", "atom.global.add.f32", "atom.global.exch.b32", 2, "lost sums of other threads", DIFFERENT),
    ("max_to_fwd", "atom.global.max", "atom.global.min", 1, "wrong maximum of blocks", DIFFERENT),
    ("choose_bwd", "setp.eq.s16", "setp.ne.s16", 1, "wrong branch", DIFFERENT),
    ("bmul_bwd_lhs", "mul.f32", "add.f32", 1, "wrong operation", DIFFERENT),
    ("exp_fwd", "ex2.approx", "lg2.approx", 1, "wrong function", DIFFERENT),
    ("adam_update", "sqrt.rn", "abs", 1, "wrong function", DIFFERENT),
    ("sgd_update", "sub.f32", "add.f32", 4, "wrong sign", DIFFERENT),
    ("bsub_fwd", "sub.f32", "add.f32", 1, "wrong sign", DIFFERENT),
    ("bdiv_bwd_rhs", "neg.f32", "abs.f32", 1, "wrong sign", DIFFERENT),
    ("tanh_bwd", "sub.f32", "add.f32", 1, "wrong derivative", DIFFERENT),
    ("ln_bwd", "rcp.rn", "abs", 1, "wrong derivative", DIFFERENT),
    ("tanh_bwd", "fma.rn.f32", "//", 1, "missing result", UNWRITTEN),
];

/// What is different on the GPU, if anything.
fn difference() -> Result<(), String> {
    let in_words = |error: tuplenet::Error| error.to_string();
    let weights = Weights::<Net>::init(6);
    let dataset: Dataset<Image<1, 8, 4>, Classes<3>> = data::<32, 3>(150).reshaped();
    let order: Vec<u32> = (0..150).rev().collect();
    let mut cpu = Tape::<Net>::new(weights.clone()).map_err(in_words)?;
    let mut gpu = Tape::<Net, Cuda>::cuda(0, weights).map_err(in_words)?;
    let (on_cpu, on_gpu) = (
        cpu.upload(&dataset).unwrap(),
        gpu.upload(&dataset).map_err(in_words)?,
    );
    let close = |ours: &[f32], theirs: &[f32], what: &str| {
        let largest = theirs.iter().fold(0f32, |max, value| max.max(value.abs()));
        let is_close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * largest + 6e-8;
        match ours.iter().zip(theirs).all(is_close) {
            true => Ok(()),
            false => Err(format!("{what} differ")),
        }
    };
    let ours = gpu.logits(&on_gpu, &order).map_err(in_words)?;
    close(&ours, &cpu.logits(&on_cpu, &order).unwrap(), "logits")?;
    let (_, theirs) = cpu.gradient(&on_cpu, &order, Loss::CrossEntropy).unwrap();
    let (_, ours) = gpu
        .gradient(&on_gpu, &order, Loss::CrossEntropy)
        .map_err(in_words)?;
    for (ours, theirs) in ours.tensors().zip(theirs.tensors()) {
        close(
            ours.values,
            theirs.values,
            &format!("gradients of {}", ours.name),
        )?;
    }
    let optimizers: [Optimizer; 2] = [Sgd::default().into(), Adam::default().into()];
    for optimizer in optimizers {
        let recipe = Recipe::of(optimizer);
        let theirs = train(&mut cpu, &on_cpu, 150, &recipe, 64, 1);
        // an error is a panic there
        let ours = train(&mut gpu, &on_gpu, 150, &recipe, 64, 1);
        close(&ours, &theirs, "losses")?;
    }
    Ok(())
}

/// The child's part of the test below; alone it does nothing.
#[test]
fn child() {
    if env::var_os(CHILD).is_some() {
        match difference() {
            Ok(()) => println!("\nequal"),
            Err(what) => println!("\nfound: {what}"),
        }
    }
}

/// What a child says of a planted fault.
fn outcome(planted: Option<&Planted>) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args(["faults::child", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0");
    if let Some((kernel, old, new, place, ..)) = planted {
        child.env(
            "TUPLENET_EMULATOR_FAULT",
            format!("{kernel}_f32|{old}|{new}|{place}"),
        );
    }
    let output = child.output().unwrap();
    let text = [output.stdout, output.stderr]
        .map(|text| String::from_utf8(text).unwrap())
        .concat();
    // an error in `train` is a panic
    let says = |line: &&str| {
        line.starts_with("equal") || line.starts_with("found: ") || line.contains("Err` value")
    };
    text.lines()
        .find(says)
        .unwrap_or_else(|| panic!("{planted:?}: {text}"))
        .to_owned()
}

#[test]
fn planted_faults_are_found() {
    if !is_emulated("planted_faults_are_found") {
        return;
    }
    assert_eq!(outcome(None), "equal");
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(planted) = PLANTED.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = outcome(Some(planted));
            assert!(found.contains(planted.5), "{planted:?}: {found}");
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
}
