//! What is varied, and the points at which it is measured.

use std::{fmt, thread};

use clap::ValueEnum;

/// A training whose step is timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The width of the hidden layers.
    pub width: usize,
    /// The number of hidden layers.
    pub depth: usize,
    pub batch: usize,
    pub samples: usize,
    /// Whether all of the process's memory is asked for in large pages.
    pub large_pages: bool,
}

/// Every axis varies one of these numbers.
const CENTRE: Point = Point {
    width: 128,
    depth: 1,
    batch: 64,
    samples: 65_536,
    large_pages: false,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Axis {
    Width,
    Depth,
    Batch,
    Samples,
    Threads,
    /// Samples again, of a network four times as wide.
    Wide,
    /// Samples again, with all memory in large pages and without.
    Pages,
}

impl Axis {
    pub const ALL: [Axis; 7] = [
        Axis::Width,
        Axis::Depth,
        Axis::Batch,
        Axis::Samples,
        Axis::Threads,
        Axis::Wide,
        Axis::Pages,
    ];

    pub fn points(self) -> Vec<Point> {
        let some =
            |values: &[usize], of: fn(usize) -> Point| values.iter().map(|&n| of(n)).collect();
        match self {
            Axis::Width => some(&[32, 64, 128, 256, 512, 1024, 2048, 4096, 8192], |width| {
                Point { width, ..CENTRE }
            }),
            Axis::Depth => some(&[1, 2, 4, 8, 16, 32], |depth| Point { depth, ..CENTRE }),
            Axis::Batch => some(
                &[
                    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768,
                    65_536,
                ],
                |batch| Point { batch, ..CENTRE },
            ),
            Axis::Samples => some(
                &[
                    10_000, 20_000, 40_000, 60_000, 125_000, 250_000, 500_000, 1_000_000,
                    2_000_000, 8_000_000,
                ],
                |samples| Point { samples, ..CENTRE },
            ),
            Axis::Threads => some(&[64, 1024], |batch| Point {
                batch,
                width: 512,
                ..CENTRE
            }),
            Axis::Wide => some(&[60_000, 8_000_000], |samples| Point {
                samples,
                width: 512,
                ..CENTRE
            }),
            Axis::Pages => [60_000, 8_000_000]
                .into_iter()
                .flat_map(|samples| {
                    [false, true].map(|large_pages| Point {
                        samples,
                        large_pages,
                        ..CENTRE
                    })
                })
                .collect(),
        }
    }

    /// The numbers of threads that are measured at each point; the first is that of the memory.
    pub fn threads(self) -> Vec<usize> {
        let all = thread::available_parallelism().map_or(1, usize::from);
        match self {
            Axis::Threads => (1..=all).rev().collect(),
            _ if all == 1 => vec![1],
            _ => vec![all, 1],
        }
    }

    /// The number that is varied.
    pub fn value(self, point: &Point, threads: usize) -> usize {
        match self {
            Axis::Width => point.width,
            Axis::Depth => point.depth,
            Axis::Batch => point.batch,
            Axis::Samples | Axis::Wide | Axis::Pages => point.samples,
            Axis::Threads => threads,
        }
    }

    /// The title of the axis, with its unit.
    pub fn title(self) -> &'static str {
        match self {
            Axis::Width => "width of the hidden layer",
            Axis::Depth => "hidden layers",
            Axis::Batch => "samples of a batch",
            Axis::Samples | Axis::Wide | Axis::Pages => "samples of the data set",
            Axis::Threads => "threads",
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Point {
            width,
            depth,
            batch,
            samples,
            large_pages,
        } = self;
        write!(f, "{width},{depth},{batch},{samples},{large_pages}")
    }
}
