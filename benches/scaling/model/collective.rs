//! The time that the sum of `n` bytes over `P` ranks takes on its way, by published formulas; `alpha`, `beta` as in
//! `interconnect.rs`, `alpha` three times for a long message.
//!
//! | algorithm | time | source |
//! | --- | --- | --- |
//! | ring | `2 (P - 1) alpha + 2 (P - 1)/P n beta` | Patarasuk and Yuan |
//! | halving and doubling, a tree | `2 ceil(log2 P) alpha + 2 (P - 1)/P n beta` | Thakur and others, section 4.5 |
//! | direct, ours | `2 alpha + 2 (P - 1)/P n beta` | the same, sections 4.1 and 4.4: all messages are under way at once |
//!
//! What the messages and the additions cost the host is in `host.rs`: the `gamma` of the formulas, and for the direct messages
//! the `P - 1` in place of `log2 P`.
//!
//! P. Patarasuk, X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", Journal of Parallel and
//! Distributed Computing 69(2), 2009. R. Thakur, R. Rabenseifner, W. Gropp, "Optimization of collective communication operations
//! in MPICH", International Journal of High Performance Computing Applications 19(1), 2005.

use super::interconnect::Interconnect;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// An all-to-all and an all-gather of direct messages, as `src/distributed/sum.rs`.
    Direct,
    Ring,
    /// Recursive halving, then recursive doubling.
    Halving,
}

impl Algorithm {
    pub const ALL: [(&str, Algorithm); 3] = [
        ("ours", Algorithm::Direct),
        ("ring", Algorithm::Ring),
        ("halving", Algorithm::Halving),
    ];

    /// The operations of a sum that the host begins one after another. The others are assumed to go on by themselves.
    pub fn stages(self) -> usize {
        match self {
            Algorithm::Direct => 2,
            Algorithm::Ring | Algorithm::Halving => 1,
        }
    }

    /// The messages that a rank sends in all.
    pub fn messages(self, ranks: usize) -> f64 {
        match self {
            Algorithm::Direct | Algorithm::Ring => 2.0 * (ranks - 1) as f64,
            Algorithm::Halving => 2.0 * rounds(ranks),
        }
    }

    /// The latencies of all messages of a sum that are sent one after another, in seconds.
    pub fn latency(self, ranks: usize, bytes: f64, link: &Interconnect) -> f64 {
        let of_part = link.latency_of(bytes / ranks as f64);
        match self {
            _ if ranks == 1 => 0.0,
            Algorithm::Direct => 2.0 * of_part,
            Algorithm::Ring => self.messages(ranks) * of_part,
            // a half, a quarter, … and back
            Algorithm::Halving => {
                let halves = (1..=rounds(ranks) as i32).map(|round| bytes / 2f64.powi(round));
                2.0 * halves.map(|bytes| link.latency_of(bytes)).sum::<f64>()
            }
        }
    }
}

/// The seconds that the bytes of a sum take, with each algorithm.
pub fn transfer(ranks: usize, bytes: f64, link: &Interconnect) -> f64 {
    exchanged(ranks) * bytes / link.bandwidth
}

/// `2 (P - 1) / P`, the share of the bytes that a rank sends: the least that is possible.
pub fn exchanged(ranks: usize) -> f64 {
    2.0 * (ranks - 1) as f64 / ranks as f64
}

/// `log2 P`, rounded up.
pub fn rounds(ranks: usize) -> f64 {
    f64::from(ranks.next_power_of_two().ilog2())
}
