//! Exponents: least squares of the logarithms over a range in which the growth has no bend.

use crate::{
    axis::Axis,
    points::{Measured, Points},
};

/// `y = c x^exponent`.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    pub exponent: f64,
    /// The standard error of the exponent; not finite for fewer than three points.
    pub error: f64,
}

impl Fit {
    /// Of at least two points with different `x`, all positive.
    pub fn of(points: &[(f64, f64)]) -> Self {
        let n = points.len() as f64;
        let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
        let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / n;
        let (x_mean, y_mean) = (mean(|log| log.0), mean(|log| log.1));
        let xx: f64 = logs.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
        let xy: f64 = logs.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
        let exponent = xy / xx;
        let residual = |(x, y): &(f64, f64)| y - y_mean - exponent * (x - x_mean);
        let squares: f64 = logs.iter().map(|log| residual(log).powi(2)).sum();
        Fit {
            exponent,
            error: (squares / (n - 2.0) / xx).sqrt(),
        }
    }
}

/// The ranges between two bends.
const RANGES: [(Axis, &[(usize, usize)]); 4] = [
    (Axis::Width, &[(32, 128), (128, 2048), (2048, 8192)]),
    (Axis::Depth, &[(1, 4), (4, 32)]),
    (Axis::Batch, &[(2, 16), (64, 1024), (1024, 65_536)]),
    (Axis::Samples, &[(10_000, 60_000), (60_000, 8_000_000)]),
];

/// Prints the table of exponents.
pub fn print(points: &Points) {
    println!("{}", points.machine);
    println!("| axis | range | threads | time of a step | of the medians | memory |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for (axis, ranges) in RANGES {
        for &(first, last) in ranges {
            for threads in axis.threads() {
                let within = |measured: &&Measured| {
                    measured.threads == threads && (first..=last).contains(&measured.value())
                };
                let some: Vec<&Measured> = points.of(axis).filter(within).collect();
                if some.len() < 2 {
                    continue;
                }
                let fit = |of: fn(&Measured) -> f64| {
                    let points = some
                        .iter()
                        .map(|measured| (measured.value() as f64, of(measured)));
                    let Fit { exponent, error } = Fit::of(&points.collect::<Vec<_>>());
                    format!("{exponent:.3} ± {error:.3}")
                };
                println!(
                    "| {axis} | {first} to {last} | {threads} | {} | {} | {} |",
                    fit(|measured| measured.time.min),
                    fit(|measured| measured.time.median),
                    fit(memory),
                );
            }
        }
    }
}

/// The bytes that grow on the axis: all on that of samples, else those that are not the data set's.
fn memory(measured: &Measured) -> f64 {
    let memory = &measured.memory;
    let data = match measured.axis {
        Axis::Samples => 0,
        _ => memory.predicted - memory.parameters - memory.batch,
    };
    memory.taken as f64 - data as f64
}
