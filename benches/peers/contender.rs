//! Who takes part, and what each is set to.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    harness::{
        contender::{Contender, Script, left_out, scripts},
        served::Result,
    },
    options::Options,
    ours,
};

const SCRIPTS: [Script; 5] = [
    (
        "torch-eager",
        "PyTorch, eager",
        &["torch_peer.py", "eager"],
        true,
        true,
        "Adam(fused=True), OpenMP threads spin; inference_mode",
    ),
    (
        "torch-compile",
        "PyTorch, torch.compile",
        &["torch_peer.py", "compile"],
        true,
        true,
        "forward and backward compiled, Adam(fused=True), OpenMP threads spin; inference_mode",
    ),
    (
        "torch-jit",
        "PyTorch, torch.jit",
        &["torch_peer.py", "trace"],
        false,
        true,
        "torch.jit.trace, frozen; inference_mode",
    ),
    (
        "jax",
        "JAX",
        &["jax_peer.py"],
        true,
        true,
        "the whole step in one jit, its state donated; XLA's CPU backend",
    ),
    (
        "onnxruntime",
        "onnxruntime",
        &["onnxruntime_peer.py"],
        false,
        false,
        "Gemm, Relu, Gemm; a session of as many intra-op threads",
    ),
];

/// The rival that is no crate but C++.
const RTNEURAL: &str = "rtneural";

/// A rival that `--build` compiles: id, name, whether it does more than infer one sample at a time,
/// settings.
const COMPILED: [(&str, &str, bool, &str); 6] = [
    (
        "dfdx",
        "dfdx",
        true,
        "its own layers and Adam, gradients allocated once, default features",
    ),
    (
        "candle",
        "candle",
        true,
        "candle-nn's AdamW without weight decay",
    ),
    (
        "burn",
        "burn",
        true,
        "flex, simd, rayon, x86-v4; its own Adam",
    ),
    (
        "tract",
        "tract",
        false,
        "Gemm, Relu, Gemm of a fixed batch, optimised; its state kept between calls",
    ),
    (
        RTNEURAL,
        "RTNeural",
        false,
        "ModelT on Eigen, g++ -O3 -march=native",
    ),
    (
        "arrays",
        "plain arrays",
        false,
        "[[f32; O]; I] in two loops, target-cpu=native",
    ),
];

/// The contenders that are here, ours first; one loud line for each that is not.
pub fn available(options: &Options) -> Result<Vec<Contender>> {
    let ids = SCRIPTS
        .iter()
        .map(|script| script.0)
        .chain(COMPILED.iter().map(|rival| rival.0));
    let ids: Vec<&str> = ids.collect();
    options.common.check_rivals(&ids)?;
    let mut all = vec![Contender {
        id: "tuplenet",
        name: format!("tuplenet ({})", ours::engine()?),
        ours: true,
        trains: true,
        batches: true,
        restrictable: true,
        settings: "Engine::train for all steps of a turn; Engine::predict for 1, forward for more",
        program: env::current_exe()?,
        arguments: vec!["--serve".to_owned()],
    }];
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    all.extend(scripts(&SCRIPTS, &[], &options.common));
    for (id, name, whole, settings) in COMPILED {
        if !options.common.wants(id) {
            continue;
        }
        match program(&sources.join(id), id, options.build)? {
            Some(program) => all.push(Contender {
                id,
                settings,
                program,
                name: name.to_owned(),
                ours: false,
                trains: whole,
                batches: whole,
                restrictable: false,
                arguments: Vec::new(),
            }),
            None if id == RTNEURAL => left_out(
                name,
                "set TUPLENET_RTNEURAL to a checkout of it and run once with --build",
            ),
            None => left_out(name, "run once with --build"),
        }
    }
    Ok(all)
}

/// Where a rival's program is, built there if that is asked for.
fn program(sources: &Path, id: &str, build: bool) -> Result<Option<PathBuf>> {
    // This program is TARGET/release/deps/peers-HASH. The rivals share one folder beside, so that
    // what they have in common is compiled once.
    let this = env::current_exe()?;
    let target = this
        .ancestors()
        .nth(3)
        .ok_or("this program is in no target folder")?;
    let target = target.join("peers");
    let program = target.join("release").join(format!("tuplenet-peer-{id}"));
    let compiler = match id {
        _ if !build => None,
        RTNEURAL => compile_rtneural(&program)?,
        _ => Some(cargo(&target)),
    };
    if let Some(mut compiler) = compiler {
        // Where cargo finds the crate's own .cargo/config.toml.
        let status = compiler.current_dir(sources).status();
        let status = status.map_err(|error| format!("{id}: no compiler: {error}"))?;
        if !status.success() {
            return Err(format!("{id}: its build failed").into());
        }
    }
    Ok(program.exists().then_some(program))
}

/// Builds the crate of the folder where it runs.
fn cargo(target: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--target-dir"]);
    cargo.arg(target);
    cargo
}

/// Compiles `main.cpp` of the folder where it runs; nothing without a checkout of RTNeural.
fn compile_rtneural(program: &Path) -> Result<Option<Command>> {
    let checkout = env::var_os("TUPLENET_RTNEURAL").filter(|path| !path.is_empty());
    let Some(checkout) = checkout else {
        return Ok(None);
    };
    let checkout = Path::new(&checkout).canonicalize();
    let checkout = checkout.map_err(|error| format!("TUPLENET_RTNEURAL: {error}"))?;
    // Its version: it has no releases.
    let mut git = Command::new("git");
    git.arg("-C").arg(&checkout);
    let commit = git.args(["rev-parse", "--short", "HEAD"]).output();
    let commit = commit.map_err(|error| format!("git: {error}"))?.stdout;
    let commit = String::from_utf8(commit)?;
    if let Some(folder) = program.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut compiler = Command::new("g++");
    compiler.args(["-std=c++17", "-O3", "-march=native", "-DNDEBUG", "main.cpp"]);
    // Eigen was faster than xsimd in each case; 32 is the most that RTNeural aligns it to.
    compiler.args(["-DRTNEURAL_USE_EIGEN=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=32"]);
    // Eigen's bound for a matrix whose size is a type; ours are on the heap.
    compiler.arg("-DEIGEN_STACK_ALLOCATION_LIMIT=0");
    compiler.arg(format!("-DVERSION=\"{}\"", commit.trim()));
    compiler.arg("-I").arg(&checkout);
    compiler.arg("-I").arg(checkout.join("modules/Eigen"));
    compiler.arg("-o").arg(program);
    Ok(Some(compiler))
}
