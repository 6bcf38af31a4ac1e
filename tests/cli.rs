//! The examples run as programs: invalid input gives a one-line error and an exit code, valid input a result.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use flate2::{Compression, write::GzEncoder};
use png::{BitDepth, ColorType};

use crate::pictures;

/// The executable of an example.
pub(crate) fn program(name: &str) -> PathBuf {
    // Cargo builds the examples beside the tests: target/PROFILE/deps/tests-*, target/PROFILE/examples
    let tests = env::current_exe().unwrap();
    let program = tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples")
        .join(name);
    assert!(
        program.exists(),
        "{}: not built; run `cargo test --release`",
        program.display()
    );
    program
}

/// Runs an example without MNIST in its environment.
pub(crate) fn example(name: &str, arguments: &[&str]) -> Output {
    let program = program(name);
    Command::new(program)
        .args(arguments)
        .current_dir(env::temp_dir())
        .env("TUPLENET_MNIST", "")
        .env("XDG_CACHE_HOME", "/nonexistent")
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

/// Checks a failure: exit code, one line, no panic, and the expected text.
pub(crate) fn refuses(arguments: &[&str], code: i32, words: &[&str]) {
    let output = example("mnist", arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{arguments:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(
            text.contains(word),
            "{arguments:?}: {word:?} is not in {text}"
        );
    }
}

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An idx file of `count` blank images or zero labels.
fn idx(magic: u32, count: u32) -> Vec<u8> {
    let mut bytes = [magic.to_be_bytes(), count.to_be_bytes()].concat();
    if magic == 0x803 {
        bytes.extend([0, 0, 0, 28, 0, 0, 0, 28]);
    }
    let each = if magic == 0x803 { 784 } else { 1 };
    bytes.resize(bytes.len() + count as usize * each, 0);
    bytes
}

/// A folder with MNIST's files, all blank except one.
pub(crate) fn folder_with(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let good = [
        idx(0x803, 60_000),
        idx(0x801, 60_000),
        idx(0x803, 10_000),
        idx(0x801, 10_000),
    ];
    for (name, bytes) in NAMES.iter().zip(good) {
        fs::write(folder.path().join(name), gzip(&bytes)).unwrap();
    }
    fs::write(folder.path().join(name), bytes).unwrap();
    folder
}

/// A folder with MNIST's files, not compressed: the images of each class have a bright bar in rows of their own, from a grey
/// that differs from image to image, so that a network learns them and the order of the samples matters. Loading them takes
/// a tenth of the time in which the built-in digits are drawn.
pub(crate) fn folder_of_bars() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (part, count) in [("train", 60_000), ("t10k", 10_000)] {
        let (mut images, mut labels) = (idx(0x803, count), idx(0x801, count));
        for i in 0..count as usize {
            let class = i * 7 % 10;
            labels[8 + i] = class as u8;
            let row = 16 + i * 784 + (3 + 2 * class) * 28;
            images[row..row + 28].fill((100 + i * 31 % 156) as u8);
        }
        fs::write(
            folder.path().join(format!("{part}-images-idx3-ubyte")),
            images,
        )
        .unwrap();
        fs::write(
            folder.path().join(format!("{part}-labels-idx1-ubyte")),
            labels,
        )
        .unwrap();
    }
    folder
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn bad_data_files_are_named_with_a_remedy() {
    let images = idx(0x803, 60_000);
    let mut label_of_10 = idx(0x801, 60_000);
    label_of_10[8 + 77] = 10;
    let mut corrupt = gzip(&images);
    let middle = corrupt.len() / 2;
    corrupt[middle..middle + 64].fill(0xAA);
    let cases: [(&str, &str, Vec<u8>, &str); 7] = [
        ("empty", NAMES[0], vec![], "found 0 bytes in all"),
        ("truncated", NAMES[0], gzip(&images[..1_000_000]), "found"),
        ("cut gzip", NAMES[0], gzip(&images)[..500].to_vec(), "gzip"),
        ("wrong magic", NAMES[1], gzip(&idx(0x802, 60_000)), "magic"),
        ("counts", NAMES[1], gzip(&idx(0x801, 59_999)), "59999"),
        ("label", NAMES[1], gzip(&label_of_10), "10"),
        ("corrupt gzip", NAMES[0], corrupt, "gzip"),
    ];
    for (case, name, bytes, word) in cases {
        let folder = folder_with(name, &bytes);
        println!("{case}");
        refuses(
            &["--data", text(folder.path())],
            1,
            &["error: ", name, word, ";"],
        );
    }
}

#[test]
fn a_missing_folder_and_a_folder_for_a_file_are_named() {
    refuses(&["--data", "/no/such/folder"], 1, &["/no/such/folder", ";"]);
    let folder = folder_with("x", b"");
    fs::remove_file(folder.path().join(NAMES[2])).unwrap();
    refuses(&["--data", text(folder.path())], 1, &["t10k-images", ";"]);
    fs::create_dir(folder.path().join(NAMES[2])).unwrap();
    refuses(&["--data", text(folder.path())], 1, &["t10k-images", ";"]);
}

#[test]
fn an_unwritable_output_is_found_before_training() {
    for option in ["--save", "--plot", "--json"] {
        refuses(
            &[option, "/no/such/folder/file"],
            1,
            &["/no/such/folder/file", "folder that exists"],
        );
        refuses(&[option, "/"], 1, &["error: /: cannot write"]);
    }
}

#[test]
fn settings_out_of_range_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let (save, plot) = (folder.path().join("w"), folder.path().join("p"));
    let outputs = ["--save", text(&save), "--plot", text(&plot)];
    for (arguments, words) in [
        (["--batch", "0"], "batch size: expected 1 or more, found 0"),
        (["--epochs", "0"], "epochs: expected 1 or more, found 0"),
        (
            ["--lr", "NaN"],
            "learning rate: expected a finite number above 0, found NaN",
        ),
        (
            ["--lr", "-1"],
            "learning rate: expected a finite number above 0, found -1",
        ),
        (
            ["--validation", "60000"],
            "validation samples: expected fewer than the 60000",
        ),
        (["--threads", "0"], "threads: expected 1 or more, found 0"),
    ] {
        refuses(&[&outputs[..], &arguments[..]].concat(), 2, &[words]);
    }
    refuses(
        &["--engine", "dfdx", "--threads", "2"],
        2,
        &["threads: expected none with the engine dfdx or on a GPU, found 2"],
    );
    for arguments in [
        ["--hidden", "33"],
        ["--engine", "magic"],
        ["--batch", "x"],
        ["--optimizer", "magic"],
    ] {
        assert_eq!(
            example("mnist", &arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

/// Each example rejects an unavailable engine or device before doing anything else.
#[test]
fn an_engine_unavailable_on_the_device_exits_with_2() {
    for (name, more) in [
        ("mnist", &[][..]),
        ("predict", &["--index", "0"]),
        ("speedrun", &[]),
        ("best", &[]),
    ] {
        let refuses = |arguments: &[&str], words: &str| {
            let output = example(name, &[more, arguments].concat());
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                output.status.code(),
                Some(2),
                "{name} {arguments:?}: {text}"
            );
            assert!(text.contains(words), "{words:?} is not in {text}");
        };
        refuses(&["--device", "gpu"], "expected cpu, cuda or a GPU's number");
        refuses(
            &["--device", "cuda:x"],
            "expected cpu, cuda or a GPU's number",
        );
        if cfg!(feature = "cuda") {
            refuses(
                &["--device", "cuda:1", "--threads", "2"],
                "threads: expected none with the engine dfdx or on a GPU, found 2",
            );
        } else {
            for engine in ["dfdx", "fused"] {
                refuses(
                    &["--device", "cuda:1", "--engine", engine],
                    "error: device: expected cpu, or a program built with `--features cuda`, found cuda:1\n",
                );
            }
        }
    }
}

/// In a program built with CUDA, a GPU number that no machine has.
#[cfg(feature = "cuda")]
#[test]
fn a_missing_gpu_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let (save, plot) = (folder.path().join("w"), folder.path().join("p"));
    for engine in [&[][..], &["--engine", "dfdx"]] {
        let mut arguments = vec!["--built-in", "--device", "cuda:1000000"];
        arguments.extend(["--save", text(&save), "--plot", text(&plot)]);
        arguments.extend(engine);
        refuses(
            &arguments,
            1,
            &["error: cuda:1000000: expected ", "found ", "; "],
        );
    }
    let weights = tuplenet::Weights::<tuplenet::models::MnistClassifier<32>>::zeros();
    weights.save(&save).unwrap();
    for (name, arguments) in [
        ("predict", vec!["--index", "0", "--weights", text(&save)]),
        ("speedrun", vec![]),
        ("best", vec![]),
    ] {
        let output = example(
            name,
            &[&arguments[..], &["--device", "cuda:1000000"]].concat(),
        );
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {text}");
        assert!(text.starts_with("error: cuda:1000000: expected "), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    // Without saved weights the embedded model is used, which runs on no engine.
    if !env::temp_dir().join("target/mnist.safetensors").exists() {
        let output = example("predict", &["--index", "0", "--device", "cuda"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains("expected cpu for the embedded model"),
            "{text}"
        );
    }
}

/// Both engines by name: the summary contains engine and device, and both learn.
#[test]
fn the_chosen_engine_trains() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (save, plot, json) = (file("w.safetensors"), file("p.svg"), file("r.json"));
    let data = folder_of_bars();
    for (engine, more, device) in [
        ("fused", &["--threads", "1"][..], "cpu, 1 thread, "),
        ("dfdx", &[], "cpu"),
    ] {
        let mut arguments = vec!["--engine", engine, "--hidden", "32", "--epochs", "1"];
        arguments.extend(["--save", text(&save), "--plot", text(&plot)]);
        arguments.extend(["--json", text(&json), "--data", text(data.path())]);
        arguments.extend(more);
        let output = example("mnist", &arguments);
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{out}");
        assert!(
            out.contains(&format!("engine {engine} on {device}")),
            "{out}"
        );
        let run: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        assert_eq!(run["engine"], engine);
        assert!(run["device"].as_str().unwrap().starts_with(device), "{run}");
        assert!(run["test_accuracy"].as_f64().unwrap() > 0.8, "{run}");

        let arguments = ["--engine", engine, "--weights", text(&save), "--index", "7"];
        let output = example("predict", &arguments);
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.contains(&format!("engine {engine} on cpu")), "{out}");
        assert!(
            output.status.success() && out.contains("classified as"),
            "{out}"
        );
    }
}

/// Built-in digits, one epoch; then a test digit as PNG, dark on light, three times the size.
#[test]
fn mnist_writes_its_outputs_and_predict_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| -> PathBuf { folder.path().join(name) };
    let (save, plot, json) = (file("w.safetensors"), file("p.svg"), file("r.json"));
    let mut arguments = vec![
        "--hidden",
        "32",
        "--epochs",
        "1",
        "--seed",
        "3",
        "--validation",
        "1000",
    ];
    arguments.extend([
        "--save",
        text(&save),
        "--plot",
        text(&plot),
        "--json",
        text(&json),
    ]);
    let output = example("mnist", &arguments);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}");
    let first = out.lines().next().unwrap();
    assert!(
        first.contains("built-in digits") && first.contains("--download"),
        "{first}"
    );
    for words in [
        "Linear          [B, 32]",
        "epoch   1  train loss",
        "validation loss",
        "recall",
        "classified as",
    ] {
        assert!(out.contains(words), "{words:?} is not in {out}");
    }
    let run: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!(
        (&run["engine"], &run["hidden"], &run["seed"]),
        (&"fused".into(), &32.into(), &3.into())
    );
    assert!(run["test_accuracy"].as_f64().unwrap() > 0.8, "{run}");
    let weights = tuplenet::Weights::<tuplenet::models::MnistClassifier<32>>::load(&save).unwrap();
    assert_eq!(run["weights_sha256"], weights.sha256());
    assert!(fs::read_to_string(&plot).unwrap().starts_with("<svg"));

    let mut right = 0;
    for index in 0..20 {
        let (pixels, label) = tuplenet::data::Digits::new(99).image(index);
        let page = (0..84 * 84).flat_map(|i| {
            let ink = pixels[i / 84 / 3 * 28 + i % 84 / 3];
            [255 - ink, 255 - ink, 250 - ink / 2]
        });
        let png = file("digit.png");
        let kind = (ColorType::Rgb, BitDepth::Eight);
        pictures::save(&png, 84, kind, &[], &page.collect::<Vec<u8>>());
        let output = example(
            "predict",
            &["--weights", text(&save), "--image", text(&png)],
        );
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{out}");
        assert_eq!(out.matches(" %").count(), 10, "{out}");
        right += usize::from(out.contains(&format!("classified as {label}")));
    }
    // Blue on cream, three times the size: as accurate as the network itself, which is correct four times in five.
    assert!(right >= 14, "{right} of 20");
}
