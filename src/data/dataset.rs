//! [`Dataset`]: samples whose shape and target are in the type, validated once on construction.
//!
//! Dims: `n` samples of shape `S`, `C` classes, `N` target values.

use std::{marker::PhantomData, sync::Arc};

use sha2::{Digest, Sha256};

use super::{
    FeatureValues, Targets,
    check::{
        check_features, check_finite, check_label, check_labels, check_tokens, check_widths,
        mismatch,
    },
};
use crate::{
    checksum::{add_floats, in_hex},
    error::Result,
    label::{HasLogits, Label, Logits},
    shape::{Features, Shape},
    target::{Classes, Target, Values},
};

/// `n` samples of shape `S`, each with a target `T`: [`Classes<C>`](Classes), a label, [`Values<N>`](Values), or
/// [`MultiLabel<N>`](crate::target::MultiLabel), any number of `N` labels.
///
/// Cloning shares the samples. A data set fits a network that takes `S` and gives `Features<C>` or `Features<N>`, and
/// a [loss](crate::objective::TargetOf) for `T`; with any other, the program does not compile.
///
/// ```
/// use tuplenet::{prelude::*, shape::Features, target::Classes};
///
/// type Xor = Dataset<Features<2>, Classes<2>>;
/// let xor = Xor::from_values(vec![0., 0., 0., 1., 1., 0., 1., 1.], vec![0, 1, 1, 0])?;
/// assert_eq!(xor.len(), 4);
///
/// let wrong = Xor::from_values(vec![0., 0.], vec![2]).unwrap_err();
/// assert_eq!(wrong.to_string(), "data set: expected a label below 2, found 2 (sample 0)");
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset<S: Shape, T: Target> {
    pub(super) samples: Arc<Samples>,
    shape: PhantomData<fn() -> (S, T)>,
}

/// The contents of a data set as engines read them; only [`Dataset`] constructs it, after validation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Samples {
    /// The features, `[n, F]`.
    pub features: FeatureValues,
    /// The labels, or `[n, C]` target values or bits.
    pub targets: Targets,
    /// The weight of each sample in the loss of a training, if they are not all 1.
    pub weights: Option<Vec<f32>>,
    /// `n`, at least 1.
    pub len: usize,
}

impl<S: Shape, const C: usize> Dataset<S, Classes<C>> {
    /// Samples of `S::LEN` bytes each, with values `byte * scale`, and one label per sample.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) when there are no samples, when the numbers of features and labels do not
    /// match, when a label is not below `C`, when `scale` is not finite, or when `S::LEN` or `C` is 0.
    pub fn from_bytes(bytes: Vec<u8>, scale: f32, labels: Vec<u8>) -> Result<Self> {
        if !scale.is_finite() {
            return Err(mismatch(None, "a finite scale", scale));
        }
        check_labels(C, &labels)?;
        check_tokens::<S>(0, bytes.iter().map(|&byte| f32::from(byte) * scale))?;
        Self::new(
            bytes.len(),
            labels.len(),
            FeatureValues::Bytes {
                bytes: bytes.into(),
                scale,
            },
            Targets::Labels(labels),
        )
    }

    /// Samples of `S::LEN` values each, and one label per sample.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) as for [`Dataset::from_bytes`], and when a value is not finite, or not a token where
    /// the shape has tokens.
    pub fn from_values(values: Vec<f32>, labels: Vec<u8>) -> Result<Self> {
        check_features::<S>(0, &values)?;
        check_labels(C, &labels)?;
        Self::new(
            values.len(),
            labels.len(),
            FeatureValues::Values(values.into()),
            Targets::Labels(labels),
        )
    }

    /// The same samples with named classes, as many as there are; they are shared, not copied.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Classes};
    ///
    /// tuplenet::classes! { pub enum Answer { No, Yes } }
    /// let data = Dataset::<Features<1>, Classes<2>>::from_values(vec![0.0, 1.0], vec![0, 1])?;
    /// assert_eq!(data.named::<Answer>().class(1), Some(Answer::Yes));
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    pub fn named<L: Label + HasLogits<Features<C>>>(&self) -> Dataset<S, L> {
        Dataset {
            samples: Arc::clone(&self.samples),
            shape: PhantomData,
        }
    }

    /// The label of sample `index`, or `None` past the end.
    pub fn label(&self, index: usize) -> Option<usize> {
        self.samples.targets.label(index)
    }
}

impl<S: Shape, L: Label> Dataset<S, L> {
    /// Samples of `S::LEN` values each, and the class of each sample.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) as for [`Dataset::from_bytes`], and when a value is not finite.
    pub fn labelled(values: Vec<f32>, labels: &[L]) -> Result<Self> {
        check_features::<S>(0, &values)?;
        let indices = labels.iter().map(|label| label.index()).enumerate();
        let labels: Vec<u8> = indices
            .map(|(at, index)| check_label(L::Logits::LEN, index, at))
            .collect::<Result<_>>()?;
        Self::new(
            values.len(),
            labels.len(),
            FeatureValues::Values(values.into()),
            Targets::Labels(labels),
        )
    }

    /// The class of sample `index`, or `None` past the end.
    pub fn class(&self, index: usize) -> Option<L> {
        self.samples.targets.label(index).map(Logits::<L>::class)
    }
}

impl<S: Shape, const N: usize> Dataset<S, Values<N>> {
    /// Samples of `S::LEN` values each, and `N` target values per sample, for
    /// [`MeanSquaredError`](crate::objective::MeanSquaredError) and the other losses of [`Values`].
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) when there are no samples, when the numbers of features and targets do not
    /// match, when a value is not finite, or when `S::LEN` or `N` is 0.
    pub fn regression(values: Vec<f32>, targets: Vec<f32>) -> Result<Self> {
        check_widths::<S, Values<N>>()?;
        check_features::<S>(0, &values)?;
        check_finite("targets", 0, N, &targets)?;
        if !targets.len().is_multiple_of(N) {
            return Err(mismatch(
                None,
                format!("{N} target values per sample"),
                targets.len(),
            ));
        }
        Self::new(
            values.len(),
            targets.len() / N,
            FeatureValues::Values(values.into()),
            Targets::Values(targets),
        )
    }
}

impl<S: Shape, T: Target> Dataset<S, T> {
    pub(super) fn new(
        values: usize,
        len: usize,
        features: FeatureValues,
        targets: Targets,
    ) -> Result<Self> {
        check_widths::<S, T>()?;
        if len == 0 {
            return Err(mismatch(None, "one sample or more", "none"));
        }
        if len.checked_mul(S::LEN) != Some(values) {
            let expected = format!(
                "{len} samples of {} features, one per label or target",
                S::LEN
            );
            return Err(mismatch(None, expected, format!("{values} values")));
        }
        if u32::try_from(len).is_err() {
            return Err(mismatch(None, format!("at most {} samples", u32::MAX), len));
        }
        Ok(Dataset {
            samples: Arc::new(Samples {
                features,
                targets,
                weights: None,
                len,
            }),
            shape: PhantomData,
        })
    }

    /// The same samples with a weight for each in the loss that a training minimises, which is then the weighted mean
    /// `sum_b w_b loss_b / sum_b w_b` of each batch, as with `sample_weight` in scikit-learn; class weights multiply them. The
    /// history's training loss is that mean; validation losses and evaluations count every sample once.
    ///
    /// The samples are copied if another data set shares them.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Classes};
    ///
    /// let data = Dataset::<Features<1>, Classes<2>>::from_values(vec![0.0, 1.0], vec![0, 1])?;
    /// let data = data.weighted(vec![1.0, 3.0])?; // the second one counts three times
    /// # let refused = data.weighted(vec![1.0]).unwrap_err();
    /// # assert_eq!(refused.to_string(), "data set: expected 2 weights, one for each sample, found 1");
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) for another number of weights than samples, and for one that is not above 0 or not
    /// finite.
    pub fn weighted(self, weights: Vec<f32>) -> Result<Self> {
        if weights.len() != self.len() {
            let expected = format!("{} weights, one for each sample", self.len());
            return Err(mismatch(None, expected, weights.len()));
        }
        let is_legal = |weight: &f32| *weight > 0.0 && weight.is_finite();
        if let Some(at) = weights.iter().position(|weight| !is_legal(weight)) {
            let expected = "a weight above 0 and finite";
            return Err(mismatch(Some(at), expected, weights[at]));
        }
        let mut samples = Arc::unwrap_or_clone(self.samples);
        samples.weights = Some(weights);
        Ok(Dataset {
            samples: Arc::new(samples),
            shape: PhantomData,
        })
    }

    /// A copy of the samples `order`, which are some of these, in that order.
    pub(super) fn subset(&self, order: &[u32]) -> Self {
        let Samples {
            features,
            targets,
            weights,
            ..
        } = &*self.samples;
        let features = match features {
            FeatureValues::Bytes { bytes, scale } => FeatureValues::Bytes {
                bytes: select(bytes, S::LEN, order).into(),
                scale: *scale,
            },
            FeatureValues::Values(values) => {
                FeatureValues::Values(select(values, S::LEN, order).into())
            }
        };
        let targets = match targets {
            Targets::Labels(labels) => Targets::Labels(select(labels, 1, order)),
            Targets::Values(values) => Targets::Values(select(values, T::Output::LEN, order)),
            Targets::MultiLabels(bits) => {
                Targets::MultiLabels(select(bits, T::Output::LEN.div_ceil(8), order))
            }
        };
        Dataset {
            samples: Arc::new(Samples {
                features,
                targets,
                weights: weights.as_ref().map(|weights| select(weights, 1, order)),
                len: order.len(),
            }),
            shape: PhantomData,
        }
    }

    /// The buffer of the features' bytes (empty if they are not bytes in memory), or the data set itself if its samples are
    /// shared.
    pub(super) fn into_bytes(self) -> std::result::Result<Vec<u8>, Self> {
        match Arc::try_unwrap(self.samples).map(|samples| samples.features) {
            Ok(FeatureValues::Bytes { bytes, .. }) => Ok(bytes.into_vec()),
            Ok(FeatureValues::Values(_)) => Ok(Vec::new()),
            Err(samples) => Err(Dataset {
                samples,
                shape: PhantomData,
            }),
        }
    }

    /// The number of samples, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a data set is never empty")]
    pub fn len(&self) -> usize {
        self.samples.len
    }

    /// The features, `[n, S::LEN]`.
    pub fn features(&self) -> &FeatureValues {
        &self.samples.features
    }

    /// The labels or target values.
    pub fn targets(&self) -> &Targets {
        &self.samples.targets
    }

    /// The SHA-256 of features, scale, targets and weights, in hexadecimal; equal checksums mean equal samples.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(
            [S::LEN as u64, T::Output::LEN as u64]
                .map(u64::to_le_bytes)
                .concat(),
        );
        match &self.samples.features {
            FeatureValues::Bytes { bytes, scale } => {
                hash.update(scale.to_le_bytes());
                hash.update(&**bytes);
            }
            FeatureValues::Values(values) => add_floats(&mut hash, values),
        }
        match &self.samples.targets {
            Targets::Labels(labels) => hash.update(labels),
            Targets::Values(values) => add_floats(&mut hash, values),
            Targets::MultiLabels(bits) => {
                // the same bytes could be labels
                hash.update("multi-label");
                hash.update(bits);
            }
        }
        if let Some(weights) = &self.samples.weights {
            hash.update("weights");
            add_floats(&mut hash, weights);
        }
        in_hex(&hash.finalize())
    }

    /// The same samples as another shape of as many values, in the same order: vectors of 784 features as images of one
    /// channel, 28 rows and 28 columns. The samples are shared, not copied.
    ///
    /// Shapes of different lengths do not compile; `cargo build` reports this, `cargo check` does not.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::{Features, Image}, target::Classes};
    ///
    /// let digits = Digits::new(1).dataset::<Features<784>>(0..100)?;
    /// let images: Dataset<Image<1, 28, 28>, Classes<10>> = digits.reshaped();
    /// assert_eq!(images.sample(7).unwrap().as_flattened().as_flattened(), digits.sample(7).unwrap());
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// ```compile_fail,E0080
    /// use tuplenet::{prelude::*, shape::{Features, Image}, target::Classes};
    ///
    /// fn wrong(digits: &Dataset<Features<784>, Classes<10>>) -> Dataset<Image<1, 28, 27>, Classes<10>> {
    ///     digits.reshaped()
    /// }
    /// # wrong(&Digits::new(1).dataset(0..1).unwrap());
    /// ```
    pub fn reshaped<R: Shape>(&self) -> Dataset<R, T> {
        const { assert!(R::LEN == S::LEN, "the two shapes have as many values") };
        const { assert!(!R::HAS_TOKENS && !S::HAS_TOKENS, "a token is no number") };
        Dataset {
            samples: Arc::clone(&self.samples),
            shape: PhantomData,
        }
    }

    /// The features of sample `index`, or `None` past the end.
    pub fn sample(&self, index: usize) -> Option<S::Array> {
        let mut out = S::zeros();
        (index < self.len()).then(|| {
            let features = &self.samples.features;
            features.gather(S::LEN, &[index as u32], S::values_mut(&mut out));
            out
        })
    }
}

/// The rows `order`, of `width` values each.
fn select<V: Copy>(values: &[V], width: usize, order: &[u32]) -> Vec<V> {
    let rows = order.iter().map(|&row| row as usize * width);
    rows.flat_map(|start| &values[start..start + width])
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_scaled_and_labels_are_one_hot_encoded() {
        let data = Dataset::<Features<2>, Classes<3>>::from_bytes(
            vec![0, 255, 51, 102],
            1.0 / 255.0,
            vec![2, 0],
        )
        .unwrap();
        assert_eq!(
            data.sample(1).unwrap().map(|v| (v * 10.0).round()),
            [2.0, 4.0]
        );
        assert_eq!(
            (data.label(0), data.sample(2), data.label(2)),
            (Some(2), None, None)
        );
        let mut targets = [9.0; 6];
        data.targets().gather(3, &[1, 0], &mut targets);
        assert_eq!(targets, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn invalid_samples_are_rejected() {
        fn says<T: Target>(result: Result<Dataset<Features<2>, T>>, words: &str) {
            let text = result.unwrap_err().to_string();
            assert!(text.contains(words), "{text}");
        }
        says(
            Dataset::<_, Classes<3>>::from_bytes(vec![0; 4], 1.0, vec![0, 3]),
            "expected a label below 3, found 3 (sample 1)",
        );
        says(
            Dataset::<_, Classes<3>>::from_bytes(vec![0; 5], 1.0, vec![0, 1]),
            "expected 2 samples of 2 features",
        );
        says(
            Dataset::<_, Classes<3>>::from_bytes(vec![], 1.0, vec![]),
            "expected one sample or more, found none",
        );
        says(
            Dataset::<_, Classes<3>>::from_bytes(vec![0; 2], f32::NAN, vec![0]),
            "expected a finite scale, found NaN",
        );
        says(
            Dataset::<_, Classes<3>>::from_values(vec![0.0, 1.0, f32::INFINITY, 0.0], vec![0, 1]),
            "found inf (sample 1)",
        );
        says(
            Dataset::<_, Values<3>>::regression(vec![0.0; 4], vec![0.0; 5]),
            "expected 3 target values per sample, found 5",
        );
        says(
            Dataset::<_, Values<3>>::regression(vec![0.0; 4], vec![0.0; 3]),
            "expected 1 samples of 2 features",
        );
        let words =
            "1 or more classes or targets per sample, found 0 features and 2 classes or targets";
        let error =
            Dataset::<Features<0>, Classes<2>>::from_bytes(vec![], 1.0, vec![0]).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        let error =
            Dataset::<Features<2>, Values<0>>::regression(vec![0.0; 2], vec![]).unwrap_err();
        assert!(
            error.to_string().contains("found 2 features and 0 classes"),
            "{error}"
        );
    }

    #[test]
    fn target_values_are_gathered_by_sample() {
        let values = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let data = Dataset::<Features<1>, Values<2>>::regression(vec![0.0; 3], values).unwrap();
        let mut targets = [0.0; 4];
        data.targets().gather(2, &[2, 1], &mut targets);
        assert_eq!(targets, [5.0, 6.0, 3.0, 4.0]);
    }

    #[test]
    fn the_bytes_of_samples_that_are_not_shared_are_given_back() {
        let data =
            Dataset::<Features<2>, Classes<1>>::from_bytes(vec![7, 8], 1.0, vec![0]).unwrap();
        let shared = data.clone();
        let data = data.into_bytes().unwrap_err();
        drop(shared);
        assert_eq!(data.into_bytes().unwrap(), [7, 8]);
    }
}
