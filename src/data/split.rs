//! Parts of a data set as types of their own: what is trained on is not evaluated on by accident.

use std::sync::Arc;

use super::{
    DataFor, Dataset, Samples, Stratified, TrainingData, check::mismatch, stratified::parts,
};
use crate::{
    error::{Error, Result},
    shape::Shape,
    target::Target,
};

/// Samples to train on; see [`Dataset::split`].
///
/// [`Trainer::fit`](crate::train::Trainer::fit) takes it, and
/// [`Engine::evaluate`](crate::engine::Engine::evaluate) does not:
///
/// ```compile_fail,E0277
/// use tuplenet::{data::TrainingSet, prelude::*, shape::Features, target::Classes};
///
/// type Net = (Linear<4, 3>,);
/// fn accuracy(net: &Fused<Net>, train: &TrainingSet<Features<4>, Classes<3>>) -> tuplenet::Result<f64> {
///     Ok(net.evaluate(train)?.accuracy()) // the accuracy on these is `net.evaluate(train.dataset())`
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TrainingSet<S: Shape, T: Target>(Dataset<S, T>);

/// Samples to choose settings and the best epoch with; see [`Dataset::split`].
///
/// [`Trainer::fit_with_validation`](crate::train::Trainer::fit_with_validation) and
/// [`Engine::evaluate`](crate::engine::Engine::evaluate) take it.
#[derive(Clone, Debug)]
pub struct ValidationSet<S: Shape, T: Target>(Dataset<S, T>);

/// Samples for the result at the end; see [`Dataset::split`].
///
/// [`Engine::evaluate`](crate::engine::Engine::evaluate) takes it; neither training nor validation does:
///
/// ```compile_fail,E0277
/// use tuplenet::{data::TestSet, prelude::*, shape::Features, target::Classes, train::History};
///
/// type Net = (Linear<4, 3>,);
/// fn train(net: &mut Fused<Net>, test: &TestSet<Features<4>, Classes<3>>) -> tuplenet::Result<History> {
///     Trainer::new(Adam::default()).fit(net, test) // a test set is not trained on
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TestSet<S: Shape, T: Target>(Dataset<S, T>);

/// The parts of a data set.
#[derive(Clone, Debug)]
pub struct Split<S: Shape, T: Target> {
    /// The samples to train on.
    pub train: TrainingSet<S, T>,
    /// The samples to choose settings and the best epoch with.
    pub validation: ValidationSet<S, T>,
    /// The samples for the result at the end.
    pub test: TestSet<S, T>,
}

impl<S: Shape, T: Target> Dataset<S, T> {
    /// Divides the samples in three, determined by `seed`: these fractions of them (rounded) for validation and for the test,
    /// the others for training. Labels are stratified: each part has its share of each class, to within one sample.
    ///
    /// Source: `sklearn.model_selection.train_test_split(stratify=y)`.
    ///
    /// ```
    /// use tuplenet::{data::Split, prelude::*, shape::Features, target::Classes};
    ///
    /// type Net = (Standardize<1>, Linear<1, 8>, Tanh, Linear<8, 2>);
    /// let values = (0..200).map(|i| i as f32).collect();
    /// let labels = (0..200).map(|i| u8::from(i >= 100)).collect();
    /// let data = Dataset::<Features<1>, Classes<2>>::from_values(values, labels)?;
    ///
    /// let Split { train, validation, test } = data.split([0.1, 0.2], 1)?;
    /// assert_eq!([train.dataset().len(), validation.dataset().len(), test.dataset().len()], [140, 20, 40]);
    /// let mut net = Fused::<Net>::new(Weights::init(1))?;
    /// let adam = Adam { learning_rate: 0.05, ..Adam::default() };
    /// Trainer::new(adam).epochs(30).batch(20).fit_with_validation(&mut net, &train, &validation)?;
    /// assert!(net.evaluate(&test)?.accuracy() > 0.9);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] when a part would have no sample, or a fraction is not between 0 and 1; [`Error::Data`] for samples in
    /// a mapped file, as each part is a copy.
    pub fn split(&self, [validation, test]: [f64; 2], seed: u64) -> Result<Split<S, T>> {
        let (rest, test) = self.train_test_split(test, seed)?;
        // of the samples that are left, as many as are that fraction of all
        let validation = count(validation, self.len(), rest.dataset().len())?;
        let (train, validation) = rest.dataset().hold_out(validation, seed)?;
        Ok(Split {
            train: TrainingSet(train),
            validation: ValidationSet(validation),
            test,
        })
    }

    /// Divides the samples in two, as [`Dataset::split`] does: this fraction for the test, the others for training.
    ///
    /// # Errors
    /// As [`Dataset::split`].
    pub fn train_test_split(
        &self,
        test: f64,
        seed: u64,
    ) -> Result<(TrainingSet<S, T>, TestSet<S, T>)> {
        let test = count(test, self.len(), self.len())?;
        let (train, test) = self.hold_out(test, seed)?;
        Ok((TrainingSet(train), TestSet(test)))
    }

    /// The `k` divisions of cross-validation: in each, one of `k` parts of the samples is the test set. The parts are determined
    /// by `seed`, and stratified: their sizes, of each class and of all, differ by at most one.
    ///
    /// Source: `sklearn.model_selection.StratifiedKFold(shuffle=True)`.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Values};
    ///
    /// let line = (0..10).map(|i| i as f32).collect::<Vec<_>>();
    /// let data = Dataset::<Features<1>, Values<1>>::regression(line.clone(), line)?;
    /// let mut errors = Vec::new();
    /// for (train, test) in data.folds(5, 1)? {
    ///     let mut net = Fused::<(Standardize<1>, Linear<1, 1>)>::new(Weights::init(1))?;
    ///     let sgd = Sgd { learning_rate: 0.1, ..Sgd::default() };
    ///     Trainer::new(sgd).epochs(100).batch(8).loss(MeanSquaredError).fit(&mut net, &train)?;
    ///     for at in 0..test.dataset().len() {
    ///         let x = test.dataset().sample(at).unwrap();
    ///         errors.push((net.predict(&x)?[0] - x[0]).abs());
    ///     }
    /// }
    /// assert!(errors.len() == 10 && errors.iter().all(|&error| error < 1e-3));
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] when `k` is below 2, or above the number of samples; [`Error::Data`] as [`Dataset::split`].
    pub fn folds(
        &self,
        k: usize,
        seed: u64,
    ) -> Result<impl ExactSizeIterator<Item = (TrainingSet<S, T>, TestSet<S, T>)> + use<S, T>> {
        if k < 2 || k > self.len() {
            return Err(Error::Setting {
                setting: "folds",
                expected: format!("2 to {}, the number of samples", self.len()),
                found: k.to_string(),
            });
        }
        self.check_is_in_memory()?;
        let (data, parts) = (self.clone(), parts(&self.samples, k, seed));
        Ok((0..k).map(move |fold| {
            let all = 0..data.len() as u32;
            let (test, train): (Vec<u32>, Vec<u32>) =
                all.partition(|&sample| parts[sample as usize] == fold);
            (
                TrainingSet(data.subset(&train)),
                TestSet(data.subset(&test)),
            )
        }))
    }

    /// The samples to train on, and `count` that are held out.
    fn hold_out(&self, count: usize, seed: u64) -> Result<(Self, Self)> {
        self.check_is_in_memory()?;
        let Stratified { train, held_out } = Stratified::new(&self.samples, count, seed)?;
        Ok((self.subset(&train), self.subset(&held_out)))
    }

    /// # Errors
    /// [`Error::Data`] for samples in a file, which a division would copy to memory.
    fn check_is_in_memory(&self) -> Result<()> {
        if self.features().is_mapped() {
            let expected = "samples in memory, as the parts are copies";
            let found = "a mapped file; hold samples out with `Trainer::validation`, or write a file for each part";
            return Err(mismatch(None, expected, found));
        }
        Ok(())
    }
}

/// A fraction of `of` samples, of which a sample or more, and not all of `available`.
fn count(fraction: f64, of: usize, available: usize) -> Result<usize> {
    let count = (fraction * of as f64).round();
    if !(fraction > 0.0 && count >= 1.0 && count < available as f64) {
        return Err(Error::Setting {
            setting: "fraction of samples",
            expected: format!(
                "between 0 and 1, for 1 to {} samples",
                available.saturating_sub(1)
            ),
            found: fraction.to_string(),
        });
    }
    Ok(count as usize)
}

macro_rules! parts {
    ($($part:ident)*) => { $(
        impl<S: Shape, T: Target> $part<S, T> {
            /// The samples, for any use.
            pub fn dataset(&self) -> &Dataset<S, T> {
                &self.0
            }
        }

        /// Samples that have been divided elsewhere.
        impl<S: Shape, T: Target> From<Dataset<S, T>> for $part<S, T> {
            fn from(data: Dataset<S, T>) -> Self {
                $part(data)
            }
        }
    )* };
}
parts!(TrainingSet ValidationSet TestSet);

#[diagnostic::do_not_recommend]
impl<In: Shape, Out: Shape, S: Shape, T: Target> TrainingData<In, Out> for TrainingSet<S, T>
where
    Dataset<S, T>: TrainingData<In, Out>,
{
    type Target = <Dataset<S, T> as TrainingData<In, Out>>::Target;
    type Epoch = <Dataset<S, T> as TrainingData<In, Out>>::Epoch;

    fn epoch(&self, epoch: usize) -> Result<Self::Epoch> {
        self.0.epoch(epoch)
    }

    fn fingerprint(&self) -> String {
        self.0.fingerprint()
    }
}

macro_rules! data_for {
    ($($part:ident)*) => { $(
        #[diagnostic::do_not_recommend]
        impl<In: Shape, Out: Shape, S: Shape, T: Target> DataFor<In, Out> for $part<S, T>
        where
            Dataset<S, T>: DataFor<In, Out>,
        {
            type Target = <Dataset<S, T> as DataFor<In, Out>>::Target;

            fn samples(&self) -> &Arc<Samples> {
                self.0.samples()
            }

            fn sha256(&self) -> String {
                self.0.sha256()
            }
        }
    )* };
}
data_for!(ValidationSet TestSet);

/// Samples on which a training may be validated: a [`Dataset`] or a [`ValidationSet`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not for validation",
    label = "samples that are for another use",
    note = "give a `ValidationSet` or a `Dataset`: a `TestSet` is for the result at the end, and a `TrainingSet` is trained on"
)]
pub trait ValidationData {}

#[diagnostic::do_not_recommend]
impl<S: Shape, T: Target> ValidationData for Dataset<S, T> {}
#[diagnostic::do_not_recommend]
impl<S: Shape, T: Target> ValidationData for ValidationSet<S, T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{prelude::*, shape::Features, target::Classes};

    /// Sample `i` has the value `i`, and 10 samples in each class.
    fn data(samples: usize) -> Dataset<Features<1>, Classes<5>> {
        let values = (0..samples).map(|i| i as f32).collect();
        Dataset::from_values(values, (0..samples).map(|i| (i % 5) as u8).collect()).unwrap()
    }

    fn numbers(data: &Dataset<Features<1>, Classes<5>>) -> Vec<usize> {
        let samples = (0..data.len()).map(|at| data.sample(at).unwrap()[0] as usize);
        samples.collect()
    }

    #[test]
    fn each_sample_is_in_one_part_with_its_label() {
        let data = data(50);
        let Split {
            train,
            validation,
            test,
        } = data.split([0.2, 0.3], 4).unwrap();
        let parts = [train.dataset(), validation.dataset(), test.dataset()];
        assert_eq!(parts.map(Dataset::len), [25, 10, 15]);
        let mut all = parts.map(numbers).concat();
        all.sort();
        assert!(all.into_iter().eq(0..50));
        for (part, of_each_class) in parts.into_iter().zip([5, 2, 3]) {
            for class in 0..5 {
                let labels = (0..part.len()).map(|at| part.label(at).unwrap());
                assert_eq!(
                    labels.filter(|&label| label == class).count(),
                    of_each_class
                );
            }
            for (at, number) in numbers(part).into_iter().enumerate() {
                assert_eq!(part.label(at), Some(number % 5));
            }
        }
        let again = data.split([0.2, 0.3], 4).unwrap();
        assert_eq!(numbers(again.train.dataset()), numbers(train.dataset()));
        let other = data.split([0.2, 0.3], 5).unwrap();
        assert_ne!(numbers(other.train.dataset()), numbers(train.dataset()));
    }

    #[test]
    fn each_sample_is_in_the_test_set_of_one_fold() {
        let data = data(23);
        let folds: Vec<_> = data.folds(4, 1).unwrap().collect();
        assert_eq!(folds.len(), 4);
        let mut tested = Vec::new();
        for (train, test) in &folds {
            let mut all = [numbers(train.dataset()), numbers(test.dataset())].concat();
            all.sort();
            assert!(all.into_iter().eq(0..23));
            tested.extend(numbers(test.dataset()));
        }
        tested.sort();
        assert!(tested.into_iter().eq(0..23));
    }

    #[test]
    fn parts_without_samples_are_refused() {
        let data = data(10);
        for fraction in [0.0, -0.5, 0.04, 0.96, 1.0, 1.5, f64::NAN, f64::INFINITY] {
            let error = data.train_test_split(fraction, 1).unwrap_err().to_string();
            let expected =
                "fraction of samples: expected between 0 and 1, for 1 to 9 samples, found ";
            assert_eq!(error, format!("{expected}{fraction}"));
        }
        assert!(data.split([0.5, 0.5], 1).is_err());
        for k in [0, 1, 11] {
            let error = data.folds(k, 1).err().unwrap().to_string();
            assert_eq!(
                error,
                format!("folds: expected 2 to 10, the number of samples, found {k}")
            );
        }
    }
}
