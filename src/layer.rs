//! What a layer is: a type that maps one shape to another, with a plan.

use crate::{plan::Plan, shape::Shape};

/// A layer that follows `In`, gives [`Out`](Layer::Out) and computes [`PLAN`](Layer::PLAN).
///
/// Layers are names: they have no values and no fields. Their numbers live in
/// `Weights`.
///
/// A layer of your own is composed of existing ones:
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
    /// The steps it computes, which take `In` and give [`Out`](Layer::Out); that they do is asserted by
    /// [`Network::PLAN`](crate::Network::PLAN).
    const PLAN: Plan;
}

/// A layer that fixes its input width, and so can come first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fix its input width, so it cannot come first in a network",
    label = "the first layer of a network needs a width",
    note = "begin with a layer that has one, such as `Linear<784, 128>`, or put `Input<784>` before it"
)]
pub trait First {
    /// The input shape.
    type In: Shape;
}
