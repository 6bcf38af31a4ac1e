//! Integers: arithmetic, chains of carries, and comparisons.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::operands::{combinations, integers};
use kernel::{bits, check, run, value, wrapped};

const ALL: [&str; 6] = ["u16", "s16", "u32", "s32", "u64", "s64"];
const SIGNED: [&str; 3] = ["s16", "s32", "s64"];

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

/// Divisions by 0 and of the least number by -1 are left out: the manual does not say what they give. Expected quotients are
/// by subtraction of shifted divisors.
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

/// Puts the words of `%a`, `%b`, `%c`, `%e` in `%r0` to `%r7`, the low one first.
const SPLIT: &str = "mov.b64 {%r0, %r1}, %a;\nmov.b64 {%r2, %r3}, %b;\n";
const SPLIT_MORE: &str = "mov.b64 {%r4, %r5}, %c;\nmov.b64 {%r6, %r7}, %e;\n";

/// Compares `%d` and `%f`, the halves of a number, with what a function expects of the operands.
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

/// The product as a compiler forms it of words: each word of `%b` times both of `%a`.
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
    // `madc.lo` adds the carry of `mad.hi.cc`
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

/// `madc.hi` of signed numbers adds the upper half of the signed product.
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

type OfPredicates = fn(bool, bool) -> bool;
type Comparison = fn(i128, i128) -> bool;

const COMPARISONS: [(&str, Comparison); 6] = [
    ("eq", |a, b| a == b),
    ("ne", |a, b| a != b),
    ("lt", |a, b| a < b),
    ("le", |a, b| a <= b),
    ("gt", |a, b| a > b),
    ("ge", |a, b| a >= b),
];
/// Further names that comparisons of unsigned integers have.
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
    let found = run(body, ["pred"; 2], &["u32"; 2], &inputs);
    for ([a, b, ..], found) in inputs.iter().zip(found) {
        let holds = *a as u32 >= *b as u32;
        assert_eq!(
            found,
            [holds, !holds].map(u64::from),
            "{body} {a:#x} {b:#x}"
        );
    }
}
