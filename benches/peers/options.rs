//! What the command line asks for.

use clap::Parser;

use crate::harness::options::Common;

/// One training step and one prediction, tuplenet beside its rivals.
#[derive(Debug, Parser)]
#[command(name = "peers")]
pub struct Options {
    /// Build dfdx's, candle's, burn's, tract's and arrays' side first (burn's takes long), and that
    /// of RTNeural if TUPLENET_RTNEURAL names its checkout
    #[arg(long)]
    pub build: bool,
    #[command(flatten)]
    pub common: Common,
    /// Keep all who can be kept to AVX2 from using AVX-512
    #[arg(long)]
    pub avx2: bool,
    /// Be our own engine's process
    #[arg(long, hide = true)]
    pub serve: bool,
}
