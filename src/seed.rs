//! Random streams: each use of randomness draws from its own ChaCha8 stream of the run's seed.

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};

/// The uses of a run's seed. Each has its own stream, so draws for one do not shift another's.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Weights = 1,
    Split = 2,
    Shuffle = 3,
    Dropout = 4,
    Augmentation = 5,
}

/// Stream number `index` of a use of randomness, from the run's `seed`.
pub(crate) fn stream(seed: u64, stream: Stream, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // The use is in the low bits, its index (an epoch, a layer's step) above.
    rng.set_stream(index << 3 | stream as u64);
    rng
}

/// Shuffles `order` for epoch `epoch` (from 0) of the run with this seed.
pub(crate) fn shuffle(order: &mut [u32], seed: u64, epoch: usize) {
    order.shuffle(&mut stream(seed, Stream::Shuffle, epoch as u64));
}

/// Shuffles `order` for the split into training and validation samples.
pub(crate) fn shuffle_for_split(order: &mut [u32], seed: u64) {
    order.shuffle(&mut stream(seed, Stream::Split, 0));
}

/// The dropout mask of row `row` of a batch, `[width]`, by which [`Op::Dropout`](crate::plan::Op::Dropout) multiplies
/// the row: 0 with probability `percent / 100` (below 100; to within 2^-32), else `1 / (1 - percent / 100)`.
///
/// Value `j` depends only on the run's `seed`, the run's `step` (from 0), the `index` of the operation in the plan,
/// `row` and `j`: it is word `j mod 16` of block `row 2^28 + j div 16` of one ChaCha8 stream, dropped where that word
/// is below `percent / 100 2^32`. So any thread, on any device, may draw any row in any order, and every engine draws
/// the same mask. Steps and operations have separate streams, and rows of fewer than 2^32 values do not overlap.
///
/// ```
/// use tuplenet::seed::dropout_row;
///
/// let mut row = [0.0; 100];
/// dropout_row(1, 0, 2, 50, 7, &mut row);
/// assert!(row.iter().all(|&value| value == 0.0 || value == 2.0));
/// ```
pub fn dropout_row(seed: u64, step: u64, index: usize, percent: u32, row: usize, out: &mut [f32]) {
    let mut rng = dropout_words(seed, step, index);
    rng.set_word_pos((row as u128) << 32);
    let (dropped_below, keep) = dropout_numbers(percent);
    out.fill_with(|| {
        if rng.next_u32() < dropped_below {
            0.0
        } else {
            keep
        }
    });
}

fn dropout_words(seed: u64, step: u64, index: usize) -> ChaCha8Rng {
    stream(seed, Stream::Dropout, step << 6 | index as u64)
}

/// The word below which a value is dropped, and the factor of one that is not.
pub(crate) fn dropout_numbers(percent: u32) -> (u32, f32) {
    let dropped_below = ((u64::from(percent) << 32) / 100) as u32;
    (dropped_below, 1.0 / (1.0 - percent as f32 / 100.0))
}

/// The key and the number of the ChaCha8 stream of [`dropout_row`].
#[cfg(feature = "cuda")]
pub(crate) fn dropout_stream(seed: u64, step: u64, index: usize) -> ([u8; 32], u64) {
    let rng = dropout_words(seed, step, index);
    (rng.get_seed(), rng.get_stream())
}

/// The dropout mask of row `row` of a batch of images, `[C, P]`, by which
/// [`Op::Dropout2d`](crate::plan::Op::Dropout2d) multiplies the row: each channel has one number in all its `P` values, that
/// of the channel in a [`dropout_row`] of `channels` values.
///
/// ```
/// use tuplenet::seed::{dropout_row, dropout2d_row};
///
/// let (mut image, mut channels) = ([0.0; 3 * 4], [0.0; 3]);
/// dropout2d_row(1, 0, 2, 50, 7, 3, &mut image);
/// dropout_row(1, 0, 2, 50, 7, &mut channels);
/// assert_eq!(image.as_chunks::<4>().0, channels.map(|value| [value; 4]));
/// ```
///
/// # Panics
/// When there are no channels.
pub fn dropout2d_row(
    seed: u64,
    step: u64,
    index: usize,
    percent: u32,
    row: usize,
    channels: usize,
    out: &mut [f32],
) {
    let len = out.len() / channels;
    dropout_row(seed, step, index, percent, row, &mut out[..channels]);
    if len == 1 {
        return; // a dropout of values, which are already there
    }
    // From the last on, so that none is overwritten before it is read.
    for channel in (0..channels).rev() {
        let value = out[channel];
        out[channel * len..(channel + 1) * len].fill(value);
    }
}

/// The rows 0 to `B - 1` of [`dropout_row`], `[B, width]` row-major.
pub fn dropout_mask(
    seed: u64,
    step: u64,
    index: usize,
    percent: u32,
    batch: usize,
    width: usize,
) -> Vec<f32> {
    let mut mask = vec![0.0; batch * width];
    for (row, out) in mask.chunks_exact_mut(width).enumerate() {
        dropout_row(seed, step, index, percent, row, out);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<const W: usize>(seed: u64, step: u64, index: usize, row: usize) -> [f32; W] {
        let mut out = [f32::NAN; W];
        dropout_row(seed, step, index, 25, row, &mut out);
        out
    }

    #[test]
    fn a_mask_drops_its_fraction_and_keeps_the_mean() {
        let mask = dropout_mask(1, 7, 2, 25, 1000, 100);
        let dropped = mask.iter().filter(|&&m| m == 0.0).count() as f64 / 1e5;
        // 4 standard deviations: 4 sqrt(0.25 * 0.75 / 1e5) = 0.0055
        assert!((dropped - 0.25).abs() < 0.0055, "{dropped}");
        assert!(
            mask.iter()
                .all(|&m| m == 0.0 || (m - 4.0 / 3.0).abs() < 1e-6)
        );
        assert!(dropout_mask(1, 7, 2, 0, 10, 10).iter().all(|&m| m == 1.0));
    }

    #[test]
    fn a_row_is_the_same_alone_and_in_a_mask_of_any_width() {
        let mask = dropout_mask(1, 7, 2, 25, 50, 100);
        for at in [49, 0, 7] {
            assert_eq!(mask[at * 100..][..100], row::<100>(1, 7, 2, at));
            assert_eq!(mask[at * 100..][..37], row::<37>(1, 7, 2, at));
        }
    }

    #[test]
    fn a_channel_is_dropped_as_a_whole_and_about_as_often_as_a_value() {
        let mut dropped = 0;
        for row in 0..500 {
            let mut mask = [f32::NAN; 8 * 6];
            dropout2d_row(1, 7, 2, 25, row, 8, &mut mask);
            for channel in mask.as_chunks::<6>().0 {
                assert!(channel.iter().all(|value| *value == channel[0]));
                dropped += usize::from(channel[0] == 0.0);
            }
        }
        let share = dropped as f64 / 4000.0;
        // 4 standard deviations: 4 sqrt(0.25 * 0.75 / 4000) = 0.027
        assert!((share - 0.25).abs() < 0.027, "{share}");
    }

    #[test]
    fn seeds_steps_operations_and_rows_have_independent_draws() {
        let others = [
            row::<100>(1, 7, 2, 3),
            row(2, 7, 2, 3),
            row(1, 8, 2, 3),
            row(1, 7, 3, 3),
            row(1, 7, 2, 4),
            row(1, 7, 2, u32::MAX as usize),
        ];
        for (i, a) in others.iter().enumerate() {
            assert!(others[..i].iter().all(|b| a != b), "{i}");
        }
    }

    /// The words of ChaCha8 by block number, as a kernel on another device would address them.
    #[test]
    fn sixteen_values_are_one_block() {
        let mut blocks = stream(1, Stream::Dropout, 7 << 6 | 2);
        for block in 0..4 {
            blocks.set_word_pos(16 * ((3 << 28) + block));
            let dropped: Vec<bool> = (0..16).map(|_| blocks.next_u32() < 1 << 30).collect();
            let values = &row::<64>(1, 7, 2, 3)[16 * block as usize..][..16];
            let zeros: Vec<bool> = values.iter().map(|&value| value == 0.0).collect();
            assert_eq!(dropped, zeros);
        }
    }

    #[test]
    fn epochs_and_seeds_have_different_orders() {
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
