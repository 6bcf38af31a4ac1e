//! [`FeatureValues`]: the features of a data set's samples.

use super::Storage;

/// The features of a data set, `[n, F]` row-major.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FeatureValues {
    /// One byte per feature, with value `byte * scale`.
    Bytes {
        /// The bytes.
        bytes: Storage<u8>,
        /// The factor from a byte to its value.
        scale: f32,
    },
    /// The values themselves.
    Values(Storage<f32>),
}

impl FeatureValues {
    /// Whether they are in a file, which is read when they are accessed, and not in memory.
    pub fn is_mapped(&self) -> bool {
        match self {
            FeatureValues::Bytes { bytes, .. } => bytes.is_mapped(),
            FeatureValues::Values(values) => values.is_mapped(),
        }
    }

    /// Asks the system to read the samples `order`, of `width` features each, in the background, if they are in a file.
    pub(crate) fn will_need(&self, width: usize, order: Vec<u32>) {
        #[cfg(feature = "mmap")]
        match self {
            FeatureValues::Bytes { bytes, .. } => bytes.will_need(width, order),
            FeatureValues::Values(values) => values.will_need(width, order),
        }
        #[cfg(not(feature = "mmap"))]
        let _ = (width, order);
    }

    /// Whether a page of a file that is accessed is read without those around it: where these were asked for.
    pub(crate) fn reads_single_pages(&self, alone: bool) {
        #[cfg(feature = "mmap")]
        match self {
            FeatureValues::Bytes { bytes, .. } => bytes.reads_single_pages(alone),
            FeatureValues::Values(values) => values.reads_single_pages(alone),
        }
        #[cfg(not(feature = "mmap"))]
        let _ = alone;
    }

    /// Gathers the samples with indices `order`, of `width` features each, into `out`, `[order.len(), width]`.
    ///
    /// # Panics
    /// When an index in `order` is out of bounds, or `out` does not have that length.
    pub fn gather(&self, width: usize, order: &[u32], out: &mut [f32]) {
        assert_eq!(
            out.len(),
            order.len() * width,
            "the output holds one row per sample"
        );
        for (row, &index) in out.chunks_exact_mut(width).zip(order) {
            let place = index as usize * width..(index as usize + 1) * width;
            match self {
                FeatureValues::Values(values) => row.copy_from_slice(&values[place]),
                FeatureValues::Bytes { bytes, scale } => {
                    for (value, &byte) in row.iter_mut().zip(&bytes[place]) {
                        *value = f32::from(byte) * scale;
                    }
                }
            }
        }
    }
}
