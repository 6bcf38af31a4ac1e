//! Floating-point arithmetic: results are the exact ones, rounded once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::exact::{DOUBLE, Format, SINGLE};
use kernel::operands::{Change, FLUSHES, flushed, of_doubles, of_singles, saturated, single};
use kernel::{check, mask};

/// Instructions, and how many operands they have.
const ARITHMETIC: [(&str, usize); 4] = [("add", 2), ("sub", 2), ("mul", 2), ("fma", 3)];

/// The operands in an instruction.
fn list(operands: usize) -> String {
    ["%a", "%b", "%c"][..operands].join(", ")
}

/// Except exact sums of 0 rounded down: see [`exact_zeros_rounded_down`].
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

/// Except results that round up to the least normal number: whether these are flushed depends on whether the hardware rounds
/// first.
#[test]
fn subnormal_numbers_are_flushed_and_results_saturated() {
    for (name, operands) in ARITHMETIC {
        let kinds = &["f32"; 3][..operands];
        let same = |bits| bits;
        let table: [(&str, Change, Change); 3] = [
            (".ftz", flushed, same),
            (".sat", same, saturated),
            (".ftz.sat", flushed, saturated),
        ];
        for (modifier, flush, saturate) in table {
            for rounding in ["", ".rn"] {
                if name == "fma" && rounding.is_empty() {
                    continue;
                }
                let body = format!("{name}{rounding}{modifier}.f32 %d, {};", list(operands));
                let exact = |input: [u64; 4], mode| SINGLE.exact(name, input.map(flush), mode);
                let mut inputs = of_singles(operands);
                inputs.retain(|input| {
                    exact(*input, 'n') & 0x7FFF_FFFF != 0x80_0000
                        || exact(*input, 'z') & 0x7FFF_FFFF == 0x80_0000
                });
                check(&body, "f32", kinds, &inputs, |input| {
                    saturate(flush(exact(input, 'n')))
                });
            }
        }
    }
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

#[test]
fn quotients_and_roots_are_rounded() {
    let is_number = |format: Format, x: u64| format.is_finite(x) && x << (65 - format.bits) != 0;
    let one = single(1.0);
    let mut inputs = of_singles(2);
    inputs.retain(|[a, b, ..]| {
        is_number(SINGLE, *a & mask("f32")) && is_number(SINGLE, *b & mask("f32"))
    });
    for (name, kinds) in [("div", &["f32"; 2][..]), ("rcp", &["f32"][..])] {
        for (modifier, flush) in FLUSHES {
            let mut inputs = inputs.clone();
            inputs.retain(|[a, b, ..]| flush(*a) << 33 != 0 && flush(*b) << 33 != 0);
            let body = format!("{name}.rn{modifier}.f32 %d, {};", list(kinds.len()));
            check(&body, "f32", kinds, &inputs, |[a, b, ..]| {
                let (a, b) = if name == "rcp" { (one, a) } else { (a, b) };
                flush(SINGLE.quotient(a, b))
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
        |[a, ..]| DOUBLE.root(a),
    );
    check(
        "div.rn.f64 %d, %a, %b;",
        "f64",
        &["f64"; 2],
        &doubles,
        |[a, b, ..]| DOUBLE.quotient(a, b),
    );
    inputs.iter_mut().for_each(|input| input[0] &= 0x7FFF_FFFF);
    check(
        "sqrt.rn.f32 %d, %a;",
        "f32",
        &["f32"],
        &inputs,
        |[a, ..]| SINGLE.root(a),
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
