//! Data sets whose shape is part of their type, and their sources.
//!
//! | | |
//! | --- | --- |
//! | [`Dataset<S, T>`](Dataset) | features with labels or target values, validated on construction |
//! | [`Dataset::from_records`] | records of the program's own, from any iterator |
//! | [`Dataset::from_csr`] | compressed sparse rows, such as word counts |
//! | [`Dataset::split`], [`Dataset::folds`] | its parts, as types: [`TrainingSet`], [`ValidationSet`], [`TestSet`] |
#![cfg_attr(
    feature = "csv",
    doc = " | [`Csv`] | the records of a table, a file of comma-separated values |"
)]
//! | [`Dataset::from_idx`] | any features and labels in the idx format, for example EMNIST |
#![cfg_attr(
    feature = "mmap",
    doc = " | [`Dataset::map_safetensors`](Dataset#method.map_safetensors), [`Dataset::map_idx`] | files that may be larger than memory |"
)]
//! | [`Mnist`] | MNIST, Fashion-MNIST and KMNIST from their four files |
//! | [`Augmented`] | a data set of images with new random distortion in every epoch |
//! | [`Digits`] | synthetic handwritten-like digits from a seed, which need no files |

mod augmented;
mod check;
#[cfg(feature = "csv")]
mod csv;
mod data_for;
mod dataset;
mod digits;
mod distortion;
#[cfg(feature = "download")]
mod download;
mod features;
mod idx;
mod idx_dataset;
mod io_error;
#[cfg(feature = "mmap")]
mod map_idx;
#[cfg(feature = "mmap")]
mod map_safetensors;
#[cfg(feature = "mmap")]
mod mapped;
mod mnist;
mod multi_label;
mod prefetch;
mod records;
mod source;
mod sparse;
mod split;
mod storage;
mod stratified;
mod targets;
mod training;
#[cfg(feature = "mmap")]
mod write_safetensors;

pub use augmented::Augmented;
pub(crate) use check::check_tokens;
#[cfg(feature = "csv")]
pub use csv::{Csv, Missing, Numbers, Records};
pub use data_for::DataFor;
pub use dataset::{Dataset, Samples};
pub use digits::Digits;
pub use distortion::Distortion;
#[cfg(feature = "download")]
pub use download::Download;
pub use features::FeatureValues;
pub use mnist::{Mnist, MnistShape};
pub use split::{Split, TestSet, TrainingSet, ValidationData, ValidationSet};
pub use storage::Storage;
pub(crate) use stratified::Stratified;
pub use targets::Targets;
pub use training::TrainingData;
