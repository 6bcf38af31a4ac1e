//! Fetches samples into the cache that are read soon.

use std::ops::Range;

use super::{
    super::{bits::WORD, prefetch},
    batch::{SparseBatch, Value},
};

/// Bytes of a cache line.
const LINE: usize = 64;

/// Fetches the samples that come next, a few cache lines at each step of the work on others.
///
/// In a large data set, each sample is in pages of its own, whose addresses have to be translated first. A processor does
/// not go on after a prefetch that waits for its translation, but translates several addresses at once. So the first and the last
/// line of all samples are fetched one right after the other, and the lines between, whose pages are then known, in the
/// steps.
pub(super) struct SamplePrefetcher<'a, T> {
    batch: SparseBatch<'a>,
    values: T,
    /// The samples that are not fetched yet.
    rows: Range<usize>,
    /// The first of the 64 features of the first of these that are fetched next.
    feature: usize,
    /// How often [`SamplePrefetcher::step`] is called.
    steps: usize,
    /// Words of all samples.
    words: usize,
    /// `words` times the steps that were taken, less `steps` times the words that were fetched.
    due: usize,
}

impl<'a, T: Value> SamplePrefetcher<'a, T> {
    /// Fetches the batch's samples `rows`, whose values are `values`, in `steps` steps.
    #[inline(always)]
    pub(super) fn new(batch: SparseBatch<'a>, values: T, rows: Range<usize>, steps: usize) -> Self {
        let (features, words) = (batch.features, batch.words());
        for row in rows.clone() {
            let sample = batch.samples.at(row);
            for feature in [0, features - 1] {
                prefetch(values.address(sample * features + feature));
            }
            if let Some(bits) = batch.bits {
                for word in [0, words - 1] {
                    prefetch(bits.as_ptr().wrapping_add(sample * words + word));
                }
            }
        }
        SamplePrefetcher {
            words: rows.len() * words,
            batch,
            values,
            rows,
            feature: 0,
            steps,
            due: 0,
        }
    }

    /// Fetches what is due in one of the steps.
    #[inline(always)]
    pub(super) fn step(&mut self) {
        self.due += self.words;
        while self.due >= self.steps {
            self.due -= self.steps;
            let (features, row) = (self.batch.features, self.rows.start);
            let first = self.batch.samples.at(row) * features + self.feature;
            let address = self.values.address(first);
            for byte in (0..WORD * T::BYTES).step_by(LINE) {
                prefetch(address.wrapping_add(byte));
            }
            self.feature += WORD;
            if self.feature >= features {
                self.feature = 0;
                self.rows.start += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::engine::fused::kernels::{Lanes, Samples, Values};

    /// Keeps the places whose addresses are asked for.
    #[derive(Clone, Copy)]
    struct Places<'a>(&'a RefCell<Vec<usize>>);

    impl Value for Places<'_> {
        const BYTES: usize = 1;

        unsafe fn at(self, _: usize) -> f32 {
            unreachable!("nothing is read")
        }

        unsafe fn nonzero<S: Lanes>(self, _: S, _: usize, _: usize) -> u64 {
            unreachable!("nothing is read")
        }

        fn address(self, place: usize) -> *const u8 {
            self.0.borrow_mut().push(place);
            std::ptr::null()
        }
    }

    #[test]
    fn the_steps_fetch_every_word_of_every_sample_once() {
        let samples: Vec<u32> = (0..100).map(|row| row * 7 % 100).collect();
        let batch = |features| SparseBatch {
            features,
            bits: None,
            values: Values::Bytes(&[], &[0.0; 256]),
            samples: Samples::Numbered(&samples),
        };
        for (features, rows, steps) in [
            (784, 0..64, 784),
            (64, 0..64, 1),
            (65, 3..100, 97 * 2),
            (100, 5..6, 1000),
            (784, 40..40, 10),
            (2000, 0..64, 7),
        ] {
            let places = RefCell::default();
            let mut prefetcher =
                SamplePrefetcher::new(batch(features), Places(&places), rows.clone(), steps);
            let ends = rows.clone().flat_map(|row| {
                let first = samples[row] as usize * features;
                [first, first + features - 1]
            });
            assert!(places.take().into_iter().eq(ends));
            let words = rows.flat_map(|row| {
                let first = samples[row] as usize * features;
                (first..first + features).step_by(WORD)
            });
            let words: Vec<usize> = words.collect();
            for step in 1..=steps {
                prefetcher.step();
                // evenly over the steps
                let due = words.len() * step / steps;
                assert_eq!(
                    *places.borrow(),
                    words[..due],
                    "{features} {step} of {steps}"
                );
            }
        }
    }
}
