//! How much of the machine other programs took while a case was measured.
//!
//! Threads that wait for one another by spinning lose far more than the share that is taken, so a
//! figure from a busy machine is not a slower figure but a wrong one: the tables must say so.

use std::fs;

/// Above this share of all cores the tables call a case disturbed.
pub const DISTURBED: f64 = 0.05;

/// Processor time so far, in the kernel's ticks.
pub struct Ticks {
    /// Of all cores, idle or not.
    all: f64,
    busy: f64,
    /// Of this program and of its children that have ended.
    ours: f64,
}

impl Ticks {
    /// `None` where the kernel is not Linux.
    pub fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields = stat.lines().next()?.split_whitespace().skip(1);
        // user nice system idle iowait irq softirq steal; guests are counted in user
        let fields: Vec<f64> = fields
            .take(8)
            .filter_map(|field| field.parse().ok())
            .collect();
        let all: f64 = fields.iter().sum();
        let idle = fields.get(3)? + fields.get(4)?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        // The name before `)` may hold spaces; utime, stime, cutime, cstime are the 12th to 15th after.
        let own = own.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
        let ours = own.filter_map(|field| field.parse::<f64>().ok()).sum();
        Some(Ticks {
            all,
            busy: all - idle,
            ours,
        })
    }

    /// The share of all cores, from 0 to 1, that others took since `start`. The children of that
    /// time must have ended.
    pub fn others_since(&self, start: &Ticks) -> f64 {
        let others = (self.busy - start.busy) - (self.ours - start.ours);
        (others / (self.all - start.all)).clamp(0.0, 1.0)
    }
}
