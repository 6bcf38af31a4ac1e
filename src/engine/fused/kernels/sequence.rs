//! Embeddings of sequences: rows of a table as an image of 16 samples, and the gradient of the image as rows.
//!
//! Dims: `B` = batch size, `L` = tokens of a sample, `V` = vocabulary, `C` = channels, the columns of the table.

use super::{Kernel, Lanes, Rows, Samples};
use crate::{
    engine::fused::{
        memory::{
            image::{ImageView, ImageViewMut},
            matrix::{BLOCK, View, ViewMut},
        },
        program::{Embedding, SAMPLES},
    },
    token::index_of,
};

/// `output[c, 0, i] = table[x[i], c]` for the tokens `x` of at most 16 samples.
pub(crate) struct EmbedSequence<'a> {
    pub(crate) embedding: Embedding,
    pub(crate) rows: Rows<'a>,
    /// As in [`Interleave`](super::Interleave).
    pub(crate) samples: Samples<'a>,
    pub(crate) count: usize,
    /// The number of values of a sample.
    pub(crate) width: usize,
    /// `[V, C]`.
    pub(crate) table: View<'a>,
    /// `C` channels, one row, `L` columns.
    pub(crate) output: ImageViewMut<'a>,
}

impl Kernel for EmbedSequence<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Embedding {
            first,
            tokens,
            vocabulary,
            ..
        } = self.embedding;
        let [channels, rows, columns] = self.output.layout.size();
        assert!((1..=SAMPLES).contains(&self.count) && rows == 1 && columns == tokens);
        assert!(self.table.blocks >= channels.div_ceil(BLOCK) && self.table.rows >= vocabulary);
        let starts: [usize; SAMPLES] = std::array::from_fn(|lane| {
            self.samples.at(lane.min(self.count - 1)) * self.width + first
        });
        for position in 0..tokens {
            let words = starts.map(|start| index_of(self.rows.value(start + position), vocabulary));
            for block in 0..channels.div_ceil(BLOCK) {
                let mut tile = [[0.0; BLOCK]; SAMPLES];
                for (vector, &word) in tile.iter_mut().zip(&words) {
                    *vector = *self.table.row(block, word);
                }
                simd.transpose(&mut tile);
                for (channel, lanes) in (block * BLOCK..channels).zip(&tile) {
                    let to = self.output.at([channel, 0, position]);
                    // SAFETY: the pixel is in the image, by the assertions above, and has 16 samples.
                    unsafe { to.cast::<[f32; SAMPLES]>().write(*lanes) };
                }
            }
        }
    }
}

/// The inverse, for gradients: `output[s L + i, c] = input[c, 0, i]` of sample `s`.
pub(crate) struct SequenceGradient<'a> {
    /// `C` channels, one row, `L` columns.
    pub(crate) input: ImageView<'a>,
    /// `[n L, C]`, for at most 16 samples.
    pub(crate) output: ViewMut<'a>,
}

impl Kernel for SequenceGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let [channels, rows, positions] = self.input.layout.size();
        let samples = self.output.rows / positions.max(1);
        assert!(rows == 1 && samples <= SAMPLES);
        assert!(self.output.blocks == channels.div_ceil(BLOCK));
        for block in 0..self.output.blocks {
            for position in 0..positions {
                let pixel = self.input.layout.at([0, 0, position]);
                let mut tile = self.input.tile(block * BLOCK, pixel);
                simd.transpose(&mut tile);
                for (sample, values) in tile.iter().enumerate().take(samples) {
                    *self.output.row(block, sample * positions + position) = *values;
                }
            }
        }
    }
}
