//! The source of the samples of a training, epoch by epoch.

use super::{DataFor, Dataset, Digits, MnistShape};
use crate::{
    error::Result,
    label::{Label, Logits},
    shape::{Features, Shape},
    target::{Classes, MultiLabel, Target, Values},
};

/// The samples of each epoch of a training.
///
/// A [`Dataset`] has the same samples in every epoch. Synthetic [`Digits`] are new in every epoch, so no sample is seen
/// twice; [`Augmented`](super::Augmented) images are distorted anew in every epoch.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit a network that takes `{In}` and gives `{Out}`",
    label = "data of another shape than the network's",
    note = "a `Dataset<S, Classes<C>>` fits a network that takes `S` and gives `Features<C>`, a `Dataset<S, L>` of classes with \
        names one that ends with `Logits<L>`; a `TestSet` or a `ValidationSet` is not trained on"
)]
pub trait TrainingData<In: Shape, Out: Shape> {
    /// What the samples are labelled with.
    type Target: Target;
    /// One epoch's samples.
    type Epoch: DataFor<In, Out, Target = Self::Target>;

    /// The samples of epoch `epoch`, counted from 0.
    ///
    /// # Errors
    /// Those of the source; a [`Dataset`] has none.
    fn epoch(&self, epoch: usize) -> Result<Self::Epoch>;

    /// The samples without distortion, in the same order as in every epoch; `None` if epochs are not distorted.
    ///
    /// A trainer evaluates its held-out samples on these.
    fn undistorted(&self) -> Option<&Self::Epoch> {
        None
    }

    /// A string that identifies these samples in every epoch: a checksum, or the parameters that generate them. A
    /// training resumes from a checkpoint only if it is equal.
    fn fingerprint(&self) -> String;
}

macro_rules! training_data {
    ($($target:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<S: Shape, const O: usize> TrainingData<S, Features<O>> for Dataset<S, $target<O>> {
            type Target = $target<O>;
            type Epoch = Self;

            fn epoch(&self, _: usize) -> Result<Self::Epoch> {
                Ok(self.clone())
            }

            fn fingerprint(&self) -> String {
                self.sha256()
            }
        }
    )*};
}
training_data!(Classes Values MultiLabel);

#[diagnostic::do_not_recommend]
impl<S: Shape, L: Label> TrainingData<S, Logits<L>> for Dataset<S, L> {
    type Target = L;
    type Epoch = Self;

    fn epoch(&self, _: usize) -> Result<Self::Epoch> {
        Ok(self.clone())
    }

    fn fingerprint(&self) -> String {
        self.sha256()
    }
}

/// Synthetic digits, [`Digits::PER_EPOCH`] new ones in every epoch.
#[diagnostic::do_not_recommend]
impl<S: MnistShape> TrainingData<S, Features<10>> for Digits {
    type Target = Classes<10>;
    type Epoch = Dataset<S, Classes<10>>;

    fn epoch(&self, epoch: usize) -> Result<Self::Epoch> {
        let first = epoch as u64 * Digits::PER_EPOCH;
        self.dataset(first..first + Digits::PER_EPOCH)
    }

    fn fingerprint(&self) -> String {
        format!("built-in digits, {self:?}")
    }
}

impl Digits {
    /// The number of samples in an epoch, as in MNIST's training set.
    pub const PER_EPOCH: u64 = 60_000;

    /// The samples `range` of the stream as a data set of vectors ([`Features<784>`](Features)) or of images
    /// ([`Image<1, 28, 28>`](crate::shape::Image)), whichever its network takes.
    ///
    /// ```
    /// use tuplenet::{models::LeNet, prelude::*, shape::Features};
    ///
    /// let digits = Digits::new(1).dataset(0..100)?; // images, as the network takes images
    /// let net = Fused::<LeNet>::new(Weights::init(1))?;
    /// assert!(net.evaluate(&digits)?.accuracy() < 0.5);
    ///
    /// let vectors = Digits::new(1).dataset::<Features<784>>(0..100)?;
    /// assert_eq!(vectors.sample(7).unwrap(), *digits.sample(7).unwrap().as_flattened().as_flattened());
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) when the range is empty.
    pub fn dataset<S: MnistShape>(
        &self,
        range: std::ops::Range<u64>,
    ) -> Result<Dataset<S, Classes<10>>> {
        let (pixels, labels) = self.images(range);
        Dataset::from_bytes(pixels, 1.0 / 255.0, labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Image;

    #[test]
    fn every_epoch_continues_where_the_last_one_ended() {
        let digits = Digits::new(4);
        let second: Dataset<Features<784>, Classes<10>> = digits.epoch(1).unwrap();
        assert_eq!(second.len(), 60_000);
        for (place, index) in [(0, 60_000), (59_999, 119_999)] {
            let (pixels, label) = digits.image(index);
            let values = pixels.map(|pixel| f32::from(pixel) * (1.0 / 255.0));
            assert_eq!(second.sample(place), Some(values));
            assert_eq!(second.label(place), Some(label.into()));
        }
    }

    #[test]
    fn a_range_of_digits_has_their_pixels_from_0_to_1() {
        let digits = Digits::new(4);
        let data = digits.dataset::<Features<784>>(5..7).unwrap();
        for place in 0..2 {
            let (pixels, label) = digits.image(5 + place as u64);
            let values = pixels.map(|pixel| f32::from(pixel) * (1.0 / 255.0));
            assert_eq!(data.sample(place), Some(values));
            assert_eq!(data.label(place), Some(label.into()));
        }
    }

    #[test]
    fn images_have_the_rows_of_the_digits() {
        let digits = Digits::new(4);
        let epoch: Dataset<Image<1, 28, 28>, Classes<10>> = digits.epoch(0).unwrap();
        for data in [epoch, digits.dataset(0..3).unwrap()] {
            let [rows] = data.sample(2).unwrap();
            let (pixels, label) = digits.image(2);
            for (row, pixels) in rows.iter().zip(pixels.as_chunks::<28>().0) {
                assert_eq!(*row, pixels.map(|pixel| f32::from(pixel) * (1.0 / 255.0)));
            }
            assert_eq!(data.label(2), Some(label.into()));
        }
    }

    #[test]
    fn what_determines_the_samples_is_in_the_fingerprint() {
        let digits = Digits::new(4);
        let data = digits.dataset::<Features<784>>(0..2).unwrap();
        let fingerprint = TrainingData::<Features<784>, Features<10>>::fingerprint;
        assert!(fingerprint(&data).contains(&data.sha256()));
        assert_ne!(
            fingerprint(&data),
            fingerprint(&digits.dataset(1..3).unwrap())
        );
        let of = TrainingData::<Features<784>, Features<10>>::fingerprint;
        assert_ne!(of(&digits), of(&Digits::new(5)));
    }
}
