//! The contenders and their settings.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    harness::{
        contender::{Contender, IN_F32, Script, left_out, scripts},
        served::Result,
    },
    options::Options,
};

/// PyTorch with gradients of the rows that a batch reads, not of the whole table.
const SPARSE: &str = "torch-sparse";

const SCRIPTS: [Script; 6] = [
    (
        "torch-eager",
        "PyTorch, eager",
        &["torch_peer.py", "eager"],
        true,
        true,
        "Adam(fused=True), OpenMP threads spin; inference_mode",
    ),
    (
        SPARSE,
        "PyTorch, SparseAdam (not Adam)",
        &["torch_peer.py", "sparse"],
        true,
        true,
        "EmbeddingBag(sparse=True) with SparseAdam, by which moments of rows that a batch does not read do not decay, so that \
         its losses are others from the third on; Adam(fused=True) for the other layers",
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
        "the whole step in one jit, with donated state; XLA's CPU backend",
    ),
    (
        "onnxruntime",
        "onnxruntime",
        &["onnxruntime_peer.py"],
        false,
        false,
        "tuplenet's ONNX file, I/O binding; in eight bits quantize_static with operators for integers, activations unsigned, \
         one scale for each weight tensor, which was its fastest setting; intra-op threads as given by --threads",
    ),
];

/// The baseline that supports eight bits. tract 0.23 does not read its files: it lacks the operators `QGemm` and `QLinearAdd`.
const EIGHT_BITS: &str = "onnxruntime";

/// The baseline in C++.
const RTNEURAL: &str = "rtneural";

/// The baselines that `--build` compiles: id, name, whether they support training and batches of more than one sample,
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
        "candle-nn's AdamW with weight decay 0",
    ),
    (
        "burn",
        "burn",
        true,
        "backend Flex with simd, rayon and x86-v4; its own Adam",
    ),
    (
        "tract",
        "tract",
        false,
        "tuplenet's ONNX file for a fixed batch, optimised; its state is reused between calls",
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

/// The contenders that are installed, tuplenet first; prints one line for each that is not.
pub fn available(options: &Options) -> Result<Vec<Contender>> {
    let ids = SCRIPTS
        .iter()
        .map(|script| script.0)
        .chain(COMPILED.iter().map(|baseline| baseline.0));
    let ids: Vec<&str> = ids.collect();
    options.common.check_baselines(&ids)?;
    let mut all = vec![Contender {
        id: "tuplenet",
        name: "tuplenet".to_owned(),
        ours: true,
        trains: true,
        batches: true,
        eight_bits: true,
        supports_avx2_limit: true,
        skips_rows: false,
        tolerance: IN_F32,
        settings: "Fused: Engine::train for all steps of a turn, Engine::forward for batches; an embedded model for 1 sample",
        program: env::current_exe()?,
        arguments: vec!["--serve".to_owned()],
    }];
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let python = scripts(&SCRIPTS, &[], &options.common);
    all.extend(python.into_iter().map(|contender| Contender {
        skips_rows: contender.id == SPARSE,
        eight_bits: contender.id == EIGHT_BITS,
        tolerance: IN_F32,
        ..contender
    }));
    for (id, name, all_cases, settings) in COMPILED {
        if !options.common.selects(id) {
            continue;
        }
        match program(&sources.join(id), id, options.build)? {
            Some(program) => all.push(Contender {
                id,
                settings,
                program,
                name: name.to_owned(),
                ours: false,
                trains: all_cases,
                batches: all_cases,
                eight_bits: false,
                supports_avx2_limit: false,
                skips_rows: false,
                tolerance: IN_F32,
                arguments: Vec::new(),
            }),
            None if id == RTNEURAL => left_out(
                name,
                "set TUPLENET_RTNEURAL to its checkout and run once with --build",
            ),
            None => left_out(name, "run once with --build"),
        }
    }
    Ok(all)
}

/// The path of a baseline's executable, if it exists; builds it first with `build`.
fn program(sources: &Path, id: &str, build: bool) -> Result<Option<PathBuf>> {
    // This executable is TARGET/release/deps/peers-HASH. The baselines share TARGET/peers, so that common dependencies
    // are compiled once.
    let this = env::current_exe()?;
    let target = this
        .ancestors()
        .nth(3)
        .ok_or("this executable is not in a target folder")?;
    let target = target.join("peers");
    let program = target.join("release").join(format!("tuplenet-peer-{id}"));
    let compiler = match id {
        _ if !build => None,
        RTNEURAL => compile_rtneural(&program)?,
        _ => Some(cargo(&target)),
    };
    if let Some(mut compiler) = compiler {
        // In this folder cargo finds the crate's .cargo/config.toml.
        let status = compiler.current_dir(sources).status();
        let status = status.map_err(|error| format!("{id}: cannot start its compiler: {error}"))?;
        if !status.success() {
            return Err(format!("{id}: its build failed").into());
        }
    }
    Ok(program.exists().then_some(program))
}

/// The command that builds the crate in its working directory.
fn cargo(target: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--target-dir"]);
    cargo.arg(target);
    cargo
}

/// The command that compiles `main.cpp` in its working directory; `None` without a checkout of RTNeural.
fn compile_rtneural(program: &Path) -> Result<Option<Command>> {
    let checkout = env::var_os("TUPLENET_RTNEURAL").filter(|path| !path.is_empty());
    let Some(checkout) = checkout else {
        return Ok(None);
    };
    let checkout = Path::new(&checkout).canonicalize();
    let checkout = checkout.map_err(|error| format!("TUPLENET_RTNEURAL: {error}"))?;
    // The commit is its version, as it has no releases.
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
    // Eigen was faster than xsimd in every case; 32 is the largest alignment that RTNeural supports with it.
    compiler.args(["-DRTNEURAL_USE_EIGEN=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=32"]);
    // No size limit for fixed-size matrices: the model is on the heap.
    compiler.arg("-DEIGEN_STACK_ALLOCATION_LIMIT=0");
    compiler.arg(format!("-DVERSION=\"{}\"", commit.trim()));
    compiler.arg("-I").arg(&checkout);
    compiler.arg("-I").arg(checkout.join("modules/Eigen"));
    compiler.arg("-o").arg(program);
    Ok(Some(compiler))
}
