//! Command-line options.

use clap::{Parser, ValueEnum};

use crate::harness::options::Common;

/// Compares one training step and one prediction of tuplenet with other libraries, on the CPU.
#[derive(Debug, Parser)]
#[command(name = "peers")]
pub struct Options {
    /// Build the compiled baselines first (burn takes long): dfdx, candle, burn, tract, arrays, and
    /// RTNeural if TUPLENET_RTNEURAL names its checkout
    #[arg(long)]
    pub build: bool,
    #[command(flatten)]
    pub common: Common,
    /// Only networks of vectors, of images or of tokens, or predictions of small networks in `f32` and in eight bits
    #[arg(long, value_name = "KIND")]
    pub networks: Option<Networks>,
    /// Disable AVX-512 in the contenders that have a setting for it
    #[arg(long)]
    pub avx2: bool,
    /// Run as tuplenet's process
    #[arg(long, hide = true)]
    pub serve: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Networks {
    Vectors,
    Images,
    Tokens,
    Embedded,
}
