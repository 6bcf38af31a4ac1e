//! The program in `examples/firmware`: that it reads its digit, and that nothing in it panics or allocates.
//!
//! It is built as it would be shipped, for this machine's family of processors and for this very processor.
//! `scripts/firmware` runs this test alone, for the sizes that it prints.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use object::{Object, ObjectSection, ObjectSymbol};

/// What the picture in `examples/firmware` shows.
const DIGIT: i32 = 3;
/// The most that a prediction may take of the stack: two buffers of 32 values, a list of 512 places, the sums,
/// what registers leave over. Measured are 1743 bytes, and 1383 with AVX-512.
const STACK: usize = 2048;

#[test]
fn firmware_reads_its_digit_and_has_no_panic_and_no_allocator() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/firmware");
    if !cfg!(all(unix, not(target_vendor = "apple"))) {
        say("SKIPPED firmware: its symbols are looked for in an ELF file");
    } else if !source.exists() {
        say("SKIPPED firmware: a crate of its own, which is not in this package");
    } else {
        check(&source, "default", "");
        check(&source, "native", "-C target-cpu=native");
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
    // A program with `std` has both, so they would have been seen.
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

/// Symbols of a panic, and the `abort` that the program's panic handler calls: a handler may be inlined
/// and leave no symbol, a call of the C library stays.
fn panics<'a>(file: &object::File<'a>) -> Vec<&'a str> {
    symbols(file, &["panic", "_fail", "abort"])
}

/// Symbols of Rust's allocator and of the C library's.
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

/// Says it on the terminal: the test harness would hide `eprintln`.
fn say(text: &str) {
    std::io::stderr()
        .write_all(format!("\n{text}\n").as_bytes())
        .unwrap();
}
