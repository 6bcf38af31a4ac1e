//! `src/bin/chip.rs` runs on an emulated Cortex-M4, and computes what the host does.
//!
//! QEMU counts instructions: with `-icount shift=6` an instruction takes 64 ns of the board's time, and a tick of its timer at
//! 25 MHz 40 ns. The program counts a loop of 10,000 instructions, too, so the test sees that a tick is what it should be.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use super::{allocators, build, has_target, panics, say, size, source};

/// A target, and the most of a prediction on it.
struct Chip {
    target: &'static str,
    floats: &'static str,
    /// Bytes, from the startup code's frame.
    stack: u32,
    instructions: u32,
}

/// Measured: 1,880 bytes of stack and 605,845 instructions, and 1,736 and 27,011 with the FPU.
const CHIPS: [Chip; 2] = [
    Chip {
        target: "thumbv7em-none-eabi",
        floats: "in software",
        stack: 2048,
        instructions: 700_000,
    },
    Chip {
        target: "thumbv7em-none-eabihf",
        floats: "with the FPU",
        stack: 2048,
        instructions: 32_000,
    },
];

/// Instructions per tick: 40 ns by 64 ns.
const INSTRUCTIONS_PER_TICK: f64 = 40.0 / 64.0;

#[test]
fn an_emulated_chip_classifies_as_the_host_does() {
    let Some((source, _builds)) = source() else {
        return;
    };
    if Command::new("qemu-system-arm")
        .arg("--version")
        .output()
        .is_err()
    {
        return say(
            "SKIPPED firmware on a chip: no qemu-system-arm, apt-get install qemu-system-arm",
        );
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware");
    let host = build(
        &source,
        &folder.join("default"),
        "",
        "",
        &["--features", "host", "--bin", "host"],
    );
    let host = Command::new(host).output().unwrap();
    for chip in CHIPS.iter().filter(|it| has_target(it.target)) {
        run(chip, &source, &folder.join("chip"), &host);
    }
}

fn run(chip: &Chip, source: &Path, target: &Path, host: &Output) {
    let name = chip.target;
    let arguments = ["--target", name, "--features", "chip", "--bin", "chip"];
    build(source, target, "", "", &arguments);
    let program = target.join(name).join("release/chip");
    let emulated = Command::new("timeout")
        .args([
            "60",
            "qemu-system-arm",
            "-M",
            "mps2-an386",
            "-icount",
            "shift=6",
        ])
        .args(["-nographic", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(&program)
        .output()
        .unwrap();
    assert!(emulated.status.success(), "{name}: {emulated:?}");

    assert_eq!(
        numbers(&emulated, "class "),
        numbers(host, "class "),
        "{name}"
    );
    let logits = |output| numbers(output, "logit ").into_iter().map(f32::from_bits);
    let pairs: Vec<(f32, f32)> = logits(&emulated).zip(logits(host)).collect();
    assert_eq!(pairs.len(), 10, "{name}: {emulated:?}");
    for &(found, expected) in &pairs {
        let close = (found - expected).abs() <= 1e-5 * expected.abs().max(1.0);
        assert!(close, "{name}: {found} on the chip, {expected} on the host");
    }
    let same = pairs
        .iter()
        .filter(|(found, expected)| found.to_bits() == expected.to_bits());

    let one = |words| <[u32; 1]>::try_from(numbers(&emulated, words)).unwrap()[0];
    let count = |words| (f64::from(one(words)) * INSTRUCTIONS_PER_TICK).round() as u32;
    let known = count("ticks of 10,000 instructions ");
    assert!(known.abs_diff(10_000) <= 10, "{name}: {known} instructions");
    let (stack, instructions) = (one("stack "), count("ticks "));
    assert!(stack <= chip.stack, "{name}: {stack} bytes of stack");
    assert!(
        instructions <= chip.instructions,
        "{name}: {instructions} instructions"
    );

    let bytes = fs::read(program).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    assert_eq!(panics(&file), [""; 0], "{name}");
    assert_eq!(allocators(&file), [""; 0], "{name}");
    let total = |sections: &[&str]| sections.iter().map(|it| size(&file, it)).sum::<u64>();
    say(&format!(
        "chip, {name}, floats {}: class {}, {} of 10 logits have the host's bits\n\
         flash {} bytes (.vector_table {}, .text {}, .rodata {}, .data {}); RAM {} (.data, .bss), and stack {stack}\n\
         {instructions} instructions per prediction",
        chip.floats,
        one("class "),
        same.count(),
        total(&[".vector_table", ".text", ".rodata", ".data"]),
        size(&file, ".vector_table"),
        size(&file, ".text"),
        size(&file, ".rodata"),
        size(&file, ".data"),
        total(&[".data", ".bss"]),
    ));
}

/// The hexadecimal numbers of the lines that begin with `words`.
fn numbers(output: &Output, words: &str) -> Vec<u32> {
    let text = str::from_utf8(&output.stdout).unwrap();
    let hex = text.lines().filter_map(|line| line.strip_prefix(words));
    hex.filter_map(|hex| u32::from_str_radix(hex, 16).ok())
        .collect()
}
