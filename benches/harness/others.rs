//! The fraction of the CPU that other programs used while a case was measured.
//!
//! Threads that spin at a barrier lose far more time than that fraction, so measurements on a busy machine are invalid,
//! and the tables say so.

use std::fs;

/// Above this fraction of all cores, the tables mark a case as disturbed.
pub const DISTURBED: f64 = 0.05;

/// CPU time so far, in the kernel's ticks.
pub struct Ticks {
    /// All cores, busy and idle.
    all: f64,
    busy: f64,
    /// This process and its children that have exited.
    ours: f64,
}

impl Ticks {
    /// `None` if the system is not Linux.
    pub fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields = stat.lines().next()?.split_whitespace().skip(1);
        // user nice system idle iowait irq softirq steal; user includes guests
        let fields: Vec<f64> = fields
            .take(8)
            .filter_map(|field| field.parse().ok())
            .collect();
        let all: f64 = fields.iter().sum();
        let idle = fields.get(3)? + fields.get(4)?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        // The name before `)` may contain spaces; utime, stime, cutime, cstime are the 12th to 15th field after it.
        let own = own.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
        let ours = own.filter_map(|field| field.parse::<f64>().ok()).sum();
        Some(Ticks {
            all,
            busy: all - idle,
            ours,
        })
    }

    /// The fraction of all cores, from 0 to 1, that other programs used since `start`. Child processes must have
    /// exited.
    pub fn others_since(&self, start: &Ticks) -> f64 {
        let others = (self.busy - start.busy) - (self.ours - start.ours);
        (others / (self.all - start.all)).clamp(0.0, 1.0)
    }
}
