//! Data sets whose samples have any number of labels.

use super::{
    Dataset, FeatureValues, Targets,
    check::{check_features, check_widths},
};
use crate::{error::Result, shape::Shape, target::MultiLabel};

impl<S: Shape, const N: usize> Dataset<S, MultiLabel<N>> {
    /// Samples of `S::LEN` values each, and for each sample which of `N` labels it has, for
    /// [`BinaryCrossEntropy`](crate::objective::BinaryCrossEntropy). A label takes one bit.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::MultiLabel};
    ///
    /// // the labels of a number: is it above 0, is it above 1
    /// let labels = [[false, false], [true, false], [true, true]];
    /// let data = Dataset::<Features<1>, MultiLabel<2>>::multi_label(vec![-1.0, 0.5, 2.0], &labels)?;
    /// assert_eq!(data.labels(1), Some([true, false]));
    ///
    /// let mut net = Fused::<(Linear<1, 2>,)>::new(Weights::init(1))?;
    /// let adam = Adam { learning_rate: 0.1, ..Adam::default() };
    /// Trainer::new(adam).epochs(300).loss(BinaryCrossEntropy).fit(&mut net, &data)?;
    /// // a label is more likely than not where its output, a logit, is above 0
    /// assert_eq!(net.predict(&[0.5])?.map(|logit| logit > 0.0), [true, false]);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) when there are no samples, when there are not as many samples of values as
    /// of labels, when a value is not finite or no token of its vocabulary, or when `S::LEN` or `N` is 0.
    pub fn multi_label(values: Vec<f32>, labels: &[[bool; N]]) -> Result<Self> {
        check_widths::<S, MultiLabel<N>>()?;
        check_features::<S>(0, &values)?;
        let mut bits = Vec::with_capacity(labels.len() * N.div_ceil(8));
        for labels in labels {
            bits.extend(bytes(labels));
        }
        Self::new(
            values.len(),
            labels.len(),
            FeatureValues::Values(values.into()),
            Targets::MultiLabels(bits),
        )
    }

    /// Which labels sample `index` has, or `None` past the end.
    pub fn labels(&self, index: usize) -> Option<[bool; N]> {
        let mut targets = [0.0; N];
        (index < self.len()).then(|| {
            self.targets().gather_columns(N, index, 0, &mut targets);
            targets.map(|target| target == 1.0)
        })
    }
}

/// The labels of a sample as bits, eight in a byte.
pub(super) fn bytes(labels: &[bool]) -> impl Iterator<Item = u8> {
    labels.chunks(8).map(|eight| {
        let bits = eight.iter().enumerate();
        bits.fold(0, |byte, (at, &bit)| byte | u8::from(bit) << at)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shape::Features;

    proptest! {
        /// For labels that fill bytes and that do not, and for part of a sample's labels.
        #[test]
        fn labels_are_stored_and_gathered_as_given(
            labels in prop::collection::vec(prop::array::uniform19(any::<bool>()), 1..20), first in 0usize..19,
        ) {
            fn check<const N: usize>(labels: &[[bool; 19]], first: usize) {
                let rows: Vec<[bool; N]> = labels.iter().map(|row| std::array::from_fn(|at| row[at])).collect();
                let data = Dataset::<Features<1>, MultiLabel<N>>::multi_label(vec![0.0; rows.len()], &rows).unwrap();
                let first = first.min(N);
                for (index, row) in rows.iter().enumerate() {
                    assert_eq!(data.labels(index), Some(*row));
                    let mut found = vec![9.0; N - first];
                    data.targets().gather_columns(N, index, first, &mut found);
                    assert!(found.iter().eq(row[first..].iter().map(|&label| if label { &1.0 } else { &0.0 })));
                }
                assert_eq!(data.labels(rows.len()), None);
                let order: Vec<u32> = (0..rows.len() as u32).rev().collect();
                let mut found = vec![9.0; rows.len() * N];
                data.targets().gather(N, &order, &mut found);
                let expected = rows.iter().rev().flatten().map(|&label| f32::from(u8::from(label)));
                assert!(found.iter().copied().eq(expected));
            }
            check::<1>(&labels, first);
            check::<8>(&labels, first);
            check::<9>(&labels, first);
            check::<19>(&labels, first);
        }
    }

    #[test]
    fn a_label_takes_a_bit() {
        let data =
            Dataset::<Features<1>, MultiLabel<9>>::multi_label(vec![0.0; 2], &[[true; 9]; 2]);
        let data = data.unwrap();
        assert_eq!(*data.targets(), Targets::MultiLabels(vec![255, 1, 255, 1]));
    }

    #[test]
    fn invalid_samples_are_rejected() {
        fn says<const N: usize>(values: Vec<f32>, labels: &[[bool; N]], words: &str) {
            let result = Dataset::<Features<2>, MultiLabel<N>>::multi_label(values, labels);
            let text = result.unwrap_err().to_string();
            assert!(text.contains(words), "{text}");
        }
        let words = "expected 2 samples of 2 features, one per label or target, found 3 values";
        says(vec![0.0; 3], &[[true]; 2], words);
        says::<1>(vec![], &[], "expected one sample or more, found none");
        says(vec![0.0, f32::NAN], &[[true]], "found NaN (sample 0)");
        says(vec![0.0; 2], &[[]], "found 2 features and 0 classes");
    }

    /// A data set of labels below 16 has the bytes of one of four labels per sample.
    #[test]
    fn the_checksum_differs_from_that_of_labels_of_the_same_bytes() {
        use crate::target::Classes;
        let one = Dataset::<Features<1>, Classes<4>>::from_values(vec![0.0], vec![2]).unwrap();
        let labels = [[false, true, false, false]];
        let two = Dataset::<Features<1>, MultiLabel<4>>::multi_label(vec![0.0], &labels).unwrap();
        let three = Dataset::<Features<1>, MultiLabel<4>>::multi_label(vec![0.0], &[[true; 4]]);
        assert_ne!(one.sha256(), two.sha256());
        assert_ne!(two.sha256(), three.unwrap().sha256());
    }
}
