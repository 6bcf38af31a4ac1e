//! Optimisers: how a gradient updates a parameter. `w` parameter, `g` gradient, `a` learning rate.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::range::{below_one, not_negative, out_of_range, positive};
use crate::error::Result;

/// An optimiser with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam.
    Adam(Adam),
    /// Adam with decoupled weight decay.
    AdamW(AdamW),
}

/// `g += d w; v = u v + g; w -= a v`, or with Nesterov momentum `w -= a (g + u v)`; `u` momentum, `d` weight decay.
///
/// Source: `torch.optim.SGD`; I. Sutskever et al., "On the importance of initialization and
/// momentum in deep learning", ICML 2013.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sgd {
    /// `a`; 0.01 by default.
    pub learning_rate: f64,
    /// `u`, from 0 to below 1; 0 by default.
    pub momentum: f64,
    /// Nesterov momentum instead of classical momentum; off by default.
    pub nesterov: bool,
    /// `d`, the L2 penalty; 0 by default.
    pub weight_decay: f64,
}

/// `g += d w; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;`
/// `w -= a m' / (sqrt(v') + e)` with `m' = m / (1 - b1^t)`, `v' = v / (1 - b2^t)` in step `t`.
///
/// Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014,
/// <https://arxiv.org/abs/1412.6980>; `torch.optim.Adam`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Adam {
    /// `a`; 0.001 by default.
    pub learning_rate: f64,
    /// `b1`, `b2`, from 0 to below 1; 0.9 and 0.999 by default.
    pub betas: [f64; 2],
    /// `e`; 1e-8 by default.
    pub epsilon: f64,
    /// `d`, the L2 penalty; 0 by default.
    pub weight_decay: f64,
}

/// [`Adam`] with decoupled weight decay: each step also applies `w -= a d w`, and `d` is not part of the gradient.
///
/// Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2017,
/// <https://arxiv.org/abs/1711.05101>; `torch.optim.AdamW`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AdamW {
    /// `a`; 0.001 by default.
    pub learning_rate: f64,
    /// `b1`, `b2`, from 0 to below 1; 0.9 and 0.999 by default.
    pub betas: [f64; 2],
    /// `e`; 1e-8 by default.
    pub epsilon: f64,
    /// `d`; 0.01 by default, as in PyTorch.
    pub weight_decay: f64,
}

/// Which optimiser, without its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OptimizerKind {
    /// [`Sgd`].
    Sgd,
    /// [`Adam`].
    Adam,
    /// [`AdamW`].
    AdamW,
}

impl OptimizerKind {
    /// How many moments it may keep for each parameter.
    pub(crate) fn moments(self) -> RangeInclusive<usize> {
        match self {
            OptimizerKind::Sgd => 0..=1,
            OptimizerKind::Adam | OptimizerKind::AdamW => 2..=2,
        }
    }
}

impl Default for Sgd {
    fn default() -> Self {
        Sgd {
            learning_rate: 0.01,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
        }
    }
}

impl Default for Adam {
    fn default() -> Self {
        Adam {
            learning_rate: 1e-3,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

impl Default for AdamW {
    fn default() -> Self {
        AdamW {
            learning_rate: 1e-3,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.01,
        }
    }
}

impl From<Sgd> for Optimizer {
    fn from(sgd: Sgd) -> Self {
        Optimizer::Sgd(sgd)
    }
}

impl From<Adam> for Optimizer {
    fn from(adam: Adam) -> Self {
        Optimizer::Adam(adam)
    }
}

impl From<AdamW> for Optimizer {
    fn from(adamw: AdamW) -> Self {
        Optimizer::AdamW(adamw)
    }
}

impl Optimizer {
    /// Which optimiser it is.
    pub fn kind(&self) -> OptimizerKind {
        match self {
            Optimizer::Sgd(_) => OptimizerKind::Sgd,
            Optimizer::Adam(_) => OptimizerKind::Adam,
            Optimizer::AdamW(_) => OptimizerKind::AdamW,
        }
    }

    /// The learning rate.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Optimizer::Sgd(sgd) => sgd.learning_rate,
            Optimizer::Adam(adam) => adam.learning_rate,
            Optimizer::AdamW(adamw) => adamw.learning_rate,
        }
    }

    /// This optimiser with another learning rate.
    #[must_use]
    pub fn with_learning_rate(mut self, learning_rate: f64) -> Optimizer {
        match &mut self {
            Optimizer::Sgd(sgd) => sgd.learning_rate = learning_rate,
            Optimizer::Adam(adam) => adam.learning_rate = learning_rate,
            Optimizer::AdamW(adamw) => adamw.learning_rate = learning_rate,
        }
        self
    }

    /// Checks every setting's range.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a learning rate that is not finite and above 0, a momentum or beta
    /// outside `0..1`, an epsilon or weight decay that is not finite and 0 or above.
    pub fn check(&self) -> Result<()> {
        positive("learning rate", self.learning_rate())?;
        match *self {
            Optimizer::Sgd(Sgd {
                momentum,
                nesterov,
                weight_decay,
                ..
            }) => {
                below_one("momentum", momentum)?;
                if nesterov && momentum == 0.0 {
                    return out_of_range("momentum", "above 0 for Nesterov momentum", momentum);
                }
                not_negative("weight decay", weight_decay)
            }
            Optimizer::Adam(Adam {
                betas,
                epsilon,
                weight_decay,
                ..
            })
            | Optimizer::AdamW(AdamW {
                betas,
                epsilon,
                weight_decay,
                ..
            }) => {
                below_one("beta 1", betas[0])?;
                below_one("beta 2", betas[1])?;
                not_negative("epsilon", epsilon)?;
                not_negative("weight decay", weight_decay)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let says = |optimizer: Optimizer, words: &str| {
            assert_eq!(optimizer.check().unwrap_err().to_string(), words);
        };
        let adam = Adam::default();
        assert!(Optimizer::from(adam).check().is_ok());
        for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
            let sgd = Sgd {
                momentum,
                nesterov,
                ..Sgd::default()
            };
            assert!(Optimizer::from(sgd).check().is_ok());
        }
        says(
            Adam {
                learning_rate: f64::NAN,
                ..adam
            }
            .into(),
            "learning rate: expected a finite number above 0, found NaN",
        );
        says(
            Adam {
                betas: [0.9, 1.0],
                ..adam
            }
            .into(),
            "beta 2: expected a number from 0 to below 1, found 1",
        );
        says(
            AdamW {
                weight_decay: -1.0,
                ..AdamW::default()
            }
            .into(),
            "weight decay: expected a finite number, 0 or above, found -1",
        );
        says(
            Sgd {
                nesterov: true,
                ..Sgd::default()
            }
            .into(),
            "momentum: expected above 0 for Nesterov momentum, found 0",
        );
    }
}
