//! ROC and calibration curves, as SVG.

use std::path::Path;

use plotters::prelude::*;
use tuplenet::{Result, explain::Calibration, metrics::RocCurve};

use crate::chart::{BLUE, Drawn, draw, save};

/// What to do where the folder cannot be written to.
pub const REMEDY: &str = "name a folder that you can write to with `--out`";

/// Draws both curves into files in this folder, and prints their paths.
pub fn save_both(curve: &RocCurve, bins: &Calibration, folder: &Path) -> Result<()> {
    save(roc(curve), &folder.join("roc.svg"), REMEDY)?;
    save(calibration(bins), &folder.join("calibration.svg"), REMEDY)
}

/// The true positive rate for each false positive rate, and the diagonal of a classifier that guesses.
fn roc(curve: &RocCurve) -> Drawn {
    let rates = curve
        .false_positive_rates
        .iter()
        .zip(&curve.true_positive_rates);
    let points = rates.map(|(&x, &y)| (x, y)).collect();
    let area = curve.area().unwrap_or(f64::NAN);
    let title = format!("ROC curve, area {area:.4}");
    let axes = ["false positive rate", "true positive rate"];
    line(&title, axes, points, false)
}

/// The accuracy of each bin of confidences, and the diagonal of a calibrated network.
fn calibration(calibration: &Calibration) -> Drawn {
    let bins = calibration.bins().iter();
    let points = bins.filter_map(|bin| Some((bin.confidence()?, bin.accuracy()?)));
    let title = format!(
        "calibration, expected error {:.3}",
        calibration.expected_error()
    );
    line(&title, ["confidence", "accuracy"], points.collect(), true)
}

/// A line through points of a unit square.
fn line(title: &str, axes: [&str; 2], points: Vec<(f64, f64)>, has_marks: bool) -> Drawn {
    draw(title, axes, 1.0, |chart| {
        if has_marks {
            let marks = points.iter().map(|&at| Circle::new(at, 4, BLUE.filled()));
            chart.draw_series(marks)?;
        }
        chart.draw_series(LineSeries::new(points, BLUE.stroke_width(2)))?;
        Ok(())
    })
}
