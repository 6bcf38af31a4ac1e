//! What a thread, and all together, read from memory and write to it.

use std::{thread, time::Instant};

/// Values of a thread: 256 MB, more than any cache.
const LEN: usize = 1 << 26;
const ROUNDS: usize = 4;

/// Bytes per second, those that are read and those that are written, at best.
pub fn bytes_per_second(threads: usize) -> f64 {
    let mut parts = vec![vec![1.0f32; LEN]; threads];
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        thread::scope(|scope| {
            for part in &mut parts {
                scope.spawn(|| {
                    part.iter_mut()
                        .for_each(|value| *value = *value * 0.5 + 0.5)
                });
            }
        });
        best = best.min(start.elapsed().as_secs_f64());
    }
    (2 * size_of::<f32>() * LEN * threads) as f64 / best
}
