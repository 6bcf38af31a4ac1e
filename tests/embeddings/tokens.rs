//! What a data set or a sample has in the place of a token.

use tuplenet::{
    prelude::*,
    shape::Category,
    target::{Classes, MultiLabel},
    token::Token,
};

use super::{Texts, VOCABULARY};

#[test]
fn what_is_no_token_is_refused_with_its_place() {
    fn says<T>(result: tuplenet::Result<T>, words: &str) {
        assert_eq!(result.map(drop).unwrap_err().to_string(), words);
    }
    let beyond = "data set: expected a token, an integer below 40, found 40 (sample 1)";
    let mut values = vec![39.0; 10];
    values[7] = 40.0;
    says(
        Dataset::<Texts<5>, Classes<2>>::from_values(values.clone(), vec![0, 1]),
        beyond,
    );
    type Net = (Texts<5>, EmbeddingBag<VOCABULARY, 2>);
    says(
        Fused::new(Weights::<Net>::init(1))
            .unwrap()
            .forward(&values),
        beyond,
    );
    says(
        Tape::new(Weights::<Net>::init(1)).unwrap().forward(&values),
        beyond,
    );
    says(
        Dataset::<Category<3>, Classes<2>>::from_values(vec![0.5], vec![0]),
        "data set: expected a token, an integer below 3, found 0.5 (sample 0)",
    );
    says(
        Dataset::<Category<3>, Classes<2>>::from_bytes(vec![2, 3], 1.0, vec![0, 1]),
        "data set: expected a token, an integer below 3, found 3 (sample 1)",
    );
    says(
        Dataset::<Category<3>, MultiLabel<1>>::multi_label(vec![2.0, 3.0], &[[true], [false]]),
        "data set: expected a token, an integer below 3, found 3 (sample 1)",
    );
    let tokens = [Token::<VOCABULARY>::PADDING; 5];
    let data = Dataset::<Texts<5>, Classes<2>>::from_records([0, 1], |label| (tokens, label));
    assert_eq!(data.unwrap().sample(1), Some(tokens));
}
