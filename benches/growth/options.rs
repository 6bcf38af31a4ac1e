//! Command-line options.

use std::path::PathBuf;

use clap::Parser;

use crate::axis::{Axis, Point};

/// Times a training step of `Fused` against the size of the network, the batch and the data set, and the number of threads;
/// measures the memory; draws a page of plots.
#[derive(Debug, Parser)]
#[command(name = "growth")]
pub struct Options {
    /// Only these axes
    #[arg(long, value_delimiter = ',', value_name = "AXES")]
    only: Option<Vec<Axis>>,
    /// Number of turns of each point
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Approximate duration of a turn
    #[arg(long, default_value_t = 60, value_name = "MILLISECONDS")]
    turn: u64,
    /// The folder of points.tsv and page.svg: axes that are not measured keep their points
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Only draw the digits that the data sets consist of, which are kept for other runs (eight million take 6.3 GB)
    #[arg(long)]
    pub digits: bool,
    /// Only draw the page again, and print the exponents
    #[arg(long)]
    pub draw: bool,
    /// A trial run: small data sets, one short turn
    #[arg(long)]
    test: bool,
    /// Run as the process of a point
    #[arg(long, hide = true, value_delimiter = ',')]
    pub serve: Option<Vec<String>>,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// The largest data set of a trial run.
const TEST_SAMPLES: usize = 1_000;
/// The widest network of a trial run.
const TEST_WIDTH: usize = 256;

impl Options {
    pub fn axes(&self) -> Vec<Axis> {
        self.only.clone().unwrap_or_else(|| Axis::ALL.to_vec())
    }

    /// The points of an axis, in ascending order.
    pub fn points(&self, axis: Axis) -> Vec<Point> {
        let mut points = axis.points();
        if self.test {
            for point in &mut points {
                point.samples = point.samples.min(TEST_SAMPLES);
                point.batch = point.batch.min(TEST_SAMPLES);
            }
            points.retain(|point| point.width <= TEST_WIDTH);
        }
        points
    }

    pub fn most_samples(&self, axes: &[Axis]) -> usize {
        let points = axes.iter().flat_map(|&axis| self.points(axis));
        points.map(|point| point.samples).max().unwrap_or(0)
    }

    pub fn rounds(&self) -> u32 {
        if self.test { 1 } else { self.rounds }
    }

    pub fn turn(&self) -> u64 {
        if self.test { 1 } else { self.turn }
    }

    /// `--out`; else where README.md finds the page, unless this is a trial run.
    pub fn folder(&self) -> PathBuf {
        let default = || match self.test {
            true => self.data_folder(),
            false => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("growth"),
        };
        self.out.clone().unwrap_or_else(default)
    }

    /// The folder of the digits.
    pub fn data_folder(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("growth")
    }
}
