//! The page of plots: for each axis, the time of a step and the memory.

use std::{fs, path::Path};

use plotters::prelude::*;

use crate::{
    Result,
    axis::Axis,
    chart::{Chart, Series, Spread},
    points::{Measured, Points},
};

const COLUMN: u32 = 480;
const ROW: u32 = 290;

const BLUE: RGBColor = RGBColor(33, 102, 172);
const RED: RGBColor = RGBColor(178, 24, 43);
const GREEN: RGBColor = RGBColor(27, 120, 55);
const PURPLE: RGBColor = RGBColor(118, 42, 131);
const GREY: RGBColor = RGBColor(110, 110, 110);

/// Writes `page.svg`.
pub fn draw(points: &Points, folder: &Path) -> Result<()> {
    let axes = [
        Axis::Width,
        Axis::Depth,
        Axis::Batch,
        Axis::Samples,
        Axis::Threads,
    ];
    let axes: Vec<Axis> = axes
        .into_iter()
        .filter(|&axis| points.of(axis).count() > 1)
        .collect();
    let path = folder.join("page.svg");
    let mut svg = String::new();
    let size = (2 * COLUMN, ROW * axes.len().max(1) as u32);
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    area.fill(&WHITE)?;
    for (row, axis) in area
        .split_evenly((axes.len().max(1), 2))
        .chunks(2)
        .zip(axes)
    {
        times(points, axis).draw(&row[0])?;
        memory(points, axis).draw(&row[1])?;
    }
    area.present()?;
    drop(area);
    Ok(fs::write(path, svg)?)
}

/// The least time of a step, with a bar to the median, on all threads and on one.
fn times(points: &Points, axis: Axis) -> Chart {
    let spread = |measured: &Measured| Spread {
        x: measured.value() as f64,
        y: measured.time.min * 1e6,
        low: measured.time.min * 1e6,
        high: measured.time.median * 1e6,
    };
    Chart {
        title: "time of a step, microseconds".to_owned(),
        x_title: axis.title(),
        series: series(points, axis, spread),
        marks: marks(points, axis),
    }
}

/// One for each number of threads; on the axis of threads, for each batch size; and with large pages.
fn series(points: &Points, axis: Axis, spread: impl Fn(&Measured) -> Spread) -> Vec<Series> {
    let colours = [BLUE, RED, GREEN, PURPLE];
    let mut all: Vec<Series> = Vec::new();
    for measured in points.of(axis) {
        let name = match (axis, measured.threads) {
            (Axis::Threads, _) => format!("512 wide, batch {}", measured.point.batch),
            (_, 1) => "1 thread".to_owned(),
            (_, threads) => format!("{threads} threads"),
        };
        let at = all
            .iter()
            .position(|series| series.name == name)
            .unwrap_or_else(|| {
                all.push(Series {
                    name,
                    colour: colours[all.len() % colours.len()],
                    is_marked: true,
                    has_line: true,
                    points: Vec::new(),
                });
                all.len() - 1
            });
        all[at].points.push(spread(measured));
    }
    all
}

/// The memory of the process, and what was predicted, in megabytes.
fn memory(points: &Points, axis: Axis) -> Chart {
    let most = axis.threads().into_iter().max().unwrap_or(1);
    let shown = |measured: &&Measured| match axis {
        Axis::Threads => measured.point.batch == 64,
        _ => measured.threads == most,
    };
    let of = |bytes: fn(&Measured) -> usize| -> Vec<Spread> {
        let spread = |measured: &Measured| {
            let y = bytes(measured) as f64 / 1e6;
            Spread {
                x: measured.value() as f64,
                y,
                low: y,
                high: y,
            }
        };
        points.of(axis).filter(shown).map(spread).collect()
    };
    let series = |name: &str, colour, is_marked, points| Series {
        name: name.to_owned(),
        colour,
        is_marked,
        has_line: !is_marked,
        points,
    };
    Chart {
        title: "memory, MB".to_owned(),
        x_title: axis.title(),
        series: vec![
            series("measured", BLUE, true, of(|measured| measured.memory.taken)),
            series(
                "predicted",
                RED,
                false,
                of(|measured| measured.memory.predicted),
            ),
            series(
                "of which weights and moments",
                GREEN,
                false,
                of(|measured| measured.memory.parameters),
            ),
            series(
                "of which a batch",
                GREY,
                false,
                of(|measured| measured.memory.batch),
            ),
        ],
        marks: Vec::new(),
    }
}

/// Where weights and moments, a batch, or the data set have the size of a cache.
fn marks(points: &Points, axis: Axis) -> Vec<(f64, String)> {
    let bytes: fn(&Measured) -> usize = match axis {
        Axis::Width | Axis::Depth => |measured| measured.memory.parameters,
        Axis::Batch => |measured| measured.memory.batch,
        Axis::Samples | Axis::Wide | Axis::Pages => |measured| measured.memory.predicted,
        Axis::Threads => return Vec::new(),
    };
    let all = axis.threads()[0];
    let sizes = [
        (points.caches.l2, "L2".to_owned()),
        (points.caches.l2 * all, format!("{all} L2")),
        (points.caches.l3, "L3".to_owned()),
    ];
    let curve: Vec<(f64, f64)> = points
        .of(axis)
        .filter(|measured| measured.threads == all)
        .map(|measured| (measured.value() as f64, bytes(measured) as f64))
        .collect();
    let at = |size: f64| {
        let (before, after) = curve
            .iter()
            .zip(curve.get(1..)?)
            .find(|(a, b)| (a.1..b.1).contains(&size))?;
        let share = (size / before.1).ln() / (after.1 / before.1).ln();
        Some(before.0 * (after.0 / before.0).powf(share))
    };
    let marks = sizes.into_iter().filter(|(size, _)| *size > 0);
    marks
        .filter_map(|(size, name)| Some((at(size as f64)?, name)))
        .collect()
}
