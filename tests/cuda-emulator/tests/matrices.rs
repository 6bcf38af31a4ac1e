//! Products of matrices by a warp: `mma.sync`, and the conversions of its operands.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::exact::SINGLE;
use kernel::faulty::{assert_reported, run};
use kernel::operands::{Random, of_singles, single};
use kernel::{check, launch_words, line, module};

const WARP: usize = 32;
const TF32: &str = "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32";
const BF16: &str = "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32";

/// The row and column of each element that a lane has, as the manual's section 9.7.14.5 gives them.
type Places = Vec<(usize, usize)>;

fn of_a(opcode: &str, lane: usize) -> Places {
    let (group, thread) = (lane >> 2, lane % 4);
    let place = |i: usize| match opcode == TF32 {
        true => (
            if i == 0 || i == 2 { group } else { group + 8 },
            if i < 2 { thread } else { thread + 4 },
        ),
        false => (
            if i < 2 || (4..6).contains(&i) {
                group
            } else {
                group + 8
            },
            if i < 4 {
                thread * 2 + (i & 1)
            } else {
                thread * 2 + (i & 1) + 8
            },
        ),
    };
    (0..if opcode == TF32 { 4 } else { 8 }).map(place).collect()
}

fn of_b(opcode: &str, lane: usize) -> Places {
    let (group, thread) = (lane >> 2, lane % 4);
    let row = |i: usize| match (opcode == TF32, i < 2) {
        (true, _) => [thread, thread + 4][i],
        (false, true) => thread * 2 + (i & 1),
        (false, false) => thread * 2 + (i & 1) + 8,
    };
    let count = if opcode == TF32 { 2 } else { 4 };
    (0..count).map(|i| (row(i), group)).collect()
}

fn of_c(lane: usize) -> Places {
    let row = |i: usize| if i < 2 { lane >> 2 } else { (lane >> 2) + 8 };
    (0..4).map(|i| (row(i), lane % 4 * 2 + (i & 1))).collect()
}

/// Bits of `f32`, by row and column.
type Matrix = Vec<Vec<u32>>;

fn matrix(rows: usize, columns: usize, mut of: impl FnMut() -> u32) -> Matrix {
    let mut row = || (0..columns).map(|_| of()).collect();
    (0..rows).map(|_| row()).collect()
}

/// `a b + c` by one warp.
fn product(opcode: &str, a: &Matrix, b: &Matrix, c: &Matrix) -> Matrix {
    // each lane's registers one after another; of bf16, the upper half of an `f32`, two in a register
    let packed = |matrix: &Matrix, places: Places| -> Vec<u32> {
        let elements = places.iter().map(|(row, column)| matrix[*row][*column]);
        let elements: Vec<u32> = elements.collect();
        match opcode == TF32 {
            true => elements,
            false => elements
                .chunks(2)
                .map(|pair| pair[0] >> 16 | pair[1] & 0xFFFF_0000)
                .collect(),
        }
    };
    let lanes = || 0..WARP;
    let left = lanes().flat_map(|lane| packed(a, of_a(opcode, lane)));
    let right = lanes().flat_map(|lane| packed(b, of_b(opcode, lane)));
    let start = lanes().flat_map(|lane| of_c(lane).into_iter().map(|(i, j)| c[i][j]));
    let arrays = [
        vec![0; 4 * WARP],
        left.collect(),
        right.collect(),
        start.collect(),
    ];
    // the result is in the registers of `c`, as in a loop
    let body = format!(
        "shl.b64 %l1, %o, 2;\nadd.s64 %x0, %x0, %l1;\nadd.s64 %x1, %x1, %l1;\nadd.s64 %x3, %x3, %l1;\n\
         shl.b64 %l1, %o, 1;\nadd.s64 %x2, %x2, %l1;\nld.global.v4.u32 {{%r0, %r1, %r2, %r3}}, [%x1];\n\
         ld.global.v2.u32 {{%r4, %r5}}, [%x2];\nld.global.v4.u32 {{%r6, %r7, %r8, %r9}}, [%x3];\n\
         {opcode} {{%r6, %r7, %r8, %r9}}, {{%r0, %r1, %r2, %r3}}, {{%r4, %r5}}, {{%r6, %r7, %r8, %r9}};\n\
         st.global.v4.u32 [%x0], {{%r6, %r7, %r8, %r9}};\n"
    );
    let found = launch_words(&module("", 4, &body), line(1, WARP as u32), &arrays).remove(0);
    let mut result = matrix(16, 8, || 0);
    for (lane, values) in found.chunks(4).enumerate() {
        for ((i, j), value) in of_c(lane).into_iter().zip(values) {
            result[i][j] = *value;
        }
    }
    result
}

/// Whole numbers, whose sums are exact in any order.
#[test]
fn products_of_whole_numbers() {
    let mut random = Random(3);
    for (opcode, terms) in [(TF32, 8), (BF16, 16)] {
        for _ in 0..20 {
            let mut whole = || f32::to_bits((random.next() % 255) as f32 - 127.0);
            let (a, b) = (matrix(16, terms, &mut whole), matrix(terms, 8, &mut whole));
            let c = matrix(16, 8, &mut whole);
            let found = product(opcode, &a, &b, &c);
            let number = |bits: u32| f64::from(f32::from_bits(bits));
            for (i, row) in found.iter().enumerate() {
                for (j, found) in row.iter().enumerate() {
                    let terms = (0..terms).map(|k| number(a[i][k]) * number(b[k][j]));
                    let expected = number(c[i][j]) + terms.sum::<f64>();
                    assert_eq!(number(*found), expected, "{opcode}, {i}, {j}");
                }
            }
        }
    }
}

/// Each exact product is added in the order of the terms, and the sum rounded once; `f32` that are neither tf32 nor bf16 are
/// cut off.
#[test]
fn sums_are_rounded_after_each_term() {
    let mut random = Random(4);
    for (opcode, terms, cut) in [(TF32, 8, 0x1FFF), (BF16, 16, 0xFFFF)] {
        for _ in 0..20 {
            // of all signs, and exponents from -8 to 7
            let mut any = || {
                let bits = random.next();
                (bits & 0x807F_FFFF) as u32 + (((bits >> 40 & 15) as u32 + 119) << 23)
            };
            let (a, b) = (matrix(16, terms, &mut any), matrix(terms, 8, &mut any));
            let c = matrix(16, 8, &mut any);
            let found = product(opcode, &a, &b, &c);
            for (i, row) in found.iter().enumerate() {
                for (j, found) in row.iter().enumerate() {
                    let expected = (0..terms).fold(u64::from(c[i][j]), |sum, k| {
                        let factors = [a[i][k], b[k][j]].map(|bits| u64::from(bits & !cut));
                        SINGLE.fused([factors[0], factors[1], sum], 'n')
                    });
                    assert_eq!(u64::from(*found), expected, "{opcode}, {i}, {j}");
                }
            }
        }
    }
}

#[test]
fn infinity_and_nan() {
    let one = || 1f32.to_bits();
    for (opcode, terms) in [(TF32, 8), (BF16, 16)] {
        let (mut a, mut b) = (matrix(16, terms, one), matrix(terms, 8, one));
        let mut c = matrix(16, 8, one);
        a[3][terms - 1] = f32::INFINITY.to_bits();
        b[terms - 1][5] = 0;
        c[9][2] = f32::NEG_INFINITY.to_bits();
        let found = product(opcode, &a, &b, &c);
        let found = |i: usize, j: usize| f32::from_bits(found[i][j]);
        assert_eq!(found(3, 0), f32::INFINITY);
        assert!(found(3, 5).is_nan(), "infinity times 0");
        assert_eq!(found(9, 2), f32::NEG_INFINITY);
        assert_eq!(found(9, 5), terms as f32);
        assert_eq!(found(9, 3), terms as f32 + 1.0);
    }
}

/// To 10 digits after the leading one; of two numbers equally near, the one farther from 0.
#[test]
fn numbers_are_rounded_to_tf32() {
    let mut inputs = of_singles(1);
    inputs.extend(
        [
            0x3F80_1000,
            0xBF80_1000,
            0x3F80_0FFF,
            0x3F80_3000,
            0x7F7F_F000,
        ]
        .map(|x| [x, 0, 0, 0]),
    );
    inputs.retain(|[a, ..]| !SINGLE.is_nan(a & 0xFFFF_FFFF));
    check(
        "cvt.rna.tf32.f32 %d, %a;",
        "b32",
        &["f32"],
        &inputs,
        |[a, ..]| {
            let (sign, size) = (a & 0x8000_0000, a & 0x7FFF_FFFF);
            // the unit is 2^13 in the bits, as the exponent is above the digits
            let units = size / 8192 + u64::from(size % 8192 >= 4096);
            sign | (units * 8192)
        },
    );
    let nan = [[single(f32::NAN), 0, 0, 0], [0xFFFF_FFFF, 0, 0, 0]];
    for [found] in kernel::run("cvt.rna.tf32.f32 %d, %a;", ["b32"], &["f32"], &nan) {
        assert!(SINGLE.is_nan(found), "{found:#x}");
    }
}

/// Two bf16 in a register, the first operand in the upper half, and by halves.
#[test]
fn pairs_of_bf16() {
    let mut inputs = of_singles(2);
    let is_nan = |a: &u64| SINGLE.is_nan(a & 0xFFFF_FFFF);
    inputs.retain(|[a, b, ..]| !is_nan(a) && !is_nan(b));
    let rounded = |a: u64| match a & 0x7FFF_FFFF {
        0x7F80_0000 => a >> 16,
        _ => (a + 0x7FFF + (a >> 16 & 1)) >> 16,
    };
    for body in [
        "cvt.rn.bf16x2.f32 %d, %a, %b;",
        "cvt.rn.bf16.f32 %h1, %a;\ncvt.rn.bf16.f32 %h0, %b;\nmov.b32 %d, {%h0, %h1};",
    ] {
        check(body, "b32", &["f32"; 2], &inputs, |[a, b, ..]| {
            rounded(a) << 16 | rounded(b)
        });
    }
}

const OPERANDS: &str =
    "{%f0, %f1, %f2, %f3}, {%r4, %r4, %r4, %r4}, {%r4, %r4}, {%f0, %f1, %f2, %f3}";
const ZEROS: &str =
    "mov.f32 %f0, 0f00000000; mov.f32 %f1, %f0; mov.f32 %f2, %f0; mov.f32 %f3, %f0;";

#[test]
fn lanes_that_do_not_take_part() {
    for opcode in [TF32, BF16] {
        let all = format!("mov.u32 %r4, 0; {ZEROS} {opcode} {OPERANDS};");
        let some =
            format!("mov.u32 %r4, 0; {ZEROS} setp.ne.u32 %p1, %r2, 20; @%p1 {opcode} {OPERANDS};");
        let words = ["in the lanes 0xffefffff", "all 32", "thread [0, 0, 0]"];
        assert_reported(&some, &all, (1, 32), &words);
        let apart = format!(
            "mov.u32 %r4, 0; {ZEROS} setp.lt.u32 %p1, %r2, 16; @%p1 bra $low; {opcode} {OPERANDS}; bra $end; $low: {opcode} {OPERANDS}; $end:"
        );
        let found = run(&apart, 1, 32).unwrap();
        assert!(found.contains("all 32"), "{found}");
        let found = run(&all, 1, 48).unwrap();
        assert!(
            found.contains("in the lanes 0x0000ffff"),
            "a warp of 16: {found}"
        );
    }
}

/// Of each operand, in one lane.
#[test]
fn a_register_that_one_lane_has_not_written() {
    for opcode in [TF32, BF16] {
        for operands in [
            "{%f0, %f1, %f2, %f3}, {%r4, %r4, %r4, %r5}, {%r4, %r4}, {%f0, %f1, %f2, %f3}",
            "{%f0, %f1, %f2, %f3}, {%r4, %r4, %r4, %r4}, {%r4, %r5}, {%f0, %f1, %f2, %f3}",
            "{%f0, %f1, %f2, %f3}, {%r4, %r4, %r4, %r4}, {%r4, %r4}, {%f0, %f1, %f2, %r5}",
        ] {
            let body = |guard: &str| {
                format!(
                    "mov.u32 %r4, 0; {ZEROS} setp.ne.u32 %p1, %r2, 9; {guard} mov.u32 %r5, 0; {opcode} {operands};"
                )
            };
            let words = ["reads the register %r5", "thread [9, 0, 0]"];
            assert_reported(&body("@%p1"), &body(""), (1, 32), &words);
        }
    }
    // the results are written
    let stored = format!(
        "mov.u32 %r4, 0; {ZEROS} {TF32} {{%r5, %r6, %r7, %r8}}, {{%r4, %r4, %r4, %r4}}, {{%r4, %r4}}, {{%f0, %f1, %f2, %f3}}; st.global.u32 [%rd2], %r8;"
    );
    assert_eq!(run(&stored, 1, 32), None);
}

#[test]
fn operands_of_another_form() {
    let found = run(
        &format!(
            "mov.u32 %r4, 0; {ZEROS} {TF32} {{%f0, %f1}}, {{%r4, %r4, %r4, %r4}}, {{%r4, %r4}}, {{%f0, %f1, %f2, %f3}};"
        ),
        1,
        32,
    );
    assert!(found.unwrap().contains("expected 4 registers"));
    let found = run(
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f0, %f1, %f2, %f3}, {%r4, %r4}, {%r4}, {%f0, %f1, %f2, %f3};",
        1,
        32,
    );
    assert!(found.unwrap().contains("does not cover: mma.sync"));
}
