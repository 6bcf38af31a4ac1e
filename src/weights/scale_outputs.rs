//! [`Weights::scale_outputs`]: outputs in the unit of the targets, after a training on standardised ones.

use super::Weights;
use crate::{
    network::Network,
    plan::{Op, Plan},
    shape::Shape,
};

impl<N: Network> Weights<N> {
    /// Changes the last `Linear` so that each output `y` becomes `scale y + shift`, up to rounding: for a network that was trained
    /// on standardised targets, `(t - mean) / deviation`, their deviation and mean.
    ///
    /// Targets far from 0, or of very different sizes, train slowly; standardised ones do not, and the network that is shipped
    /// gives values in the targets' unit all the same. A network that does not end with a `Linear` does not compile.
    ///
    /// Source: `sklearn.compose.TransformedTargetRegressor`, whose inverse transformation is computed here once.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// let mut weights = Weights::<(Linear<2, 1>,)>::from_slice(&[0.5, -1.0, 0.25])?;
    /// weights.scale_outputs([40.0], [100.0]);
    /// assert_eq!(weights.as_slice(), [20.0, -40.0, 110.0]);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// ```compile_fail,E0080
    /// use tuplenet::prelude::*;
    ///
    /// let mut weights = Weights::<(Linear<2, 1>, Sigmoid)>::init(1);
    /// weights.scale_outputs([40.0], [100.0]);
    /// ```
    pub fn scale_outputs(
        &mut self,
        scale: <N::Output as Shape>::Array,
        shift: <N::Output as Shape>::Array,
    ) {
        const { assert!(ends_with_linear(&N::PLAN), "the last layer is no `Linear`") };
        let (scale, shift) = (N::Output::values(&scale), N::Output::values(&shift));
        scale_last(const { &N::PLAN }, &mut self.values, scale, shift);
    }
}

const fn ends_with_linear(plan: &Plan) -> bool {
    let steps = plan.steps();
    !steps.is_empty() && matches!(steps[steps.len() - 1].op, Op::Linear)
}

/// Scales the rows of the last weight and its bias, to which `shift` is added.
fn scale_last(plan: &Plan, values: &mut [f32], scale: &[f32], shift: &[f32]) {
    let Some(step) = plan.steps().last() else {
        return;
    };
    let parameters = &mut values[step.offset..step.offset + step.params()];
    let (weight, bias) = parameters.split_at_mut(step.outputs * step.inputs);
    let rows = weight.chunks_exact_mut(step.inputs).zip(bias);
    for ((row, bias), (scale, shift)) in rows.zip(scale.iter().zip(shift)) {
        row.iter_mut().for_each(|weight| *weight *= scale);
        *bias = *bias * scale + shift;
    }
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    #[test]
    fn each_output_has_its_own_scale() {
        type Net = (Linear<3, 4>, Tanh, Linear<4, 2>);
        let mut weights = Weights::<Net>::init(1);
        let before = Fused::<Net>::new(weights.clone()).unwrap();
        weights.scale_outputs([100.0, -0.5], [7.0, 1000.0]);
        let after = Fused::<Net>::new(weights).unwrap();
        let sample = [0.3, -0.2, 0.9];
        let [a, b] = before.predict(&sample).unwrap();
        let [c, d] = after.predict(&sample).unwrap();
        assert!((c - (100.0 * a + 7.0)).abs() < 1e-4, "{c}");
        assert!((d - (1000.0 - 0.5 * b)).abs() < 1e-3, "{d}");
    }
}
