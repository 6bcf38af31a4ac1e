//! Comparisons and selections: section 9.7.5 and following, "Comparison and Selection Instructions".

use super::{Operation, split_type};
use crate::lanes::{Flushed, Lanes, two};

type Test = fn([&Lanes; 2]) -> Lanes;

pub(super) fn decode(opcode: &str) -> Option<Operation> {
    let (name, kind) = split_type(opcode)?;
    if name == "selp" {
        return Some(Operation::Select);
    }
    if let Some(rest) = name.strip_prefix("setp.") {
        let (rest, is_flushed) = without_ftz(rest);
        let (test, combine) = match rest.split_once('.') {
            Some((test, combine)) => (test, Some(combined(combine)?)),
            None => (rest, None),
        };
        return Some(Operation::SetPredicate(
            test_of(test, kind, is_flushed)?,
            combine,
        ));
    }
    let (test, result) = name.strip_prefix("set.")?.rsplit_once('.')?;
    let (test, is_flushed) = without_ftz(test);
    let value = match result {
        "u32" | "s32" => 0xFFFF_FFFF,
        "f32" => u64::from(1f32.to_bits()),
        _ => return None,
    };
    Some(Operation::Set(test_of(test, kind, is_flushed)?, value))
}

fn without_ftz(name: &str) -> (&str, bool) {
    let short = name.strip_suffix(".ftz");
    (short.unwrap_or(name), short.is_some())
}

fn combined(name: &str) -> Option<fn(bool, bool) -> bool> {
    Some(match name {
        "and" => |a, b| a & b,
        "or" => |a, b| a | b,
        "xor" => |a, b| a ^ b,
        _ => return None,
    })
}

fn test_of(name: &str, kind: &str, is_flushed: bool) -> Option<Test> {
    match kind {
        "b16" | "u16" => u16(name),
        "s16" => i16(name),
        "b32" | "u32" => u32(name),
        "s32" => i32(name),
        "b64" | "u64" => u64(name),
        "s64" => i64(name),
        "f32" if is_flushed => flushed(name),
        "f32" => f32(name),
        "f64" => f64(name),
        _ => None,
    }
}

macro_rules! tests {
    (integers: $($function:ident: $t:ty;)*) => { $(
        fn $function(name: &str) -> Option<Test> {
            Some(match name {
                "eq" => |x| two::<$t, $t, bool>(x, |a, b| a == b),
                "ne" => |x| two::<$t, $t, bool>(x, |a, b| a != b),
                "lt" | "lo" => |x| two::<$t, $t, bool>(x, |a, b| a < b),
                "le" | "ls" => |x| two::<$t, $t, bool>(x, |a, b| a <= b),
                "gt" | "hi" => |x| two::<$t, $t, bool>(x, |a, b| a > b),
                "ge" | "hs" => |x| two::<$t, $t, bool>(x, |a, b| a >= b),
                _ => return None,
            })
        }
    )* };
    // Ordered tests are false, unordered ones (`ltu`) true where an operand is NaN.
    (floats: $($function:ident: $t:ty;)*) => { $(
        fn $function(name: &str) -> Option<Test> {
            Some(match name {
                "eq" => |x| two::<$t, $t, bool>(x, |a, b| a == b),
                "ne" => |x| two::<$t, $t, bool>(x, |a, b| a != b && !a.is_nan() && !b.is_nan()),
                "lt" => |x| two::<$t, $t, bool>(x, |a, b| a < b),
                "le" => |x| two::<$t, $t, bool>(x, |a, b| a <= b),
                "gt" => |x| two::<$t, $t, bool>(x, |a, b| a > b),
                "ge" => |x| two::<$t, $t, bool>(x, |a, b| a >= b),
                "equ" => |x| two::<$t, $t, bool>(x, |a, b| a == b || a.is_nan() || b.is_nan()),
                "neu" => |x| two::<$t, $t, bool>(x, |a, b| a != b),
                "ltu" => |x| two::<$t, $t, bool>(x, |a, b| a < b || a.is_nan() || b.is_nan()),
                "leu" => |x| two::<$t, $t, bool>(x, |a, b| a <= b || a.is_nan() || b.is_nan()),
                "gtu" => |x| two::<$t, $t, bool>(x, |a, b| a > b || a.is_nan() || b.is_nan()),
                "geu" => |x| two::<$t, $t, bool>(x, |a, b| a >= b || a.is_nan() || b.is_nan()),
                "num" => |x| two::<$t, $t, bool>(x, |a, b| !a.is_nan() && !b.is_nan()),
                "nan" => |x| two::<$t, $t, bool>(x, |a, b| a.is_nan() || b.is_nan()),
                _ => return None,
            })
        }
    )* };
}

tests! { integers: u16: u16; i16: i16; u32: u32; i32: i32; u64: u64; i64: i64; }
tests! { floats: f32: f32; flushed: Flushed; f64: f64; }
