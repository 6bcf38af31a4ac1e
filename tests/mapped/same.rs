//! Training, evaluation and checksums have the bits of data in memory.

use tuplenet::{
    Error,
    data::{Augmented, Distortion, TrainingData},
    engine::Processor,
    prelude::*,
    shape::Features,
    target::Classes,
    train::Shuffle,
};

use super::{Temporary, in_file};
use crate::{
    engines::{Tested, on_every_engine},
    samples::Data,
};

type Net = (Linear<150, 9>, ReLU, Dropout<20>, Linear<9, 3>);
type Set = Dataset<Features<150>, Classes<3>>;

const BLOCKS: Shuffle = Shuffle::Blocks {
    block: 5,
    window: 4,
};

on_every_engine! {
    weights_history_and_evaluation_have_the_same_bits
}

/// Bytes and `f32`, so dense that `Fused` computes all features, and so sparse that it skips zeros.
fn every_kind() -> impl Iterator<Item = Set> {
    let kinds = [(false, 0.9), (false, 0.2), (true, 0.9), (true, 0.2)];
    kinds.into_iter().map(|(bytes, density)| {
        let data = Data {
            samples: 203,
            density,
            bytes,
            seed: 4,
        };
        data.make()
    })
}

/// The numbers of a training and of an evaluation after it.
fn numbers<E: Engine<Net>>(mut net: E, data: &Set, shuffle: Shuffle) -> (String, Vec<u64>) {
    let mut trainer = Trainer::new(Adam::default())
        .epochs(3)
        .batch(70)
        .seed(1)
        .validation(31)
        .shuffle(shuffle);
    let history = trainer.fit(&mut net, data).unwrap();
    let losses = history.epochs.iter();
    let mut bits: Vec<u64> = losses
        .flat_map(|epoch| [epoch.train_loss, epoch.validation_loss.unwrap()].map(f64::to_bits))
        .collect();
    bits.push(net.evaluate(data).unwrap().loss.to_bits());
    (net.weights().unwrap().sha256(), bits)
}

fn weights_history_and_evaluation_have_the_same_bits<T: Tested>() {
    for data in every_kind() {
        let (_file, mapped) = in_file(&data);
        assert_eq!(mapped.sha256(), data.sha256());
        assert_eq!(mapped.features(), data.features());
        let mut sums = Vec::new();
        for shuffle in [Shuffle::All, BLOCKS] {
            let of = |data| numbers(T::new::<Net>(Weights::init(2)), data, shuffle);
            let (expected, found) = (of(&data), of(&mapped));
            assert_eq!(found, expected, "{shuffle:?}");
            sums.push(found.0);
        }
        assert_ne!(sums[0], sums[1]);
    }
}

/// `Fused` finds the zeros of a batch by several threads, each those of its rows, also for a batch of one sample.
#[test]
fn any_number_of_threads_finds_the_same_zeros() {
    for data in every_kind() {
        let (_file, mapped) = in_file(&data);
        let weights = |data: &Set, threads, batch| {
            let processor = Processor::detect().threads(threads);
            let mut net = Fused::<Net>::on(processor, Weights::init(2)).unwrap();
            let mut trainer = Trainer::new(Adam::default()).batch(batch);
            trainer.fit(&mut net, data).unwrap();
            net.weights().unwrap().sha256()
        };
        for batch in [1, 64, 100, 203] {
            let expected = weights(&data, 1, batch);
            for threads in [1, 2, 3] {
                assert_eq!(
                    weights(&mapped, threads, batch),
                    expected,
                    "{threads}, {batch}"
                );
            }
        }
    }
}

#[test]
fn an_idx_file_has_the_same_samples() {
    let (images, labels) = Digits::new(3).images(0..50);
    let header = |bytes: &[u8], dimensions: &[u32]| {
        let mut file = vec![0, 0, 8, dimensions.len() as u8];
        file.extend(dimensions.iter().flat_map(|it| it.to_be_bytes()));
        file.extend(bytes);
        Temporary::with(&file)
    };
    let (images, labels) = (header(&images, &[50, 28, 28]), header(&labels, &[50]));
    type Images = Dataset<Features<784>, Classes<10>>;
    let mapped = Images::map_idx(&images, &labels).unwrap();
    let read = Images::from_idx(&images, &labels).unwrap();
    assert!(mapped.features().is_mapped());
    assert_eq!(mapped.sha256(), read.sha256());
    let fit = |data: &Images| {
        let mut net =
            Fused::<(Linear<784, 8>, ReLU, Linear<8, 10>)>::new(Weights::init(1)).unwrap();
        Trainer::new(Adam::default())
            .batch(7)
            .fit(&mut net, data)
            .unwrap();
        net.weights().unwrap().sha256()
    };
    assert_eq!(fit(&mapped), fit(&read));
}

/// What would copy all samples says so; what shares them does not.
#[test]
fn a_mapped_file_is_not_copied() {
    let data = Digits::new(3).dataset::<Features<784>>(0..30).unwrap();
    let (_file, mapped) = in_file(&data);
    let words = "data set: expected samples in memory, as the parts are copies, found a mapped file; hold samples out with \
                 `Trainer::validation`, or write a file for each part";
    let says = |error: Option<Error>| assert_eq!(error.unwrap().to_string(), words);
    says(mapped.split([0.1, 0.1], 1).err());
    says(mapped.train_test_split(0.1, 1).err());
    says(mapped.folds(3, 1).err());
    let error = Augmented::new(mapped.clone(), [28, 28], Distortion::SIMARD_2003, 1).unwrap_err();
    let words = "images: expected images in memory, as each epoch is a distorted copy of all, found a mapped file";
    assert_eq!(error.to_string(), words);

    let weighted = mapped.clone().weighted(vec![2.0; 30]).unwrap();
    let epoch = TrainingData::<Features<784>, Features<10>>::epoch(&weighted, 3).unwrap();
    assert!(epoch.features().is_mapped());
    let printed = format!("{:?}", epoch.features());
    assert!(
        printed.contains("bytes 4096 to 27616 of ") && printed.len() < 200,
        "{printed}"
    );
}
