//! [`Autotuner`]: chooses one thread or the whole pool, whichever is currently faster.
//!
//! Workers wait at several barriers in each step, so the pool is only as fast as the worker that the system schedules
//! least. With another process busy on one of two cores, a step takes longer on the pool than on one thread that has
//! the other core to itself. Results do not depend on the number of threads, so the engine may switch between any two
//! steps.

use std::time::Duration;

/// Slices of the pool between two measurements of a single thread: half a percent of the time.
const POOL_SLICES: u32 = 250;
/// The same before the first measurement: a pool that is slowed from the start is abandoned early, and short training
/// pays little for the measurement.
const FIRST_POOL_SLICES: u32 = 100;
/// Slices of one thread before the pool is tried again.
const SERIAL_SLICES: u32 = 30;
/// The work between two readings of the clock: well above the time of a barrier, and too short for a user to notice.
const SLICE: Duration = Duration::from_millis(2);

/// How many threads compute the next slice of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parallelism {
    Pool,
    Serial,
}

/// The measured times of a training, in seconds per step; infinite where none is known.
#[derive(Debug)]
pub(crate) struct Autotuner {
    /// The batch size of these measurements.
    batch_size: usize,
    parallelism: Parallelism,
    /// The pool's last two slices since it was chosen: one of them may have been interrupted.
    pool: [f64; 2],
    /// The last slice of one thread.
    serial: f64,
    /// The number of slices left before the other choice is tried.
    left: u32,
    /// The time of the last slice.
    last: Option<f64>,
}

impl Autotuner {
    pub(crate) fn new() -> Self {
        Autotuner {
            batch_size: 0,
            parallelism: Parallelism::Pool,
            pool: [f64::INFINITY; 2],
            serial: f64::INFINITY,
            left: FIRST_POOL_SLICES,
            last: None,
        }
    }

    /// How many threads compute the next steps, of batches of `batch_size`, and how many at most.
    pub(crate) fn next(&mut self, batch_size: usize) -> (Parallelism, usize) {
        if self.batch_size != batch_size {
            *self = Autotuner {
                batch_size,
                ..Autotuner::new()
            };
        }
        let steps = self
            .last
            .map_or(1.0, |seconds| SLICE.as_secs_f64() / seconds);
        (self.parallelism, steps.clamp(1.0, 1e6) as usize)
    }

    /// Records that `steps` steps took `time`, as [`Autotuner::next`] chose.
    pub(crate) fn took(&mut self, steps: usize, time: Duration) {
        let seconds = time.as_secs_f64() / steps as f64;
        // the first slice starts with a cold cache
        if self.last.replace(seconds).is_none() {
            return;
        }
        self.left = self.left.saturating_sub(1);
        match self.parallelism {
            Parallelism::Pool => {
                self.pool = [self.pool[1], seconds];
                let is_slower = self.pool_seconds() > self.serial;
                if is_slower || self.left == 0 {
                    (self.parallelism, self.left) = (Parallelism::Serial, SERIAL_SLICES);
                }
            }
            Parallelism::Serial => {
                self.serial = seconds;
                let is_slower = seconds > self.pool_seconds();
                if !is_slower && self.left == 0 {
                    // its next slice decides
                    self.pool = [f64::INFINITY; 2];
                }
                if is_slower || self.left == 0 {
                    (self.parallelism, self.left) = (Parallelism::Pool, POOL_SLICES);
                }
            }
        }
    }

    fn pool_seconds(&self) -> f64 {
        self.pool[0].min(self.pool[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL_MICROS: u64 = 100;
    const SERIAL_MICROS: u64 = 190;

    /// Simulates `slices` slices with these times per step in microseconds; returns the choice for each.
    fn simulate(
        autotuner: &mut Autotuner,
        slices: usize,
        pool_micros: u64,
        serial_micros: u64,
    ) -> Vec<Parallelism> {
        let slice = |_| {
            let (parallelism, steps) = autotuner.next(64);
            let micros = match parallelism {
                Parallelism::Pool => pool_micros,
                Parallelism::Serial => serial_micros,
            };
            autotuner.took(steps, Duration::from_micros(micros * steps as u64));
            parallelism
        };
        (0..slices).map(slice).collect()
    }

    fn serial_fraction(slices: &[Parallelism]) -> f64 {
        let serial = slices
            .iter()
            .filter(|&&parallelism| parallelism == Parallelism::Serial)
            .count();
        serial as f64 / slices.len() as f64
    }

    #[test]
    fn an_undisturbed_pool_stays_in_use() {
        let mut autotuner = Autotuner::new();
        let slices = simulate(&mut autotuner, 1000, POOL_MICROS, SERIAL_MICROS);
        // except for a measurement of one thread every 250 slices
        let fraction = serial_fraction(&slices);
        assert!((0.003..0.006).contains(&fraction), "{fraction}");
        // a slice is some two milliseconds
        assert_eq!(autotuner.next(64), (Parallelism::Pool, 20));
    }

    #[test]
    fn a_disturbed_pool_is_abandoned_and_resumed() {
        let mut autotuner = Autotuner::new();
        simulate(&mut autotuner, 100, POOL_MICROS, SERIAL_MICROS);
        let disturbed = simulate(&mut autotuner, 1000, 260, SERIAL_MICROS);
        // except for a measurement of the pool every 30 slices
        let fraction = serial_fraction(&disturbed);
        assert!((0.95..0.99).contains(&fraction), "{fraction}");
        let after = simulate(&mut autotuner, 1000, POOL_MICROS, SERIAL_MICROS);
        assert!(serial_fraction(&after[40..]) < 0.006);
    }

    #[test]
    fn a_pool_that_is_disturbed_from_the_start_is_abandoned() {
        let mut autotuner = Autotuner::new();
        let first = simulate(&mut autotuner, 101, 260, SERIAL_MICROS);
        assert_eq!(serial_fraction(&first), 0.0);
        let fraction = serial_fraction(&simulate(&mut autotuner, 1000, 260, SERIAL_MICROS));
        assert!((0.95..0.99).contains(&fraction), "{fraction}");
    }

    #[test]
    fn a_single_interruption_does_not_abandon_the_pool() {
        let mut autotuner = Autotuner::new();
        simulate(&mut autotuner, 100, POOL_MICROS, SERIAL_MICROS);
        let mut slices = Vec::new();
        for _ in 0..100 {
            slices.extend(simulate(&mut autotuner, 1, 1000, SERIAL_MICROS));
            slices.extend(simulate(&mut autotuner, 5, POOL_MICROS, SERIAL_MICROS));
        }
        // measurements of one thread, and nothing else
        let serial = slices
            .iter()
            .filter(|&&parallelism| parallelism == Parallelism::Serial)
            .count();
        assert!((2..=3).contains(&serial), "{serial}");
    }

    #[test]
    fn when_everything_slows_down_the_pool_is_still_preferred() {
        let mut autotuner = Autotuner::new();
        simulate(&mut autotuner, 100, POOL_MICROS, SERIAL_MICROS);
        let slices = simulate(&mut autotuner, 1000, 2 * POOL_MICROS, 2 * SERIAL_MICROS);
        let fraction = serial_fraction(&slices);
        assert!(fraction < 0.01, "{fraction}");
    }

    #[test]
    fn each_batch_size_is_measured_separately() {
        let mut autotuner = Autotuner::new();
        simulate(&mut autotuner, 100, POOL_MICROS, SERIAL_MICROS);
        assert_eq!(autotuner.next(1024), (Parallelism::Pool, 1));
    }

    #[test]
    fn one_thread_that_slows_down_is_abandoned_at_once() {
        let mut autotuner = Autotuner::new();
        simulate(&mut autotuner, 110, 260, SERIAL_MICROS);
        assert_eq!(autotuner.next(64).0, Parallelism::Serial);
        let slices = simulate(&mut autotuner, 5, 260, 300);
        assert_eq!(slices[0], Parallelism::Serial);
        assert_eq!(slices[1..], [Parallelism::Pool; 4]);
    }

    /// The choice then changes only to measure the other one, and the slice after a measurement of the pool is decided
    /// by this measurement alone.
    #[test]
    fn equal_times_are_no_reason_to_change() {
        let mut autotuner = Autotuner::new();
        let slices = simulate(&mut autotuner, 101 + 30 + 250 + 30, 190, 190);
        let (pool, serial) = (Parallelism::Pool, Parallelism::Serial);
        let expected = [(pool, 101), (serial, 30), (pool, 250), (serial, 30)];
        let expected: Vec<_> = expected
            .iter()
            .flat_map(|&(parallelism, count)| vec![parallelism; count])
            .collect();
        assert_eq!(slices, expected);
        let slower = simulate(&mut autotuner, 2, 300, 190);
        assert_eq!(slower, [pool, serial]);
    }
}
