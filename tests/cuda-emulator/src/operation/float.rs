//! Floating-point arithmetic: section 9.7.3, "Floating-Point Instructions".
//!
//! Approximate functions are computed in `f64` and rounded, which is within the error that the manual allows them.

use super::{
    Operation,
    rounding::{Direction, two_sum},
    split_type,
};
use crate::lanes::{Flushed, Saturated, Value, one, three, two};

pub(super) fn decode(opcode: &str) -> Option<Operation> {
    let (name, kind) = split_type(opcode)?;
    let (mut is_flushed, mut is_saturated, mut direction) = (false, false, None);
    let mut base = Vec::new();
    for part in name.split('.') {
        match part {
            "ftz" => is_flushed = true,
            "sat" => is_saturated = true,
            "rn" => {}
            _ => match Direction::of(part) {
                Some(found) => direction = Some(found),
                None => base.push(part),
            },
        }
    }
    let base = base.join(".");
    match (kind, direction, is_flushed, is_saturated) {
        ("f32", Some(direction), false, false) => directed(&base, direction),
        ("f32", None, false, false) => single::<f32>(&base),
        ("f32", None, true, false) => single::<Flushed>(&base),
        ("f32", None, false, true) => single::<Saturated<f32>>(&base),
        ("f32", None, true, true) => single::<Saturated<Flushed>>(&base),
        ("f64", None, _, false) => double(&base),
        _ => None,
    }
}

/// Those of `f32`.
fn single<V: Value<Number = f32>>(name: &str) -> Option<Operation> {
    use Operation::{One, Three, Two};
    Some(match name {
        "add" => Two(|x| two::<V, V, V>(x, |a, b| a + b)),
        "sub" => Two(|x| two::<V, V, V>(x, |a, b| a - b)),
        "mul" => Two(|x| two::<V, V, V>(x, |a, b| a * b)),
        "div" | "div.full" | "div.approx" => Two(|x| two::<V, V, V>(x, |a, b| a / b)),
        "fma" | "mad" => Three(|x| three::<V, V, V>(x, f32::mul_add)),
        "neg" => One(|a| one::<V, V>(a, |a| -a)),
        "abs" => One(|a| one::<V, V>(a, f32::abs)),
        "min" => Two(|x| two::<V, V, V>(x, |a, b| lesser(a.into(), b.into()) as f32)),
        "max" => Two(|x| two::<V, V, V>(x, |a, b| -lesser(-f64::from(a), -f64::from(b)) as f32)),
        // the sign of the first operand, the value of the second
        "copysign" => Two(|x| two::<V, V, V>(x, |sign, value| value.copysign(sign))),
        "sqrt" | "sqrt.approx" => One(|a| one::<V, V>(a, f32::sqrt)),
        "rcp" | "rcp.approx" => One(|a| one::<V, V>(a, |a| 1.0 / a)),
        "rsqrt.approx" => One(|a| one::<V, V>(a, |a| by_double(a, |a| 1.0 / a.sqrt()))),
        "ex2.approx" => One(|a| one::<V, V>(a, |a| by_double(a, f64::exp2))),
        "lg2.approx" => One(|a| one::<V, V>(a, |a| by_double(a, f64::log2))),
        "sin.approx" => One(|a| one::<V, V>(a, |a| by_double(a, f64::sin))),
        "cos.approx" => One(|a| one::<V, V>(a, |a| by_double(a, f64::cos))),
        "tanh.approx" => One(|a| one::<V, V>(a, |a| by_double(a, f64::tanh))),
        _ => return None,
    })
}

/// Those of `f64`.
fn double(name: &str) -> Option<Operation> {
    use Operation::{One, Three, Two};
    Some(match name {
        "add" => Two(|x| two::<f64, f64, f64>(x, |a, b| a + b)),
        "sub" => Two(|x| two::<f64, f64, f64>(x, |a, b| a - b)),
        "mul" => Two(|x| two::<f64, f64, f64>(x, |a, b| a * b)),
        "div" => Two(|x| two::<f64, f64, f64>(x, |a, b| a / b)),
        "fma" | "mad" => Three(|x| three::<f64, f64, f64>(x, f64::mul_add)),
        "neg" => One(|a| one::<f64, f64>(a, |a| -a)),
        "abs" => One(|a| one::<f64, f64>(a, f64::abs)),
        "min" => Two(|x| two::<f64, f64, f64>(x, lesser)),
        "max" => Two(|x| two::<f64, f64, f64>(x, |a, b| -lesser(-a, -b))),
        "copysign" => Two(|x| two::<f64, f64, f64>(x, |sign, value| value.copysign(sign))),
        "sqrt" => One(|a| one::<f64, f64>(a, f64::sqrt)),
        "rcp" | "rcp.approx" => One(|a| one::<f64, f64>(a, |a| 1.0 / a)),
        "rsqrt.approx" => One(|a| one::<f64, f64>(a, |a| 1.0 / a.sqrt())),
        _ => return None,
    })
}

/// Arithmetic of `f32` that is rounded in a direction; `f64` holds a product exactly, and a sum with a rest.
fn directed(name: &str, direction: Direction) -> Option<Operation> {
    use Direction::{Down, Up, Zero};
    use Operation::{Three, Two};
    macro_rules! in_each {
        ($of:ident, $vector:ident, |$($x:ident),*| $exact:expr) => {{
            fn rounded(direction: Direction, $($x: f32),*) -> f32 {
                $(let $x = f64::from($x);)*
                let [a, b] = $exact;
                let (sum, rest) = two_sum(a, b);
                match sum == 0.0 && rest == 0.0 && a.is_sign_negative() != b.is_sign_negative() {
                    // the exact zero of terms of opposite signs
                    true if direction == Down => -0.0,
                    true => 0.0,
                    false => direction.round(sum, rest),
                }
            }
            match direction {
                Zero => $of(|x| $vector::<f32, f32, f32>(x, |$($x),*| rounded(Zero, $($x),*))),
                Down => $of(|x| $vector::<f32, f32, f32>(x, |$($x),*| rounded(Down, $($x),*))),
                Up => $of(|x| $vector::<f32, f32, f32>(x, |$($x),*| rounded(Up, $($x),*))),
            }
        }};
    }
    Some(match name {
        "add" => in_each!(Two, two, |a, b| [a, b]),
        "sub" => in_each!(Two, two, |a, b| [a, -b]),
        "mul" => in_each!(Two, two, |a, b| [a * b, 0f64.copysign(a * b)]),
        "fma" => in_each!(Three, three, |a, b, c| [a * b, c]),
        _ => return None,
    })
}

/// The operand that is a number where the other is NaN; -0 is less than +0.
fn lesser(a: f64, b: f64) -> f64 {
    match (a.is_nan(), b.is_nan()) {
        (true, _) => b,
        (_, true) => a,
        _ if a == b => {
            if a.is_sign_negative() {
                a
            } else {
                b
            }
        }
        _ => a.min(b),
    }
}

fn by_double(a: f32, f: impl Fn(f64) -> f64) -> f32 {
    f(f64::from(a)) as f32
}
