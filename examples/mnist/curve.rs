//! Plots loss, accuracy and learning rate over a training, as SVG.

use std::error::Error;

use plotters::{coord::Shift, prelude::*};
use tuplenet::train::{EpochReport, History, Progress};

use super::axis::Axis;

/// Points of (epochs, value).
type Points = Vec<(f64, f64)>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: u32 = 720;
/// The height of one panel.
const HEIGHT: u32 = 260;

const GRID: RGBColor = RGBColor(222, 222, 222);
const MINOR_GRID: RGBColor = RGBColor(242, 242, 242);
const INK: RGBColor = RGBColor(64, 64, 64);
const PALE_BLUE: RGBColor = RGBColor(178, 200, 232);
const BLUE: RGBColor = RGBColor(33, 102, 172);
const RED: RGBColor = RGBColor(178, 24, 43);
const GREY: RGBColor = RGBColor(128, 128, 128);

/// Curves with at most this many points have markers.
const MOST_MARKS: usize = 20;

/// One of several charts above each other, with the same epoch axis.
struct Panel {
    title: &'static str,
    /// Appended to the title.
    note: String,
    curves: Vec<Curve>,
    axis: fn(&[f64]) -> Axis,
}

struct Curve {
    name: &'static str,
    points: Points,
    colour: RGBColor,
    /// Whether the line is bold, with markers if it has few points.
    is_bold: bool,
}

/// Plots a panel each for loss, accuracy if it was measured, and the learning rate unless it is constant.
pub fn draw(history: &History) -> Result<String, Box<dyn Error>> {
    let panels = panels(history);
    let mut svg = String::new();
    let size = (WIDTH, HEIGHT * panels.len().max(1) as u32);
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    area.fill(&WHITE)?;
    let epochs = Axis::epochs(last_epoch(history));
    for (area, panel) in area
        .split_evenly((panels.len().max(1), 1))
        .iter()
        .zip(panels)
    {
        panel.draw(area, &epochs, history.best_epoch)?;
    }
    area.present()?;
    drop(area);
    Ok(svg)
}

/// The last epoch that the training started.
fn last_epoch(history: &History) -> usize {
    let begun = history.progress.last().map_or(0, |at| at.epoch);
    begun.max(history.epochs.len())
}

fn panels(history: &History) -> Vec<Panel> {
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
    // The mean over an epoch is plotted at its middle, a value measured after it at its end.
    let means = history.epochs.iter();
    let means = means.map(|report| (report.epoch as f64 - 0.5, report.train_loss));
    let curve = |name, points, colour, is_bold| Curve {
        name,
        points,
        colour,
        is_bold,
    };
    let rates = steps(|at| at.learning_rate);
    let constant = rates.first().map(|first| first.1);
    let constant = constant.filter(|first| rates.iter().all(|(_, rate)| rate == first));
    let note = constant.map(|rate| format!(", at a learning rate of {rate}"));
    let losses = vec![
        curve("one batch", steps(|at| at.loss.into()), PALE_BLUE, false),
        curve("training, mean", means.collect(), BLUE, true),
        curve("validation", epochs(|at| at.validation_loss), RED, true),
    ];
    let accuracy = epochs(|at| at.validation_accuracy.map(|share| share * 100.0));
    let mut panels = vec![
        Panel {
            title: "loss",
            note: note.unwrap_or_default(),
            curves: losses,
            axis: Axis::loss,
        },
        Panel {
            title: "validation accuracy, %",
            note: String::new(),
            curves: vec![curve("accuracy", accuracy, RED, true)],
            axis: Axis::values,
        },
    ];
    if constant.is_none() {
        panels.push(Panel {
            title: "learning rate",
            note: String::new(),
            curves: vec![curve("learning rate", rates, INK, true)],
            axis: Axis::values,
        });
    }
    for panel in &mut panels {
        panel.curves.retain(|curve| !curve.points.is_empty());
    }
    // A panel with a single point shows no more than the epoch's report.
    panels.retain(|panel| panel.curves.iter().any(|curve| curve.points.len() > 1));
    panels
}

/// The position in the training, in epochs.
fn epochs_done(at: &Progress) -> f64 {
    (at.epoch - 1) as f64 + at.samples_done as f64 / at.samples as f64
}

impl Panel {
    fn draw(
        self,
        area: &Area<'_>,
        epochs: &Axis,
        best_epoch: Option<usize>,
    ) -> Result<(), Box<dyn Error>> {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let axis = (self.axis)(&points.map(|point| point.1).collect::<Vec<_>>());
        let scale = if axis.is_logarithmic() {
            " (logarithmic)"
        } else {
            ""
        };
        let title = format!("{}{scale}{}", self.title, self.note);
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 16).into_font().color(&INK))
            .margin(8)
            .margin_right(20)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(epochs.clone(), axis)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(MINOR_GRID)
            .axis_style(GREY)
            .label_style(("sans-serif", 13).into_font().color(&INK))
            .x_desc("epoch")
            .draw()?;
        let several = self.curves.len() > 1;
        for curve in self.curves {
            let colour = curve.colour;
            let points = curve.points;
            let stroke = colour.stroke_width(1 + u32::from(curve.is_bold));
            if curve.is_bold && points.len() <= MOST_MARKS {
                let marks = points.iter().map(|&at| Circle::new(at, 3, colour.filled()));
                chart.draw_series(marks)?;
            }
            let line = chart.draw_series(LineSeries::new(points, stroke))?;
            if several {
                line.label(curve.name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], stroke));
            }
        }
        if let Some(best) = best_epoch {
            let (x, ends) = (best as f64, chart.y_range());
            let line = [(x, ends.start), (x, ends.end)];
            let line = chart.draw_series([PathElement::new(line, GREY)])?;
            if several {
                line.label("best epoch")
                    .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], GREY));
            }
        }
        if several {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(WHITE)
                .border_style(GRID)
                .label_font(("sans-serif", 13).into_font().color(&INK))
                .draw()?;
        }
        Ok(())
    }
}
