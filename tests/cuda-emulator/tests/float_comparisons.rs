//! Comparisons of floating-point numbers, extremes and signs: what needs no rounding.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::exact::{DOUBLE, Format, SINGLE};
use kernel::operands::{FLUSHES, combinations, flushed, of_doubles, of_singles, singles};
use kernel::{check, mask, run};

/// -0 is less than +0, and a number is preferred to NaN.
#[test]
fn extremes_and_signs() {
    // bits as numbers in the order of what they stand for
    let order = |x: u64| match x >> 31 {
        0 => x as i64,
        _ => -1 - (x as i64 & 0x7FFF_FFFF),
    };
    for (modifier, flush) in FLUSHES {
        for (name, sign) in [("min", 1), ("max", -1)] {
            let body = format!("{name}{modifier}.f32 %d, %a, %b;");
            check(&body, "f32", &["f32"; 2], &of_singles(2), |[a, b, ..]| {
                let [a, b] = [a, b].map(flush);
                match (SINGLE.is_nan(a), SINGLE.is_nan(b)) {
                    (true, _) => b,
                    (_, true) => a,
                    _ if (order(a) - order(b)) * sign < 0 => a,
                    _ => b,
                }
            });
        }
        let body = format!("neg{modifier}.f32 %d, %a;");
        check(&body, "f32", &["f32"], &of_singles(1), |[a, ..]| {
            flush(a ^ 1 << 31)
        });
        let body = format!("abs{modifier}.f32 %d, %a;");
        check(&body, "f32", &["f32"], &of_singles(1), |[a, ..]| {
            flush(a & !(1 << 31))
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

/// The relation of two numbers, as an index in the rows of [`COMPARISONS`].
fn relation(format: Format, a: u64, b: u64) -> usize {
    if format.is_nan(a) || format.is_nan(b) {
        return 3;
    }
    let size = |x: u64| x & !format.sign();
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
        for (modifier, flush) in FLUSHES {
            let expected = |[a, b, ..]: [u64; 4]| {
                let [a, b] = [a, b].map(flush);
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

/// `p = t op c`, `q = !t op c`, where `t` is the comparison, also of NaN.
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
            for (modifier, flush) in FLUSHES {
                let body = format!("setp.{name}.{combine}{modifier}.f32 %d|%f, %a, %b, %c;");
                let found = run(&body, ["pred"; 2], &["f32", "f32", "pred"], &inputs);
                for ([a, b, c, _], found) in inputs.iter().zip(found) {
                    let [a, b] = [*a, *b].map(|x| flush(x & mask("f32")));
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

/// In `set`, `.ftz` stands before the result's type.
#[test]
fn flushed_numbers_are_compared_to_a_mask() {
    for (name, holds) in COMPARISONS {
        let body = format!("set.{name}.ftz.u32.f32 %d, %a, %b;");
        check(&body, "u32", &["f32"; 2], &of_singles(2), |[a, b, ..]| {
            holds[relation(SINGLE, flushed(a), flushed(b))] * 0xFFFF_FFFF
        });
    }
}
