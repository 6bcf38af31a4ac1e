//! Logic and shifts: section 9.7.8, and the instructions of 9.7.1 that count and move bits.

use super::{Operation, split_type};
use crate::lanes::{Lanes, Value, one, two};

pub(super) fn decode(opcode: &str) -> Option<Operation> {
    let (name, kind) = split_type(opcode)?;
    match kind {
        "pred" => bool(name),
        "b16" | "u16" | "s16" => u16(name),
        "b32" | "u32" | "s32" => words(name).or_else(|| u32(name)),
        "b64" | "u64" | "s64" => u64(name),
        _ => None,
    }
    // the sign of `shr.s32` matters
    .filter(|_| name != "shr" || kind.starts_with('b'))
}

macro_rules! bits {
    ($($t:ident;)*) => { $(
        fn $t(name: &str) -> Option<Operation> {
            use Operation::{Four, One, Two};
            const BITS: u32 = <$t>::BITS;
            Some(match name {
                "and" => Two(|x| two::<$t, $t, $t>(x, |a, b| a & b)),
                "or" => Two(|x| two::<$t, $t, $t>(x, |a, b| a | b)),
                "xor" => Two(|x| two::<$t, $t, $t>(x, |a, b| a ^ b)),
                "not" => One(|a| one::<$t, $t>(a, |a| !a)),
                "cnot" => One(|a| one::<$t, $t>(a, |a| $t::from(a == 0))),
                "shl" => Two(|x| two::<$t, u32, $t>(x, |a, by| if by < BITS { a << by } else { 0 })),
                "shr" => Two(|x| two::<$t, u32, $t>(x, |a, by| if by < BITS { a >> by } else { 0 })),
                "popc" => One(|a| one::<$t, u32>(a, <$t>::count_ones)),
                "clz" => One(|a| one::<$t, u32>(a, <$t>::leading_zeros)),
                "brev" => One(|a| one::<$t, $t>(a, <$t>::reverse_bits)),
                // `d` bits of `a` into `b`, from bit `c` on.
                "bfi" => Four(|[a, b, c, d]: [&Lanes; 4]| std::array::from_fn(|i| {
                    let (first, bits) = (c[i] as u32 & 255, d[i] as u32 & 255);
                    let mask = match (first, bits) {
                        (BITS.., _) | (_, 0) => 0,
                        (_, BITS..) => !0 << first,
                        _ => !(!0 << bits) << first,
                    };
                    let field = if first < BITS { (a[i] as $t) << first } else { 0 };
                    <$t>::put(b[i] as $t & !mask | field & mask)
                })),
                _ => return None,
            })
        }
    )* };
}

bits! {
    u16;
    u32;
    u64;
}

fn bool(name: &str) -> Option<Operation> {
    use Operation::{One, Two};
    Some(match name {
        "and" => Two(|x| two::<bool, bool, bool>(x, |a, b| a & b)),
        "or" => Two(|x| two::<bool, bool, bool>(x, |a, b| a | b)),
        "xor" => Two(|x| two::<bool, bool, bool>(x, |a, b| a ^ b)),
        "not" => One(|a| one::<bool, bool>(a, |a| !a)),
        _ => return None,
    })
}

/// Those that exist for 32 bits alone.
fn words(name: &str) -> Option<Operation> {
    use Operation::{Four, Three};
    Some(match name {
        // Any function of three bits, by its truth table.
        "lop3" => Four(|[a, b, c, table]: [&Lanes; 4]| {
            std::array::from_fn(|i| {
                let terms = (0..8u64).filter(|row| table[i] >> row & 1 == 1).map(|row| {
                    let pick =
                        |value: u64, bit: u64| if row >> bit & 1 == 1 { value } else { !value };
                    pick(a[i], 2) & pick(b[i], 1) & pick(c[i], 0)
                });
                terms.fold(0, |or, term| or | term) & 0xFFFF_FFFF
            })
        }),
        // Four bytes out of the eight of `a` and `b`, each by four bits of `c`: its number, and whether its sign alone.
        "prmt" => Three(|[a, b, c]: [&Lanes; 3]| {
            std::array::from_fn(|i| {
                let bytes = (a[i] & 0xFFFF_FFFF | b[i] << 32).to_le_bytes();
                let picked = (0..4).map(|at| {
                    let pick = c[i] >> (4 * at);
                    let byte = bytes[pick as usize & 7];
                    let value = if pick & 8 == 0 {
                        byte
                    } else {
                        (byte as i8 >> 7) as u8
                    };
                    u64::from(value) << (8 * at)
                });
                picked.sum()
            })
        }),
        "shf.l.wrap" => Three(|x| funnel(x, |both, by| both << (by & 31) >> 32)),
        "shf.l.clamp" => {
            Three(|x| funnel(x, |both, by| if by < 32 { both << by >> 32 } else { both }))
        }
        "shf.r.wrap" => Three(|x| funnel(x, |both, by| both >> (by & 31))),
        "shf.r.clamp" => Three(|x| funnel(x, |both, by| both >> by.min(32))),
        _ => return None,
    })
}

/// A shift of the 64 bits of `a`, the lower ones, and `b`.
fn funnel([a, b, by]: [&Lanes; 3], shift: impl Fn(u64, u32) -> u64) -> Lanes {
    std::array::from_fn(|i| shift(a[i] & 0xFFFF_FFFF | b[i] << 32, by[i] as u32) & 0xFFFF_FFFF)
}
