//! [`Dropout`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Features,
};

/// In training, sets each feature to zero with probability `p = PERCENT / 100` and multiplies the
/// others by `1 / (1 - p)`; otherwise does nothing.
///
/// Input `[B, N]`, output `[B, N]`; no parameters. Which features fall is decided by the run's
/// seed, the step, the layer and the sample's place in the batch, so the same run drops the same
/// features again; [`dropout_row`](crate::seed::dropout_row) defines the masks.
/// `PERCENT` is below 100; another is a compile error.
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

impl<const N: usize, const PERCENT: u32> Layer<Features<N>> for Dropout<PERCENT> {
    type Out = Features<N>;
    const PLAN: Plan = {
        assert!(
            PERCENT < 100,
            "`Dropout<PERCENT>` takes a percentage below 100"
        );
        Plan::elementwise(Op::Dropout { percent: PERCENT }, N)
    };
}
