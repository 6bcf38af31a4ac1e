//! Maxima: equal ones, NaN, and positions outside of the image.

use tuplenet::{prelude::*, shape::Image, target::Classes};

type Pool = (Image<1, 2, 4>, MaxPool2d<2>, Flatten, LazyLinear<1>);
type Overlapping = (Image<1, 3, 3>, MaxPool2d<3, 2, 1>, Flatten, LazyLinear<4>);

/// Weights of 1, so that the gradient of the logit is that of the sum of the maxima.
fn sum_of_maxima() -> Tape<Pool> {
    Tape::new(Weights::from_slice(&[1.0, 1.0, 0.0]).unwrap()).unwrap()
}

#[test]
fn the_gradient_goes_to_the_first_of_equal_maxima() {
    let net = sum_of_maxima();
    let sample = [[0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 2.0, 2.0]];
    assert_eq!(net.predict(&sample).unwrap(), [2.0]);
    let gradient = net.saliency(&sample, 0).unwrap();
    assert_eq!(gradient, [[[1.0, 0.0, 0.0, 1.0], [0.0; 4]]]);
}

#[test]
fn a_nan_is_the_maximum_of_its_window_alone() {
    let net = sum_of_maxima();
    let fused = Fused::new(net.weights().unwrap()).unwrap();
    for at in 0..8 {
        let mut sample = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]];
        sample[at / 4][at % 4] = f32::NAN;
        assert!(net.predict(&sample).unwrap()[0].is_nan(), "{at}");
        // of a batch, with a sample without NaN
        let batch = [sample.as_flattened(), &[1.0; 8]].concat();
        let logits = fused.forward(&batch).unwrap();
        assert!(logits[0].is_nan() && logits[1] == 2.0, "{at}: {logits:?}");
        let gradient = net
            .saliency(&sample, 0)
            .unwrap()
            .as_flattened()
            .as_flattened()
            .to_vec();
        let other = if at % 4 < 2 { 7 } else { 5 };
        let expected: Vec<f32> = (0..8)
            .map(|i| f32::from(u8::from(i == at || i == other)))
            .collect();
        assert_eq!(gradient, expected, "{at}");
    }
}

/// With a NaN among the weights, the same logits and the same gradients are NaN on both engines.
#[test]
fn a_nan_weight_makes_the_same_gradients_nan_on_every_engine() {
    type Net = (
        Image<1, 4, 4>,
        Conv2d<1, 2, 3, 1, 1>,
        ReLU,
        MaxPool2d<2>,
        Flatten,
        LazyLinear<3>,
    );
    let values = (0..32).map(|i| (i * 7 % 11) as f32 / 11.0).collect();
    let data = Dataset::<Image<1, 4, 4>, Classes<3>>::from_values(values, vec![0, 2]).unwrap();
    let is_nan = |values: &[f32]| values.iter().map(|v| v.is_nan()).collect::<Vec<bool>>();
    for at in 0..Net::PARAMS {
        let mut weights = Weights::<Net>::init(3);
        weights.as_mut_slice()[at] = f32::NAN;
        let tape = Tape::<Net>::new(weights.clone()).unwrap();
        let fused = Fused::<Net>::new(weights).unwrap();
        let (on_tape, on_fused) = (tape.upload(&data).unwrap(), fused.upload(&data).unwrap());
        let theirs = is_nan(&tape.logits(&on_tape, &[0, 1]).unwrap());
        assert_eq!(is_nan(&fused.logits(&on_fused, &[0, 1]).unwrap()), theirs);
        assert!(theirs.contains(&true));
        let loss = Loss::CrossEntropy;
        let (_, theirs) = tape.gradient(&on_tape, &[0, 1], loss.clone()).unwrap();
        let (_, ours) = fused.gradient(&on_fused, &[0, 1], loss.clone()).unwrap();
        assert_eq!(is_nan(ours.as_slice()), is_nan(theirs.as_slice()), "{at}");
    }
}

#[test]
fn nothing_outside_of_the_image_is_a_maximum() {
    let mut identity = Weights::<Overlapping>::zeros();
    for output in 0..4 {
        identity.as_mut_slice()[output * 4 + output] = 1.0;
    }
    let net = Tape::<Overlapping>::new(identity.clone()).unwrap();
    let fused = Fused::<Overlapping>::new(identity).unwrap();
    // All below the zeros of a padding.
    let sample = [[-9.0, -8.0, -7.0], [-6.0, -5.0, -4.0], [-3.0, -2.0, -1.0]];
    let expected = [-5.0, -4.0, -2.0, -1.0];
    assert_eq!(net.predict(&sample).unwrap(), expected);
    assert_eq!(fused.predict(&sample).unwrap(), expected);
}

/// A kernel that copies one pixel, of four that are equal: the gradients of its other weights tell which window it was.
#[test]
fn weights_have_the_gradient_of_the_first_of_equal_maxima_on_every_engine() {
    type Net = (
        Image<1, 3, 3>,
        Conv2d<1, 1, 2>,
        MaxPool2d<2>,
        Flatten,
        LazyLinear<2>,
    );
    let weights = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0];
    let weights = Weights::<Net>::from_slice(&weights).unwrap();
    let values = vec![1.0, 1.0, 2.0, 1.0, 1.0, 3.0, 4.0, 5.0, 6.0];
    let data = Dataset::<Image<1, 3, 3>, Classes<2>>::from_values(values, vec![1]).unwrap();
    let tape = Tape::<Net>::new(weights.clone()).unwrap();
    let fused = Fused::<Net>::new(weights).unwrap();
    let (on_tape, on_fused) = (tape.upload(&data).unwrap(), fused.upload(&data).unwrap());
    let loss = Loss::CrossEntropy;
    let [theirs, ours] = [
        tape.gradient(&on_tape, &[0], loss.clone()).unwrap().1,
        fused.gradient(&on_fused, &[0], loss.clone()).unwrap().1,
    ];
    for gradient in [theirs, ours] {
        // all four pixels of the first window are 1
        let [first, others @ ..] = &gradient.as_slice()[..4] else {
            panic!("a kernel of 2 x 2")
        };
        assert!(others.iter().all(|other| other == first), "{gradient:?}");
    }
}
