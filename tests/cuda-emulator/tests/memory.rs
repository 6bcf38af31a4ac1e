//! Memory: state spaces, variables, generic addresses, loads and stores of all widths.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::operands::Random;
use kernel::{bits, launch, line, module, threads, threads_and_arrays};

/// The numbers of a block's threads in reverse order, by static shared memory; their running sums, by dynamic.
#[test]
fn shared_memory() {
    let before = ".shared .align 4 .b32 unused[3];\n.extern .shared .align 16 .b8 dynamic[];";
    let body = ".shared .align 4 .b8 buffer[400];\n\
                shl.b32 %r10, %r31, 2;\nmov.u32 %r11, buffer;\nadd.u32 %r12, %r11, %r10;\nst.shared.u32 [%r12], %i;\n\
                bar.sync 0;\nsub.u32 %r13, %r30, %r31;\nmad.lo.u32 %r12, %r13, 4, %r11;\nld.shared.u32 %r0, [%r12-4];\n\
                mov.u32 %r14, dynamic;\nadd.u32 %r15, %r14, %r10;\nst.shared.u32 [%r15], %i;\nmov.u32 %r16, 1;\n\
                STEP: setp.ge.u32 %p0, %r16, %r30;\n@%p0 bra END;\nbar.sync 0;\nmov.u32 %r17, 0;\n\
                setp.lt.u32 %p1, %r31, %r16;\n@%p1 bra WAIT;\nsub.u32 %r18, %r31, %r16;\nmad.lo.u32 %r18, %r18, 4, %r14;\n\
                ld.shared.u32 %r17, [%r18];\nWAIT: bar.sync 0;\nld.shared.u32 %r19, [%r15];\nadd.u32 %r19, %r19, %r17;\n\
                st.shared.u32 [%r15], %r19;\nshl.b32 %r16, %r16, 1;\nbra.uni STEP;\n\
                END: ld.shared.u32 %r1, [%r15];\n";
    for count in [1, 31, 32, 33, 77, 100] {
        let shape = ([3, 1, 1], [count, 1, 1], 4 * count as usize);
        for (thread, found) in (0..).zip(threads(before, body, 2, shape)) {
            let first = thread / count * count;
            let reversed = first + (first + count - 1 - thread);
            assert_eq!(
                found,
                [reversed, (first..=thread).sum()],
                "{thread} of {count}"
            );
        }
    }
}

/// Each thread's own array, by an address in the state space and by a generic one.
#[test]
fn local_memory() {
    let body = ".local .align 8 .b8 depot[36];\n.local .align 8 .u32 second[2];\nmov.u64 %l2, depot;\ncvta.local.u64 %l3, %l2;\n\
                mov.u32 %r10, 0;\nFILL: mul.wide.u32 %l4, %r10, 4;\nadd.s64 %l5, %l2, %l4;\nmad.lo.u32 %r11, %r10, %i, %r10;\n\
                st.local.u32 [%l5], %r11;\nadd.u32 %r10, %r10, 1;\nsetp.lt.u32 %p0, %r10, 8;\n@%p0 bra FILL;\n\
                st.local.v2.u32 [second+0], {%i, %r10};\nst.local.u32 [depot+32], %i;\n\
                and.b32 %r12, %i, 7;\nmul.wide.u32 %l6, %r12, 4;\nadd.s64 %l7, %l3, %l6;\nld.u32 %r0, [%l7];\n\
                ld.local.u32 %r1, [second];\ncvta.to.local.u64 %l8, %l7;\nld.local.u32 %r2, [%l8];\nst.u32 [%l7], 5;\n\
                ld.local.u32 %r3, [%l8];\nld.local.u32 %r4, [depot+32];\n";
    for (thread, found) in (0..).zip(threads("", body, 5, line(2, 50))) {
        let value = thread % 8 * (thread + 1);
        assert_eq!(found, [value, thread, value, 5, thread], "thread {thread}");
    }
}

#[test]
fn variables_with_initial_values() {
    let before = ".global .align 4 .u32 words[5] = {1, 0x20, 3};\n.global .align 1 .b8 bytes[6] = {255, 1, 2, 3, 4};\n\
                  .visible .global .align 2 .s16 shorts[2] = {-2, 300};\n.global .f32 one = 0f3F800000;\n\
                  .const .align 8 .f64 half = 0d3FE0000000000000;\n.const .align 4 .b32 table[3] = {7, 8, 9};\n\
                  .global .align 8 .u64 zero;";
    let body = "rem.u32 %r10, %i, 5;\nmul.wide.u32 %l2, %r10, 4;\nmov.u64 %l3, words;\nadd.s64 %l3, %l3, %l2;\n\
                ld.global.u32 %r0, [%l3];\nld.global.u8 %r1, [bytes];\nld.global.u8 %r2, [bytes+5];\nld.global.s8 %r3, [bytes+0];\n\
                ld.global.s16 %r4, [shorts];\nld.global.s16 %r5, [shorts+2];\nld.global.f32 %r6, [one];\n\
                ld.const.b64 %l4, [half];\nmov.b64 {%r7, %r8}, %l4;\nld.const.u32 %r9, [table+8];\n\
                ld.global.u64 %l5, [zero];\ncvt.u32.u64 %r10, %l5;\ncvta.const.u64 %l6, table;\nld.u32 %r11, [%l6+4];\n\
                cvta.global.u64 %l7, words;\nld.u32 %r12, [%l7+4];\nsetp.eq.u32 %p0, %i, 9;\n@%p0 st.global.u64 [zero], %l4;\n\
                @%p0 ld.global.u32 %r10, [zero+4];\n";
    // the guarded store races with the reads of other threads: none of 40 threads executes it, then a single thread does
    let unwritten = body.replace("setp.eq.u32 %p0, %i, 9", "setp.eq.u32 %p0, %i, 99");
    let expected = |thread: u32| {
        let word = [1, 0x20, 3, 0, 0][thread as usize % 5];
        let minus = |number: i32| number as u32;
        let one = 1f32.to_bits();
        [
            word,
            255,
            0,
            minus(-1),
            minus(-2),
            300,
            one,
            0,
            0x3FE0_0000,
            9,
            0,
            8,
            0x20,
        ]
    };
    for (thread, found) in (0..).zip(threads(before, &unwritten, 13, line(1, 40))) {
        assert_eq!(found, expected(thread), "thread {thread}");
    }
    let alone = body.replace("setp.eq.u32 %p0, %i, 9", "setp.eq.u32 %p0, %i, 0");
    let found = threads(before, &alone, 13, line(1, 1));
    assert_eq!(found[0][10], 0x3FE0_0000, "what a kernel has written");
}

/// The same instruction stores to and loads from three state spaces.
#[test]
fn generic_addresses() {
    let body = ".shared .align 4 .b32 buffer[64];\n.local .align 4 .b8 own[8];\n\
                mul.wide.u32 %l2, %r31, 4;\nmov.u64 %l3, buffer;\ncvta.shared.u64 %l3, %l3;\nadd.s64 %l3, %l3, %l2;\n\
                mov.u64 %l4, own;\ncvta.local.u64 %l4, %l4;\nmul.wide.u32 %l5, %i, 4;\nadd.s64 %l5, %l5, %x1;\n\
                cvta.global.u64 %l5, %l5;\nrem.u32 %r10, %i, 3;\nsetp.eq.u32 %p0, %r10, 0;\nsetp.eq.u32 %p1, %r10, 1;\n\
                selp.b64 %l6, %l4, %l5, %p1;\nselp.b64 %l6, %l3, %l6, %p0;\nst.u32 [%l6], %i;\nld.u32 %r0, [%l6];\n\
                mov.u32 %r1, 7;\n@%p0 bra SHARED;\n@%p1 ld.local.u32 %r1, [own];\n@!%p1 ld.global.u32 %r1, [%l5];\nbra END;\n\
                SHARED: cvta.to.shared.u64 %l7, %l6;\nld.shared.u32 %r1, [%l7];\nEND:\n";
    let (found, arrays) = threads_and_arrays("", body, 2, line(2, 64), &[vec![0; 128]]);
    for (thread, pair) in (0..).zip(found) {
        assert_eq!(pair, [thread, thread], "thread {thread}");
        let stored = if thread % 3 == 2 { thread } else { 0 };
        assert_eq!(arrays[0][thread as usize], stored, "thread {thread}");
    }
}

/// What is loaded into a register of 64 bits is extended by its sign if its type has one, else by zeros.
#[test]
fn loads_of_all_widths() {
    let mut random = Random(8);
    let bytes: Vec<u8> = (0..64 * 40).map(|_| random.next() as u8).collect();
    for kind in [
        "u8", "s8", "b8", "u16", "s16", "b16", "u32", "s32", "b32", "f32", "u64", "s64", "b64",
        "f64",
    ] {
        let width = bits(kind) as usize / 8;
        for count in [1, 2, 4] {
            if width * count > 16 {
                continue;
            }
            for instruction in ["ld.global", "ld.global.nc", "ld", "ld.volatile.global"] {
                let names = ["%l4", "%l5", "%l6", "%l7"][..count].join(", ");
                let (vector, to) = match count {
                    1 => (String::new(), names),
                    _ => (format!(".v{count}"), format!("{{{names}}}")),
                };
                // each thread loads from byte 16 of its own 64
                let mut body = format!(
                    "mul.wide.u32 %l2, %i, 64;\nadd.s64 %l3, %x1, %l2;\n{instruction}{vector}.{kind} {to}, [%l3+16];\n\
                     mul.wide.u32 %l2, %i, 32;\nadd.s64 %l3, %x0, %l2;\n"
                );
                for at in 0..count {
                    body += &format!("st.global.u64 [%l3+{}], %l{};\n", 8 * at, 4 + at);
                }
                let arrays = [vec![0; 32 * 40], bytes.clone()];
                let found = launch(&module("", 2, &body), line(1, 40), &arrays);
                for thread in 0..40 {
                    for at in 0..count {
                        let from = 64 * thread + 16 + width * at;
                        let number = bytes[from..from + width].iter().rev();
                        let number =
                            number.fold(0i128, |number, byte| number * 256 + i128::from(*byte));
                        let is_negative = kind.starts_with('s') && number >> (8 * width - 1) == 1;
                        let number = number - if is_negative { 1 << (8 * width) } else { 0 };
                        let found = &found[0][32 * thread + 8 * at..][..8];
                        assert_eq!(
                            found,
                            (number as u64).to_le_bytes(),
                            "{instruction}{vector}.{kind}"
                        );
                    }
                }
            }
        }
    }
}

/// A store writes the lowest bits, and nothing beside them.
#[test]
fn stores_of_all_widths() {
    let word = |at: u64| 0x1122_3344_5566_7788u64.rotate_left(8 * at as u32) ^ at;
    for kind in [
        "u8", "s8", "b8", "u16", "s16", "u32", "s32", "f32", "b32", "u64", "s64", "b64", "f64",
    ] {
        let width = bits(kind) as usize / 8;
        for count in [1, 2, 4] {
            if width * count > 16 {
                continue;
            }
            let names = ["%l4", "%l5", "%l6", "%l7"][..count].join(", ");
            let (vector, from) = match count {
                1 => (String::new(), names),
                _ => (format!(".v{count}"), format!("{{{names}}}")),
            };
            let mut body = "mul.wide.u32 %l2, %i, 32;\nadd.s64 %l3, %x0, %l2;\n".to_owned();
            for at in 0..4 {
                body += &format!("mov.u64 %l{}, {};\n", 4 + at, word(at));
            }
            body += &format!("st.global{vector}.{kind} [%l3+16], {from};\n");
            let found = launch(&module("", 1, &body), line(1, 40), &[vec![0xEE; 32 * 40]]);
            for found in found[0].chunks(32) {
                let mut expected = [0xEE; 32];
                for at in 0..count {
                    let place = &mut expected[16 + width * at..][..width];
                    place.copy_from_slice(&word(at as u64).to_le_bytes()[..width]);
                }
                assert_eq!(found, expected, "st.global{vector}.{kind}");
            }
        }
    }
}
