//! [`CustomLoss`]: a loss of one's own, and the check of its gradient.

use std::fmt::Debug;

use serde::{Serialize, Serializer};

use crate::error::{Error, Result};

/// A loss of one's own: its value for one sample, and its gradient with respect to the sample's outputs. The loss of a
/// batch is the mean over its samples. Every engine takes it.
///
/// It is computed in `f64`, one sample at a time and without SIMD; the losses of this crate are faster. Targets are the
/// values of [`Values`](crate::target::Values); a label of [`Classes`](crate::target::Classes) is one-hot encoded; of
/// [`MultiLabel`](crate::target::MultiLabel) a target is 1 for a label that the sample has, else 0. Which of them a
/// loss takes is stated by [`TargetOf`](super::TargetOf), and checked at compile time:
///
/// ```
/// use tuplenet::{
///     objective::{CustomLoss, TargetOf, check_gradient}, prelude::*, shape::Features, target::Values,
/// };
///
/// /// The mean of `ln cosh(y - t)`, whose derivative is `tanh(y - t)`.
/// #[derive(Debug)]
/// struct LogCosh;
///
/// impl CustomLoss for LogCosh {
///     fn name(&self) -> String {
///         "LogCosh".to_owned()
///     }
///
///     fn value(&self, outputs: &[f64], targets: &[f64]) -> f64 {
///         let errors = outputs.iter().zip(targets).map(|(y, t)| y - t);
///         errors.map(|error| error.cosh().ln()).sum::<f64>() / outputs.len() as f64
///     }
///
///     fn gradient(&self, outputs: &[f64], targets: &[f64], gradient: &mut [f64]) {
///         for ((slope, y), t) in gradient.iter_mut().zip(outputs).zip(targets) {
///             *slope = (y - t).tanh() / outputs.len() as f64;
///         }
///     }
/// }
///
/// impl<const N: usize> TargetOf<LogCosh> for Values<N> {}
///
/// check_gradient(&LogCosh, &[0.3, -1.2], &[0.0, 2.0])?;
///
/// let line = Dataset::<Features<1>, Values<1>>::regression(vec![0., 1., 2.], vec![1., 3., 5.])?;
/// let mut net = Fused::<(Linear<1, 1>,)>::new(Weights::init(1))?;
/// let sgd = Sgd { learning_rate: 0.1, ..Sgd::default() };
/// Trainer::new(sgd).epochs(300).loss(LogCosh).fit(&mut net, &line)?;
/// let [y] = net.predict(&[3.0])?;
/// assert!((y - 7.0).abs() < 1e-2);
/// # Ok::<(), tuplenet::Error>(())
/// ```
pub trait CustomLoss: Debug + Send + Sync + 'static {
    /// Its name with every setting, as in `Quantile(0.9)`. It stands for the loss in checkpoints: a training resumes
    /// only with a loss of the same name, and two losses of the same name count as equal.
    fn name(&self) -> String;

    /// The loss of a sample with these `outputs` and `targets`, both `[C]`.
    ///
    /// A panic ends the training.
    fn value(&self, outputs: &[f64], targets: &[f64]) -> f64;

    /// Writes the derivatives of [`value`](CustomLoss::value) with respect to the `outputs` to `gradient`, `[C]`, which
    /// is 0 before.
    fn gradient(&self, outputs: &[f64], targets: &[f64], gradient: &mut [f64]);
}

impl PartialEq for dyn CustomLoss {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Serialize for dyn CustomLoss {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

/// Compares the gradient of a loss with central differences of its value, for one sample with these `outputs` and
/// `targets`, both `[C]`: `(l(y + h e_c) - l(y - h e_c)) / 2h` for each output `c`, with `h = 1e-5 max(1, |y_c|)`.
///
/// Both must agree to within `1e-6 + 1e-4 |difference|`: of a smooth loss of moderate size, differences have an error
/// of about `h^2` and, from rounding, of `1e-16 / h` times the loss. Choose outputs that are not within `h` of a kink,
/// where a difference is the mean of both sides.
///
/// See [`CustomLoss`] for an example.
///
/// # Errors
/// [`Error::Setting`] when there are not as many targets as outputs, or for the first output with another gradient, or
/// with one that is not finite; it names the output, and both gradients.
///
/// Source: `torch.autograd.gradcheck`.
pub fn check_gradient(loss: &dyn CustomLoss, outputs: &[f64], targets: &[f64]) -> Result<()> {
    if outputs.len() != targets.len() {
        return Err(Error::Setting {
            setting: "targets",
            expected: format!("{}, one for each output", outputs.len()),
            found: targets.len().to_string(),
        });
    }
    let mut gradient = vec![0.0; outputs.len()];
    loss.gradient(outputs, targets, &mut gradient);
    let mut moved = outputs.to_vec();
    for (at, (&output, &found)) in outputs.iter().zip(&gradient).enumerate() {
        let h = 1e-5 * output.abs().max(1.0);
        let mut value_at = |output: f64| {
            moved[at] = output;
            loss.value(&moved, targets)
        };
        let (above, below) = (output + h, output - h);
        // divided by the difference of the numbers as they are rounded
        let expected = (value_at(above) - value_at(below)) / (above - below);
        moved[at] = output;
        // not `>`: a NaN is no agreement
        let agrees = (found - expected).abs() <= 1e-6 + 1e-4 * expected.abs();
        if !agrees {
            return Err(Error::Setting {
                setting: "gradient of a loss",
                expected: format!(
                    "{expected:?}, the central difference of `{}`, for output {at} of {outputs:?} with the targets \
                    {targets:?}",
                    loss.name()
                ),
                found: format!("{found:?}"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::Loss;

    /// The product of the outputs, times the first target; a fault is added to one derivative.
    #[derive(Debug)]
    struct Product {
        fault: f64,
    }

    impl CustomLoss for Product {
        fn name(&self) -> String {
            "Product".to_owned()
        }

        fn value(&self, outputs: &[f64], targets: &[f64]) -> f64 {
            targets[0] * outputs.iter().product::<f64>()
        }

        fn gradient(&self, outputs: &[f64], targets: &[f64], gradient: &mut [f64]) {
            for (at, slope) in gradient.iter_mut().enumerate() {
                let others = outputs.iter().enumerate().filter(|(other, _)| *other != at);
                *slope = targets[0] * others.map(|(_, output)| output).product::<f64>();
            }
            gradient[1] += self.fault;
        }
    }

    #[test]
    fn a_right_gradient_is_accepted_and_a_wrong_one_named() {
        let (outputs, targets) = ([2.0, -300.0, 0.5], [4.0, 0.0, 0.0]);
        check_gradient(&Product { fault: 0.0 }, &outputs, &targets).unwrap();
        let outputs = [2.0, -3.0, 0.5];
        for fault in [0.1, 1e-3, -1e-3, f64::NAN, f64::INFINITY] {
            let error = check_gradient(&Product { fault }, &outputs, &targets).unwrap_err();
            let text = error.to_string();
            let found = format!("found {:?}", 4.0 + fault);
            // the derivative is `4 * 2 * 0.5`
            let expected = text.contains("gradient of a loss: expected 4.0")
                || text.contains("gradient of a loss: expected 3.99999");
            assert!(expected && text.ends_with(&found), "{text}");
            let words =
                "the central difference of `Product`, for output 1 of [2.0, -3.0, 0.5] with";
            assert!(text.contains(words), "{text}");
        }
        let error = check_gradient(&Product { fault: 0.0 }, &outputs, &[1.0]).unwrap_err();
        let words = "targets: expected 3, one for each output, found 1";
        assert_eq!(error.to_string(), words);
    }

    #[test]
    fn a_loss_is_serialised_and_compared_by_its_name() {
        let loss = Loss::from(Product { fault: 0.0 });
        assert_eq!(loss, Loss::from(Product { fault: 1.0 }));
        let json = serde_json::json!(loss);
        assert_eq!(json, serde_json::json!({ "Custom": "Product" }));
    }
}
