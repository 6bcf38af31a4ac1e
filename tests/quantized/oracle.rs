//! Properties of arbitrary bytes as eight-bit models, checked by the fuzz target `quantized_from_bytes` and the tests in `reader.rs`.

use safetensors::{
    Dtype::{self, F32, I8, I32, U8},
    SafeTensors,
    tensor::TensorView,
};
use tuplenet::{
    prelude::*,
    quantized::{
        Quantized,
        embed::{Level, predict_at},
    },
    shape::{Features, Image, Sample, Shape},
};

use crate::reference::File;

/// Two features after the last four, enough of them that zeros are skipped, and two outputs after the last sixteen.
pub type Dense = (Standardize<130>, Linear<130, 18>, Tanh, Linear<18, 3>);

/// Borders, rows of more and of fewer columns than are computed at once, a sum, and both poolings.
pub type Images = (
    Image<2, 6, 5>,
    (Conv2d<2, 3, 3, 1, 1>, ReLU),
    Residual<(Conv2d<3, 3, 3, 1, 1>,)>,
    Floor<MaxPool2d<2>>,
    (Conv2d<3, 5, 2, 1, 1>, GlobalAvgPool2d, Linear<5, 2>),
);

/// A tensor of a file: its name, its type and its shape.
type Contents = (&'static str, Dtype, &'static [usize]);

/// A network whose file has these tensors and no others.
pub trait Model: Network {
    const TENSORS: &'static [Contents];
}

impl Model for Dense {
    const TENSORS: &'static [Contents] = &[
        ("0.mean", F32, &[130]),
        ("0.std", F32, &[130]),
        ("input.scale", F32, &[]),
        ("input.zero_point", U8, &[]),
        ("1.weight", I8, &[18, 130]),
        ("1.weight_scale", F32, &[18]),
        ("1.bias", I32, &[18]),
        ("1.scale", F32, &[]),
        ("1.zero_point", U8, &[]),
        ("2.table", U8, &[256]),
        ("2.scale", F32, &[]),
        ("2.zero_point", U8, &[]),
        ("3.weight", I8, &[3, 18]),
        ("3.weight_scale", F32, &[3]),
        ("3.bias", I32, &[3]),
    ];
}

impl Model for Images {
    const TENSORS: &'static [Contents] = &[
        ("input.scale", F32, &[]),
        ("input.zero_point", U8, &[]),
        ("0.weight", I8, &[3, 3, 3, 2]),
        ("0.weight_scale", F32, &[3]),
        ("0.bias", I32, &[3]),
        ("0.scale", F32, &[]),
        ("0.zero_point", U8, &[]),
        ("2.body.0.weight", I8, &[3, 3, 3, 3]),
        ("2.body.0.weight_scale", F32, &[3]),
        ("2.body.0.bias", I32, &[3]),
        ("2.body.0.scale", F32, &[]),
        ("2.body.0.zero_point", U8, &[]),
        ("2.scale", F32, &[]),
        ("2.zero_point", U8, &[]),
        ("4.weight", I8, &[5, 2, 2, 3]),
        ("4.weight_scale", F32, &[5]),
        ("4.bias", I32, &[5]),
        ("4.scale", F32, &[]),
        ("4.zero_point", U8, &[]),
        ("5.scale", F32, &[]),
        ("5.zero_point", U8, &[]),
        ("7.weight", I8, &[2, 5]),
        ("7.weight_scale", F32, &[2]),
        ("7.bias", I32, &[2]),
    ];
}

/// What the values of a file are made of.
#[derive(Clone, Copy, Debug)]
pub enum Range {
    /// Scales and biases that lead to codes of all kinds.
    Moderate,
    /// Any that are valid.
    Valid,
    /// Any.
    Any,
}

/// A file as the crate `safetensors` writes it; its values are made of these bytes, again and again.
pub fn written<N: Model>(range: Range, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.iter().copied().cycle();
    let mut next = || bytes.next().unwrap_or(1);
    let tensors = N::TENSORS.iter().map(|&(name, dtype, shape)| {
        let len = shape.iter().product::<usize>();
        let is_scale = name.ends_with("scale");
        let mut values = Vec::new();
        for _ in 0..len {
            match dtype {
                F32 | I32 => {
                    let bits = u32::from_le_bytes([next(), next(), next(), next()]);
                    let bits = match (range, dtype) {
                        (Range::Any, _) | (Range::Valid, I32) => bits,
                        (Range::Moderate, I32) => (bits as i32 >> 16) as u32,
                        (Range::Valid, _) if !is_scale => bits,
                        // finite and above 0
                        (Range::Valid, _) => bits % (f32::INFINITY.to_bits() - 1) + 1,
                        // 2^-8 to 1
                        (Range::Moderate, _) => 0.003_906_25_f32.to_bits() + (bits & 0x03ff_ffff),
                    };
                    values.extend(bits.to_le_bytes());
                }
                _ => match (range, dtype, next()) {
                    (Range::Moderate | Range::Valid, I8, 0x80) => values.push(0x81),
                    (_, _, byte) => values.push(byte),
                },
            }
        }
        (name, dtype, shape, values)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, dtype, shape, values)| {
        let view = TensorView::new(*dtype, shape.to_vec(), values);
        (*name, view.expect("as many bytes as the shape takes"))
    });
    safetensors::serialize(views, None).expect("tensors with different names")
}

/// The number of bytes after the header of a file.
pub fn values_len(file: &[u8]) -> usize {
    let len = u16::from_le_bytes([file[0], file[1]]);
    file.len() - 8 - usize::from(len)
}

/// Writes the header's length: all that is before so many bytes.
pub fn fix_length(file: &mut [u8], values_len: usize) {
    if let Some(len) = file.len().checked_sub(8 + values_len) {
        file[..8].copy_from_slice(&(len as u64).to_le_bytes());
    }
}

/// Whether the bytes are accepted as an eight-bit model of `N`.
///
/// # Panics
/// If they are accepted but the crate `safetensors` or the format of eight-bit models refuses them; if the same tensors, as that
/// crate writes them, are refused; if a prediction differs from the reference, or with the instruction set.
pub fn is_read<N, S: Shape, const O: usize>(file: &[u8]) -> bool
where
    N: Model + Network<In = S, Output = Features<O>>,
    S::Array: Sample<S>,
{
    let read = Quantized::<N>::from_bytes(file);
    let theirs = SafeTensors::deserialize(file).ok();
    let Some(theirs) = theirs.filter(|it| is_valid(it, N::TENSORS)) else {
        assert!(read.is_err(), "an invalid file is accepted");
        return false;
    };
    let is_read = read.is_ok();
    let model = read.unwrap_or_else(|_| {
        // This reader permits less than that crate in a header, but not in one that the crate writes.
        let plain = safetensors::serialize(theirs.tensors(), None).expect("the same tensors");
        Quantized::from_bytes(&plain).expect("a valid file")
    });
    let reference = File::new(file);
    for sample in samples::<S>() {
        let expected = reference.logits(&N::PLAN, S::values(&sample));
        // Where a sum has more than 32 bits, every instruction set drops the same.
        let expected = expected.map_or_else(
            || bits(&predict_at(Level::Portable, &model, &sample)),
            |logits| bits(&logits),
        );
        for &level in Level::ALL.iter().filter(|level| level.is_available()) {
            let found = bits(&predict_at(level, &model, &sample));
            assert_eq!(found, expected, "{level:?}");
        }
    }
    is_read
}

/// Whether a file has these tensors, with weights and scales that are permitted.
fn is_valid(file: &SafeTensors<'_>, tensors: &[Contents]) -> bool {
    file.len() == tensors.len()
        && tensors.iter().all(|&(name, dtype, shape)| {
            let Ok(tensor) = file.tensor(name) else {
                return false;
            };
            let mut values = tensor.data().as_chunks::<4>().0.iter();
            let has_values = match dtype {
                I8 => tensor.data().iter().all(|&weight| weight != 0x80),
                F32 if name.ends_with("scale") => values.all(|&bytes| {
                    let scale = f32::from_le_bytes(bytes);
                    scale > 0.0 && scale.is_finite()
                }),
                _ => true,
            };
            has_values && tensor.dtype() == dtype && tensor.shape() == shape
        })
}

/// A sample with some zeros, one of little else, and one of extremes.
fn samples<S: Shape>() -> [S::Array; 3] {
    let value = |sample: usize, i: usize| match (sample, i % 7) {
        (0, 0) => 0.0,
        (0, _) => (i * 37 % 101) as f32 / 40.0 - 1.0,
        (1, at) => (i == 5 || at == 6 && i > 100) as u8 as f32,
        (_, 0) => f32::NAN,
        (_, 1) => f32::INFINITY,
        (_, 2) => f32::NEG_INFINITY,
        (_, 3) => f32::MIN_POSITIVE / 2.0,
        (_, 4) => f32::MAX,
        (_, at) => at as f32 - 5.5,
    };
    [0, 1, 2].map(|sample| {
        let mut array = S::zeros();
        for (i, x) in S::values_mut(&mut array).iter_mut().enumerate() {
            *x = value(sample, i);
        }
        array
    })
}

/// Those of each value; all NaN are one, as what bits a NaN has is not defined.
fn bits(values: &[f32]) -> Vec<u32> {
    let plain = |value: &f32| if value.is_nan() { f32::NAN } else { *value };
    values.iter().map(|value| plain(value).to_bits()).collect()
}
