//! Random numbers and samples.

use tuplenet::{prelude::*, shape::Features, target::Classes};

/// The tests' random numbers: a linear congruential generator.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// The properties of a test's samples.
#[derive(Clone, Copy, Debug)]
pub struct Data {
    pub samples: usize,
    /// The fraction of non-zero features.
    pub density: f32,
    pub bytes: bool,
    pub seed: u64,
}

impl Data {
    pub fn make<const I: usize, const C: usize>(self) -> Dataset<Features<I>, Classes<C>> {
        let mut numbers = Numbers(self.seed);
        let labels = (0..self.samples).map(|_| (numbers.next() * C.min(256) as f32) as u8);
        let labels: Vec<u8> = labels.collect();
        // The last feature is always 0, like the border of an image.
        let mut value = |i: usize| {
            let (lit, value) = (numbers.next() < self.density, numbers.next());
            if lit && (i % I != I - 1 || I == 1) {
                value
            } else {
                0.0
            }
        };
        if self.bytes {
            let bytes = (0..self.samples * I)
                .map(|i| (value(i) * 255.0).ceil() as u8)
                .collect();
            return Dataset::from_bytes(bytes, 1.0 / 255.0, labels).unwrap();
        }
        let values = (0..self.samples * I).map(value).collect();
        Dataset::from_values(values, labels).unwrap()
    }
}
