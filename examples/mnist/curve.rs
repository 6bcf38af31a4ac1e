//! Loss, accuracy and learning rate over a training, as SVG.

use std::{error::Error, io, path::Path};

use plotters::{coord::Shift, prelude::*};
use tuplenet::{
    Result,
    train::{EpochReport, History, Progress},
};

use crate::unwritable;

/// Points of (epochs, value).
type Points = Vec<(f64, f64)>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a panel each for loss, accuracy where it was measured, and learning rate.
pub fn draw(history: &History, path: &Path) -> Result<()> {
    let mut svg = String::new();
    render(history, &mut svg)
        .map_err(|error| unwritable(path, io::Error::other(error.to_string())))?;
    std::fs::write(path, svg).map_err(|source| unwritable(path, source))
}

fn render(history: &History, svg: &mut String) -> Result<(), Box<dyn Error>> {
    let steps = |value: fn(&Progress) -> f64| -> Points {
        let points = history.progress.iter();
        points.map(|at| (epochs_done(at), value(at))).collect()
    };
    let epochs = |value: fn(&EpochReport) -> Option<f64>| -> Points {
        let reports = history.epochs.iter();
        reports
            .filter_map(|report| Some((report.epoch as f64, value(report)?)))
            .collect()
    };
    let panels = [
        (
            "loss",
            vec![
                (
                    "a batch",
                    steps(|at| at.loss.into()),
                    RGBColor(190, 205, 235),
                ),
                ("training", epochs(|report| Some(report.train_loss)), BLUE),
                ("validation", epochs(|report| report.validation_loss), RED),
            ],
        ),
        (
            "validation accuracy",
            vec![("accuracy", epochs(|report| report.validation_accuracy), RED)],
        ),
        (
            "learning rate",
            vec![("learning rate", steps(|at| at.learning_rate), BLACK)],
        ),
    ];
    let panels = panels.map(|(title, curves)| {
        let drawn = curves
            .into_iter()
            .filter(|(_, points, _)| !points.is_empty());
        (title, drawn.collect::<Vec<_>>())
    });
    let panels: Vec<_> = panels
        .into_iter()
        .filter(|(_, curves)| !curves.is_empty())
        .collect();
    let area = SVGBackend::with_string(svg, (720, 260 * panels.len() as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    for (area, (title, curves)) in area.split_evenly((panels.len(), 1)).iter().zip(panels) {
        panel(area, title, history.epochs.len() as f64, curves)?;
    }
    area.present()?;
    Ok(())
}

/// Where a run stood, in epochs.
fn epochs_done(at: &Progress) -> f64 {
    (at.epoch - 1) as f64 + at.samples_done as f64 / at.samples as f64
}

fn panel(
    area: &Area<'_>,
    title: &str,
    epochs: f64,
    curves: Vec<(&str, Points, RGBColor)>,
) -> Result<(), Box<dyn Error>> {
    let values = || {
        curves
            .iter()
            .flat_map(|(_, points, _)| points)
            .map(|point| point.1)
    };
    let highest = values().fold(0.0, f64::max);
    let lowest = values().fold(highest, f64::min);
    // from 0, unless all values lie close together far above it, as accuracies do
    let bottom = if lowest > highest / 2.0 && lowest < highest {
        lowest - (highest - lowest) * 0.1
    } else {
        0.0
    };
    let top = highest + (highest - bottom) * 0.05 + 1e-9;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(8)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..epochs, bottom..top)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_labels(6)
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .draw()?;
    let several = curves.len() > 1;
    for (name, points, colour) in curves {
        let drawn = chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        if several {
            drawn
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
    }
    if several {
        chart
            .configure_series_labels()
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
    }
    Ok(())
}
