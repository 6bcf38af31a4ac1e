//! The tensors of an eight-bit model's file, from weights and ranges.

use safetensors::Dtype as FileDtype;

use super::{
    layers::{Layers, Weights},
    ranges::Ranges,
};
use crate::{
    checksum::little_endian,
    plan::{Op, Plan},
    quantized::{program::Program, round::Rounding, tensors::Part},
    single::activate,
    weights::{Raw, place::Dtype},
};

/// The largest weight.
const MAX_WEIGHT: f32 = 127.0;
/// The largest bias without the term of the zero point.
const MAX_BIAS: f64 = (1 << 29) as f64;

/// All tensors of the file.
pub(super) fn tensors(
    program: &Program,
    plan: &Plan,
    layers: &Layers,
    ranges: &Ranges,
) -> Vec<Raw> {
    (0..=program.steps().len())
        .flat_map(|layer| {
            let contents = contents(program, plan, layers, ranges, layer);
            Part::of(program, layer).iter().map(move |&part| {
                let name = part.tensor::<64>(program, layer);
                let shape = part.shape(program, layer).sizes().to_vec();
                let bytes = contents.bytes(part);
                (name.as_str().to_owned(), dtype(part), shape, bytes)
            })
        })
        .collect()
}

fn dtype(part: Part) -> FileDtype {
    match part.dtype() {
        Dtype::I8 => FileDtype::I8,
        Dtype::U8 => FileDtype::U8,
        Dtype::I32 => FileDtype::I32,
        _ => FileDtype::F32,
    }
}

/// The values of a layer's tensors; those that it lacks are empty.
#[derive(Default)]
struct Contents {
    weight: Vec<i8>,
    weight_scale: Vec<f32>,
    bias: Vec<i32>,
    table: Vec<u8>,
    scale: f32,
    zero_point: u8,
    moments: [Vec<f32>; 2],
}

impl Contents {
    fn bytes(&self, part: Part) -> Vec<u8> {
        match part {
            Part::Weight => self.weight.iter().map(|&weight| weight as u8).collect(),
            Part::WeightScale => little_endian(&self.weight_scale),
            Part::Bias => self
                .bias
                .iter()
                .flat_map(|bias| bias.to_le_bytes())
                .collect(),
            Part::Table => self.table.clone(),
            Part::Scale => little_endian(&[self.scale]),
            Part::ZeroPoint => vec![self.zero_point],
            Part::Mean => little_endian(&self.moments[0]),
            Part::Deviation => little_endian(&self.moments[1]),
        }
    }
}

fn contents(
    program: &Program,
    plan: &Plan,
    layers: &Layers,
    ranges: &Ranges,
    layer: usize,
) -> Contents {
    let (scale, zero_point) = ranges.scale(program, layer);
    let mut contents = Contents {
        scale,
        zero_point,
        ..Contents::default()
    };
    let Some(step) = layer.checked_sub(1) else {
        contents.moments = layers.moments.clone();
        return contents;
    };
    let (index, input) = (program.steps()[step].index, program.steps()[step].input);
    let input = ranges.scale(program, input);
    match &layers.products[step] {
        Some(weights) => contents.round(weights, input),
        None => contents.table = table(plan.steps()[index].op, input, (scale, zero_point)),
    }
    contents
}

impl Contents {
    /// Rounds the weights of a product whose input has this scale and zero point.
    fn round(&mut self, weights: &Weights, (input_scale, input_zero): (f32, u8)) {
        let terms = weights.weight.len() / weights.bias.len();
        for (row, &bias) in weights.weight.chunks_exact(terms).zip(&weights.bias) {
            let largest = row
                .iter()
                .fold(0.0_f32, |most, weight| most.max(weight.abs()));
            // A channel of small weights with a large bias has a scale that is large enough for the bias.
            let of_bias = f64::from(bias).abs() / (f64::from(input_scale) * MAX_BIAS);
            let scale = match (largest / MAX_WEIGHT).max(of_bias as f32) {
                scale if scale >= f32::MIN_POSITIVE => scale,
                _ => 1.0,
            };
            let start = self.weight.len();
            self.weight.extend(row.iter().map(|weight| {
                let weight = (weight / scale).round_ties_even();
                weight.clamp(-MAX_WEIGHT, MAX_WEIGHT) as i8
            }));
            let sum: i64 = self.weight[start..]
                .iter()
                .map(|&weight| i64::from(weight))
                .sum();
            let bias = f64::from(bias) / (f64::from(input_scale) * f64::from(scale));
            let bias = bias.round_ties_even().clamp(-MAX_BIAS, MAX_BIAS) as i64;
            self.bias.push((bias - i64::from(input_zero) * sum) as i32);
            self.weight_scale.push(scale);
        }
    }
}

/// For each code of an input with this scale and zero point, the code of the activation.
fn table(op: Op, input: (f32, u8), (scale, zero): (f32, u8)) -> Vec<u8> {
    let value = |code: u8| (f32::from(code) - f32::from(input.1)) * input.0;
    let mut values: Vec<f32> = (0..=u8::MAX).map(value).collect();
    activate(op, &mut values);
    let rounding = Rounding::new(zero, false);
    values
        .into_iter()
        .map(|value| rounding.code(value / scale))
        .collect()
}
