//! The straight path from a baseline to a sample, divided into steps.
//!
//! Dims: `I` = inputs, `C` = classes, `P` = points on the path.

use crate::{
    engine::{Engine, Tape, TapeDevice},
    error::Result,
    network::Network,
    shape::Shape,
};

/// The maximum number of points in one pass through the network.
const BATCH: usize = 1000;

/// `x(t) = (1 - t) from + t to`, `t` from 0 to 1, and the network whose logit of `class` is evaluated along it.
pub(super) struct Path<'a, N: Network, D: TapeDevice> {
    pub(super) net: &'a Tape<N, D>,
    pub(super) class: usize,
    /// `[I]`
    pub(super) from: &'a [f32],
    /// `[I]`
    pub(super) to: &'a [f32],
}

/// A point of the path.
#[derive(Clone, Copy)]
pub(super) struct Point {
    t: f64,
    pub(super) logit: f64,
}

/// A part of the path.
pub(super) struct Step {
    begin: Point,
    end: Point,
    /// The integral of the gradient over the step by the Gauss-Legendre rule of two points, `[I]`.
    gradient: Vec<f32>,
    /// The completeness gap: that integral along the path minus the difference of the logits at its ends.
    pub(super) gap: f64,
    /// The sum of the absolute values of the terms of the integral along the path.
    pub(super) size: f64,
}

impl<N: Network, D: TapeDevice> Path<'_, N, D> {
    /// The two ends of the path, and the path in `count` equal steps.
    pub(super) fn divide(&self, count: usize) -> Result<(Point, Point, Vec<Step>)> {
        let places: Vec<f64> = (0..=count).map(|k| k as f64 / count as f64).collect();
        let points = self.points(&places)?;
        let ends: Vec<[Point; 2]> = points.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        Ok((points[0], points[count], self.steps(&ends)?))
    }

    /// These steps, each halved.
    pub(super) fn halve(&self, steps: &[Step]) -> Result<Vec<Step>> {
        let middles: Vec<f64> = steps
            .iter()
            .map(|step| (step.begin.t + step.end.t) / 2.0)
            .collect();
        let middles = self.points(&middles)?;
        let ends: Vec<[Point; 2]> = steps
            .iter()
            .zip(middles)
            .flat_map(|(step, middle)| [[step.begin, middle], [middle, step.end]])
            .collect();
        self.steps(&ends)
    }

    /// The integral over all of these steps: the attribution of each feature.
    pub(super) fn values<S: Shape>(&self, steps: &[Step]) -> S::Array {
        let mut values = S::zeros();
        for (i, value) in S::values_mut(&mut values).iter_mut().enumerate() {
            let integral: f64 = steps.iter().map(|step| f64::from(step.gradient[i])).sum();
            *value = (self.length(i) * integral) as f32;
        }
        values
    }

    /// The steps between these ends.
    fn steps(&self, ends: &[[Point; 2]]) -> Result<Vec<Step>> {
        let places: Vec<f64> = ends
            .iter()
            .flat_map(|&[begin, end]| {
                let (middle, half) = ((begin.t + end.t) / 2.0, (end.t - begin.t) / 2.0);
                [-1.0, 1.0].map(|sign| middle + sign * half / 3f64.sqrt())
            })
            .collect();
        let width = N::In::LEN;
        let mut steps = Vec::with_capacity(ends.len());
        // two points per step
        for (places, ends) in places.chunks(BATCH).zip(ends.chunks(BATCH / 2)) {
            let classes = vec![self.class; places.len()];
            let gradients = self.net.saliencies(&self.features(places), &classes)?;
            for (two, &[begin, end]) in gradients.chunks_exact(2 * width).zip(ends) {
                let (first, second) = two.split_at(width);
                let half = ((end.t - begin.t) / 2.0) as f32;
                let gradient: Vec<f32> = first
                    .iter()
                    .zip(second)
                    .map(|(a, b)| half * (a + b))
                    .collect();
                let terms = gradient.iter().enumerate();
                let terms = terms.map(|(i, &g)| self.length(i) * f64::from(g));
                steps.push(Step {
                    begin,
                    end,
                    gap: terms.clone().sum::<f64>() - (end.logit - begin.logit),
                    size: terms.map(f64::abs).sum(),
                    gradient,
                });
            }
        }
        Ok(steps)
    }

    /// The points at these places, with their logits.
    fn points(&self, places: &[f64]) -> Result<Vec<Point>> {
        let mut points = Vec::with_capacity(places.len());
        for places in places.chunks(BATCH) {
            let logits = self.net.forward(&self.features(places))?;
            let rows = logits.chunks_exact(N::Output::LEN);
            points.extend(places.iter().zip(rows).map(|(&t, row)| Point {
                t,
                logit: row[self.class].into(),
            }));
        }
        Ok(points)
    }

    /// The samples at these places, `[P, I]`.
    fn features(&self, places: &[f64]) -> Vec<f32> {
        let at = |t: f64| {
            let pairs = self.from.iter().zip(self.to);
            pairs.map(move |(&from, &to)| ((1.0 - t) * f64::from(from) + t * f64::from(to)) as f32)
        };
        places.iter().flat_map(|&t| at(t)).collect()
    }

    /// The path's extent in feature `i`.
    fn length(&self, i: usize) -> f64 {
        f64::from(self.to[i]) - f64::from(self.from[i])
    }
}
