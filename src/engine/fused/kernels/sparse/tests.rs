//! Sparse batches, with a bitmap and without, against dense ones.

use super::*;
use crate::engine::fused::{
    kernels::{Forward, Gather, NonzeroBits, Rows, Samples, Simd, WORD, dispatch},
    memory::matrix::Matrix,
};

const SIMDS: [Simd; 4] = [Simd::Avx512, Simd::Avx2, Simd::Neon, Simd::Scalar];

/// Samples of which an eighth of the values is not 0.
struct Case {
    features: usize,
    bytes: Vec<u8>,
    floats: Vec<f32>,
    /// Of a batch that takes samples in another order.
    order: Vec<u32>,
}

impl Case {
    fn new(features: usize, samples: usize) -> Self {
        let byte = |at: usize| match at.wrapping_mul(2_654_435_761) >> 7 & 7 {
            0 => (at % 255 + 1) as u8,
            _ => 0,
        };
        let bytes: Vec<u8> = (0..features * samples).map(byte).collect();
        Case {
            features,
            floats: bytes.iter().map(|&byte| f32::from(byte) / 2.0).collect(),
            bytes,
            order: (0..samples as u32).rev().collect(),
        }
    }

    /// Both kinds of values, with a bitmap and without.
    fn check(&self, simd: Simd, check: impl Fn(SparseBatch<'_>, Rows<'_>)) {
        let table = std::array::from_fn(|byte| byte as f32 / 2.0);
        let words = self.features.div_ceil(WORD);
        let mut bits = vec![0; words * self.order.len()];
        let rows = self.bytes.chunks(self.features);
        for (values, bits) in rows.zip(bits.chunks_mut(words)) {
            let values = Rows::Bytes(values, 0.5);
            dispatch(simd, NonzeroBits { values, bits });
        }
        let bytes = (
            Values::Bytes(&self.bytes, &table),
            Rows::Bytes(&self.bytes, 0.5),
        );
        let floats = (Values::Floats(&self.floats), Rows::Floats(&self.floats));
        for (values, rows) in [bytes, floats] {
            for bits in [None, Some(&bits[..])] {
                let batch = SparseBatch {
                    features: self.features,
                    bits,
                    values,
                    samples: Samples::Numbered(&self.order),
                };
                check(batch, rows);
            }
        }
    }
}

/// More than 16 words, and more than 64 samples, and less.
fn cases() -> impl Iterator<Item = Case> {
    let features = [64, 65, 784, 1100].into_iter();
    features.flat_map(|features| [1, 63, 130].map(|samples| Case::new(features, samples)))
}

#[test]
fn outputs_have_the_bits_of_the_dense_product() {
    for (case, outputs) in cases().zip([10, 16, 50, 200, 300].into_iter().cycle()) {
        let mut weights = Matrix::zeros(case.features + 1, outputs);
        for block in 0..weights.blocks() {
            for row in 0..=case.features {
                let value = |lane| ((row * 31 + block * 16 + lane) % 19) as f32 - 9.3;
                *weights.whole().row(block, row) = std::array::from_fn(value);
            }
        }
        // SAFETY: no other thread has the matrix.
        let weights = unsafe { weights.view() };
        for simd in SIMDS {
            for samples in [0..case.order.len(), case.order.len() / 2..case.order.len()] {
                case.check(simd, |batch, rows| {
                    let mut found = Matrix::zeros(samples.len(), outputs);
                    let forward = SparseForward {
                        batch,
                        samples: samples.clone(),
                        weights,
                        output: found.whole(),
                        relu: true,
                    };
                    dispatch(simd, forward);
                    let mut input = Matrix::zeros(samples.len(), case.features);
                    let gather = Gather {
                        rows,
                        width: case.features,
                        samples: Samples::Numbered(&case.order[samples.clone()]),
                        output: input.whole(),
                    };
                    dispatch(simd, gather);
                    let mut expected = Matrix::zeros(samples.len(), outputs);
                    // SAFETY: as above.
                    let input = unsafe { input.view() };
                    let forward = Forward {
                        input,
                        weights,
                        output: expected.whole(),
                        relu: true,
                    };
                    dispatch(simd, forward);
                    for block in 0..expected.blocks() {
                        for row in 0..samples.len() {
                            let rows = [&mut expected, &mut found]
                                .map(|matrix| matrix.whole().row(block, row).map(f32::to_bits));
                            assert_eq!(rows[0], rows[1], "{simd:?} {row} {block}");
                        }
                    }
                });
            }
        }
    }
}

#[test]
fn transposed_words_have_the_samples_of_each_feature() {
    for case in cases() {
        for simd in SIMDS {
            case.check(simd, |batch, rows| {
                let mut columns = vec![u64::MAX; case.order.len().div_ceil(WORD) * case.features];
                for words in [0..1, 1..batch.words()] {
                    let transpose = TransposeBits {
                        batch,
                        rows: case.order.len(),
                        words,
                        write: |block, word, bits: &[u64]| {
                            let first = block * case.features + word * WORD;
                            columns[first..first + bits.len()].copy_from_slice(bits);
                        },
                    };
                    dispatch(simd, transpose);
                }
                for (place, &word) in columns.iter().enumerate() {
                    let (block, feature) = (place / case.features, place % case.features);
                    let is_set = |sample: &u32| {
                        rows.value(*sample as usize * case.features + feature) != 0.0
                    };
                    let samples = case.order[block * WORD..].iter().take(WORD);
                    let bits = samples
                        .enumerate()
                        .map(|(at, sample)| u64::from(is_set(sample)) << at);
                    assert_eq!(word, bits.sum::<u64>(), "{simd:?} {feature}");
                }
            });
        }
    }
}
