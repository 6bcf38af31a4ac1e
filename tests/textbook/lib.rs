//! The forward pass of a network in `f64`, computed from its plan with textbook formulas: what the tests compare with.

use tuplenet::{
    Plan,
    plan::{Op, Pooling, Step, Window},
};

/// The logits of one sample.
///
/// # Panics
///
/// If an operation has no formula here.
pub fn logits(plan: &Plan, weights: &[f64], sample: &[f64]) -> Vec<f64> {
    let mut logits = logits_of_batch(plan, weights, &[sample.to_vec()]);
    logits.remove(0)
}

/// The logits of a batch, with its statistics.
///
/// # Panics
///
/// If an operation has no formula here.
pub fn logits_of_batch(plan: &Plan, weights: &[f64], samples: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut outputs: Vec<Vec<Vec<f64>>> = Vec::new();
    for (index, step) in plan.steps().iter().enumerate() {
        let before = |back: usize| match index.checked_sub(back) {
            Some(step) => &outputs[step][..],
            None => samples,
        };
        let parameters = &weights[step.offset..step.offset + step.params()];
        let x = before(step.back);
        let y = match step.op {
            Op::Add { back } => {
                let both = x.iter().zip(before(back));
                let add =
                    |(x, z): (&Vec<f64>, &Vec<f64>)| x.iter().zip(z).map(|(x, z)| x + z).collect();
                both.map(add).collect()
            }
            Op::Dot { back } => {
                let both = x.iter().zip(before(back));
                let dot = |(x, z): (&Vec<f64>, &Vec<f64>)| {
                    vec![x.iter().zip(z).map(|(x, z)| x * z).sum()]
                };
                both.map(dot).collect()
            }
            Op::Concat { backs } => {
                let others = backs.iter().take_while(|&&back| back > 0);
                let others: Vec<_> = others.map(|&back| before(back)).collect();
                let mut y = x.to_vec();
                for (sample, y) in y.iter_mut().enumerate() {
                    y.extend(others.iter().flat_map(|z| &z[sample]));
                }
                y
            }
            Op::BatchNorm { channels } => normalized(channels, parameters, x),
            _ => x.iter().map(|x| one_step(step, parameters, x)).collect(),
        };
        outputs.push(y);
    }
    outputs.pop().unwrap_or_else(|| samples.to_vec())
}

/// A batch normalised by its statistics.
fn normalized(channels: usize, parameters: &[f64], batch: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (weight, bias) = parameters.split_at(channels);
    let mut y = batch.to_vec();
    let len = batch[0].len() / channels;
    for channel in 0..channels {
        let of_channel = channel * len..(channel + 1) * len;
        let values: Vec<f64> = batch
            .iter()
            .flat_map(|x| x[of_channel.clone()].to_vec())
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|x| (x - mean).powi(2));
        let deviation = (squares.sum::<f64>() / values.len() as f64 + 1e-5).sqrt();
        for value in y.iter_mut().flat_map(|y| &mut y[of_channel.clone()]) {
            *value = (*value - mean) / deviation * weight[channel] + bias[channel];
        }
    }
    y
}

/// One step of a plan, with its own parameters.
///
/// # Panics
///
/// If the operation has no formula here.
pub fn one_step(step: &Step, parameters: &[f64], x: &[f64]) -> Vec<f64> {
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
                let [inputs, outputs] =
                    [window.input, window.output].map(|size| size[0] / window.groups);
                let first = channel / outputs * inputs;
                let values =
                    (first..first + inputs).flat_map(|input| values(&window, x, input, at));
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
        Op::LayerNorm { .. } => {
            let (weight, bias) = parameters.split_at(step.inputs);
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            let squares = x.iter().map(|x| (x - mean).powi(2));
            let deviation = (squares.sum::<f64>() / x.len() as f64 + 1e-5).sqrt();
            let each = x.iter().zip(weight).zip(bias);
            each.map(|((x, w), b)| (x - mean) / deviation * w + b)
                .collect()
        }
        Op::PRelu { slopes } => {
            let slope = |at: usize| parameters[at / (x.len() / slopes)];
            let each = x.iter().enumerate();
            each.map(|(at, &x)| if x > 0.0 { x } else { slope(at) * x })
                .collect()
        }
        Op::Embedding { .. } => parameters[x[0] as usize * step.outputs..][..step.outputs].to_vec(),
        // a padding is 0 as it begins, and has no gradient
        Op::TokenEmbedding { .. } => {
            let channels = step.outputs / x.len();
            let rows = |c: usize| {
                let value = move |&token: &f64| match token as usize {
                    0 => 0.0,
                    token => parameters[token * channels + c],
                };
                x.iter().map(value)
            };
            (0..channels).flat_map(rows).collect()
        }
        Op::EmbeddingBag {
            pooling: Pooling::Weighted,
            ..
        } => {
            let (tokens, numbers) = x.split_at(x.len() / 2);
            let mut y = vec![0.0; step.outputs];
            for (&token, number) in tokens
                .iter()
                .zip(numbers)
                .filter(|(token, _)| **token > 0.0)
            {
                let row = &parameters[token as usize * step.outputs..];
                y.iter_mut().zip(row).for_each(|(y, w)| *y += number * w);
            }
            y
        }
        Op::EmbeddingBag { pooling, .. } => {
            let words = x.iter().filter(|&&token| token > 0.0);
            let rows = words.map(|&token| &parameters[token as usize * step.outputs..]);
            let rows: Vec<&[f64]> = rows.collect();
            let pooled = (0..step.outputs).map(|feature| {
                let values = rows.iter().map(|row| row[feature]);
                match pooling {
                    _ if rows.is_empty() => 0.0,
                    Pooling::Sum => values.sum(),
                    Pooling::Mean => values.sum::<f64>() / rows.len() as f64,
                    Pooling::Max => values.fold(f64::NEG_INFINITY, f64::max),
                    other => panic!("no formula for {other:?}"),
                }
            });
            pooled.collect()
        }
        Op::OneHot => (0..step.outputs)
            .map(|at| f64::from(u8::from(at as f64 == x[0])))
            .collect(),
        Op::Narrow { start } => x[start..start + step.outputs].to_vec(),
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
    let first =
        |axis, at: usize| (at * window.stride[axis]) as isize - window.padding[axis] as isize;
    let mut all = Vec::new();
    for y in (first(0, row)..).take(window.kernel[0]) {
        for x_at in (first(1, column)..).take(window.kernel[1]) {
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
        Op::Silu => x / (1.0 + (-x).exp()),
        Op::Elu { alpha_percent } => {
            if x <= 0.0 {
                (x.exp() - 1.0) * f64::from(alpha_percent) / 100.0
            } else {
                x
            }
        }
        Op::Hardswish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Op::Dropout { .. } | Op::Dropout2d { .. } => x,
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
