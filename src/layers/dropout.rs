//! [`Dropout`] and [`Dropout2d`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::{Image, Kept, Shape},
};

/// In training, sets each feature to zero with probability `p = PERCENT / 100` and multiplies the
/// others by `1 / (1 - p)`; otherwise does nothing.
///
/// Input of any shape, output of the same; no parameters. The run's seed, the step, the layer and the sample's index in the
/// batch determine which features are dropped, so a repeated run drops the same ones; `seed::dropout_row` defines the
/// masks. `PERCENT` is below 100: `Dropout<100>` does not compile as a layer. Code that is generic over `PERCENT`
/// needs the bound `Dropout<PERCENT>: DropoutRate`; see [`DropoutRate`].
///
/// Source: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
/// overfitting", JMLR 15, 2014; `torch.nn.Dropout`.
///
/// ```
/// use tuplenet::prelude::*;
/// use tuplenet::plan::Op;
/// type Net = (Linear<4, 3>, ReLU, Dropout<20>, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[2].op, Op::Dropout { percent: 20 });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Dropout<const PERCENT: u32>;

impl<S: Kept<Self>, const PERCENT: u32> Layer<S> for Dropout<PERCENT>
where
    Self: DropoutRate,
{
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::Dropout { percent: PERCENT }, S::LEN);
}

/// In training, sets each channel of an image to zero with probability `p = PERCENT / 100` and multiplies the others by
/// `1 / (1 - p)`; otherwise does nothing.
///
/// Input `[B, C, H, W]`, output `[B, C, H, W]`; no parameters. Neighbouring pixels are alike, so that [`Dropout`] of single
/// ones takes little information away. A channel of a sample is dropped as a whole: the run's seed, the step, the layer, the
/// sample's index in the batch and the channel determine which; `seed::dropout2d_row` defines the masks. `PERCENT` is below
/// 100, as for [`Dropout`]; code that is generic over it needs the bound `Dropout2d<PERCENT>: Dropout2dRate`.
///
/// Source: J. Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015,
/// <https://arxiv.org/abs/1411.4280>; `torch.nn.Dropout2d`.
///
/// ```
/// use tuplenet::{plan::Op, prelude::*, shape::Image};
///
/// type Net = (Image<1, 12, 12>, Conv2d<1, 8, 3>, ReLU, Dropout2d<20>, Flatten, LazyLinear<10>);
/// assert_eq!(Net::PLAN.steps()[2].op, Op::Dropout2d { percent: 20, channels: 8 });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Dropout2d<const PERCENT: u32>;

impl<S: Channels<Self>, const PERCENT: u32> Layer<S> for Dropout2d<PERCENT>
where
    Self: Dropout2dRate,
{
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(
        Op::Dropout2d {
            percent: PERCENT,
            channels: S::CHANNELS,
        },
        S::LEN,
    );
}

/// A percentage below 100: implemented only by `Dropout<0>` to `Dropout<99>`.
///
/// `cargo check` tests a bound, but not an assertion about `PERCENT`. A custom layer that is generic over the rate
/// needs this bound:
///
/// ```
/// use tuplenet::{prelude::*, layer::Layer, layers::DropoutRate, shape::Features};
///
/// /// ReLU, then dropout.
/// struct Dropped<const PERCENT: u32>;
/// type Inside<const PERCENT: u32> = (ReLU, Dropout<PERCENT>);
///
/// impl<const N: usize, const PERCENT: u32> Layer<Features<N>> for Dropped<PERCENT>
/// where
///     Dropout<PERCENT>: DropoutRate,
/// {
///     type Out = Features<N>;
///     const PLAN: Plan = <Inside<PERCENT> as Layer<Features<N>>>::PLAN;
/// }
///
/// type Net = (Linear<4, 3>, Dropped<20>, Linear<3, 2>);
/// assert_eq!(<Net as Network>::PLAN.steps().len(), 4);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` drops every feature: a percentage below 100 is expected",
    label = "the percentage of this `Dropout` is 100 or more",
    note = "take one of `Dropout<0>` to `Dropout<99>`; generic code says `where {Self}: DropoutRate`"
)]
pub trait DropoutRate: sealed::Sealed {}

/// A percentage below 100: implemented only by `Dropout2d<0>` to `Dropout2d<99>`. As [`DropoutRate`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` drops every channel: a percentage below 100 is expected",
    label = "the percentage of this `Dropout2d` is 100 or more",
    note = "take one of `Dropout2d<0>` to `Dropout2d<99>`; generic code says `where {Self}: Dropout2dRate`"
)]
pub trait Dropout2dRate: sealed::Sealed {}

/// A shape with channels, which the layer `L` drops: that of images.
///
/// Not meant for users: it exists for its error message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{L}` drops channels of images, and cannot follow a layer that gives `{Self}`",
    label = "this layer gives no image",
    note = "take `Dropout`, which drops each feature by itself, or put `Dropout2d` before `Flatten`"
)]
pub trait Channels<L>: Shape {
    /// The shape itself.
    type Same: Shape;
    /// The number of channels.
    const CHANNELS: usize;
}

#[diagnostic::do_not_recommend]
impl<L, const C: usize, const H: usize, const W: usize> Channels<L> for Image<C, H, W> {
    type Same = Self;
    const CHANNELS: usize = C;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! rates {
    ($($percent:literal)*) => {$(
        impl sealed::Sealed for Dropout<$percent> {}
        #[diagnostic::do_not_recommend]
        impl DropoutRate for Dropout<$percent> {}
        impl sealed::Sealed for Dropout2d<$percent> {}
        #[diagnostic::do_not_recommend]
        impl Dropout2dRate for Dropout2d<$percent> {}
    )*};
}
rates! {
    0 1 2 3 4 5 6 7 8 9
    10 11 12 13 14 15 16 17 18 19
    20 21 22 23 24 25 26 27 28 29
    30 31 32 33 34 35 36 37 38 39
    40 41 42 43 44 45 46 47 48 49
    50 51 52 53 54 55 56 57 58 59
    60 61 62 63 64 65 66 67 68 69
    70 71 72 73 74 75 76 77 78 79
    80 81 82 83 84 85 86 87 88 89
    90 91 92 93 94 95 96 97 98 99
}
