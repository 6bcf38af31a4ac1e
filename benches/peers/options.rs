//! What the command line asks for.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// One training step and one prediction, tuplenet beside its rivals.
#[derive(Debug, Parser)]
#[command(name = "peers")]
pub struct Options {
    /// Build dfdx's, candle's, burn's, tract's and arrays' side first (burn's takes long), and that
    /// of RTNeural if TUPLENET_RTNEURAL names its checkout
    #[arg(long)]
    pub build: bool,
    /// Only these rivals, as in `dfdx,torch-eager`
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub rivals: Option<Vec<String>>,
    /// Only training, or only inference
    #[arg(long, value_name = "TASK")]
    pub only: Option<Only>,
    /// Hidden widths and batches to train
    #[arg(long, value_delimiter = ',', value_name = "HxB", value_parser = grid_point,
        default_value = "128x64,500x100,512x1024,2048x256")]
    pub grid: Vec<(usize, usize)>,
    /// Data with no zeros, instead of pixels
    #[arg(long)]
    pub dense: bool,
    /// Keep all who can be kept to AVX2 from using AVX-512
    #[arg(long)]
    pub avx2: bool,
    /// How often each contender takes its turn
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// About how long a turn is timed
    #[arg(long, default_value_t = 200, value_name = "MILLISECONDS")]
    pub turn: u64,
    /// Threads of a contender, except for batches of 1, which get one
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Also write the figures here
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Be our own engine's process
    #[arg(long, hide = true)]
    pub serve: bool,
    /// `cargo bench` passes it to every benchmark
    #[arg(long, hide = true)]
    pub bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Only {
    Train,
    Infer,
}

fn grid_point(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once('x').and_then(|(width, batch)| {
        let (width, batch) = (width.parse().ok()?, batch.parse().ok()?);
        (batch > 0).then_some((width, batch))
    });
    let (width, batch) = numbers.ok_or("expected HxB, as in 128x64")?;
    if ![128, 500, 512, 2048].contains(&width) {
        return Err("widths are types here: 128, 500, 512 and 2048 are compiled".to_owned());
    }
    Ok((width, batch))
}
