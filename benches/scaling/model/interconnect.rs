//! Interconnects: latency and bandwidth, all of them assumed, of the order that vendors' and OSU's benchmarks of MPI report.

/// R. Hockney, "The communication challenge for MPP: Intel Paragon and Meiko CS-2", Parallel Computing 20(3), 1994: a message of
/// `m` bytes takes `latency + m / bandwidth`. Every rank sends and receives at once at this bandwidth, whatever the others do.
#[derive(Clone, Copy, Debug)]
pub struct Interconnect {
    pub name: &'static str,
    /// `alpha`, in seconds.
    pub latency: f64,
    /// What a message costs the host, in seconds, during which it computes nothing.
    pub overhead: f64,
    /// `1 / beta`, in bytes for each second.
    pub bandwidth: f64,
}

pub const ALL: [Interconnect; 3] = [
    Interconnect {
        name: "Ethernet 10 Gb/s",
        latency: 25e-6,
        overhead: 5e-6,
        bandwidth: 1.1e9,
    },
    Interconnect {
        name: "Ethernet 100 Gb/s",
        latency: 10e-6,
        overhead: 2e-6,
        bandwidth: 11e9,
    },
    Interconnect {
        name: "InfiniBand HDR",
        latency: 1.5e-6,
        overhead: 0.3e-6,
        bandwidth: 24e9,
    },
];

impl Interconnect {
    /// The time of `messages` one after another that have `bytes` together.
    pub fn seconds(&self, messages: f64, bytes: f64) -> f64 {
        messages * self.latency + bytes / self.bandwidth
    }
}
