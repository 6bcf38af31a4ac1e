//! [`GlobalMaxPool2d`].

use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::{Features, Image},
};

/// The maximum of each channel: `y[c] = max_{i, j} x[c, i, j]`; of a [`Sequence`](crate::shape::Sequence), the maximum
/// over time.
///
/// Input `[B, C, H, W]`, output `[B, C]`; no parameters. It counts as two layers in the numbering of
/// `torch.nn.Sequential`: `AdaptiveMaxPool2d(1), Flatten()`, of a sequence `AdaptiveMaxPool1d(1), Flatten()`. The
/// gradient goes to the first of equal maxima, and a NaN counts as larger than any number, as in
/// [`MaxPool2d`](super::MaxPool2d).
///
/// Source: R. Collobert et al., "Natural language processing (almost) from scratch", JMLR 12, 2011, section 3.2.2;
/// `torch.nn.AdaptiveMaxPool2d`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Sequence};
///
/// type Net = (Sequence<3, 32>, Conv1d<3, 16, 5>, ReLU, GlobalMaxPool2d, Linear<16, 10>);
/// assert_eq!(Net::PARAMS, 16 * (3 * 5 + 1) + 10 * 17);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalMaxPool2d;

impl<const C: usize, const H: usize, const W: usize> Layer<Image<C, H, W>> for GlobalMaxPool2d {
    type Out = Features<C>;
    const PLAN: Plan = Plan::windowed(Op::MaxPool2d(Window::over_all([C, H, W])))
        .then(Plan::elementwise(Op::Flatten, C));
}
