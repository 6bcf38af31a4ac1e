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
    /// The largest message that is sent at once. Of a larger one, the sender first asks, and the receiver answers: three latencies.
    pub eager_bytes: f64,
}

/// The default of Open MPI, `btl_tcp_eager_limit`; that of InfiniBand is of its `btl_openib_eager_limit`.
pub const TCP_EAGER_BYTES: f64 = 65_536.0;

pub const ALL: [Interconnect; 3] = [
    Interconnect {
        name: "Ethernet 10 Gb/s",
        latency: 25e-6,
        overhead: 5e-6,
        bandwidth: 1.1e9,
        eager_bytes: TCP_EAGER_BYTES,
    },
    Interconnect {
        name: "Ethernet 100 Gb/s",
        latency: 10e-6,
        overhead: 2e-6,
        bandwidth: 11e9,
        eager_bytes: TCP_EAGER_BYTES,
    },
    Interconnect {
        name: "InfiniBand HDR",
        latency: 1.5e-6,
        overhead: 0.3e-6,
        bandwidth: 24e9,
        eager_bytes: 12_288.0,
    },
];

impl Interconnect {
    /// The time from the sending of a message of this length until its first byte arrives.
    pub fn latency_of(&self, bytes: f64) -> f64 {
        match bytes > self.eager_bytes {
            true => 3.0 * self.latency,
            false => self.latency,
        }
    }
}
