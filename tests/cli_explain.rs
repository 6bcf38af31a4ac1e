//! The example `explain` run as a program: its pictures are decoded, and invalid input gives a one-line error and an exit code.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tuplenet::{data::Digits, models::MnistClassifier, prelude::*};

use crate::{
    cli::{example, text},
    pictures::Picture,
};

const RED: [u8; 3] = [178, 24, 43];
/// Halfway from white to (33, 102, 172).
const HALF_BLUE: [u8; 3] = [144, 179, 214];
const WHITE: [u8; 3] = [255; 3];

/// Runs `explain` and returns its output.
fn explained(arguments: &[&str]) -> String {
    let output = example("explain", arguments);
    let out = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{out}{error}");
    out
}

/// The pictures whose paths were printed.
fn pictures(out: &str) -> Vec<(PathBuf, Picture)> {
    let paths = out.lines().filter(|line| line.ends_with(".png"));
    paths
        .map(|path| (path.into(), Picture::load(path.as_ref())))
        .collect()
}

/// The colour of value `index` of a tile: 28 x 28 values of 4 x 4 pixels, with 4 around each tile.
fn colour(picture: &Picture, tile: [usize; 2], index: usize) -> [u8; 3] {
    let at = |tile: usize, value: usize| 4 + tile * 116 + value * 4 + 1;
    let (x, y) = (at(tile[0], index % 28), at(tile[1], index / 28));
    picture.pixels[y * picture.width + x]
}

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits.safetensors")
}

#[test]
fn the_most_confidently_misclassified_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let out_folder = folder.path().join("a/b");
    let model = model();
    let arguments = ["--weights", text(&model), "--out", text(&out_folder)];
    let out = explained(&[&arguments[..], &["--count", "2"]].concat());
    for words in [
        "built-in digits, as MNIST was not found\n",
        "accuracy 9",
        " times\n",
        " 90.0 to 100.0 ",
        "expected calibration error ",
    ] {
        assert!(out.contains(words), "{words:?} is not in {out}");
    }
    let pictures = pictures(&out);
    let sizes: Vec<_> = pictures.iter().map(|(_, p)| p.size()).collect();
    // 32 units in rows of 8; image, saliency and integrated gradients for two classes
    assert_eq!(sizes, [(932, 468), (352, 236), (352, 236)], "{out}");
    assert_eq!(pictures[0].0, out_folder.join("weights.png"));
    assert_eq!(fs::read_dir(&out_folder).unwrap().count(), 3);
}

/// A network of one unit with two input pixels and a positive weight to class 2: its pictures are known.
#[test]
fn the_pictures_of_a_known_network_are_correct() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.safetensors");
    let (index, lit) = (0..100)
        .find_map(|index| {
            let (pixels, _) = Digits::new(u64::MAX).image(index);
            let lit = (1..pixels.len()).find(|&i| pixels[i] > 0 && pixels[i - 1] == 0);
            lit.map(|lit| (index, lit))
        })
        .unwrap();
    let (pixels, _) = Digits::new(u64::MAX).image(index);

    // Unit 5, always active; the weaker unit 0, with a larger outgoing weight; and unit 9 without outgoing weights.
    let mut weights = Weights::<MnistClassifier<32>>::zeros();
    let (values, bias, outgoing) = (weights.as_mut_slice(), 784 * 32, 785 * 32);
    values[5 * 784 + lit] = 0.5;
    values[5 * 784 + lit - 1] = -0.25;
    values[bias + 5] = 1.0;
    values[outgoing + 2 * 32 + 5] = 1.0;
    values[0] = 0.1;
    values[9 * 784] = 0.5;
    values[outgoing] = 2.0;
    weights.save(&file).unwrap();

    let arguments = ["--weights", text(&file), "--out", text(folder.path())];
    let number = index.to_string();
    let out = explained(&[&arguments[..], &["--index", &number, "--class", "2"]].concat());
    let pictures = pictures(&out);
    let [(_, sheet), (path, digit)] = &pictures[..] else {
        panic!("{out}")
    };
    assert!(path.ends_with(format!("digit-{index}.png")));
    assert_eq!(digit.size(), (352, 120));
    for (value, &pixel) in pixels.iter().enumerate() {
        let grey = colour(digit, [0, 0], value);
        assert_eq!(grey, [pixel; 3], "pixel {value}");
        let unit = match value {
            _ if value == lit => RED,
            _ if value == lit - 1 => HALF_BLUE,
            _ => WHITE,
        };
        assert_eq!(colour(sheet, [0, 0], value), unit, "weight {value}");
        assert_eq!(colour(digit, [1, 0], value), unit, "saliency {value}");
        // black pixels contribute nothing
        let added = if value == lit { RED } else { WHITE };
        assert_eq!(colour(digit, [2, 0], value), added, "integrated {value}");
    }
    // 0.1 of 0.5
    let weaker = colour(sheet, [1, 0], 0);
    assert_eq!(weaker, [240, 209, 213]);
}

#[test]
fn without_saved_weights_it_explains_the_embedded_model() {
    if std::env::temp_dir()
        .join("target/mnist.safetensors")
        .exists()
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = explained(&["--out", text(folder.path()), "--count", "0"]);
    assert!(out.contains("the embedded model"), "{out}");
    assert!(out.contains("no misclassified image to explain"), "{out}");
    let named = folder.path().join("named");
    let model = model();
    explained(&[
        "--out",
        text(&named),
        "--weights",
        text(&model),
        "--count",
        "0",
    ]);
    let sheet = |folder: &Path| fs::read(folder.join("weights.png")).unwrap();
    assert!(sheet(folder.path()) == sheet(&named), "the same weights");
}

#[test]
fn explain_reports_errors_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (file, other, broken) = (path("file"), path("other"), path("broken"));
    fs::write(&file, b"no weights").unwrap();
    Weights::<MnistClassifier<64>>::zeros()
        .save(&other)
        .unwrap();
    let mut weights = Weights::<MnistClassifier<32>>::zeros();
    weights.as_mut_slice().fill(f32::NAN);
    weights.save(&broken).unwrap();
    let occupied = path("occupied");
    fs::create_dir_all(occupied.join("weights.png")).unwrap();
    let (pictures, model) = (path("pictures"), model());
    let good = ["--weights", text(&model), "--out", text(&pictures)];

    for (arguments, code, words) in [
        (
            vec!["--out", text(&file)],
            1,
            "file: cannot write the pictures",
        ),
        (
            vec!["--out", text(&occupied), "--weights", text(&model)],
            1,
            "weights.png: cannot write the pictures",
        ),
        (
            [&good[..], &["--index", "10000"]].concat(),
            2,
            "index: expected a number below 10000, found 10000",
        ),
        (
            [&good[..], &["--class", "10"]].concat(),
            2,
            "class: expected a number below 10, found 10",
        ),
        (
            vec![
                "--out",
                text(&pictures),
                "--weights",
                "/no/such.safetensors",
            ],
            1,
            "cannot read the weights",
        ),
        (
            vec!["--out", text(&pictures), "--weights", text(&file)],
            1,
            "`header`: expected a safetensors file",
        ),
        (
            vec!["--out", text(&pictures), "--weights", text(&other)],
            1,
            "`0.weight`: expected F32 [500, 784], found F32 [64, 784]",
        ),
        (
            vec!["--out", text(&pictures), "--weights", text(&broken)],
            1,
            "expected a confidence from 0 to 1, found NaN",
        ),
        (
            [&good[..], &["--data", "/no/such/folder"]].concat(),
            1,
            "/no/such/folder",
        ),
    ] {
        let output = example("explain", &arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        assert!(
            text.starts_with("error: ") && text.contains(words),
            "{words:?} is not in {text}"
        );
    }
    assert!(
        example("explain", &["--index", "1", "--count", "2"])
            .status
            .code()
            == Some(2)
    );
}
