//! The outputs of several networks as those of one: what a committee predicts.
//!
//! Means of probabilities are computed from logarithms, so that none underflows.

/// `ln mean_k softmax(z_k)[c]` for each class, of the logits `z_k` of each network, `[n, C]` row-major: logits whose
/// softmax is the mean of the networks' probabilities.
pub(crate) fn mean_probabilities(members: &[Vec<f32>], classes: usize) -> Vec<f32> {
    let logarithms = members.iter().map(|logits| {
        let rows = logits.chunks_exact(classes);
        rows.flat_map(|row| {
            let sum = log_sum_exp(row.iter().map(|&z| f64::from(z)));
            row.iter().map(move |&z| f64::from(z) - sum)
        })
        .collect()
    });
    mean_of_exponentials(&logarithms.collect::<Vec<Vec<f64>>>())
        .map(|logarithm| logarithm as f32)
        .collect()
}

/// The logit of `mean_k sigmoid(z_k)` for each label.
pub(crate) fn mean_of_labels(members: &[Vec<f32>]) -> Vec<f32> {
    let of = |sign: f64| {
        let logarithms = members.iter().map(|logits| {
            let each = logits.iter().map(|&z| log_sigmoid(sign * f64::from(z)));
            each.collect()
        });
        logarithms.collect::<Vec<Vec<f64>>>()
    };
    let (yes, no) = (of(1.0), of(-1.0));
    let both = mean_of_exponentials(&yes).zip(mean_of_exponentials(&no));
    both.map(|(yes, no)| (yes - no) as f32).collect()
}

/// The mean of each output.
pub(crate) fn mean(members: &[Vec<f32>]) -> Vec<f32> {
    let len = members.first().map_or(0, Vec::len);
    let sum = |at: usize| {
        members
            .iter()
            .map(|outputs| f64::from(outputs[at]))
            .sum::<f64>()
    };
    (0..len)
        .map(|at| (sum(at) / members.len() as f64) as f32)
        .collect()
}

/// `ln mean_k exp(l_k)` of each value.
fn mean_of_exponentials(members: &[Vec<f64>]) -> impl Iterator<Item = f64> {
    let len = members.first().map_or(0, Vec::len);
    let count = (members.len() as f64).ln();
    (0..len).map(move |at| log_sum_exp(members.iter().map(|values| values[at])) - count)
}

/// `ln sum_i exp(x_i)`, which does not overflow.
fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + values.map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// `ln (1 / (1 + exp(-x)))`.
fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(expected) {
            assert!(
                (f64::from(*a) - b).abs() < 1e-6 * b.abs().max(1.0),
                "{found:?}, not {expected:?}"
            );
        }
    }

    #[test]
    fn probabilities_are_means() {
        // ln 3 is three times as likely as 0
        let ln3 = 3f32.ln();
        let found = mean_probabilities(&[vec![0.0, ln3], vec![5.0, 5.0]], 2);
        let probabilities: Vec<f32> = found.iter().map(|z| z.exp()).collect();
        close(&probabilities, &[0.375, 0.625]);
        let found = mean_of_labels(&[vec![ln3, 0.0], vec![0.0, 0.0]]);
        close(&found, &[(0.625f64 / 0.375).ln(), 0.0]);
        close(&mean(&[vec![1.0, 2.0], vec![2.0, 6.0]]), &[1.5, 4.0]);
    }

    #[test]
    fn nothing_overflows_or_underflows() {
        let found = mean_probabilities(&[vec![3000.0, -3000.0], vec![2000.0, -3000.0]], 2);
        close(&found, &[0.0, -5000.0 - 2f64.ln()]);
        let found = mean_of_labels(&[vec![-3000.0], vec![-2000.0]]);
        close(&found, &[-2000.0 - 2f64.ln()]);
    }

    #[test]
    fn equal_members_are_one() {
        let logits = vec![0.3, -1.0, 2.0, 0.0, 0.0, 7.0];
        let found = mean_probabilities(&[logits.clone(), logits.clone(), logits.clone()], 3);
        for (found, logits) in found.chunks(3).zip(logits.chunks(3)) {
            let differences = [found[1] - found[0], found[2] - found[0]];
            close(
                &differences,
                &[
                    (logits[1] - logits[0]).into(),
                    (logits[2] - logits[0]).into(),
                ],
            );
        }
        close(
            &mean_of_labels(&[logits.clone(), logits.clone()]),
            &logits.iter().map(|&z| z.into()).collect::<Vec<f64>>(),
        );
    }

    #[test]
    fn a_nan_is_propagated() {
        let found = mean_probabilities(&[vec![f32::NAN, 0.0], vec![0.0, 0.0]], 2);
        assert!(found.iter().all(|z| z.is_nan()));
        assert!(mean_of_labels(&[vec![f32::NAN], vec![0.0]])[0].is_nan());
    }
}
