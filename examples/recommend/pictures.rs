//! The predictions for each given number of stars, as SVG.

use std::path::Path;

use plotters::prelude::*;
use tuplenet::Result;

use crate::chart::{self, BLUE, Drawn};

/// Pairs of given and predicted stars: for each given number, the mean prediction and the deviation of the predictions.
pub fn save(pairs: impl Iterator<Item = (f32, f32)>, path: &Path) -> Result<()> {
    let remedy = "name a file that you can write to with --picture";
    chart::save(draw(&groups(pairs)), path, remedy)
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

fn draw(groups: &[Group]) -> Drawn {
    let axes = ["given", "predicted, mean and deviation"];
    chart::draw("stars of the test ratings", axes, 5.5, |chart| {
        for group in groups {
            let ends = [group.mean - group.deviation, group.mean + group.deviation];
            let line = ends.map(|predicted| (group.given, predicted));
            chart.draw_series(LineSeries::new(line, BLUE.stroke_width(2)))?;
        }
        let means = groups.iter().map(|group| (group.given, group.mean));
        chart.draw_series(means.map(|at| Circle::new(at, 4, BLUE.filled())))?;
        Ok(())
    })
}
