//! [`Targets`]: what the samples of a data set are labelled with.

/// The targets of a data set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Targets {
    /// One class per sample, below `C`; for classification.
    Labels(Vec<u8>),
    /// `[n, C]` values, row-major; for regression.
    Values(Vec<f32>),
    /// Of `C` labels those that a sample has, as bits, in `[n, ceil(C / 8)]` bytes: label `c` is bit `c % 8` of byte
    /// `c / 8` of its sample, and bits from `C` on are 0; for classification with several labels.
    MultiLabels(Vec<u8>),
}

impl Targets {
    /// Gathers the targets of the samples with indices `order` into `out`, `[order.len(), width]`; labels are one-hot
    /// encoded: 1 for the class, 0 for the others. Several labels are encoded as 1 for those that the sample has.
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
            self.gather_columns(width, index as usize, 0, row);
        }
    }

    /// The targets of sample `index` for the outputs from `first` on, as [`gather`](Targets::gather) encodes them.
    ///
    /// # Panics
    /// When there are not that many.
    #[inline(always)]
    pub(crate) fn gather_columns(&self, width: usize, index: usize, first: usize, out: &mut [f32]) {
        assert!(first + out.len() <= width, "no more targets than outputs");
        match self {
            Targets::Labels(labels) => {
                out.fill(0.0);
                let place = usize::from(labels[index]).wrapping_sub(first);
                if let Some(target) = out.get_mut(place) {
                    *target = 1.0;
                }
            }
            Targets::Values(values) => {
                let start = index * width + first;
                out.copy_from_slice(&values[start..start + out.len()]);
            }
            Targets::MultiLabels(bits) => {
                let row = &bits[index * width.div_ceil(8)..][..width.div_ceil(8)];
                for (label, target) in (first..).zip(out) {
                    *target = f32::from(row[label / 8] >> (label % 8) & 1);
                }
            }
        }
    }

    /// The address of the first target of sample `index`, for `width` outputs.
    pub(crate) fn address(&self, width: usize, index: usize) -> *const u8 {
        match self {
            Targets::Labels(labels) => labels.as_ptr().wrapping_add(index),
            Targets::Values(values) => values.as_ptr().wrapping_add(index * width).cast(),
            Targets::MultiLabels(bits) => bits.as_ptr().wrapping_add(index * width.div_ceil(8)),
        }
    }

    /// The label of sample `index`; `None` past the end, and where the targets are not labels.
    pub(super) fn label(&self, index: usize) -> Option<usize> {
        match self {
            Targets::Labels(labels) => labels.get(index).map(|&label| label.into()),
            Targets::Values(_) | Targets::MultiLabels(_) => None,
        }
    }

    /// What they are, for error messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Targets::Labels(_) => "labels",
            Targets::Values(_) => "target values",
            Targets::MultiLabels(_) => "several labels per sample",
        }
    }
}
