//! Exchanges among the lanes of a warp: shuffles, votes, and which lanes are active.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::operands::Random;
use kernel::{line, mask, run, threads};

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

/// In whole warps, as a lane that does not exist has no value to give.
#[test]
fn shuffles() {
    let mut random = Random(1);
    for mode in ["up", "down", "bfly", "idx"] {
        for segment in [0, 0x1000, 0x1800, 0x1C00, 0x1E00, 0x1F00, 0x0A00] {
            for clamp in [0, 31, 7, 20, 1] {
                for by in [0, 1, 2, 5, 8, 16, 31, 40, 99] {
                    // 99: random, in each lane
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

/// Shuffles among the lanes of a mask, and in a warp of which only some lanes exist.
#[test]
fn shuffles_of_parts() {
    let body = "mov.u32 %r10, %laneid;\nmov.u32 %r0, 77;\nsetp.ge.u32 %p0, %r10, 16;\n@%p0 bra OTHERS;\n\
                shfl.sync.bfly.b32 %r0, %r10, 8, 0x1F, 0xFFFF;\nbra.uni END;\n\
                OTHERS: shfl.sync.idx.b32 %r0, %i, 16, 0x1F, 0xFFFF0000;\nEND:\n";
    for (thread, found) in (0..).zip(threads("", body, 1, line(2, 52))) {
        let lane = thread % 52 % 32;
        let expected = if lane < 16 {
            lane ^ 8
        } else {
            thread - lane + 16
        };
        assert_eq!(found, [expected], "thread {thread}");
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

/// Which lanes are active before a branch, on both ways, and after it; votes among them.
#[test]
fn diverged_lanes() {
    let body = "and.b32 %r10, %i, 3;\nsetp.eq.u32 %p0, %r10, 1;\nand.b32 %r11, %i, 4;\nsetp.ne.u32 %p1, %r11, 0;\n\
                activemask.b32 %r0;\n@%p0 bra ONES;\nactivemask.b32 %r1;\nvote.sync.ballot.b32 %r2, %p1, %r1;\nbra JOIN;\n\
                ONES: activemask.b32 %r1;\nvote.sync.ballot.b32 %r2, %p1, %r1;\nJOIN: activemask.b32 %r3;\n";
    for (thread, found) in (0..52).zip(threads("", body, 4, line(1, 52))) {
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
