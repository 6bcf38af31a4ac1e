//! A chart of two axes with the same limit, as SVG.

use std::{fs, io, path::Path};

use plotters::{coord::Shift, coord::types::RangedCoordf64, prelude::*};
use tuplenet::{Error, Result};

const SIDE: u32 = 420;
const INK: RGBColor = RGBColor(64, 64, 64);
const GREY: RGBColor = RGBColor(160, 160, 160);
const GRID: RGBColor = RGBColor(222, 222, 222);
pub const BLUE: RGBColor = RGBColor(33, 102, 172);

pub type Drawn = std::result::Result<String, Box<dyn std::error::Error>>;
pub type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Axes from 0 to `limit`, the diagonal, and what `series` draws.
pub fn draw(
    title: &str,
    axes: [&str; 2],
    limit: f64,
    series: impl FnOnce(&mut Chart<'_, '_>) -> std::result::Result<(), Box<dyn std::error::Error>>,
) -> Drawn {
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
        .build_cartesian_2d(0.0..limit, 0.0..limit)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(GREY)
        .label_style(("sans-serif", 13).into_font().color(&INK))
        .x_desc(axes[0])
        .y_desc(axes[1])
        .draw()?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (limit, limit)], GREY))?;
    series(&mut chart)?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(svg)
}

/// Writes a picture and prints its path; where that fails, the error has this remedy.
pub fn save(drawn: Drawn, path: &Path, remedy: &'static str) -> Result<()> {
    let svg = drawn.map_err(|error| io::Error::other(error.to_string()));
    let written = svg.and_then(|svg| fs::write(path, svg));
    written.map_err(|source| Error::Io {
        path: path.to_owned(),
        action: "write",
        source,
        remedy,
    })?;
    println!("{}", path.display());
    Ok(())
}
