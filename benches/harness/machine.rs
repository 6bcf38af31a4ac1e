//! The header of the tables: machine and date.

use std::{fmt, fs, thread, time::SystemTime};

pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub l2: String,
    pub simd: &'static str,
    pub load: String,
    pub date: String,
}

impl Machine {
    pub fn this() -> Self {
        let load = read("/proc/loadavg");
        Machine {
            cpu: cpu(&read("/proc/cpuinfo")),
            cores: thread::available_parallelism().map_or(1, usize::from),
            l2: known(read("/sys/devices/system/cpu/cpu0/cache/index2/size").trim()),
            simd: simd(),
            load: known(load.split(' ').next().unwrap_or_default()),
            date: date(SystemTime::now()),
        }
    }
}

/// The processor, as `AMD EPYC, 2 cores, L2 1024K, AVX-512`.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cpu,
            cores,
            l2,
            simd,
            ..
        } = self;
        write!(f, "{cpu}, {cores} cores, L2 {l2}, {simd}")
    }
}

/// The content of a file that only Linux has, else an empty string.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn known(fact: &str) -> String {
    let fact = if fact.is_empty() { "unknown" } else { fact };
    fact.to_owned()
}

/// The name with family and model, as the name alone may not identify the CPU.
fn cpu(info: &str) -> String {
    let field = |name: &str| {
        let line = info
            .lines()
            .find(|line| line.split(':').next().map(str::trim) == Some(name));
        line.and_then(|line| line.split(':').nth(1))
            .map_or("unknown", str::trim)
    };
    let (name, family, model) = (field("model name"), field("cpu family"), field("model"));
    format!("{name} (family {family}, model {model})")
}

#[cfg(target_arch = "x86_64")]
fn simd() -> &'static str {
    if is_x86_feature_detected!("avx512f") {
        "AVX-512"
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        "AVX2"
    } else {
        "SSE"
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn simd() -> &'static str {
    std::env::consts::ARCH
}

/// The date in UTC, such as `2026-11-24`.
fn date(now: SystemTime) -> String {
    let seconds = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let mut day = seconds / 86_400;
    let every = |year: u64, years: u64| year.is_multiple_of(years);
    let leap = |year| every(year, 4) && (!every(year, 100) || every(year, 400));
    let mut year = 1970;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", day + 1)
}
