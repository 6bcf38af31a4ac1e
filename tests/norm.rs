//! Normalisation, and layers without a bias, in trainings, checkpoints and files. `images` has its values and gradients.

use std::fs;

use safetensors::{Dtype, SafeTensors};
use tuplenet::{
    engine::Processor,
    prelude::*,
    shape::{Features, Image, Sample, Shape},
    target::Classes,
    train::Checkpoints,
};
use tuplenet_textbook::logits;

use crate::{
    engines::{Recipe, Tested, on_every_engine, train},
    samples::Numbers,
};

type Net = (
    Image<1, 6, 5>,
    Conv2d<1, 3, 3>,
    BatchNorm2d<3>,
    ReLU,
    Residual<(Conv2d<3, 3, 3, 1, 1>, BatchNorm2d<3>, Dropout<20>)>,
    LayerNorm<3, 4, 3>,
    ChannelPReLU<3>,
    Dropout2d<20>,
    Flatten,
    LazyLinear<8>,
    BatchNorm1d<8>,
    Tanh,
    LayerNorm<8>,
    PReLU,
    Linear<8, 4>,
);

fn data(samples: usize) -> Dataset<Image<1, 6, 5>, Classes<4>> {
    let mut numbers = Numbers(5);
    let values = (0..samples * 30)
        .map(|_| numbers.next() * 3.0 - 1.0)
        .collect();
    let labels = (0..samples).map(|at| (at % 4) as u8).collect();
    Dataset::from_values(values, labels).unwrap()
}

on_every_engine! {
    a_batch_of_one_sample_has_no_variance
    a_gradient_leaves_the_running_statistics
    a_resumed_training_continues_the_running_statistics
    the_best_weights_have_their_running_statistics
    statistics_move_from_engine_to_engine
}

fn a_batch_of_one_sample_has_no_variance<T: Tested>() {
    let data = data(9);
    let mut net = T::new::<Net>(Weights::init(1));
    let refused = |error: tuplenet::Error, words: &str| {
        let message = error.to_string();
        assert!(message.contains(words), "{message}");
    };
    // before the first step, though only the last batch is too small
    let error = Trainer::new(Sgd::default())
        .batch(4)
        .fit(&mut net, &data)
        .unwrap_err();
    refused(
        error,
        "batch size: expected one that leaves 2 samples or more for every batch",
    );
    assert_eq!(net.weights().unwrap(), Weights::init(1));
    Trainer::new(Sgd::default())
        .batch(7)
        .epochs(1)
        .fit(&mut net, &data)
        .unwrap();

    // An image has a variance of its own.
    type Images = (Image<1, 6, 5>, BatchNorm2d<1>, Flatten, LazyLinear<4>);
    let mut net = T::new::<Images>(Weights::init(1));
    let uploaded = net.upload(&data).unwrap();
    let losses = train(&mut net, &uploaded, 9, &Recipe::of(Sgd::default()), 4, 1);
    assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
}

fn a_gradient_leaves_the_running_statistics<T: Tested>() {
    let net = T::new::<Net>(Weights::init(1));
    let uploaded = net.upload(&data(8)).unwrap();
    T::gradient(&net, &uploaded, &[0, 1, 2, 3], Loss::CrossEntropy);
    net.evaluate(&data(8)).unwrap();
    assert_eq!(net.weights().unwrap(), Weights::init(1));
}

fn trainer() -> Trainer<'static> {
    Trainer::new(Adam::default()).batch(6).seed(3)
}

/// Every bit, with the counts of batches.
fn a_resumed_training_continues_the_running_statistics<T: Tested>() {
    let (data, folder) = (data(26), tempfile::tempdir().unwrap());
    let mut whole = T::new::<Net>(Weights::init(2));
    trainer().epochs(3).fit(&mut whole, &data).unwrap();

    let checkpoints = || Checkpoints::in_folder(folder.path()).resume(true);
    let mut first = T::new::<Net>(Weights::init(2));
    trainer()
        .epochs(2)
        .checkpoints(checkpoints())
        .fit(&mut first, &data)
        .unwrap();
    let mut resumed = T::new::<Net>(Weights::init(9));
    trainer()
        .epochs(3)
        .checkpoints(checkpoints())
        .fit(&mut resumed, &data)
        .unwrap();
    let (found, expected) = (resumed.weights().unwrap(), whole.weights().unwrap());
    assert_eq!(found, expected);
    assert_ne!(found.statistics(), Weights::<Net>::init(2).statistics());
    // 5 batches in each of 3 epochs
    assert_eq!(batches(&found), [15, 15, 15]);
}

/// The numbers of batches in a weights file.
fn batches(weights: &Weights<Net>) -> Vec<i64> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    weights.save(&path).unwrap();
    assert_eq!(Weights::load(&path).unwrap(), *weights);
    let file = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let count = |path: &str| {
        let name = format!("{path}.num_batches_tracked");
        let tensor = file.tensor(&name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::I64, &[][..]));
        i64::from_le_bytes(tensor.data().try_into().unwrap())
    };
    // weights and biases, slopes, and statistics
    assert_eq!(file.len(), 2 * 9 + 2 + 3 * 3);
    ["1", "3.body.1", "9"].map(count).to_vec()
}

fn the_best_weights_have_their_running_statistics<T: Tested>() {
    let data = data(26);
    let after = |epochs: usize| {
        let mut net = T::new::<Net>(Weights::init(2));
        trainer()
            .epochs(epochs)
            .validation(6)
            .fit(&mut net, &data)
            .unwrap();
        net.weights().unwrap()
    };
    let mut net = T::new::<Net>(Weights::init(2));
    let history = trainer()
        .epochs(6)
        .validation(6)
        .early_stopping(EarlyStopping::default())
        .fit(&mut net, &data)
        .unwrap();
    let best = history.best_epoch.unwrap();
    assert_eq!(net.weights().unwrap(), after(best));
}

fn statistics_move_from_engine_to_engine<T: Tested>() {
    let data = data(26);
    let mut net = T::new::<Net>(Weights::init(2));
    trainer().epochs(2).fit(&mut net, &data).unwrap();
    let weights = net.weights().unwrap();
    let mut other = Fused::<Net>::new(Weights::init(5)).unwrap();
    other.restore(&weights, None).unwrap();
    assert_eq!(other.weights().unwrap(), weights);
    let (theirs, ours) = (net.evaluate(&data).unwrap(), other.evaluate(&data).unwrap());
    assert!((theirs.loss - ours.loss).abs() < 1e-5 * theirs.loss);
    assert_eq!(theirs.predictions, ours.predictions);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let data = data(70);
    let trained = |threads: usize| {
        let processor = Processor::detect().threads(threads);
        let mut net = Fused::<Net>::on(processor, Weights::init(2)).unwrap();
        let history = Trainer::new(Adam::default())
            .batch(40)
            .epochs(3)
            .clip_norm(0.5)
            .fit(&mut net, &data)
            .unwrap();
        (net.weights().unwrap(), history.epochs[2].train_loss)
    };
    let one = trained(1);
    for threads in [2, 3, 4, 9] {
        assert_eq!(trained(threads), one, "{threads} threads");
    }
}

/// A feature that never varies has a variance of 0, and is its bias.
#[test]
fn a_constant_feature_is_finite() {
    type Constant = (BatchNorm1d<2>, Linear<2, 2>);
    let values = vec![0.25, 1.0, 0.25, 3.0, 0.25, -1.0];
    let data = Dataset::<Features<2>, Classes<2>>::from_values(values, vec![0, 1, 0]).unwrap();
    for processor in crate::parity::processors() {
        let mut net = Fused::<Constant>::on(processor, Weights::init(1)).unwrap();
        let uploaded = net.upload(&data).unwrap();
        let losses = train(&mut net, &uploaded, 3, &Recipe::of(Sgd::default()), 3, 4);
        assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
        let weights = net.weights().unwrap();
        // 1 - 0.9^4 of the mean, 0.9^4 of the initial variance
        let expected = [0.25 * (1.0 - 0.9f32.powi(4)), 0.9f32.powi(4)];
        for (found, expected) in [weights.statistics()[0], weights.statistics()[2]]
            .iter()
            .zip(expected)
        {
            assert!(
                (found - expected).abs() < 1e-6,
                "{found} against {expected}"
            );
        }
    }
}

/// The squares of such values have no digits left for their variance: it is that of the distances from the mean.
#[test]
fn a_mean_far_above_the_deviation_leaves_the_variance_of_a_sample() {
    type Vector = (LayerNorm<70>,);
    type Images = (Image<2, 6, 6>, LayerNorm<2, 6, 6>, MaxPool2d<2>);
    fn check<N: Network>(len: usize)
    where
        <N::In as Shape>::Array: Sample<N::In>,
    {
        let mut numbers = Numbers(4);
        let mut sample = N::In::zeros();
        let values = N::In::values_mut(&mut sample);
        values.fill_with(|| 2e5 + 300.0 * numbers.next());
        let exact: Vec<f64> = values.iter().map(|&x| x.into()).collect();
        let features = values.to_vec();
        assert_eq!(features.len(), len);
        let weights = Weights::<N>::init(1);
        let of_weights: Vec<f64> = weights.as_slice().iter().map(|&w| w.into()).collect();
        let expected = logits(&N::PLAN, &of_weights, &exact);
        for processor in crate::parity::processors() {
            let net = Fused::<N>::on(processor, weights.clone()).unwrap();
            let single = net.predict(&sample).unwrap();
            for found in [&net.forward(&features).unwrap(), N::Output::values(&single)] {
                for (found, expected) in found.iter().zip(&expected) {
                    // The mean is rounded to a 64th, of a deviation of 87.
                    let difference = (f64::from(*found) - expected).abs();
                    assert!(difference < 2e-4, "{found} against {expected}");
                }
            }
        }
    }
    check::<Vector>(70);
    check::<Images>(72);
}
