//! Explanations: the features that a prediction depends on, and the calibration of its confidence.
//!
//! `IntegratedGradients` (feature `dfdx`) attributes a logit to the features of a sample; `Tape::saliency` is the
//! logit's gradient at the sample, and so is [`Frozen::gradient`](crate::frozen::Frozen::gradient) without `dfdx`. [`Calibration`] compares confidence with accuracy.
//! [`ConfusionMatrix::most_confused`](crate::metrics::ConfusionMatrix::most_confused) lists the most confused pairs of
//! classes. The example `explain` shows them all.

mod calibration;
#[cfg(feature = "dfdx")]
mod integrated;
#[cfg(feature = "dfdx")]
mod path;

pub use calibration::{Bin, Calibration};
#[cfg(feature = "dfdx")]
pub use integrated::{Attributions, IntegratedGradients};
