//! Data whose shape is a type, and where it comes from.
//!
//! | | |
//! | --- | --- |
//! | [`Dataset<FEATURES, CLASSES>`](Dataset) | features with labels or target values, checked when made |
//! | [`Mnist`] | MNIST, Fashion-MNIST and KMNIST from their four files |
//! | [`Digits`] | handwritten-like digits drawn from a seed, for a start without any file |

mod dataset;
mod digits;
#[cfg(feature = "download")]
mod download;
mod idx;
mod mnist;
mod training;

pub use dataset::{DataFor, Dataset, FeatureValues, Samples, Targets};
pub use digits::{Digits, Distortion};
#[cfg(feature = "download")]
pub use download::Download;
pub use mnist::Mnist;
pub use training::TrainingData;
