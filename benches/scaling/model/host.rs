//! What an exchange costs the host: time in which it does not compute, whatever the link.
//!
//! Within a machine, messages are copies by the ranks' own cores, so nothing of them is hidden, and a step takes
//!
//! ```text
//! s (a + c B / P + messages per_message + 2 (P - 1)/P n per_value)        s = max(1, ranks / cores)
//! ```
//!
//! to which the measurements of two and four ranks are fitted. A value is stored, copied, added and read again; on a link, the
//! copies are those to and from its buffers.

use crate::{
    Result,
    measured::{Measured, Row},
};

use super::{
    Known, Way,
    collective::{exchanged, rounds},
    interconnect::Interconnect,
    least_squares::{Equation, solve},
    step::Step,
};

/// The cores of the machine that `measured.tsv` is of.
const CORES: usize = 2;

/// Ranks on one machine: all of the time is the host's.
const SHARED_MEMORY: Interconnect = Interconnect {
    name: "shared memory",
    latency: 0.0,
    overhead: 0.0,
    bandwidth: f64::INFINITY,
};

#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// In seconds.
    pub per_message: f64,
    /// In seconds, for each value that a rank sends.
    pub per_value: f64,
}

impl Host {
    pub fn fitted(networks: &[Known], measured: &Measured) -> Result<Self> {
        let mut equations = Vec::new();
        for network in networks {
            for row in exchanges(network, measured) {
                let ranks = row.ranks;
                let slow = slowdown(ranks);
                let sums = network.layout.parts.len() as f64 * Way::OURS.algorithm.messages(ranks);
                let norms = 2.0 * network.layout.norms.len() as f64 * rounds(ranks);
                let values = exchanged(ranks) * network.layout.values() as f64;
                let alone = network.compute.seconds(row.batch.div_ceil(ranks));
                equations.push(Equation {
                    x: [slow * (sums + norms), slow * values],
                    y: row.seconds[0] - slow * alone,
                    scale: row.seconds[0],
                });
            }
        }
        if equations.len() < 2 {
            return Err("expected two or more rows of two or four ranks".into());
        }
        let [per_message, per_value] = solve(&equations);
        Ok(Host {
            per_message,
            per_value,
        })
    }

    /// The time that is predicted for what has been measured on this machine.
    pub fn predicted(&self, network: &Known, row: &Row) -> f64 {
        let step = Step {
            network,
            samples: row.batch.div_ceil(row.ranks),
            ranks: row.ranks,
            host: *self,
            link: &SHARED_MEMORY,
            way: Way::OURS,
        };
        slowdown(row.ranks) * step.simulated(&network.layout.parts).seconds
    }
}

/// What has been measured of several ranks that add up gradients in every step.
pub fn exchanges<'a>(network: &'a Known, measured: &'a Measured) -> impl Iterator<Item = &'a Row> {
    let all = [2, 4].into_iter();
    all.flat_map(|ranks| measured.of(network.name, "distributed", ranks))
}

/// More ranks than cores take turns.
fn slowdown(ranks: usize) -> f64 {
    (ranks as f64 / CORES as f64).max(1.0)
}
