//! The program in `examples/firmware` classifies its digit correctly, and contains no panics and no allocator.
//!
//! It is built in release mode, for the generic target CPU and for the native one.
//! `scripts/firmware` runs only this test, for the sizes that it prints.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "firmware/chip.rs"]
mod chip;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use object::{Object, ObjectSection, ObjectSymbol};
use safetensors::{Dtype, tensor::TensorView};
use tuplenet::{models::LeNet, plan::Op, prelude::*};

/// A program of `examples/firmware`, and what is expected of it.
struct Program {
    bin: &'static str,
    features: &'static [&'static str],
    /// The class of its image: its exit code.
    class: usize,
    /// What `stack` calls its prediction.
    measured: &'static str,
    /// The most stack of a prediction, in bytes.
    stack: usize,
}

/// Two layers of 32 and 10 values, a list of 512 indices, the sums, spilled registers. Measured: 1,551 bytes, and
/// 1,423 with AVX-512.
const DIGIT: Program = Program {
    bin: "firmware",
    features: &[],
    class: 3,
    measured: "predict",
    stack: 2048,
};

/// 6,144 activations, which are 24,576 bytes, and the compiler's temporaries. Measured: 24,911 bytes, and
/// 24,783 with AVX-512.
const LENET_STACK: usize = 26_000;

/// A program that takes raw measurements: it standardises them, and names the class.
const DIAGNOSE: Program = Program {
    bin: "diagnose",
    features: &[],
    class: 0,
    measured: "diagnose",
    stack: 1024,
};

/// The digit in eight bits: 1,024 bytes of activations, a list of 512 quads, and the compiler's temporaries.
const QUANTIZED: Program = Program {
    bin: "quantized",
    features: &[],
    class: 3,
    measured: "quantized",
    stack: 6144,
};

#[test]
fn firmware_classifies_without_panics_or_allocator() {
    if let Some((source, _builds)) = source() {
        check_both(&source, &DIGIT, "");
        check_both(&source, &DIAGNOSE, "");
        check_both(&source, &QUANTIZED, "");
    }
}

/// The weights are any: the class is that of the same file read at run time.
#[test]
fn lenet_classifies_its_image_without_panics_or_allocator() {
    let Some((source, _builds)) = source() else {
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("lenet.safetensors");
    let file = weights(&LeNet::PLAN);
    fs::write(&path, &file).unwrap();
    let pixel = |i: usize| (i * 7919 % 1009) as f32 / 1009.0;
    let image = std::array::from_fn(|y| std::array::from_fn(|x| pixel(y * 28 + x)));
    let image: [[f32; 28]; 28] = image;
    let lenet = Program {
        bin: "lenet",
        features: &["lenet"],
        class: Frozen::<LeNet>::from_bytes(&file).unwrap().classify(&image),
        measured: "lenet",
        stack: LENET_STACK,
    };
    let path = path.to_str().unwrap();
    check_both(&source, &lenet, path);
    microcontroller(&source, &lenet, path);
    microcontroller(&source, &DIGIT, path);
    microcontroller(&source, &DIAGNOSE, path);
    microcontroller(&source, &QUANTIZED, path);
}

/// Finding the words of a text is the work of the crate `unicode-segmentation`, which has code that could panic.
#[test]
fn a_review_is_classified_without_an_allocator() {
    let Some((source, _builds)) = source() else {
        return;
    };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware/default");
    let arguments = ["--features", "text", "--bin", "sentiment"];
    let built = build(&source, &target, "", "", &arguments);
    let status = Command::new(&built).status().unwrap();
    assert_eq!(status.code(), Some(1), "{status}");
    let bytes = fs::read(&built).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    assert_eq!(allocators(&file), [""; 0]);
    say(&format!(
        "sentiment: exit code 1; no allocator\n{}",
        sizes(&file)
    ));
}

/// A weights file with numbers from -1 to 1, divided by the square root of the layer's inputs.
fn weights(plan: &Plan) -> Vec<u8> {
    let mut next = 0.3f64;
    let mut tensors = Vec::new();
    for (index, step) in plan.steps().iter().enumerate() {
        let shape = match step.op {
            Op::Linear => vec![step.outputs, step.inputs],
            Op::Conv2d(window) => {
                [&window.output[..1], &window.input[..1], &window.kernel].concat()
            }
            _ => continue,
        };
        let fan_in: usize = shape[1..].iter().product();
        for (name, shape) in [("weight", shape.clone()), ("bias", vec![shape[0]])] {
            let values = (0..shape.iter().product()).flat_map(|_| {
                next = (next + 0.754877666) % 1.0;
                let value = (2.0 * next - 1.0) / (fan_in as f64).sqrt();
                (value as f32).to_le_bytes()
            });
            tensors.push((
                format!("{index}.{name}"),
                shape,
                values.collect::<Vec<u8>>(),
            ));
        }
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

/// The folder of the example, where the test can run, and a lock: the tests build programs of the same names with different
/// features in the same folders, and run them then.
fn source() -> Option<(PathBuf, MutexGuard<'static, ()>)> {
    static BUILDS: Mutex<()> = Mutex::new(());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/firmware");
    if !cfg!(all(unix, not(target_vendor = "apple"))) {
        say("SKIPPED firmware: the test reads symbols of ELF files only");
    } else if !source.exists() {
        say("SKIPPED firmware: its crate is not part of this package");
    } else {
        let builds = BUILDS.lock();
        return Some((source, builds.unwrap_or_else(PoisonError::into_inner)));
    }
    None
}

/// For the generic and the native target CPU, at once: each is a chain of builds, which leaves a core idle.
fn check_both(source: &Path, program: &Program, weights: &str) {
    thread::scope(|scope| {
        scope.spawn(|| check(source, program, "default", "", weights));
        scope.spawn(|| check(source, program, "native", "-C target-cpu=native", weights));
    });
}

fn check(source: &Path, program: &Program, name: &str, flags: &str, weights: &str) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("firmware")
        .join(name);
    let features = program.features.join(",");
    let arguments = ["--features", &features, "--bin", program.bin];
    let built = build(source, &target, flags, weights, &arguments);
    let features = [program.features, &["stack"]].concat().join(",");
    let arguments = ["--features", &features, "--bin", "stack"];
    let measure = build(source, &target, flags, weights, &arguments);

    let status = Command::new(&built).status().unwrap();
    let class = program.class as i32;
    assert_eq!(status.code(), Some(class), "{name}: {status}");

    let bytes = fs::read(&built).unwrap();
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
    say(&format!(
        "{}, {name}: exit code {class}; no panic, no allocator\n{}\nstack of {}",
        program.bin,
        sizes(&file),
        stack.trim().replace('\n', "\nstack of "),
    ));
    let measured = format!("{}: ", program.measured);
    let bytes = stack.lines().find_map(|line| line.strip_prefix(&*measured));
    let bytes = bytes.unwrap().split(' ').next().unwrap();
    let bytes: usize = bytes.parse().unwrap();
    assert!(bytes <= program.stack, "{name}: {bytes} bytes of stack");
}

/// Links the program for a Cortex-M4F without an operating system, and without anything that a panic would need; the
/// test does not run it.
fn microcontroller(source: &Path, program: &Program, weights: &str) {
    const TARGET: &str = "thumbv7em-none-eabi";
    if !has_target(TARGET) {
        return;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware/thumb");
    let flags = "-C target-cpu=cortex-m4 -C link-arg=--entry=main";
    let features = program.features.join(",");
    let arguments = [
        "--target",
        TARGET,
        "--features",
        &features,
        "--bin",
        program.bin,
    ];
    build(source, &target, flags, weights, &arguments);
    let built = target.join(TARGET).join("release").join(program.bin);
    let bytes = fs::read(built).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    assert_eq!(panics(&file), [""; 0], "{TARGET}");
    assert_eq!(allocators(&file), [""; 0], "{TARGET}");
    say(&format!(
        "{}, {TARGET}: links; {}",
        program.bin,
        sizes(&file)
    ));
}

/// Is the standard library of a Rust target there? If not, it says so.
fn has_target(target: &str) -> bool {
    let library = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .unwrap();
    let library = String::from_utf8(library.stdout).unwrap();
    let installed = Path::new(library.trim()).exists();
    if !installed {
        say(&format!(
            "SKIPPED firmware for {target}: rustup target add {target}"
        ));
    }
    installed
}

fn sizes(file: &object::File<'_>) -> String {
    let mut models = file.symbols();
    let model = models.find(|symbol| symbol.name().is_ok_and(|name| name.contains("VALUES")));
    format!(
        ".text {} bytes; .rodata {}, of which the model {}",
        size(file, ".text"),
        size(file, ".rodata"),
        model.unwrap().size(),
    )
}

/// Builds one program of the example, with its own `Cargo.lock`.
fn build(source: &Path, target: &Path, flags: &str, weights: &str, arguments: &[&str]) -> PathBuf {
    let built = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--release", "--locked", "--target-dir"])
        .arg(target)
        .args(arguments)
        .current_dir(source)
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", flags)
        .env("LENET", weights)
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
