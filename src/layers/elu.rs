//! [`ELU`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = x` for `x > 0`, else `alpha (exp(x) - 1)`, `alpha = ALPHA_PERCENT / 100`, for each feature.
///
/// Input of any shape, output of the same; no parameters. Gradient: 1 for `x > 0`, else `alpha exp(x)`. `alpha` is 1 by
/// default; `ELU<50>` has 0.5. Percentages above 100 are allowed. As in PyTorch, `exp(x) - 1` is computed without
/// cancellation: near 0, `y` is as accurate as `x`.
/// The error in a frozen model is at most 0.95 ulp, with `alpha` 1 (see [`Frozen`](crate::frozen::Frozen)).
///
/// Source: D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by exponential linear
/// units (ELUs)", ICLR 2016, <https://arxiv.org/abs/1511.07289>; `torch.nn.ELU`.
///
/// ```
/// use tuplenet::prelude::*;
/// use tuplenet::plan::Op;
/// type Net = (Linear<4, 3>, ELU, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op, Op::Elu { alpha_percent: 100 });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ELU<const ALPHA_PERCENT: u32 = 100>;

impl<S: Kept<Self>, const ALPHA_PERCENT: u32> Layer<S> for ELU<ALPHA_PERCENT> {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(
        Op::Elu {
            alpha_percent: ALPHA_PERCENT,
        },
        S::LEN,
    );
}
