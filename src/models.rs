//! Ready-made network types; each is a type alias.

use crate::layers::{Linear, ReLU};

/// A multilayer perceptron with one hidden layer: `I -> H -> ReLU -> C`.
///
/// ```
/// use tuplenet::{models::Mlp, prelude::*};
/// assert_eq!(Mlp::<784, 500, 10>::PARAMS, 397_510);
/// ```
pub type Mlp<const I: usize, const H: usize, const C: usize> = (Linear<I, H>, ReLU, Linear<H, C>);

/// Handwritten digits of 28 x 28 pixels: `784 -> H -> ReLU -> 10`.
pub type MnistClassifier<const H: usize> = Mlp<784, H, 10>;
