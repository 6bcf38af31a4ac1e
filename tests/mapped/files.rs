//! Files of data sets: written and read by others, and those that are refused, with what is wrong and where.

use std::fs;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::json;
use tuplenet::{
    Error,
    prelude::*,
    shape::{Features, Image, Tokens},
    target::{Classes, MultiLabel, Values},
};

use super::Temporary;

pub(super) type Set = Dataset<Features<2>, Classes<3>>;

/// A file with this header and these bytes after it.
fn file(header: &serde_json::Value, tensors: &[u8]) -> Vec<u8> {
    let mut json = header.to_string().into_bytes();
    json.resize(json.len().next_multiple_of(8), b' ');
    [&(json.len() as u64).to_le_bytes()[..], &json, tensors].concat()
}

fn tensor(dtype: &str, shape: &[usize], from: usize, to: usize) -> serde_json::Value {
    json!({"dtype": dtype, "shape": shape, "data_offsets": [from, to]})
}

fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Two samples of two values, with labels.
pub(super) fn right(values: &[f32; 4], labels: [u8; 2]) -> Vec<u8> {
    let header =
        json!({"features": tensor("F32", &[2, 2], 0, 16), "labels": tensor("U8", &[2], 16, 18)});
    file(&header, &[floats(values), labels.to_vec()].concat())
}

/// The error for a file, whose path is left out.
fn fault(bytes: &[u8]) -> String {
    says(bytes, |file| Set::map_safetensors(file).map(drop))
}

fn says(bytes: &[u8], map: impl FnOnce(&Temporary) -> tuplenet::Result<()>) -> String {
    let file = Temporary::with(bytes);
    let error = map(&file).unwrap_err();
    assert!(matches!(error, Error::DataFile { .. }), "{error}");
    let path = format!("{}: ", file.path.display());
    let text = error.to_string();
    text.strip_prefix(&path)
        .expect("the file's path")
        .to_owned()
}

fn is_told(text: &str, words: &[&str]) {
    assert!(words.iter().all(|it| text.contains(it)), "{text}");
}

#[test]
fn a_file_of_another_program_is_read() {
    let values = [0.5, -1.0, 2.5, f32::MAX];
    let bytes = floats(&values);
    for (dtype, labels) in [
        (Dtype::U8, vec![2, 0]),
        (Dtype::I32, vec![2, 0, 0, 0, 0, 0, 0, 0]),
        (Dtype::I64, [2, 0].map(i64::to_le_bytes).concat()),
    ] {
        let features = TensorView::new(Dtype::F32, vec![2, 1, 2], &bytes).unwrap();
        let labels = TensorView::new(dtype, vec![2], &labels).unwrap();
        let extra = TensorView::new(Dtype::F64, vec![0], &[]).unwrap();
        let tensors = [
            ("features", features),
            ("labels", labels),
            ("another", extra),
        ];
        let written = safetensors::serialize(tensors, None).unwrap();
        let file = Temporary::with(&written);
        let data = Set::map_safetensors(&file).unwrap();
        assert_eq!(
            (data.sample(0), data.sample(1)),
            (Some([0.5, -1.0]), Some([2.5, f32::MAX]))
        );
        assert_eq!([0, 1, 2].map(|at| data.label(at)), [Some(2), Some(0), None]);
    }
    let bytes = [0, 51, 255, 1];
    let header =
        json!({"features": tensor("U8", &[1, 2, 2], 0, 4), "targets": tensor("F32", &[1], 4, 8)});
    let of_bytes = Temporary::with(&file(&header, &[bytes.to_vec(), floats(&[7.5])].concat()));
    let data = Dataset::<Image<1, 2, 2>, Values<1>>::map_safetensors(&of_bytes).unwrap();
    assert_eq!(
        data.sample(0),
        Some([[[0.0, 51.0 * (1.0 / 255.0)], [1.0, 1.0 / 255.0]]])
    );
    let same = Dataset::<Image<1, 2, 2>, Values<1>>::regression(vec![0.0; 4], vec![7.5]).unwrap();
    assert_eq!(data.targets(), same.targets());
}

/// What the writer writes is read by the crate `safetensors`, and mapped again, whatever the target.
#[test]
fn a_written_file_is_read_by_others_and_mapped_again() {
    let path = Temporary::new();
    let rows = (0..5).map(Ok);
    let sample = |at: usize| ([at as f32, -0.5], at % 3);
    assert_eq!(
        Set::write_safetensors(&path, rows.clone(), sample).unwrap(),
        5
    );
    let bytes = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let features = tensors.tensor("features").unwrap();
    assert_eq!(
        (features.dtype(), features.shape()),
        (Dtype::F32, &[5, 2][..])
    );
    assert_eq!(
        features.data(),
        floats(&[0.0, -0.5, 1.0, -0.5, 2.0, -0.5, 3.0, -0.5, 4.0, -0.5])
    );
    assert_eq!(tensors.tensor("labels").unwrap().data(), [0, 1, 2, 0, 1]);
    assert_eq!(bytes.len(), 4096 + 40 + 5);
    let data = Set::map_safetensors(&path).unwrap();
    let memory = Set::from_records(0..5, sample).unwrap();
    assert_eq!(data.sha256(), memory.sha256());

    type Several<const N: usize> = Dataset<Features<2>, MultiLabel<N>>;
    fn is_mapped_again<const N: usize>() {
        let path = Temporary::new();
        let labels = |at: usize| std::array::from_fn(|label| (at * 5 + label).is_multiple_of(3));
        let sample = |at: usize| ([at as f32, 1.0], labels(at));
        Several::<N>::write_safetensors(&path, (0..7).map(Ok), sample).unwrap();
        let data = Several::<N>::map_safetensors(&path).unwrap();
        assert_eq!(
            data.sha256(),
            Several::<N>::from_records(0..7, sample).unwrap().sha256()
        );
        assert_eq!(data.labels(3), Some(labels(3)));
    }
    is_mapped_again::<1>();
    is_mapped_again::<4>();
    is_mapped_again::<11>();

    type Regression = Dataset<Features<2>, Values<2>>;
    let path = Temporary::new();
    let sample = |at: usize| ([at as f32, 1.0], [0.5, at as f32]);
    // the file is replaced, and who has mapped the earlier one keeps it
    Regression::write_safetensors(&path, (0..4).map(Ok), sample).unwrap();
    let earlier = Regression::map_safetensors(&path).unwrap();
    Regression::write_safetensors(&path, (4..6).map(Ok), sample).unwrap();
    let later = Regression::map_safetensors(&path).unwrap();
    for (data, range) in [(earlier, 0..4), (later, 4..6)] {
        assert_eq!(
            data.sha256(),
            Regression::from_records(range, sample).unwrap().sha256()
        );
    }
}

#[test]
fn what_is_no_data_set_is_not_written() {
    let path = Temporary::new();
    let refused = |written: tuplenet::Result<usize>, words: &str| {
        assert_eq!(
            written.unwrap_err().to_string(),
            format!("data set: expected {words}")
        );
        let left: Vec<_> = fs::read_dir(path.path.parent().unwrap()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    };
    let rows = |count: usize| (0..count).map(Ok);
    refused(
        Set::write_safetensors(&path, rows(2), |at| ([0.0, 1.0 / at as f32 - 1.0], 0)),
        "finite features, found inf (sample 0)",
    );
    refused(
        Set::write_safetensors(&path, rows(3), |at| ([0.0; 2], at + 1)),
        "a label below 3, found 3 (sample 2)",
    );
    refused(
        Set::write_safetensors_bytes(&path, rows(2), |at| (vec![0; 2 + at], 0)),
        "2 bytes, found 3 (sample 1)",
    );
    refused(
        Dataset::<Features<2>, Values<1>>::write_safetensors(&path, rows(2), |_| {
            ([0.0; 2], [f32::NAN])
        }),
        "finite targets, found NaN (sample 0)",
    );
    refused(
        Set::write_safetensors(&path, rows(0), |_| ([0.0; 2], 0)),
        "one sample or more, found none",
    );
    let error = Set::map_safetensors(&path).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    let nowhere = path.path.join("nowhere");
    let error = Set::write_safetensors(&nowhere, rows(1), |_| ([0.0; 2], 0)).unwrap_err();
    is_told(
        &error.to_string(),
        &["cannot write", "name a folder that exists"],
    );
}

#[test]
fn a_malformed_header_is_refused() {
    let whole = right(&[1.0; 4], [0, 2]);
    assert_eq!(
        Set::map_safetensors(Temporary::with(&whole)).unwrap().len(),
        2
    );
    is_told(
        &fault(b""),
        &["begins with its header's length in 8 bytes, found 0 bytes in all (byte 0)"],
    );
    is_told(
        &fault(&[255; 8]),
        &["a header of 18446744073709551615 bytes, found 8 bytes in all"],
    );
    is_told(
        &fault(&[[9, 0, 0, 0, 0, 0, 0, 0], *b"{\"a\": 1}"].concat()),
        &["a header of 9 bytes, found 16"],
    );
    is_told(
        &fault(&[[8, 0, 0, 0, 0, 0, 0, 0], *b"{\"a\": 1}"].concat()),
        &["a safetensors header, found", "(byte 8)"],
    );
    // a shape of another size than the tensor's, and holes
    let header =
        json!({"features": tensor("F32", &[2, 3], 0, 16), "labels": tensor("U8", &[2], 16, 18)});
    is_told(
        &fault(&file(&header, &[0; 18])),
        &["a safetensors header, found"],
    );
    let header =
        json!({"features": tensor("F32", &[2, 2], 2, 18), "labels": tensor("U8", &[2], 0, 1)});
    is_told(
        &fault(&file(&header, &[0; 18])),
        &["a safetensors header, found"],
    );
    let huge = 1_usize << 60; // bytes, the bits of which are a `u64`
    let header = json!({"features": tensor("U8", &[huge / 2, 2], 0, huge)});
    is_told(
        &fault(&file(&header, &[0; 18])),
        &["1152921504606846976 bytes of tensors after the header, found 18 bytes"],
    );
    let begin = whole.len() - 18;
    is_told(
        &fault(&whole[..whole.len() - 1]),
        &[
            "expected 18 bytes of tensors after the header, found 17 bytes",
            &format!("(byte {begin})"),
        ],
    );
    is_told(
        &fault(&[&whole[..], b"\n"].concat()),
        &["found 19 bytes", "write the file again"],
    );
}

#[test]
fn tensors_of_another_kind_are_refused() {
    let header = json!({"x": tensor("F32", &[2, 2], 0, 16), "y": tensor("U8", &[2], 16, 18)});
    is_told(
        &fault(&file(&header, &[0; 18])),
        &["a tensor `features`, found [\"x\", \"y\"]; name the tensors"],
    );
    let header =
        json!({"features": tensor("F32", &[2, 2], 0, 16), "targets": tensor("U8", &[2], 16, 18)});
    is_told(&fault(&file(&header, &[0; 18])), &["a tensor `labels`"]);
    for (dtype, size) in [("F16", 2), ("F64", 8), ("I8", 1)] {
        let end = 4 * size;
        let header = json!({"features": tensor(dtype, &[2, 2], 0, end), "labels": tensor("U8", &[2], end, end + 2)});
        let words = format!("`features` of dtype U8 or F32, found {dtype}");
        is_told(
            &fault(&file(&header, &vec![0; end + 2])),
            &[&words, "astype"],
        );
    }
    let header =
        json!({"features": tensor("U8", &[2, 2], 0, 4), "labels": tensor("F32", &[2], 4, 12)});
    is_told(
        &fault(&file(&header, &[0; 12])),
        &["`labels` of dtype U8 or I32 or I64, found F32"],
    );
    for (shape, words) in [
        (
            vec![1, 4],
            "`features` of samples of 2 features, found [1, 4]",
        ),
        (vec![4], "`features` of samples of 2 features, found [4]"),
        (
            vec![],
            "`features` of samples in the first dimension, found []",
        ),
    ] {
        let end: usize = shape.iter().product();
        let header = json!({"features": tensor("U8", &shape, 0, end), "labels": tensor("U8", &[2], end, end + 2)});
        is_told(&fault(&file(&header, &vec![0; end + 2])), &[words]);
    }
    let header =
        json!({"features": tensor("U8", &[2, 2], 0, 4), "labels": tensor("U8", &[3], 4, 7)});
    is_told(
        &fault(&file(&header, &[0; 7])),
        &["`labels` of [2], one row for each sample, found [3]"],
    );
    let header =
        json!({"features": tensor("U8", &[0, 2], 0, 0), "labels": tensor("U8", &[0], 0, 0)});
    let error = Set::map_safetensors(Temporary::with(&file(&header, &[]))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "data set: expected one sample or more, found none"
    );
    let targets =
        json!({"features": tensor("U8", &[2, 2], 0, 4), "targets": tensor("F32", &[2, 2], 4, 20)});
    let found = says(&file(&targets, &[0; 20]), |file| {
        Dataset::<Features<2>, Values<3>>::map_safetensors(file).map(drop)
    });
    is_told(
        &found,
        &["`targets` of [2, 3], one row for each sample, found [2, 2]"],
    );
}

#[test]
fn values_that_are_not_allowed_are_refused_where_they_are() {
    let begin = right(&[0.0; 4], [0; 2]).len() - 18;
    for value in [f32::NAN, f32::INFINITY] {
        let found = fault(&right(&[0.0, 1.0, 2.0, value], [0, 1]));
        let words = format!(
            "`features`: finite values, found {value} in sample 1 (byte {})",
            begin + 12
        );
        is_told(&found, &[&words]);
    }
    let found = fault(&right(&[0.0; 4], [1, 3]));
    is_told(
        &found,
        &[&format!(
            "`labels`: labels from 0 to 2, found label 3 of sample 1 (byte {})",
            begin + 17
        )],
    );
    let header =
        json!({"features": tensor("U8", &[2, 2], 0, 4), "labels": tensor("I64", &[2], 4, 20)});
    let labels = [0, -1].map(i64::to_le_bytes).concat();
    let found = fault(&file(&header, &[vec![0; 4], labels].concat()));
    is_told(&found, &["labels from 0 to 2, found label -1 of sample 1"]);

    let targets =
        json!({"features": tensor("U8", &[2, 2], 0, 4), "targets": tensor("F32", &[2], 4, 12)});
    let bytes = file(&targets, &[vec![0; 4], floats(&[1.0, f32::NAN])].concat());
    let found = says(&bytes, |file| {
        Dataset::<Features<2>, Values<1>>::map_safetensors(file).map(drop)
    });
    is_told(
        &found,
        &[
            "`targets`: finite values, found NaN in sample 1",
            &format!("(byte {})", bytes.len() - 4),
        ],
    );
    let labels =
        json!({"features": tensor("U8", &[2, 2], 0, 4), "labels": tensor("U8", &[2, 3], 4, 10)});
    let bytes = file(&labels, &[0, 0, 0, 0, 0, 1, 0, 1, 1, 2]);
    let found = says(&bytes, |file| {
        Dataset::<Features<2>, MultiLabel<3>>::map_safetensors(file).map(drop)
    });
    is_told(
        &found,
        &["`labels`: labels of 0 and 1, found 2 of sample 1"],
    );

    // a token that is none
    type Texts = Dataset<Tokens<2, 5>, Classes<3>>;
    let text = Temporary::with(&right(&[0.0, 4.0, 1.0, 2.0], [0, 1]));
    assert!(Texts::map_safetensors(&text).is_ok());
    let text = Temporary::with(&right(&[0.0, 4.0, 1.0, 5.0], [0, 1]));
    let error = Texts::map_safetensors(&text).unwrap_err().to_string();
    assert_eq!(
        error,
        "data set: expected a token, an integer below 5, found 5 (sample 1)"
    );
}

/// Values that follow another tensor, of an odd number of bytes.
#[test]
fn values_that_are_not_aligned_are_refused() {
    let header =
        json!({"labels": tensor("U8", &[2], 0, 2), "features": tensor("F32", &[2, 2], 2, 18)});
    let bytes = file(&header, &[vec![0; 2], floats(&[0.5; 4])].concat());
    let words = format!(
        "values from a multiple of 4 bytes on, found 16 bytes from {} on",
        bytes.len() - 16
    );
    is_told(&fault(&bytes), &[&words, "add spaces to the header's end"]);
    // targets are copied, so they may begin anywhere
    let header =
        json!({"features": tensor("U8", &[1, 2], 0, 2), "targets": tensor("F32", &[1], 2, 6)});
    let file = Temporary::with(&file(&header, &[vec![0; 2], floats(&[0.5])].concat()));
    Dataset::<Features<2>, Values<1>>::map_safetensors(&file).unwrap();
}

/// A program that asks for its lock before it writes is waited for, and waits for who reads.
#[cfg(unix)]
#[test]
fn a_file_that_is_locked_by_its_writer_is_refused() {
    let file = Temporary::with(&right(&[0.0; 4], [0; 2]));
    let writer = fs::File::options().write(true).open(&file).unwrap();
    writer.lock().unwrap();
    let error = Set::map_safetensors(&file).unwrap_err().to_string();
    is_told(
        &error,
        &["a file that nothing writes, found one that is locked by its writer"],
    );
    writer.unlock().unwrap();
    let data = Set::map_safetensors(&file).unwrap();
    let clone = data.clone();
    drop(data);
    assert!(writer.try_lock().is_err());
    drop(clone);
    writer.try_lock().unwrap();
}

#[test]
fn an_idx_file_that_cannot_be_mapped_is_refused() {
    let of = |kind: u8, count: u8, bytes: &[u8]| {
        [&[0, 0, kind, 2, 0, 0, 0, count, 0, 0, 0, 2][..], bytes].concat()
    };
    let labels = Temporary::with(&[0, 0, 8, 1, 0, 0, 0, 2, 2, 0]);
    let fault = |features: &[u8]| says(features, |file| Set::map_idx(file, &labels).map(drop));
    Set::map_idx(Temporary::with(&of(8, 2, &[0; 4])), &labels).unwrap();
    is_told(
        &fault(&of(8, 2, &[0; 3])),
        &["2 x 2 values of type u8 after the header, found 3 bytes (byte 12)"],
    );
    is_told(&fault(&of(8, 2, &[0; 5])), &["found 5 bytes"]);
    is_told(
        &fault(&of(8, 3, &[0; 6])),
        &["2 samples, as many as there are labels, found 3"],
    );
    is_told(
        &fault(&of(13, 2, &[0; 16])),
        &[
            "values of type u8, found f32 of big-endian byte order (byte 2)",
            "from_idx",
        ],
    );
    is_told(
        &fault(&[0x1f, 0x8b, 8]),
        &["a raw idx file, found a gzip file", "gunzip"],
    );
    is_told(&fault(&[0, 0, 8]), &["a header of 4 bytes, found 3 bytes"]);
    is_told(&fault(&of(8, 2, &[0; 4])[..11]), &["a header of 12 bytes"]);
}
