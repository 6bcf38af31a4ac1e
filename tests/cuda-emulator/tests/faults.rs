//! What is wrong with a kernel is reported with the kernel, the line, the block and the thread; its sound twin runs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::faulty::{assert_reported, module, run};
use tuplenet_cuda_emulator::driver::{Device, Kernel, Settings, Status};

#[test]
fn an_index_beyond_the_end() {
    assert_reported(
        "ld.global.u32 %r4, [%rd2+4];",
        "ld.global.u32 %r4, [%rd2];",
        (2, 64),
        &[
            "reads 4 bytes",
            "0 bytes after the end of an allocation of 256 bytes",
            "block [0, 0, 0]",
            "thread [63, 0, 0]",
        ],
    );
    assert_reported(
        "st.global.u32 [%rd2+-4], %r2;",
        "st.global.u32 [%rd2], %r2;",
        (1, 8),
        &[
            "writes 4 bytes",
            "outside every allocation",
            "thread [0, 0, 0]",
        ],
    );
    assert_reported(
        "red.global.add.u32 [%rd1+256], 1;",
        "red.global.add.u32 [%rd1+252], 1;",
        (1, 8),
        &["updates 4 bytes", "outside every allocation"],
    );
}

#[test]
fn an_address_beyond_the_parameters() {
    assert_reported(
        "mov.b64 %rd3, number; add.s64 %rd3, %rd3, 4; ld.param.u32 %r4, [%rd3];",
        "mov.b64 %rd3, number; add.s64 %rd3, %rd3, -4; ld.param.u32 %r4, [%rd3];",
        (1, 32),
        &["reads beyond the end of a parameter"],
    );
}

#[test]
fn an_index_beyond_shared_or_local_memory() {
    let store = |offset: u32| format!("mov.u32 %r4, buffer; st.shared.u32 [%r4+{offset}], 0;");
    assert_reported(
        &store(256),
        &store(252),
        (1, 1),
        &["outside the 256 bytes of shared memory"],
    );
    let store = |offset: u32| format!("st.local.u32 [own+{offset}], 0;");
    assert_reported(
        &store(16),
        &store(12),
        (1, 2),
        &["outside the thread's own local memory"],
    );
}

#[test]
fn an_address_that_is_no_multiple_of_the_width() {
    assert_reported(
        "ld.global.u32 %r4, [%rd1+2];",
        "ld.global.u16 %r4, [%rd1+2];",
        (1, 1),
        &["reads 4 bytes", "no multiple"],
    );
    assert_reported(
        "ld.global.v2.u32 {%r4, %r5}, [%rd1+4];",
        "ld.global.v2.u32 {%r4, %r5}, [%rd1+8];",
        (1, 1),
        &["reads 8 bytes", "no multiple"],
    );
}

#[test]
fn what_nothing_has_written() {
    assert_reported(
        "mov.u32 %r4, buffer; ld.shared.u32 %r5, [%r4];",
        "mov.u32 %r4, buffer; st.shared.u32 [%r4], 0; ld.shared.u32 %r5, [%r4];",
        (1, 1),
        &["reads 0x", "which nothing has written"],
    );
    // one byte of a word
    assert_reported(
        "st.shared.u8 [buffer], 0; st.shared.u16 [buffer+2], 0; ld.shared.u32 %r5, [buffer];",
        "st.shared.u8 [buffer], 0; st.shared.u8 [buffer+1], 0; st.shared.u16 [buffer+2], 0; ld.shared.u32 %r5, [buffer];",
        (1, 1),
        &["which nothing has written"],
    );
    assert_reported(
        "ld.local.u32 %r5, [own];",
        "st.local.u32 [own], 0; ld.local.u32 %r5, [own];",
        (1, 1),
        &["which nothing has written"],
    );
    // a register, in the threads that have not written it
    assert_reported(
        "setp.lt.u32 %p1, %r2, 7; @%p1 mov.u32 %r4, 0; add.u32 %r5, %r4, 1;",
        "setp.lt.u32 %p1, %r2, 7; @%p1 mov.u32 %r4, 0; @%p1 add.u32 %r5, %r4, 1;",
        (1, 32),
        &["reads the register %r4", "thread [7, 0, 0]"],
    );
}

#[test]
fn shared_memory_of_the_block_before() {
    let body =
        "setp.eq.u32 %p1, %r3, 0; @%p1 st.shared.u32 [buffer], 0; ld.shared.u32 %r4, [buffer];";
    assert_reported(
        body,
        "st.shared.u32 [buffer], 0;",
        (2, 1),
        &["which nothing has written", "block [1, 0, 0]"],
    );
}

/// Each thread writes its word and reads that of the thread 32 further on, which is of another warp.
#[test]
fn a_missing_barrier() {
    let body = |barrier: &str| {
        format!(
            "shl.b32 %r4, %r2, 2; mov.u32 %r5, buffer; add.u32 %r4, %r4, %r5; st.shared.u32 [%r4], %r2; {barrier}\
             xor.b32 %r6, %r2, 32; shl.b32 %r6, %r6, 2; add.u32 %r6, %r6, %r5; ld.shared.u32 %r7, [%r6];"
        )
    };
    // the first warp reads what is not yet written; the second, what the first has written
    let found = run(&body(""), 1, 64).unwrap();
    assert!(found.contains("which nothing has written"), "{found}");
    let initialised = |barrier: &str| {
        format!(
            "shl.b32 %r4, %r2, 2; mov.u32 %r5, buffer; add.u32 %r4, %r4, %r5; st.shared.u32 [%r4], 0; bar.sync 0; {}",
            body(barrier)
        )
    };
    let words = [
        "a race",
        "has read it",
        "no barrier between",
        "thread [32, 0, 0]",
    ];
    assert_reported(
        &initialised(""),
        &initialised("bar.sync 0;"),
        (1, 64),
        &words,
    );
    // a barrier of the warp is not enough
    let found = run(&initialised("bar.warp.sync -1;"), 1, 64).unwrap();
    assert!(found.contains("a race"), "{found}");
}

/// The same within a warp, whose threads need a barrier of the warp.
#[test]
fn a_missing_barrier_of_a_warp() {
    let body = |barrier: &str| {
        format!(
            "shl.b32 %r4, %r2, 2; mov.u32 %r5, buffer; add.u32 %r4, %r4, %r5; st.shared.u32 [%r4], %r2; {barrier}\
             xor.b32 %r6, %r2, 1; shl.b32 %r6, %r6, 2; add.u32 %r6, %r6, %r5; ld.shared.u32 %r7, [%r6];"
        )
    };
    let words = [
        "a race",
        "has written it",
        "thread [0, 0, 0]",
        "thread [1, 0, 0] of block [0, 0, 0]",
    ];
    assert_reported(&body(""), &body("bar.warp.sync -1;"), (1, 32), &words);
}

/// Reads are no race among each other; a write after them is one, until a barrier.
#[test]
fn a_write_of_what_others_read() {
    let body = |barrier: &str| {
        format!(
            "ld.global.u32 %r4, [%rd1]; {barrier} setp.eq.u32 %p1, %r2, 5; @%p1 st.global.u32 [%rd1], %r2;"
        )
    };
    assert_reported(
        &body(""),
        &body("bar.sync 0;"),
        (1, 64),
        &["writes", "several threads have read it", "thread [5, 0, 0]"],
    );
    assert_reported(
        &body(""),
        &body("bar.warp.sync -1;"),
        (1, 32),
        &["several threads have read it"],
    );
    assert!(
        run(&body("bar.warp.sync -1;"), 1, 64).is_some(),
        "of several warps"
    );
    assert!(
        run(&body("bar.sync 0;"), 2, 64).is_some(),
        "the other block reads, too"
    );
}

/// Blocks run in any order: only atomic operations may meet.
#[test]
fn a_race_of_two_blocks() {
    assert_reported(
        "st.global.u32 [%rd1], 1;",
        "red.global.add.u32 [%rd1], 1;",
        (2, 1),
        &[
            "a race: thread [0, 0, 0] of block [0, 0, 0] has written it",
            "block [1, 0, 0]",
        ],
    );
    assert_reported(
        "setp.eq.u32 %p1, %r3, 1; @%p1 st.global.u32 [%rd1], 1; @!%p1 ld.global.u32 %r4, [%rd1];",
        "setp.eq.u32 %p1, %r3, 1; @%p1 st.global.u32 [%rd1], 1; @!%p1 ld.global.u32 %r4, [%rd1+4];",
        (2, 1),
        &["writes", "has read it"],
    );
    assert_reported(
        "red.global.add.u32 [%rd1], 1; ld.global.u32 %r4, [%rd1];",
        "red.global.add.u32 [%rd1], 1; ld.volatile.global.u32 %r4, [%rd1];",
        (2, 1),
        &["a race"],
    );
}

#[test]
fn a_barrier_that_some_threads_of_a_warp_miss() {
    assert_reported(
        "setp.lt.u32 %p1, %r2, 16; @%p1 bra $skip; bar.sync 0; $skip: mov.u32 %r4, 0; bar.sync 0;",
        "setp.lt.u32 %p1, %r2, 16; @%p1 bra $skip; mov.u32 %r4, 0; $skip: bar.sync 0;",
        (1, 32),
        &["waits at a barrier that 16 other threads of its warp do not reach"],
    );
    // threads that have ended are not waited for
    let ended = "setp.lt.u32 %p1, %r2, 40; @%p1 ret; bar.sync 0;";
    assert_eq!(run(ended, 1, 64), None);
}

#[test]
fn a_shuffle_that_some_threads_miss() {
    assert_reported(
        "setp.lt.u32 %p1, %r2, 16; @%p1 shfl.sync.idx.b32 %r4, %r2, 0, 31, -1;",
        "shfl.sync.idx.b32 %r4, %r2, 0, 31, -1;",
        (1, 32),
        &["names the lanes 0xffffffff", "of which 0x0000ffff reach"],
    );
    assert_reported(
        "setp.lt.u32 %p1, %r2, 16; @%p1 shfl.sync.idx.b32 %r4, %r2, 16, 31, 0xFFFF;",
        "setp.lt.u32 %p1, %r2, 16; @%p1 shfl.sync.idx.b32 %r4, %r2, 15, 31, 0xFFFF;",
        (1, 32),
        &["shuffles from lane 16, which does not take part"],
    );
}

#[test]
fn an_instruction_that_is_not_covered() {
    let found = run("wgmma.fence.sync.aligned;", 1, 1).unwrap();
    assert!(
        found.contains("does not cover: wgmma.fence.sync.aligned"),
        "{found}"
    );
    // only if it is executed
    assert_eq!(
        run(
            "setp.lt.u32 %p1, %r2, 0; @%p1 wgmma.fence.sync.aligned;",
            1,
            1
        ),
        None
    );
}

/// What would be silently wrong is refused.
#[test]
fn functions_with_memory_of_their_own() {
    let load = |function: &str| {
        let mut device = Device::new(Settings::default());
        let loaded = device.load(&format!("{function}\n{}", module("call f;")));
        let loaded = loaded.map_err(|_| device.text().to_str().unwrap().to_owned())?;
        let kernel = Kernel {
            loaded,
            function: 1,
        };
        let launched = device.launch(&kernel, [1; 3], [1; 3], 0, &[0; 12]);
        launched.map_err(|_| device.text().to_str().unwrap().to_owned())
    };
    assert_eq!(load(".func f() { ret; }"), Ok(()));
    let error = load(".func f() { .shared .b32 own[4]; ret; }").unwrap_err();
    assert!(
        error.contains("expected no shared memory of a function"),
        "{error}"
    );
    let error = load(".func f() { call f; ret; }").unwrap_err();
    assert!(
        error.contains("f calls itself, which is not covered"),
        "{error}"
    );
}

#[test]
fn freed_memory_and_what_the_host_reads() {
    let mut device = Device::new(Settings::default());
    let address = device.allocate(16).unwrap();
    assert!(device.read(address, 16, "copies").is_err());
    let text = device.text().to_str().unwrap().to_owned();
    assert!(text.contains("never been written"), "{text}");

    let mut device = Device::new(Settings::default());
    let address = device.allocate(16).unwrap();
    device.write(address, &[1; 16], "test").unwrap();
    device.free(address).unwrap();
    assert!(device.read(address, 16, "copies").is_err());
    assert!(
        device
            .text()
            .to_str()
            .unwrap()
            .contains("outside every allocation")
    );

    let mut device = Device::new(Settings::default());
    assert!(device.free(0x1234).is_err());
}

#[test]
fn a_text_that_is_no_ptx() {
    let mut device = Device::new(Settings::default());
    for (text, words) in [
        (
            ".visible .entry k() { .reg .b32 %r<2>; add.u32 %r1, %r9, 1; ret; }",
            "",
        ),
        (
            ".visible .entry k() { @%p1 ret; }",
            "line 1 of the PTX: expected a declared register, found %p1",
        ),
        (".visible .entry k() {", "expected"),
        (".entry k(.param .zz a) { }", "expected a type"),
        ("hello", "expected a directive"),
        ("\u{e9}", "found the character"),
    ] {
        let loaded = device
            .load(text)
            .map(|loaded| loaded.module.functions.len());
        let said = device.text().to_str().unwrap();
        match words {
            // an unknown name may be a function, until it is used
            "" => assert_eq!(loaded, Ok(1), "{said}"),
            words => {
                assert_eq!(loaded, Err(Status::INVALID_PTX), "{text}");
                assert!(said.contains(words), "{said}");
            }
        }
    }
}

#[test]
fn failures_that_the_environment_asks_for() {
    let with = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        Device::new(settings)
    };
    let mut device = with(|settings| settings.failing_allocation = Some(2));
    assert!(device.allocate(4).is_ok());
    assert_eq!(device.allocate(4), Err(Status::OUT_OF_MEMORY));
    assert!(device.allocate(4).is_ok(), "it goes on");
    let mut device = with(|settings| settings.memory_bytes = 100);
    assert_eq!(device.allocate(101), Err(Status::OUT_OF_MEMORY));

    let mut device = with(|settings| settings.failing_launch = Some(2));
    let loaded = device.load(&module("")).unwrap();
    let kernel = Kernel {
        loaded,
        function: 0,
    };
    let mut launch = || device.launch(&kernel, [1; 3], [1; 3], 0, &[0; 12]);
    assert_eq!(launch(), Ok(()));
    assert_eq!(launch(), Err(Status::LAUNCH_FAILED));
    assert_eq!(launch(), Err(Status::LAUNCH_FAILED), "the device is lost");
    assert_eq!(device.allocate(4), Err(Status::LAUNCH_FAILED));
}
