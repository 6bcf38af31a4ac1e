//! The parametric ReLU of images.

use super::{Backward, Forward};
use crate::engine::fused::{
    kernels::{Epilogue, PRelu as Kernel, PReluGradient, SlopeSums, dispatch},
    memory::{
        image::{ImageView, ImageViewMut},
        matrix::BLOCK,
    },
    program::{Contribution, Operand, PRelu, SAMPLES},
    run::prelu::slope,
};

impl Forward<'_> {
    /// A parametric ReLU, then ReLU if `relu`.
    ///
    /// # Safety
    /// As [`Forward::begin`].
    pub(super) unsafe fn prelu(
        &self,
        prelu: &PRelu,
        relu: bool,
        input: ImageView<'_>,
        mut output: ImageViewMut<'_>,
    ) {
        let channels = input.layout.channels;
        for channel in 0..channels {
            // SAFETY: guaranteed by the caller.
            let slope = unsafe { slope(self.model, prelu, prelu.slope_of(channel, channels)) };
            let kernel = Kernel {
                input: input.channel(channel),
                slopes: [slope; SAMPLES],
                relu,
                output: output.channel(channel),
            };
            dispatch(self.model.simd, kernel);
        }
    }
}

impl Backward<'_> {
    /// The gradients of the slopes of layer `at`, a parametric ReLU, and its term in that of its input.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    pub(super) unsafe fn prelu(&self, at: usize, prelu: &PRelu) {
        let Operand {
            value, gradient, ..
        } = self.images.layers[at].operands[0];
        let matrix = &self.gradients[prelu.weights];
        // SAFETY: guaranteed by the caller; the gradients of two layers are different buffers.
        unsafe {
            let (delta, input) = (self.delta(at).view(), self.value(value));
            let mut of_slopes = matrix.view_mut(0..matrix.blocks(), 0..1);
            if !self.adds {
                (0..matrix.blocks()).for_each(|block| of_slopes.row(block, 0).fill(0.0));
            }
            let term = gradient.zip(value.checked_sub(1));
            let term = term.map(|(Contribution { adds, completes }, before)| {
                (
                    adds,
                    self.delta(before),
                    self.term_derivative(before, completes),
                )
            });
            let channels = input.layout.channels;
            for channel in 0..channels {
                let at = prelu.slope_of(channel, channels);
                let (delta, input) = (delta.channel(channel), input.channel(channel));
                // Lanes without a sample have a gradient of 0.
                let lanes = dispatch(self.model.simd, SlopeSums { delta, input });
                let sum: f64 = lanes.into_iter().map(f64::from).sum();
                of_slopes.row(at / BLOCK, 0)[at % BLOCK] += sum as f32;
                let Some((adds, output, derivative)) = term else {
                    continue;
                };
                let mut output = output.view_mut();
                let gradient = PReluGradient {
                    delta,
                    input,
                    slopes: [slope(self.model, prelu, at); SAMPLES],
                    adds,
                    output: output.channel(channel),
                    epilogue: Epilogue::Derivative(derivative.map(|image| image.channel(channel))),
                };
                dispatch(self.model.simd, gradient);
            }
        }
    }
}
