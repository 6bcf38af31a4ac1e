//! Networks with two inputs on every engine, as [`embeddings`](crate::embeddings) tests those with tokens.

use tuplenet::{
    layers::{Dot, Sum},
    prelude::*,
    shape::{Category, Features, Pair, Tokens},
    target::Values,
    token::Token,
};

use crate::{
    embeddings::{has_the_right_gradient, predicts_the_same_everywhere, trains_as_the_tape_does},
    engines::{OnFused, OnTape, Tested},
};

type Factors = (
    Parallel<(Embedding<30, 19>, Embedding<40, 19>), Dot>,
    Linear<1, 3>,
);
type Added = (
    Parallel<((Linear<3, 5>, Sigmoid), Embedding<40, 5>), Sum>,
    ReLU,
    Linear<5, 3>,
);
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
/// Matrix factorisation with a bias for each user and each film.
type Biased = (
    Residual<
        Parallel<(Embedding<30, 6>, Embedding<40, 6>), Dot>,
        Parallel<(Embedding<30, 1>, Embedding<40, 1>), Sum>,
    >,
    Linear<1, 3>,
);

#[test]
fn gradients_are_those_of_finite_differences() {
    fn on<T: Tested>() {
        has_the_right_gradient::<T, Factors>();
        has_the_right_gradient::<T, Added>();
        has_the_right_gradient::<T, Gates>();
        has_the_right_gradient::<T, Joined>();
        has_the_right_gradient::<T, Nested>();
        has_the_right_gradient::<T, Biased>();
    }
    on::<OnTape>();
    on::<OnFused>();
}

#[test]
fn every_optimizer_trains_as_on_the_tape() {
    trains_as_the_tape_does::<Factors>();
    trains_as_the_tape_does::<Gates>();
    trains_as_the_tape_does::<Nested>();
}

#[test]
fn predictions_are_the_same_everywhere() {
    predicts_the_same_everywhere::<Factors>();
    predicts_the_same_everywhere::<Added>();
    predicts_the_same_everywhere::<Gates>();
    predicts_the_same_everywhere::<Joined>();
    predicts_the_same_everywhere::<Nested>();
    predicts_the_same_everywhere::<Biased>();
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
