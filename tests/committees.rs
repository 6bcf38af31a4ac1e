//! Committees: of classes, of several labels and of values, against their members.

use tuplenet::{
    engine::Committee,
    metrics::Spread,
    prelude::*,
    shape::Features,
    target::{Classes, MultiLabel, Values},
};

type Net = (Linear<2, 3>,);

/// Engines with biases alone: their outputs are these for every sample.
fn members(outputs: &[[f32; 3]]) -> Committee<Net, Fused<Net>> {
    let members = outputs.iter().map(|outputs| {
        let values = [&[0.0; 6], &outputs[..]].concat();
        Fused::new(Weights::<Net>::from_slice(&values).unwrap()).unwrap()
    });
    Committee::new(members.collect()).unwrap()
}

#[test]
fn a_committee_has_the_mean_of_its_members() {
    let (ln2, ln6) = (2f32.ln(), 6f32.ln());
    // probabilities 1/4 1/2 1/4 and 1/8 1/8 6/8
    let committee = members(&[[0.0, ln2, 0.0], [0.0, 0.0, ln6]]);
    let close = |found: [f32; 3], expected: [f32; 3]| {
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-6),
            "{found:?}, not {expected:?}"
        );
    };
    close(
        committee.probabilities(&[0.0; 2]).unwrap(),
        [0.1875, 0.3125, 0.5],
    );
    assert_eq!(committee.classify(&[0.0; 2]).unwrap(), 2);
    close(
        committee.mean(&[0.0; 2]).unwrap(),
        [0.0, ln2 / 2.0, ln6 / 2.0],
    );

    let features = vec![0.0; 8];
    let classes =
        Dataset::<Features<2>, Classes<3>>::from_values(features.clone(), vec![2, 2, 1, 0])
            .unwrap();
    let evaluation = committee.evaluate(&classes).unwrap();
    assert_eq!(evaluation.accuracy(), 0.5);
    let expected = -(2.0 * 0.5f64.ln() + 0.3125f64.ln() + 0.1875f64.ln()) / 4.0;
    assert!((evaluation.loss - expected).abs() < 1e-6);

    let values =
        Dataset::<Features<2>, Values<3>>::regression(features.clone(), vec![1.0; 12]).unwrap();
    let mae = committee.evaluate(&values).unwrap().mae();
    let expected = (1.0 + (1.0 - ln2 / 2.0) + (1.0 - ln6 / 2.0)) / 3.0;
    assert!((mae - f64::from(expected)).abs() < 1e-6);

    // of sigmoids, 1/2 2/3 1/2 and 1/2 1/2 6/7: every label is at least as likely as not
    let records = [[true, true, true]; 4];
    let labels =
        Dataset::<Features<2>, MultiLabel<3>>::from_records(records, |labels| ([0.0; 2], labels))
            .unwrap();
    let evaluation = committee.evaluate(&labels).unwrap();
    let expected = -(0.5f64.ln() + (7.0 / 12.0f64).ln() + (19.0 / 28.0f64).ln()) / 3.0;
    assert!(
        (evaluation.loss() - expected).abs() < 1e-6,
        "{} {expected}",
        evaluation.loss()
    );
}

#[test]
fn a_committee_without_members_is_refused() {
    let error = Committee::<Net, Fused<Net>>::new(Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "members: expected one or more, found none"
    );
}

/// The logarithm is concave, so the loss of the mean probability is at most the mean of the losses.
#[test]
fn a_committee_is_never_worse_than_its_members_on_average() {
    let digits = Digits::new(3);
    let (train, test) = (
        digits.dataset(0..500).unwrap(),
        digits.dataset(500..800).unwrap(),
    );
    type Small = (Linear<784, 8>, ReLU, Linear<8, 10>);
    let members = (0..3).map(|seed| {
        let mut net = Fused::<Small>::new(Weights::init(seed)).unwrap();
        Trainer::new(Adam::default())
            .epochs(4)
            .seed(seed)
            .fit(&mut net, &train)
            .unwrap();
        net
    });
    let committee = Committee::new(members.collect()).unwrap();
    let losses = committee
        .members()
        .iter()
        .map(|net| net.evaluate(&test).unwrap().loss);
    let alone = Spread::of(&losses.collect::<Vec<f64>>()).unwrap();
    assert!(committee.evaluate(&test).unwrap().loss < alone.mean);
}
