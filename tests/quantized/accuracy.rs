//! The accuracy of eight-bit models beside that of the `f32` weights that they were made from.

use tuplenet::{
    data::MnistShape,
    models::{LeNet, MnistClassifier},
    prelude::*,
    quantized::{Quantized, Quantizer},
    shape::{Features, Image, Sample, Shape},
    target::Classes,
};

/// Trains a network, makes an eight-bit model of it, calibrated on 500 training samples, and compares both on `test`.
///
/// Returns the accuracy in `f32` and in eight bits, in percent.
fn accuracies<N, S: Shape>(
    train: &Dataset<S, Classes<10>>,
    calibration: &Dataset<S, Classes<10>>,
    test: &Dataset<S, Classes<10>>,
    epochs: usize,
) -> [f64; 2]
where
    N: Network<In = S, Output = Features<10>>,
    S::Array: Sample<S>,
{
    let mut net = Fused::<N>::new(Weights::init(1)).unwrap();
    let mut trainer = Trainer::new(Adam::default())
        .epochs(epochs)
        .batch(50)
        .seed(1);
    trainer.fit(&mut net, train).unwrap();
    let weights = net.weights().unwrap();
    let file = Quantizer::new(&weights).calibrate(calibration).unwrap();
    let file = file.to_bytes().unwrap();
    let model = Quantized::<N>::from_bytes(&file).unwrap();
    let mut right = [0; 2];
    for index in 0..test.len() {
        let sample = test.sample(index).unwrap();
        let label = test.label(index).unwrap();
        right[0] += usize::from(net.classify(&sample).unwrap() == label);
        right[1] += usize::from(model.classify(&sample) == label);
    }
    let accuracies = right.map(|right| 100.0 * right as f64 / test.len() as f64);
    println!("{}: {accuracies:.2?} %", std::any::type_name::<N>());
    accuracies
}

/// Built-in digits.
fn digits<N, S: MnistShape>(epochs: usize) -> [f64; 2]
where
    N: Network<In = S, Output = Features<10>>,
    S::Array: Sample<S>,
{
    let digits = |range| Digits::new(1).dataset::<S>(range).unwrap();
    let (train, test) = (digits(0..6000), digits(10_000..12_000));
    accuracies::<N, S>(&train, &digits(0..500), &test, epochs)
}

/// Without a bound on both accuracies, a network that predicts nothing would lose nothing.
fn assert_close([exact, eight_bit]: [f64; 2], least: f64) {
    assert!(exact > least, "f32: {exact} %");
    assert!(
        eight_bit > exact - 0.5,
        "{eight_bit} % instead of {exact} %"
    );
}

#[test]
fn digits_of_a_perceptron() {
    assert_close(digits::<MnistClassifier<128>, Features<784>>(4), 80.0);
}

#[test]
fn digits_of_lenet() {
    assert_close(digits::<LeNet, Image<1, 28, 28>>(2), 80.0);
}

/// On MNIST's test set no more than 0.2 % are lost.
#[test]
fn mnist() {
    let Ok(mnist) = Mnist::find() else {
        println!("SKIPPED: set TUPLENET_MNIST");
        return;
    };
    let (train, test) = mnist.load::<Features<784>>().unwrap();
    let rows = (0..500).flat_map(|i| train.sample(i).unwrap());
    let labels = (0..500).map(|i| train.label(i).unwrap() as u8);
    let some: Dataset<Features<784>, Classes<10>> =
        Dataset::from_values(rows.collect(), labels.collect()).unwrap();
    let perceptron = accuracies::<MnistClassifier<128>, _>(&train, &some, &test, 2);
    let [train, some, test] = [train, some, test].map(|data| data.reshaped());
    let lenet = accuracies::<LeNet, Image<1, 28, 28>>(&train, &some, &test, 1);
    for ([exact, eight_bit], least) in [(perceptron, 96.0), (lenet, 97.0)] {
        assert!(exact > least, "f32: {exact} %");
        assert!(
            eight_bit > exact - 0.2,
            "{eight_bit} % instead of {exact} %"
        );
    }
}
