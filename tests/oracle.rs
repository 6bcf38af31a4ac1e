//! Properties of arbitrary bytes, checked by the fuzz target `from_bytes` and the tests in `reader.rs`.

use safetensors::{Dtype, SafeTensors};
use tuplenet::prelude::*;

pub type Net = (Linear<2, 3>, ReLU, Linear<3, 2>);

/// Whether the bytes are accepted as the weights of [`Net`] with these layer names.
///
/// # Panics
/// If they are accepted but the crate `safetensors` rejects them or gives other logits.
pub fn is_read(file: &[u8], names: [&str; 2]) -> bool {
    let read = Frozen::<Net>::from_bytes_named(file, &names);
    let sequential = Frozen::<Net>::from_bytes(file);
    // This reads more: numbers of 16 bits, too.
    let weights = Weights::<Net>::from_bytes(file);
    // Of a checkpoint, these read tensors of other names.
    let is_sequential = names == ["0", "2"] && !is_checkpoint(file);
    if is_sequential {
        assert_eq!(sequential.err(), read.as_ref().err().copied());
    }
    let Ok(net) = read else { return false };
    let theirs = SafeTensors::deserialize(file).expect("the crate `safetensors` reads it as well");
    assert_eq!(theirs.len(), 4);
    if is_sequential {
        for tensor in weights.expect("it is read without copies").tensors() {
            let stored = theirs.tensor(&tensor.name).expect("it is there");
            let values = tensor.values.iter().flat_map(|value| value.to_le_bytes());
            assert!(values.eq(stored.data().iter().copied()), "{}", tensor.name);
        }
    }
    for sample in [[0.5, -2.0], [3.0, 1.0]] {
        let mut values: Vec<Value> = sample.iter().map(|&x| Value::of(x)).collect();
        values = linear(&theirs, names[0], &values);
        for value in &mut values {
            value.value = value.value.max(0.0);
        }
        values = linear(&theirs, names[1], &values);
        for (found, expected) in net.predict(&sample).into_iter().zip(values) {
            let difference = (f64::from(found) - expected.value).abs();
            // Overflows of `f32` and NaN are not compared.
            let is_finite = expected.size < f64::INFINITY;
            assert!(
                !is_finite || difference <= 1e-5 * expected.size,
                "{found}, not {expected:?}"
            );
        }
    }
    true
}

fn is_checkpoint(file: &[u8]) -> bool {
    let header = SafeTensors::read_metadata(file).ok();
    let metadata = header.and_then(|(_, header)| header.metadata().clone());
    metadata.is_some_and(|it| it.contains_key("checkpoint"))
}

/// A sum, and the sum of its terms' absolute values, which bounds its rounding error.
#[derive(Clone, Copy, Debug)]
struct Value {
    value: f64,
    size: f64,
}

impl Value {
    fn of(value: f32) -> Self {
        Value {
            value: value.into(),
            // Not 0: products may underflow.
            size: f64::from(value.abs()) + 1e-38,
        }
    }

    /// `self + a b`.
    fn plus(self, a: Value, b: Value) -> Self {
        let size = self.size + a.size * b.size;
        Value {
            value: self.value + a.value * b.value,
            size: if size < 1e37 { size } else { f64::INFINITY },
        }
    }
}

/// A binary16 by its definition.
fn binary16(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
    let size = match exponent {
        0 => fraction * 2f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

fn linear(file: &SafeTensors<'_>, layer: &str, inputs: &[Value]) -> Vec<Value> {
    let values = |part: &str| -> Vec<Value> {
        let tensor = file
            .tensor(&format!("{layer}.{part}"))
            .expect("it is there");
        let (pairs, quads) = (
            tensor.data().as_chunks::<2>().0,
            tensor.data().as_chunks::<4>().0,
        );
        let pairs = pairs.iter().map(|&bytes| u16::from_le_bytes(bytes));
        match tensor.dtype() {
            Dtype::F16 => pairs.map(|bits| Value::of(binary16(bits))).collect(),
            Dtype::BF16 => {
                let values = pairs.map(|bits| f32::from_bits(u32::from(bits) << 16));
                values.map(Value::of).collect()
            }
            _ => {
                let values = quads.iter().map(|&bytes| f32::from_le_bytes(bytes));
                values.map(Value::of).collect()
            }
        }
    };
    let weights = values("weight");
    values("bias")
        .into_iter()
        .zip(weights.chunks(inputs.len()))
        .map(|(bias, row)| {
            let products = row.iter().zip(inputs);
            products.fold(bias, |sum, (&weight, &input)| sum.plus(weight, input))
        })
        .collect()
}
