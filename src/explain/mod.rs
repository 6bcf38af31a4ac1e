//! What a network has learned: the features that a reading hangs on, and how far its confidence can be
//! trusted.
//!
//! `IntegratedGradients` (feature `dfdx`) shares a logit out among the features of a sample;
//! `Tape::saliency` is its gradient at the sample alone. [`Calibration`] holds
//! confidence against accuracy. The pairs of classes that are confused most are in
//! [`ConfusionMatrix::most_confused`](crate::metrics::ConfusionMatrix::most_confused). The example `explain` shows them all.

mod calibration;
#[cfg(feature = "dfdx")]
mod integrated;
#[cfg(feature = "dfdx")]
mod path;

pub use calibration::{Bin, Calibration};
#[cfg(feature = "dfdx")]
pub use integrated::{Attributions, IntegratedGradients};
