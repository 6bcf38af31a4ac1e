//! Gradients of every layer kind against central differences of a plain forward pass in `f64`.

use tuplenet::{
    Plan,
    data::Targets,
    plan::{Op, Step, Window},
    prelude::*,
    shape::Features,
    target::Classes,
};

use crate::engines::{Tested, losses, on_every_engine};

/// The mean loss of a batch, computed from the plan in `f64` with textbook formulas.
pub(crate) fn mean_loss(
    plan: &Plan,
    weights: &[f64],
    samples: &[Vec<f64>],
    labels: &[u8],
    loss: Loss,
) -> f64 {
    let mut sum = 0.0;
    for (x, &label) in samples.iter().zip(labels) {
        let x = logits(plan, weights, x);
        sum += match loss {
            Loss::CrossEntropy => log_sum(&x) - x[label as usize],
            Loss::SmoothedCrossEntropy { smoothing } => {
                let mean = x.iter().sum::<f64>() / x.len() as f64;
                log_sum(&x) - (1.0 - smoothing) * x[label as usize] - smoothing * mean
            }
            Loss::MeanSquaredError => {
                let target = |class: usize| f64::from(u8::from(class == label as usize));
                x.iter()
                    .enumerate()
                    .map(|(class, v)| (v - target(class)).powi(2))
                    .sum::<f64>()
                    / x.len() as f64
            }
            other => panic!("no formula for {other:?}"),
        };
    }
    sum / labels.len() as f64
}

/// `ln sum exp(x)`.
fn log_sum(x: &[f64]) -> f64 {
    x.iter().map(|v| v.exp()).sum::<f64>().ln()
}

/// The logits of one sample, likewise.
pub(crate) fn logits(plan: &Plan, weights: &[f64], sample: &[f64]) -> Vec<f64> {
    let mut outputs: Vec<Vec<f64>> = Vec::new();
    for (index, step) in plan.steps().iter().enumerate() {
        let before = |back: usize| match index.checked_sub(back) {
            Some(step) => &outputs[step][..],
            None => sample,
        };
        let parameters = &weights[step.offset..step.offset + step.params()];
        let y = match step.op {
            Op::Add { back } => {
                let terms = before(step.back).iter().zip(before(back));
                terms.map(|(x, z)| x + z).collect()
            }
            _ => one_step(step, parameters, before(step.back)),
        };
        outputs.push(y);
    }
    outputs.pop().unwrap_or_else(|| sample.to_vec())
}

/// One step of a plan, with its own parameters.
pub(crate) fn one_step(step: &Step, parameters: &[f64], x: &[f64]) -> Vec<f64> {
    match step.op {
        Op::Linear => {
            let (weight, bias) = parameters.split_at(step.inputs * step.outputs);
            let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
            let rows = weight.chunks_exact(step.inputs).zip(bias);
            rows.map(|(row, bias)| dot(row) + bias).collect()
        }
        Op::Conv2d(window) => {
            let (weight, bias) = parameters.split_at(parameters.len() - window.output[0]);
            let kernels: Vec<&[f64]> = weight.chunks_exact(window.fan_in()).collect();
            each_output(&window, |channel, at| {
                let inputs = 0..window.input[0];
                let values = inputs.flat_map(|input| values(&window, x, input, at));
                let products = values.zip(kernels[channel]);
                bias[channel] + products.map(|(x, w)| x.unwrap_or(0.0) * w).sum::<f64>()
            })
        }
        Op::MaxPool2d(window) => each_output(&window, |channel, at| {
            let inside = values(&window, x, channel, at).into_iter().flatten();
            inside.fold(f64::NEG_INFINITY, f64::max)
        }),
        Op::AvgPool2d(window) => each_output(&window, |channel, at| {
            let values = values(&window, x, channel, at);
            values.iter().flatten().sum::<f64>() / values.len() as f64
        }),
        Op::Flatten => x.to_vec(),
        op => x.iter().map(|&v| activation(op, v)).collect(),
    }
}

/// `value(channel, [row, column])` for each output of a window.
fn each_output(window: &Window, value: impl Fn(usize, [usize; 2]) -> f64) -> Vec<f64> {
    let [channels, rows, columns] = window.output;
    let mut all = Vec::new();
    for channel in 0..channels {
        for row in 0..rows {
            all.extend((0..columns).map(|column| value(channel, [row, column])));
        }
    }
    all
}

/// The values of channel `channel` in the window at a position, row by row; `None` outside of the image.
fn values(
    window: &Window,
    x: &[f64],
    channel: usize,
    [row, column]: [usize; 2],
) -> Vec<Option<f64>> {
    let [_, height, width] = window.input.map(|side| side as isize);
    let first = |at: usize| (at * window.stride) as isize - window.padding as isize;
    let mut all = Vec::new();
    for y in (first(row)..).take(window.kernel[0]) {
        for x_at in (first(column)..).take(window.kernel[1]) {
            let is_inside = (0..height).contains(&y) && (0..width).contains(&x_at);
            let index = (channel as isize * height + y) * width + x_at;
            all.push(is_inside.then(|| x[index as usize]));
        }
    }
    all
}

fn activation(op: Op, x: f64) -> f64 {
    match op {
        // not `max`, which never returns a NaN argument
        Op::Relu => {
            if x <= 0.0 {
                0.0
            } else {
                x
            }
        }
        Op::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Op::Tanh => x.tanh(),
        Op::LeakyRelu { slope_percent } => {
            if x > 0.0 {
                x
            } else {
                x * f64::from(slope_percent) / 100.0
            }
        }
        Op::Gelu => x / 2.0 * (1.0 + erf(x / 2f64.sqrt())),
        Op::Softplus => (1.0 + x.exp()).ln(),
        Op::Dropout { .. } => x,
        other => panic!("no formula for {other:?}"),
    }
}

/// The error function, `2/sqrt(pi) exp(-x²) sum_n 2^n x^(2n+1) / (2n+1)!!`: no terms cancel, so it is also exact
/// for large `x`. Beyond 6 it is 1 in `f64`.
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut odd) = (x, x, 3.0);
    // terms grow up to n = x² and then fall: those below half a unit in the last place do not change the sum
    while term.abs() > f64::EPSILON / 4.0 * sum.abs() {
        term *= 2.0 * x * x / odd;
        sum += term;
        odd += 2.0;
    }
    sum * (-x * x).exp() * 2.0 / std::f64::consts::PI.sqrt()
}

/// Compares every entry of the engine's gradient with `(L(w + h) - L(w - h)) / 2h`.
fn check<T: Tested, N: Network<In = Features<5>, Output = Features<3>>>(loss: Loss) {
    let mut x = 0.37f64;
    let mut next = || {
        x = (x * 997.0 + 0.123).fract();
        x * 4.0 - 2.0
    };
    let features: Vec<f32> = (0..7 * 5).map(|_| next() as f32).collect();
    let data = Dataset::<Features<5>, Classes<3>>::from_values(
        features.clone(),
        vec![0, 1, 2, 1, 0, 2, 2],
    )
    .unwrap();
    let Targets::Labels(labels) = data.targets() else {
        panic!("made with labels")
    };
    let samples: Vec<Vec<f64>> = features
        .chunks(5)
        .map(|row| row.iter().map(|&v| f64::from(v)).collect())
        .collect();

    let weights = Weights::<N>::init(11);
    let net = T::new::<N>(weights.clone());
    let uploaded = net.upload(&data).unwrap();
    let (value, gradient) = T::gradient(&net, &uploaded, &[0, 1, 2, 3, 4, 5, 6], loss);

    let mut w: Vec<f64> = weights.as_slice().iter().map(|&v| f64::from(v)).collect();
    let expected = mean_loss(&N::PLAN, &w, &samples, labels, loss);
    assert!(
        (f64::from(value) - expected).abs() < 1e-6 * expected.max(1.0),
        "{value} against {expected}"
    );
    let largest = gradient
        .as_slice()
        .iter()
        .fold(0f32, |a, &b| a.max(b.abs()));
    assert!(largest > 1e-3, "a gradient to speak of");
    for i in 0..w.len() {
        let (at, h) = (w[i], 1e-6);
        w[i] = at + h;
        let above = mean_loss(&N::PLAN, &w, &samples, labels, loss);
        w[i] = at - h;
        let below = mean_loss(&N::PLAN, &w, &samples, labels, loss);
        w[i] = at;
        let slope = (above - below) / (2.0 * h);
        let found = f64::from(gradient.as_slice()[i]);
        // f32 carries 7 digits; sums of some tens of terms lose one or two of them.
        let tolerance = 1e-5 * f64::from(largest);
        let name = std::any::type_name::<N>();
        assert!(
            (found - slope).abs() < tolerance,
            "{name}, parameter {i}: {found} against {slope}"
        );
    }
}

macro_rules! gradients {
    ($($test:ident: $layer:ty;)*) => {
        $(
            fn $test<T: Tested>() {
                type Net = (Linear<5, 6>, $layer, Linear<6, 4>, $layer, Linear<4, 3>);
                for loss in losses() {
                    check::<T, Net>(loss);
                }
            }
        )*

        on_every_engine! {
            $($test)*
            softplus_of_large_inputs_is_linear_with_a_finite_gradient
        }
    };
}
gradients! {
    relu: ReLU;
    sigmoid: Sigmoid;
    tanh: Tanh;
    leaky_relu: LeakyReLU<10>;
    gelu: GELU;
    softplus: Softplus;
    dropout_is_off_outside_training: Dropout<50>;
}

fn softplus_of_large_inputs_is_linear_with_a_finite_gradient<T: Tested>() {
    type Net = (Input<2>, Softplus);
    let net = T::new::<Net>(Weights::init(0));
    assert_eq!(net.predict(&[500.0, -500.0]).unwrap(), [500.0, 0.0]);
}
