//! Floating-point instructions against exact arithmetic in integers, and approximations against series.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::{Random, bits, check, combinations, integers, mask, run};

/// A binary format: digits of the significand, the exponent of the least digit of subnormal numbers, total bits.
#[derive(Clone, Copy)]
struct Format {
    digits: u32,
    least: i32,
    bits: u32,
}

const HALF: Format = Format {
    digits: 11,
    least: -24,
    bits: 16,
};
const SINGLE: Format = Format {
    digits: 24,
    least: -149,
    bits: 32,
};
const DOUBLE: Format = Format {
    digits: 53,
    least: -1074,
    bits: 64,
};

impl Format {
    fn sign(self) -> u64 {
        1 << (self.bits - 1)
    }

    fn infinity(self) -> u64 {
        self.sign() - (1 << (self.digits - 1))
    }

    fn is_finite(self, bits: u64) -> bool {
        bits & self.infinity() != self.infinity()
    }

    /// A finite number as an odd integer, or 0, times a power of 2.
    fn parts(self, bits: u64) -> (i128, i32) {
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
    fn round(self, number: i128, exponent: i32, mode: char) -> u64 {
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
    fn fused(self, [a, b, c]: [u64; 3], mode: char) -> u64 {
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
    fn exact(self, name: &str, [a, b, c, _]: [u64; 4], mode: char) -> u64 {
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
}

fn single(number: f32) -> u64 {
    u64::from(number.to_bits())
}

fn of_single(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

/// Special numbers: around 0, 1, the largest, halves, and ties in the last digit.
fn singles() -> Vec<u64> {
    let above_one = 1f32 + f32::EPSILON;
    let sizes = [
        0.0,
        1.0,
        above_one,
        1.0 - f32::EPSILON / 2.0,
        f32::EPSILON / 2.0,
        1.5,
        3.0,
        f32::MAX,
        f32::MIN_POSITIVE,
        f32::from_bits(1),
        f32::from_bits(0x7F_FFFF),
        16_777_215.0,
        0.1,
        f32::INFINITY,
    ];
    let signed = sizes.iter().flat_map(|x| [single(*x), single(-x)]);
    signed.chain([single(f32::NAN), 0xFFC0_0001]).collect()
}

/// All combinations of special numbers, random bits, and random numbers of similar size.
fn of_singles(operands: usize) -> Vec<[u64; 4]> {
    let special = match operands {
        3 => singles().into_iter().step_by(3).collect(),
        _ => singles(),
    };
    let mut inputs = combinations(&special, operands, 400);
    let mut random = Random(11);
    for _ in 0..800 {
        let mut near =
            || (random.next() & 0x80FF_FFFF | 0x3F00_0000) + (random.next() & 15) * 0x80_0000;
        inputs.push(std::array::from_fn(|_| near()));
    }
    // a sum of a product and nearly its negative
    for _ in 0..200 {
        let mut near = || of_single(random.next() & 0x7F_FFFF | 0x3F80_0000);
        let (a, b) = (near(), near());
        inputs.push([single(a), single(b), single(-(a * b)), 0]);
    }
    inputs
}

const ARITHMETIC: [(&str, usize); 4] = [("add", 2), ("sub", 2), ("mul", 2), ("fma", 3)];

fn list(operands: usize) -> String {
    ["%a", "%b", "%c"][..operands].join(", ")
}

/// Without exact sums of 0, whose sign is in the next test.
#[test]
fn single_arithmetic_is_rounded() {
    for (name, operands) in ARITHMETIC {
        for mode in ['n', 'z', 'm', 'p'] {
            let mut inputs = of_singles(operands);
            inputs.retain(|input| {
                let [near, down] = ['n', 'm'].map(|mode| SINGLE.exact(name, *input, mode));
                mode != 'm' || (near, down) != (0, SINGLE.sign())
            });
            let body = format!("{name}.r{mode}.f32 %d, {};", list(operands));
            check(&body, "f32", &["f32"; 3][..operands], &inputs, |input| {
                SINGLE.exact(name, input, mode)
            });
        }
    }
}

/// IEEE 754-2008, 6.3: an exact sum of 0 of numbers of opposite signs is -0 when rounded down, else +0.
#[test]
fn exact_zeros_rounded_down() {
    for (name, operands) in ARITHMETIC {
        let body = format!("{name}.rm.f32 %d, {};", list(operands));
        check(
            &body,
            "f32",
            &["f32"; 3][..operands],
            &of_singles(operands),
            |input| SINGLE.exact(name, input, 'm'),
        );
    }
}

fn flushed(bits: u64) -> u64 {
    match bits & 0x7F80_0000 {
        0 => bits & 0x8000_0000,
        _ => bits,
    }
}

fn saturated(bits: u64) -> u64 {
    match of_single(bits) {
        x if x > 1.0 => single(1.0),
        x if x > 0.0 => bits,
        _ => 0,
    }
}

/// Without results that are flushed or not, depending on whether they are rounded first.
#[test]
fn subnormal_numbers_are_flushed_and_results_saturated() {
    for (name, operands) in ARITHMETIC {
        let kinds = &["f32"; 3][..operands];
        for (modifier, flushes, saturates) in [
            (".ftz", true, false),
            (".sat", false, true),
            (".ftz.sat", true, true),
        ] {
            for rounding in ["", ".rn"] {
                if name == "fma" && rounding.is_empty() {
                    continue;
                }
                let body = format!("{name}{rounding}{modifier}.f32 %d, {};", list(operands));
                let exact = |input: [u64; 4], mode| match flushes {
                    true => SINGLE.exact(name, input.map(flushed), mode),
                    false => SINGLE.exact(name, input, mode),
                };
                let mut inputs = of_singles(operands);
                inputs.retain(|input| {
                    exact(*input, 'n') & 0x7FFF_FFFF != 0x80_0000
                        || exact(*input, 'z') & 0x7FFF_FFFF == 0x80_0000
                });
                check(&body, "f32", kinds, &inputs, |input| {
                    let result = exact(input, 'n');
                    let result = if flushes { flushed(result) } else { result };
                    if saturates { saturated(result) } else { result }
                });
            }
        }
    }
}

fn of_doubles() -> Vec<[u64; 4]> {
    let sizes = [
        0.0,
        1.0,
        1.0 + f64::EPSILON,
        1.0 - f64::EPSILON / 2.0,
        f64::EPSILON / 2.0,
        3.0,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        0.1,
        f64::INFINITY,
    ];
    let special: Vec<u64> = sizes
        .iter()
        .flat_map(|x| [x.to_bits(), (-x).to_bits()])
        .collect();
    let mut inputs = combinations(&special, 2, 0);
    inputs.extend(combinations(&special[..], 3, 0).into_iter().step_by(7));
    inputs.extend(combinations(&[f64::NAN.to_bits(), 0, special[2]], 3, 300));
    let mut random = Random(5);
    for _ in 0..600 {
        let mut near = || {
            (random.next() & 0x800F_FFFF_FFFF_FFFF | 0x3FE0_0000_0000_0000)
                + (random.next() & 7 << 52)
        };
        inputs.push(std::array::from_fn(|_| near()));
    }
    inputs
}

#[test]
fn double_arithmetic_is_rounded() {
    for (name, operands) in ARITHMETIC {
        let kinds = &["f64"; 3][..operands];
        let roundings: &[&str] = if name == "fma" {
            &[".rn"]
        } else {
            &["", ".rn"]
        };
        for rounding in roundings {
            let body = format!("{name}{rounding}.f64 %d, {};", list(operands));
            check(&body, "f64", kinds, &of_doubles(), |input| {
                DOUBLE.exact(name, input, 'n')
            });
        }
    }
}

/// Long division and the root digit by digit, with a last digit that says whether something remains.
#[test]
fn quotients_and_roots_are_rounded() {
    let quotient = |format: Format, a: u64, b: u64| {
        let ((a, first), (b, second)) = (format.parts(a), format.parts(b));
        let shift = a.unsigned_abs().leading_zeros() - 3;
        let a = a << shift;
        let digits = a / b * 2;
        let sticky = if a % b == 0 { 0 } else { (a ^ b).signum() | 1 };
        let exponent = first - second - shift as i32 - 1;
        format.round(digits + sticky, exponent, 'n')
    };
    let root = |format: Format, a: u64| {
        let (a, exponent) = format.parts(a);
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
        format.round(root * 2 + sticky, (exponent - shift) / 2 - 1, 'n')
    };
    let is_number = |format: Format, x: u64| format.is_finite(x) && x << (65 - format.bits) != 0;
    let one = single(1.0);
    let mut inputs = of_singles(2);
    inputs.retain(|[a, b, ..]| {
        is_number(SINGLE, *a & mask("f32")) && is_number(SINGLE, *b & mask("f32"))
    });
    for (name, kinds) in [("div", &["f32"; 2][..]), ("rcp", &["f32"][..])] {
        for (modifier, flushes) in [("", false), (".ftz", true)] {
            let mut inputs = inputs.clone();
            inputs
                .retain(|[a, b, ..]| !flushes || flushed(*a) << 33 != 0 && flushed(*b) << 33 != 0);
            let body = format!("{name}.rn{modifier}.f32 %d, {};", list(kinds.len()));
            check(&body, "f32", kinds, &inputs, |[a, b, ..]| {
                let (a, b) = if name == "rcp" { (one, a) } else { (a, b) };
                let result = quotient(SINGLE, a, b);
                if flushes { flushed(result) } else { result }
            });
        }
    }
    let mut doubles = of_doubles();
    doubles.retain(|[a, b, ..]| is_number(DOUBLE, *a) && is_number(DOUBLE, *b));
    doubles
        .iter_mut()
        .for_each(|input| input[0] &= i64::MAX as u64);
    check(
        "sqrt.rn.f64 %d, %a;",
        "f64",
        &["f64"],
        &doubles,
        |[a, ..]| root(DOUBLE, a),
    );
    check(
        "div.rn.f64 %d, %a, %b;",
        "f64",
        &["f64"; 2],
        &doubles,
        |[a, b, ..]| quotient(DOUBLE, a, b),
    );
    inputs.iter_mut().for_each(|input| input[0] &= 0x7FFF_FFFF);
    check(
        "sqrt.rn.f32 %d, %a;",
        "f32",
        &["f32"],
        &inputs,
        |[a, ..]| root(SINGLE, a),
    );

    let (zero, infinity, nan) = (single(0.0), single(f32::INFINITY), single(f32::NAN));
    let minus = 1 << 31;
    for (a, b, expected) in [
        (zero, one, zero),
        (one, zero, infinity),
        (one, minus, infinity | minus),
        (zero, zero, nan),
        (infinity, infinity, nan),
        (one, infinity, zero),
        (infinity, one | minus, infinity | minus),
        (nan, one, nan),
        (one, nan, nan),
    ] {
        check(
            "div.rn.f32 %d, %a, %b;",
            "f32",
            &["f32"; 2],
            &[[a, b, 0, 0]],
            |_| expected,
        );
    }
    for (name, a, expected) in [
        ("rcp.rn", minus, infinity | minus),
        ("rcp.rn", infinity | minus, minus),
        ("rcp.rn.ftz", 1, infinity),
        ("sqrt.rn", minus, minus),
        ("sqrt.rn", single(-1.0), nan),
        ("sqrt.rn", infinity, infinity),
        ("sqrt.rn", nan, nan),
        ("sqrt.rn.ftz", minus | 1, minus),
    ] {
        check(
            &format!("{name}.f32 %d, %a;"),
            "f32",
            &["f32"],
            &[[a, 0, 0, 0]],
            |_| expected,
        );
    }
}

/// -0 is less than +0, and a number is preferred to NaN.
#[test]
fn extremes_and_signs() {
    // bits as numbers in the order of what they stand for
    let order = |x: u64| match x >> 31 {
        0 => x as i64,
        _ => -1 - (x as i64 & 0x7FFF_FFFF),
    };
    let is_nan = |x: u64| x & 0x7FFF_FFFF > 0x7F80_0000;
    for (modifier, flushes) in [("", false), (".ftz", true)] {
        for (name, sign) in [("min", 1), ("max", -1)] {
            let body = format!("{name}{modifier}.f32 %d, %a, %b;");
            check(&body, "f32", &["f32"; 2], &of_singles(2), |[a, b, ..]| {
                let [a, b] = [a, b].map(|x| if flushes { flushed(x) } else { x });
                match (is_nan(a), is_nan(b)) {
                    (true, _) => b,
                    (_, true) => a,
                    _ if (order(a) - order(b)) * sign < 0 => a,
                    _ => b,
                }
            });
        }
        let change = |bits: u64| if flushes { flushed(bits) } else { bits };
        let body = format!("neg{modifier}.f32 %d, %a;");
        check(&body, "f32", &["f32"], &of_singles(1), |[a, ..]| {
            change(a ^ 1 << 31)
        });
        let body = format!("abs{modifier}.f32 %d, %a;");
        check(&body, "f32", &["f32"], &of_singles(1), |[a, ..]| {
            change(a & !(1 << 31))
        });
    }
    let body = "copysign.f32 %d, %a, %b;";
    check(body, "f32", &["f32"; 2], &of_singles(2), |[a, b, ..]| {
        a & 1 << 31 | b & 0x7FFF_FFFF
    });
    let (top, nan) = (1 << 63, f64::NAN.to_bits());
    for (body, expected) in [
        ("min.f64 %d, %a, %b;", top),
        ("max.f64 %d, %a, %b;", 0),
        ("min.f64 %d, %a, %c;", 0),
        ("max.f64 %d, %c, %b;", top),
        ("min.f64 %d, %c, %c;", nan),
        ("copysign.f64 %d, %b, %e;", (-1f64).to_bits()),
        ("neg.f64 %d, %a;", top),
        ("abs.f64 %d, %b;", 0),
    ] {
        let input = [0, top, nan, 1f64.to_bits()];
        check(body, "f64", &["f64"; 4], &[input], |_| expected);
        // in the other order
        let other = body.replace("%a, %b", "%b, %a");
        check(&other, "f64", &["f64"; 4], &[input], |_| expected);
    }
}

/// Less, equal, greater, unordered: for which of the four each comparison holds.
const COMPARISONS: [(&str, [u64; 4]); 14] = [
    ("eq", [0, 1, 0, 0]),
    ("ne", [1, 0, 1, 0]),
    ("lt", [1, 0, 0, 0]),
    ("le", [1, 1, 0, 0]),
    ("gt", [0, 0, 1, 0]),
    ("ge", [0, 1, 1, 0]),
    ("equ", [0, 1, 0, 1]),
    ("neu", [1, 0, 1, 1]),
    ("ltu", [1, 0, 0, 1]),
    ("leu", [1, 1, 0, 1]),
    ("gtu", [0, 0, 1, 1]),
    ("geu", [0, 1, 1, 1]),
    ("num", [1, 1, 1, 0]),
    ("nan", [0, 0, 0, 1]),
];

fn relation(format: Format, a: u64, b: u64) -> usize {
    let size = |x: u64| x & !format.sign();
    if size(a) > format.infinity() || size(b) > format.infinity() {
        return 3;
    }
    let order = |x: u64| match x == size(x) {
        true => i128::from(x),
        false => -i128::from(size(x)),
    };
    1usize.wrapping_add_signed((order(a) - order(b)).signum() as isize)
}

#[test]
fn numbers_are_compared() {
    let inputs = of_singles(2);
    for (name, holds) in COMPARISONS {
        for (modifier, flushes) in [("", false), (".ftz", true)] {
            let expected = |[a, b, ..]: [u64; 4]| {
                let [a, b] = [a, b].map(|x| if flushes { flushed(x) } else { x });
                holds[relation(SINGLE, a, b)]
            };
            let body = format!("setp.{name}{modifier}.f32 %d, %a, %b;");
            check(&body, "pred", &["f32"; 2], &inputs, expected);
        }
        let single = |[a, b, ..]: [u64; 4]| holds[relation(SINGLE, a, b)];
        for (result, one) in [
            ("u32", 0xFFFF_FFFF),
            ("s32", 0xFFFF_FFFF),
            ("f32", 0x3F80_0000),
        ] {
            let body = format!("set.{name}.{result}.f32 %d, %a, %b;");
            check(&body, result, &["f32"; 2], &inputs, |input| {
                single(input) * one
            });
        }
        let body = format!("setp.{name}.f64 %d, %a, %b;");
        check(&body, "pred", &["f64"; 2], &of_doubles(), |[a, b, ..]| {
            holds[relation(DOUBLE, a, b)]
        });
    }
}

/// `p = t op c`, `q = !t op c`, also where `t` is of numbers that are not ordered.
#[test]
fn comparisons_are_combined() {
    let mut inputs = combinations(&singles(), 2, 100);
    for (at, input) in inputs.iter_mut().enumerate() {
        input[2] = at as u64 / 3 % 2;
    }
    for (name, holds) in COMPARISONS {
        for (combine, f) in [
            ("and", (|a, b| a & b) as fn(u64, u64) -> u64),
            ("or", |a, b| a | b),
            ("xor", |a, b| a ^ b),
        ] {
            for (modifier, flushes) in [("", false), (".ftz", true)] {
                let body = format!("setp.{name}.{combine}{modifier}.f32 %d|%f, %a, %b, %c;");
                let found = run(&body, ["pred"; 2], &["f32", "f32", "pred"], &inputs);
                for ([a, b, c, _], found) in inputs.iter().zip(found) {
                    let [a, b] = [*a, *b].map(|x| x & mask("f32"));
                    let [a, b] = [a, b].map(|x| if flushes { flushed(x) } else { x });
                    let test = holds[relation(SINGLE, a, b)];
                    assert_eq!(
                        found,
                        [f(test, *c), f(1 - test, *c)],
                        "{body} {a:#x} {b:#x} {c}"
                    );
                }
            }
        }
    }
}

/// The modifier stands before the result's type.
#[test]
fn flushed_numbers_are_compared_to_a_mask() {
    for (name, holds) in COMPARISONS {
        let body = format!("set.{name}.ftz.u32.f32 %d, %a, %b;");
        check(&body, "u32", &["f32"; 2], &of_singles(2), |[a, b, ..]| {
            holds[relation(SINGLE, flushed(a), flushed(b))] * 0xFFFF_FFFF
        });
    }
}

/// A number as a whole one: `i` to nearest with ties to even, `z` to zero, `m` down, `p` up. Clamped to 100 bits.
fn whole(format: Format, bits: u64, mode: char) -> i128 {
    let (number, exponent) = match format.is_finite(bits) {
        true => format.parts(bits),
        false if bits & format.sign() == 0 => (1, 99),
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

/// Numbers around the limits of integers, halves, and all special ones.
fn to_convert(format: Format) -> Vec<[u64; 4]> {
    let mut numbers = vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1e-300,
        1e-40,
        -1e-40,
        1e30,
        -1e30,
    ];
    numbers.extend((-40..40).map(|x| f64::from(x) / 4.0));
    for power in [7, 8, 15, 16, 23, 31, 32, 53, 63, 64] {
        let near = 2f64.powi(power);
        numbers.extend([
            near,
            near - 0.5,
            near - 1.0,
            near + 0.5,
            near.next_down(),
            near.next_up(),
        ]);
        numbers.extend([
            f64::from((near as f32).next_down()),
            f64::from((near as f32).next_up()),
        ]);
    }
    let mut random = Random(9);
    numbers.extend((0..200).map(|_| random.scaled() as i64 as f64 / 8.0));
    let both = numbers.iter().flat_map(|x| [*x, -x]);
    let rows = both.map(|x| match format.bits {
        32 => [single(x as f32), 0, 0, 0],
        _ => [x.to_bits(), 0, 0, 0],
    });
    rows.collect()
}

const ROUNDINGS: [(&str, char); 4] = [("rni", 'n'), ("rzi", 'z'), ("rmi", 'm'), ("rpi", 'p')];

fn is_nan(format: Format, bits: u64) -> bool {
    bits & !format.sign() > format.infinity()
}

fn clamped(kind: &str, number: i128) -> u64 {
    let count = bits(kind);
    let (low, high) = match kind.as_bytes()[0] {
        b's' => (-(1i128 << (count - 1)), (1i128 << (count - 1)) - 1),
        _ => (0, (1i128 << count) - 1),
    };
    number.clamp(low, high) as u64 & mask(kind)
}

#[test]
fn numbers_are_converted_to_integers() {
    for (from, format) in [("f32", SINGLE), ("f64", DOUBLE)] {
        let mut inputs = to_convert(format);
        inputs.retain(|[a, ..]| !is_nan(format, *a));
        for (name, mode) in ROUNDINGS {
            for to in ["u8", "u16", "s16", "u32", "s32", "u64", "s64"] {
                let body = format!("cvt.{name}.{to}.{from} %d, %a;");
                check(&body, to, &[from], &inputs, |[a, ..]| {
                    clamped(to, whole(format, a, mode))
                });
            }
            // to whole numbers of the same type, which keep their sign
            let body = format!("cvt.{name}.{from}.{from} %d, %a;");
            check(&body, from, &[from], &inputs, |[a, ..]| {
                match format.parts(a) {
                    (_, 0..) => a,
                    _ => match whole(format, a, mode) {
                        0 => a & format.sign(),
                        number => format.round(number, 0, 'n'),
                    },
                }
            });
        }
        if from == "f32" {
            let body = "cvt.rpi.ftz.s32.f32 %d, %a;";
            check(body, "s32", &["f32"], &inputs, |[a, ..]| {
                clamped("s32", whole(SINGLE, flushed(a), 'p'))
            });
        }
    }
}

/// 0 from `f32` to at most 32 bits, else the highest bit alone.
#[test]
fn nan_is_converted_to_integers() {
    for (from, nan) in [("f32", single(f32::NAN)), ("f64", f64::NAN.to_bits())] {
        for (name, _) in ROUNDINGS {
            for to in ["u16", "s16", "u32", "s32", "u64", "s64"] {
                let body = format!("cvt.{name}.{to}.{from} %d, %a;");
                let expected = match from == "f32" && bits(to) <= 32 {
                    true => 0,
                    false => 1 << (bits(to) - 1),
                };
                check(&body, to, &[from], &[[nan, 0, 0, 0]], |_| expected);
            }
        }
    }
}

#[test]
fn integers_are_converted_to_numbers() {
    for from in ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"] {
        let mut special = integers(bits(from));
        // ties in the 24th and 53rd digit
        special.extend([24, 25, 53, 54, 62].map(|power| (1u64 << power) + 1));
        special.extend([24, 25, 53, 54, 62].map(|power| (3u64 << power) / 2 + 1));
        special.extend([(1 << 25) + 2, (1 << 25) + 6, (1 << 54) + 2, (1 << 54) + 6]);
        let inputs = combinations(&special, 1, 200);
        for (to, format) in [("f32", SINGLE), ("f64", DOUBLE)] {
            let body = format!("cvt.rn.{to}.{from} %d, %a;");
            check(&body, to, &[from], &inputs, |[a, ..]| {
                let is_negative = from.starts_with('s') && a >> (bits(from) - 1) == 1;
                let number = i128::from(a) - if is_negative { 1 << bits(from) } else { 0 };
                match number {
                    0 => 0,
                    _ => format.round(number, 0, 'n'),
                }
            });
        }
    }
}

#[test]
fn numbers_are_converted_between_formats() {
    let converted = |from: Format, to: Format, a: u64| {
        let sign = if a & from.sign() != 0 { to.sign() } else { 0 };
        match is_nan(from, a) {
            true => to.infinity() + 1,
            false if !from.is_finite(a) => sign | to.infinity(),
            false => match from.parts(a) {
                (0, _) => sign,
                (number, exponent) => to.round(number, exponent, 'n'),
            },
        }
    };
    let mut inputs = of_doubles();
    // ties in the 24th digit, also of subnormal numbers, and the limit of what is rounded to infinity
    let mut random = Random(21);
    for at in 0..300u64 {
        let exponent = [
            1023,
            1023 - 126,
            1023 - 130,
            1023 - 149,
            1023 - 150,
            1023 + 127,
        ][at as usize % 6];
        let fraction = random.next() & 0xF_FFFF_E000_0000 | 0x1000_0000;
        inputs.push([exponent << 52 | fraction, 0, 0, 0]);
    }
    inputs.push([0x47EF_FFFF_EFFF_FFFF, 0, 0, 0]);
    inputs.push([0x47EF_FFFF_F000_0000, 0, 0, 0]);
    check(
        "cvt.rn.f32.f64 %d, %a;",
        "f32",
        &["f64"],
        &inputs,
        |[a, ..]| converted(DOUBLE, SINGLE, a),
    );
    let mut inputs = of_singles(1);
    for at in 0..300u64 {
        let exponent = [127, 127 - 14, 127 - 20, 127 - 24, 127 - 25, 127 + 15][at as usize % 6];
        let fraction = random.next() & 0x7F_E000 | 0x1000;
        inputs.push([exponent << 23 | fraction, 0, 0, 0]);
    }
    inputs.extend([65519.0, 65520.0, -65520.0, 65504.0].map(|x| [single(x), 0, 0, 0]));
    check(
        "cvt.f64.f32 %d, %a;",
        "f64",
        &["f32"],
        &inputs,
        |[a, ..]| converted(SINGLE, DOUBLE, a),
    );
    check(
        "cvt.ftz.f64.f32 %d, %a;",
        "f64",
        &["f32"],
        &inputs,
        |[a, ..]| converted(SINGLE, DOUBLE, flushed(a)),
    );
    let numbers: Vec<_> = inputs
        .iter()
        .copied()
        .filter(|[a, ..]| !is_nan(SINGLE, a & mask("f32")))
        .collect();
    check(
        "cvt.rn.f16.f32 %d, %a;",
        "b16",
        &["f32"],
        &numbers,
        |[a, ..]| converted(SINGLE, HALF, a),
    );
    let bfloat = |a: u64| match a & 0x7FFF_FFFF {
        0x7F80_0000 => a >> 16,
        _ => (a + 0x7FFF + (a >> 16 & 1)) >> 16,
    };
    check(
        "cvt.rn.bf16.f32 %d, %a;",
        "b16",
        &["f32"],
        &numbers,
        |[a, ..]| bfloat(a),
    );
    let every: Vec<_> = (0..65536).map(|a| [a, 0, 0, 0]).collect();
    check("cvt.f32.f16 %d, %a;", "f32", &["b16"], &every, |[a, ..]| {
        converted(HALF, SINGLE, a)
    });
    check(
        "cvt.f32.bf16 %d, %a;",
        "f32",
        &["b16"],
        &every,
        |[a, ..]| a << 16,
    );
    let nan = [[single(f32::NAN), 0, 0, 0]];
    let found = run("cvt.rn.f16.f32 %d, %a;", ["b16"], &["f32"], &nan);
    assert!(is_nan(HALF, found[0][0]), "{found:x?}");
    for (body, f) in [
        ("cvt.sat.f32.f32 %d, %a;", saturated as fn(u64) -> u64),
        ("cvt.ftz.sat.f32.f32 %d, %a;", |a| saturated(flushed(a))),
        ("cvt.ftz.f32.f32 %d, %a;", flushed),
    ] {
        check(body, "f32", &["f32"], &of_singles(1), |[a, ..]| f(a));
    }
}

/// Powers of e by their series, after halving the argument until it is small.
fn exponential(x: f64) -> f64 {
    let halvings = 12;
    let small = x / f64::from(1 << halvings);
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..14 {
        term *= small / f64::from(n);
        sum += term;
    }
    (0..halvings).fold(sum, |power, _| power * power)
}

/// The logarithm to base 2, by the series of `ln((1 + t) / (1 - t))`.
fn logarithm(x: f64) -> f64 {
    let (mut x, mut power) = (x, 0.0);
    while x > 1.5 {
        (x, power) = (x / 2.0, power + 1.0);
    }
    while x < 0.75 {
        (x, power) = (x * 2.0, power - 1.0);
    }
    let t = (x - 1.0) / (x + 1.0);
    let terms = (0..30).map(|n| t.powi(2 * n + 1) / f64::from(2 * n + 1));
    power + 2.0 * terms.sum::<f64>() / std::f64::consts::LN_2
}

/// The sine by its series.
fn sine(x: f64) -> f64 {
    let (mut sum, mut term) = (0.0, x);
    for n in 1..30 {
        sum += term;
        term *= -x * x / f64::from(2 * n * (2 * n + 1));
    }
    sum
}

/// Compares with an error that is relative to the value, or absolute.
fn approximates(name: &str, inputs: &[f32], error: f64, is_absolute: bool, exact: fn(f64) -> f64) {
    let rows: Vec<_> = inputs.iter().map(|x| [single(*x), 0, 0, 0]).collect();
    let body = format!("{name}.f32 %d, %a;");
    for (x, [found]) in inputs.iter().zip(run(&body, ["f32"], &["f32"], &rows)) {
        let (found, exact) = (f64::from(of_single(found)), exact(f64::from(*x)));
        let scale = if is_absolute { 1.0 } else { exact.abs() };
        let distance = (found - exact).abs();
        assert!(
            distance <= error * scale,
            "{body} of {x}: {found}, expected {exact}"
        );
    }
}

/// With the errors that the manual states.
#[test]
fn approximations() {
    let mut random = Random(31);
    let mut between = |low: f64, high: f64| -> Vec<f32> {
        let mut part = || (random.next() >> 11) as f64 / 2f64.powi(53);
        (0..500)
            .map(|_| (low + (high - low) * part()) as f32)
            .collect()
    };
    let power = |x: f64| exponential(x * std::f64::consts::LN_2);
    for name in ["ex2.approx", "ex2.approx.ftz"] {
        approximates(name, &between(-125.0, 127.0), 2f64.powi(-22), false, power);
        approximates(name, &between(-1.0, 1.0), 2f64.powi(-22), false, power);
    }
    for name in ["lg2.approx", "lg2.approx.ftz"] {
        approximates(name, &between(0.5, 2.0), 2f64.powi(-22), true, logarithm);
        approximates(name, &between(2.0, 1e30), 2f64.powi(-22), false, logarithm);
        approximates(name, &between(1e-30, 0.5), 2f64.powi(-22), false, logarithm);
    }
    let pi = std::f64::consts::PI;
    for modifier in ["", ".ftz"] {
        let name = |name: &str| format!("{name}.approx{modifier}");
        approximates(
            &name("sin"),
            &between(-pi, pi),
            2f64.powf(-20.5),
            true,
            sine,
        );
        approximates(
            &name("cos"),
            &between(-pi, pi),
            2f64.powf(-20.5),
            true,
            |x| sine(x + std::f64::consts::FRAC_PI_2),
        );
        // 1 / sqrt(x) = 2^(-log2(x) / 2)
        let inverse_root = |x| exponential(logarithm(x) / -2.0 * std::f64::consts::LN_2);
        approximates(
            &name("rsqrt"),
            &between(1e-20, 1e-3),
            2f64.powf(-22.9),
            false,
            inverse_root,
        );
        approximates(
            &name("rsqrt"),
            &between(0.1, 1e10),
            2f64.powf(-22.9),
            false,
            inverse_root,
        );
    }
    let tangent = |x: f64| {
        let power = exponential(2.0 * x);
        (power - 1.0) / (power + 1.0)
    };
    approximates(
        "tanh.approx",
        &between(-8.0, 8.0),
        2f64.powi(-11),
        false,
        tangent,
    );
    approximates(
        "rcp.approx",
        &between(0.1, 1e6),
        2f64.powi(-23),
        false,
        |x| 1.0 / x,
    );
    approximates(
        "sqrt.approx",
        &between(0.1, 1e6),
        2f64.powi(-23),
        false,
        |x| exponential(logarithm(x) / 2.0 * std::f64::consts::LN_2),
    );
}

/// The tables of results for special operands.
#[test]
fn approximations_of_special_values() {
    let (infinity, nan) = (f32::INFINITY, f32::NAN);
    let tiny = f32::from_bits(1);
    for (name, x, expected) in [
        ("ex2.approx.ftz", -infinity, 0.0),
        ("ex2.approx.ftz", -0.0, 1.0),
        ("ex2.approx.ftz", -tiny, 1.0),
        ("ex2.approx.ftz", infinity, infinity),
        ("ex2.approx.ftz", 128.0, infinity),
        ("ex2.approx.ftz", -130.0, 0.0),
        ("ex2.approx", -130.0, f32::from_bits(1 << 19)),
        ("ex2.approx.ftz", nan, nan),
        ("lg2.approx", -infinity, nan),
        ("lg2.approx", -1.0, nan),
        ("lg2.approx", -0.0, -infinity),
        ("lg2.approx", 0.0, -infinity),
        ("lg2.approx", 1.0, 0.0),
        ("lg2.approx", tiny, -149.0),
        ("lg2.approx.ftz", tiny, -infinity),
        ("lg2.approx.ftz", -tiny, -infinity),
        ("lg2.approx", infinity, infinity),
        ("lg2.approx", nan, nan),
        ("sin.approx", -0.0, -0.0),
        ("sin.approx", 0.0, 0.0),
        ("sin.approx", infinity, nan),
        ("sin.approx.ftz", -tiny, -0.0),
        ("cos.approx", 0.0, 1.0),
        ("cos.approx", -infinity, nan),
        ("rsqrt.approx", -infinity, nan),
        ("rsqrt.approx", -1.0, nan),
        ("rsqrt.approx", -0.0, -infinity),
        ("rsqrt.approx", 0.0, infinity),
        ("rsqrt.approx", infinity, 0.0),
        ("rsqrt.approx.ftz", -tiny, -infinity),
        ("rsqrt.approx", nan, nan),
        ("tanh.approx", -infinity, -1.0),
        ("tanh.approx", infinity, 1.0),
        ("tanh.approx", -0.0, -0.0),
        ("tanh.approx", tiny, tiny),
        ("tanh.approx", nan, nan),
    ] {
        let body = format!("{name}.f32 %d, %a;");
        check(&body, "f32", &["f32"], &[[single(x), 0, 0, 0]], |_| {
            single(expected)
        });
    }
}
