//! Networks too wide for the stack: `Fused` still predicts, a frozen model returns an error.

use tuplenet::{prelude::*, shape::Features};

/// The logits of one layer, `W x + b` in `f64`.
fn layer(weights: &[f32], inputs: &[f64], outputs: usize) -> Vec<f64> {
    let (weight, bias) = weights.split_at(inputs.len() * outputs);
    let rows = weight.chunks_exact(inputs.len()).zip(bias);
    rows.map(|(row, &bias)| {
        let products = row.iter().zip(inputs).map(|(&w, x)| f64::from(w) * x);
        f64::from(bias) + products.sum::<f64>()
    })
    .collect()
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (at, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(error < 1e-5, "logit {at}: {found} against {expected}");
    }
}

/// The logits of `(Linear<16, O>,)`, by a prediction and by a batch.
fn one_layer<const O: usize>()
where
    (Linear<16, O>,): Network<In = Features<16>, Output = Features<O>>,
{
    let weights = Weights::<(Linear<16, O>,)>::init(3);
    let sample: [f32; 16] = std::array::from_fn(|i| i as f32 / 8.0 - 0.9);
    let expected = layer(weights.as_slice(), &sample.map(f64::from), O);
    let net = Fused::<(Linear<16, O>,)>::new(weights).unwrap();
    assert_close(&net.predict(&sample).unwrap(), &expected);
    assert_close(&net.forward(&sample).unwrap(), &expected);
}

/// On a thread with a main thread's stack: tests are compiled without optimisation, so the logits, an array of 256 kB,
/// are copied whenever they are moved.
#[test]
fn fused_predicts_at_the_width_limit_and_above() {
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    let test = || {
        one_layer::<65535>();
        one_layer::<65536>();
        one_layer::<65537>();
    };
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn fused_predicts_with_a_hidden_layer_above_the_width_limit() {
    type Net = (Linear<2, 65537>, ReLU, Linear<65537, 3>);
    let weights = Weights::<Net>::init(4);
    let (first, second) = weights.as_slice().split_at(3 * 65537);
    let sample = [0.5, -0.7];
    let hidden = layer(first, &sample.map(f64::from), 65537);
    let hidden: Vec<f64> = hidden.iter().map(|x| x.max(0.0)).collect();
    let expected = layer(second, &hidden, 3);
    let net = Fused::<Net>::new(weights).unwrap();
    assert_close(&net.predict(&sample).unwrap(), &expected);
}

/// The weights match, so only the width is rejected.
#[test]
fn a_frozen_model_at_the_width_limit_runs_and_a_wider_one_is_an_error() {
    let file = |save: &dyn Fn(&std::path::Path)| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.safetensors");
        save(&path);
        std::fs::read(path).unwrap()
    };
    type Edge = (Linear<3, 65536>,);
    let weights = Weights::<Edge>::init(5);
    let sample = [0.5, -0.7, 0.1];
    let expected = layer(weights.as_slice(), &sample.map(f64::from), 65536);
    let edge = file(&|path| weights.save(path).unwrap());
    let frozen = Frozen::<Edge>::from_bytes(&edge).unwrap();
    assert_close(&frozen.predict(&sample), &expected);

    type Wider = (Linear<3, 65537>,);
    let wider = file(&|path| Weights::<Wider>::init(5).save(path).unwrap());
    let words = "`network`: expected layers at most 65536 wide, as activations are on the stack, \
                 found a width of 65537";
    let mismatch = Frozen::<Wider>::from_bytes(&wider).unwrap_err();
    assert_eq!(mismatch.to_string(), words);
    let mismatch = Frozen::<Wider>::from_bytes_named(&wider, &["0"]).unwrap_err();
    assert_eq!(mismatch.to_string(), words);
}
