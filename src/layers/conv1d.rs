//! [`Conv1d`].

use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::Image,
    sizes::{Along, Covers, Kernel, Moves, Sides},
};

/// Convolution of a sequence of `I` channels with `O` kernels of `K` positions, a stride of `S` and `P` zeros at each
/// end: `y[o, i] = b[o] + sum_{c, k} W[o, c, k] x[c, S i + k - P]`.
///
/// Input a [`Sequence<I, L>`](crate::shape::Sequence), `[B, I, 1, L]`, output `[B, O, 1, (L + 2 P - K) / S + 1]`,
/// rounded down. Parameters, in the plan's order: `weight` `[O, I / G, K]` row-major, `bias` `[O]`, as in
/// `torch.nn.Conv1d`, and initialised like those. `G` groups, supported kernels and strides, and errors are those of
/// [`Conv2d`](super::Conv2d).
///
/// Source: `torch.nn.Conv1d`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Sequence};
///
/// /// Which of 6 activities: 128 readings of 3 accelerometers.
/// type Net = (Sequence<3, 128>, Conv1d<3, 16, 5, 2, 2>, ReLU, MaxPool1d<2>, Conv1d<16, 32, 3>, ReLU, GlobalMaxPool2d, Linear<32, 6>);
/// assert_eq!(Net::PARAMS, 16 * (3 * 5 + 1) + 32 * (16 * 3 + 1) + 6 * 33);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Conv1d<
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize = 1,
    const P: usize = 0,
    const G: usize = 1,
>;

impl<
    const I: usize,
    const L: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
    const G: usize,
> Layer<Image<I, 1, L>> for Conv1d<I, O, K, S, P, G>
where
    Image<I, 1, L>: Sides<Self>,
    Kernel<K, S, P>: Moves<Self>,
    Along<Self, Image<I, 1, L>, Kernel<K, S, P>>: Covers<Self, Image<I, 1, L>>,
{
    type Out =
        <Along<Self, Image<I, 1, L>, Kernel<K, S, P>> as Covers<Self, Image<I, 1, L>>>::Image<O>;
    const PLAN: Plan = Plan::windowed(Op::Conv2d(
        Window::over_sequence([I, L], O, K, S, P).grouped(G),
    ));
}
