//! A convolution of which only the maximum of each channel is read, in the backward pass.

use super::backward::Backward;
use crate::engine::fused::{
    kernels::{SelectedGradient, Untranspose, dispatch},
    program::{Contribution, Convolution},
};

impl Backward<'_> {
    /// The gradient of the weights of layer `at`, a convolution whose outputs only layer `pool` reads, the maximum of each
    /// channel; and its term in the gradient of its input.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    pub(super) unsafe fn selected(&self, at: usize, convolution: &Convolution, pool: usize) {
        let operand = &self.images.layers[at].operands[0];
        let (before, contribution) = (operand.value.checked_sub(1), operand.gradient);
        let matrix = &self.gradients[convolution.weights];
        let [transposed, gradient] = &self.worker.transposed;
        // SAFETY: guaranteed by the caller; the gradients of this layer and of the one before it are different buffers.
        unsafe {
            let input = self.value(operand.value);
            let len = SelectedGradient::len(&input.layout);
            let room = if contribution.is_some() { len } else { 0 };
            let kernel = SelectedGradient {
                pass: &convolution.forward,
                input,
                delta: self.delta(at).view(),
                argmax: self.block.argmax[pool].view(),
                weights: self.worker.weights.selected(convolution),
                output: matrix.view_mut(0..matrix.blocks(), 0..matrix.rows()),
                adds: self.adds,
                transposed: transposed.slice_mut(0..len),
                gradient: gradient.slice_mut(0..room),
            };
            dispatch(self.model.simd, kernel);
            if let (Some(before), Some(Contribution { adds, completes })) = (before, contribution) {
                let kernel = Untranspose {
                    gradient: gradient.slice(0..len),
                    layout: input.layout,
                    adds,
                    derivative: self.term_derivative(before, completes),
                    output: self.delta(before).view_mut(),
                };
                dispatch(self.model.simd, kernel);
            }
        }
    }
}
