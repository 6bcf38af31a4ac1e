//! Standardisation of samples, against PyTorch and scikit-learn, on every engine and in frozen models.

use safetensors::SafeTensors;
use tuplenet::{prelude::*, shape::Features, target::Classes, train::Checkpoints};

use crate::{
    engines::{OnFused, Recipe, Tested, on_every_engine, train},
    samples::Numbers,
};

type Net = (Standardize<13>, Linear<13, 7>, ReLU, Linear<7, 3>);
type Table = Dataset<Features<13>, Classes<3>>;

tuplenet::frozen! {
    static FROZEN: Net = "reference/standardize.safetensors";
}

const FILE: &[u8] = include_bytes!("reference/standardize.safetensors");
const IO: &[u8] = include_bytes!("reference/standardize_io.safetensors");

fn fixture(name: &str) -> Vec<f32> {
    let io = SafeTensors::deserialize(IO).unwrap();
    let bytes = io.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec();
    bytes.into_iter().map(f32::from_le_bytes).collect()
}

fn table() -> Table {
    let io = SafeTensors::deserialize(IO).unwrap();
    let labels = io.tensor("labels").unwrap().data().to_vec();
    Dataset::from_values(fixture("features"), labels).unwrap()
}

fn weights() -> Weights<Net> {
    Weights::from_bytes(FILE).unwrap()
}

/// Within 1e-5 of the largest: in `f32`, engines add the products in different orders.
fn assert_close(ours: &[f32], theirs: &[f32]) {
    let largest = theirs.iter().fold(0f32, |max, v| max.max(v.abs()));
    assert_eq!(ours.len(), theirs.len());
    for (at, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= 1e-5 * largest, "[{at}]: {a} against {b}");
    }
}

on_every_engine! {
    logits_and_losses_are_those_of_pytorch
    a_training_adapts_to_what_it_trains_on
    statistics_are_kept_by_a_second_training_and_by_a_checkpoint
    without_statistics_no_output_is_finite
}

fn logits_and_losses_are_those_of_pytorch<T: Tested>() {
    let data = table();
    let mut net = T::new::<Net>(weights());
    let expected = fixture("logits");
    assert_close(&net.forward(&fixture("features")).unwrap(), &expected);
    let uploaded = net.upload(&data).unwrap();
    let order: Vec<u32> = (0..40).collect();
    assert_close(&net.logits(&uploaded, &order).unwrap(), &expected);
    let sample = net.predict(&data.sample(39).unwrap()).unwrap();
    assert_close(&sample, &expected[39 * 3..]);

    let adam = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    };
    let losses = train(&mut net, &uploaded, 40, &Recipe::of(adam), 8, 4);
    assert_close(&losses, &fixture("losses"));
    assert_eq!(net.weights().unwrap().statistics(), weights().statistics());
}

#[test]
fn the_gradient_of_a_sample_is_that_of_pytorch() {
    let net = Tape::<Net>::new(weights()).unwrap();
    let gradient = net.saliency(&table().sample(0).unwrap(), 1).unwrap();
    // each to its own size: the features' are 10 powers of ten apart
    for (ours, theirs) in gradient.iter().zip(fixture("gradient")) {
        assert!(
            (ours - theirs).abs() <= 2e-6 * theirs.abs(),
            "{ours} {theirs}"
        );
    }
}

#[test]
fn statistics_are_those_of_scikit_learn() {
    let mut ours = Weights::<Net>::zeros();
    ours.adapt(&table()).unwrap();
    for (ours, theirs) in ours.statistics().iter().zip(weights().statistics()) {
        // rounded once from f64 in both, so at most a unit in the last place apart
        assert!(
            (ours - theirs).abs() <= f32::EPSILON * theirs.abs(),
            "{ours} {theirs}"
        );
    }
}

#[test]
fn frozen_models_standardize() {
    let borrowed = Frozen::<Net>::from_bytes(FILE).unwrap();
    let net = Fused::<Net>::new(weights()).unwrap();
    let data = table();
    for (at, expected) in fixture("logits").chunks_exact(3).enumerate() {
        let sample = data.sample(at).unwrap();
        assert_close(&FROZEN.predict(&sample), expected);
        assert_close(&borrowed.predict(&sample), expected);
        assert_close(&net.predict(&sample).unwrap(), expected);
    }
}

/// A ReLU or another activation after it, on the sample itself, with widths of less and more than a block.
#[test]
fn operations_follow_it() {
    fn check<N: Network<In = Features<I>, Output = Features<2>>, const I: usize>() {
        let mut numbers = Numbers(7);
        let values: Vec<f32> = (0..I * 33).map(|_| numbers.next() * 40.0 + 5.0).collect();
        let data =
            Dataset::<Features<I>, Classes<2>>::from_values(values.clone(), vec![1; 33]).unwrap();
        let mut weights = Weights::<N>::init(1);
        weights.adapt(&data).unwrap();
        let tape = Tape::<N>::new(weights.clone()).unwrap();
        let expected = tape.forward(&values).unwrap();
        let fused = Fused::<N>::new(weights.clone()).unwrap();
        assert_close(&fused.forward(&values).unwrap(), &expected);
        let uploaded = fused.upload(&data).unwrap();
        let order: Vec<u32> = (0..33).collect();
        assert_close(&fused.logits(&uploaded, &order).unwrap(), &expected);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        weights.save(&path).unwrap();
        let file = std::fs::read(path).unwrap();
        let frozen = Frozen::<N>::from_bytes(&file).unwrap();
        let sample = data.sample(0).unwrap();
        assert_close(&frozen.predict(&sample), &expected[..2]);
        assert_close(&fused.predict(&sample).unwrap(), &expected[..2]);

        let (_, ours) = fused
            .gradient(&uploaded, &order, Loss::CrossEntropy)
            .unwrap();
        let on_tape = tape.upload(&data).unwrap();
        let (_, theirs) = tape.gradient(&on_tape, &order, Loss::CrossEntropy).unwrap();
        for (ours, theirs) in ours.tensors().zip(theirs.tensors()) {
            assert_close(ours.values, theirs.values);
        }
    }
    check::<(Standardize<3>, ReLU, Linear<3, 2>), 3>();
    check::<(Standardize<16>, Tanh, Dropout<20>, Linear<16, 2>), 16>();
    check::<
        (
            Standardize<40>,
            Residual<(Linear<40, 40>, ReLU)>,
            Linear<40, 2>,
        ),
        40,
    >();
    check::<
        (
            Standardize<17>,
            BatchNorm1d<17>,
            Concat<(Identity, Tanh)>,
            Linear<34, 2>,
        ),
        17,
    >();
}

fn trainer<'a>() -> Trainer<'a> {
    Trainer::new(Adam::default()).batch(7).seed(3)
}

fn a_training_adapts_to_what_it_trains_on<T: Tested>() {
    let data = table();
    let statistics = |net: &T::Engine<Net>| net.weights().unwrap().statistics().to_vec();
    let mut all = Weights::<Net>::zeros();
    all.adapt(&data).unwrap();

    let mut net = T::new::<Net>(Weights::init(1));
    trainer().epochs(2).fit(&mut net, &data).unwrap();
    assert_eq!(statistics(&net), all.statistics());

    let mut net = T::new::<Net>(Weights::init(1));
    trainer().validation(10).fit(&mut net, &data).unwrap();
    assert_ne!(
        statistics(&net),
        all.statistics(),
        "not those of all samples"
    );
    // of 30 samples: thirty times the mean of a feature is a sum of those of 30 of the 40 samples
    let mean = f64::from(statistics(&net)[12]) * 30.0;
    let held_out = f64::from(all.statistics()[12]) * 40.0 - mean;
    let order = (0..40).filter(|&at| is_held_out(&data, at));
    let expected: f64 = order
        .map(|at| f64::from(data.sample(at).unwrap()[12]))
        .sum();
    assert!(
        (held_out - expected).abs() <= 1e-5 * expected.abs(),
        "{held_out} {expected}"
    );

    let mut net = T::new::<Net>(Weights::init(1));
    let (train, validation) = (part(&data, 0..20), part(&data, 20..40));
    trainer()
        .fit_with_validation(&mut net, &train, &validation)
        .unwrap();
    all.adapt(&train).unwrap();
    assert_eq!(statistics(&net), all.statistics());
}

/// Whether the trainer holds out a sample: training without it gives other weights only if it is trained on.
fn is_held_out(data: &Table, at: usize) -> bool {
    let trained = |data: &Table| {
        let mut weights = Weights::<Net>::init(1);
        weights.adapt(&table()).unwrap();
        let mut net = OnFused::new::<Net>(weights);
        trainer().validation(10).fit(&mut net, data).unwrap();
        net.weights().unwrap()
    };
    let mut values = fixture("features");
    values[at * 13] += 1.0;
    let labels = (0..40).map(|at| data.label(at).unwrap() as u8).collect();
    trained(&Dataset::from_values(values, labels).unwrap()) == trained(data)
}

fn part(data: &Table, range: std::ops::Range<usize>) -> Table {
    let values = range
        .clone()
        .flat_map(|at| data.sample(at).unwrap())
        .collect();
    let labels = range.map(|at| data.label(at).unwrap() as u8).collect();
    Dataset::from_values(values, labels).unwrap()
}

fn statistics_are_kept_by_a_second_training_and_by_a_checkpoint<T: Tested>() {
    let (data, folder) = (table(), tempfile::tempdir().unwrap());
    let checkpoints = || Checkpoints::in_folder(folder.path()).resume(true);
    let mut whole = T::new::<Net>(Weights::init(2));
    trainer()
        .epochs(3)
        .validation(10)
        .fit(&mut whole, &data)
        .unwrap();

    for (epochs, seed) in [(2, 2), (3, 9)] {
        let mut net = T::new::<Net>(Weights::init(seed));
        let mut trainer = trainer()
            .epochs(epochs)
            .validation(10)
            .checkpoints(checkpoints());
        trainer.fit(&mut net, &data).unwrap();
        if epochs == 3 {
            assert_eq!(net.weights().unwrap(), whole.weights().unwrap());
        }
    }
    let before = whole.weights().unwrap();
    trainer().fit(&mut whole, &part(&data, 0..20)).unwrap();
    assert_eq!(whole.weights().unwrap().statistics(), before.statistics());
}

fn without_statistics_no_output_is_finite<T: Tested>() {
    let net = T::new::<Net>(Weights::init(1));
    let logits = net.forward(&fixture("features")).unwrap();
    assert!(logits.iter().all(|logit| !logit.is_finite()), "{logits:?}");
}
