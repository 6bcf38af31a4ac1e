//! The dtype and offset of a tensor in a file, and how to read its values.

/// The data type of a tensor's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    F32,
    F16,
    Bf16,
    /// For the number of batches that a batch normalisation has seen.
    I64,
    /// The weights of an eight-bit model.
    I8,
    /// Its zero points and tables.
    U8,
    /// Its biases.
    I32,
}

impl Dtype {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::Bf16 => "BF16",
            Dtype::I64 => "I64",
            Dtype::I8 => "I8",
            Dtype::U8 => "U8",
            Dtype::I32 => "I32",
        }
    }

    /// The size of a value, in bytes.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Dtype::F32 | Dtype::I32 => 4,
            Dtype::F16 | Dtype::Bf16 => 2,
            Dtype::I8 | Dtype::U8 => 1,
            Dtype::I64 => 8,
        }
    }
}

/// A tensor's dtype and its offset in the file, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub(crate) dtype: Dtype,
    pub(crate) start: usize,
}

impl Place {
    /// Value `index` of the tensor.
    pub(crate) const fn value(self, file: &[u8], index: usize) -> f32 {
        match self.dtype {
            Dtype::F32 => f32::from_le_bytes(bytes(file, self.start + 4 * index)),
            Dtype::F16 => from_f16(u16::from_le_bytes(bytes(file, self.start + 2 * index))),
            Dtype::Bf16 => from_bf16(u16::from_le_bytes(bytes(file, self.start + 2 * index))),
            Dtype::I64 => self.count(file) as f32,
            Dtype::I8 => file[self.start + index] as i8 as f32,
            Dtype::U8 => file[self.start + index] as f32,
            Dtype::I32 => self.integer(file, index) as f32,
        }
    }

    /// Value `index` of a tensor of dtype I32.
    pub(crate) const fn integer(self, file: &[u8], index: usize) -> i32 {
        i32::from_le_bytes(bytes(file, self.start + 4 * index))
    }

    /// The single value of a tensor of dtype I64.
    pub(crate) const fn count(self, file: &[u8]) -> i64 {
        i64::from_le_bytes(bytes(file, self.start))
    }
}

/// The `N` bytes of a file at offset `start`.
const fn bytes<const N: usize>(file: &[u8], start: usize) -> [u8; N] {
    let mut bytes = [0; N];
    let mut i = 0;
    while i < N {
        bytes[i] = file[start + i];
        i += 1;
    }
    bytes
}

/// The value of an IEEE 754 binary16, exactly.
#[inline(always)]
pub(crate) const fn from_f16(bits: u16) -> f32 {
    let sign = (bits as u32 & 0x8000) << 16;
    let size = (bits as u32 & 0x7fff) << 13;
    // The exponents' biases are 15 and 127; the product of a subnormal is exact as well.
    let scaled = f32::from_bits(size) * TWO_TO_112;
    // Of an infinity or a NaN, the fraction is right.
    let exponent = if size < 0x7c00 << 13 { 0 } else { 0x7f80_0000 };
    f32::from_bits(sign | exponent | scaled.to_bits())
}

pub(crate) const TWO_TO_112: f32 = f32::from_bits((127 + 112) << 23);

/// The value of a bfloat16, the upper half of an `f32`.
#[inline(always)]
pub(crate) const fn from_bf16(bits: u16) -> f32 {
    f32::from_bits((bits as u32) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_binary16_has_its_value() {
        // Exact, unlike `powi`, to which Miri adds a random error of one unit in the last place.
        let power = |exponent: i32| f64::from_bits(((1023 + exponent) as u64) << 52);
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
            let size = match exponent {
                0 => fraction * power(-24),
                31 if fraction == 0.0 => f64::INFINITY,
                31 => f64::NAN,
                _ => (1.0 + fraction / 1024.0) * power(exponent - 15),
            };
            let expected = if bits >> 15 == 1 { -size } else { size };
            let found = from_f16(bits);
            assert!(f64::from(found) == expected || found.is_nan() && expected.is_nan());
            assert_eq!(found.is_sign_negative(), bits >> 15 == 1);
        }
    }
}
