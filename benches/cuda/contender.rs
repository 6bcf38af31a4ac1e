//! The contenders and their settings.

use std::env;

use crate::{
    device::Device,
    harness::{
        contender::{Contender, IN_F32, Script, scripts},
        served::Result,
    },
    options::Options,
};

/// tuplenet's contenders: id, name, argument of `--serve`, settings, tolerance: in TF32 and bf16 ten to twenty roundings of a factor, which
/// add up from step to step.
const OURS: [(&str, &str, &str, &str, f32); 5] = [
    (
        "tuplenet-fused",
        "tuplenet (fused)",
        "fused",
        "FusedCuda: kernels generated from the type; data on the device; CUDA graphs",
        IN_F32,
    ),
    (
        "tuplenet-fused-tf32",
        "tuplenet (fused, TF32)",
        "fused-tf32",
        "the same, with products on tensor cores, which no other contender uses: factors rounded to TF32",
        1e-2,
    ),
    (
        "tuplenet-fused-bf16",
        "tuplenet (fused, bf16)",
        "fused-bf16",
        "the same, with factors rounded to bf16",
        5e-2,
    ),
    (
        "tuplenet-uploaded",
        "tuplenet (dfdx, uploaded)",
        "uploaded",
        "Batches::Uploaded: each batch is assembled on the host and uploaded",
        IN_F32,
    ),
    (
        "tuplenet-gathered",
        "tuplenet (dfdx, gathered)",
        "gathered",
        "Batches::Gathered: data on the device, each batch gathered there",
        IN_F32,
    ),
];

const SCRIPTS: [Script; 3] = [
    (
        "torch-eager",
        "PyTorch, eager",
        &["torch_cuda.py", "eager"],
        true,
        false,
        "Adam(fused=True); inference_mode; data on the device, each batch gathered there; no TF32",
    ),
    (
        "torch-graph",
        "PyTorch, CUDA graph",
        &["torch_cuda.py", "graph"],
        true,
        false,
        "the same, each step or forward pass captured once as a CUDA graph; Adam(fused=True, capturable=True)",
    ),
    (
        "jax",
        "JAX",
        &["jax_cuda.py"],
        true,
        false,
        "the whole step in one jit, with donated state; data on the device, each batch gathered there; no TF32",
    ),
];

/// The contenders that are installed, tuplenet's first; prints one line for each that is not.
pub fn available(options: &Options) -> Result<Vec<Contender>> {
    options
        .common
        .check_baselines(&SCRIPTS.map(|baseline| baseline.0))?;
    let program = env::current_exe()?;
    let device = options.device.to_string();
    // on the CPU, in a trial run, there is only `Tape`
    let is_there =
        |engine: &str| !engine.starts_with("fused") || matches!(options.device, Device::Cuda(_));
    let ours = OURS.into_iter().filter(|ours| is_there(ours.2));
    let ours = ours.map(|(id, name, engine, settings, tolerance)| Contender {
        id,
        name: name.to_owned(),
        ours: true,
        trains: true,
        batches: true,
        eight_bits: false,
        supports_avx2_limit: false,
        skips_rows: false,
        tolerance,
        settings,
        program: program.clone(),
        arguments: ["--serve", engine, "--device", &device]
            .map(str::to_owned)
            .to_vec(),
    });
    let mut contenders: Vec<Contender> = ours.collect();
    contenders.extend(scripts(&SCRIPTS, &[device], &options.common));
    Ok(contenders)
}
