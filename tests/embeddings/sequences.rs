//! Embeddings of sequences, whose vectors are images of one row, on every engine.

use tuplenet::prelude::*;

use super::{
    Texts, has_the_right_gradient, predicts_the_same_everywhere, reading_changes_nothing,
    trains_as_the_tape_does,
};
use crate::engines::{OnFused, OnTape, Tested};

/// 19 channels are more than a block, 23 positions more than the samples side by side.
type Convolution = (
    Texts<23>,
    (Embedding<40, 19>, Dropout<0>, Conv1d<19, 5, 3, 2, 1>, Tanh),
    (MaxPool1d<3>, Conv1d<5, 6, 2, 1, 0, 1>, BatchNorm1d<6>, ReLU),
    Flatten,
    LazyLinear<3>,
);
/// Kernels of several widths side by side, as in the paper.
type Kim = (
    Texts<9>,
    Embedding<40, 6>,
    Concat<(
        (Conv1d<6, 4, 2>, ReLU, GlobalMaxPool2d),
        (Conv1d<6, 17, 3>, Tanh, GlobalMaxPool2d),
        (BatchNorm1d<6>, Conv1d<6, 3, 5, 1, 2>, GlobalAvgPool2d),
    )>,
    Linear<24, 3>,
);
/// Each position by itself.
type Flattened = (Texts<5>, Embedding<40, 20>, Flatten, LazyLinear<3>);
/// An activation of an embedding, and a derivative that is stored.
type Activated = (
    Texts<5>,
    Embedding<40, 3>,
    ReLU,
    (Residual<(Conv1d<3, 3, 3, 1, 1>, SiLU)>, Floor<AvgPool1d<2>>),
    Flatten,
    LazyLinear<3>,
);
/// Two tables of the same tokens, and the mean of the words beside them.
type Tables = (
    Texts<6>,
    Concat<(
        (
            Concat<(Embedding<40, 3>, Embedding<40, 2>)>,
            GlobalMaxPool2d,
        ),
        EmbeddingBag<40, 5>,
    )>,
    Linear<10, 3>,
);

#[test]
fn gradients_are_those_of_finite_differences() {
    fn on<T: Tested>() {
        has_the_right_gradient::<T, Convolution>();
        has_the_right_gradient::<T, Kim>();
        has_the_right_gradient::<T, Flattened>();
        has_the_right_gradient::<T, Activated>();
        has_the_right_gradient::<T, Tables>();
    }
    on::<OnTape>();
    on::<OnFused>();
}

#[test]
fn every_optimizer_trains_as_on_the_tape() {
    trains_as_the_tape_does::<Kim>();
    trains_as_the_tape_does::<Flattened>();
    trains_as_the_tape_does::<Tables>();
}

#[test]
fn predictions_are_the_same_everywhere() {
    predicts_the_same_everywhere::<Convolution>();
    predicts_the_same_everywhere::<Kim>();
    predicts_the_same_everywhere::<Flattened>();
    predicts_the_same_everywhere::<Activated>();
    predicts_the_same_everywhere::<Tables>();
}

#[test]
fn reading_weights_between_steps_changes_nothing() {
    reading_changes_nothing::<Kim>();
}
