//! Conversions between types: `cvt`, of integers and of floating-point numbers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::exact::{DOUBLE, Format, HALF, SINGLE};
use kernel::operands::{
    Change, Random, combinations, flushed, integers, of_doubles, of_singles, saturated, single,
};
use kernel::{bits, check, mask, run, value, wrapped};

/// Compares the results of a conversion, in a register of the type `to`, with what a function expects of each operand.
fn converts(name: &str, [to, from]: [&str; 2], inputs: &[[u64; 4]], expected: impl Fn(u64) -> u64) {
    let body = format!("{name} %d, %a;");
    check(&body, to, &[from], inputs, |[a, ..]| expected(a));
}

const WIDTHS: [&str; 8] = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"];

/// Between integers of all widths, in registers of the type's width or of 16 bits.
#[test]
fn integers_are_converted() {
    for from in WIDTHS {
        let inputs = combinations(&integers(bits(from)), 1, 100);
        for to in WIDTHS {
            let name = format!("cvt.{to}.{from}");
            let converted = |a| wrapped(to, value(from, a));
            converts(&name, [to, from], &inputs, converted);
            // the bits beyond the source's type do not count
            if bits(from) < 64 {
                converts(&name, [to, "b64"], &inputs, converted);
            }
        }
    }
}

/// In a register wider than its type, a result is extended by its sign if the type has one, else by zeros.
#[test]
fn narrow_results_in_wide_registers() {
    for from in WIDTHS {
        let inputs = combinations(&integers(bits(from)), 1, 100);
        for to in WIDTHS {
            for register in ["b16", "b32", "b64"] {
                if bits(to) < bits(register) {
                    converts(
                        &format!("cvt.{to}.{from}"),
                        [register, from],
                        &inputs,
                        |a| wrapped(register, value(to, wrapped(to, value(from, a)))),
                    );
                }
            }
        }
    }
}

/// Numbers around the limits of integers, quarters, and all special ones.
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

/// Roundings to integers, and their modes as in `Format::round`.
const ROUNDINGS: [(&str, char); 4] = [("rni", 'n'), ("rzi", 'z'), ("rmi", 'm'), ("rpi", 'p')];

/// The bits of the nearest number that the type has.
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
        inputs.retain(|[a, ..]| !format.is_nan(*a));
        for (name, mode) in ROUNDINGS {
            for to in ["u8", "u16", "s16", "u32", "s32", "u64", "s64"] {
                let name = format!("cvt.{name}.{to}.{from}");
                converts(&name, [to, from], &inputs, |a| {
                    clamped(to, format.whole(a, mode))
                });
            }
            // to whole numbers of the same type, which keep their sign
            let name = format!("cvt.{name}.{from}.{from}");
            converts(&name, [from; 2], &inputs, |a| match format.parts(a) {
                (_, 0..) => a,
                _ => match format.whole(a, mode) {
                    0 => a & format.sign(),
                    number => format.round(number, 0, 'n'),
                },
            });
        }
        if from == "f32" {
            converts("cvt.rpi.ftz.s32.f32", ["s32", "f32"], &inputs, |a| {
                clamped("s32", SINGLE.whole(flushed(a), 'p'))
            });
        }
    }
}

/// NaN of `f32` gives 0 in a type of at most 32 bits; otherwise NaN gives the highest bit alone.
#[test]
fn nan_is_converted_to_integers() {
    for (from, nan) in [("f32", single(f32::NAN)), ("f64", f64::NAN.to_bits())] {
        for (name, _) in ROUNDINGS {
            for to in ["u16", "s16", "u32", "s32", "u64", "s64"] {
                let name = format!("cvt.{name}.{to}.{from}");
                let expected = match from == "f32" && bits(to) <= 32 {
                    true => 0,
                    false => 1 << (bits(to) - 1),
                };
                converts(&name, [to, from], &[[nan, 0, 0, 0]], |_| expected);
            }
        }
    }
}

#[test]
fn integers_are_converted_to_numbers() {
    for from in WIDTHS {
        let mut special = integers(bits(from));
        // ties in the 24th and 53rd digit
        special.extend([24, 25, 53, 54, 62].map(|power| (1u64 << power) + 1));
        special.extend([24, 25, 53, 54, 62].map(|power| (3u64 << power) / 2 + 1));
        special.extend([(1 << 25) + 2, (1 << 25) + 6, (1 << 54) + 2, (1 << 54) + 6]);
        let inputs = combinations(&special, 1, 200);
        for (to, format) in [("f32", SINGLE), ("f64", DOUBLE)] {
            let name = format!("cvt.rn.{to}.{from}");
            converts(&name, [to, from], &inputs, |a| match value(from, a) {
                0 => 0,
                number => format.round(number, 0, 'n'),
            });
        }
    }
}

#[test]
fn numbers_are_converted_between_formats() {
    let converted = |from: Format, to: Format, a: u64| {
        let sign = if a & from.sign() != 0 { to.sign() } else { 0 };
        match from.is_nan(a) {
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
    converts("cvt.rn.f32.f64", ["f32", "f64"], &inputs, |a| {
        converted(DOUBLE, SINGLE, a)
    });
    let mut inputs = of_singles(1);
    for at in 0..300u64 {
        let exponent = [127, 127 - 14, 127 - 20, 127 - 24, 127 - 25, 127 + 15][at as usize % 6];
        let fraction = random.next() & 0x7F_E000 | 0x1000;
        inputs.push([exponent << 23 | fraction, 0, 0, 0]);
    }
    inputs.extend([65519.0, 65520.0, -65520.0, 65504.0].map(|x| [single(x), 0, 0, 0]));
    converts("cvt.f64.f32", ["f64", "f32"], &inputs, |a| {
        converted(SINGLE, DOUBLE, a)
    });
    converts("cvt.ftz.f64.f32", ["f64", "f32"], &inputs, |a| {
        converted(SINGLE, DOUBLE, flushed(a))
    });
    let numbers: Vec<_> = inputs
        .iter()
        .copied()
        .filter(|[a, ..]| !SINGLE.is_nan(a & mask("f32")))
        .collect();
    converts("cvt.rn.f16.f32", ["b16", "f32"], &numbers, |a| {
        converted(SINGLE, HALF, a)
    });
    let bfloat = |a: u64| match a & 0x7FFF_FFFF {
        0x7F80_0000 => a >> 16,
        _ => (a + 0x7FFF + (a >> 16 & 1)) >> 16,
    };
    converts("cvt.rn.bf16.f32", ["b16", "f32"], &numbers, bfloat);
    let every: Vec<_> = (0..65536).map(|a| [a, 0, 0, 0]).collect();
    converts("cvt.f32.f16", ["f32", "b16"], &every, |a| {
        converted(HALF, SINGLE, a)
    });
    converts("cvt.f32.bf16", ["f32", "b16"], &every, |a| a << 16);
    let nan = [[single(f32::NAN), 0, 0, 0]];
    let found = run("cvt.rn.f16.f32 %d, %a;", ["b16"], &["f32"], &nan);
    assert!(HALF.is_nan(found[0][0]), "{found:x?}");
    for (name, f) in [
        ("cvt.sat.f32.f32", saturated as Change),
        ("cvt.ftz.sat.f32.f32", |a| saturated(flushed(a))),
        ("cvt.ftz.f32.f32", flushed),
    ] {
        converts(name, ["f32"; 2], &of_singles(1), f);
    }
}
