//! ROC and calibration curves, as SVG.

use std::{fs, io, path::Path};

use plotters::{coord::Shift, prelude::*};
use tuplenet::{Error, Result, explain::Calibration, metrics::RocCurve};

const SIDE: u32 = 420;
const INK: RGBColor = RGBColor(64, 64, 64);
const GREY: RGBColor = RGBColor(160, 160, 160);
const GRID: RGBColor = RGBColor(222, 222, 222);
const BLUE: RGBColor = RGBColor(33, 102, 172);

type Drawn = std::result::Result<String, Box<dyn std::error::Error>>;

/// The true positive rate for each false positive rate, and the diagonal of a classifier that guesses.
pub fn roc(curve: &RocCurve) -> Drawn {
    let rates = curve
        .false_positive_rates
        .iter()
        .zip(&curve.true_positive_rates);
    let points = rates.map(|(&x, &y)| (x, y)).collect();
    let area = curve.area().unwrap_or(f64::NAN);
    let title = format!("ROC curve, area {area:.4}");
    draw(
        &title,
        ["false positive rate", "true positive rate"],
        points,
        false,
    )
}

/// The accuracy of each bin of confidences, and the diagonal of a calibrated network.
pub fn calibration(calibration: &Calibration) -> Drawn {
    let bins = calibration.bins().iter();
    let points = bins.filter_map(|bin| Some((bin.confidence()?, bin.accuracy()?)));
    let title = format!(
        "calibration, expected error {:.3}",
        calibration.expected_error()
    );
    draw(&title, ["confidence", "accuracy"], points.collect(), true)
}

/// A line through points of a unit square.
fn draw(title: &str, axes: [&str; 2], points: Vec<(f64, f64)>, has_marks: bool) -> Drawn {
    let mut svg = String::new();
    let area: DrawingArea<_, Shift> =
        SVGBackend::with_string(&mut svg, (SIDE, SIDE)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 16).into_font().color(&INK))
        .margin(10)
        .margin_right(20)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(GREY)
        .label_style(("sans-serif", 13).into_font().color(&INK))
        .x_desc(axes[0])
        .y_desc(axes[1])
        .draw()?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], GREY))?;
    if has_marks {
        let marks = points.iter().map(|&at| Circle::new(at, 4, BLUE.filled()));
        chart.draw_series(marks)?;
    }
    chart.draw_series(LineSeries::new(points, BLUE.stroke_width(2)))?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(svg)
}

/// Writes a picture and prints its path.
pub fn save(drawn: Drawn, path: &Path) -> Result<()> {
    let svg = drawn.map_err(|error| unwritable(path, io::Error::other(error.to_string())))?;
    fs::write(path, svg).map_err(|source| unwritable(path, source))?;
    println!("{}", path.display());
    Ok(())
}

pub fn unwritable(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        action: "write",
        source,
        remedy: "name a folder that you can write to with `--out`",
    }
}
