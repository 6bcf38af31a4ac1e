//! Approximations of functions, against series.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::operands::{Random, of_single, single};
use kernel::{check, run};

/// Powers of e by their series, after halving the argument until it is small.
fn exponential(x: f64) -> f64 {
    let halvings = 12;
    let small = x / f64::from(1 << halvings);
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..14 {
        term *= small / f64::from(n);
        sum += term;
    }
    (0..halvings).fold(sum, |power, _| power * power)
}

/// The logarithm to base 2, by the series of `ln((1 + t) / (1 - t))`.
fn logarithm(x: f64) -> f64 {
    let (mut x, mut power) = (x, 0.0);
    while x > 1.5 {
        (x, power) = (x / 2.0, power + 1.0);
    }
    while x < 0.75 {
        (x, power) = (x * 2.0, power - 1.0);
    }
    let t = (x - 1.0) / (x + 1.0);
    let terms = (0..30).map(|n| t.powi(2 * n + 1) / f64::from(2 * n + 1));
    power + 2.0 * terms.sum::<f64>() / std::f64::consts::LN_2
}

/// The sine by its series.
fn sine(x: f64) -> f64 {
    let (mut sum, mut term) = (0.0, x);
    for n in 1..30 {
        sum += term;
        term *= -x * x / f64::from(2 * n * (2 * n + 1));
    }
    sum
}

/// Compares results with the exact ones; the largest error is relative to the exact result, or absolute.
fn approximates(name: &str, inputs: &[f32], error: f64, is_absolute: bool, exact: fn(f64) -> f64) {
    let rows: Vec<_> = inputs.iter().map(|x| [single(*x), 0, 0, 0]).collect();
    let body = format!("{name}.f32 %d, %a;");
    for (x, [found]) in inputs.iter().zip(run(&body, ["f32"], &["f32"], &rows)) {
        let (found, exact) = (f64::from(of_single(found)), exact(f64::from(*x)));
        let scale = if is_absolute { 1.0 } else { exact.abs() };
        let distance = (found - exact).abs();
        assert!(
            distance <= error * scale,
            "{body} of {x}: {found}, expected {exact}"
        );
    }
}

/// The errors are at most those that the manual states.
#[test]
fn approximations() {
    let mut random = Random(31);
    let mut between = |low: f64, high: f64| -> Vec<f32> {
        let mut part = || (random.next() >> 11) as f64 / 2f64.powi(53);
        (0..500)
            .map(|_| (low + (high - low) * part()) as f32)
            .collect()
    };
    let power = |x: f64| exponential(x * std::f64::consts::LN_2);
    for name in ["ex2.approx", "ex2.approx.ftz"] {
        approximates(name, &between(-125.0, 127.0), 2f64.powi(-22), false, power);
        approximates(name, &between(-1.0, 1.0), 2f64.powi(-22), false, power);
    }
    for name in ["lg2.approx", "lg2.approx.ftz"] {
        approximates(name, &between(0.5, 2.0), 2f64.powi(-22), true, logarithm);
        approximates(name, &between(2.0, 1e30), 2f64.powi(-22), false, logarithm);
        approximates(name, &between(1e-30, 0.5), 2f64.powi(-22), false, logarithm);
    }
    let pi = std::f64::consts::PI;
    for modifier in ["", ".ftz"] {
        let name = |name: &str| format!("{name}.approx{modifier}");
        approximates(
            &name("sin"),
            &between(-pi, pi),
            2f64.powf(-20.5),
            true,
            sine,
        );
        approximates(
            &name("cos"),
            &between(-pi, pi),
            2f64.powf(-20.5),
            true,
            |x| sine(x + std::f64::consts::FRAC_PI_2),
        );
        // 1 / sqrt(x) = 2^(-log2(x) / 2)
        let inverse_root = |x| exponential(logarithm(x) / -2.0 * std::f64::consts::LN_2);
        approximates(
            &name("rsqrt"),
            &between(1e-20, 1e-3),
            2f64.powf(-22.9),
            false,
            inverse_root,
        );
        approximates(
            &name("rsqrt"),
            &between(0.1, 1e10),
            2f64.powf(-22.9),
            false,
            inverse_root,
        );
    }
    let tangent = |x: f64| {
        let power = exponential(2.0 * x);
        (power - 1.0) / (power + 1.0)
    };
    approximates(
        "tanh.approx",
        &between(-8.0, 8.0),
        2f64.powi(-11),
        false,
        tangent,
    );
    approximates(
        "rcp.approx",
        &between(0.1, 1e6),
        2f64.powi(-23),
        false,
        |x| 1.0 / x,
    );
    approximates(
        "sqrt.approx",
        &between(0.1, 1e6),
        2f64.powi(-23),
        false,
        |x| exponential(logarithm(x) / 2.0 * std::f64::consts::LN_2),
    );
}

/// As in the manual's tables of results for special operands.
#[test]
fn approximations_of_special_values() {
    let (infinity, nan) = (f32::INFINITY, f32::NAN);
    let tiny = f32::from_bits(1);
    for (name, x, expected) in [
        ("ex2.approx.ftz", -infinity, 0.0),
        ("ex2.approx.ftz", -0.0, 1.0),
        ("ex2.approx.ftz", -tiny, 1.0),
        ("ex2.approx.ftz", infinity, infinity),
        ("ex2.approx.ftz", 128.0, infinity),
        ("ex2.approx.ftz", -130.0, 0.0),
        ("ex2.approx", -130.0, f32::from_bits(1 << 19)),
        ("ex2.approx.ftz", nan, nan),
        ("lg2.approx", -infinity, nan),
        ("lg2.approx", -1.0, nan),
        ("lg2.approx", -0.0, -infinity),
        ("lg2.approx", 0.0, -infinity),
        ("lg2.approx", 1.0, 0.0),
        ("lg2.approx", tiny, -149.0),
        ("lg2.approx.ftz", tiny, -infinity),
        ("lg2.approx.ftz", -tiny, -infinity),
        ("lg2.approx", infinity, infinity),
        ("lg2.approx", nan, nan),
        ("sin.approx", -0.0, -0.0),
        ("sin.approx", 0.0, 0.0),
        ("sin.approx", infinity, nan),
        ("sin.approx.ftz", -tiny, -0.0),
        ("cos.approx", 0.0, 1.0),
        ("cos.approx", -infinity, nan),
        ("rsqrt.approx", -infinity, nan),
        ("rsqrt.approx", -1.0, nan),
        ("rsqrt.approx", -0.0, -infinity),
        ("rsqrt.approx", 0.0, infinity),
        ("rsqrt.approx", infinity, 0.0),
        ("rsqrt.approx.ftz", -tiny, -infinity),
        ("rsqrt.approx", nan, nan),
        ("tanh.approx", -infinity, -1.0),
        ("tanh.approx", infinity, 1.0),
        ("tanh.approx", -0.0, -0.0),
        ("tanh.approx", tiny, tiny),
        ("tanh.approx", nan, nan),
    ] {
        let body = format!("{name}.f32 %d, %a;");
        check(&body, "f32", &["f32"], &[[single(x), 0, 0, 0]], |_| {
            single(expected)
        });
    }
}
