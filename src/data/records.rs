//! [`Dataset::from_records`]: a data set from records of the program's own, one sample each.

use super::{
    Dataset, FeatureValues, Targets,
    check::{check_features, check_finite, check_label},
    multi_label::bytes,
};
use crate::{
    error::Result,
    shape::Shape,
    target::{Target, TargetValue},
};

impl<S: Shape, T: Target> Dataset<S, T> {
    /// One sample per record: `sample` gives its features, an array of shape `S`, and its target, a class or `[f32; N]`.
    ///
    /// Arrays of another length and targets of another type do not compile. The values of all samples are appended to one
    /// buffer, and a record is dropped before the next is taken.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::{Classes, Values}};
    ///
    /// struct Flower { petal: [f32; 2], is_setosa: bool }
    /// let flowers = [
    ///     Flower { petal: [1.4, 0.2], is_setosa: true },
    ///     Flower { petal: [4.7, 1.4], is_setosa: false },
    /// ];
    /// let data = Dataset::<Features<2>, Classes<2>>::from_records(&flowers, |it| (it.petal, it.is_setosa.into()))?;
    /// assert_eq!((data.sample(1), data.label(0)), (Some([4.7, 1.4]), Some(1)));
    ///
    /// // Petal lengths from petal widths.
    /// let lengths = Dataset::<Features<1>, Values<1>>::from_records(&flowers, |it| ([it.petal[1]], [it.petal[0]]))?;
    /// assert_eq!(lengths.len(), 2);
    ///
    /// let wrong = Dataset::<Features<2>, Classes<2>>::from_records(&flowers, |it| (it.petal, 2)).unwrap_err();
    /// assert_eq!(wrong.to_string(), "data set: expected a label below 2, found 2 (sample 0)");
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data), with the number of the record, counted from 0, when a value is not finite or a
    /// label is not below the number of classes; when there are no records or more than [`u32::MAX`]; when `S::LEN` or the
    /// number of classes or target values is 0.
    pub fn from_records<R>(
        records: impl IntoIterator<Item = R>,
        sample: impl FnMut(R) -> (S::Array, T::Item),
    ) -> Result<Self> {
        Self::try_from_records(records.into_iter().map(Ok), sample)
    }

    /// As [`Dataset::from_records`], from records that may be errors, as those of `Csv`; the first error is
    /// returned.
    ///
    #[cfg_attr(feature = "csv", doc = "```")]
    #[cfg_attr(not(feature = "csv"), doc = "```ignore")]
    /// use tuplenet::{data::Csv, prelude::*, shape::Features, target::Classes};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Passenger { age: f32, fare: f32, survived: usize }
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("titanic.csv");
    /// # std::fs::write(&path, "age,fare,survived\n22,7.25,0\n38,71.2833,1\n")?;
    /// let rows = Csv::new(&path).records::<Passenger>()?;
    /// let data = Dataset::<Features<2>, Classes<2>>::try_from_records(rows, |row| ([row.age, row.fare], row.survived))?;
    /// assert_eq!((data.sample(1), data.label(1)), (Some([38.0, 71.2833]), Some(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The first error of `records`; [`Error::Data`](crate::Error::Data) as for [`Dataset::from_records`].
    pub fn try_from_records<R>(
        records: impl IntoIterator<Item = Result<R>>,
        mut sample: impl FnMut(R) -> (S::Array, T::Item),
    ) -> Result<Self> {
        let (mut features, mut labels, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut multi_labels = Vec::new();
        let mut len = 0;
        for record in records {
            let (array, item) = sample(record?);
            check_features::<S>(len, S::values(&array))?;
            features.extend_from_slice(S::values(&array));
            match T::value(&item) {
                TargetValue::Label(label) => labels.push(check_label(T::Output::LEN, label, len)?),
                TargetValue::Values(targets) => append_targets(&mut values, targets, len)?,
                TargetValue::MultiLabel(labels) => multi_labels.extend(bytes(labels)),
            }
            len += 1;
        }
        // The buffers grew by doubling, so up to half of their capacity may be unused.
        for buffer in [&mut features, &mut values] {
            buffer.shrink_to_fit();
        }
        let targets = match (labels.is_empty(), multi_labels.is_empty()) {
            (false, _) => Targets::Labels(labels),
            (_, false) => Targets::MultiLabels(multi_labels),
            _ => Targets::Values(values),
        };
        Self::new(
            features.len(),
            len,
            FeatureValues::Values(features.into()),
            targets,
        )
    }
}

/// Appends the target values of sample `at`, which must be finite.
fn append_targets(buffer: &mut Vec<f32>, values: &[f32], at: usize) -> Result<()> {
    check_finite("targets", at, values.len(), values)?;
    buffer.extend_from_slice(values);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::check::mismatch,
        error::Error,
        shape::{Features, Image},
        target::{Classes, Values},
    };

    /// One feature.
    type Line<T> = Dataset<Features<1>, T>;

    #[test]
    fn records_become_samples_in_order_with_their_targets() {
        type Images = Dataset<Image<2, 1, 2>, Values<2>>;
        let image = |at: u8| [[[f32::from(at), 0.5]], [[-1.0, f32::from(at)]]];
        let data = Images::from_records(0..3, |at| (image(at), [at.into(), 7.0])).unwrap();
        assert_eq!(data.len(), 3);
        assert_eq!(data.sample(2), Some(image(2)));
        let targets = vec![0.0, 7.0, 1.0, 7.0, 2.0, 7.0];
        assert_eq!(data.targets(), &Targets::Values(targets));

        let data = Line::<Classes<256>>::from_records(0..256, |at| ([0.5], at)).unwrap();
        let same = Line::<Classes<256>>::from_values(vec![0.5; 256], (0..=255).collect()).unwrap();
        assert_eq!(data.sha256(), same.sha256());
    }

    #[test]
    fn an_error_names_the_record() {
        fn says<T: Target>(data: Result<Line<T>>, words: &str) {
            assert_eq!(data.unwrap_err().to_string(), words);
        }
        let numbers = [1.0, 2.0, f32::NEG_INFINITY];
        says(
            Line::<Classes<2>>::from_records(numbers, |it| ([it], 0)),
            "data set: expected finite features, found -inf (sample 2)",
        );
        says(
            Line::<Values<1>>::from_records(numbers, |it| ([0.0], [it])),
            "data set: expected finite targets, found -inf (sample 2)",
        );
        says(
            Line::<Classes<2>>::from_records([0, 2], |it| ([0.0], it)),
            "data set: expected a label below 2, found 2 (sample 1)",
        );
        says(
            Line::<Classes<300>>::from_records([0, 256], |it| ([0.0], it)),
            "data set: expected a label below 256, found 256 (sample 1)",
        );
        says(
            Line::<Classes<2>>::from_records([], |it: f32| ([it], 0)),
            "data set: expected one sample or more, found none",
        );
        says(
            Line::<Values<0>>::from_records([0.0], |it| ([it], [])),
            "data set: expected 1 or more features and 1 or more classes or targets per sample, \
             found 1 features and 0 classes or targets",
        );
    }

    #[test]
    fn the_first_error_of_the_records_ends_it() {
        let mut taken = 0;
        let records = [Ok(1.0), Err(mismatch(None, "a", "b")), Ok(2.0)];
        let records = records.into_iter().inspect(|_| taken += 1);
        let data = Line::<Classes<1>>::try_from_records(records, |it| ([it], 0));
        assert!(matches!(data, Err(Error::Data { sample: None, .. })));
        assert_eq!(taken, 2);
    }
}
