//! The program in `examples/firmware` classifies its digit correctly, and contains no panics and no allocator.
//!
//! It is built in release mode, for the generic target CPU and for the native one.
//! `scripts/firmware` runs only this test, for the sizes that it prints.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use object::{Object, ObjectSection, ObjectSymbol};

/// The digit in `examples/firmware`.
const DIGIT: i32 = 3;
/// The maximum stack use of a prediction: two buffers of 32 values, a list of 512 indices, the sums, spilled
/// registers. Measured: 1743 bytes, and 1383 with AVX-512.
const STACK: usize = 2048;

#[test]
fn firmware_classifies_its_digit_without_panics_or_allocator() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/firmware");
    if !cfg!(all(unix, not(target_vendor = "apple"))) {
        say("SKIPPED firmware: the test reads symbols of ELF files only");
    } else if !source.exists() {
        say("SKIPPED firmware: its crate is not part of this package");
    } else {
        // At once: each is a chain of builds, which leaves a core idle.
        thread::scope(|scope| {
            scope.spawn(|| check(&source, "default", ""));
            scope.spawn(|| check(&source, "native", "-C target-cpu=native"));
        });
    }
}

fn check(source: &Path, name: &str, flags: &str) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("firmware")
        .join(name);
    let program = build(source, &target, flags, &["--bin", "firmware"]);
    let measure = build(
        source,
        &target,
        flags,
        &["--features", "stack", "--bin", "stack"],
    );

    let status = Command::new(&program).status().unwrap();
    assert_eq!(status.code(), Some(DIGIT), "{name}: {status}");

    let bytes = fs::read(&program).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    assert_eq!(panics(&file), [""; 0], "{name}");
    assert_eq!(allocators(&file), [""; 0], "{name}");
    // A program with `std` has both, so the search would find them.
    let with_std = fs::read(&measure).unwrap();
    let with_std = object::File::parse(&*with_std).unwrap();
    assert!(!panics(&with_std).is_empty() && !allocators(&with_std).is_empty());

    let measured = Command::new(&measure).output().unwrap();
    assert!(measured.status.success(), "{measured:?}");
    let stack = String::from_utf8(measured.stdout).unwrap();
    let model = file
        .symbols()
        .find(|symbol| symbol.name().is_ok_and(|name| name.contains("VALUES")));
    say(&format!(
        "firmware, {name}: exit code {DIGIT}; no panic, no allocator\n\
         .text {} bytes; .rodata {}, of which the model {}\nstack of {}",
        size(&file, ".text"),
        size(&file, ".rodata"),
        model.unwrap().size(),
        stack.trim().replace('\n', "\nstack of "),
    ));
    let predict = stack
        .lines()
        .find_map(|line| line.strip_prefix("predict: "))
        .unwrap();
    let predict: usize = predict.split(' ').next().unwrap().parse().unwrap();
    assert!(predict <= STACK, "{name}: {predict} bytes of stack");
}

/// Builds one program of the example, with its own `Cargo.lock`.
fn build(source: &Path, target: &Path, flags: &str, arguments: &[&str]) -> PathBuf {
    let built = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--release", "--locked", "--target-dir"])
        .arg(target)
        .args(arguments)
        .current_dir(source)
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", flags)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{arguments:?}:\n{log}");
    target.join("release").join(arguments.last().unwrap())
}

/// Symbols of panics, and `abort`, which the program's panic handler calls: a handler may be inlined without
/// leaving a symbol, but a call to the C library remains.
fn panics<'a>(file: &object::File<'a>) -> Vec<&'a str> {
    symbols(file, &["panic", "_fail", "abort"])
}

/// Symbols of Rust's and of the C library's allocator.
fn allocators<'a>(file: &object::File<'a>) -> Vec<&'a str> {
    symbols(file, &["alloc"])
}

/// Symbols, defined or imported, with one of `words` in their names.
fn symbols<'a>(file: &object::File<'a>, words: &[&str]) -> Vec<&'a str> {
    let names = file.symbols().chain(file.dynamic_symbols());
    let names: Vec<&str> = names.map(|symbol| symbol.name().unwrap()).collect();
    assert!(
        names.contains(&"main"),
        "the symbols are there to be looked at"
    );
    let has_word = |name: &&str| words.iter().any(|word| name.contains(word));
    names.into_iter().filter(has_word).collect()
}

fn size(file: &object::File<'_>, section: &str) -> u64 {
    file.section_by_name(section).unwrap().size()
}

/// Prints to the terminal: the test harness would capture `eprintln`.
fn say(text: &str) {
    std::io::stderr()
        .write_all(format!("\n{text}\n").as_bytes())
        .unwrap();
}
