//! The measured points, and the file that keeps them: `points.tsv`.

use std::{fs, path::Path};

use clap::ValueEnum;

use crate::{
    Result,
    axis::{Axis, Point},
    bandwidth::bytes_per_second,
    machine::Machine,
};

/// A point, with a number of threads.
#[derive(Clone, Debug)]
pub struct Measured {
    pub axis: Axis,
    pub point: Point,
    pub threads: usize,
    pub time: Time,
    pub memory: Memory,
}

/// Seconds of a step.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

/// Bytes; those of the point's first number of threads.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The peak of the process above what it had before.
    pub taken: usize,
    /// The prediction of that.
    pub predicted: usize,
    /// The part of the prediction that is weights and moments.
    pub parameters: usize,
    /// The part that is a batch.
    pub batch: usize,
}

/// Bytes of the caches: L1 and L2 of a core, and L3.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caches {
    pub l1: usize,
    pub l2: usize,
    pub l3: usize,
}

#[derive(Debug, Default)]
pub struct Points {
    /// The machine and the date, for people.
    pub machine: String,
    pub caches: Caches,
    pub all: Vec<Measured>,
}

const FILE: &str = "points.tsv";
const HEAD: &str = "axis\twidth\tdepth\tbatch\tsamples\tlarge_pages\tthreads\tmedian_us\tmin_us\tmax_us\ttaken\tpredicted\tparameters\tbatch_bytes";

impl Time {
    /// Of at least one turn.
    pub fn of(mut turns: Vec<f64>) -> Self {
        turns.sort_by(f64::total_cmp);
        let last = turns.len() - 1;
        Time {
            median: f64::midpoint(turns[last / 2], turns[last.div_ceil(2)]),
            min: turns[0],
            max: turns[last],
        }
    }
}

impl Caches {
    /// Those of the first core, as Linux lists them; 0 where it lists none.
    fn of_this_machine() -> Self {
        let size = |index: usize| {
            let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
            let size = fs::read_to_string(path).unwrap_or_default();
            let kilobytes = size
                .trim()
                .strip_suffix('K')
                .and_then(|size| size.parse().ok());
            kilobytes.unwrap_or(0) * 1024
        };
        Caches {
            l1: size(0),
            l2: size(2),
            l3: size(3),
        }
    }
}

impl Points {
    /// Those of the file; none if there is no file.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(Points::default());
        }
        let text = fs::read_to_string(&path)?;
        parse(&text)
            .ok_or_else(|| format!("{}: expected what this program writes", path.display()).into())
    }

    pub fn write(&self, folder: &Path) -> Result<()> {
        let Points {
            machine,
            caches: Caches { l1, l2, l3 },
            all,
        } = self;
        let mut text = format!("{machine}\ncaches\t{l1}\t{l2}\t{l3}\n{HEAD}\n");
        for Measured {
            axis,
            point,
            threads,
            time,
            memory,
        } in all
        {
            let point = point.to_string().replace(',', "\t");
            let [median, min, max] = [time.median, time.min, time.max].map(|seconds| seconds * 1e6);
            let Memory {
                taken,
                predicted,
                parameters,
                batch,
            } = memory;
            text += &format!(
                "{axis}\t{point}\t{threads}\t{median:.3}\t{min:.3}\t{max:.3}\t{taken}\t{predicted}\t{parameters}\t{batch}\n"
            );
        }
        Ok(fs::write(folder.join(FILE), text)?)
    }

    /// Sets the machine and the date to those of now.
    pub fn set_machine(&mut self) {
        let machine = Machine::this();
        let Machine { load, date, .. } = &machine;
        let [one, all] = [1, machine.cores].map(|threads| bytes_per_second(threads) / 1e9);
        self.machine = format!(
            "{date}, {machine}, load {load}; \
             memory {one:.1} GB/s on one thread, {all:.1} on all, read and written"
        );
        self.caches = Caches::of_this_machine();
    }

    /// Replaces the points of an axis.
    pub fn replace(&mut self, axis: Axis, new: Vec<Measured>) {
        self.all.retain(|measured| measured.axis != axis);
        self.all.extend(new);
    }

    pub fn of(&self, axis: Axis) -> impl Iterator<Item = &Measured> {
        self.all
            .iter()
            .filter(move |measured| measured.axis == axis)
    }
}

impl Measured {
    /// The number that the axis varies.
    pub fn value(&self) -> usize {
        self.axis.value(&self.point, self.threads)
    }
}

fn parse(text: &str) -> Option<Points> {
    let mut lines = text.lines();
    let machine = lines.next()?.to_owned();
    let caches = lines.next()?.strip_prefix("caches\t")?;
    let caches: Vec<usize> = caches
        .split('\t')
        .map(|bytes| bytes.parse().ok())
        .collect::<Option<_>>()?;
    let [l1, l2, l3] = caches[..] else {
        return None;
    };
    if lines.next()? != HEAD {
        return None;
    }
    Some(Points {
        machine,
        caches: Caches { l1, l2, l3 },
        all: lines.map(measured).collect::<Option<_>>()?,
    })
}

fn measured(line: &str) -> Option<Measured> {
    let mut fields = line.split('\t');
    let axis = Axis::from_str(fields.next()?, false).ok()?;
    let mut number = || fields.next()?.parse::<usize>().ok();
    let point = Point {
        width: number()?,
        depth: number()?,
        batch: number()?,
        samples: number()?,
        large_pages: fields.next()?.parse().ok()?,
    };
    let threads = fields.next()?.parse().ok()?;
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / 1e6);
    let time = Time {
        median: seconds()?,
        min: seconds()?,
        max: seconds()?,
    };
    let mut bytes = || fields.next()?.parse().ok();
    let memory = Memory {
        taken: bytes()?,
        predicted: bytes()?,
        parameters: bytes()?,
        batch: bytes()?,
    };
    Some(Measured {
        axis,
        point,
        threads,
        time,
        memory,
    })
}
