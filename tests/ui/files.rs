//! The weights files of `ui/fail/frozen_*.rs`: what they hold, and that the loaders refuse them in the
//! compiler's words.
//!
//! `ui/files/NAME.safetensors` are written anew by `UI=bless cargo test --test ui`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use tuplenet::prelude::*;

use crate::{cases, is_blessing, promised_words, ui};

type Net = (Linear<2, 3>, ReLU, Linear<3, 2>);

/// The tensors of [`Net`], as its own file has them.
const GOOD: [&str; 4] = [
    r#""0.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}"#,
    r#""0.bias":{"dtype":"F32","shape":[3],"data_offsets":[24,36]}"#,
    r#""2.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[36,60]}"#,
    r#""2.bias":{"dtype":"F32","shape":[2],"data_offsets":[60,68]}"#,
];

/// A file of these tensors, with so many bytes of values.
fn file(tensors: &[&str], bytes: usize) -> Vec<u8> {
    with_header(&format!("{{{}}}", tensors.join(",")), bytes)
}

fn with_header(header: &str, bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    // 0.5, 1, 1.5, ...
    let values = (1u8..).flat_map(|i| (f32::from(i) / 2.0).to_le_bytes());
    file.extend(values.take(bytes));
    file
}

/// The good file after some tensors were replaced, with so many bytes of values.
fn changed(changes: &[(usize, &str)], bytes: usize) -> Vec<u8> {
    let mut tensors = GOOD;
    for &(place, tensor) in changes {
        tensors[place] = tensor;
    }
    file(&tensors, bytes)
}

/// The tensors of an eight-bit model of [`Net`].
const EIGHT_BIT: [&str; 10] = [
    r#""input.scale":{"dtype":"F32","shape":[],"data_offsets":[0,4]}"#,
    r#""0.weight_scale":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}"#,
    r#""0.bias":{"dtype":"I32","shape":[3],"data_offsets":[16,28]}"#,
    r#""0.scale":{"dtype":"F32","shape":[],"data_offsets":[28,32]}"#,
    r#""2.weight_scale":{"dtype":"F32","shape":[2],"data_offsets":[32,40]}"#,
    r#""2.bias":{"dtype":"I32","shape":[2],"data_offsets":[40,48]}"#,
    r#""input.zero_point":{"dtype":"U8","shape":[],"data_offsets":[48,49]}"#,
    r#""0.zero_point":{"dtype":"U8","shape":[],"data_offsets":[49,50]}"#,
    r#""0.weight":{"dtype":"I8","shape":[3,2],"data_offsets":[50,56]}"#,
    r#""2.weight":{"dtype":"I8","shape":[2,3],"data_offsets":[56,62]}"#,
];

fn files() -> BTreeMap<&'static str, Vec<u8>> {
    let good = file(&GOOD, 68);
    let named = GOOD.map(|tensor| tensor.replace("\"0.", "\"fc1.").replace("\"2.", "\"fc2."));
    BTreeMap::from([
        (
            "wide",
            changed(
                &[
                    (
                        0,
                        r#""0.weight":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}"#,
                    ),
                    (
                        1,
                        r#""0.bias":{"dtype":"F32","shape":[4],"data_offsets":[32,48]}"#,
                    ),
                    (
                        2,
                        r#""2.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[48,80]}"#,
                    ),
                    (
                        3,
                        r#""2.bias":{"dtype":"F32","shape":[2],"data_offsets":[80,88]}"#,
                    ),
                ],
                88,
            ),
        ),
        (
            "swapped",
            changed(
                &[
                    (
                        0,
                        r#""2.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}"#,
                    ),
                    (
                        1,
                        r#""2.bias":{"dtype":"F32","shape":[3],"data_offsets":[24,36]}"#,
                    ),
                    (
                        2,
                        r#""0.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[36,60]}"#,
                    ),
                    (
                        3,
                        r#""0.bias":{"dtype":"F32","shape":[2],"data_offsets":[60,68]}"#,
                    ),
                ],
                68,
            ),
        ),
        (
            "classes",
            file(
                &[&[r#""__metadata__":{"classes":"No,Yes"}"#], &GOOD[..]].concat(),
                68,
            ),
        ),
        ("missing", file(&GOOD[..3], 60)),
        (
            "extra",
            file(
                &[
                    &GOOD[..],
                    &[r#""4.bias":{"dtype":"F32","shape":[1],"data_offsets":[68,72]}"#],
                ]
                .concat(),
                72,
            ),
        ),
        (
            "f64",
            changed(
                &[(
                    3,
                    r#""2.bias":{"dtype":"F64","shape":[2],"data_offsets":[60,76]}"#,
                )],
                76,
            ),
        ),
        (
            "i32",
            changed(
                &[(
                    3,
                    r#""2.bias":{"dtype":"I32","shape":[2],"data_offsets":[60,68]}"#,
                )],
                68,
            ),
        ),
        ("truncated", good[..good.len() - 1].to_vec()),
        ("garbage", b"This is no weights file.\n".to_vec()),
        (
            "no_json",
            with_header(&format!("{{{}}}", GOOD.join(";")), 68),
        ),
        (
            "out_of_range",
            changed(
                &[(
                    3,
                    r#""2.bias":{"dtype":"F32","shape":[2],"data_offsets":[600,608]}"#,
                )],
                68,
            ),
        ),
        (
            "overlapping",
            changed(
                &[(
                    2,
                    r#""2.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[32,56]}"#,
                )],
                68,
            ),
        ),
        ("named", file(&named.each_ref().map(String::as_str), 68)),
        ("eight_bit", file(&EIGHT_BIT, 62)),
        ("good", good),
    ])
}

fn path(name: &str) -> PathBuf {
    ui().join("files").join(format!("{name}.safetensors"))
}

#[test]
fn the_files_are_as_made() {
    let files = files();
    if is_blessing() {
        for (name, bytes) in &files {
            fs::write(path(name), bytes).unwrap();
        }
    }
    for (name, bytes) in &files {
        let found = fs::read(path(name)).unwrap();
        assert!(found == *bytes, "files/{name}.safetensors");
    }
    let found = fs::read_dir(ui().join("files")).unwrap().count();
    assert_eq!(found, files.len());
}

/// The words that `fail/frozen_NAME.rs` promises after the path of `file`.
fn words(case: &str, file: &str) -> String {
    let source = &cases("fail")[&format!("frozen_{case}")];
    let words = promised_words(case, source);
    let path = format!("weights file `../files/{file}.safetensors`: ");
    words.strip_prefix(&path).unwrap().to_owned()
}

#[cfg(feature = "train")]
fn assert_refused(loaded: tuplenet::Result<Weights<Net>>, words: &str) {
    let error = loaded.unwrap_err();
    assert!(matches!(error, tuplenet::Error::WeightsFile { .. }));
    let found = error.to_string();
    assert!(found.contains(words), "{found}, not {words}");
}

#[test]
fn loaders_say_what_the_compiler_says() {
    let files = files();
    for (name, bytes) in &files {
        // a network without names takes a file with names; an eight-bit model has tests of its own
        if ["good", "named", "classes", "eight_bit"].contains(name) {
            continue;
        }
        let words = words(name, name);
        let mismatch = Frozen::<Net>::from_bytes(bytes).unwrap_err();
        assert_eq!(mismatch.to_string(), words, "{name}");
        #[cfg(feature = "train")]
        assert_refused(Weights::<Net>::load(path(name)), &words);
    }
    let named = &files["named"];
    for (case, names) in [
        ("names_too_many", &["fc1", "fc2", "fc3"][..]),
        ("names_twice", &["fc1", "fc1"]),
        ("names_not_there", &["fc1", "fc3"]),
    ] {
        let words = words(case, "named");
        let mismatch = Frozen::<Net>::from_bytes_named(named, names).unwrap_err();
        assert_eq!(mismatch.to_string(), words, "{case}");
        #[cfg(feature = "train")]
        assert_refused(Weights::<Net>::load_named(path("named"), names), &words);
    }
    tuplenet::classes! {
        enum Weather {
            No,
            Sun,
        }
    }
    type Named = (Linear<2, 3>, ReLU, Linear<3, 2>, Logits<Weather>);
    let mismatch = Frozen::<Named>::from_bytes(&files["classes"]).unwrap_err();
    assert_eq!(mismatch.to_string(), words("classes", "classes"));
    for unnamed in ["good", "classes"] {
        assert!(Frozen::<Net>::from_bytes(&files[unnamed]).is_ok());
    }
    assert!(Frozen::<Net>::from_bytes_named(named, &["fc1", "fc2"]).is_ok());
}
