//! SiLU, ELU and Hardswish and their derivatives, value by value: near 0, at kinks, far out and at infinity;
//! `tests/reference/derivatives.py` generates the file.

use std::fs;

use safetensors::SafeTensors;
use tuplenet::{prelude::*, shape::Features, target::Values};

use super::{floats, reference};
use crate::parity::processors;

type One<A> = (Linear<1, 1>, A);

/// `y = f(1 x + 0)` of an engine: of single samples, and of a batch.
fn values<A>(net: &impl Engine<One<A>>, x: &[f32]) -> [Vec<f32>; 2]
where
    One<A>: Network<In = Features<1>, Output = Features<1>>,
{
    let singles = x.iter().flat_map(|&x| net.predict(&[x]).unwrap());
    [singles.collect(), net.forward(x).unwrap()]
}

/// The derivatives of `Fused` at `x`, from the gradient of the bias, `2 (y - target) f'(x)`.
fn derivatives<A>(net: &Fused<One<A>>, x: &[f32]) -> Vec<f32>
where
    One<A>: Network<In = Features<1>, Output = Features<1>>,
{
    let y = net.forward(x).unwrap();
    let targets: Vec<f32> = y.iter().map(|y| y - (y.abs() / 4.0).max(0.5)).collect();
    let data = Dataset::<Features<1>, Values<1>>::regression(x.to_vec(), targets.clone());
    let data = net.upload(&data.unwrap()).unwrap();
    let of_sample = |at: usize| {
        let loss = Loss::MeanSquaredError;
        let (_, gradient) = net.gradient(&data, &[at as u32], loss).unwrap();
        gradient.as_slice()[1] / (2.0 * (y[at] - targets[at]))
    };
    (0..x.len()).map(of_sample).collect()
}

fn assert_values(x: &[f32], found: &[f32], expected: &[f32], what: &str) {
    assert_eq!((x.len(), found.len()), (expected.len(), expected.len()));
    for ((x, a), b) in x.iter().zip(found).zip(expected) {
        // `Fused` computes exp(x) as 0 below -87, and SiLU is -1e-36 there.
        let close = (a - b).abs() <= 6e-7 * b.abs() + 1e-36;
        assert!(
            a == b || a.is_nan() && b.is_nan() || close,
            "{what} at {x:e}: {a:e} against {b:e}"
        );
    }
}

fn check<A>(name: &str)
where
    One<A>: Network<In = Features<1>, Output = Features<1>>,
{
    let bytes = fs::read(reference("derivatives.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let x = floats(&file, "x");
    let [y, slopes] = ["y", "derivative"].map(|of| floats(&file, &format!("{name}.{of}")));
    let weights = Weights::<One<A>>::from_slice(&[1.0, 0.0]).unwrap();
    let finite = |values: &[f32]| -> Vec<f32> {
        let pairs = values.iter().zip(&x).filter(|(_, x)| x.is_finite());
        pairs.map(|(value, _)| *value).collect()
    };
    let (finite_x, slopes) = (finite(&x), finite(&slopes));
    assert!(slopes.iter().all(|slope| slope.is_finite()));

    let assert_slopes = |found: &[f32], rounding: f32, what: &str| {
        for ((x, a), b) in finite_x.iter().zip(found).zip(&slopes) {
            assert!(
                (a - b).abs() <= rounding,
                "{what} at {x:e}: {a:e} against {b:e}"
            );
        }
    };
    let tape = Tape::new(weights.clone()).unwrap();
    let what = format!("{name}, tape");
    for found in values(&tape, &x) {
        assert_values(&x, &found, &y, &what);
    }
    // 1 - sigmoid(x) is a multiple of 6e-8, and is multiplied by x: 17 is the largest whose sigmoid is not yet 1.
    let of_tape = finite_x
        .iter()
        .flat_map(|&x| tape.saliency(&[x], 0).unwrap());
    assert_slopes(&of_tape.collect::<Vec<f32>>(), 1e-6, &what);
    for processor in processors() {
        let what = format!("{name}, {processor:?}");
        let fused = Fused::on(processor, weights.clone()).unwrap();
        for found in values(&fused, &x) {
            assert_values(&x, &found, &y, &what);
        }
        assert_slopes(&derivatives(&fused, &finite_x), 2.4e-7, &what);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    weights.save(&path).unwrap();
    let bytes = fs::read(path).unwrap();
    let frozen = Frozen::<One<A>>::from_bytes(&bytes).unwrap();
    let found: Vec<f32> = x.iter().flat_map(|&x| frozen.predict(&[x])).collect();
    assert_values(&x, &found, &y, &format!("{name}, frozen"));
}

#[test]
fn silu_and_its_derivative_are_pytorchs() {
    check::<SiLU>("silu");
}

#[test]
fn elu_and_its_derivative_are_pytorchs() {
    check::<ELU>("elu");
    check::<ELU<50>>("elu50");
}

#[test]
fn hardswish_and_its_derivative_are_pytorchs() {
    check::<Hardswish>("hardswish");
}
