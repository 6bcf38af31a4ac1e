//! Integer arithmetic: sections 9.7.1, "Integer Arithmetic Instructions", and 9.7.2, with carries.

use super::{Operation, split_type};
use crate::lanes::{Lanes, Value, one, three, two};

pub(super) fn decode(opcode: &str) -> Option<Operation> {
    let (name, kind) = split_type(opcode)?;
    match kind {
        "u16" => u16(name),
        "s16" => i16(name),
        "u32" => u32(name),
        "s32" => i32(name),
        "u64" => u64(name),
        "s64" => i64(name),
        _ => None,
    }
    .or_else(|| carry(name, kind))
}

/// For each type: the type of wide products in a register, and one for exact products.
macro_rules! integers {
    ($($t:ident, $wide:ident, $exact:ident;)*) => { $(
        fn $t(name: &str) -> Option<Operation> {
            use Operation::{One, Three, Two};
            const BITS: u32 = <$t>::BITS;
            fn high(a: $t, b: $t) -> $t {
                ((a as $exact * b as $exact) >> BITS) as $t
            }
            fn wide(a: $t, b: $t) -> $wide {
                (a as $wide).wrapping_mul(b as $wide)
            }
            fn is_negative(a: $t) -> bool {
                a.leading_zeros() == 0 && $t::MIN != 0
            }
            Some(match name {
                "abs" => One(|a| one::<$t, $t>(a, |a| if is_negative(a) { a.wrapping_neg() } else { a })),
                "neg" => One(|a| one::<$t, $t>(a, <$t>::wrapping_neg)),
                "add" => Two(|x| two::<$t, $t, $t>(x, <$t>::wrapping_add)),
                "add.sat" => Two(|x| two::<$t, $t, $t>(x, <$t>::saturating_add)),
                "sub" => Two(|x| two::<$t, $t, $t>(x, <$t>::wrapping_sub)),
                "sub.sat" => Two(|x| two::<$t, $t, $t>(x, <$t>::saturating_sub)),
                "mul.lo" => Two(|x| two::<$t, $t, $t>(x, <$t>::wrapping_mul)),
                "mul.hi" => Two(|x| two::<$t, $t, $t>(x, high)),
                "mul.wide" if BITS < 64 => Two(|x| two::<$t, $t, $wide>(x, wide)),
                "mad.lo" => Three(|x| three::<$t, $t, $t>(x, |a, b, c| a.wrapping_mul(b).wrapping_add(c))),
                "mad.hi" => Three(|x| three::<$t, $t, $t>(x, |a, b, c| high(a, b).wrapping_add(c))),
                "mad.wide" if BITS < 64 => {
                    Three(|x| three::<$t, $wide, $wide>(x, |a, b, c| wide(a, b).wrapping_add(c)))
                }
                // Dividing by 0 gives an unspecified value: all bits set.
                "div" => Two(|x| two::<$t, $t, $t>(x, |a, b| if b == 0 { !0 } else { a.wrapping_div(b) })),
                "rem" => Two(|x| two::<$t, $t, $t>(x, |a, b| if b == 0 { !0 } else { a.wrapping_rem(b) })),
                "min" => Two(|x| two::<$t, $t, $t>(x, <$t>::min)),
                "max" => Two(|x| two::<$t, $t, $t>(x, <$t>::max)),
                "sad" => Three(|x| three::<$t, $t, $t>(x, |a, b, c| {
                    c.wrapping_add(a.max(b).wrapping_sub(a.min(b)))
                })),
                "shr" => Two(|x| two::<$t, u32, $t>(x, |a, by| match by {
                    0..BITS => a >> by,
                    _ if is_negative(a) => !0,
                    _ => 0,
                })),
                // From bit `b` on, `c` bits of `a`, and beyond them their sign.
                "bfe" => Three(|[a, b, c]: [&Lanes; 3]| std::array::from_fn(|i| {
                    let (first, count) = (b[i] as u32 & 255, c[i] as u32 & 255);
                    let bit = |at: u32| (a[i] as $t >> at) & 1;
                    let is_signed = is_negative(!0);
                    let sign = match count {
                        1.. if is_signed => bit((first + count - 1).min(BITS - 1)),
                        _ => 0,
                    };
                    let bits = (0..BITS).map(|at| match at < count && first + at < BITS {
                        true => bit(first + at) << at,
                        false => sign << at,
                    });
                    <$t as Value>::put(bits.fold(0, |value, bit| value | bit))
                })),
                _ => return None,
            })
        }
    )* };
}

integers! {
    u16, u32, u32;
    i16, i32, i32;
    u32, u64, u64;
    i32, i64, i64;
    u64, u64, u128;
    i64, i64, i128;
}

/// Additions and products of 32 bits with a carry: `add.cc`, `madc.hi`, `madc.hi.cc`.
fn carry(name: &str, kind: &str) -> Option<Operation> {
    let is_signed = match kind {
        "u32" | "b32" => false,
        "s32" => true,
        _ => return None,
    };
    let short = name.strip_suffix(".cc");
    let (reads_carry, name) = match short.unwrap_or(name) {
        "addc" => (true, "add"),
        "subc" => (true, "sub"),
        "madc.lo" => (true, "mad.lo"),
        "madc.hi" => (true, "mad.hi"),
        name if short.is_some() => (false, name),
        _ => return None,
    };
    let function: fn(u32, u32, u32, bool) -> (u32, bool) = match name {
        "add" => |a, b, _, carry| sum(a, b, carry),
        // a + !b + 1 - borrow, whose carry is the absence of a borrow
        "sub" => |a, b, _, borrow| {
            let (difference, carry) = sum(a, !b, !borrow);
            (difference, !carry)
        },
        "mad.lo" => |a, b, c, carry| sum(a.wrapping_mul(b), c, carry),
        "mad.hi" if is_signed => |a, b, c, carry| {
            let product = i64::from(a as i32) * i64::from(b as i32);
            sum((product >> 32) as u32, c, carry)
        },
        "mad.hi" => |a, b, c, carry| {
            let product = u64::from(a) * u64::from(b);
            sum((product >> 32) as u32, c, carry)
        },
        _ => return None,
    };
    Some(Operation::Carry {
        function,
        reads_carry,
        writes_carry: short.is_some(),
    })
}

fn sum(a: u32, b: u32, carry: bool) -> (u32, bool) {
    let sum = u64::from(a) + u64::from(b) + u64::from(carry);
    (sum as u32, sum >> 32 != 0)
}
