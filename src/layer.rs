//! The [`Layer`] trait: a type that maps an input shape to an output shape, with a plan.

use crate::{plan::Plan, shape::Shape};

/// A layer with input shape `In` and output shape [`Out`](Layer::Out), computed by [`PLAN`](Layer::PLAN).
///
/// Layers are types only: they have no values and no fields. Their parameters are in `Weights`.
///
/// A custom layer is composed of existing ones:
///
/// ```
/// use tuplenet::{prelude::*, layer::{First, Layer}, shape::Features};
///
/// /// A bottleneck: narrows to `M`, widens back to `N`.
/// struct Bottleneck<const N: usize, const M: usize>;
/// type Inside<const N: usize, const M: usize> = (Linear<N, M>, Tanh, Linear<M, N>);
///
/// impl<const N: usize, const M: usize> Layer<Features<N>> for Bottleneck<N, M> {
///     type Out = Features<N>;
///     const PLAN: Plan = <Inside<N, M> as Layer<Features<N>>>::PLAN;
/// }
/// // It fixes its input width, so it may come first.
/// impl<const N: usize, const M: usize> First for Bottleneck<N, M> {
///     type In = Features<N>;
/// }
///
/// type Net = (Bottleneck<64, 8>, ReLU, Linear<64, 10>);
/// assert_eq!(Net::PARAMS, (64 * 8 + 8) + (8 * 64 + 64) + (64 * 10 + 10));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot follow a layer that gives `{In}`",
    label = "the layers of this network do not fit together",
    note = "each layer takes exactly what the layer before it gives: change one of the two widths",
    note = "a type that is not a layer can stand nowhere in a network: take one of `tuplenet::layers`"
)]
pub trait Layer<In> {
    /// The output shape.
    type Out;
    /// The steps that compute [`Out`](Layer::Out) from `In`; [`Network::PLAN`](crate::Network::PLAN) asserts these
    /// widths.
    const PLAN: Plan;
}

/// A layer that fixes its input width, so it can be the first of a network.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fix its input width, so it cannot come first in a network",
    label = "the first layer of a network needs a width",
    note = "begin with a layer that has one, such as `Linear<784, 128>`, or put `Input<784>` or `Image<1, 28, 28>` before it"
)]
pub trait First {
    /// The input shape.
    type In: Shape;
}
