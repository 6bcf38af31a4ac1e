//! A chart with two logarithmic axes.

use plotters::{coord::Shift, prelude::*};

use crate::Result;

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const GRID: RGBColor = RGBColor(222, 222, 222);
const INK: RGBColor = RGBColor(64, 64, 64);
const GREY: RGBColor = RGBColor(128, 128, 128);
const MARK: RGBColor = RGBColor(150, 120, 60);

/// Pixels between two labels of the horizontal axis, so that they do not touch.
const LABEL: f64 = 38.0;

pub struct Chart {
    pub title: String,
    pub x_title: &'static str,
    pub series: Vec<Series>,
    /// Vertical lines: where, and what is there.
    pub marks: Vec<(f64, String)>,
}

pub struct Series {
    pub name: String,
    pub colour: RGBColor,
    /// Whether points have markers, with their spread.
    pub is_marked: bool,
    /// Whether a line joins the points.
    pub has_line: bool,
    pub points: Vec<Spread>,
}

/// A value with its least and its greatest one.
#[derive(Clone, Copy)]
pub struct Spread {
    pub x: f64,
    pub y: f64,
    pub low: f64,
    pub high: f64,
}

impl Chart {
    pub fn draw(&self, area: &Area<'_>) -> Result<()> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let Some(x) = range(points().map(|point| point.x)) else {
            return Ok(());
        };
        let Some(y) = range(points().flat_map(|point| [point.low, point.high])) else {
            return Ok(());
        };
        let width = f64::from(area.dim_in_pixel().0) - 90.0;
        let mut xs: Vec<f64> = points().map(|point| point.x).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let x_ticks = spaced(&xs, width / (x.1 / x.0).ln());
        let y_ticks = decimal(y);
        // room for the names of the series above the points
        let names = 20.0 + 16.0 * self.series.len() as f64;
        let height = f64::from(area.dim_in_pixel().1) - 84.0;
        let (bottom, top) = (
            y.0 / 1.3,
            y.1 * (1.3 * y.1 / y.0).powf(names / (height - names)),
        );
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 15).into_font().color(&INK))
            .margin(8)
            .margin_right(22)
            .x_label_area_size(38)
            .y_label_area_size(52)
            .build_cartesian_2d(
                (x.0 / 1.15..x.1 * 1.15)
                    .log_scale()
                    .with_key_points(x_ticks),
                (bottom..top).log_scale().with_key_points(y_ticks),
            )?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GREY)
            .label_style(("sans-serif", 12).into_font().color(&INK))
            .x_desc(self.x_title)
            .x_label_formatter(&|x| short(*x))
            .y_label_formatter(&|y| short(*y))
            .draw()?;
        for (at, name) in &self.marks {
            if !(x.0..=x.1).contains(at) {
                continue;
            }
            chart.draw_series([PathElement::new([(*at, bottom), (*at, top)], MARK)])?;
            let style = ("sans-serif", 11).into_font().color(&MARK);
            let text = Text::new(
                name.clone(),
                (
                    at * (x.1 / x.0).powf(0.008),
                    bottom * (top / bottom).powf(0.075),
                ),
                style,
            );
            chart.draw_series([text])?;
        }
        for series in &self.series {
            let colour = series.colour;
            if series.has_line {
                let line = series.points.iter().map(|point| (point.x, point.y));
                let stroke = colour.stroke_width(if series.is_marked { 2 } else { 1 });
                chart
                    .draw_series(LineSeries::new(line, stroke))?
                    .label(&series.name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], stroke));
            }
            if series.is_marked {
                let bars = series.points.iter();
                chart.draw_series(
                    bars.map(|at| PathElement::new([(at.x, at.low), (at.x, at.high)], colour)),
                )?;
                let marks = series.points.iter();
                let marks = chart
                    .draw_series(marks.map(|at| Circle::new((at.x, at.y), 3, colour.filled())))?;
                if !series.has_line {
                    marks
                        .label(&series.name)
                        .legend(move |(x, y)| Circle::new((x + 8, y), 3, colour.filled()));
                }
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(GRID)
            .label_font(("sans-serif", 12).into_font().color(&INK))
            .draw()?;
        Ok(())
    }
}

/// The least and the greatest value, if there are two.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let ends = values
        .map(|value| (value, value))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    (ends.0 < ends.1).then_some(ends)
}

/// Those values whose labels fit beside each other, at so many pixels for a factor of e.
fn spaced(values: &[f64], pixels: f64) -> Vec<f64> {
    let mut ticks: Vec<f64> = Vec::new();
    for &value in values {
        if ticks
            .last()
            .is_none_or(|last| (value / last).ln() * pixels >= LABEL)
        {
            ticks.push(value);
        }
    }
    ticks
}

/// Powers of ten; some multiples of these if there are few.
fn decimal((low, high): (f64, f64)) -> Vec<f64> {
    let digits: &[f64] = match (high / low).log10() {
        ..0.7 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
        ..2.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let ticks =
        exponents.flat_map(|exponent| digits.iter().map(move |digit| digit * 10f64.powi(exponent)));
    ticks
        .filter(|tick| (low / 1.3..=high * 1.3).contains(tick))
        .collect()
}

/// `20k`, `8M`, `0.5`.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", trimmed(value / 1e6)),
        1e4.. if value % 1e3 == 0.0 => format!("{}k", value / 1e3),
        _ => trimmed(value),
    }
}

/// At most three digits behind the point, and none that are 0 at the end.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
