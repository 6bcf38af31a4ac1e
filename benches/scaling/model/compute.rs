//! Computation: a step of `b` samples takes one rank `a + c b`. The optimiser and the barriers are in `a`. Images are computed in
//! groups of 16 samples: of these, `b` is rounded up to whole groups.

use tuplenet::plan::{Op, Plan};

use crate::{Result, measured::Measured};

use super::least_squares::{Equation, solve};

/// The samples that `Fused` computes together of images.
pub const GROUP: usize = 16;

#[derive(Clone, Debug)]
pub struct Compute {
    /// The samples that are computed together.
    pub group: usize,
    /// `a`, in seconds.
    pub fixed: f64,
    /// `c`, in seconds.
    pub per_sample: f64,
    /// The greatest relative error of the fit.
    pub error: f64,
}

impl Compute {
    pub fn fitted(network: &str, plan: &Plan, measured: &Measured) -> Result<Self> {
        let mut steps = plan.steps().iter();
        let group = match steps.any(|step| matches!(step.op, Op::Conv2d(_))) {
            true => GROUP,
            false => 1,
        };
        let rows: Vec<_> = measured.of(network, "alone", 1).collect();
        if rows.len() < 2 {
            return Err(format!(
                "{network}: expected two or more batch sizes of the engine alone, found {}",
                rows.len()
            )
            .into());
        }
        let equations = rows.iter().map(|row| Equation {
            x: [1.0, row.batch.next_multiple_of(group) as f64],
            y: row.seconds[0],
            scale: row.seconds[0],
        });
        let [fixed, per_sample] = solve(&equations.collect::<Vec<_>>());
        let mut compute = Compute {
            group,
            fixed,
            per_sample,
            error: 0.0,
        };
        let errors = rows
            .iter()
            .map(|row| (compute.seconds(row.batch) / row.seconds[0] - 1.0).abs());
        compute.error = errors.fold(0.0, f64::max);
        Ok(compute)
    }

    pub fn seconds(&self, samples: usize) -> f64 {
        self.fixed + self.of_samples(samples)
    }

    /// The time without the fixed part.
    pub fn of_samples(&self, samples: usize) -> f64 {
        self.per_sample * samples.next_multiple_of(self.group) as f64
    }
}
