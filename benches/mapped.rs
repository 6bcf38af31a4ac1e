//! Times a training on a mapped file, in the system's cache and read from the disk, beside the same samples in memory.
//!
//! 784-128-10, batches of 100, Adam, an epoch for each measurement. A process of its own for each kind of data set shows
//! its memory: `cargo bench --bench mapped -- --only blocks --cold`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Instant,
};

use clap::{Parser, ValueEnum};
use rustix::fs::Advice;
use tuplenet::{data::FeatureValues, prelude::*, shape::Features, target::Classes, train::Shuffle};

type Net = (Linear<784, 128>, ReLU, Linear<128, 10>);
type Images = Dataset<Features<784>, Classes<10>>;
type Failure = Box<dyn std::error::Error>;

/// The number of different images; a file has them again and again.
const DIFFERENT: u64 = 60_000;

#[derive(Parser)]
struct Options {
    /// The samples in the file, of 784 bytes each.
    #[arg(long, default_value_t = 200_000)]
    samples: usize,
    /// The file, which is written if it is missing, and kept; by default a temporary one.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Measure this kind alone.
    #[arg(long, value_enum)]
    only: Option<Kind>,
    /// Samples of a block.
    #[arg(long, default_value_t = 1024)]
    block: usize,
    /// Blocks of a window.
    #[arg(long, default_value_t = 64)]
    window: usize,
    /// Evict the file from the system's cache before each epoch.
    #[arg(long)]
    cold: bool,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long)]
    threads: Option<usize>,
    /// Run everything once, on few samples.
    #[arg(long)]
    test: bool,
    /// Passed by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Kind {
    Memory,
    All,
    Blocks,
}

fn main() -> Result<(), Failure> {
    let mut options = Options::parse();
    if options.test {
        (options.samples, options.rounds) = (3000, 1);
    }
    let folder = tempfile::tempdir()?;
    let temporary = folder.path().join("mapped.safetensors");
    let path = options.file.clone().unwrap_or(temporary);
    if !path.exists() {
        write(&path, options.samples)?;
    }
    println!("| data | us/sample: median | min | max | steps alone | MB/s |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for kind in [Kind::Memory, Kind::All, Kind::Blocks] {
        if options.only.is_none_or(|only| only == kind) {
            measure(kind, &path, &options)?;
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("Rss"));
    memory.for_each(|line| println!("{line}"));
    Ok(())
}

fn write(path: &Path, samples: usize) -> Result<(), Failure> {
    let begin = Instant::now();
    let (pixels, labels) = Digits::new(1).images(0..DIFFERENT.min(samples as u64));
    println!(
        "{} digits drawn in {:.1} s",
        labels.len(),
        begin.elapsed().as_secs_f64()
    );
    let begin = Instant::now();
    let images = pixels.chunks_exact(784).zip(&labels).cycle().take(samples);
    let sample = |(pixels, label): (_, &u8)| (pixels, usize::from(*label));
    Images::write_safetensors_bytes(path, images.map(Ok), sample)?;
    let mb = fs::metadata(path)?.len() as f64 / 1e6;
    println!(
        "{mb:.0} MB written at {:.0} MB/s",
        mb / begin.elapsed().as_secs_f64()
    );
    Ok(())
}

fn measure(kind: Kind, path: &Path, options: &Options) -> Result<(), Failure> {
    let mut processor = tuplenet::engine::Processor::detect();
    if let Some(threads) = options.threads {
        processor = processor.threads(threads);
    }
    let shuffle = match kind {
        Kind::Memory | Kind::All => Shuffle::All,
        Kind::Blocks => Shuffle::Blocks {
            block: options.block,
            window: options.window,
        },
    };
    let (mut whole, mut steps) = (Vec::new(), Vec::new());
    let mut sum = String::new();
    // The first round is to warm up; one that reads from the disk begins as cold as any other.
    for round in 0..options.rounds + usize::from(!options.cold) {
        if options.cold {
            evict(path)?;
        }
        let mut data = Images::map_safetensors(path)?;
        if kind == Kind::Memory {
            data = in_memory(&data)?;
        }
        let mut net = Fused::<Net>::on(processor, Weights::init(1))?;
        let begin = Instant::now();
        let history = Trainer::new(Adam::default())
            .shuffle(shuffle)
            .fit(&mut net, &data)?;
        let us = |seconds: f64| seconds * 1e6 / data.len() as f64;
        if round > 0 || options.cold {
            whole.push(us(begin.elapsed().as_secs_f64()));
            steps.push(us(history.epochs[0].train_seconds));
        }
        sum = net.weights()?.sha256();
    }
    let ([median, min, max], [of_steps, ..]) = (middle(&mut whole), middle(&mut steps));
    println!(
        "| {kind:?} | {median:.3} | {min:.3} | {max:.3} | {of_steps:.3} | {:.0} | weights {}",
        784.0 / median,
        &sum[..8]
    );
    Ok(())
}

/// Median, minimum and maximum.
fn middle(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [
        values[values.len() / 2],
        values[0],
        values[values.len() - 1],
    ]
}

fn in_memory(data: &Images) -> Result<Images, Failure> {
    let FeatureValues::Bytes { bytes, scale } = data.features() else {
        return Err("the file has bytes".into());
    };
    let labels = (0..data.len()).filter_map(|at| data.label(at).map(|label| label as u8));
    Ok(Images::from_bytes(
        bytes.to_vec(),
        *scale,
        labels.collect(),
    )?)
}

/// Makes the next access read the file from the disk. Nothing has it mapped.
fn evict(path: &Path) -> Result<(), Failure> {
    let file = File::open(path)?;
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
    Ok(())
}
