//! The predictions for each given number of stars, as SVG.

use std::{fs, io, path::Path};

use plotters::{coord::Shift, prelude::*};
use tuplenet::{Error, Result};

const SIDE: u32 = 420;
const INK: RGBColor = RGBColor(64, 64, 64);
const GREY: RGBColor = RGBColor(160, 160, 160);
const GRID: RGBColor = RGBColor(222, 222, 222);
const BLUE: RGBColor = RGBColor(33, 102, 172);

/// Pairs of given and predicted stars: for each given number, the mean prediction and the deviation of the predictions.
pub fn save(pairs: impl Iterator<Item = (f32, f32)>, path: &Path) -> Result<()> {
    let svg = draw(&groups(pairs)).map_err(|error| io::Error::other(error.to_string()));
    let written = svg.and_then(|svg| fs::write(path, svg));
    written.map_err(|source| Error::Io {
        path: path.to_owned(),
        action: "write",
        source,
        remedy: "name a file that you can write to with --picture",
    })?;
    println!("{}", path.display());
    Ok(())
}

/// A given number of stars, and the mean and the deviation of the predictions.
struct Group {
    given: f64,
    mean: f64,
    deviation: f64,
}

fn groups(pairs: impl Iterator<Item = (f32, f32)>) -> Vec<Group> {
    // by half stars
    let mut predictions = vec![Vec::new(); 11];
    for (given, predicted) in pairs {
        let at = (given * 2.0).round().clamp(0.0, 10.0) as usize;
        predictions[at].push(f64::from(predicted));
    }
    let groups = predictions.iter().enumerate();
    let groups = groups.filter(|(_, predictions)| !predictions.is_empty());
    let group = |(at, predictions): (usize, &Vec<f64>)| {
        let count = predictions.len() as f64;
        let mean = predictions.iter().sum::<f64>() / count;
        let squares = predictions.iter().map(|x| (x - mean).powi(2));
        Group {
            given: at as f64 / 2.0,
            mean,
            deviation: (squares.sum::<f64>() / count).sqrt(),
        }
    };
    groups.map(group).collect()
}

fn draw(groups: &[Group]) -> std::result::Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    let area: DrawingArea<_, Shift> =
        SVGBackend::with_string(&mut svg, (SIDE, SIDE)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "stars of the test ratings",
            ("sans-serif", 16).into_font().color(&INK),
        )
        .margin(10)
        .margin_right(20)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..5.5, 0.0..5.5)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(GREY)
        .label_style(("sans-serif", 13).into_font().color(&INK))
        .x_desc("given")
        .y_desc("predicted, mean and deviation")
        .draw()?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (5.5, 5.5)], GREY))?;
    for group in groups {
        let ends = [group.mean - group.deviation, group.mean + group.deviation];
        let line = ends.map(|predicted| (group.given, predicted));
        chart.draw_series(LineSeries::new(line, BLUE.stroke_width(2)))?;
    }
    let means = groups.iter().map(|group| (group.given, group.mean));
    chart.draw_series(means.map(|at| Circle::new(at, 4, BLUE.filled())))?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(svg)
}
