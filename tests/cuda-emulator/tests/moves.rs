//! Moves and selections: of parts of registers, of constants, and of special registers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::operands::{combinations, integers};
use kernel::{bits, check, threads};

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

/// Loads that extend a sign, and negative immediates, leave no bits beyond the register.
#[test]
fn registers_have_their_width() {
    let inputs = combinations(&integers(32), 2, 50);
    let low = |a: u64, b: u64| (a & 0xFFFF) << 16 | b >> 16;
    for (first, is_set) in [("%a", false), ("-1", true)] {
        for body in [
            format!("shf.r.wrap.b32 %d, {first}, %b, 16;"),
            format!("prmt.b32 %d, {first}, %b, 0x5432;"),
            // through a selection
            format!(
                "setp.ne.u32 %p0, %a, %b;\nsetp.eq.or.u32 %p1, %a, %b, %p0;\n\
                 selp.b32 %r0, {first}, 0, %p1;\nprmt.b32 %d, %r0, %b, 0x5432;"
            ),
        ] {
            check(&body, "b32", &["b32"; 2], &inputs, |[a, b, ..]| {
                low(b, if is_set { 0xFFFF_FFFF } else { a })
            });
        }
    }
    // the byte -3, in the place where the result is stored later
    let body =
        "st.global.b64 [%x0], 0xFD;\nld.global.s8 %r0, [%x0];\nprmt.b32 %d, %r0, %a, 0x5432;";
    check(body, "b32", &["b32"], &inputs[..1], |[a, ..]| {
        low(a, 0xFFFF_FFFD)
    });
}

#[test]
fn special_registers() {
    let names = ["%tid", "%ntid", "%ctaid", "%nctaid"];
    let mut body = String::new();
    for (at, name) in names.iter().enumerate() {
        for (dim, letter) in ["x", "y", "z"].iter().enumerate() {
            body += &format!("mov.u32 %r{}, {name}.{letter};\n", 3 * at + dim);
        }
    }
    // the thread's number in the launch, in `%i`: x varies first
    body += "mov.u32 %r12, %laneid;\nmad.lo.u32 %r13, %r2, %r4, %r1;\nmad.lo.u32 %r13, %r13, %r3, %r0;\n\
             mad.lo.u32 %r14, %r8, %r10, %r7;\nmad.lo.u32 %r14, %r14, %r9, %r6;\n\
             mul.lo.u32 %r15, %r3, %r4;\nmul.lo.u32 %r15, %r15, %r5;\nmad.lo.u32 %i, %r14, %r15, %r13;\n";
    for (grid, block) in [
        ([3, 2, 4], [7, 3, 4]),
        ([2, 1, 3], [5, 3, 2]),
        ([1, 2, 1], [1, 8, 8]),
        ([5, 1, 1], [100, 1, 1]),
    ] {
        let found = threads("", &body, 13, (grid, block, 0));
        let mut expected = Vec::new();
        let all = |[x, y, z]: [u32; 3]| {
            (0..z).flat_map(move |z| (0..y).flat_map(move |y| (0..x).map(move |x| [x, y, z])))
        };
        for of_grid in all(grid) {
            for (number, of_block) in (0..).zip(all(block)) {
                expected.extend([of_block, block, of_grid, grid].concat());
                expected.push(number % 32);
            }
        }
        assert_eq!(found.concat(), expected, "{grid:?} {block:?}");
    }
}
