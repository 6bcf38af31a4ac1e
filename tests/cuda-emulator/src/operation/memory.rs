//! Loads, stores and atomic operations: sections 9.7.9 and 9.7.13.

use super::Operation;
use crate::{
    lanes::{Flushed, Value},
    ptx::width_of,
};

/// A state space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Space {
    /// None is named: the address says which.
    Generic,
    Global,
    Shared,
    Local,
    Parameter,
}

/// A load or a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Access {
    pub space: Space,
    /// Bytes of an element.
    pub width: usize,
    /// Whether an element is extended by its sign.
    pub is_signed: bool,
    /// `.volatile`, `.relaxed`, `.acquire`, `.release`: a strong access, which may race with other such.
    pub is_strong: bool,
}

/// The new value of an atomic operation, of the old one, `b` and, for `cas`, `c`.
#[derive(Clone, Copy, Debug)]
pub struct Atomic(pub fn(u64, u64, u64) -> u64);

pub(super) fn decode(opcode: &str) -> Option<Operation> {
    let parts: Vec<&str> = opcode.split('.').collect();
    let (name, kind) = (*parts.first()?, *parts.last()?);
    if name == "mov" {
        return Some(Operation::Move(width_of(kind)? as u32 * 8));
    }
    let has = |part: &str| parts.contains(&part);
    let space = [
        ("global", Space::Global),
        ("const", Space::Global),
        ("shared", Space::Shared),
        ("shared::cta", Space::Shared),
        ("local", Space::Local),
        ("param", Space::Parameter),
    ];
    let space = space.iter().find(|(name, _)| has(name));
    let space = space.map_or(Space::Generic, |(_, space)| *space);
    if name == "cvta" {
        return Some(match has("to") {
            true => Operation::FromGeneric(space),
            false => Operation::ToGeneric(space),
        });
    }
    let strong = ["volatile", "relaxed", "acquire", "release"];
    let access = Access {
        space,
        width: width_of(kind)?,
        is_signed: kind.starts_with('s'),
        is_strong: strong.iter().any(|part| has(part)),
    };
    match name {
        "ld" | "ldu" => Some(Operation::Load(access)),
        "st" => Some(Operation::Store(access)),
        "atom" | "red" => {
            let operations = [
                "add", "and", "or", "xor", "min", "max", "exch", "cas", "inc", "dec",
            ];
            let operation = operations.iter().find(|name| has(name))?;
            let access = Access {
                is_strong: true,
                ..access
            };
            Some(Operation::Atomic(
                access,
                Atomic(atomic(operation, kind, space)?),
            ))
        }
        _ => None,
    }
}

fn atomic(name: &str, kind: &str, space: Space) -> Option<fn(u64, u64, u64) -> u64> {
    Some(match (name, kind) {
        ("add", "u32" | "s32") => |a, b, _| u64::from((a as u32).wrapping_add(b as u32)),
        ("add", "u64") => |a, b, _| a.wrapping_add(b),
        // in global memory subnormal operands and sums are 0
        ("add", "f32") if space == Space::Shared => |a, b, _| f32::put(f32::get(a) + f32::get(b)),
        ("add", "f32") => |a, b, _| Flushed::put(Flushed::get(a) + Flushed::get(b)),
        ("add", "f64") => |a, b, _| (f64::from_bits(a) + f64::from_bits(b)).to_bits(),
        ("and", "b32" | "b64") => |a, b, _| a & b,
        ("or", "b32" | "b64") => |a, b, _| a | b,
        ("xor", "b32" | "b64") => |a, b, _| a ^ b,
        ("exch", _) => |_, b, _| b,
        ("cas", _) => |a, b, c| if a == b { c } else { a },
        ("min", "u32" | "u64") => |a, b, _| a.min(b),
        ("max", "u32" | "u64") => |a, b, _| a.max(b),
        ("min", "s32") => |a, b, _| u64::from((a as i32).min(b as i32) as u32),
        ("max", "s32") => |a, b, _| u64::from((a as i32).max(b as i32) as u32),
        ("min", "s64") => |a, b, _| (a as i64).min(b as i64) as u64,
        ("max", "s64") => |a, b, _| (a as i64).max(b as i64) as u64,
        ("inc", "u32") => |a, b, _| if a >= b { 0 } else { a + 1 },
        ("dec", "u32") => |a, b, _| if a == 0 || a > b { b } else { a - 1 },
        _ => return None,
    })
}
