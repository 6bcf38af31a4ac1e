//! One seed, many streams: each use of chance draws from its own stream of ChaCha8.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};

/// The uses of a run's seed; each is a stream of its own, so none shifts another.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Weights = 1,
    Split = 2,
    Shuffle = 3,
    Dropout = 4,
}

/// Stream number `index` of a use of chance, from the run's `seed`.
pub(crate) fn stream(seed: u64, stream: Stream, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // The use in the low bits, what it is used for (an epoch, a layer's step) above.
    rng.set_stream(index << 3 | stream as u64);
    rng
}

/// Puts `order` into the order of epoch `epoch` (from 0) of the run with this seed.
pub(crate) fn shuffle(order: &mut [u32], seed: u64, epoch: usize) {
    order.shuffle(&mut stream(seed, Stream::Shuffle, epoch as u64));
}

/// Puts `order` into the order from which the validation samples are taken.
pub(crate) fn shuffle_for_split(order: &mut [u32], seed: u64) {
    order.shuffle(&mut stream(seed, Stream::Split, 0));
}

/// What [`Op::Dropout`](crate::plan::Op::Dropout) multiplies by, `[B, width]` row-major: 0 with
/// probability `percent / 100`, else `1 / (1 - percent / 100)`.
///
/// Decided by the run's `seed`, the run's `step` (from 0) and the index of the operation in the
/// plan, so that every engine draws the same mask.
pub fn dropout_mask(seed: u64, step: u64, index: usize, percent: u32, len: usize) -> Vec<f32> {
    let mut rng = stream(seed, Stream::Dropout, step << 6 | index as u64);
    let keep = 1.0 / (1.0 - percent as f32 / 100.0);
    (0..len)
        .map(|_| {
            if rng.random_ratio(percent, 100) {
                0.0
            } else {
                keep
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_its_share_and_the_mean() {
        let mask = dropout_mask(1, 7, 2, 25, 100_000);
        let dropped = mask.iter().filter(|&&m| m == 0.0).count() as f64 / 1e5;
        // 4 standard deviations: 4 sqrt(0.25 * 0.75 / 1e5) = 0.0055
        assert!((dropped - 0.25).abs() < 0.0055, "{dropped}");
        assert!(
            mask.iter()
                .all(|&m| m == 0.0 || (m - 4.0 / 3.0).abs() < 1e-6)
        );
        assert_eq!(mask, dropout_mask(1, 7, 2, 25, 100_000));
        for other in [
            dropout_mask(2, 7, 2, 25, 100),
            dropout_mask(1, 8, 2, 25, 100),
            dropout_mask(1, 7, 3, 25, 100),
        ] {
            assert_ne!(mask[..100], other);
        }
    }

    #[test]
    fn epochs_and_seeds_have_orders_of_their_own() {
        let order = |seed, epoch| {
            let mut order: Vec<u32> = (0..100).collect();
            shuffle(&mut order, seed, epoch);
            order
        };
        assert_eq!(order(1, 0), order(1, 0));
        assert_ne!(order(1, 0), order(1, 1));
        assert_ne!(order(1, 0), order(2, 0));
        let mut sorted = order(1, 0);
        sorted.sort();
        assert_eq!(sorted, (0..100).collect::<Vec<u32>>());
    }
}
