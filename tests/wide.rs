//! Networks too wide for the stack: `Fused` still predicts, a frozen model in a buffer.

use tuplenet::{frozen::Borrowed, prelude::*, shape::Features};

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

/// On a thread with a large stack: tests are compiled without optimisation, so the logits, an array of 512 kB, are copied
/// whenever they are moved.
#[test]
fn fused_predicts_at_the_width_limit_and_above() {
    let thread = std::thread::Builder::new().stack_size(16 << 20);
    let test = || {
        one_layer::<131_071>();
        one_layer::<131_072>();
        one_layer::<131_073>();
    };
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn fused_predicts_with_a_hidden_layer_above_the_width_limit() {
    type Net = (Linear<2, 131_073>, ReLU, Linear<131_073, 3>);
    let weights = Weights::<Net>::init(4);
    let (first, second) = weights.as_slice().split_at(3 * 131_073);
    let sample = [0.5, -0.7];
    let hidden = layer(first, &sample.map(f64::from), 131_073);
    let hidden: Vec<f64> = hidden.iter().map(|x| x.max(0.0)).collect();
    let expected = layer(second, &hidden, 3);
    let net = Fused::<Net>::new(weights).unwrap();
    assert_close(&net.predict(&sample).unwrap(), &expected);
}

/// The longest activations that fit the stack, and longer ones in a buffer.
#[test]
fn a_frozen_model_at_the_limit_runs_on_the_stack_and_a_wider_one_in_a_buffer() {
    fn check<const O: usize>(
        predict: impl Fn(&Frozen<(Linear<3, O>,), Borrowed<'_>>, &[f32; 3]) -> [f32; O],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.safetensors");
        let weights = Weights::<(Linear<3, O>,)>::init(5);
        weights.save(&path).unwrap();
        let file = std::fs::read(path).unwrap();
        let frozen = Frozen::<(Linear<3, O>,)>::from_bytes(&file).unwrap();
        let sample = [0.5, -0.7, 0.1];
        let expected = layer(weights.as_slice(), &sample.map(f64::from), O);
        assert_close(&predict(&frozen, &sample), &expected);
    }
    let thread = std::thread::Builder::new().stack_size(16 << 20);
    let test = || {
        check::<131_072>(|frozen, sample| frozen.predict(sample));
        check::<131_073>(|frozen, sample| {
            const LEN: usize = Frozen::<(Linear<3, 131_073>,)>::ACTIVATION_LEN;
            assert_eq!(LEN, 131_073usize.next_multiple_of(16));
            frozen.predict_in(sample, &mut Box::new([f32::NAN; LEN]))
        });
    };
    thread.spawn(test).unwrap().join().unwrap();
}
