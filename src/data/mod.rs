//! Data sets whose shape is part of their type, and their sources.
//!
//! | | |
//! | --- | --- |
//! | [`Dataset<S, T>`](Dataset) | features with labels or target values, validated on construction |
//! | [`Dataset::from_idx`] | any features and labels in the idx format, for example EMNIST |
//! | [`Mnist`] | MNIST, Fashion-MNIST and KMNIST from their four files |
//! | [`Augmented`] | a data set of images with new random distortion in every epoch |
//! | [`Digits`] | synthetic handwritten-like digits from a seed, which need no files |

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
mod multi_label;
mod prefetch;
mod targets;
mod training;

pub use augmented::Augmented;
pub use dataset::{DataFor, Dataset, FeatureValues, Samples};
pub use digits::Digits;
pub use distortion::Distortion;
#[cfg(feature = "download")]
pub use download::Download;
pub use mnist::{Mnist, MnistShape};
pub use targets::Targets;
pub use training::TrainingData;
