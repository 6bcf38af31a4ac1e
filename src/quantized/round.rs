//! From sums to codes: a multiplication in `f32` and one rounding, with the same bits on every processor.

/// `1.5 * 2^23`: the sum of it and a number of at most 22 bits is rounded to a whole number, ties to even, which is in its last bits.
const MAGIC: f32 = 12_582_912.0;

/// The code of a value in units of its scale, with this zero point; with `relu`, that of 0 for a value below 0. A NaN has the
/// lowest code.
#[derive(Clone, Copy)]
pub(super) struct Rounding {
    low: f32,
    high: f32,
    offset: i32,
}

impl Rounding {
    #[inline(always)]
    pub(super) fn new(zero: u8, relu: bool) -> Self {
        let zero = i32::from(zero);
        Rounding {
            low: if relu { 0.0 } else { -zero as f32 },
            high: (255 - zero) as f32,
            offset: (MAGIC.to_bits() as i32).wrapping_sub(zero),
        }
    }

    /// The code of `value`: `clamp(round(value), low, high) + zero`.
    #[inline(always)]
    pub(super) fn code(self, value: f32) -> u8 {
        let value = if value > self.low { value } else { self.low };
        let value = if value < self.high { value } else { self.high };
        ((value + MAGIC).to_bits() as i32).wrapping_sub(self.offset) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_even_and_the_rest_to_the_nearest() {
        let plain = Rounding::new(100, false);
        for (value, code) in [
            (0.0, 100),
            (0.5, 100),
            (1.5, 102),
            (2.5, 102),
            (-0.5, 100),
            (-1.5, 98),
            (2.500_001, 103),
            (154.9, 255),
            (1e30, 255),
            (f32::INFINITY, 255),
            (-99.5, 0),
            (-1e30, 0),
            (f32::NEG_INFINITY, 0),
            (f32::NAN, 0),
        ] {
            assert_eq!(plain.code(value), code, "{value}");
        }
        let relu = Rounding::new(3, true);
        assert_eq!(
            [-9.0, f32::NAN, 0.4, 7.0].map(|value| relu.code(value)),
            [3, 3, 3, 10]
        );
    }
}
