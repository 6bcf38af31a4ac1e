//! Threads of a warp that go different ways: guards, loops, and ends before a barrier.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::operands::combinations;
use kernel::{check, line, mask, threads};

/// A guarded instruction is executed in some lanes, and leaves the registers of the others as they are.
#[test]
fn guards() {
    let inputs = combinations(&[0, 1, 5, 6], 2, 50);
    let body = "and.b32 %r0, %a, 1;\nsetp.eq.u32 %p0, %r0, 1;\nmov.u32 %d, %b;\n@%p0 add.u32 %d, %a, %b;\n@!%p0 xor.b32 %d, %d, -1;";
    check(body, "u32", &["u32"; 2], &inputs, |[a, b, ..]| {
        match a % 2 {
            1 => (a + b) & mask("u32"),
            _ => !b & mask("u32"),
        }
    });
}

/// Steps of the Collatz sequence, and a sum in a nested loop that some threads leave early.
#[test]
fn loops_of_different_lengths() {
    let body = "add.u32 %r10, %i, 1;\nmov.u32 %r0, 0;\n\
                NEXT: setp.eq.u32 %p0, %r10, 1;\n@%p0 bra DONE;\nadd.u32 %r0, %r0, 1;\nand.b32 %r11, %r10, 1;\n\
                setp.eq.u32 %p1, %r11, 0;\n@%p1 bra EVEN;\nmad.lo.u32 %r10, %r10, 3, 1;\nbra NEXT;\n\
                EVEN: shr.u32 %r10, %r10, 1;\nbra NEXT;\nDONE: mov.u32 %r1, 0;\nmov.u32 %r12, 0;\n\
                OUTER: setp.ge.u32 %p2, %r12, %i;\n@%p2 bra END;\nmov.u32 %r13, 0;\n\
                INNER: setp.gt.u32 %p3, %r13, %r12;\n@%p3 bra AFTER;\nadd.u32 %r1, %r1, %r13;\nadd.u32 %r13, %r13, 1;\n\
                setp.gt.u32 %p4, %r1, 500;\n@%p4 bra END;\nbra.uni INNER;\n\
                AFTER: add.u32 %r12, %r12, 1;\nbra.uni OUTER;\nEND:\n";
    for (thread, found) in (0..135u32).zip(threads("", body, 2, line(3, 45))) {
        let (mut number, mut steps) = (thread + 1, 0);
        while number != 1 {
            let odd = number % 2 == 1;
            number = if odd { 3 * number + 1 } else { number / 2 };
            steps += 1;
        }
        let mut sum = 0;
        let terms = (0..thread).flat_map(|outer| 0..=outer);
        for term in terms {
            sum += term;
            if sum > 500 {
                break;
            }
        }
        assert_eq!(found, [steps, sum], "thread {thread}");
    }
}

/// A barrier does not wait for warps and threads that have ended.
#[test]
fn barriers_after_some_have_ended() {
    let body = ".shared .b32 number;\nsetp.ge.u32 %p0, %r31, 40;\n@%p0 ret;\nsetp.eq.u32 %p1, %r31, 0;\n\
                @%p1 st.shared.u32 [number], 3;\nbar.sync 0;\nld.shared.u32 %r0, [number];\n";
    let found = threads("", body, 1, line(1, 100)).concat();
    let expected = (0..100).map(|thread| if thread < 40 { 3 } else { 0 });
    assert_eq!(found, expected.collect::<Vec<u32>>());
}
