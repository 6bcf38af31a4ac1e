//! The forward pass in `f32` that calibration observes: of one sample, all values, channels last and without borders.

use super::layers::{Layers, Weights};
use crate::{
    plan::Plan,
    quantized::program::{Kind, Program, Step},
    single::activate,
};

/// Weights in the order in which the pass reads them, and all values of a sample.
pub(super) struct Pass<'a> {
    program: &'a Program,
    plan: &'a Plan,
    layers: &'a Layers,
    /// Of each product, `[T, O]`.
    transposed: Vec<Vec<f32>>,
    /// Of the input, and of each step.
    pub(super) values: Vec<Vec<f32>>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(program: &'a Program, plan: &'a Plan, layers: &'a Layers) -> Self {
        let transposed = layers.products.iter().map(|product| match product {
            Some(Weights { weight, bias }) => {
                let terms = weight.len() / bias.len();
                let column = |term: usize| weight.iter().skip(term).step_by(terms).copied();
                (0..terms).flat_map(column).collect()
            }
            None => Vec::new(),
        });
        let values = 0..=program.steps().len();
        Pass {
            program,
            plan,
            layers,
            transposed: transposed.collect(),
            values: values
                .map(|value| vec![0.0; program.value(value).len()])
                .collect(),
        }
    }

    /// Computes all values of a sample.
    pub(super) fn run(&mut self, sample: &[f32]) {
        let input = self.program.value(0);
        let positions = input.rows * input.columns;
        let [means, deviations] = &self.layers.moments;
        for (index, &x) in sample.iter().enumerate() {
            let (channel, position) = (index / positions, index % positions);
            let x = match means.get(index).zip(deviations.get(index)) {
                Some((mean, deviation)) => (x - mean) / deviation,
                None => x,
            };
            self.values[0][position * input.channels + channel] = x;
        }
        for (i, step) in self.program.steps().iter().enumerate() {
            let (before, after) = self.values.split_at_mut(i + 1);
            let (input, output) = (&before[step.input], &mut after[0]);
            match step.kind {
                Kind::Product | Kind::Logits => {
                    if let Some(product) = &self.layers.products[i] {
                        product_of(step, &self.transposed[i], &product.bias, input, output);
                    }
                }
                Kind::Maximum => pool(step, input, output, f32::NEG_INFINITY, f32::max),
                Kind::Average => {
                    pool(step, input, output, 0.0, |sum, x| sum + x);
                    let [rows, columns] = step.window.kernel;
                    output
                        .iter_mut()
                        .for_each(|sum| *sum /= (rows * columns) as f32);
                }
                Kind::Sum => {
                    let terms = input.iter().zip(&before[step.term]);
                    for (sum, (a, b)) in output.iter_mut().zip(terms) {
                        *sum = a + b;
                    }
                }
                Kind::Table => {
                    output.copy_from_slice(input);
                    activate(self.plan.steps()[step.index].op, output);
                }
            }
            if step.relu {
                output.iter_mut().for_each(|y| *y = y.max(0.0));
            }
        }
    }
}

/// Adds, at each position, the rows of the transposed weight times their values.
fn product_of(step: &Step, transposed: &[f32], bias: &[f32], input: &[f32], output: &mut [f32]) {
    let window = &step.window;
    let [channels, _, in_columns] = window.input;
    let [outputs, _, columns] = window.output;
    for (at, sums) in output.chunks_exact_mut(outputs).enumerate() {
        let (row, column) = (at / columns, at % columns);
        sums.copy_from_slice(bias);
        let first = [row * window.stride[0], column * window.stride[1]];
        for y in window.inside(0, row) {
            for x in window.inside(1, column) {
                let tap = [
                    y + window.padding[0] - first[0],
                    x + window.padding[1] - first[1],
                ];
                let term = (tap[0] * window.kernel[1] + tap[1]) * channels;
                let values = &input[(y * in_columns + x) * channels..][..channels];
                for (channel, value) in values.iter().enumerate() {
                    let weights = &transposed[(term + channel) * outputs..][..outputs];
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += value * weight;
                    }
                }
            }
        }
    }
}

/// Joins the values of each window, from `start` on.
fn pool(
    step: &Step,
    input: &[f32],
    output: &mut [f32],
    start: f32,
    join: impl Fn(f32, f32) -> f32,
) {
    let window = &step.window;
    let [channels, _, in_columns] = window.input;
    let columns = window.output[2];
    for (at, joined) in output.chunks_exact_mut(channels).enumerate() {
        joined.fill(start);
        for y in window.inside(0, at / columns) {
            for x in window.inside(1, at % columns) {
                let values = &input[(y * in_columns + x) * channels..][..channels];
                for (joined, &value) in joined.iter_mut().zip(values) {
                    *joined = join(*joined, value);
                }
            }
        }
    }
}
