//! The loss curve, as SVG.

use std::{io, path::Path};

use plotters::prelude::*;
use tuplenet::{
    Result,
    train::{EpochReport, History},
};

use crate::unwritable;

/// Draws training loss, and validation loss where there is one, over epochs.
pub fn draw(history: &History, path: &Path) -> Result<()> {
    let mut svg = String::new();
    render(history, &mut svg)
        .map_err(|error| unwritable(path, io::Error::other(error.to_string())))?;
    std::fs::write(path, svg).map_err(|source| unwritable(path, source))
}

fn render(
    history: &History,
    svg: &mut String,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let epochs = history.epochs.len();
    let series = |loss: fn(&EpochReport) -> Option<f64>| -> Vec<(f64, f64)> {
        history
            .epochs
            .iter()
            .filter_map(|e| Some((e.epoch as f64, loss(e)?)))
            .collect()
    };
    let curves = [
        ("training", series(|e| Some(e.train_loss)), BLUE),
        ("validation", series(|e| e.validation_loss), RED),
    ];
    let highest = curves
        .iter()
        .flat_map(|(_, points, _)| points)
        .map(|point| point.1)
        .fold(0.0, f64::max);

    let area = SVGBackend::with_string(svg, (720, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("loss", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.5..epochs as f64 + 0.5, 0.0..highest * 1.1 + 1e-9)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc("mean loss per sample")
        .x_labels(epochs.min(20))
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .draw()?;
    for (name, points, colour) in curves
        .into_iter()
        .filter(|(_, points, _)| !points.is_empty())
    {
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        chart.draw_series(
            points
                .into_iter()
                .map(|point| Circle::new(point, 3, colour.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}
