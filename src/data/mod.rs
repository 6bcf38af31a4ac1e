//! Data whose shape is a type, and where it comes from.
//!
//! | | |
//! | --- | --- |
//! | [`Dataset<FEATURES, CLASSES>`](Dataset) | features with labels or target values, checked when made |
//! | [`Dataset::from_idx`] | any features and labels in the format idx: EMNIST, and what a user writes |
//! | [`Mnist`] | MNIST, Fashion-MNIST and KMNIST from their four files |
//! | [`Augmented`] | a data set of images, distorted afresh for every epoch |
//! | [`Digits`] | handwritten-like digits drawn from a seed, for a start without any file |

mod augmented;
mod dataset;
mod digits;
mod distortion;
#[cfg(feature = "download")]
mod download;
mod idx;
mod idx_dataset;
mod io_error;
mod mnist;
mod prefetch;
mod training;

pub use augmented::Augmented;
pub use dataset::{DataFor, Dataset, FeatureValues, Samples, Targets};
pub use digits::Digits;
pub use distortion::Distortion;
#[cfg(feature = "download")]
pub use download::Download;
pub use mnist::Mnist;
pub use training::TrainingData;
