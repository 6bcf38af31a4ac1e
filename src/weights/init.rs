//! Initialisation schemes.

use rand::{RngExt, rngs::ChaCha8Rng};
use rand_distr::StandardNormal;

use crate::{
    plan::{Op, Plan},
    seed::{Stream, stream},
};

/// How the parameters of a `Linear<I, O>` are initialised; for a `Conv2d`, `I` is the number of inputs that an output
/// depends on (channels in x kernel size), and `O` channels out x kernel size, as in PyTorch. Those of a normalisation are
/// always 1 and 0, the slopes of a parametric ReLU 0.25, and the vectors of an embedding normal with deviation 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Init {
    /// Weight and bias uniform in `±1 / sqrt(I)`.
    ///
    /// Source: `torch.nn.Linear.reset_parameters`.
    #[default]
    PyTorch,
    /// Weight uniform in `±sqrt(6 / I)`, bias 0; for ReLU.
    ///
    /// Source: K. He et al., "Delving deep into rectifiers", 2015, <https://arxiv.org/abs/1502.01852>.
    KaimingUniform,
    /// Weight normal with standard deviation `sqrt(2 / I)`, bias 0; for ReLU.
    ///
    /// Source: as [`Init::KaimingUniform`].
    KaimingNormal,
    /// Weight uniform in `±sqrt(6 / (I + O))`, bias 0; for tanh and sigmoid.
    ///
    /// Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward
    /// neural networks", AISTATS 2010.
    XavierUniform,
    /// Weight normal with standard deviation `sqrt(2 / (I + O))`, bias 0; for tanh and sigmoid.
    ///
    /// Source: as [`Init::XavierUniform`].
    XavierNormal,
}

impl Init {
    /// Writes the parameters of every step of `plan` into `values`, which has `plan.params()`.
    pub(crate) fn fill(self, plan: &Plan, values: &mut [f32], seed: u64) {
        let mut rng = stream(seed, Stream::Weights, 0);
        for step in plan.steps().iter().filter(|step| step.has_params()) {
            let [rows, columns] = step.weight_matrix();
            let (weight, bias) =
                values[step.offset..step.offset + step.params()].split_at_mut(rows * columns);
            let fixed = match step.op {
                Op::BatchNorm { .. } | Op::LayerNorm { .. } => Some(1.0),
                Op::PRelu { .. } => Some(0.25),
                _ => None,
            };
            if let Some(value) = fixed {
                weight.fill(value);
                continue;
            }
            if step.is_table() {
                normal(weight, 1.0, &mut rng);
                if matches!(step.op, Op::EmbeddingBag { .. } | Op::TokenEmbedding { .. }) {
                    // that of the padding
                    weight[..rows].fill(0.0);
                }
                continue;
            }
            let [inputs, outputs] = step.fans().map(|fan| fan as f64);
            match self {
                Init::PyTorch => {
                    let bound = 1.0 / inputs.sqrt();
                    uniform(weight, bound, &mut rng);
                    uniform(bias, bound, &mut rng);
                }
                Init::KaimingUniform => uniform(weight, (6.0 / inputs).sqrt(), &mut rng),
                Init::KaimingNormal => normal(weight, (2.0 / inputs).sqrt(), &mut rng),
                Init::XavierUniform => uniform(weight, (6.0 / (inputs + outputs)).sqrt(), &mut rng),
                Init::XavierNormal => normal(weight, (2.0 / (inputs + outputs)).sqrt(), &mut rng),
            }
        }
    }
}

fn uniform(values: &mut [f32], bound: f64, rng: &mut ChaCha8Rng) {
    let bound = bound as f32;
    values.fill_with(|| rng.random_range(-bound..=bound));
}

fn normal(values: &mut [f32], deviation: f64, rng: &mut ChaCha8Rng) {
    values.fill_with(|| rng.sample::<f32, _>(StandardNormal) * deviation as f32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    type Net = (Linear<200, 300>, Tanh, Linear<300, 100>);

    /// Mean square of `0.weight`; for a uniform distribution on ±b it is b²/3.
    fn mean_square(init: Init) -> f32 {
        let weights = Weights::<Net>::init_with(init, 5);
        let weight = weights.tensor("0.weight").unwrap().values;
        weight.iter().map(|w| w * w).sum::<f32>() / weight.len() as f32
    }

    #[test]
    fn each_distribution_has_its_variance() {
        for (init, variance) in [
            (Init::PyTorch, 1.0 / 200.0 / 3.0),
            (Init::KaimingUniform, 2.0 / 200.0),
            (Init::KaimingNormal, 2.0 / 200.0),
            (Init::XavierUniform, 2.0 / 500.0),
            (Init::XavierNormal, 2.0 / 500.0),
        ] {
            let ratio = mean_square(init) / variance;
            // 60,000 draws: four standard errors of a normal's mean square, 4 sqrt(2 / 60,000), are 2.3 %.
            assert!((ratio - 1.0).abs() < 0.025, "{init:?}: {ratio}");
        }
    }

    #[test]
    fn the_default_draws_the_bias_and_stays_within_its_bound() {
        let weights = Weights::<Net>::init(1);
        let bias = weights.tensor("2.bias").unwrap().values;
        let bound = 1.0 / 300f32.sqrt();
        assert!(bias.iter().all(|b| b.abs() <= bound));
        assert!(bias.iter().any(|b| b.abs() > bound * 0.9));
        assert_eq!(weights, Weights::init(1));
        assert_ne!(weights, Weights::init(2));
    }
}
