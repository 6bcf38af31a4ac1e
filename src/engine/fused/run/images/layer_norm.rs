//! Layer normalisation of images: each sample by itself, so each lane of a block.

use super::{Backward, Forward};
use crate::engine::fused::{
    kernels::{
        Deviations, Epilogue, ImageNormGradient, ImageNormSums, LaneNumbers, NormalizeImage,
        SampleNumbers, dispatch,
    },
    memory::image::{ImageView, ImageViewMut},
    program::{Contribution, Operand, SAMPLES},
    run::model::Model,
};

/// The mean and the deviation of each lane of an image.
fn measure(model: &Model, input: ImageView<'_>) -> LaneNumbers {
    let deviations = |mean| {
        let mut totals = [[0.0; SAMPLES]; 2];
        for channel in 0..input.layout.channels {
            let values = input.channel(channel);
            let sums = dispatch(model.simd, Deviations { values, mean });
            let all = totals.as_flattened_mut().iter_mut();
            for (total, sum) in all.zip(sums.as_flattened()) {
                *total += f64::from(*sum);
            }
        }
        totals
    };
    let count = input.layout.pixel_count() as f64;
    let [sums, _] = deviations([0.0; SAMPLES]);
    let near = sums.map(|sum: f64| (sum / count) as f32);
    let [sums, squares] = deviations(near);
    let mut numbers = LaneNumbers::default();
    for lane in 0..SAMPLES {
        let sums = [sums[lane], squares[lane]];
        let of_lane = SampleNumbers::around(near[lane], count, sums);
        numbers.mean[lane] = of_lane.mean;
        numbers.inverse[lane] = of_lane.inverse;
    }
    numbers
}

impl Forward<'_> {
    /// Layer `at`, a layer normalisation with these weights.
    ///
    /// # Safety
    /// As [`Forward::begin`].
    pub(super) unsafe fn layer_norm(
        &self,
        at: usize,
        weights: usize,
        input: ImageView<'_>,
        output: ImageViewMut<'_>,
    ) {
        let numbers = measure(self.model, input);
        if let Some(place) = self.block.sample_numbers.get(at) {
            // SAFETY: guaranteed by the caller.
            unsafe { place.slice_mut(0..1)[0] = numbers };
        }
        let normalize = NormalizeImage {
            input,
            // SAFETY: guaranteed by the caller.
            weights: unsafe { self.model.weights[weights].view() },
            numbers,
            relu: self.images.layers[at].is_relu(),
            output,
        };
        dispatch(self.model.simd, normalize);
    }
}

impl Backward<'_> {
    /// The gradients of the weights of layer `at`, a layer normalisation, and its term in that of its input.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    pub(super) unsafe fn layer_norm(&self, at: usize, weights: usize) {
        let Operand {
            value, gradient, ..
        } = self.images.layers[at].operands[0];
        let matrix = &self.gradients[weights];
        // SAFETY: guaranteed by the caller; the gradients of two layers are different buffers.
        unsafe {
            let (delta, input) = (self.delta(at).view(), self.value(value));
            let numbers = self.block.sample_numbers[at].slice(0..1)[0];
            let weights = self.model.weights[weights].view();
            let sums = ImageNormSums {
                delta,
                input,
                weights,
                numbers,
                gradient: matrix.view_mut(0..matrix.blocks(), 0..2),
                adds: self.adds,
            };
            let sums = dispatch(self.model.simd, sums);
            let Some((Contribution { adds, completes }, before)) =
                gradient.zip(value.checked_sub(1))
            else {
                return;
            };
            let derivative = self.term_derivative(before, completes);
            let count = input.layout.pixel_count() as f64;
            let [sums, products] = sums.map(|sums| sums.map(|sum| (sum / count) as f32));
            let slope = |lane: usize| products[lane] * numbers.inverse[lane].powi(2);
            let gradient = ImageNormGradient {
                delta,
                input,
                weights,
                numbers,
                mean_delta: sums,
                slope: std::array::from_fn(slope),
                adds,
                output: self.delta(before).view_mut(),
                epilogue: Epilogue::Derivative(derivative),
            };
            dispatch(self.model.simd, gradient);
        }
    }
}
