//! The backward pass of 16 samples through the images, and the gradients of the weights.

use super::{BlockBuffers, WorkerBuffers};
use crate::engine::fused::{
    kernels::{
        Convolve, Derivative, Epilogue, KernelGradient, MultiplyDerivative, PoolGradient,
        Unflatten, dispatch,
    },
    memory::{
        image::ImageView,
        matrix::{Matrix, View},
    },
    program::{ImageOp, Images},
    run::model::Model,
};

/// A backward pass.
pub(crate) struct Backward<'a> {
    pub(crate) model: &'a Model,
    pub(crate) images: &'a Images,
    pub(crate) block: &'a BlockBuffers,
    pub(crate) worker: &'a WorkerBuffers,
    /// For each convolution, the gradient of its weights.
    pub(crate) gradients: &'a [Matrix],
    /// Whether the gradients are added to those that are there, or replace them.
    pub(crate) adds: bool,
}

impl Backward<'_> {
    /// Every layer from the last one back to the first convolution; `delta` is the gradient of the flattened last image.
    ///
    /// # Safety
    /// No other thread uses the worker's buffers or these gradients, and none writes the block's, until this returns.
    pub(crate) unsafe fn run(&self, delta: View<'_>) {
        let layers = &self.images.layers;
        let last = layers.len() - 1;
        // SAFETY: guaranteed by the caller; views of a buffer to write end before it is read.
        unsafe {
            let output = self.worker.deltas[last].view_mut();
            dispatch(
                self.model.simd,
                Unflatten {
                    input: delta,
                    output,
                },
            );
            self.multiply_derivative(last);
            for at in (0..layers.len()).rev() {
                self.layer(at);
            }
        }
    }

    /// The gradients of layer `at`'s weights, and of the operation before its input.
    ///
    /// # Safety
    /// As [`Backward::run`].
    unsafe fn layer(&self, at: usize) {
        let (simd, layer) = (self.model.simd, &self.images.layers[at]);
        // SAFETY: guaranteed by the caller; the gradients of this layer and of the one before it are different buffers.
        unsafe {
            let delta = self.worker.deltas[at].view();
            if let ImageOp::Convolution(convolution) = &layer.op {
                let output = &self.gradients[convolution.index];
                let fan_in = layer.window.fan_in();
                let gradient = KernelGradient {
                    pass: &convolution.forward,
                    input: self.input_of(at),
                    delta,
                    output: output.view_mut(0..output.blocks(), 0..output.rows()),
                    adds: self.adds,
                    scratch: self
                        .worker
                        .sums
                        .slice_mut(0..KernelGradient::scratch_len(fan_in)),
                };
                dispatch(simd, gradient);
            }
            if !layer.has_input_gradient {
                return;
            }
            let before = &self.worker.deltas[at - 1];
            match &layer.op {
                ImageOp::Convolution(convolution) => {
                    let weights = self.worker.weights.backward(convolution);
                    for (pass, weights) in convolution.backward.iter().zip(weights) {
                        let convolve = Convolve {
                            pass,
                            input: delta,
                            weights,
                            output: before.view_mut(),
                            epilogue: Epilogue::Derivative(self.derivative_of(at - 1)),
                        };
                        dispatch(simd, convolve);
                    }
                }
                ImageOp::MaxPool | ImageOp::AvgPool => {
                    let is_masked = self.images.masks_by_maximum(at);
                    let is_max = matches!(layer.op, ImageOp::MaxPool);
                    let gradient = PoolGradient {
                        window: layer.window,
                        delta,
                        argmax: is_max.then(|| self.block.argmax[at].view()),
                        maxima: is_masked.then(|| self.block.outputs[at].view()),
                        output: before.view_mut(),
                    };
                    dispatch(simd, gradient);
                    if !is_masked {
                        self.multiply_derivative(at - 1);
                    }
                }
            }
        }
    }

    /// Multiplies the gradient of layer `at`'s outputs by the derivatives of the operations after it.
    ///
    /// # Safety
    /// As [`Backward::run`].
    unsafe fn multiply_derivative(&self, at: usize) {
        // SAFETY: guaranteed by the caller.
        let multiply = unsafe {
            MultiplyDerivative {
                derivative: self.derivative_of(at),
                delta: self.worker.deltas[at].view_mut(),
            }
        };
        dispatch(self.model.simd, multiply);
    }

    /// The input of layer `at`.
    ///
    /// # Safety
    /// As [`Backward::run`].
    unsafe fn input_of(&self, at: usize) -> ImageView<'_> {
        let buffer = match at.checked_sub(1) {
            None => &self.block.input,
            Some(before) => self.block.outputs(Some(self.worker), self.images, before),
        };
        // SAFETY: guaranteed by the caller.
        unsafe { buffer.view() }
    }

    /// The derivatives of the operations after layer `at`.
    ///
    /// # Safety
    /// As [`Backward::run`].
    unsafe fn derivative_of(&self, at: usize) -> Derivative<ImageView<'_>> {
        let layer = &self.images.layers[at];
        // SAFETY: guaranteed by the caller.
        unsafe {
            if layer.is_relu() {
                Derivative::Relu(self.block.outputs[at].view())
            } else if layer.stores_derivatives() {
                Derivative::Stored(self.block.derivatives[at].view())
            } else {
                Derivative::One
            }
        }
    }
}
