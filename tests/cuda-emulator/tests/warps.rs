//! Threads, warps and memory: special registers, exchanges, calls, loops, loads, stores and atomic operations, against their
//! definitions in NVIDIA's PTX ISA.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::{
    Random, bits, check, combinations, launch, launch_with, launch_words, mask, module, run,
};

/// Results of 32 bits, in `%r0` and following, in the first array; the thread's index in the launch is in `%i`.
fn stores(count: usize) -> String {
    let stores = (0..count).map(|at| format!("st.global.u32 [%l0+{}], %r{at};\n", 4 * at));
    format!(
        "mul.wide.u32 %l0, %i, {};\nadd.s64 %l0, %l0, %x0;\n{}",
        4 * count,
        stores.collect::<String>()
    )
}

/// The shape of a launch of one dimension.
fn line(blocks: u32, threads: u32) -> ([u32; 3], [u32; 3], usize) {
    ([blocks, 1, 1], [threads, 1, 1], 0)
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
    // x varies first
    body += "mov.u32 %r12, %laneid;\nmad.lo.u32 %r13, %r2, %r4, %r1;\nmad.lo.u32 %r13, %r13, %r3, %r0;\n\
             mad.lo.u32 %r14, %r8, %r10, %r7;\nmad.lo.u32 %r14, %r14, %r9, %r6;\n\
             mul.lo.u32 %r15, %r3, %r4;\nmul.lo.u32 %r15, %r15, %r5;\nmad.lo.u32 %i, %r14, %r15, %r13;\n";
    let ptx = module("", 1, &(body + &stores(13)));
    for (grid, block) in [
        ([3, 2, 4], [7, 3, 4]),
        ([2, 1, 3], [5, 3, 2]),
        ([1, 2, 1], [1, 8, 8]),
        ([5, 1, 1], [100, 1, 1]),
    ] {
        let threads = block.iter().product::<u32>() * grid.iter().product::<u32>();
        let found = launch_words(&ptx, (grid, block, 0), &[vec![0; 13 * threads as usize]]);
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
        assert_eq!(found[0], expected, "{grid:?} {block:?}");
    }
}

/// The source lane of a shuffle and its predicate, as in the manual.
fn source(mode: &str, lane: i32, b: u64, c: u64) -> (i32, bool) {
    let (by, clamp, segment) = ((b & 31) as i32, (c & 31) as i32, (c >> 8 & 31) as i32);
    let last = (lane & segment) | (clamp & !segment);
    let first = lane & segment;
    let (from, is_valid) = match mode {
        "up" => (lane - by, lane - by >= last),
        "down" => (lane + by, lane + by <= last),
        "bfly" => (lane ^ by, lane ^ by <= last),
        _ => (first | (by & !segment), (first | (by & !segment)) <= last),
    };
    (if is_valid { from } else { lane }, is_valid)
}

/// Whole warps: the source of a lane that is not there has no value.
#[test]
fn shuffles() {
    let mut random = Random(1);
    for mode in ["up", "down", "bfly", "idx"] {
        for segment in [0, 0x1000, 0x1800, 0x1C00, 0x1E00, 0x1F00, 0x0A00] {
            for clamp in [0, 31, 7, 20, 1] {
                for by in [0, 1, 2, 5, 8, 16, 31, 40, 99] {
                    // 99: each lane another
                    let mut row = || {
                        let by = if by == 99 { random.next() & 63 } else { by };
                        [random.next(), by, segment | clamp, 0]
                    };
                    let inputs: Vec<_> = (0..64).map(|_| row()).collect();
                    let body = format!(
                        "shfl.sync.{mode}.b32 %d|%p0, %a, %b, %c, -1;\nselp.u32 %f, 1, 0, %p0;"
                    );
                    let found = run(&body, ["b32", "u32"], &["b32"; 3], &inputs);
                    for (thread, found) in found.iter().enumerate() {
                        let [_, b, c, _] = inputs[thread];
                        let (from, is_valid) = source(mode, thread as i32 % 32, b, c);
                        let from = thread / 32 * 32 + from as usize;
                        let expected = [inputs[from][0] & mask("b32"), u64::from(is_valid)];
                        assert_eq!(*found, expected, "{mode} {b} {c:#x} of thread {thread}");
                    }
                }
            }
        }
    }
}

/// Among the lanes of a mask, and in a warp of which only some lanes exist.
#[test]
fn shuffles_of_parts() {
    let body = "mov.u32 %r10, %laneid;\nmov.u32 %r0, 77;\nsetp.ge.u32 %p0, %r10, 16;\n@%p0 bra OTHERS;\n\
                shfl.sync.bfly.b32 %r0, %r10, 8, 0x1F, 0xFFFF;\nbra.uni END;\n\
                OTHERS: shfl.sync.idx.b32 %r0, %i, 16, 0x1F, 0xFFFF0000;\nEND:\n";
    let ptx = module("", 1, &(body.to_owned() + &stores(1)));
    let found = launch_words(&ptx, line(2, 52), &[vec![0; 104]]);
    for (thread, found) in (0..).zip(&found[0]) {
        let lane = thread % 52 % 32;
        let expected = if lane < 16 {
            lane ^ 8
        } else {
            thread - lane + 16
        };
        assert_eq!(*found, expected, "thread {thread}");
    }
}

#[test]
fn votes() {
    let mut random = Random(2);
    for number in 0..40 {
        // all, none, one, few, many; the second warp has 20 lanes
        let mut row = || match number {
            0 => 1,
            1 => 0,
            _ => u64::from(random.next() & 255 < 256 * (number % 10) / 9),
        };
        let inputs: Vec<_> = (0..52).map(|_| [row(), 0, 0, 0]).collect();
        for negation in ["", "!"] {
            let body = format!(
                "vote.sync.all.pred %p0, {negation}%a, -1;\nvote.sync.any.pred %p1, {negation}%a, -1;\n\
                 vote.sync.uni.pred %p2, {negation}%a, -1;\nvote.sync.ballot.b32 %d, {negation}%a, -1;\n\
                 selp.u32 %r0, 1, 0, %p0;\nselp.u32 %r1, 2, 0, %p1;\nselp.u32 %r2, 4, 0, %p2;\n\
                 or.b32 %f, %r0, %r1;\nor.b32 %f, %f, %r2;"
            );
            let found = run(&body, ["b32", "u32"], &["pred"], &inputs);
            for (thread, found) in found.iter().enumerate() {
                let first = thread / 32 * 32;
                let warp = inputs[first..].iter().take(32);
                let votes = warp.map(|[a, ..]| (*a == 1) != (negation == "!"));
                let votes: Vec<bool> = votes.collect();
                let ballot: u64 = (0..)
                    .zip(&votes)
                    .map(|(i, vote)| u64::from(*vote) << i)
                    .sum();
                let (all, any) = (!votes.contains(&false), votes.contains(&true));
                let uniform = all || !any;
                let flags = u64::from(all) + 2 * u64::from(any) + 4 * u64::from(uniform);
                assert_eq!(*found, [ballot, flags], "{negation} {votes:?}");
            }
        }
    }
}

/// The lanes at the instruction: before a branch, on both ways, and after it. Votes among them.
#[test]
fn diverged_lanes() {
    let body = "and.b32 %r10, %i, 3;\nsetp.eq.u32 %p0, %r10, 1;\nand.b32 %r11, %i, 4;\nsetp.ne.u32 %p1, %r11, 0;\n\
                activemask.b32 %r0;\n@%p0 bra ONES;\nactivemask.b32 %r1;\nvote.sync.ballot.b32 %r2, %p1, %r1;\nbra JOIN;\n\
                ONES: activemask.b32 %r1;\nvote.sync.ballot.b32 %r2, %p1, %r1;\nJOIN: activemask.b32 %r3;\n";
    let ptx = module("", 1, &(body.to_owned() + &stores(4)));
    let found = launch_words(&ptx, line(1, 52), &[vec![0; 208]]);
    for (thread, found) in (0..52).zip(found[0].chunks(4)) {
        let first = thread / 32 * 32;
        let lanes = |holds: &dyn Fn(u32) -> bool| -> u32 {
            let lanes = (first..52.min(first + 32)).filter(|thread| holds(*thread));
            lanes.map(|thread| 1 << (thread - first)).sum()
        };
        let is_same = |other: u32| (other % 4 == 1) == (thread % 4 == 1);
        let expected = [
            lanes(&|_| true),
            lanes(&is_same),
            lanes(&|other| is_same(other) && other % 8 >= 4),
            lanes(&|_| true),
        ];
        assert_eq!(found, expected, "thread {thread}");
    }
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
    let ptx = module("", 1, &(body.to_owned() + &stores(2)));
    let found = launch_words(&ptx, line(3, 45), &[vec![0; 270]]);
    for (thread, found) in (0..135u32).zip(found[0].chunks(2)) {
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

const FUNCTIONS: &str = "
.func (.param .b32 result) divisor(.param .b32 first, .param .b32 second);
.func (.param .align 8 .b8 result[16]) swapped(.param .align 8 .b8 pair[16], .param .b32 by)
{
    .reg .b64 %l<3>;
    .reg .b32 %r<2>;
    ld.param.v2.b64 {%l0, %l1}, [pair];
    ld.param.u32 %r0, [by];
    cvt.u64.u32 %l2, %r0;
    add.s64 %l0, %l0, %l2;
    st.param.b64 [result+8], %l0;
    st.param.b64 [result], %l1;
    ret;
}
.func (.param .b32 result) divisor(.param .b32 first, .param .b32 second)
{
    .reg .pred %p<2>;
    .reg .b32 %r<4>;
    ld.param.b32 %r0, [first];
    ld.param.b32 %r1, [second];
NEXT:
    setp.eq.u32 %p0, %r1, 0;
    @%p0 bra END;
    rem.u32 %r2, %r0, %r1;
    mov.u32 %r0, %r1;
    mov.u32 %r1, %r2;
    bra NEXT;
END:
    st.param.b32 [result], %r0;
    ret;
}
.func (.param .b32 result) of_three(.param .b32 first, .param .b32 second, .param .b32 third)
{
    .reg .b32 %r<4>;
    .reg .pred %p0;
    ld.param.b32 %r0, [third];
    setp.eq.u32 %p0, %r0, 0;
    @%p0 bra TWO;
    ld.param.b32 %r1, [second];
    {
        .param .b32 one;
        .param .b32 two;
        .param .b32 back;
        st.param.b32 [one], %r0;
        st.param.b32 [two+0], %r1;
        call.uni (back), divisor, (one, two);
        ld.param.b32 %r0, [back];
    }
    bra REST;
TWO:
    ld.param.b32 %r0, [second];
REST:
    ld.param.b32 %r1, [first];
    {
        .param .b32 one;
        .param .b32 two;
        .param .b32 back;
        st.param.b32 [one], %r1;
        st.param.b32 [two], %r0;
        call (back), divisor, (one, two);
        ld.param.b32 %r0, [back+0];
    }
    st.param.b32 [result], %r0;
    ret;
}
.func set(.param .b64 address, .param .b32 value)
{
    .reg .b64 %l0;
    .reg .b32 %r0;
    ld.param.b64 %l0, [address];
    ld.param.b32 %r0, [value];
    st.global.u32 [%l0], %r0;
    ret;
}
";

/// Functions with results, of whose callers some lanes have gone another way; nested calls; a structure; no result.
#[test]
fn calls() {
    let body = "and.b32 %r10, %i, 3;\nsetp.eq.u32 %p0, %r10, 1;\nmul.lo.u32 %r11, %i, 12;\nadd.u32 %r12, %i, 6;\n\
                mov.u32 %r13, 42;\nsetp.lt.u32 %p1, %i, 20;\n@%p0 bra OTHER;\n\
                { .param .b32 a; .param .b32 b; .param .b32 c; .param .b32 d;\n\
                st.param.b32 [a], %r11; st.param.b32 [b], %r12; st.param.b32 [c], %r10;\n\
                call (d), of_three, (a, b, c); ld.param.b32 %r0, [d]; }\nmov.u32 %r1, 1;\nbra JOIN;\n\
                OTHER: cvt.u64.u32 %l4, %i; mov.b64 %l5, {%r13, %i};\n\
                { .param .align 8 .b8 pair[16]; .param .b32 by; .param .align 8 .b8 back[16];\n\
                st.param.v2.b64 [pair], {%l4, %l5}; st.param.b32 [by], %r12;\n\
                call.uni (back), swapped, (pair, by); ld.param.b64 %l6, [back]; ld.param.b64 %l7, [back+8]; }\n\
                mov.b64 {%r0, %r14}, %l6;\nadd.u32 %r0, %r0, %r14;\nmov.b64 {%r1, %r14}, %l7;\n\
                JOIN: mul.wide.u32 %l8, %i, 4; add.s64 %l8, %l8, %x1;\n\
                { .param .b64 a; .param .b32 b; st.param.b64 [a], %l8; st.param.b32 [b], %r12;\n\
                @%p1 call set, (a, b); }\n";
    let ptx = module(FUNCTIONS, 2, &(body.to_owned() + &stores(2)));
    let found = launch_words(&ptx, line(2, 35), &[vec![0; 140], vec![7; 70]]);
    for (thread, pair) in (0..70u32).zip(found[0].chunks(2)) {
        // the largest that divides all
        let divides = |by: &u32| {
            (thread * 12).is_multiple_of(*by)
                && (thread + 6).is_multiple_of(*by)
                && (thread % 4).is_multiple_of(*by)
        };
        let expected = match thread % 4 {
            1 => [42 + thread, 2 * thread + 6],
            _ => [(1..2000).filter(divides).max().unwrap(), 1],
        };
        assert_eq!(pair, expected, "thread {thread}");
        let set = if thread < 20 { thread + 6 } else { 7 };
        assert_eq!(found[1][thread as usize], set, "thread {thread}");
    }
}

/// Warps and threads that have ended are not waited for.
#[test]
fn barriers_after_some_have_ended() {
    let body = ".shared .b32 number;\nsetp.ge.u32 %p0, %r31, 40;\n@%p0 ret;\nsetp.eq.u32 %p1, %r31, 0;\n\
                @%p1 st.shared.u32 [number], 3;\nbar.sync 0;\nld.shared.u32 %r0, [number];\n";
    let ptx = module("", 1, &(body.to_owned() + &stores(1)));
    let found = launch_words(&ptx, line(1, 100), &[vec![0; 100]]);
    let expected = (0..100).map(|thread| if thread < 40 { 3 } else { 0 });
    assert_eq!(found[0], expected.collect::<Vec<u32>>());
}

/// The block's numbers in reverse order, by static shared memory; their running sums by dynamic.
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
    for threads in [1, 31, 32, 33, 77, 100] {
        let ptx = module(before, 1, &(body.to_owned() + &stores(2)));
        let shape = ([3, 1, 1], [threads, 1, 1], 4 * threads as usize);
        let found = launch_words(&ptx, shape, &[vec![0; 6 * threads as usize]]);
        for (thread, found) in (0..).zip(found[0].chunks(2)) {
            let first = thread / threads * threads;
            let reversed = first + (first + threads - 1 - thread);
            assert_eq!(
                found,
                [reversed, (first..=thread).sum()],
                "{thread} of {threads}"
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
    let ptx = module("", 1, &(body.to_owned() + &stores(5)));
    let found = launch_words(&ptx, line(2, 50), &[vec![0; 500]]);
    for (thread, found) in (0..).zip(found[0].chunks(5)) {
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
    // the last but one instruction races with the other threads' reads but for thread 9 alone
    let alone = body.replace("setp.eq.u32 %p0, %i, 9", "setp.eq.u32 %p0, %i, 99");
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
    let ptx = module(before, 1, &(alone + &stores(13)));
    let found = launch_words(&ptx, line(1, 40), &[vec![0; 520]]);
    for (thread, found) in (0..).zip(found[0].chunks(13)) {
        assert_eq!(found, expected(thread), "thread {thread}");
    }
    let alone = body.replace("setp.eq.u32 %p0, %i, 9", "setp.eq.u32 %p0, %i, 0");
    let ptx = module(before, 1, &(alone + &stores(13)));
    let found = launch_words(&ptx, line(1, 1), &[vec![0; 13]]);
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
    let ptx = module("", 2, &(body.to_owned() + &stores(2)));
    let found = launch_words(&ptx, line(2, 64), &[vec![0; 256], vec![0; 128]]);
    for (thread, pair) in (0..).zip(found[0].chunks(2)) {
        assert_eq!(pair, [thread, thread], "thread {thread}");
        let stored = if thread % 3 == 2 { thread } else { 0 };
        assert_eq!(found[1][thread as usize], stored, "thread {thread}");
    }
}

/// A load into a register of 64 bits is extended by the sign of its type, or by zeros.
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
                // thread by thread, 64 bytes apart, from byte 16 on
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

/// All threads of three blocks update one number with values of their own, and keep the old one.
fn update(instruction: &str, kind: &str, initial: u64, rows: &[[u64; 4]]) -> (Vec<u64>, u64) {
    let body = format!(
        "mul.wide.u32 %l2, %i, 8;\nadd.s64 %l3, %x0, %l2;\nadd.s64 %l4, %x2, %l2;\nadd.s64 %l5, %x3, %l2;\n\
         .reg .b{0} %a, %b, %d;\nld.global.b{0} %a, [%l4];\nld.global.b{0} %b, [%l5];\n{instruction}\n\
         st.global.b{0} [%l3], %d;",
        bits(kind)
    );
    let column = |at: usize| rows.iter().flat_map(|row| row[at].to_le_bytes()).collect();
    let arrays = [
        vec![0; 8 * rows.len()],
        initial.to_le_bytes().to_vec(),
        column(0),
        column(1),
    ];
    let blocks = line(3, rows.len() as u32 / 3);
    let found = launch(&module("", 4, &body), blocks, &arrays);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    (found[0].chunks(8).map(number).collect(), number(&found[1]))
}

type Update = fn(&str, u64, u64, u64) -> u64;

/// What each operation makes of the old value and two operands.
const UPDATES: [(&str, &[&str], Update); 10] = [
    (
        "add",
        &["u32", "s32", "u64", "f32", "f64"],
        |kind, old, b, _| match kind {
            // whole numbers, whose sums are exact
            "f32" => u64::from((f32::from_bits(old as u32) + f32::from_bits(b as u32)).to_bits()),
            "f64" => (f64::from_bits(old) + f64::from_bits(b)).to_bits(),
            kind => ((u128::from(old) + u128::from(b)) % (1 << bits(kind))) as u64,
        },
    ),
    ("min", &["u32", "s32", "u64", "s64"], |kind, old, b, _| {
        if biased(kind, b) < biased(kind, old) {
            b
        } else {
            old
        }
    }),
    ("max", &["u32", "s32", "u64", "s64"], |kind, old, b, _| {
        if biased(kind, b) > biased(kind, old) {
            b
        } else {
            old
        }
    }),
    ("and", &["b32", "b64"], |_, old, b, _| !(!old | !b)),
    ("or", &["b32", "b64"], |_, old, b, _| !(!old & !b)),
    ("xor", &["b32", "b64"], |_, old, b, _| (old | b) - (old & b)),
    ("exch", &["b32", "b64"], |_, _, b, _| b),
    (
        "cas",
        &["b32", "b64"],
        |_, old, b, c| if old == b { c } else { old },
    ),
    (
        "inc",
        &["u32"],
        |_, old, b, _| if old >= b { 0 } else { old + 1 },
    ),
    ("dec", &["u32"], |_, old, b, _| {
        if old == 0 || old > b { b } else { old - 1 }
    }),
];

/// In the order of the numbers.
fn biased(kind: &str, x: u64) -> u64 {
    match kind.starts_with('s') {
        true => x ^ 1 << (bits(kind) - 1),
        false => x,
    }
}

/// One update after another: the values before and after them, with the first and the last, are the same.
#[test]
fn atomic_operations() {
    let mut random = Random(4);
    for (name, kinds, new) in UPDATES {
        for kind in kinds {
            for space in ["", ".global", ".global.relaxed.gpu"] {
                let mut value = || match (name, *kind) {
                    (_, "f32") => u64::from(((random.next() & 63) as f32).to_bits()),
                    (_, "f64") => ((random.next() & 63) as f64).to_bits(),
                    ("cas" | "inc" | "dec", _) => random.next() & 7,
                    _ => random.next() & mask(kind),
                };
                let initial = value();
                let rows: Vec<[u64; 4]> = (0..210).map(|_| [value(), value(), 0, 0]).collect();
                let third = if name == "cas" { ", %b" } else { "" };
                let instruction = format!("atom{space}.{name}.{kind} %d, [%x1], %a{third};");
                let (olds, last) = update(&instruction, kind, initial, &rows);
                let news = olds
                    .iter()
                    .zip(&rows)
                    .map(|(old, [b, c, ..])| new(kind, *old, *b, *c));
                let mut after: Vec<u64> = news.chain([initial]).collect();
                let mut before: Vec<u64> = olds.iter().copied().chain([last]).collect();
                after.sort_unstable();
                before.sort_unstable();
                assert_eq!(before, after, "{instruction}");
                // where the order does not matter
                if !["exch", "cas", "inc", "dec"].contains(&name) {
                    let expected = rows
                        .iter()
                        .fold(initial, |old, [b, ..]| new(kind, old, *b, 0));
                    assert_eq!(last, expected, "{instruction}");
                    let instruction = format!(
                        "red{space}.{name}.{kind} [%x1], %a;\nmov.b{} %d, %a;",
                        bits(kind)
                    );
                    assert_eq!(
                        update(&instruction, kind, initial, &rows).1,
                        expected,
                        "{instruction}"
                    );
                }
            }
        }
    }
}

#[test]
fn atomic_counters() {
    let olds = |instruction: &str, initial: u64| {
        let (mut olds, last) = update(instruction, "u32", initial, &[[1, 0, 0, 0]; 90]);
        olds.sort_unstable();
        (olds, last)
    };
    assert_eq!(
        olds("atom.global.add.u32 %d, [%x1], %a;", 5),
        ((5..95).collect(), 95)
    );
    // 9 of each of 0 to 9
    let digits: Vec<u64> = (0..90).map(|at| at / 9).collect();
    assert_eq!(
        olds("atom.global.inc.u32 %d, [%x1], 9;", 0),
        (digits.clone(), 0)
    );
    assert_eq!(olds("atom.global.dec.u32 %d, [%x1], 9;", 9), (digits, 9));
    // an addition by compare and swap, until no other thread was faster
    let swap = "AGAIN: ld.volatile.global.u32 %r0, [%x1];\nadd.u32 %r1, %r0, 3;\natom.global.cas.b32 %d, [%x1], %r0, %r1;\n\
                setp.ne.u32 %p0, %d, %r0;\n@%p0 bra AGAIN;";
    assert_eq!(olds(swap, 0), ((0..90).map(|at| 3 * at).collect(), 270));
}

/// A histogram of each block.
#[test]
fn atomic_operations_in_shared_memory() {
    let body = ".shared .align 4 .b32 counts[8];\nshl.b32 %r10, %r31, 2;\nmov.u32 %r11, counts;\nadd.u32 %r12, %r11, %r10;\n\
                setp.lt.u32 %p0, %r31, 8;\n@%p0 st.shared.u32 [%r12], 0;\nbar.sync 0;\nmul.lo.u32 %r13, %i, %i;\n\
                and.b32 %r13, %r13, 7;\nmad.lo.u32 %r13, %r13, 4, %r11;\natom.shared.add.u32 %r14, [%r13], 1;\nbar.sync 0;\n\
                mov.u32 %r0, 0;\n@%p0 ld.shared.u32 %r0, [%r12];\n";
    let ptx = module("", 1, &(body.to_owned() + &stores(1)));
    let found = launch_words(&ptx, line(3, 70), &[vec![0; 210]]);
    for (thread, found) in (0..).zip(&found[0]) {
        let (first, own) = (thread / 70 * 70, thread % 70);
        let count = (first..first + 70).filter(|other| own < 8 && other * other % 8 == own);
        assert_eq!(*found as usize, count.count(), "thread {thread}");
    }
}

/// Parameters of all widths at their offsets, and a structure.
#[test]
fn kernel_parameters() {
    let ptx = ".version 9.0\n.target sm_90\n.address_size 64\n.visible .entry test(.param .u64 to, .param .u8 a, \
               .param .align 2 .b8 b[6], .param .s16 c, .param .f32 d, .param .align 8 .b8 e[16], .param .u32 f)\n\
               .maxntid 64, 1, 1\n.minnctapersm 2\n{\n.reg .b64 %l<8>;\n.reg .b32 %r<8>;\n\
               ld.param.u64 %l0, [to];\nld.param.u8 %r0, [a];\nld.param.u16 %r1, [b+4];\nld.param.s16 %r2, [c];\n\
               ld.param.f32 %r3, [d];\nld.param.v2.u64 {%l1, %l2}, [e];\nld.param.u32 %r4, [f];\n\
               mov.u32 %r5, %tid.x;\nmul.wide.u32 %l3, %r5, 48;\nadd.s64 %l3, %l3, %l0;\n\
               st.global.v4.u32 [%l3], {%r0, %r1, %r2, %r3};\nst.global.v2.u64 [%l3+16], {%l1, %l2};\n\
               st.global.u32 [%l3+32], %r4;\nret;\n}\n";
    // at 8; 10, 12, 14; 16; 20; 24, 32; 40
    let mut parameters = vec![200, 0, 1, 0, 2, 0, 3, 0];
    parameters.extend((-5i16).to_le_bytes());
    parameters.extend([0; 2]);
    parameters.extend(1.5f32.to_le_bytes());
    parameters.extend((1u64 << 40).to_le_bytes());
    parameters.extend((3u64 << 50).to_le_bytes());
    parameters.extend(77u32.to_le_bytes());
    let found = launch_with(ptx, line(1, 40), &[vec![0; 48 * 40]], &parameters);
    for found in found[0].chunks(48) {
        let words = found
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()));
        let words: Vec<u32> = words.take(9).collect();
        let one = 1.5f32.to_bits();
        assert_eq!(words, [200, 3, 0xFFFF_FFFB, one, 0, 1 << 8, 0, 3 << 18, 77]);
    }
}

/// Guards execute an instruction in some lanes, and leave the others' registers.
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
