//! Convolutions of which only the maximum of each channel is read, whose gradient `Fused` computes by itself.

use tuplenet::{prelude::*, shape::Image};

use crate::{
    embeddings::{has_the_right_gradient, predicts_the_same_everywhere, trains_as_the_tape_does},
    engines::OnFused,
};

/// A stride and a border; more channels than a block.
type Strided = (
    Image<17, 6, 8>,
    (Conv2d<17, 2, 3, 2, 1>, ReLU, GlobalMaxPool2d),
    Linear<2, 3>,
);
/// An input of more channels than registers, which has a derivative, and which another layer reads too.
type Shared = (
    Image<1, 4, 3>,
    (Conv2d<1, 66, 2>, Tanh),
    Concat<(
        (Conv2d<66, 1, 2, 1, 1>, SiLU, GlobalMaxPool2d),
        (Conv2d<66, 1, 2>, GlobalAvgPool2d),
    )>,
    Linear<2, 3>,
);

#[test]
fn gradients_are_those_of_finite_differences() {
    has_the_right_gradient::<OnFused, Strided>();
    has_the_right_gradient::<OnFused, Shared>();
}

#[test]
fn every_optimizer_trains_as_on_the_tape() {
    trains_as_the_tape_does::<Strided>();
    trains_as_the_tape_does::<Shared>();
}

#[test]
fn predictions_are_the_same_everywhere() {
    predicts_the_same_everywhere::<Strided>();
    predicts_the_same_everywhere::<Shared>();
}

/// With an infinite weight, zeros are not skipped: what is not the maximum has a gradient of NaN, as in PyTorch.
#[test]
fn zeros_are_multiplied_where_a_weight_is_not_finite() {
    type Net = (
        Image<1, 4, 4>,
        (Conv2d<1, 2, 1>, Tanh),
        (Conv2d<2, 2, 2>, GlobalMaxPool2d),
    );
    let samples = vec![0.5; 16];
    let data =
        Dataset::<Image<1, 4, 4>, tuplenet::target::Classes<2>>::from_values(samples, vec![1])
            .unwrap();
    let mut weights = Weights::<Net>::init(1);
    let at = weights.as_slice().len() - 3;
    weights.as_mut_slice()[at] = f32::INFINITY;
    let fused = Fused::new(weights.clone()).unwrap();
    let tape = Tape::new(weights).unwrap();
    let loss = Loss::CrossEntropy;
    let (_, ours) = fused
        .gradient(&fused.upload(&data).unwrap(), &[0], loss.clone())
        .unwrap();
    let (_, theirs) = tape
        .gradient(&tape.upload(&data).unwrap(), &[0], loss)
        .unwrap();
    let nan = |weights: &Weights<Net>| -> Vec<bool> {
        weights
            .as_slice()
            .iter()
            .map(|value| value.is_nan())
            .collect()
    };
    assert_eq!(nan(&ours), nan(&theirs));
}
