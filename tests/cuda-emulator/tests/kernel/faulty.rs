//! Kernels that a fault ends, and their sound twins.

use tuplenet_cuda_emulator::driver::{Device, Kernel, Settings, Status};

/// A kernel `k` of a pointer and a number, `%rd1` and `%r1`; `%r2` is the thread, `%r3` the block, `%rd2` the address of
/// the thread's own word.
pub fn module(body: &str) -> String {
    format!(
        ".version 9.0\n.target sm_80\n.address_size 64\n\
         .visible .entry k(.param .u64 pointer, .param .u32 number)\n{{\n\
         .reg .pred %p<4>; .reg .b32 %r<9>; .reg .b64 %rd<9>; .reg .f32 %f<4>;\n\
         .shared .align 4 .b8 buffer[256]; .local .align 4 .b8 own[16];\n\
         ld.param.u64 %rd1, [pointer]; ld.param.u32 %r1, [number];\n\
         mov.u32 %r2, %tid.x; mov.u32 %r3, %ctaid.x;\n\
         mul.wide.u32 %rd2, %r2, 4; add.s64 %rd2, %rd1, %rd2;\n\
         {body}\nret;\n}}\n"
    )
}

/// Runs a body with 256 bytes of zeros, and returns what is wrong, if anything.
pub fn run(body: &str, blocks: u32, threads: u32) -> Option<String> {
    let mut device = Device::new(Settings::default());
    let loaded = device
        .load(&module(body))
        .unwrap_or_else(|_| panic!("{:?}", device.text()));
    let address = device.allocate(256).unwrap();
    device.write(address, &[0; 256], "test").unwrap();
    let mut parameters = address.to_le_bytes().to_vec();
    parameters.extend(64u32.to_le_bytes());
    let kernel = Kernel {
        loaded,
        function: 0,
    };
    match device.launch(&kernel, [blocks, 1, 1], [threads, 1, 1], 0, &parameters) {
        Ok(()) => None,
        Err(status) => {
            assert_eq!(status, Status::LAUNCH_FAILED);
            assert_eq!(
                device.check(),
                Err(Status::LAUNCH_FAILED),
                "every later call fails"
            );
            Some(device.text().to_str().unwrap().to_owned())
        }
    }
}

/// The body is reported with all of these words, and its twin runs.
pub fn assert_reported(body: &str, twin: &str, (blocks, threads): (u32, u32), words: &[&str]) {
    let found =
        run(body, blocks, threads).unwrap_or_else(|| panic!("nothing was reported of {body}"));
    for word in words.iter().chain(&["kernel k", "line 11"]) {
        assert!(found.contains(word), "{found}\nlacks {word:?}");
    }
    assert_eq!(run(twin, blocks, threads), None, "{twin}");
}
