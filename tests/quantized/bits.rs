//! Predictions have the bits of the reference, with every instruction set that the processor has.

use safetensors::SafeTensors;
use tuplenet::{
    models::{LeNet, ResNet8},
    prelude::*,
    quantized::{
        Quantized, Quantizer,
        embed::{Level, predict_at},
    },
    shape::{Features, Image, Sample, Shape},
    target::Values,
};

use crate::{reference::File, samples::Numbers};

/// Random weights, with biases and statistics of batch normalisations other than the initial ones.
pub fn random_weights<N: Network>(numbers: &mut Numbers) -> Weights<N> {
    let mut weights = Weights::<N>::init((numbers.next() * 1e6) as u64);
    for weight in weights.as_mut_slice() {
        *weight += 0.2 * (numbers.next() - 0.5);
    }
    for statistic in weights.statistics_mut() {
        // variances stay positive
        *statistic += 0.5 * numbers.next() + 0.1;
    }
    weights
}

/// Compares predictions of random samples with the reference, bit by bit.
fn same_bits<N, S: Shape, const O: usize>(samples: usize)
where
    N: Network<In = S, Output = Features<O>>,
    S::Array: Sample<S>,
{
    let cases = if cfg!(miri) { 1 } else { 3 };
    for seed in 0..cases {
        let mut numbers = Numbers(seed);
        let weights = random_weights::<N>(&mut numbers);
        let mut value = || match numbers.next() {
            ..0.3 => 0.0,
            x => 3.0 * x - 1.5,
        };
        let values: Vec<f32> = (0..samples * S::LEN).map(|_| value()).collect();
        let data = Dataset::<S, Values<O>>::regression(values, vec![0.0; samples * O]).unwrap();
        let file = Quantizer::new(&weights).calibrate(&data).unwrap();
        let file = file.to_bytes().unwrap();
        let samples = || (0..samples).map(|i| data.sample(i).unwrap());
        assert_same::<N, S, O>(&file, samples());
        assert_same::<N, S, O>(&with_other_zero_points(&file, &mut numbers), samples());
    }
}

/// The file with other zero points, also after a ReLU, where the `Quantizer` writes 0.
fn with_other_zero_points(file: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut changed = file.to_vec();
    for (name, tensor) in SafeTensors::deserialize(file).unwrap().tensors() {
        if name.ends_with("zero_point") {
            let at = tensor.data().as_ptr() as usize - file.as_ptr() as usize;
            changed[at] = (256.0 * numbers.next()) as u8;
        }
    }
    changed
}

fn assert_same<N, S: Shape, const O: usize>(file: &[u8], samples: impl Iterator<Item = S::Array>)
where
    N: Network<In = S, Output = Features<O>>,
    S::Array: Sample<S>,
{
    let model = Quantized::<N>::from_bytes(file).unwrap();
    let reference = File::new(file);
    let bits = |logits: &[f32]| logits.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for (at, sample) in samples.enumerate() {
        let expected = reference.logits(&N::PLAN, S::values(&sample));
        let expected = bits(&expected.expect("sums of 32 bits"));
        let of_levels = Level::ALL.iter().filter(|level| level.is_available());
        for &level in of_levels {
            let found = bits(&predict_at(level, &model, &sample));
            assert_eq!(found, expected, "{model:?}, sample {at}, {level:?}");
        }
        assert_eq!(bits(&model.predict(&sample)), expected);
    }
}

#[test]
fn vectors() {
    same_bits::<(Linear<1, 1>,), _, 1>(5);
    same_bits::<(Linear<20, 17>, ReLU, Linear<17, 5>), _, 5>(5);
    same_bits::<(Linear<7, 33>, Dropout<20>, ReLU, Linear<33, 4>, ReLU), _, 4>(5);
    same_bits::<(Linear<130, 150>, ReLU, Linear<150, 64>, ReLU, Linear<64, 3>), _, 3>(3);
    same_bits::<(Linear<30, 290>, ReLU, Linear<290, 2>), _, 2>(3);
}

/// Quads of codes that are all 0 are skipped where they are many, and only there.
#[test]
fn samples_with_zeros() {
    type Net = (Linear<301, 37>, ReLU, Linear<37, 2>);
    let mut numbers = Numbers(5);
    let weights = random_weights::<Net>(&mut numbers);
    for zeros in [0.0, 0.5, 0.9, 0.99, 1.0] {
        let mut value = || match numbers.next() < zeros {
            true => 0.0,
            false => numbers.next() + 0.01,
        };
        let values: Vec<f32> = (0..8 * 301).map(|_| value()).collect();
        let data = Dataset::<Features<301>, Values<2>>::regression(values, vec![0.0; 16]).unwrap();
        let file = Quantizer::new(&weights).calibrate(&data).unwrap();
        let samples = (0..8).map(|i| data.sample(i).unwrap());
        assert_same::<Net, Features<301>, 2>(&file.to_bytes().unwrap(), samples);
    }
}

#[test]
fn standardised_and_normalised_vectors() {
    type Net = (
        Standardize<9>,
        (Linear<9, 18>, BatchNorm1d<18>, ReLU),
        (Linear<18, 31>, BatchNorm1d<31>),
        Linear<31, 3>,
    );
    same_bits::<Net, _, 3>(6);
    same_bits::<(Standardize<5>, Tanh, Linear<5, 2>), _, 2>(6);
}

#[test]
fn tables() {
    type Curves = (
        Sigmoid,
        Tanh,
        LeakyReLU<20>,
        GELU,
        Softplus,
        SiLU,
        ELU<50>,
        Hardswish,
    );
    same_bits::<(Linear<6, 20>, Curves, ReLU, Linear<20, 3>, Sigmoid), _, 3>(6);
    same_bits::<(Input<6>, ReLU, Linear<6, 3>, ReLU, ReLU), _, 3>(6);
    same_bits::<(Input<6>, Dropout<10>), _, 6>(6);
}

#[test]
fn residuals_of_vectors() {
    type Net = (
        Residual<(Linear<12, 12>, ReLU)>,
        ReLU,
        Residual<(Linear<12, 5>, Tanh), (Linear<12, 5>,)>,
        Residual<Identity>,
        Residual<(Linear<5, 5>, Residual<(ReLU, Linear<5, 5>)>)>,
    );
    same_bits::<Net, _, 5>(6);
}

/// Every number of channels and columns that kernels treat differently; strides, paddings and remainders.
#[test]
fn convolutions() {
    type One = (
        Image<1, 9, 7>,
        Conv2d<1, 3, 3>,
        ReLU,
        Flatten,
        LazyLinear<4>,
    );
    same_bits::<One, _, 4>(3);
    type Strided = (
        Image<3, 9, 11>,
        (Conv2d<3, 17, 3, 2, 1>, ReLU, Conv2d<17, 40, 3, 1, 1>, ReLU),
        (Conv2d<40, 70, 2, 2>, Tanh),
        (Flatten, LazyLinear<3>),
    );
    same_bits::<Strided, _, 3>(2);
    type Narrow = (
        Image<5, 8, 3>,
        Conv2d<5, 150, 3, 1, 1>,
        ReLU,
        Conv2d<150, 2, 1>,
        Flatten,
        LazyLinear<2>,
    );
    same_bits::<Narrow, _, 2>(2);
    type Pointwise = (
        Image<6, 4, 4>,
        Conv2d<6, 33, 1>,
        BatchNorm2d<33>,
        GlobalAvgPool2d,
        ReLU,
        Linear<33, 2>,
    );
    same_bits::<Pointwise, _, 2>(3);
    type Sequence = (
        Image<4, 1, 13>,
        Conv1d<4, 18, 3, 1, 1>,
        ReLU,
        Floor<MaxPool1d<2>>,
        Conv1d<18, 5, 2>,
        GlobalMaxPool2d,
    );
    same_bits::<Sequence, _, 5>(3);
}

#[test]
fn poolings() {
    type Padded = (
        Image<18, 6, 6>,
        (Tanh, MaxPool2d<3, 1, 1>, ReLU, AvgPool2d<3, 1, 1>),
        (AvgPool2d<2>, ReLU, MaxPool2d<3>),
        (Flatten, LazyLinear<3>),
    );
    same_bits::<Padded, _, 3>(3);
    type Means = (Image<3, 4, 6>, Conv2d<3, 5, 3, 1, 1>, GlobalAvgPool2d);
    same_bits::<Means, _, 5>(3);
}

/// The input is read with a border by a convolution of 3 x 3 with a stride, and without by the shortcut.
#[test]
fn residuals_of_images() {
    type Block = Residual<
        (
            Conv2d<8, 16, 3, 2, 1>,
            BatchNorm2d<16>,
            ReLU,
            Conv2d<16, 16, 3, 1, 1>,
            BatchNorm2d<16>,
        ),
        (Conv2d<8, 16, 1, 2>,),
    >;
    type Net = (
        Image<8, 8, 12>,
        Block,
        ReLU,
        Residual<(Conv2d<16, 16, 3, 1, 1>,)>,
        GlobalAvgPool2d,
        Linear<16, 3>,
    );
    same_bits::<Net, _, 3>(3);
}

#[test]
fn known_networks() {
    same_bits::<LeNet, _, 10>(2);
    same_bits::<ResNet8<3, 16, 16, 10>, _, 10>(1);
}

/// The largest codes times the largest weights: sums of two such products do not fit in 16 bits.
#[test]
fn extreme_weights_and_codes() {
    type Net = (Linear<64, 16>, ReLU, Linear<16, 2>);
    for sign in [1.0, -1.0] {
        let weights = Weights::<Net>::from_slice(&vec![sign; Net::PARAMS]).unwrap();
        let data = Dataset::<_, Values<2>>::regression(vec![1.0; 64], vec![0.0; 2]).unwrap();
        let file = Quantizer::new(&weights).calibrate(&data).unwrap();
        let file = file.to_bytes().unwrap();
        let samples = [[1.0; 64], [-1.0; 64], [f32::INFINITY; 64], [f32::MIN; 64]];
        assert_same::<Net, Features<64>, 2>(&file, samples.into_iter());
        let [logit, _] = Quantized::<Net>::from_bytes(&file)
            .unwrap()
            .predict(&[1.0; 64]);
        let expected = if sign > 0.0 { 16.0 * 65.0 + 1.0 } else { -1.0 };
        assert!((logit - expected).abs() < 1e-3 * expected.abs(), "{logit}");
    }
}
