//! Files and weights that are refused, and bytes that were changed.

use std::{fs, path::Path};

use tuplenet::{
    prelude::*,
    quantized::{Quantized, Quantizer},
    shape::Features,
    target::Values,
};

type Net = (Standardize<4>, Linear<4, 3>, Tanh, Linear<3, 2>);

fn data() -> Dataset<Features<4>, Values<2>> {
    let values = (0..40).map(|i| (i * 7 % 11) as f32 / 5.0 - 1.0).collect();
    Dataset::regression(values, vec![0.0; 20]).unwrap()
}

/// The file of a model of [`Net`].
fn good() -> Vec<u8> {
    let data = data();
    let mut weights = Weights::<Net>::init(3);
    weights.adapt(&data).unwrap();
    let file = Quantizer::new(&weights).calibrate(&data).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    file.save(&path).unwrap();
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes, file.to_bytes().unwrap());
    bytes
}

fn refused<N: Network>(file: &[u8], words: &str) {
    let mismatch = Quantized::<N>::from_bytes(file).unwrap_err();
    assert_eq!(mismatch.to_string(), words);
}

/// The file with a part of its header replaced by one of the same length.
fn changed(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut file = good();
    let at = file
        .windows(from.len())
        .position(|part| part == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("no {from}"));
    file[at..at + to.len()].copy_from_slice(to.as_bytes());
    file
}

#[test]
fn tensors_have_names_types_and_shapes() {
    let file = good();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let mut found: Vec<String> = tensors
        .iter()
        .map(|(name, tensor)| format!("{name} {:?} {:?}", tensor.dtype(), tensor.shape()))
        .collect();
    found.sort();
    let expected = [
        "0.mean F32 [4]",
        "0.std F32 [4]",
        "1.bias I32 [3]",
        "1.scale F32 []",
        "1.weight I8 [3, 4]",
        "1.weight_scale F32 [3]",
        "1.zero_point U8 []",
        "2.scale F32 []",
        "2.table U8 [256]",
        "2.zero_point U8 []",
        "3.bias I32 [2]",
        "3.weight I8 [2, 3]",
        "3.weight_scale F32 [2]",
        "input.scale F32 []",
        "input.zero_point U8 []",
    ];
    assert_eq!(found, expected);
}

#[test]
fn files_of_other_networks_are_refused() {
    let file = good();
    type Wider = (Standardize<4>, Linear<4, 5>, Tanh, Linear<5, 2>);
    refused::<Wider>(&file, "`1.weight`: expected I8 [5, 4], found I8 [3, 4]");
    type Fused = (Standardize<4>, Linear<4, 3>, ReLU, Linear<3, 2>);
    refused::<Fused>(
        &file,
        "`2.scale`: expected only the network's 12 tensors, found one more",
    );
    type Longer = (Standardize<4>, Linear<4, 3>, Tanh, Linear<3, 2>, Sigmoid);
    let mismatch = Quantized::<Longer>::from_bytes(&file).unwrap_err();
    assert_eq!(mismatch.tensor(), "3.scale");
    assert_eq!(mismatch.expected(), "F32 []");
}

#[test]
fn damaged_files_are_refused() {
    refused::<Net>(
        &changed(r#""I8","shape":[3,4]"#, r#""U8","shape":[3,4]"#),
        "`1.weight`: expected I8 [3, 4], found U8 [3, 4]",
    );
    let file = good();
    let mismatch = Quantized::<Net>::from_bytes(&file[..file.len() - 1]).unwrap_err();
    assert!(
        mismatch.expected().starts_with("bytes within the "),
        "{mismatch}"
    );
    let longer = [&file[..], &[0]].concat();
    let mismatch = Quantized::<Net>::from_bytes(&longer).unwrap_err();
    assert!(
        mismatch
            .expected()
            .ends_with(" bytes of tensors, as many as the shapes take"),
        "{mismatch}"
    );
    refused::<Net>(
        b"abc",
        "`header`: expected a safetensors file, found 3 bytes",
    );
    let weights = Weights::<(Linear<4, 2>,)>::init(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f32.safetensors");
    weights.save(&path).unwrap();
    refused::<(Linear<4, 2>,)>(
        &fs::read(path).unwrap(),
        "`input.scale`: expected F32 [], found no tensor of this name; the file has `0.bias`, `0.weight`",
    );
}

#[test]
fn weights_and_samples_without_an_eight_bit_form_are_refused() {
    let data = data();
    let says = |weights: &Weights<Net>, words: &str| {
        let error = Quantizer::new(weights).calibrate(&data).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    };
    says(
        &Weights::init(1),
        "expected the statistics of `Standardize`",
    );
    let mut weights = Weights::init(1);
    weights.adapt(&data).unwrap();
    let last = weights.as_slice().len() - 1;
    weights.as_mut_slice()[last] = f32::NAN;
    says(&weights, "expected finite values, found one in `3.bias`");
    weights.as_mut_slice()[last] = f32::MAX;
    weights.as_mut_slice()[last - 2] = f32::MAX;
    weights.as_mut_slice()[last - 3] = f32::MAX;
    says(
        &weights,
        "expected samples that lead to finite values, found inf (sample ",
    );
}

/// Kernels have no room for a weight of -128, and a scale is above 0.
#[test]
fn values_out_of_range_are_refused() {
    type Net = (Linear<21, 2>, Tanh);
    let data = Dataset::<Features<21>, Values<2>>::regression(vec![1.0; 21], vec![0.0; 2]).unwrap();
    let file = Quantizer::new(&Weights::<Net>::init(1))
        .calibrate(&data)
        .unwrap();
    let file = file.to_bytes().unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let with = |name: &str, at: usize, bytes: &[u8]| {
        let data = tensors.tensor(name).unwrap().data();
        let start = data.as_ptr() as usize - file.as_ptr() as usize + at;
        let mut changed = file.clone();
        changed[start..start + bytes.len()].copy_from_slice(bytes);
        changed
    };
    for at in 0..42 {
        let words = format!(
            "`0.weight`: expected weights from -127 to 127, found another value at index {at}"
        );
        refused::<Net>(&with("0.weight", at, &[0x80]), &words);
        assert!(Quantized::<Net>::from_bytes(&with("0.weight", at, &[0x81])).is_ok());
    }
    for value in [0.0_f32, -1.0, f32::NAN, f32::INFINITY] {
        let words = "`0.weight_scale`: expected scales that are finite and above 0, \
            found another value at index 1";
        refused::<Net>(&with("0.weight_scale", 4, &value.to_le_bytes()), words);
        let words = words
            .replace("0.weight_scale", "1.scale")
            .replace("index 1", "index 0");
        refused::<Net>(&with("1.scale", 0, &value.to_le_bytes()), &words);
    }
}

/// The model in the documentation is what the `Quantizer` makes of the pretrained one; `EIGHT_BIT=write` writes it.
#[test]
fn the_digit_model_is_as_made() {
    type Net = (Linear<784, 32>, ReLU, Linear<32, 10>);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let weights = Weights::<Net>::load(examples.join("digits.safetensors")).unwrap();
    let digits = |range| Digits::new(1).dataset::<Features<784>>(range).unwrap();
    let file = Quantizer::new(&weights).calibrate(&digits(0..500)).unwrap();
    let path = examples.join("digits-int8.safetensors");
    if std::env::var_os("EIGHT_BIT").is_some_and(|value| value == "write") {
        file.save(&path).unwrap();
    }
    let bytes = fs::read(path).unwrap();
    assert!(bytes == file.to_bytes().unwrap(), "digits-int8.safetensors");

    let exact = Fused::<Net>::new(weights).unwrap();
    let model = Quantized::<Net>::from_bytes(&bytes).unwrap();
    let test = digits(1_000_000..1_002_000);
    let mut right = [0; 2];
    for index in 0..test.len() {
        let (sample, label) = (test.sample(index).unwrap(), test.label(index).unwrap());
        right[0] += usize::from(exact.classify(&sample).unwrap() == label);
        right[1] += usize::from(model.classify(&sample) == label);
    }
    println!("of 2,000 digits {right:?} are right");
    assert!(right[0] > 1850 && right[1] + 10 > right[0], "{right:?}");
}

/// Constant activations, weights of 0, and a bias that is large beside its weights.
#[test]
fn degenerate_ranges_are_exact() {
    type Net = (Linear<2, 2>, ReLU, Linear<2, 2>);
    let weights = [
        [1e-30, 0.0, 0.0, 0.0, 5.0, -5.0],
        [1e-20, 1.0, 0.0, 0.0, 0.25, -7.5],
    ];
    let weights = Weights::<Net>::from_slice(weights.as_flattened()).unwrap();
    let data = Dataset::<Features<2>, Values<2>>::regression(vec![0.0, 0.0], vec![0.0; 2]).unwrap();
    let file = Quantizer::new(&weights).calibrate(&data).unwrap();
    let model = Quantized::<Net>::from_bytes(&file.to_bytes().unwrap()).unwrap();
    for sample in [[0.0, 0.0], [1.0, -1.0]] {
        let [a, b] = model.predict(&sample);
        // Biases are whole multiples of scale of activation (5 / 255) times scale of weight (1 / 127): half of that is the error.
        assert!((a - 0.25).abs() < 1e-4 && (b + 7.5).abs() < 1e-6, "{a} {b}");
    }
}
