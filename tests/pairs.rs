//! Networks with two inputs on every engine, as [`embeddings`](crate::embeddings) tests those with tokens.

use tuplenet::{
    layers::{Dot, Sum},
    prelude::*,
    shape::{Category, Features, Image, Pair, Tokens},
    target::{Classes, Values},
    token::Token,
};

use crate::{
    embeddings::{
        data, has_the_right_gradient, predicts_the_same_everywhere, trains_as_the_tape_does,
    },
    engines::{OnFused, OnTape, Tested},
    samples::Numbers,
};

/// The sigmoids of columns beyond the last one are not 0.
type Gates = (
    Parallel<((Linear<3, 5>, Sigmoid), (Embedding<40, 5>, Softplus)), Dot>,
    Tanh,
    Linear<1, 3>,
);
type Joined = (
    Pair<Tokens<20, 40>, Features<3>>,
    Parallel<(EmbeddingBag<40, 18>, (Tanh, Linear<3, 4>))>,
    Linear<22, 3>,
);
/// Three inputs, all of them twice; a part of a part is read as it is.
type Nested = (
    Pair<Category<30>, Pair<Features<2>, Category<40>>>,
    Concat<(
        Parallel<(
            Embedding<30, 4>,
            Parallel<(Linear<2, 4>, Embedding<40, 4>), Dot>,
        )>,
        Parallel<(Embedding<30, 3>, Parallel<(Identity, Embedding<40, 1>)>), Sum>,
    )>,
    Linear<8, 3>,
);
/// Categories of more columns than a block, before an activation.
type Hot = (
    Parallel<(OneHot<40>, (OneHot<3>, Tanh, Linear<3, 5>))>,
    Linear<45, 3>,
);
/// Matrix factorisation with a bias for each user and each film.
type Biased = (
    Residual<
        Parallel<(Embedding<30, 6>, Embedding<40, 6>), Dot>,
        Parallel<(Embedding<30, 1>, Embedding<40, 1>), Sum>,
    >,
    Linear<1, 3>,
);

/// An image and numbers, and the image as a vector beside its convolution.
type Patient = (
    Pair<Image<2, 5, 4>, Features<3>>,
    Parallel<(
        Concat<(
            (
                (BatchNorm2d<2>, Concat<(Identity, Conv2d<2, 2, 3, 1, 1>)>),
                (Conv2d<4, 3, 3>, ReLU, GlobalAvgPool2d),
            ),
            (Flatten, LazyLinear<2>),
        )>,
        (Linear<3, 18>, Tanh),
    )>,
    Linear<23, 3>,
);
/// Two images of different sizes, a text and a category.
type Four = (
    Pair<Pair<Image<1, 4, 4>, Image<1, 3, 6>>, Pair<Tokens<7, 40>, Category<30>>>,
    Parallel<(
        Parallel<
            (
                (Tanh, BatchNorm2d<1>, Conv2d<1, 4, 3>, GlobalMaxPool2d),
                (BatchNorm2d<1>, Conv2d<1, 4, 2>, SiLU, GlobalAvgPool2d),
            ),
            Sum,
        >,
        Parallel<(
            (Embedding<40, 5>, Conv1d<5, 4, 2>, ReLU, GlobalMaxPool2d),
            (Embedding<30, 4>, ReLU),
        )>,
    )>,
    Linear<12, 3>,
);
/// An image as a vector, twice, and activations of it.
type Twice = (
    Image<1, 4, 4>,
    (Conv2d<1, 2, 3>, Tanh),
    Concat<(
        (Flatten, LazyLinear<5>, ReLU),
        (Flatten, Sigmoid, LazyLinear<2>),
        (Conv2d<2, 3, 2>, Flatten, ReLU, LazyLinear<4>),
    )>,
    Residual<Linear<11, 11>>,
    Linear<11, 3>,
);

#[test]
fn gradients_are_those_of_finite_differences() {
    fn on<T: Tested>() {
        has_the_right_gradient::<T, Patient>();
        has_the_right_gradient::<T, Four>();
        has_the_right_gradient::<T, Twice>();
        has_the_right_gradient::<T, Gates>();
        has_the_right_gradient::<T, Joined>();
        has_the_right_gradient::<T, Nested>();
        has_the_right_gradient::<T, Hot>();
        has_the_right_gradient::<T, Biased>();
    }
    on::<OnTape>();
    on::<OnFused>();
}

#[test]
fn every_optimizer_trains_as_on_the_tape() {
    trains_as_the_tape_does::<Gates>();
    trains_as_the_tape_does::<Hot>();
    trains_as_the_tape_does::<Nested>();
    trains_as_the_tape_does::<Patient>();
    trains_as_the_tape_does::<Four>();
    trains_as_the_tape_does::<Twice>();
}

#[test]
fn predictions_are_the_same_everywhere() {
    predicts_the_same_everywhere::<Gates>();
    predicts_the_same_everywhere::<Joined>();
    predicts_the_same_everywhere::<Nested>();
    predicts_the_same_everywhere::<Hot>();
    predicts_the_same_everywhere::<Biased>();
    predicts_the_same_everywhere::<Patient>();
    predicts_the_same_everywhere::<Four>();
    predicts_the_same_everywhere::<Twice>();
}

/// A worker has several blocks of 16 samples, and the vectors read the first image after the batch normalisation of the
/// second, for which all blocks wait.
#[test]
fn an_image_is_kept_until_the_vectors_read_it() {
    type Net = (
        Image<1, 4, 4>,
        Concat<(
            (Conv2d<1, 3, 2>, GlobalAvgPool2d),
            (BatchNorm2d<1>, Conv2d<1, 2, 2>, GlobalAvgPool2d),
        )>,
        Linear<5, 3>,
    );
    let data = data::<Image<1, 4, 4>>(80);
    let order: Vec<u32> = (0..80).collect();
    let weights = Weights::<Net>::init(1);
    let loss = Loss::CrossEntropy;
    let tape = Tape::new(weights.clone()).unwrap();
    let uploaded = tape.upload(&data).unwrap();
    let (_, theirs) = tape.gradient(&uploaded, &order, loss.clone()).unwrap();
    let fused = Fused::new(weights).unwrap();
    let uploaded = fused.upload(&data).unwrap();
    let (_, ours) = fused.gradient(&uploaded, &order, loss).unwrap();
    for (a, b) in ours.as_slice().iter().zip(theirs.as_slice()) {
        assert!((a - b).abs() < 1e-6, "{a}, not {b}");
    }
}

/// Each table has its own name, and each input its own table.
#[test]
fn the_dot_product_is_that_of_the_rows() {
    type Net = (
        Pair<Category<9>, Category<9>>,
        Parallel<(Embedding<9, 2>, Embedding<9, 2>), Dot>,
    );
    let weights = Weights::<Net>::init(1);
    let of = |tokens: [usize; 2]| tokens.map(|token| Token::<9>::new(token).unwrap());
    let [a, b] = of([3, 8]);
    let row = |table: &str, token: usize| {
        let values = weights.tensor(table).unwrap().values;
        [values[2 * token], values[2 * token + 1]]
    };
    let (x, z) = (
        row("0.branches.0.0.weight", 3),
        row("0.branches.1.0.weight", 8),
    );
    let [found] = Fused::new(weights.clone())
        .unwrap()
        .predict(&Pair(a, b))
        .unwrap();
    assert_eq!(found, x[0] * z[0] + x[1] * z[1]);
}

/// Records of two fields, and a data set that is evaluated and trained on.
#[test]
fn ratings_are_learned() {
    type Net = (
        Residual<
            Parallel<(Embedding<6, 3>, Embedding<8, 3>), Dot>,
            Parallel<(Embedding<6, 1>, Embedding<8, 1>), Sum>,
        >,
    );
    type Ratings = Dataset<Pair<Category<6>, Category<8>>, Values<1>>;
    let pairs = (0..48).map(|at| (at / 8, at % 8));
    let data = Ratings::from_records(pairs, |(user, film)| {
        let pair = Pair(Token::new(user).unwrap(), Token::new(film).unwrap());
        (pair, [(user as f32 - 2.5) * (film as f32 - 3.5) / 4.0])
    });
    let data = data.unwrap();
    let mut net = Fused::<Net>::new(Weights::init(1)).unwrap();
    let adam = Adam {
        learning_rate: 0.02,
        ..Adam::default()
    };
    let mut trainer = Trainer::new(adam)
        .epochs(150)
        .batch(8)
        .loss(MeanSquaredError);
    trainer.fit(&mut net, &data).unwrap();
    assert!(net.evaluate(&data).unwrap().rmse() < 0.05);
}

/// A branch that standardises its input, of which the trainer computes the statistics from the samples that it trains on.
#[test]
fn a_branch_takes_raw_values() {
    type Input = Pair<Category<6>, Features<18>>;
    type Net = (
        Parallel<(Embedding<6, 3>, (Standardize<18>, ReLU, Linear<18, 5>))>,
        Linear<8, 2>,
    );
    let mut numbers = Numbers(3);
    let records = (0..50).map(|at| {
        let values =
            std::array::from_fn(|i| numbers.next() * 10f32.powi(i as i32 / 3) + 7.0 * i as f32);
        (Pair(Token::new(at % 6).unwrap(), values), at % 2)
    });
    let records: Vec<(Pair<Token<6>, [f32; 18]>, usize)> = records.collect();
    let data = Dataset::<Input, Classes<2>>::from_records(&records, |it| *it).unwrap();
    let mut weights = Weights::<Net>::init(1);
    weights.adapt(&data).unwrap();
    for feature in 0..18 {
        let values = records
            .iter()
            .map(|(Pair(_, values), _)| f64::from(values[feature]));
        let mean = values.clone().sum::<f64>() / 50.0;
        let variance = values.map(|x| (x - mean).powi(2)).sum::<f64>() / 50.0;
        let [found, deviation] =
            [0, 18].map(|half| f64::from(weights.statistics()[half + feature]));
        assert!(
            (found - mean).abs() <= 1e-6 * mean
                && (deviation - variance.sqrt()).abs() <= 1e-6 * deviation
        );
    }

    let (tape, fused) = (
        Tape::new(weights.clone()).unwrap(),
        Fused::new(weights.clone()).unwrap(),
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    weights.save(&path).unwrap();
    let file = std::fs::read(&path).unwrap();
    let frozen = Frozen::<Net>::from_bytes(&file).unwrap();
    let order: Vec<u32> = (0..50).collect();
    let (on_tape, on_fused) = (tape.upload(&data).unwrap(), fused.upload(&data).unwrap());
    let many = fused.logits(&on_fused, &order).unwrap();
    let expected = tape.logits(&on_tape, &order).unwrap();
    for (at, expected) in expected.chunks(2).enumerate() {
        let sample = data.sample(at).unwrap();
        for found in [
            &many[2 * at..2 * at + 2],
            &fused.predict(&sample).unwrap(),
            &frozen.predict(&sample),
        ] {
            assert!(
                found
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() < 1e-5),
                "{at}"
            );
        }
    }
    let (_, theirs) = tape.gradient(&on_tape, &order, Loss::CrossEntropy).unwrap();
    let (_, ours) = fused
        .gradient(&on_fused, &order, Loss::CrossEntropy)
        .unwrap();
    for (a, b) in ours.as_slice().iter().zip(theirs.as_slice()) {
        assert!((a - b).abs() < 1e-6, "{a}, not {b}");
    }

    let mut net = Fused::<Net>::new(Weights::init(1)).unwrap();
    Trainer::new(Adam::default()).fit(&mut net, &data).unwrap();
    assert_eq!(net.weights().unwrap().statistics(), weights.statistics());
}
