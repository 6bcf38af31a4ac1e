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
    collective::{Algorithm, exchanged, rounds},
    interconnect::Interconnect,
    least_squares::{Equation, solve, solve_second},
    step::Step,
};

/// The cores of the machine that `measured.tsv` is of.
const CORES: usize = 2;

/// The variant with local steps that is measured.
const LOCAL: (&str, usize) = ("local8", 8);

/// Weights and two moments are averaged.
pub const AVERAGED: f64 = 3.0;

/// Ranks on one machine: all of the time is the host's.
const SHARED_MEMORY: Interconnect = Interconnect {
    name: "shared memory",
    latency: 0.0,
    overhead: 0.0,
    bandwidth: f64::INFINITY,
    eager_bytes: 0.0,
};

#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// In seconds.
    pub per_message: f64,
    /// In seconds, for each value that a rank sends.
    pub per_value: f64,
    /// The same with bf16, rounding included.
    pub per_rounded_value: f64,
    /// In seconds, for each value that is averaged after local steps: it is copied from the engine and back, too.
    pub per_averaged_value: f64,
}

impl Host {
    pub fn fitted(networks: &[Known], measured: &Measured) -> Result<Self> {
        let of = |variant: &str| {
            let all = networks.iter().flat_map(|network| {
                let rows = exchanges(network, variant, measured);
                rows.map(|row| equation(network, row))
            });
            let all: Vec<Equation> = all.collect();
            match all.len() {
                0..2 => Err(format!(
                    "expected two or more rows of {variant} on 2 or 4 ranks"
                )),
                _ => Ok(all),
            }
        };
        let [per_message, per_value] = solve(&of("distributed")?);
        Ok(Host {
            per_message,
            per_value,
            per_rounded_value: solve_second(&of("bf16")?, per_message),
            per_averaged_value: solve_second(&of(LOCAL.0)?, per_message),
        })
    }

    /// The time that is predicted for what has been measured on this machine.
    pub fn predicted(&self, network: &Known, row: &Row) -> f64 {
        let way = way(row);
        let step = Step {
            network,
            samples: row.batch.div_ceil(row.ranks),
            ranks: row.ranks,
            host: *self,
            link: &SHARED_MEMORY,
            way,
        };
        let seconds = match way.local_steps {
            1 => step.simulated(&network.layout.parts).seconds,
            _ => step.local(),
        };
        slowdown(row.ranks) * seconds
    }
}

/// `x` are the messages, and the values that they have together.
fn equation(network: &Known, row: &Row) -> Equation {
    let Way { local_steps, .. } = way(row);
    let (ranks, layout) = (row.ranks, &network.layout);
    let messages = Algorithm::Direct.messages(ranks);
    let values = layout.values() as f64;
    let [messages, values] = match local_steps {
        1 => {
            let norms = 2.0 * layout.norms.len() as f64 * rounds(ranks);
            let sums = layout.parts.len() as f64 * messages;
            [sums + norms, exchanged(ranks) * values]
        }
        _ => [messages, values].map(|count| AVERAGED * count / local_steps as f64),
    };
    let slow = slowdown(ranks);
    let alone = network.compute.seconds(row.batch.div_ceil(ranks));
    Equation {
        x: [slow * messages, slow * values],
        y: row.seconds[0] - slow * alone,
        scale: row.seconds[0],
    }
}

fn way(row: &Row) -> Way {
    match &row.variant[..] {
        "bf16" => Way::OURS.bf16(),
        variant if variant == LOCAL.0 => Way::OURS.local_steps(LOCAL.1),
        _ => Way::OURS,
    }
}

/// What has been measured of several ranks.
pub fn exchanges<'a>(
    network: &'a Known,
    variant: &'a str,
    measured: &'a Measured,
) -> impl Iterator<Item = &'a Row> {
    let all = [2, 4].into_iter();
    all.flat_map(move |ranks| measured.of(network.name, variant, ranks))
}

/// More ranks than cores take turns.
fn slowdown(ranks: usize) -> f64 {
    (ranks as f64 / CORES as f64).max(1.0)
}
