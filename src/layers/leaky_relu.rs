//! [`LeakyReLU`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = x` for `x > 0`, else `x * PERCENT / 100`, for each feature.
///
/// Input of any shape, output of the same; no parameters. The slope is 0.01 by default; `LeakyReLU<20>` has slope 0.2.
/// Percentages above 100 are allowed.
/// The error in a frozen model is at most 0.5 ulp (see [`Frozen`](crate::frozen::Frozen)).
///
/// Source: A. Maas, A. Hannun, A. Ng, "Rectifier nonlinearities improve neural network acoustic
/// models", ICML 2013; `torch.nn.LeakyReLU`.
///
/// ```
/// use tuplenet::prelude::*;
/// use tuplenet::plan::Op;
/// type Net = (Linear<4, 3>, LeakyReLU, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op, Op::LeakyRelu { slope_percent: 1 });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LeakyReLU<const PERCENT: u32 = 1>;

impl<S: Kept<Self>, const PERCENT: u32> Layer<S> for LeakyReLU<PERCENT> {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(
        Op::LeakyRelu {
            slope_percent: PERCENT,
        },
        S::LEN,
    );
}
