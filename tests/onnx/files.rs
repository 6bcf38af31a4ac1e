//! Files are written as those of weights are.

use std::fs;

use tuplenet::{Error, prelude::*};

type Net = (Linear<4, 3>, ReLU, Linear<3, 2>);

#[test]
fn a_file_has_the_bytes_and_replaces_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    fs::write(&path, "earlier").unwrap();
    let weights = Weights::<Net>::init(1);
    weights.save_onnx(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), weights.to_onnx().unwrap());
    let files = fs::read_dir(folder.path()).unwrap();
    assert_eq!(files.count(), 1, "a temporary file is left");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/net.onnx");
    let error = Weights::<Net>::init(1).save_onnx(&path).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    let text = error.to_string();
    let expected = format!("{}: cannot write the weights: ", path.display());
    assert!(
        text.starts_with(&expected) && text.ends_with("name a folder that exists"),
        "{text}"
    );
}
