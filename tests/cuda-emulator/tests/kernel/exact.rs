//! Exact results of floating-point operations, computed with integers and rounded once.

/// A binary format: digits of the significand, the exponent of the least digit of subnormal numbers, total bits.
#[derive(Clone, Copy)]
pub struct Format {
    digits: u32,
    least: i32,
    pub bits: u32,
}

pub const HALF: Format = Format {
    digits: 11,
    least: -24,
    bits: 16,
};
pub const SINGLE: Format = Format {
    digits: 24,
    least: -149,
    bits: 32,
};
pub const DOUBLE: Format = Format {
    digits: 53,
    least: -1074,
    bits: 64,
};

impl Format {
    /// The sign's bit.
    pub fn sign(self) -> u64 {
        1 << (self.bits - 1)
    }

    pub fn infinity(self) -> u64 {
        self.sign() - (1 << (self.digits - 1))
    }

    pub fn is_nan(self, bits: u64) -> bool {
        bits & !self.sign() > self.infinity()
    }

    pub fn is_finite(self, bits: u64) -> bool {
        bits & self.infinity() != self.infinity()
    }

    /// A finite number as an odd integer, or 0, times a power of 2.
    pub fn parts(self, bits: u64) -> (i128, i32) {
        let stored = self.digits - 1;
        let fraction = i128::from(bits & ((1 << stored) - 1));
        let exponent = ((bits & self.infinity()) >> stored) as i32;
        let (number, exponent) = match exponent {
            0 => (fraction, self.least),
            _ => (fraction | 1 << stored, self.least + exponent - 1),
        };
        let zeros = match number {
            0 => 0,
            _ => number.trailing_zeros(),
        };
        let number = number >> zeros;
        let is_negative = bits & self.sign() != 0;
        let number = if is_negative { -number } else { number };
        (number, exponent + zeros as i32)
    }

    /// The exact `number * 2^exponent`, not 0, rounded: `n` to nearest with ties to even, `z` to zero, `m` down, `p` up.
    pub fn round(self, number: i128, exponent: i32, mode: char) -> u64 {
        let (size, is_negative) = (number.unsigned_abs(), number < 0);
        let length = 128 - size.leading_zeros() as i32;
        let unit = (exponent + length - self.digits as i32).max(self.least);
        let cut = unit - exponent;
        let (kept, rest, half) = match cut {
            ..=0 => (size << -cut, 0, 1),
            1..128 => (size >> cut, size & ((1 << cut) - 1), 1 << (cut - 1)),
            _ => (0, 1, 2),
        };
        let is_up = match mode {
            'n' => rest > half || rest == half && kept & 1 == 1,
            'z' => false,
            'm' => is_negative && rest != 0,
            _ => !is_negative && rest != 0,
        };
        let kept = kept as u64 + u64::from(is_up);
        let stored = self.digits - 1;
        let biased = u64::from(unit.abs_diff(self.least));
        let largest = self.infinity() - 1;
        let is_outward = mode == 'n' || mode == if is_negative { 'm' } else { 'p' };
        let size = match biased >= self.infinity() >> stored || kept + (biased << stored) > largest
        {
            true => largest + u64::from(is_outward),
            false => kept + (biased << stored),
        };
        size | if is_negative { self.sign() } else { 0 }
    }

    /// `a * b + c`, exact and rounded once; `c` is the bits of 0 with the product's sign for a product alone.
    pub fn fused(self, [a, b, c]: [u64; 3], mode: char) -> u64 {
        if ![a, b, c].iter().all(|x| self.is_finite(*x)) {
            // the hardware's rules for infinities, in a wider range
            let number = |x: u64| match self.bits {
                32 => f64::from(f32::from_bits(x as u32)),
                _ => match self.is_finite(x) && x & !self.sign() != 0 {
                    true => 1f64.copysign(f64::from_bits(x)),
                    false => f64::from_bits(x),
                },
            };
            let result = number(a) * number(b) + number(c);
            return match self.bits {
                32 => u64::from((result as f32).to_bits()),
                _ => result.to_bits(),
            };
        }
        let [a, b, c] = [a, b, c].map(|x| (self.parts(x), x & self.sign()));
        let (product, product_sign) = (a.0.0 * b.0.0, a.1 ^ b.1);
        let exponent = a.0.1 + b.0.1;
        let sum = |x: (i128, i32), y: (i128, i32)| {
            let (high, low) = if x.1 > y.1 { (x, y) } else { (y, x) };
            let distance = high.1 - low.1;
            let shift = distance.min(high.0.unsigned_abs().leading_zeros() as i32 - 4);
            // what is lower than the last digit leaves a trace in a further one
            let cut = (distance - shift).min(120);
            let rest = low.0 - (low.0 >> cut << cut);
            let number = (high.0 << shift) + (low.0 >> cut);
            (number * 2 + i128::from(rest != 0), high.1 - shift - 1)
        };
        let (number, exponent) = match (product, c.0.0) {
            (0, _) => c.0,
            (_, 0) => (product, exponent),
            _ => sum((product, exponent), c.0),
        };
        match number {
            0 if product_sign == c.1 => c.1,
            0 if mode == 'm' => self.sign(),
            0 => 0,
            _ => self.round(number, exponent, mode),
        }
    }

    /// An instruction's operands as those of a fused multiplication and addition.
    pub fn exact(self, name: &str, [a, b, c, _]: [u64; 4], mode: char) -> u64 {
        let one = match self.bits {
            32 => u64::from(1f32.to_bits()),
            _ => 1f64.to_bits(),
        };
        let operands = match name {
            "add" => [a, one, b],
            "sub" => [a, one, b ^ self.sign()],
            "mul" => [a, b, (a ^ b) & self.sign()],
            _ => [a, b, c],
        };
        self.fused(operands, mode)
    }

    /// A quotient of finite numbers other than 0, rounded to nearest: by long division, with a last digit that says whether
    /// something remains.
    pub fn quotient(self, a: u64, b: u64) -> u64 {
        let ((a, first), (b, second)) = (self.parts(a), self.parts(b));
        let shift = a.unsigned_abs().leading_zeros() - 3;
        let a = a << shift;
        let digits = a / b * 2;
        let sticky = if a % b == 0 { 0 } else { (a ^ b).signum() | 1 };
        let exponent = first - second - shift as i32 - 1;
        self.round(digits + sticky, exponent, 'n')
    }

    /// The root of a finite number above 0, rounded to nearest: bit by bit, with a last digit that says whether something
    /// remains.
    pub fn root(self, a: u64) -> u64 {
        let (a, exponent) = self.parts(a);
        let shift = a.unsigned_abs().leading_zeros() as i32 - 4;
        let shift = shift - ((exponent - shift) & 1);
        let square = a << shift;
        let mut root = 0i128;
        for bit in (0..63).rev() {
            let next = root | 1 << bit;
            if next * next <= square {
                root = next;
            }
        }
        let sticky = i128::from(root * root != square);
        self.round(root * 2 + sticky, (exponent - shift) / 2 - 1, 'n')
    }

    /// The number rounded to a whole one, by a mode as in [`Format::round`]. Very large sizes, and infinity's,
    /// become 2^100.
    pub fn whole(self, bits: u64, mode: char) -> i128 {
        let (number, exponent) = match self.is_finite(bits) {
            true => self.parts(bits),
            false if bits & self.sign() == 0 => (1, 99),
            false => (-1, 99),
        };
        match exponent {
            70.. => number.signum() << 100,
            0.. => number << exponent,
            ..-120 if number == 0 => 0,
            ..-120 => match (mode, number > 0) {
                ('m', false) => -1,
                ('p', true) => 1,
                _ => 0,
            },
            _ => {
                let (floor, unit) = (number >> -exponent, 1i128 << -exponent);
                let rest = number - (floor << -exponent);
                let is_up = match mode {
                    'n' => rest * 2 > unit || rest * 2 == unit && floor & 1 == 1,
                    'z' => rest != 0 && number < 0,
                    'm' => false,
                    _ => rest != 0,
                };
                floor + i128::from(is_up)
            }
        }
    }
}
