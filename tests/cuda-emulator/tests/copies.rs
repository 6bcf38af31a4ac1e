//! Asynchronous copies from global to shared memory: `cp.async`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::faulty::{assert_reported, run};
use kernel::operands::Random;
use kernel::{launch_words, line, module};

/// Each thread copies its bytes to the place of the thread after it and reads its own, which the thread before it has
/// copied.
#[test]
fn copies_of_all_sizes() {
    const THREADS: usize = 40;
    let mut random = Random(6);
    for (cache, size) in [("ca", 4), ("ca", 8), ("ca", 16), ("cg", 16)] {
        for prefetch in ["", ".L2::128B"] {
            for shared in ["shared", "shared::cta"] {
                // the bytes of the source, as an operand of any kind; none
                for copied in [Some(0), Some(4), Some(size), None] {
                    let source: Vec<u32> = (0..4 * THREADS).map(|_| random.next() as u32).collect();
                    let operand = match copied {
                        Some(0) => ", 0".to_owned(),
                        Some(_) => ", %r9".to_owned(),
                        None => String::new(),
                    };
                    let copied = copied.unwrap_or(size);
                    let body = format!(
                        ".shared .align 16 .b8 buffer[{}];\nmul.wide.u32 %l1, %i, 16;\nadd.s64 %x0, %x0, %l1;\nadd.s64 %x1, %x1, %l1;\n\
                         add.u32 %r1, %i, 1;\nrem.u32 %r1, %r1, {THREADS};\nmov.u32 %r2, buffer;\nmad.lo.u32 %r1, %r1, 16, %r2;\n\
                         mad.lo.u32 %r2, %i, 16, %r2;\nmov.u32 %r9, {copied};\n\
                         cp.async.{cache}.{shared}.global{prefetch} [%r1], [%x1], {size}{operand};\n\
                         cp.async.wait_all;\nbar.sync 0;\n\
                         ld.shared.u32 %r4, [%r2];\nst.global.u32 [%x0], %r4;\n",
                        16 * THREADS
                    );
                    let rest = (4..size).step_by(4).map(|at| {
                        format!("ld.shared.u32 %r4, [%r2+{at}];\nst.global.u32 [%x0+{at}], %r4;\n")
                    });
                    let body = body + &rest.collect::<String>();
                    let arrays = [vec![7; 4 * THREADS], source.clone()];
                    let found =
                        launch_words(&module("", 2, &body), line(1, THREADS as u32), &arrays);
                    for (thread, words) in found[0].chunks(4).enumerate() {
                        let before = (thread + THREADS - 1) % THREADS;
                        let expected: [u32; 4] = std::array::from_fn(|word| match 4 * word {
                            at if at < copied => source[4 * before + word],
                            at if at < size => 0,
                            _ => 7,
                        });
                        assert_eq!(words, expected, "{body}");
                    }
                }
            }
        }
    }
}

/// Three copies to words of the thread's own, in groups; the thread then reads one of them.
fn groups(wait: &str, read: u32) -> String {
    let copy = |at: u32| format!("cp.async.ca.shared.global [%r4+{at}], [%rd2], 4;");
    format!(
        "mad.lo.u32 %r4, %r2, 16, 0; mov.u32 %r5, buffer; add.u32 %r4, %r4, %r5;\
         {} cp.async.commit_group; {} cp.async.commit_group; {} {wait} ld.shared.u32 %r6, [%r4+{read}];",
        copy(0),
        copy(4),
        copy(8)
    )
}

/// A thread may read what it has waited for, and nothing else.
#[test]
fn a_missing_wait() {
    let words = [
        "reads 0x",
        "to which thread [0, 0, 0] of block [0, 0, 0] copies without having waited for it",
    ];
    for (wait, read, later) in [
        ("", 0, "cp.async.wait_group 1;"),
        ("cp.async.wait_group 2;", 0, "cp.async.wait_group 1;"),
        ("cp.async.wait_group 1;", 4, "cp.async.wait_group 0;"),
        // what is in no group
        ("cp.async.wait_group 0;", 8, "cp.async.wait_all;"),
        (
            "cp.async.commit_group; cp.async.wait_group 1;",
            8,
            "cp.async.commit_group; cp.async.wait_group 0;",
        ),
        // an empty group counts, too
        (
            "cp.async.commit_group; cp.async.commit_group; cp.async.wait_group 2;",
            8,
            "cp.async.commit_group; cp.async.commit_group; cp.async.wait_group 1;",
        ),
        // a barrier is no wait
        ("bar.sync 0;", 0, "cp.async.wait_group 1;"),
        (
            "cp.async.wait_group 1; cp.async.wait_group 9;",
            4,
            "cp.async.wait_all;",
        ),
    ] {
        assert_reported(&groups(wait, read), &groups(later, read), (1, 16), &words);
    }
    // only some lanes wait
    let some = |guard: &str| {
        groups(
            &format!("setp.ne.u32 %p1, %r2, 3; {guard} cp.async.wait_group 0;"),
            4,
        )
    };
    let words = ["thread [3, 0, 0]", "without having waited"];
    assert_reported(&some("@%p1"), &some(""), (1, 16), &words);
}

/// Another thread may read after the wait and then a barrier, in this order.
#[test]
fn a_missing_barrier() {
    let body = |between: &str| {
        format!(
            "shl.b32 %r4, %r2, 2; mov.u32 %r5, buffer; add.u32 %r4, %r4, %r5;\
             cp.async.ca.shared.global [%r4], [%rd2], 4; cp.async.commit_group; {between}\
             xor.b32 %r6, %r2, 1; shl.b32 %r6, %r6, 2; add.u32 %r6, %r6, %r5; ld.shared.u32 %r7, [%r6];"
        )
    };
    let sound = body("cp.async.wait_group 0; bar.sync 0;");
    let words = [
        "a race",
        "thread [1, 0, 0] of block [0, 0, 0] has written it",
    ];
    assert_reported(&body("cp.async.wait_group 0;"), &sound, (1, 64), &words);
    let wrong_order = body("bar.sync 0; cp.async.wait_group 0;");
    assert_reported(&wrong_order, &sound, (1, 64), &words);
    let words = ["to which thread [1, 0, 0]", "without having waited for it"];
    assert_reported(&body("bar.sync 0;"), &sound, (1, 64), &words);
    let of_warp = body("cp.async.wait_group 0; bar.warp.sync -1;");
    assert_eq!(run(&of_warp, 1, 64), None, "within a warp");
}

/// A buffer is used again while others may still read it.
#[test]
fn a_copy_over_what_others_read() {
    let body = |barrier: &str| {
        format!(
            "setp.eq.u32 %p2, %r2, 0; @%p2 st.shared.u32 [buffer], 0; bar.sync 0; ld.shared.u32 %r7, [buffer]; {barrier}\
             setp.eq.u32 %p1, %r2, 32; @%p1 cp.async.ca.shared.global [buffer], [%rd2], 4;"
        )
    };
    let words = ["a race", "copies to 0x", "have read it"];
    assert_reported(&body(""), &body("bar.sync 0;"), (1, 64), &words);
}

/// A pending copy's destination is nobody's to write, and its source nobody else's without a barrier.
#[test]
fn writes_beside_a_pending_copy() {
    let copy = "cp.async.ca.shared.global [buffer], [%rd1], 4;";
    let store = |wait: &str| format!("{copy} {wait} st.shared.u32 [buffer], 0;");
    let words = ["writes 0x", "without having waited for it"];
    assert_reported(&store(""), &store("cp.async.wait_all;"), (1, 1), &words);
    let twice = |wait: &str| format!("{copy} {wait} {copy}");
    let words = ["copies to 0x", "without having waited for it"];
    assert_reported(&twice(""), &twice("cp.async.wait_all;"), (1, 1), &words);
    let update = |wait: &str| format!("{copy} {wait} red.shared.add.u32 [buffer], 1;");
    let words = ["updates 0x", "without having waited for it"];
    assert_reported(&update(""), &update("cp.async.wait_all;"), (1, 1), &words);
    let source = |barrier: &str| {
        format!(
            "setp.eq.u32 %p1, %r2, 0; @%p1 {copy} {barrier} setp.eq.u32 %p1, %r2, 32; @%p1 st.global.u32 [%rd1], 1;"
        )
    };
    let words = [
        "writes 0x",
        "a race",
        "thread [0, 0, 0] of block [0, 0, 0] has read it",
    ];
    assert_reported(
        &source(""),
        &source("@%p1 cp.async.wait_all; bar.sync 0;"),
        (1, 64),
        &words,
    );
}

/// What a block has not waited for does not arrive in the next one.
#[test]
fn copies_of_the_block_before() {
    let body = |block: u32| {
        format!(
            "setp.eq.u32 %p1, %r3, {block}; @%p1 cp.async.ca.shared.global [buffer], [%rd1], 4; setp.eq.u32 %p2, %r3, 0; @%p2 ret;\
             cp.async.wait_all; ld.shared.u32 %r4, [buffer];"
        )
    };
    let words = ["which nothing has written", "block [1, 0, 0]"];
    assert_reported(&body(0), &body(1), (2, 1), &words);
}

#[test]
fn addresses_and_sizes() {
    let copy = |to: &str, from: &str, size: &str| {
        format!(
            "mov.u32 %r4, 4; cp.async.ca.shared.global [{to}], [{from}], {size}; cp.async.wait_all;"
        )
    };
    let sound = copy("buffer", "%rd1", "8");
    for (to, from, size, word) in [
        ("buffer+4", "%rd1", "8", "no multiple of them"),
        ("buffer", "%rd1+4", "8", "no multiple of them"),
        (
            "buffer+256",
            "%rd1",
            "8",
            "outside the 256 bytes of shared memory",
        ),
        ("buffer", "%rd1+256", "8", "outside every allocation"),
        ("buffer", "%rd1", "8, 12", "copies 12 of 8 bytes"),
        ("buffer", "%rd1", "8, 3", "copies 3 of 8 bytes"),
        ("buffer", "%rd1", "12", "expected other operands"),
        (
            "buffer",
            "%rd1",
            "8, %p1",
            "a predicate that says whether to copy",
        ),
    ] {
        assert_reported(&copy(to, from, size), &sound, (1, 1), &[word]);
    }
    // what is not copied need not be there
    for (from, size) in [
        ("%rd1+248", "16, 8"),
        ("%rd1+256", "4, 0"),
        ("%rd1+252", "4, %r4"),
    ] {
        let found = run(&copy("buffer", from, size), 1, 1);
        match size {
            "16, 8" => assert!(found.unwrap().contains("no multiple of them")),
            _ => assert_eq!(found, None, "{from}, {size}"),
        }
    }
    let cached = "cp.async.cg.shared.global [buffer], [%rd1], 8;";
    assert_reported(
        cached,
        &cached.replace('8', "16"),
        (1, 1),
        &["expected other operands"],
    );
}
