//! Bits: shifts, logic, counts, fields and permutations.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::operands::{Random, combinations, integers};
use kernel::{bits, check, mask, value, wrapped};

/// Distances of shifts, also beyond the register.
const SHIFTS: [u64; 14] = [
    0,
    1,
    7,
    15,
    16,
    17,
    31,
    32,
    33,
    63,
    64,
    65,
    1 << 31,
    0xFFFF_FFFF,
];

#[test]
fn shifts() {
    for kind in [
        "b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64",
    ] {
        let numbers = combinations(&integers(bits(kind)), 1, 20);
        let pairs = numbers
            .iter()
            .flat_map(|[a, ..]| SHIFTS.map(|by| [*a, by, 0, 0]));
        let inputs: Vec<_> = pairs.collect();
        if kind.starts_with('b') {
            let body = format!("shl.{kind} %d, %a, %b;");
            check(&body, kind, &[kind, "u32"], &inputs, |[a, by, ..]| {
                let product = u128::from(a) << by.min(64);
                product as u64 & mask(kind)
            });
        }
        let body = format!("shr.{kind} %d, %a, %b;");
        check(&body, kind, &[kind, "u32"], &inputs, |[a, by, ..]| {
            wrapped(kind, value(kind, a) >> by.min(64))
        });
    }
}

#[test]
fn funnel_shifts() {
    let numbers = combinations(&integers(32), 2, 20);
    let rows = numbers
        .iter()
        .flat_map(|[a, b, ..]| SHIFTS.map(|by| [*a, *b, by, 0]));
    let inputs: Vec<_> = rows.collect();
    for (mode, shift) in [
        ("wrap", (|by| by % 32) as fn(u64) -> u64),
        ("clamp", |by| by.min(32)),
    ] {
        // `l`: the upper word of the pair moved up; `r`: the lower word of the pair moved down
        let body = format!("shf.l.{mode}.b32 %d, %a, %b, %c;");
        check(&body, "b32", &["b32"; 3], &inputs, |[a, b, c, _]| {
            let both = u128::from(b) << 32 | u128::from(a);
            (both << shift(c) >> 32) as u64 & mask("b32")
        });
        let body = format!("shf.r.{mode}.b32 %d, %a, %b, %c;");
        check(&body, "b32", &["b32"; 3], &inputs, |[a, b, c, _]| {
            let both = u128::from(b) << 32 | u128::from(a);
            (both >> shift(c)) as u64 & mask("b32")
        });
    }
}

type OfBits = fn(u64, u64) -> u64;

/// Bit by bit, from a function of the bits of two operands.
fn bitwise(kind: &str, a: u64, b: u64, f: impl Fn(u64, u64) -> u64) -> u64 {
    let bit = |i: u32| f(a >> i & 1, b >> i & 1) << i;
    (0..bits(kind)).map(bit).sum()
}

#[test]
fn logic() {
    for kind in ["pred", "b16", "b32", "b64"] {
        let special = if kind == "pred" {
            vec![0, 1]
        } else {
            integers(bits(kind))
        };
        let mut inputs = combinations(&special, 2, 50);
        for input in inputs.iter_mut().filter(|_| kind == "pred") {
            *input = input.map(|x| x & 1);
        }
        let table: [(&str, OfBits); 3] = [
            ("and", |a, b| a * b),
            ("or", |a, b| a + b - a * b),
            ("xor", |a, b| (a + b) % 2),
        ];
        for (name, f) in table {
            let body = format!("{name}.{kind} %d, %a, %b;");
            check(&body, kind, &[kind, kind], &inputs, |[a, b, ..]| {
                bitwise(kind, a, b, f)
            });
        }
        let body = format!("not.{kind} %d, %a;");
        check(&body, kind, &[kind], &inputs, |[a, ..]| {
            bitwise(kind, a, 0, |a, _| 1 - a)
        });
        if kind != "pred" {
            let body = format!("cnot.{kind} %d, %a;");
            check(&body, kind, &[kind], &inputs, |[a, ..]| u64::from(a == 0));
        }
    }
}

/// All tables of `lop3`, and an immediate as its second operand.
#[test]
fn every_function_of_three_bits() {
    let inputs = combinations(&[0xF0, 0xCC, 0xAA, 0xFFFF_FFFF], 3, 8);
    for table in 0..256u64 {
        let body = format!("lop3.b32 %d, %a, %b, %c, {table};");
        check(&body, "b32", &["b32"; 3], &inputs, |[a, b, c, _]| {
            let row = |i: u32| (a >> i & 1) << 2 | (b >> i & 1) << 1 | c >> i & 1;
            (0..32).map(|i| (table >> row(i) & 1) << i).sum()
        });
    }
    let body = "lop3.b32 %d, %a, -2, %b, 0x6A;"; // (a & b) ^ c
    check(body, "b32", &["b32"; 2], &inputs, |[a, b, ..]| {
        a & 0xFFFF_FFFE ^ b
    });
}

#[test]
fn bits_are_counted_and_reversed() {
    for kind in ["b32", "b64"] {
        let powers = (0..bits(kind)).map(|i| 1 << i);
        let special: Vec<u64> = powers.chain(integers(bits(kind))).collect();
        let inputs = combinations(&special, 1, 200);
        let all = 0..bits(kind);
        let body = |name: &str| format!("{name}.{kind} %d, %a;");
        check(&body("popc"), "u32", &[kind], &inputs, |[a, ..]| {
            all.clone().map(|i| a >> i & 1).sum()
        });
        check(&body("clz"), "u32", &[kind], &inputs, |[a, ..]| {
            let set = all.clone().rev().position(|i| a >> i & 1 == 1);
            set.map_or(u64::from(bits(kind)), |zeros| zeros as u64)
        });
        check(&body("brev"), kind, &[kind], &inputs, |[a, ..]| {
            let bit = |i| (a >> i & 1) << (bits(kind) - 1 - i);
            all.clone().map(bit).sum()
        });
    }
}

/// Positions and lengths of bit fields; the instructions read 8 bits of them.
const FIELDS: [u64; 14] = [
    0,
    1,
    4,
    16,
    31,
    32,
    33,
    63,
    64,
    65,
    128,
    255,
    256,
    0xFFFF_FF08,
];

/// A field as the manual's loop extracts it.
fn field(kind: &str, a: u64, position: u64, length: u64) -> u64 {
    let last = u64::from(bits(kind)) - 1;
    let (position, length) = (position & 255, length & 255);
    let sign = match kind.starts_with('u') || length == 0 {
        true => 0,
        false => a >> (position + length - 1).min(last) & 1,
    };
    let bit = |i: u64| match i < length && position + i <= last {
        true => a >> (position + i) & 1,
        false => sign,
    };
    (0..=last).map(|i| bit(i) << i).sum()
}

/// Each pair of numbers with each position and length, these also near the register's width.
fn with_fields(numbers: &[[u64; 4]]) -> Vec<[u64; 4]> {
    let mut random = Random(7);
    let fields = FIELDS
        .iter()
        .flat_map(|position| FIELDS.map(|length| (*position, length)));
    let near = (0..60).map(|_| (random.next() % 70, random.next() % 70));
    let fields: Vec<_> = fields.chain(near).collect();
    let rows = numbers.iter();
    rows.flat_map(|[a, b, ..]| fields.iter().map(|(c, e)| [*a, *b, *c, *e]))
        .collect()
}

/// Fields of values of every type, of those positions that `begins` picks: the position, and the bits of the register.
fn fields_are_extracted(begins: impl Fn(u64, u64) -> bool) {
    for kind in ["u32", "s32", "u64", "s64"] {
        let mut inputs = with_fields(&combinations(&integers(bits(kind)), 1, 5));
        inputs.retain(|[_, _, position, _]| begins(position & 255, bits(kind).into()));
        let inputs: Vec<_> = inputs.iter().map(|[a, _, c, e]| [*a, *c, *e, 0]).collect();
        let body = format!("bfe.{kind} %d, %a, %b, %c;");
        let kinds = [kind, "u32", "u32"];
        check(&body, kind, &kinds, &inputs, |[a, b, c, _]| {
            field(kind, a, b, c)
        });
    }
}

/// Fields that begin within the register.
#[test]
fn bit_fields_are_extracted() {
    fields_are_extracted(|position, bits| position < bits);
}

/// Of fields that begin beyond the register only the sign remains.
#[test]
fn bit_fields_beyond_the_register() {
    fields_are_extracted(|position, bits| position >= bits);
}

#[test]
fn bit_fields_are_inserted() {
    for kind in ["b32", "b64"] {
        let inputs = with_fields(&combinations(&[0, u64::MAX, 0x1234_5678_9ABC_DEF0], 2, 3));
        let body = format!("bfi.{kind} %d, %a, %b, %c, %e;");
        let kinds = [kind, kind, "u32", "u32"];
        check(&body, kind, &kinds, &inputs, |[a, b, c, e]| {
            let (position, length) = (c & 255, e & 255);
            let mut result = b;
            for i in (0..length).take_while(|i| position + i < u64::from(bits(kind))) {
                result &= !(1 << (position + i));
                result |= (a >> i & 1) << (position + i);
            }
            result
        });
    }
}

#[test]
fn bytes_are_permuted() {
    let mut inputs = combinations(&integers(32), 2, 0);
    inputs
        .iter_mut()
        .zip(
            [0x7654, 0x3210, 0xFEDC, 0x0123, 0x5410, 0x8765_4321]
                .iter()
                .cycle(),
        )
        .for_each(|(input, pick)| input[2] = *pick);
    let mut random = Random(3);
    inputs.extend((0..500).map(|_| std::array::from_fn(|_| random.next())));
    let body = "prmt.b32 %d, %a, %b, %c;";
    check(body, "b32", &["b32"; 3], &inputs, |[a, b, c, _]| {
        let byte = |number: u64| match number {
            0..4 => a >> (8 * number) & 255,
            _ => b >> (8 * (number - 4)) & 255,
        };
        let picked = |at: u64| match c >> (4 * at) & 15 {
            pick @ 0..8 => byte(pick),
            pick => (byte(pick & 7) >> 7) * 255,
        };
        (0..4).map(|at| picked(at) << (8 * at)).sum()
    });
}
