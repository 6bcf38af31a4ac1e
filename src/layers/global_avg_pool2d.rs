//! [`GlobalAvgPool2d`].

use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::{Features, Image},
};

/// The mean of each channel: `y[c] = 1 / (H W) sum_{i, j} x[c, i, j]`.
///
/// Input `[B, C, H, W]`, output `[B, C]`; no parameters. It counts as two layers in the numbering of
/// `torch.nn.Sequential`: `AdaptiveAvgPool2d(1), Flatten()`.
///
/// Source: M. Lin, Q. Chen, S. Yan, "Network in network", 2013, <https://arxiv.org/abs/1312.4400>, section 3.2.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Net = (Image<3, 32, 32>, Conv2d<3, 16, 3, 1, 1>, ReLU, GlobalAvgPool2d, Linear<16, 10>);
/// assert_eq!(Net::PARAMS, 16 * (3 * 3 * 3 + 1) + 10 * 17);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalAvgPool2d;

impl<const C: usize, const H: usize, const W: usize> Layer<Image<C, H, W>> for GlobalAvgPool2d {
    type Out = Features<C>;
    const PLAN: Plan = Plan::windowed(Op::AvgPool2d(Window::over_all([C, H, W])))
        .then(Plan::elementwise(Op::Flatten, C));
}
