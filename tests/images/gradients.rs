//! Gradients with respect to parameters and inputs, against central differences of plain loops in `f64`.

use tuplenet::{
    data::Targets,
    layers::{Kernel, Padding, RectConv2d, Stride},
    prelude::*,
    shape::{Features, Image, Numbers},
    target::Classes,
};
use tuplenet_textbook::logits;

use crate::finite_differences::mean_loss;

/// Irregular numbers from -1 to 1, of which no two are equal, so that no maximum is at a kink.
fn numbers(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i as f64 * 0.754877666) % 1.0 * 2.0 - 1.0) as f32)
        .collect()
}

fn check<N, S: Numbers>()
where
    N: Network<In = S, Output = Features<3>>,
{
    const SAMPLES: usize = 3;
    let features = numbers(SAMPLES * S::LEN);
    let data = Dataset::<S, Classes<3>>::from_values(features.clone(), vec![2, 0, 1]).unwrap();
    let Targets::Labels(labels) = data.targets() else {
        panic!("made with labels")
    };
    let weights = Weights::<N>::init(5);
    let net = Tape::<N>::new(weights.clone()).unwrap();
    let uploaded = net.upload(&data).unwrap();
    let (_, on_tape) = net
        .gradient(&uploaded, &[0, 1, 2], Loss::CrossEntropy)
        .unwrap();
    let fused = Fused::<N>::new(weights.clone()).unwrap();
    let uploaded = fused.upload(&data).unwrap();
    let (_, on_fused) = fused
        .gradient(&uploaded, &[0, 1, 2], Loss::CrossEntropy)
        .unwrap();

    let double = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let samples: Vec<Vec<f64>> = features.chunks(S::LEN).map(double).collect();
    let mut w = double(weights.as_slice());
    let h = 1e-6;
    let close = |found: f32, slope: f64, what: String| {
        assert!(
            (f64::from(found) - slope).abs() < 1e-5,
            "{what}: {found} against {slope}"
        );
    };
    for i in 0..w.len() {
        let at = w[i];
        let [above, below] = [h, -h].map(|h| {
            w[i] = at + h;
            mean_loss(&N::PLAN, &w, &samples, labels, &Loss::CrossEntropy)
        });
        w[i] = at;
        for (engine, gradient) in [("tape", &on_tape), ("fused", &on_fused)] {
            close(
                gradient.as_slice()[i],
                (above - below) / (2.0 * h),
                format!("{engine}, parameter {i}"),
            );
        }
    }
    if N::PLAN.statistics() > 0 {
        // The saliency of a sample is that of the running statistics.
        return;
    }
    let sample = data.sample(1).unwrap();
    let saliency = net.saliencies(S::values(&sample), &[2]).unwrap();
    let mut x = samples[1].clone();
    for i in 0..x.len() {
        let at = x[i];
        let [above, below] = [h, -h].map(|h| {
            x[i] = at + h;
            logits(&N::PLAN, &w, &x)[2]
        });
        x[i] = at;
        close(
            saliency[i],
            (above - below) / (2.0 * h),
            format!("input {i}"),
        );
    }
}

macro_rules! checks {
    ($($name:ident: [$c:literal $h:literal $w:literal] $($layer:ty),*;)*) => {$(
        #[test]
        fn $name() {
            check::<(Image<$c, $h, $w>, $($layer),*), Image<$c, $h, $w>>();
        }
    )*};
}
checks! {
    convolution: [2 5 4] Conv2d<2, 3, 3>, Tanh, Flatten, LazyLinear<3>;
    convolution_with_padding_and_stride: [2 5 6] Conv2d<2, 3, 4, 2, 1>, Tanh, Flatten, LazyLinear<3>;
    convolution_of_single_pixels: [3 3 2] Conv2d<3, 4, 1>, Sigmoid, Conv2d<4, 2, 1>, Flatten, LazyLinear<3>;
    convolution_with_groups: [4 4 5] Conv2d<4, 6, 3, 1, 1, 2>, Tanh, Conv2d<6, 6, 2, 2, 1, 6>, Flatten, LazyLinear<3>;
    rectangular_convolution: [2 6 5] RectConv2d<2, 3, Kernel<4, 1>, Stride<1, 2>, Padding<2, 0>>, Tanh,
        RectConv2d<3, 6, Kernel<2, 3>, Stride<4, 1>, Padding<0, 1>, 3>, Flatten, LazyLinear<3>;
    silu: [2 4 4] Conv2d<2, 3, 3>, SiLU, Conv2d<3, 2, 2>, SiLU, Flatten, LazyLinear<3>;
    elu: [2 4 4] Conv2d<2, 3, 3>, ELU<50>, Conv2d<3, 2, 2>, ELU, Flatten, LazyLinear<3>;
    hardswish: [2 4 4] Conv2d<2, 3, 3>, Hardswish, Conv2d<3, 2, 2>, Hardswish, Flatten, LazyLinear<3>;
    max_pooling: [2 4 6] MaxPool2d<2>, Tanh, Flatten, LazyLinear<3>;
    overlapping_max_pooling: [1 7 6] MaxPool2d<3, 2, 1>, Flatten, LazyLinear<3>;
    mean_pooling: [2 6 6] AvgPool2d<3>, Tanh, Flatten, LazyLinear<3>;
    overlapping_mean_pooling: [2 5 4] AvgPool2d<3, 1, 1>, Flatten, LazyLinear<3>;
    pooling_that_drops_rows_and_columns: [1 7 6] Floor<MaxPool2d<2>>, Tanh, Floor<AvgPool2d<2>>, Flatten, LazyLinear<3>;
    global_mean_pooling: [3 4 5] GlobalAvgPool2d, Tanh, Linear<3, 3>;
    residuals: [2 4 5] Residual<(Tanh, Conv2d<2, 2, 3, 1, 1>)>, Residual<(Conv2d<2, 3, 3, 2, 1>, Sigmoid), (Conv2d<2, 3, 1, 2>,)>,
        Flatten, LazyLinear<4>, Residual<(Linear<4, 4>, Tanh)>, Linear<4, 3>;
    layer_normalisation: [2 3 4] LayerNorm<2, 3, 4>, Conv2d<2, 3, 2>, LayerNorm<3, 2, 3>, Tanh, Flatten, LazyLinear<5>, LayerNorm<5>,
        Linear<5, 3>;
    layer_normalisation_without_a_window: [3 2 3] Dropout2d<50>, LayerNorm<3, 2, 3>, ChannelPReLU<3>, Flatten, LazyLinear<3>;
    prelu: [2 4 4] PReLU, Conv2d<2, 3, 3>, ChannelPReLU<3>, Dropout2d<50>, Conv2d<3, 2, 2>, PReLU, Flatten, LazyLinear<5>,
        ChannelPReLU<5>, Linear<5, 3>;
    concatenations: [2 4 5] Concat<(Identity, (Tanh, Conv2d<2, 3, 3, 1, 1>))>, Tanh,
        Concat<(Concat<(Conv2d<5, 2, 3, 2, 1>, MaxPool2d<3, 2, 1>)>, (Conv2d<5, 2, 1, 2>, Sigmoid))>,
        Flatten, LazyLinear<4>, Concat<(Identity, (Linear<4, 13>, Tanh), Identity)>, Linear<21, 3>;
    batch_normalisation_of_concatenations: [2 3 3] Concat<(Identity, Sigmoid)>, Concat<(BatchNorm2d<4>, Conv2d<4, 2, 1>)>,
        BatchNorm2d<6>, Tanh, Flatten, LazyLinear<4>, Concat<((BatchNorm1d<4>, Tanh), Linear<4, 2>)>, BatchNorm1d<6>, Linear<6, 3>;
    batch_normalisation: [2 3 4] BatchNorm2d<2>, Conv2d<2, 3, 2>, BatchNorm2d<3>, Tanh, Flatten, LazyLinear<3>;
    batch_normalisation_without_a_window: [2 2 3] BatchNorm2d<2>, Tanh, Flatten, LazyLinear<3>;
    batch_normalisation_of_vectors: [1 2 3] Flatten, LazyLinear<5>, BatchNorm1d<5>, Sigmoid, Linear<5, 3>, BatchNorm1d<3>;
    batch_normalisation_in_branches: [2 3 3] Residual<(BatchNorm2d<2>, Tanh, Conv2d<2, 2, 3, 1, 1>, BatchNorm2d<2>)>, Sigmoid,
        Residual<(Conv2d<2, 3, 1>, BatchNorm2d<3>), (BatchNorm2d<2>, Conv2d<2, 3, 1>)>, Flatten, LazyLinear<3>;
}
