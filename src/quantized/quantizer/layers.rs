//! [`Layers`]: the weights of an eight-bit model before rounding, with batch normalisations in them, channels last.

use crate::{
    plan::{Op, Plan, Step},
    quantized::program::{Kind, Program, Value},
    single::is_folded,
    weights::{Parameters, RunningStatistics},
};

/// The parameters of a program in `f32`.
pub(super) struct Layers {
    /// Means and standard deviations of the features, or neither.
    pub(super) moments: [Vec<f32>; 2],
    /// Of each step: a product's.
    pub(super) products: Vec<Option<Weights>>,
}

/// The weights of a product.
pub(super) struct Weights {
    /// `[O, T]`, with the terms `T` in the order `[kernel rows][kernel columns][channels]`.
    pub(super) weight: Vec<f32>,
    /// `[O]`.
    pub(super) bias: Vec<f32>,
}

impl Layers {
    pub(super) fn new(
        program: &Program,
        parameters: Parameters<'_>,
        running: &RunningStatistics,
    ) -> Self {
        let plan = parameters.plan();
        let standardize = plan.steps().iter().find(|step| step.op == Op::Standardize);
        let moments = standardize.map(|step| {
            let (means, deviations) = statistics(step, running);
            [means.to_vec(), deviations.to_vec()]
        });
        let product = |step: &crate::quantized::program::Step| match step.kind {
            Kind::Product | Kind::Logits => {
                let input = program.value(step.input);
                Some(weights(
                    plan,
                    step.index,
                    input,
                    parameters.values(),
                    running,
                ))
            }
            _ => None,
        };
        Layers {
            moments: moments.unwrap_or_default(),
            products: program.steps().iter().map(product).collect(),
        }
    }
}

/// Means, and variances or standard deviations.
fn statistics<'a>(step: &Step, running: &'a RunningStatistics) -> (&'a [f32], &'a [f32]) {
    let len = step.statistics_len();
    running.values[step.statistics..step.statistics + len].split_at(len / 2)
}

/// The weights of step `index`, and of the batch normalisation after it.
fn weights(
    plan: &Plan,
    index: usize,
    input: &Value,
    values: &[f32],
    running: &RunningStatistics,
) -> Weights {
    let step = &plan.steps()[index];
    let [outputs, terms] = step.weight_matrix();
    let (weight, bias) = values[step.offset..step.offset + step.params()].split_at(outputs * terms);
    let order = order(step, input);
    let rows = weight.chunks_exact(terms);
    let mut layer = Weights {
        weight: rows
            .flat_map(|row| order.iter().map(|&term| row[term]))
            .collect(),
        bias: bias.to_vec(),
    };
    if is_folded(plan, index) {
        let norm = &plan.steps()[index + 1];
        let (scales, terms_of_norm) =
            values[norm.offset..norm.offset + norm.params()].split_at(outputs);
        let (means, variances) = statistics(norm, running);
        for output in 0..outputs {
            let deviation = (f64::from(variances[output]) + Op::EPSILON).sqrt();
            let factor = f64::from(scales[output]) / deviation;
            let term = f64::from(terms_of_norm[output]) - f64::from(means[output]) * factor;
            for weight in &mut layer.weight[output * terms..(output + 1) * terms] {
                *weight = (f64::from(*weight) * factor) as f32;
            }
            let bias = &mut layer.bias[output];
            *bias = (f64::from(*bias) * factor + term) as f32;
        }
    }
    layer
}

/// For each term, channels last, its index in a row of the weight of the plan, channels first.
fn order(step: &Step, input: &Value) -> Vec<usize> {
    let [channels, rows, columns] = match step.op {
        Op::Conv2d(window) => [window.input[0], window.kernel[0], window.kernel[1]],
        _ => [input.channels, input.rows, input.columns],
    };
    let index = |[row, column, channel]: [usize; 3]| (channel * rows + row) * columns + column;
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column]));
    places
        .flat_map(|[row, column]| (0..channels).map(move |channel| [row, column, channel]))
        .map(index)
        .collect()
}
