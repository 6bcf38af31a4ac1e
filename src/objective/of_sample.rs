//! The loss of one sample in `f64`, from which validation computes its mean.

use super::Loss;

impl Loss {
    /// One sample's loss in `f64`, times the sample's weight: `logits` and `targets` (one-hot for a label) are both
    /// `[C]`. The mean loss of samples is the sum divided by [`Loss::divisor`].
    pub(crate) fn of_sample(&self, logits: &[f32], targets: &[f32]) -> f64 {
        let classes = logits.len() as f64;
        let pairs = logits
            .iter()
            .zip(targets)
            .map(|(&y, &t)| (f64::from(y), f64::from(t)));
        let mean = |of: &dyn Fn(f64, f64) -> f64| {
            let terms = pairs.clone().map(|(y, t)| of(y, t));
            terms.sum::<f64>() / classes
        };
        match self {
            Loss::CrossEntropy => cross_entropy(logits, targets, None, 0.0),
            Loss::SmoothedCrossEntropy { smoothing } => {
                cross_entropy(logits, targets, None, *smoothing)
            }
            Loss::WeightedCrossEntropy { weights, smoothing } => {
                cross_entropy(logits, targets, Some(weights), *smoothing)
            }
            Loss::MeanSquaredError => mean(&|y, t| (y - t) * (y - t)),
            Loss::MeanAbsoluteError => mean(&|y, t| (y - t).abs()),
            Loss::Huber { delta } => mean(&|y, t| match (y - t).abs() {
                error if error <= *delta => 0.5 * error * error,
                error => delta * (error - 0.5 * delta),
            }),
            Loss::BinaryCrossEntropy => mean(&|y, t| {
                // `max` would lose NaN; the first term has it
                (1.0 - t) * y + (-y).max(0.0) + (-y.abs()).exp().ln_1p()
            }),
            Loss::Custom(loss) => {
                let [outputs, targets] = [logits, targets]
                    .map(|values| values.iter().copied().map(f64::from).collect::<Vec<_>>());
                loss.value(&outputs, &targets)
            }
        }
    }
}

/// `-sum_c w_c t_c ln softmax(z)[c]`, `t` the smoothed targets.
fn cross_entropy(logits: &[f32], targets: &[f32], weights: Option<&[f32]>, smoothing: f64) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let max = f64::from(max);
    let sum: f64 = logits.iter().map(|&y| (f64::from(y) - max).exp()).sum();
    let share = smoothing / logits.len() as f64;
    let terms = logits.iter().zip(targets).enumerate();
    let terms = terms.map(|(class, (&y, &t))| {
        let fraction = (1.0 - smoothing) * f64::from(t) + share;
        // terms with a fraction of 0 are skipped: 0 times the loss of a logit of `-inf` is NaN
        match fraction {
            0.0 => 0.0,
            _ => {
                let weight = weights.map_or(1.0, |weights| f64::from(weights[class]));
                weight * fraction * (max + sum.ln() - f64::from(y))
            }
        }
    });
    terms.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // ln 4 for four equal logits of any magnitude
        let uniform = Loss::CrossEntropy.of_sample(&[300.0; 4], &[0.0, 1.0, 0.0, 0.0]);
        assert!((uniform - 4f64.ln()).abs() < 1e-12);
        // softmax([0, ln 3]) = [1/4, 3/4]
        let skewed = Loss::CrossEntropy.of_sample(&[0.0, 3f32.ln()], &[1.0, 0.0]);
        assert!((skewed - 4f64.ln()).abs() < 1e-7);
        // and with half of the label spread: (3/4) ln 4 + (1/4) ln (4/3)
        let half = Loss::SmoothedCrossEntropy { smoothing: 0.5 };
        let smoothed = half.of_sample(&[0.0, 3f32.ln()], &[1.0, 0.0]);
        let expected = 0.75 * 4f64.ln() + 0.25 * (4.0 / 3f64).ln();
        assert!((smoothed - expected).abs() < 1e-7);
        // and with a weight for each
        let weighted = Loss::WeightedCrossEntropy {
            weights: [2.0, 8.0].into(),
            smoothing: 0.5,
        };
        let smoothed = weighted.of_sample(&[0.0, 3f32.ln()], &[1.0, 0.0]);
        let expected = 2.0 * 0.75 * 4f64.ln() + 8.0 * 0.25 * (4.0 / 3f64).ln();
        assert!((smoothed - expected).abs() < 1e-6);
        let (logits, targets) = (&[1.0, 3.0], &[0.0, 1.0]);
        assert_eq!(Loss::MeanSquaredError.of_sample(logits, targets), 2.5);
        assert_eq!(Loss::MeanAbsoluteError.of_sample(logits, targets), 1.5);
        // errors of 1 and 2: the first at the end of the parabola, the second 1 further
        let huber = Loss::Huber { delta: 1.0 };
        assert_eq!(huber.of_sample(logits, targets), (0.5 + 1.5) / 2.0);
        // sigmoid(ln 3) = 3/4
        let found = Loss::BinaryCrossEntropy.of_sample(&[3f32.ln(); 2], targets);
        assert!((found - (4f64.ln() + (4.0 / 3f64).ln()) / 2.0).abs() < 1e-7);
    }

    /// As `torch.nn.functional.cross_entropy` and `mse_loss`, for class 0.
    #[test]
    fn non_finite_logits_give_the_losses_of_pytorch() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let of = |loss: &Loss, logits: [f32; 3]| loss.of_sample(&logits, &[1.0, 0.0, 0.0]);
        for place in 0..3 {
            for bad in [nan, inf] {
                let mut logits = [0.5, 0.0, -1.0];
                logits[place] = bad;
                let weights = [0.0, 1.0, 2.0];
                for (loss, is_infinite) in [
                    (Loss::CrossEntropy, false),
                    (Loss::SmoothedCrossEntropy { smoothing: 0.1 }, false),
                    (
                        Loss::WeightedCrossEntropy {
                            weights: weights.into(),
                            smoothing: 0.0,
                        },
                        false,
                    ),
                    (Loss::MeanSquaredError, true),
                    (Loss::MeanAbsoluteError, true),
                    (Loss::Huber { delta: 1.0 }, true),
                    (Loss::BinaryCrossEntropy, place > 0),
                ] {
                    let found = of(&loss, logits);
                    let expected = bad == inf && is_infinite;
                    assert!(found == f64::INFINITY && expected || found.is_nan() && !expected);
                }
            }
        }
        // a class of probability 0 adds no loss, unless it is the label
        assert_eq!(of(&Loss::CrossEntropy, [0.5, -inf, -inf]), 0.0);
        assert_eq!(of(&Loss::CrossEntropy, [-inf, 0.5, 0.5]), f64::INFINITY);
        assert!(of(&Loss::CrossEntropy, [-inf; 3]).is_nan());
        assert!(of(&Loss::BinaryCrossEntropy, [-inf, 0.0, 0.0]).is_nan());
        assert!(of(&Loss::BinaryCrossEntropy, [0.0, -inf, 0.0]).is_nan());
    }
}
