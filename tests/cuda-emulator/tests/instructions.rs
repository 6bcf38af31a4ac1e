//! Integer instructions, bits, comparisons, selections and moves, against their definitions in NVIDIA's PTX ISA.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::{Random, bits, check, combinations, integers, mask, run};

/// A number of this type as the manual reads its bits.
fn value(kind: &str, of: u64) -> i128 {
    let number = i128::from(of & mask(kind));
    match kind.as_bytes()[0] == b's' && number >> (bits(kind) - 1) == 1 {
        true => number - (1 << bits(kind)),
        false => number,
    }
}

fn wrapped(kind: &str, number: i128) -> u64 {
    number as u64 & mask(kind)
}

/// `name` in each type, with as many operands as the function takes.
fn arithmetic(name: &str, kinds: &[&str], operands: usize, exact: fn(&str, [i128; 3]) -> i128) {
    for kind in kinds {
        let list = ["%a", "%b", "%c"][..operands].join(", ");
        let inputs = combinations(&integers(bits(kind)), operands, 150);
        check(
            &format!("{name}.{kind} %d, {list};"),
            kind,
            &[*kind; 3][..operands],
            &inputs,
            |[a, b, c, _]| wrapped(kind, exact(kind, [a, b, c].map(|x| value(kind, x)))),
        );
    }
}

const ALL: [&str; 6] = ["u16", "s16", "u32", "s32", "u64", "s64"];
const SIGNED: [&str; 3] = ["s16", "s32", "s64"];

#[test]
fn sums_and_products() {
    arithmetic("add", &ALL, 2, |_, [a, b, _]| a + b);
    arithmetic("sub", &ALL, 2, |_, [a, b, _]| a - b);
    // modulo 2^128, of which 64x64 bits need no more
    arithmetic("mul.lo", &ALL, 2, |_, [a, b, _]| a.wrapping_mul(b));
    arithmetic("mul.hi", &ALL, 2, |kind, [a, b, _]| {
        a.wrapping_mul(b) >> bits(kind)
    });
    arithmetic("mad.lo", &ALL, 3, |_, [a, b, c]| {
        a.wrapping_mul(b).wrapping_add(c)
    });
    arithmetic("mad.hi", &ALL, 3, |kind, [a, b, c]| {
        (a.wrapping_mul(b) >> bits(kind)) + c
    });
    arithmetic("add.sat", &["s32"], 2, |_, [a, b, _]| {
        (a + b).clamp(-(1 << 31), (1 << 31) - 1)
    });
    arithmetic("sub.sat", &["s32"], 2, |_, [a, b, _]| {
        (a - b).clamp(-(1 << 31), (1 << 31) - 1)
    });
}

#[test]
fn wide_products() {
    for kind in ["u16", "s16", "u32", "s32"] {
        let wide = format!("{}{}", &kind[..1], 2 * bits(kind));
        let inputs = combinations(&integers(bits(kind)), 2, 300);
        let product = |a, b| value(kind, a) * value(kind, b);
        let body = format!("mul.wide.{kind} %d, %a, %b;");
        check(&body, &wide, &[kind, kind], &inputs, |[a, b, ..]| {
            wrapped(&wide, product(a, b))
        });
        let mut inputs = combinations(&integers(2 * bits(kind)), 3, 300);
        inputs.extend(combinations(&integers(bits(kind)), 3, 0));
        let kinds = [kind, kind, &wide];
        check(
            &format!("mad.wide.{kind} %d, %a, %b, %c;"),
            &wide,
            &kinds,
            &inputs,
            |[a, b, c, _]| wrapped(&wide, product(a, b) + value(&wide, c)),
        );
    }
}

/// Without a division by 0 and of MIN by -1, whose results the manual leaves open. Quotients by subtraction of shifted divisors.
#[test]
fn quotients_and_remainders() {
    fn divided(a: i128, b: i128) -> (i128, i128) {
        let (mut rest, by, mut quotient) = (a.unsigned_abs(), b.unsigned_abs(), 0);
        for shift in (0..64).rev() {
            if rest >= by << shift {
                rest -= by << shift;
                quotient += 1 << shift;
            }
        }
        let signed = |number: u128, negative: bool| match negative {
            true => -(number as i128),
            false => number as i128,
        };
        (signed(quotient, (a < 0) != (b < 0)), signed(rest, a < 0))
    }
    for kind in ALL {
        let mut inputs = combinations(&integers(bits(kind)), 2, 200);
        inputs.retain(|[a, b, ..]| {
            let (a, b) = (value(kind, *a), value(kind, *b));
            b != 0 && (b != -1 || a != -(1 << (bits(kind) - 1)))
        });
        for (name, is_rest) in [("div", false), ("rem", true)] {
            let body = format!("{name}.{kind} %d, %a, %b;");
            check(&body, kind, &[kind, kind], &inputs, |[a, b, ..]| {
                let (quotient, rest) = divided(value(kind, a), value(kind, b));
                wrapped(kind, if is_rest { rest } else { quotient })
            });
        }
    }
}

#[test]
fn extremes_and_signs() {
    arithmetic("min", &ALL, 2, |_, [a, b, _]| if a < b { a } else { b });
    arithmetic("max", &ALL, 2, |_, [a, b, _]| if a < b { b } else { a });
    arithmetic("abs", &SIGNED, 1, |_, [a, ..]| if a < 0 { -a } else { a });
    arithmetic("neg", &SIGNED, 1, |_, [a, ..]| -a);
    arithmetic("sad", &ALL, 3, |_, [a, b, c]| {
        c + if a < b { b - a } else { a - b }
    });
}

/// `%r0`, `%r1` and so on are the words of `%a`, `%b`, `%c`, `%e`.
const SPLIT: &str = "mov.b64 {%r0, %r1}, %a;\nmov.b64 {%r2, %r3}, %b;\n";
const SPLIT_MORE: &str = "mov.b64 {%r4, %r5}, %c;\nmov.b64 {%r6, %r7}, %e;\n";

fn check_pairs(
    body: &str,
    kinds: &[&str],
    inputs: &[[u64; 4]],
    expected: impl Fn([u64; 4]) -> u128,
) {
    for (input, [low, high]) in inputs.iter().zip(run(body, ["b64"; 2], kinds, inputs)) {
        let found = u128::from(high) << 64 | u128::from(low);
        let expected = expected(*input);
        assert_eq!(found, expected, "{body}\n{input:#x?}");
    }
}

/// Numbers of 128 bits: `%a` and `%b` are the halves of the first, `%c` and `%e` those of the second.
#[test]
fn carries_of_sums() {
    let inputs = combinations(&[0, 1, u64::MAX, 1 << 63, 0xFFFF_FFFF, 1 << 32], 4, 200);
    let whole = |low, high| u128::from(high) << 64 | u128::from(low);
    for (name, f) in [
        ("add", u128::wrapping_add as fn(u128, u128) -> u128),
        ("sub", u128::wrapping_sub),
    ] {
        for kind in ["u32", "s32"] {
            let body = format!(
                "{SPLIT}{SPLIT_MORE}{name}.cc.{kind} %r10, %r0, %r4;\n{name}c.cc.{kind} %r11, %r1, %r5;\n\
                 {name}c.cc.{kind} %r12, %r2, %r6;\n{name}c.{kind} %r13, %r3, %r7;\n\
                 mov.b64 %d, {{%r10, %r11}};\nmov.b64 %f, {{%r12, %r13}};"
            );
            check_pairs(&body, &["b64"; 4], &inputs, |[a, b, c, e]| {
                f(whole(a, b), whole(c, e))
            });
        }
    }
}

/// The word by word product of a compiler: each word of `%b` times both of `%a`.
#[test]
fn carries_of_products() {
    let inputs = combinations(&integers(64), 2, 300);
    let body = format!(
        "{SPLIT}mul.lo.u32 %r10, %r0, %r2;\nmul.hi.u32 %r11, %r0, %r2;\n\
         mad.lo.cc.u32 %r11, %r1, %r2, %r11;\nmadc.hi.u32 %r12, %r1, %r2, 0;\n\
         mad.lo.cc.u32 %r11, %r0, %r3, %r11;\nmadc.hi.cc.u32 %r12, %r0, %r3, %r12;\naddc.u32 %r13, 0, 0;\n\
         mad.lo.cc.u32 %r12, %r1, %r3, %r12;\nmadc.hi.u32 %r13, %r1, %r3, %r13;\n\
         mov.b64 %d, {{%r10, %r11}};\nmov.b64 %f, {{%r12, %r13}};"
    );
    check_pairs(&body, &["b64"; 2], &inputs, |[a, b, ..]| {
        u128::from(a) * u128::from(b)
    });
    // `mad.hi.cc` and `madc.lo`, with a carry from before
    let inputs = combinations(&integers(32), 4, 200);
    let body = "mad.hi.cc.u32 %r0, %a, %b, %c;\nmadc.lo.cc.u32 %r1, %a, %b, %e;\naddc.u32 %r2, 0, 0;\n\
                mov.b64 %d, {%r0, %r1};\ncvt.u64.u32 %f, %r2;";
    check_pairs(body, &["u32"; 4], &inputs, |input| {
        let [a, b, c, e] = input.map(|x| u128::from(x as u32));
        let first = ((a * b) >> 32) + c;
        let second = ((a * b) & 0xFFFF_FFFF) + e + (first >> 32);
        first & 0xFFFF_FFFF | (second & 0xFFFF_FFFF) << 32 | second >> 32 << 64
    });
}

/// Of signed numbers the upper half of the signed product.
#[test]
fn carries_of_signed_products() {
    let inputs = combinations(&integers(32), 4, 200);
    let body = "add.cc.u32 %r0, %c, %e;\nmadc.hi.s32 %d, %a, %b, %c;";
    check(body, "s32", &["s32"; 4], &inputs, |[a, b, c, e]| {
        let carry = i128::from(c + e > 0xFFFF_FFFF);
        let high = (value("s32", a) * value("s32", b)) >> 32;
        wrapped("s32", high + value("s32", c) + carry)
    });
}

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

/// Bit by bit, from a function of the bits of two operands.
fn bitwise(kind: &str, a: u64, b: u64, f: impl Fn(u64, u64) -> u64) -> u64 {
    let bit = |i: u32| f(a >> i & 1, b >> i & 1) << i;
    (0..bits(kind)).map(bit).sum()
}

type OfBits = fn(u64, u64) -> u64;
type OfPredicates = fn(bool, bool) -> bool;

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

/// Positions and lengths of bit fields, of which 8 bits count.
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

/// The loop of the manual.
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

/// Fields that begin within the register.
#[test]
fn bit_fields_are_extracted() {
    for kind in ["u32", "s32", "u64", "s64"] {
        let mut inputs = with_fields(&combinations(&integers(bits(kind)), 1, 5));
        inputs.retain(|[_, _, position, _]| position & 255 < u64::from(bits(kind)));
        let inputs: Vec<_> = inputs.iter().map(|[a, _, c, e]| [*a, *c, *e, 0]).collect();
        let body = format!("bfe.{kind} %d, %a, %b, %c;");
        check(
            &body,
            kind,
            &[kind, "u32", "u32"],
            &inputs,
            |[a, b, c, _]| field(kind, a, b, c),
        );
    }
}

/// Of them only the sign remains.
#[test]
fn bit_fields_beyond_the_register() {
    for kind in ["u32", "s32", "u64", "s64"] {
        let mut inputs = with_fields(&combinations(&integers(bits(kind)), 1, 5));
        inputs.retain(|[_, _, position, _]| position & 255 >= u64::from(bits(kind)));
        let inputs: Vec<_> = inputs.iter().map(|[a, _, c, e]| [*a, *c, *e, 0]).collect();
        let body = format!("bfe.{kind} %d, %a, %b, %c;");
        check(
            &body,
            kind,
            &[kind, "u32", "u32"],
            &inputs,
            |[a, b, c, _]| field(kind, a, b, c),
        );
    }
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

/// All tables. The third operand may be an immediate, and the result a `_`.
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
        // the upper word of the pair moved up, the lower one of the pair moved down
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

/// Loads that extend a sign, and negative immediates, leave no bits beyond the register.
#[test]
fn registers_have_their_width() {
    let inputs = combinations(&integers(32), 2, 50);
    let low = |a: u64, b: u64| (a & 0xFFFF) << 16 | b >> 16;
    for (first, is_set) in [("%a", false), ("-1", true)] {
        let body = format!("shf.r.wrap.b32 %d, {first}, %b, 16;");
        check(&body, "b32", &["b32"; 2], &inputs, |[a, b, ..]| {
            low(b, if is_set { 0xFFFF_FFFF } else { a })
        });
        let body = format!("prmt.b32 %d, {first}, %b, 0x5432;");
        check(&body, "b32", &["b32"; 2], &inputs, |[a, b, ..]| {
            low(b, if is_set { 0xFFFF_FFFF } else { a })
        });
        // through a selection
        let body = format!(
            "setp.ne.u32 %p0, %a, %b;\nsetp.eq.or.u32 %p1, %a, %b, %p0;\n\
             selp.b32 %r0, {first}, 0, %p1;\nprmt.b32 %d, %r0, %b, 0x5432;"
        );
        check(&body, "b32", &["b32"; 2], &inputs, |[a, b, ..]| {
            low(b, if is_set { 0xFFFF_FFFF } else { a })
        });
    }
    // -3 as a byte at the result's own place, which is then overwritten
    let body =
        "st.global.b64 [%x0], 0xFD;\nld.global.s8 %r0, [%x0];\nprmt.b32 %d, %r0, %a, 0x5432;";
    check(body, "b32", &["b32"], &inputs[..1], |[a, ..]| {
        low(a, 0xFFFF_FFFD)
    });
}

type Comparison = fn(i128, i128) -> bool;

const COMPARISONS: [(&str, Comparison); 6] = [
    ("eq", |a, b| a == b),
    ("ne", |a, b| a != b),
    ("lt", |a, b| a < b),
    ("le", |a, b| a <= b),
    ("gt", |a, b| a > b),
    ("ge", |a, b| a >= b),
];
/// Further names of comparisons of unsigned integers.
const UNSIGNED: [(&str, Comparison); 4] = [
    ("lo", |a, b| a < b),
    ("ls", |a, b| a <= b),
    ("hi", |a, b| a > b),
    ("hs", |a, b| a >= b),
];

#[test]
fn integers_are_compared() {
    for kind in ALL.iter().chain(&["b16", "b32", "b64"]) {
        let inputs = combinations(&integers(bits(kind)), 2, 100);
        let names = COMPARISONS.iter().chain(&UNSIGNED);
        let exists = |name: &&str| match kind.as_bytes()[0] {
            b's' => COMPARISONS.iter().any(|(signed, _)| signed == name),
            b'b' => ["eq", "ne"].contains(name),
            _ => true,
        };
        for (name, f) in names.filter(|(name, _)| exists(name)) {
            let body = format!("setp.{name}.{kind} %d, %a, %b;");
            check(&body, "pred", &[kind, kind], &inputs, |[a, b, ..]| {
                u64::from(f(value(kind, a), value(kind, b)))
            });
            if bits(kind) == 32 {
                let body = format!("set.{name}.u32.{kind} %d, %a, %b;");
                check(&body, "u32", &[kind, kind], &inputs, |[a, b, ..]| {
                    u64::from(f(value(kind, a), value(kind, b))) * 0xFFFF_FFFF
                });
            }
        }
    }
}

/// `p = (a < b) op c`, `q = !(a < b) op c`.
#[test]
fn comparisons_are_combined() {
    let mut inputs = combinations(&integers(32), 2, 100);
    let with = inputs.clone();
    inputs.iter_mut().for_each(|input| input[2] = 0);
    inputs.extend(with.iter().map(|[a, b, ..]| [*a, *b, 1, 0]));
    let combine: [(&str, OfPredicates); 3] = [
        (".and", |a, b| a && b),
        (".or", |a, b| a || b),
        (".xor", |a, b| a != b),
    ];
    for (name, f) in combine {
        for negation in ["", "!"] {
            let body = format!("setp.lt{name}.s32 %d|%f, %a, %b, {negation}%c;");
            let found = run(&body, ["pred"; 2], &["s32", "s32", "pred"], &inputs);
            for ([a, b, c, _], found) in inputs.iter().zip(found) {
                let (holds, c) = (value("s32", *a) < value("s32", *b), *c == 1);
                let with = c != (negation == "!");
                let expected = [f(holds, with), f(!holds, with)].map(u64::from);
                assert_eq!(found, expected, "{body} {a:#x} {b:#x} {c}");
            }
        }
    }
    let body = "setp.ge.u32 %d|%f, %a, %b;";
    for ([a, b, ..], found) in inputs
        .iter()
        .zip(run(body, ["pred"; 2], &["u32"; 2], &inputs))
    {
        let holds = *a as u32 >= *b as u32;
        assert_eq!(
            found,
            [holds, !holds].map(u64::from),
            "{body} {a:#x} {b:#x}"
        );
    }
}

#[test]
fn selections() {
    let mut inputs = combinations(&integers(64), 2, 50);
    for (at, input) in inputs.iter_mut().enumerate() {
        input[2] = at as u64 % 3 % 2;
    }
    for kind in [
        "b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64",
    ] {
        let bits = format!("b{}", bits(kind));
        let body = format!("selp.{kind} %d, %a, %b, %c;");
        let kinds = [&bits[..], &bits, "pred"];
        check(&body, &bits, &kinds, &inputs, |[a, b, c, _]| match c {
            1 => a,
            _ => b,
        });
    }
}

/// The first element of a vector is the lowest part.
#[test]
fn moves_of_parts() {
    let inputs = combinations(&integers(64), 2, 50);
    let body = "mov.b64 {%r0, %r1}, %a;\nmov.b64 {_, %r2}, %b;\nmov.b64 %d, {%r1, %r2};";
    check(body, "b64", &["b64"; 2], &inputs, |[a, b, ..]| {
        a >> 32 | b >> 32 << 32
    });
    let body = "mov.b64 {%h0, %h1, %h2, %h3}, %a;\nmov.b64 %d, {%h3, %h2, %h0, %h1};";
    check(body, "b64", &["b64"], &inputs, |[a, ..]| {
        let part = |at: u64| a >> (16 * at) & 0xFFFF;
        part(3) | part(2) << 16 | part(0) << 32 | part(1) << 48
    });
    let body = "mov.b32 {%h0, %h1}, %a;\nmov.b32 %d, {%h1, %h0};";
    check(body, "b32", &["b32"], &inputs, |[a, ..]| {
        a >> 16 | (a & 0xFFFF) << 16
    });
    for (kind, number, expected) in [
        ("u32", "0x80000001", 0x8000_0001),
        ("s32", "-7", 0xFFFF_FFF9),
        ("b16", "-1", 0xFFFF),
        ("u64", "18446744073709551615", u64::MAX),
        ("s64", "-2", u64::MAX - 1),
        ("u32", "0x1FU", 31),
        ("u32", "0b101", 5),
        ("f32", "0f3F800000", u64::from(1f32.to_bits())),
        ("f64", "0dBFF0000000000000", (-1f64).to_bits()),
    ] {
        let body = format!("mov.{kind} %d, {number};");
        check(&body, kind, &[], &[[0; 4]; 33], |_| expected);
    }
}

/// A number that begins with 0 is octal.
#[test]
fn octal_numbers() {
    check("mov.u32 %d, 017;", "u32", &[], &[[0; 4]], |_| 15);
    check("mov.u64 %d, 0777U;", "u64", &[], &[[0; 4]], |_| 511);
    check("mov.u32 %d, 0;", "u32", &[], &[[0; 4]], |_| 0);
}

const WIDTHS: [&str; 8] = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"];

/// Between integers of all widths, in registers of the type's width or of 16 bits.
#[test]
fn integers_are_converted() {
    for from in WIDTHS {
        let inputs = combinations(&integers(bits(from)), 1, 100);
        for to in WIDTHS {
            let body = format!("cvt.{to}.{from} %d, %a;");
            check(&body, to, &[from], &inputs, |[a, ..]| {
                wrapped(to, value(from, a))
            });
            // the bits beyond the source's type do not count
            if bits(from) < 64 {
                check(&body, to, &["b64"], &inputs, |[a, ..]| {
                    wrapped(to, value(from, a))
                });
            }
        }
    }
}

/// A register wider than the result's type gets it extended by its sign, or by zeros.
#[test]
fn narrow_results_in_wide_registers() {
    for from in WIDTHS {
        let inputs = combinations(&integers(bits(from)), 1, 100);
        for to in WIDTHS {
            for register in ["b16", "b32", "b64"] {
                if bits(to) < bits(register) {
                    let body = format!("cvt.{to}.{from} %d, %a;");
                    check(&body, register, &[from], &inputs, |[a, ..]| {
                        wrapped(register, value(to, wrapped(to, value(from, a))))
                    });
                }
            }
        }
    }
}
