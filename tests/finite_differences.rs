//! Gradients of every layer kind against central differences of a plain forward pass in `f64`.

use tuplenet::{
    Plan,
    data::Targets,
    prelude::*,
    shape::Features,
    target::{Classes, Values},
};
use tuplenet_textbook::logits_of_batch;

use crate::{
    engines::{Tested, losses as all_losses, on_every_engine},
    losses::{self, one_hot},
};

/// The mean loss of a batch, computed from the plan in `f64` with textbook formulas.
pub(crate) fn mean_loss(
    plan: &Plan,
    weights: &[f64],
    samples: &[Vec<f64>],
    labels: &[u8],
    loss: &Loss,
) -> f64 {
    let outputs = logits_of_batch(plan, weights, samples);
    let targets = one_hot(labels, outputs[0].len());
    losses::mean_loss(loss, &outputs, &targets)
}

/// Compares every entry of the engine's gradient with `(L(w + h) - L(w - h)) / 2h`.
fn check<T: Tested, N: Network<In = Features<5>, Output = Features<3>>>(loss: Loss) {
    let mut x = 0.37f64;
    let mut next = || {
        x = (x * 997.0 + 0.123).fract();
        x * 4.0 - 2.0
    };
    let features: Vec<f32> = (0..7 * 5).map(|_| next() as f32).collect();
    let data = Dataset::<Features<5>, Classes<3>>::from_values(
        features.clone(),
        vec![0, 1, 2, 1, 0, 2, 2],
    )
    .unwrap();
    let Targets::Labels(labels) = data.targets() else {
        panic!("made with labels")
    };
    let samples: Vec<Vec<f64>> = features
        .chunks(5)
        .map(|row| row.iter().map(|&v| f64::from(v)).collect())
        .collect();

    let weights = Weights::<N>::init(11);
    let net = T::new::<N>(weights.clone());
    let uploaded = net.upload(&data).unwrap();
    let (value, gradient) = T::gradient(&net, &uploaded, &[0, 1, 2, 3, 4, 5, 6], loss.clone());

    let mut w: Vec<f64> = weights.as_slice().iter().map(|&v| f64::from(v)).collect();
    let expected = mean_loss(&N::PLAN, &w, &samples, labels, &loss);
    assert!(
        (f64::from(value) - expected).abs() < 1e-6 * expected.max(1.0),
        "{value} against {expected}"
    );
    let largest = gradient
        .as_slice()
        .iter()
        .fold(0f32, |a, &b| a.max(b.abs()));
    assert!(largest > 1e-3, "a gradient to speak of");
    for i in 0..w.len() {
        let (at, h) = (w[i], 1e-6);
        w[i] = at + h;
        let above = mean_loss(&N::PLAN, &w, &samples, labels, &loss);
        w[i] = at - h;
        let below = mean_loss(&N::PLAN, &w, &samples, labels, &loss);
        w[i] = at;
        let slope = (above - below) / (2.0 * h);
        let found = f64::from(gradient.as_slice()[i]);
        // f32 carries 7 digits; sums of some tens of terms lose one or two of them.
        let tolerance = 1e-5 * f64::from(largest);
        let name = std::any::type_name::<N>();
        assert!(
            (found - slope).abs() < tolerance,
            "{name}, parameter {i}: {found} against {slope}"
        );
    }
}

macro_rules! gradients {
    ($($test:ident: $layer:ty;)*) => {
        $(
            fn $test<T: Tested>() {
                type Net = (Linear<5, 6>, $layer, Linear<6, 4>, $layer, Linear<4, 3>);
                for loss in all_losses(3) {
                    check::<T, Net>(loss);
                }
            }
        )*

        on_every_engine! {
            $($test)*
            layer_normalisation
            prelu_of_channels
            the_slope_of_prelu_is_taken_at_0
            an_infinite_value_leaves_the_slope_of_prelu
            softplus_of_large_inputs_is_linear_with_a_finite_gradient
        }
    };
}
gradients! {
    relu: ReLU;
    sigmoid: Sigmoid;
    tanh: Tanh;
    leaky_relu: LeakyReLU<10>;
    gelu: GELU;
    softplus: Softplus;
    silu: SiLU;
    elu: ELU;
    elu_with_half_the_depth: ELU<50>;
    hardswish: Hardswish;
    prelu: PReLU;
    dropout_is_off_outside_training: Dropout<50>;
}

fn layer_normalisation<T: Tested>() {
    type Net = (
        LayerNorm<5>,
        Linear<5, 18>,
        LayerNorm<18>,
        Sigmoid,
        Linear<18, 3>,
        LayerNorm<3>,
    );
    for loss in all_losses(3) {
        check::<T, Net>(loss);
    }
}

fn prelu_of_channels<T: Tested>() {
    type Net = (
        Input<5>,
        ChannelPReLU<5>,
        Linear<5, 18>,
        ChannelPReLU<18>,
        Linear<18, 3>,
        ChannelPReLU<3>,
    );
    for loss in all_losses(3) {
        check::<T, Net>(loss);
    }
}

/// As in PyTorch: the derivative at 0 is the slope, and 0 has no part in the slope's own gradient.
fn the_slope_of_prelu_is_taken_at_0<T: Tested>() {
    type Net = (Linear<1, 1>, PReLU);
    let net = T::new::<Net>(Weights::from_slice(&[1.0, 0.0, 0.3]).unwrap());
    for (x, expected) in [
        // 2 (y - 1), with y = x for x > 0, else 0.3 x; times x, 1 and what is not above 0
        (0.0, [0.0, -2.0 * 0.3, 0.0]),
        (-0.0, [0.0, -2.0 * 0.3, 0.0]),
        (0.5, [-0.5, -1.0, 0.0]),
        (-1.0, [2.6 * 0.3, -2.6 * 0.3, 2.6]),
    ] {
        let data = Dataset::<Features<1>, Values<1>>::regression(vec![x], vec![1.0]).unwrap();
        let uploaded = net.upload(&data).unwrap();
        let (_, gradient) = T::gradient(&net, &uploaded, &[0], Loss::MeanSquaredError);
        for (found, expected) in gradient.as_slice().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{x}: {gradient:?}");
        }
    }
}

/// As in PyTorch: what is above 0 has no part in the slope's gradient, even if it is infinite.
fn an_infinite_value_leaves_the_slope_of_prelu<T: Tested>() {
    type Net = (Linear<1, 1>, PReLU);
    let net = T::new::<Net>(Weights::from_slice(&[f32::INFINITY, 0.0, 0.3]).unwrap());
    for (x, is_finite) in [(1.0, true), (-1.0, false)] {
        let data = Dataset::<Features<1>, Values<1>>::regression(vec![x], vec![1.0]).unwrap();
        let uploaded = net.upload(&data).unwrap();
        let (_, gradient) = T::gradient(&net, &uploaded, &[0], Loss::MeanSquaredError);
        assert_eq!(
            gradient.as_slice()[2].is_finite(),
            is_finite,
            "{gradient:?}"
        );
    }
}

fn softplus_of_large_inputs_is_linear_with_a_finite_gradient<T: Tested>() {
    type Net = (Input<2>, Softplus);
    let net = T::new::<Net>(Weights::init(0));
    assert_eq!(net.predict(&[500.0, -500.0]).unwrap(), [500.0, 0.0]);
}
