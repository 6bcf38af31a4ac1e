//! Conversions: `cvt`, section 9.7.9, "Data Movement and Conversion Instructions".

use half::{bf16, f16};

use super::Operation;
use crate::lanes::{Flushed, Saturated, Value, one, two};

pub(super) fn decode(opcode: &str) -> Option<Operation> {
    let (name, from) = opcode.strip_prefix("cvt.")?.rsplit_once('.')?;
    let (modifiers, to) = name.rsplit_once('.').unwrap_or(("", name));
    if is_integer(from) && is_integer(to) {
        return if modifiers.is_empty() {
            integers(from, to)
        } else {
            None
        };
    }
    match (modifiers, to, from) {
        ("rn", "f32", from) if is_integer(from) => to_single(from),
        ("rn", "f64", from) if is_integer(from) => to_double(from),
        ("", "f64", "f32") => Some(Operation::One(|a| one::<f32, f64>(a, f64::from))),
        ("ftz", "f64", "f32") => Some(Operation::One(|a| one::<Flushed, f64>(a, f64::from))),
        ("rn", "f32", "f64") => Some(Operation::One(|a| one::<f64, f32>(a, |a| a as f32))),
        ("rn", "f16", "f32") => Some(Operation::One(|a| {
            one::<f32, u16>(a, |a| f16::from_f32(a).to_bits())
        })),
        ("", "f32", "f16") => Some(Operation::One(|a| {
            one::<u16, f32>(a, |a| f16::from_bits(a).to_f32())
        })),
        ("rn", "bf16", "f32") => Some(Operation::One(|a| {
            one::<f32, u16>(a, |a| bf16::from_f32(a).to_bits())
        })),
        // the first operand in the upper half
        ("rn", "bf16x2", "f32") => Some(Operation::Two(|x| {
            two::<f32, f32, u32>(x, |a, b| {
                let [a, b] = [a, b].map(|x| u32::from(bf16::from_f32(x).to_bits()));
                a << 16 | b
            })
        })),
        ("rna", "tf32", "f32") => Some(Operation::One(|a| one::<f32, u32>(a, to_tf32))),
        ("", "f32", "bf16") => Some(Operation::One(|a| {
            one::<u16, f32>(a, |a| bf16::from_bits(a).to_f32())
        })),
        ("sat", "f32", "f32") => Some(Operation::One(|a| one::<f32, Saturated<f32>>(a, |a| a))),
        ("ftz.sat", "f32", "f32") => Some(Operation::One(|a| {
            one::<Flushed, Saturated<Flushed>>(a, |a| a)
        })),
        ("ftz", "f32", "f32") => Some(Operation::One(|a| one::<Flushed, Flushed>(a, |a| a))),
        _ => {
            let (rounding, flushes) = match modifiers.strip_suffix(".ftz") {
                Some(rounding) => (rounding, true),
                None => (modifiers, false),
            };
            match (from, flushes) {
                ("f32", false) => from_float::single::<f32>(rounding, to),
                ("f32", true) => from_float::single::<Flushed>(rounding, to),
                ("f64", false) => from_float::double(rounding, to),
                _ => None,
            }
        }
    }
}

/// To a significand of 11 bits, at the top of 32: to the nearest, of two the one farther from 0.
fn to_tf32(number: f32) -> u32 {
    match number.is_nan() {
        true => 0x7FFF_FFFF,
        false => (number.to_bits() + 0x1000) & !0x1FFF,
    }
}

fn is_integer(kind: &str) -> bool {
    kind.starts_with(['u', 's']) && matches!(&kind[1..], "8" | "16" | "32" | "64")
}

/// Between integers: cut off, or extended by the sign of the source; a result narrower than its register is extended
/// to it.
fn integers(from: &str, to: &str) -> Option<Operation> {
    macro_rules! table {
        ($($from:literal: $a:ty;)*) => {
            match from {
                $($from => match to {
                    "u8" => Some(Operation::One(|a| one::<$a, u8>(a, |a| a as u8))),
                    "u16" => Some(Operation::One(|a| one::<$a, u16>(a, |a| a as u16))),
                    "u32" => Some(Operation::One(|a| one::<$a, u32>(a, |a| a as u32))),
                    "s8" => Some(Operation::One(|a| one::<$a, i64>(a, |a| i64::from(a as i8)))),
                    "s16" => Some(Operation::One(|a| one::<$a, i64>(a, |a| i64::from(a as i16)))),
                    "s32" => Some(Operation::One(|a| one::<$a, i64>(a, |a| i64::from(a as i32)))),
                    "u64" | "s64" => Some(Operation::One(|a| one::<$a, u64>(a, |a| a as u64))),
                    _ => None,
                },)*
                _ => None,
            }
        };
    }
    table! { "u8": u8; "s8": i8; "u16": u16; "s16": i16; "u32": u32; "s32": i32; "u64": u64; "s64": i64; }
}

macro_rules! from_integer {
    ($($function:ident: $to:ty;)*) => { $(
        fn $function(from: &str) -> Option<Operation> {
            Some(Operation::One(match from {
                "u8" => |a| one::<u8, $to>(a, |a| a as $to),
                "s8" => |a| one::<i8, $to>(a, |a| a as $to),
                "u16" => |a| one::<u16, $to>(a, |a| a as $to),
                "s16" => |a| one::<i16, $to>(a, |a| a as $to),
                "u32" => |a| one::<u32, $to>(a, |a| a as $to),
                "s32" => |a| one::<i32, $to>(a, |a| a as $to),
                "u64" => |a| one::<u64, $to>(a, |a| a as $to),
                "s64" => |a| one::<i64, $to>(a, |a| a as $to),
                _ => return None,
            }))
        }
    )* };
}
from_integer! { to_single: f32; to_double: f64; }

/// To integers, out of range to the nearest value; and to whole numbers.
mod from_float {
    use super::{Operation, Value, one};

    macro_rules! table {
        ($v:ty, $number:ty, $rounding:expr, $to:expr; $($modifier:literal: $round:ident;)*) => {
            match ($rounding, $to) {
                $(
                    ($modifier, "u8") => to!($v, $number, $round, u8, u8),
                    ($modifier, "u16") => to!($v, $number, $round, u16, u16),
                    ($modifier, "s16") => to!($v, $number, $round, i16, i64),
                    ($modifier, "u32") => to!($v, $number, $round, u32, u32),
                    ($modifier, "s32") => to!($v, $number, $round, i32, i64),
                    ($modifier, "u64") => to!($v, $number, $round, u64, u64),
                    ($modifier, "s64") => to!($v, $number, $round, i64, i64),
                )*
                _ => None,
            }
        };
    }

    /// To a type, which is extended to a wide one. NaN gives the highest bit alone if either is of 64 bits, else 0.
    macro_rules! to {
        ($v:ty, $number:ty, $round:ident, $to:ty, $wide:ty) => {
            Some(Operation::One(|a| {
                one::<$v, $wide>(a, |a| {
                    const NAN: $to = match size_of::<$number>() == 8 || size_of::<$to>() == 8 {
                        true => !(<$to>::MAX >> (<$to>::MAX.leading_zeros() ^ 1)),
                        false => 0,
                    };
                    let rounded = if a.is_nan() {
                        NAN
                    } else {
                        <$number>::$round(a) as $to
                    };
                    <$wide>::from(rounded)
                })
            }))
        };
    }

    pub(super) fn single<V: Value<Number = f32>>(rounding: &str, to: &str) -> Option<Operation> {
        let integer = table! { V, f32, rounding, to;
            "rni": round_ties_even; "rzi": trunc; "rmi": floor; "rpi": ceil;
        };
        integer.or(match (rounding, to) {
            ("rni", "f32") => Some(Operation::One(|a| one::<V, V>(a, f32::round_ties_even))),
            ("rzi", "f32") => Some(Operation::One(|a| one::<V, V>(a, f32::trunc))),
            ("rmi", "f32") => Some(Operation::One(|a| one::<V, V>(a, f32::floor))),
            ("rpi", "f32") => Some(Operation::One(|a| one::<V, V>(a, f32::ceil))),
            _ => None,
        })
    }

    pub(super) fn double(rounding: &str, to: &str) -> Option<Operation> {
        let integer = table! { f64, f64, rounding, to;
            "rni": round_ties_even; "rzi": trunc; "rmi": floor; "rpi": ceil;
        };
        integer.or(match (rounding, to) {
            ("rni", "f64") => Some(Operation::One(|a| one::<f64, f64>(a, f64::round_ties_even))),
            ("rzi", "f64") => Some(Operation::One(|a| one::<f64, f64>(a, f64::trunc))),
            ("rmi", "f64") => Some(Operation::One(|a| one::<f64, f64>(a, f64::floor))),
            ("rpi", "f64") => Some(Operation::One(|a| one::<f64, f64>(a, f64::ceil))),
            _ => None,
        })
    }
}
