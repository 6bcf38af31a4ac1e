//! Faults that are planted in dfdx's kernels: the emulated GPU reports each, or the result differs from the CPU's.

use std::{
    env,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tuplenet::{
    prelude::*,
    shape::{Features, Image},
    target::Classes,
};

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

/// A kernel, what is changed in it, which place with that text, what such a fault is, and how it is seen.
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
const OF_DFDX: [Planted; 30] = [
    ("relu_fwd_f32", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("badd_fwd_f32", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("gather_fwd_f32", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("choose_fwd_f32", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("tanh_bwd_f32", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("bmul_bwd_rhs_f32", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("adam_update_f32", "setp.ge.u64", "setp.gt.u64", 1, "one thread too many", OUTSIDE),
    ("badd_fwd_f32", ", 2;", ", 3;", 2, "wrong width", OUTSIDE),
    ("sum_to_bwd_f32", "mul.lo.s64", "add.s64", 5, "wrong stride", OUTSIDE),
    ("sum_to_bwd_f32", "rem.u32", "div.u32", 5, "wrong index", DIFFERENT),
    ("sum_to_fwd_f32", "bar.sync", "//", 1, "missing barrier", RACE),
    ("sum_to_fwd_f32", "bar.sync", "//", 2, "missing barrier in a loop", RACE),
    ("max_to_fwd_f32", "bar.sync", "//", 1, "missing barrier", RACE),
    ("badd_bwd_rhs_f32", "bar.sync", "//", 1, "missing barrier", UNWRITTEN),
    ("badd_bwd_rhs_f32", "bar.sync", "//", 2, "missing barrier in a loop", RACE),
    ("sum_to_fwd_f32", "setp.ge.u32", "setp.gt.u32", 1, "chunk too long by one", RACE),
    ("sum_to_fwd_f32", "min.u32", "max.u32", 1, "chunk beyond its block", RACE),
    ("sum_to_fwd_f32", "atom.global.add.f32", "atom.global.exch.b32", 2, "lost sums of other blocks", DIFFERENT),
    ("gather_bwd_f32", "atom.global.add.f32", "atom.global.exch.b32", 2, "lost sums of other threads", DIFFERENT),
    ("max_to_fwd_f32", "atom.global.max", "atom.global.min", 1, "wrong maximum of blocks", DIFFERENT),
    ("choose_bwd_f32", "setp.eq.s16", "setp.ne.s16", 1, "wrong branch", DIFFERENT),
    ("bmul_bwd_lhs_f32", "mul.f32", "add.f32", 1, "wrong operation", DIFFERENT),
    ("exp_fwd_f32", "ex2.approx", "lg2.approx", 1, "wrong function", DIFFERENT),
    ("adam_update_f32", "sqrt.rn", "abs", 1, "wrong function", DIFFERENT),
    ("sgd_update_f32", "sub.f32", "add.f32", 4, "wrong sign", DIFFERENT),
    ("bsub_fwd_f32", "sub.f32", "add.f32", 1, "wrong sign", DIFFERENT),
    ("bdiv_bwd_rhs_f32", "neg.f32", "abs.f32", 1, "wrong sign", DIFFERENT),
    ("tanh_bwd_f32", "sub.f32", "add.f32", 1, "wrong derivative", DIFFERENT),
    ("ln_bwd_f32", "rcp.rn", "abs", 1, "wrong derivative", DIFFERENT),
    ("tanh_bwd_f32", "fma.rn.f32", "//", 1, "missing result", UNWRITTEN),
];

#[rustfmt::skip]
const OF_FUSED: [Planted; 37] = [
    ("forward_0_by_16", "bar.sync", "//", 1, "missing barrier before a tile is replaced", RACE),
    ("forward_0_by_16", "bar.sync", "//", 2, "missing barrier before a tile is read", RACE),
    ("forward_0_by_16", "bar.sync", "//", 3, "missing barrier before sums are added", RACE),
    ("forward_1_by_16", "bar.sync", "//", 2, "missing barrier before a tile is read", RACE),
    ("backward_1_by_16", "bar.sync", "//", 3, "missing barrier before sums are added", RACE),
    ("learn_0_by_16", "bar.sync", "//", 2, "missing barrier before a tile is read", RACE),
    ("learn_2_by_16", "bar.sync", "//", 3, "missing barrier before sums are added", RACE),
    ("mean_losses", "bar.sync", "//", 1, "missing barrier in a reduction", UNWRITTEN),
    ("mean_losses", "bar.sync", "//", 2, "missing barrier in a reduction", RACE),
    ("clip", "bar.sync", "//", 2, "missing barrier in a reduction", RACE),
    ("loss_of_samples", "setp.ge.s32", "setp.gt.s32", 1, "one sample too many", OUTSIDE),
    ("apply", "setp.ge.s32", "setp.gt.s32", 1, "one thread too many", OUTSIDE),
    ("advance", "add.s32", "sub.s32", 1, "steps of a graph counted down", OUTSIDE),
    ("forward_0_by_16", "setp.gt.s32", "setp.ge.s32", 1, "one term too few", DIFFERENT),
    ("learn_1_by_16", "setp.gt.s32", "setp.ge.s32", 1, "one output too few", DIFFERENT),
    ("learn_0_by_16", "setp.gt.s32", "setp.ge.s32", 3, "one input too few", DIFFERENT),
    ("forward_2_by_16", "add.f32", "sub.f32", 17, "wrong sign of the bias", DIFFERENT),
    ("forward_1_by_16", "add.f32", "sub.f32", 5, "wrong sign of a sum", DIFFERENT),
    ("forward_0_by_16", "mul.f32", "add.f32", 33, "dropout that adds", DIFFERENT),
    ("forward_0_by_16", "mul.f32", "add.f32", 1, "wrong scale of bytes", DIFFERENT),
    ("loss_of_samples", "ex2.approx", "lg2.approx", 1, "wrong function", DIFFERENT),
    ("loss_of_samples", "shfl.sync.bfly", "shfl.sync.up", 9, "wrong lane in a sum", DIFFERENT),
    ("backward_1_by_16", "mul.f32", "add.f32", 1, "dropout that adds", DIFFERENT),
    ("learn_0_by_16", "sqrt.rn", "abs", 1, "wrong function", DIFFERENT),
    ("learn_1_by_16", "st.global.f32", "//", 3, "moment that is not stored", DIFFERENT),
    ("learn_0_by_16", "ld.global.u32", "//", 1, "batch of another step of a graph", DIFFERENT),
    ("forward_0_by_16", "ld.global.u32", "//", 1, "batch of another step of a graph", DIFFERENT),
    ("loss_of_samples", "ld.global.u32", "//", 1, "batch of another step of a graph", DIFFERENT),
    ("dropout", "shf.l.wrap.b32", "shf.r.wrap.b32", 2, "wrong rotation", DIFFERENT),
    ("dropout", "xor.b32", "or.b32", 3, "wrong operation", DIFFERENT),
    ("dropout", "setp.lt.u32", "setp.ge.u32", 1, "opposite of the mask", DIFFERENT),
    ("dropout", "ld.global.u32", "//", 1, "mask of another step of a graph", DIFFERENT),
    ("mean_losses", "add.f32", "sub.f32", 1, "wrong sign", DIFFERENT),
    ("clip", "fma.rn.f64", "//", 5, "missing terms", DIFFERENT),
    ("clip", "sqrt.rn.f64", "abs.f64", 1, "wrong function", DIFFERENT),
    ("apply", "mul.f32", "add.f32", 1, "wrong operation", DIFFERENT),
    ("apply", "ld.global.u32", "//", 1, "rule of another step of a graph", DIFFERENT),
];

/// What the fused engine runs, with its dropout; the terms of the first product are two tiles.
type Fusible = (
    Linear<270, 80>,
    ReLU,
    Dropout<20>,
    Linear<80, 35>,
    Tanh,
    Linear<35, 3>,
);

fn in_words(error: tuplenet::Error) -> String {
    error.to_string()
}

/// What is different on dfdx's GPU, if anything.
fn difference_of_tape() -> Result<(), String> {
    let weights = Weights::<Net>::init(6);
    let cpu = Tape::<Net>::new(weights.clone()).map_err(in_words)?;
    let gpu = Tape::<Net, Cuda>::cuda(0, weights).map_err(in_words)?;
    let gradient = |gpu: &Tape<Net, Cuda>, data: &_, order: &[u32]| {
        gpu.gradient(data, order, Loss::CrossEntropy)
    };
    difference(cpu, gpu, &data::<32, 3>(150).reshaped(), gradient, 50)
}

/// The same of the fused engine.
fn difference_of_fused() -> Result<(), String> {
    let weights = Weights::<Fusible>::init(6);
    let cpu = Tape::<Fusible>::new(weights.clone()).map_err(in_words)?;
    let gpu = FusedCuda::<Fusible>::new(0, weights).map_err(in_words)?;
    let gradient = |gpu: &FusedCuda<Fusible>, data: &_, order: &[u32]| {
        gpu.gradient(data, order, Loss::CrossEntropy)
    };
    // the 18 whole batches are CUDA graphs
    difference(cpu, gpu, &data::<270, 3>(150), gradient, 8)
}

/// What is different from the CPU, if anything, with trainings in large batches and in batches of this size.
fn difference<N, E>(
    mut cpu: Tape<N>,
    mut gpu: E,
    dataset: &Dataset<N::In, Classes<3>>,
    gradient: impl Fn(&E, &E::Data, &[u32]) -> tuplenet::Result<(f32, Weights<N>)>,
    batch_size: usize,
) -> Result<(), String>
where
    N: Network<Output = Features<3>>,
    E: Engine<N>,
{
    let order: Vec<u32> = (0..150).rev().collect();
    let (on_cpu, on_gpu) = (
        cpu.upload(dataset).unwrap(),
        gpu.upload(dataset).map_err(in_words)?,
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
    let (_, ours) = gradient(&gpu, &on_gpu, &order).map_err(in_words)?;
    for (ours, theirs) in ours.tensors().zip(theirs.tensors()) {
        close(
            ours.values,
            theirs.values,
            &format!("gradients of {}", ours.name),
        )?;
    }
    let clipped = Recipe {
        clip_norm: Some(0.05),
        ..Recipe::of(Adam::default())
    };
    let further = (Recipe::of(Adam::default()), batch_size);
    for (recipe, batch_size) in [
        (Recipe::of(Sgd::default()), 64),
        (Recipe::of(Adam::default()), 64),
        (clipped, 64),
        further,
    ] {
        let theirs = train(&mut cpu, &on_cpu, 150, &recipe, batch_size, 1);
        // an error is a panic there
        let ours = train(&mut gpu, &on_gpu, 150, &recipe, batch_size, 1);
        close(&ours, &theirs, "losses")?;
    }
    let ours = gpu.logits(&on_gpu, &order).map_err(in_words)?;
    close(
        &ours,
        &cpu.logits(&on_cpu, &order).unwrap(),
        "logits after training",
    )?;
    Ok(())
}

/// The child's part of the test below; alone it does nothing.
#[test]
fn child() {
    if env::var_os(CHILD).is_some() {
        let difference = match env::var(CHILD).as_deref() {
            Ok("fused") => difference_of_fused(),
            _ => difference_of_tape(),
        };
        match difference {
            Ok(()) => println!("\nequal"),
            Err(what) => println!("\nfound: {what}"),
        }
    }
}

/// What a child says of a planted fault.
fn outcome(engine: &str, planted: Option<&Planted>) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args(["faults::child", "--exact", "--nocapture"])
        .env(CHILD, engine)
        .env("RUST_BACKTRACE", "0");
    if let Some((kernel, old, new, place, ..)) = planted {
        child.env(
            "TUPLENET_EMULATOR_FAULT",
            format!("{kernel}|{old}|{new}|{place}"),
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

/// Each is found, and in the way that the table says.
fn all_are_found(engine: &str, planted: &[Planted]) {
    assert_eq!(outcome(engine, None), "equal");
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(planted) = planted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = outcome(engine, Some(planted));
            assert!(found.contains(planted.5), "{planted:?}: {found}");
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn planted_faults_of_dfdx_are_found() {
    if is_emulated("planted_faults_of_dfdx_are_found") {
        all_are_found("dfdx", &OF_DFDX);
    }
}

#[test]
fn planted_faults_of_the_fused_engine_are_found() {
    if is_emulated("planted_faults_of_the_fused_engine_are_found") {
        all_are_found("fused", &OF_FUSED);
    }
}
