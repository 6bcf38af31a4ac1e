//! The memory of this process, as Linux counts it.

use std::fs;

use crate::Result;

/// Bytes in memory now, and the most that there were.
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    pub now: usize,
    pub peak: usize,
}

impl Resident {
    pub fn of_this_process() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status")
            .map_err(|error| format!("/proc/self/status: {error}; expected Linux"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes =
                line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
            kilobytes.ok_or_else(|| format!("/proc/self/status: expected {name} in kB"))
        };
        Ok(Resident {
            now: field("VmRSS:")? * 1024,
            peak: field("VmHWM:")? * 1024,
        })
    }
}
