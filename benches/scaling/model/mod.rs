//! A model of the time of a step on `P` ranks, each one thread of the measured machine on a host of its own.
//!
//! Dims: `P` = ranks, `B` = samples of a step of all ranks together, `n` = values of the gradient.
//!
//! | what | from | file |
//! | --- | --- | --- |
//! | computation, `a + c b` for `b` samples | measured on one rank | `compute.rs` |
//! | which gradients are there when | the plan, and the parts that `Fused` exchanges | `layout.rs` |
//! | what a message and a value cost the host | measured on two and four ranks | `host.rs` |
//! | latency and bandwidth | assumed | `interconnect.rs` |
//! | the time of a sum | published formulas | `collective.rs` |
//! | what of it the backward pass hides | a simulation of one step | `step.rs` |

pub mod collective;
pub mod compute;
pub mod host;
pub mod interconnect;
pub mod layout;
pub mod least_squares;
pub mod step;

use crate::{Result, measured::Measured, networks::PLANS};

use self::{
    collective::Algorithm,
    compute::Compute,
    host::Host,
    interconnect::Interconnect,
    layout::Layout,
    step::{Step, Times},
};

/// The numbers of ranks that are predicted.
pub const RANKS: [usize; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/// All that is known of a network.
pub struct Known {
    pub name: &'static str,
    pub layout: Layout,
    pub compute: Compute,
}

pub struct Model {
    pub networks: Vec<Known>,
    pub host: Host,
}

/// How ranks train together.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub algorithm: Algorithm,
    /// To bf16.
    pub is_rounded: bool,
    /// 1 where gradients are added up in every step.
    pub local_steps: usize,
}

impl Way {
    /// What the crate does by default.
    pub const OURS: Way = Way::by(Algorithm::Direct);

    pub const fn by(algorithm: Algorithm) -> Way {
        Way {
            algorithm,
            is_rounded: false,
            local_steps: 1,
        }
    }

    pub const fn bf16(self) -> Way {
        Way {
            is_rounded: true,
            ..self
        }
    }

    pub const fn local_steps(self, local_steps: usize) -> Way {
        Way {
            local_steps,
            ..self
        }
    }
}

impl Model {
    pub fn fitted(measured: &Measured) -> Result<Self> {
        let networks = PLANS.iter().map(|(name, plan)| {
            Ok(Known {
                name,
                layout: Layout::of(plan),
                compute: Compute::fitted(name, plan, measured)?,
            })
        });
        let networks = networks.collect::<Result<Vec<_>>>()?;
        let host = Host::fitted(&networks, measured)?;
        Ok(Model { networks, host })
    }

    /// The time of one step of `batch` samples.
    pub fn seconds(
        &self,
        network: &Known,
        batch: usize,
        ranks: usize,
        link: &Interconnect,
        way: Way,
    ) -> f64 {
        let times = |parts: &[usize]| self.step(network, batch, ranks, link, way).simulated(parts);
        let ours = &network.layout.parts;
        match (way.local_steps, way.algorithm) {
            (1, Algorithm::Direct) => times(ours).seconds,
            // other libraries choose the size of parts: here, the better of ours and all at once
            (1, _) => {
                let whole = times(&[network.layout.values()]).seconds;
                times(ours).seconds.min(whole)
            }
            _ => self.step(network, batch, ranks, link, way).local(),
        }
    }

    /// The share of a step that a rank waits for sums in parts with these ends.
    pub fn waiting(
        &self,
        (network, parts): (&Known, &[usize]),
        batch: usize,
        ranks: usize,
        link: &Interconnect,
    ) -> f64 {
        let step = self.step(network, batch, ranks, link, Way::OURS);
        let Times { seconds, waited } = step.simulated(parts);
        waited / seconds
    }

    fn step<'a>(
        &self,
        network: &'a Known,
        batch: usize,
        ranks: usize,
        link: &'a Interconnect,
        way: Way,
    ) -> Step<'a> {
        Step {
            network,
            samples: batch.div_ceil(ranks),
            ranks,
            // what a value costs is measured, what a message costs depends on the link
            host: Host {
                per_message: link.overhead,
                ..self.host
            },
            link,
            way,
        }
    }

    /// How many times as fast as one rank.
    pub fn speed_up(
        &self,
        network: &Known,
        batch: usize,
        ranks: usize,
        link: &Interconnect,
        way: Way,
    ) -> f64 {
        network.compute.seconds(batch) / self.seconds(network, batch, ranks, link, way)
    }

    /// The number of ranks with the greatest speed-up, and that. Each rank has a sample at least.
    pub fn best(
        &self,
        network: &Known,
        batch: usize,
        link: &Interconnect,
        way: Way,
    ) -> (usize, f64) {
        let all = RANKS.iter().filter(|&&ranks| ranks <= batch);
        let all = all.map(|&ranks| (ranks, self.speed_up(network, batch, ranks, link, way)));
        all.reduce(|best, other| if other.1 > best.1 { other } else { best })
            .unwrap_or((1, 1.0))
    }
}
