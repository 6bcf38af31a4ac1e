//! Logits beside those of the network in `f32` that an eight-bit model was made from. `bits.rs` compares with the file alone, and so
//! does not see what the `Quantizer` writes into it.

use tuplenet::{
    prelude::*,
    quantized::{Quantized, Quantizer},
    shape::{Features, Image, Sample, Shape},
    target::Values,
};

use crate::{bits::random_weights, samples::Numbers};

/// The largest error of logits, as a part of their spread: root mean squares of both. Of these networks, the largest is 0.035.
const TOLERANCE: f64 = 0.06;

fn near<N, S: Shape, const O: usize>()
where
    N: Network<In = S, Output = Features<O>>,
    S::Array: Sample<S>,
{
    const SAMPLES: usize = 64;
    let mut numbers = Numbers(7);
    let weights = random_weights::<N>(&mut numbers);
    // features of different sizes, as those before a `Standardize` are
    let value = |i: usize| (4.0 * numbers.next() - 1.0) * [1.0, 0.2, 2.0][i % S::LEN % 3];
    let values = (0..SAMPLES * S::LEN).map(value).collect();
    let data = Dataset::<S, Values<O>>::regression(values, vec![0.0; SAMPLES * O]).unwrap();
    let file = Quantizer::new(&weights).calibrate(&data).unwrap();
    let model = Quantized::<N>::from_bytes(&file.to_bytes().unwrap()).unwrap();
    let exact = Fused::<N>::new(weights).unwrap();
    let samples = || (0..SAMPLES).map(|i| data.sample(i).unwrap());
    let logits: Vec<[f32; O]> = samples().map(|it| exact.predict(&it).unwrap()).collect();
    let square = |difference: f32| f64::from(difference).powi(2);
    let (mut error, mut spread) = (0.0, 0.0);
    for (sample, exact) in samples().zip(&logits) {
        for (output, found) in model.predict(&sample).into_iter().enumerate() {
            let mean = logits.iter().map(|it| it[output]).sum::<f32>() / SAMPLES as f32;
            error += square(found - exact[output]);
            spread += square(exact[output] - mean);
        }
    }
    let error = (error / spread).sqrt();
    println!("{}: {error:.4}", std::any::type_name::<N>());
    assert!(error < TOLERANCE, "{error}");
}

#[test]
fn vectors() {
    near::<(Linear<12, 20>, ReLU, Linear<20, 3>), _, 3>();
    type Normalised = (
        Standardize<9>,
        (Linear<9, 18>, BatchNorm1d<18>, ReLU),
        (Linear<18, 12>, BatchNorm1d<12>, Tanh, Linear<12, 3>),
    );
    near::<Normalised, _, 3>();
    near::<(Residual<(Linear<8, 8>, SiLU)>, ReLU, Linear<8, 4>), _, 4>();
}

#[test]
fn images() {
    type Maxima = (
        Image<3, 7, 6>,
        (Conv2d<3, 10, 3, 1, 1>, BatchNorm2d<10>, Tanh),
        (MaxPool2d<3, 1, 1>, Floor<MaxPool2d<2>>),
        (Flatten, LazyLinear<3>),
    );
    near::<Maxima, _, 3>();
    type Means = (
        Image<2, 6, 8>,
        Residual<(Conv2d<2, 2, 3, 1, 1>, BatchNorm2d<2>)>,
        (
            Conv2d<2, 9, 3, 2, 1>,
            Tanh,
            AvgPool2d<3, 1, 1>,
            GlobalAvgPool2d,
        ),
        Linear<9, 3>,
    );
    near::<Means, _, 3>();
}
