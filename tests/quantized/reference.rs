//! An eight-bit model in plain loops with `i64`, from the file and the plan alone.

use safetensors::{Dtype, SafeTensors};
use tuplenet::plan::{Op, Plan, Step, Window};

/// Codes of an image `[rows][columns][channels]`, of which a vector is one position, with scale and zero point.
#[derive(Clone, Debug)]
struct Codes {
    codes: Vec<u8>,
    scale: f32,
    zero: u8,
}

/// A value: codes, or the logits.
#[derive(Clone, Debug)]
enum Value {
    Codes(Codes),
    Logits(Vec<f32>),
}

/// The tensors of a file.
pub struct File<'a>(SafeTensors<'a>);

impl<'a> File<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        File(SafeTensors::deserialize(bytes).unwrap())
    }

    fn bytes(&self, name: &str, dtype: Dtype) -> Option<&[u8]> {
        let tensor = self.0.tensor(name).ok()?;
        assert_eq!(tensor.dtype(), dtype, "{name}");
        // `data` is borrowed from the file, not from the view
        Some(tensor.data())
    }

    fn floats(&self, name: &str) -> Option<Vec<f32>> {
        let (values, _) = self.bytes(name, Dtype::F32)?.as_chunks::<4>();
        Some(
            values
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
        )
    }

    fn integers(&self, name: &str) -> Vec<i64> {
        let (values, _) = self.bytes(name, Dtype::I32).unwrap().as_chunks::<4>();
        let values = values.iter().map(|bytes| i32::from_le_bytes(*bytes));
        values.map(i64::from).collect()
    }

    fn weights(&self, name: &str) -> Vec<i64> {
        let bytes = self.bytes(name, Dtype::I8).unwrap();
        bytes.iter().map(|&byte| i64::from(byte as i8)).collect()
    }

    /// The scale and the zero point of a layer's output, if it has any.
    fn scale(&self, layer: &str) -> Option<(f32, u8)> {
        let scale = self.floats(&format!("{layer}.scale"))?;
        let zero = self.bytes(&format!("{layer}.zero_point"), Dtype::U8)?;
        Some((scale[0], zero[0]))
    }

    /// The logits of a sample, in the order of the network's output. None where a sum has more than 32 bits, which no file of a
    /// `Quantizer` leads to.
    pub fn logits(&self, plan: &Plan, sample: &[f32]) -> Option<Vec<f32>> {
        let steps = plan.steps();
        let [channels, rows, columns] = image_of_input(plan, sample.len());
        let (scale, zero) = self.scale("input").unwrap();
        let inverse = 1.0 / scale;
        let moments = steps.iter().find(|step| step.op == Op::Standardize);
        let standardized: Vec<f32> = match moments {
            Some(step) => {
                let mean = self.floats(&format!("{}.mean", step.path)).unwrap();
                let std = self.floats(&format!("{}.std", step.path)).unwrap();
                let all = sample.iter().zip(mean.iter().zip(std));
                all.map(|(x, (mean, std))| (x - mean) * (1.0 / std))
                    .collect()
            }
            None => sample.to_vec(),
        };
        let mut codes = Vec::new();
        for position in 0..rows * columns {
            for channel in 0..channels {
                let x = standardized[channel * rows * columns + position];
                codes.push(code(x * inverse, zero));
            }
        }
        let mut values = vec![Value::Codes(Codes { codes, scale, zero })];
        let mut shape = [channels, rows * columns];
        for (at, step) in steps.iter().enumerate() {
            let operand = |back: usize| &values[(at + 1).saturating_sub(back)];
            let Value::Codes(input) = operand(step.back) else {
                panic!("logits are read by nothing");
            };
            let term = match step.op {
                Op::Add { back } => match operand(back) {
                    Value::Codes(term) => term,
                    Value::Logits(_) => panic!("logits are read by nothing"),
                },
                _ => input,
            };
            let output = self.step(step, input, term)?;
            if let Some(window) = window(step) {
                shape = [window.output[0], window.output[1] * window.output[2]];
            }
            values.push(output);
        }
        let [channels, positions] = shape;
        let last = match values.pop().unwrap() {
            Value::Logits(logits) => logits,
            Value::Codes(Codes { codes, scale, zero }) => {
                let value = |code: u8| (i32::from(code) - i32::from(zero)) as f32 * scale;
                codes.into_iter().map(value).collect()
            }
        };
        // channels last to channels first
        let of = |i: usize| last[i % positions * channels + i / positions];
        Some((0..channels * positions).map(of).collect())
    }

    fn step(&self, step: &Step, input: &Codes, term: &Codes) -> Option<Value> {
        let layer = step.path.to_string();
        let real = |code: u8, of: &Codes| i64::from(code) - i64::from(of.zero);
        let own = self.scale(&layer);
        let with = |codes: Vec<u8>| {
            let (scale, zero) = own.unwrap_or((input.scale, input.zero));
            Value::Codes(Codes { codes, scale, zero })
        };
        if let Some(table) = self.bytes(&format!("{layer}.table"), Dtype::U8) {
            let codes = input.codes.iter().map(|&code| table[usize::from(code)]);
            return Some(with(codes.collect()));
        }
        let output = match step.op {
            Op::Linear | Op::Conv2d(_) => {
                let window = window(step).unwrap();
                let weights = self.weights(&format!("{layer}.weight"));
                let biases = self.integers(&format!("{layer}.bias"));
                let scales = self.floats(&format!("{layer}.weight_scale")).unwrap();
                let [channels, ..] = window.input;
                let terms = window.kernel[0] * window.kernel[1] * channels;
                let sum = |output: usize, taps: &[(usize, Option<usize>)]| {
                    let mut sum = biases[output];
                    for &(tap, position) in taps {
                        for channel in 0..channels {
                            let code = match position {
                                Some(position) => input.codes[position * channels + channel],
                                // outside of the image
                                None => input.zero,
                            };
                            let weight = weights[output * terms + tap * channels + channel];
                            sum += i64::from(code) * weight;
                        }
                    }
                    i32::try_from(sum).ok()
                };
                let of_output = own.map_or(1.0, |(scale, _)| scale);
                let mut codes = Vec::new();
                let mut logits = Vec::new();
                for taps in positions(&window) {
                    for (output, scale) in scales.iter().enumerate() {
                        let value = sum(output, &taps)? as f32 * (input.scale / of_output * scale);
                        match own {
                            Some((_, zero)) => codes.push(code(value, zero)),
                            None => logits.push(value),
                        }
                    }
                }
                match own {
                    Some(_) => with(codes),
                    None => Value::Logits(logits),
                }
            }
            Op::MaxPool2d(window) => {
                let channels = window.input[0];
                let mut codes = Vec::new();
                for taps in positions(&window) {
                    for channel in 0..channels {
                        let inside = taps.iter().filter_map(|&(_, position)| position);
                        let values = inside.map(|at| input.codes[at * channels + channel]);
                        codes.push(values.max().unwrap());
                    }
                }
                with(codes)
            }
            Op::AvgPool2d(window) => {
                let (scale, zero) = own.unwrap();
                let channels = window.input[0];
                let size = (window.kernel[0] * window.kernel[1]) as f32;
                let mut codes = Vec::new();
                for taps in positions(&window) {
                    for channel in 0..channels {
                        let inside = taps.iter().filter_map(|&(_, position)| position);
                        let values =
                            inside.map(|at| real(input.codes[at * channels + channel], input));
                        let sum: i64 = values.sum();
                        codes.push(code(sum as f32 * (input.scale / (scale * size)), zero));
                    }
                }
                with(codes)
            }
            Op::Add { .. } => {
                let (scale, zero) = own.unwrap();
                let factors = [input.scale / scale, term.scale / scale];
                let both = input.codes.iter().zip(&term.codes);
                let sum = |(&a, &b)| {
                    let a = real(a, input) as f32 * factors[0];
                    code(a + real(b, term) as f32 * factors[1], zero)
                };
                with(both.map(sum).collect())
            }
            Op::Relu => {
                let codes = input.codes.iter().map(|&code| code.max(input.zero));
                with(codes.collect())
            }
            // in the weights of the layer before, or nothing to do
            Op::BatchNorm { .. }
            | Op::Dropout { .. }
            | Op::Dropout2d { .. }
            | Op::Flatten
            | Op::Standardize => with(input.codes.clone()),
            op => panic!("no reference for {op:?}"),
        };
        Some(output)
    }
}

/// The code of a value in units of its scale.
fn code(value: f32, zero: u8) -> u8 {
    let rounded = f64::from(value.round_ties_even()) + f64::from(zero);
    rounded.clamp(0.0, 255.0) as u8
}

/// The window of a step that has one; a `Linear` is a convolution of one position.
fn window(step: &Step) -> Option<Window> {
    match step.op {
        Op::Conv2d(window) | Op::MaxPool2d(window) | Op::AvgPool2d(window) => Some(window),
        Op::Linear => Some(Window::new(
            [step.inputs, 1, 1],
            step.outputs,
            [1; 2],
            [1; 2],
            [0; 2],
        )),
        _ => None,
    }
}

/// For each position of a kernel, its taps and their positions in the image, if they are inside.
fn positions(window: &Window) -> Vec<Vec<(usize, Option<usize>)>> {
    let [_, rows, columns] = window.input;
    let mut positions = Vec::new();
    for i in 0..window.output[1] {
        for j in 0..window.output[2] {
            let mut taps = Vec::new();
            for k in 0..window.kernel[0] {
                for l in 0..window.kernel[1] {
                    let row = (i * window.stride[0] + k).checked_sub(window.padding[0]);
                    let column = (j * window.stride[1] + l).checked_sub(window.padding[1]);
                    let position = match (row, column) {
                        (Some(row), Some(column)) if row < rows && column < columns => {
                            Some(row * columns + column)
                        }
                        _ => None,
                    };
                    taps.push((k * window.kernel[1] + l, position));
                }
            }
            positions.push(taps);
        }
    }
    positions
}

/// Channels, rows and columns of the input, by the first layer that reads an image.
fn image_of_input(plan: &Plan, len: usize) -> [usize; 3] {
    for step in plan.steps() {
        match (step.op, window(step)) {
            (Op::Flatten | Op::Linear, _) => break,
            (_, Some(window)) => return window.input,
            _ => {}
        }
    }
    [len, 1, 1]
}
