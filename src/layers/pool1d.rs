//! [`MaxPool1d`] and [`AvgPool1d`].

use super::Floor;
use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::Image,
    sizes::{Along, Covers, Kernel, Moves, Pooling, Sides, Tiles},
};

/// The maximum of each window of `K` positions of a sequence, with a stride of `S` (by default `K`) and a padding of
/// `P` at each end: `y[c, i] = max_k x[c, S i + k - P]`, over the positions within the sequence.
///
/// Input a [`Sequence<C, L>`](crate::shape::Sequence), `[B, C, 1, L]`, output `[B, C, 1, (L + 2 P - K) / S + 1]`; no
/// parameters. Windows, equal maxima and NaN are as in [`MaxPool2d`](super::MaxPool2d). The maximum of all positions is
/// [`GlobalMaxPool2d`](super::GlobalMaxPool2d).
///
/// Source: `torch.nn.MaxPool1d`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Sequence};
///
/// type Net = (Sequence<1, 64>, MaxPool1d<4>, Flatten, LazyLinear<10>);
/// assert_eq!(Net::PARAMS, 10 * (16 + 1));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MaxPool1d<const K: usize, const S: usize = K, const P: usize = 0>;

/// The mean of each window of `K` positions of a sequence, with a stride of `S` (by default `K`) and a padding of `P`
/// at each end: `y[c, i] = 1 / K sum_k x[c, S i + k - P]`, where positions outside of the sequence count as zeros.
///
/// Input a [`Sequence<C, L>`](crate::shape::Sequence), `[B, C, 1, L]`, output `[B, C, 1, (L + 2 P - K) / S + 1]`; no
/// parameters. Windows are as in [`AvgPool2d`](super::AvgPool2d). The mean of all positions is
/// [`GlobalAvgPool2d`](super::GlobalAvgPool2d).
///
/// Source: `torch.nn.AvgPool1d`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Sequence};
///
/// type Net = (Sequence<1, 63>, Floor<AvgPool1d<2>>, Flatten, LazyLinear<10>);
/// assert_eq!(Net::PARAMS, 10 * (31 + 1));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AvgPool1d<const K: usize, const S: usize = K, const P: usize = 0>;

macro_rules! pool1d {
    ($($layer:ident: $op:ident;)*) => {$(
        impl<const C: usize, const L: usize, const K: usize, const S: usize, const P: usize>
            Layer<Image<C, 1, L>> for $layer<K, S, P>
        where
            Image<C, 1, L>: Sides<Self>,
            Pooling<K, S, P>: Moves<Self>,
            Along<Self, Image<C, 1, L>, Pooling<K, S, P>>: Tiles<Self, Image<C, 1, L>>,
        {
            type Out = <Along<Self, Image<C, 1, L>, Pooling<K, S, P>> as Tiles<
                Self,
                Image<C, 1, L>,
            >>::Image<C>;
            const PLAN: Plan = Plan::windowed(Op::$op(Window::over_sequence([C, L], C, K, S, P)));
        }

        impl<const C: usize, const L: usize, const K: usize, const S: usize, const P: usize>
            Layer<Image<C, 1, L>> for Floor<$layer<K, S, P>>
        where
            Image<C, 1, L>: Sides<Self>,
            Kernel<K, S, P>: Moves<Self>,
            Along<Self, Image<C, 1, L>, Kernel<K, S, P>>: Covers<Self, Image<C, 1, L>>,
        {
            type Out = <Along<Self, Image<C, 1, L>, Kernel<K, S, P>> as Covers<
                Self,
                Image<C, 1, L>,
            >>::Image<C>;
            const PLAN: Plan = Plan::windowed(Op::$op(Window::over_sequence([C, L], C, K, S, P)));
        }
    )*};
}
pool1d! {
    MaxPool1d: MaxPool2d;
    AvgPool1d: AvgPool2d;
}
