//! The straight path from a baseline to a sample, divided into steps.
//!
//! Dims: `I` = inputs, `C` = classes, `P` = points on the path.

use crate::{
    engine::{Engine, Tape, TapeDevice},
    error::Result,
    network::Network,
    shape::{Numbers, Shape},
};

/// The maximum number of points in one pass through the network.
const BATCH: usize = 1000;

/// What a path needs of a network; as a trait object, so that paths are compiled once for all networks.
pub(super) trait Differentiable {
    /// `I` and `C`.
    fn widths(&self) -> [usize; 2];
    /// `[P, I]` to `[P, C]`.
    fn logits(&self, features: &[f32]) -> Result<Vec<f32>>;
    /// [`Tape::saliencies`].
    fn gradients(&self, features: &[f32], classes: &[usize]) -> Result<Vec<f32>>;
}

impl<N: Network<In: Numbers>, D: TapeDevice> Differentiable for Tape<N, D> {
    fn widths(&self) -> [usize; 2] {
        [N::In::LEN, N::Output::LEN]
    }

    fn logits(&self, features: &[f32]) -> Result<Vec<f32>> {
        self.forward(features)
    }

    fn gradients(&self, features: &[f32], classes: &[usize]) -> Result<Vec<f32>> {
        self.saliencies(features, classes)
    }
}

/// `x(t) = (1 - t) from + t to`, `t` from 0 to 1, and the network whose logit of `class` is evaluated along it.
pub(super) struct Path<'a> {
    pub(super) net: &'a dyn Differentiable,
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

impl Path<'_> {
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

    /// The integral over all of these steps: the attribution of each feature, `[I]`.
    pub(super) fn values(&self, steps: &[Step]) -> Vec<f32> {
        let integral = |i: usize| {
            steps
                .iter()
                .map(|step| f64::from(step.gradient[i]))
                .sum::<f64>()
        };
        let features = 0..self.from.len();
        features
            .map(|i| (self.length(i) * integral(i)) as f32)
            .collect()
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
        let [width, _] = self.net.widths();
        let mut steps = Vec::with_capacity(ends.len());
        // two points per step
        for (places, ends) in places.chunks(BATCH).zip(ends.chunks(BATCH / 2)) {
            let classes = vec![self.class; places.len()];
            let gradients = self.net.gradients(&self.features(places), &classes)?;
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
        let [_, classes] = self.net.widths();
        let mut points = Vec::with_capacity(places.len());
        for places in places.chunks(BATCH) {
            let logits = self.net.logits(&self.features(places))?;
            let rows = logits.chunks_exact(classes);
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
