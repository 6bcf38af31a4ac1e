//! The backward pass of 16 samples through the images, and the gradients of the weights.

use std::ops::Range;

use super::{BatchBlock, BlockBuffers, WorkerBuffers};
use crate::engine::fused::{
    kernels::{
        Convolve, Derivative, Epilogue, KernelGradient, MultiplyDerivative, NormGradient,
        PoolGradient, SequenceGradient, Sum, Unflatten, Winograd, dispatch,
    },
    memory::{
        image::{ImageBuffer, ImageView},
        matrix::{Matrix, View},
    },
    program::{Contribution, ImageOp, Images, Value},
    run::model::Model,
};

/// A backward pass.
pub(crate) struct Backward<'a> {
    pub(crate) model: &'a Model,
    pub(crate) images: &'a Images,
    pub(crate) block: &'a BlockBuffers,
    pub(crate) worker: &'a WorkerBuffers,
    /// As [`ImageBuffers::gradients`](super::ImageBuffers), of the group.
    pub(crate) gradients: &'a [Matrix],
    /// For each embedding, the gradient of its outputs.
    pub(crate) sequences: &'a [Matrix],
    /// The samples' rows of the batch.
    pub(crate) rows: Range<usize>,
    /// Whether the gradients are added to those that are there, or replace them.
    pub(crate) adds: bool,
    pub(crate) batch: BatchBlock<'a>,
}

impl Backward<'_> {
    /// Begins with `delta`, the gradient of the vectors' input, for the rows of the samples.
    ///
    /// # Safety
    /// No other thread uses the worker's buffers or these gradients, and none writes the block's, until this returns.
    pub(crate) unsafe fn begin(&self, delta: View<'_>) {
        for image in &self.images.flattened {
            let (Some(at), Some(Contribution { completes, .. })) =
                (image.operand.value.checked_sub(1), image.operand.gradient)
            else {
                continue;
            };
            // SAFETY: guaranteed by the caller; views of a buffer to write end before it is read.
            unsafe {
                let output = self.delta(at).view_mut();
                let blocks = image.blocks(&output.layout);
                let input = delta.within(blocks, 0..delta.rows);
                dispatch(self.model.simd, Unflatten { input, output });
                if completes {
                    self.multiply_derivative(at);
                }
            }
        }
    }

    /// Adds up the gradient of the outputs of layer `at`, a batch normalisation.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    pub(crate) unsafe fn add_up(&self, at: usize) {
        let layer = &self.images.layers[at];
        if let Some(norm) = layer.op.norm() {
            // SAFETY: guaranteed by the caller.
            unsafe {
                let (delta, input) = (self.delta(at).view(), self.value(layer.operands[0].value));
                self.batch.add_up(self.model, norm, delta, input);
            }
        }
    }

    pub(super) fn delta(&self, at: usize) -> &ImageBuffer {
        self.block.delta(self.worker, at)
    }

    /// The gradients of layer `at`'s weights, and its terms in those of its operands. The gradient of its outputs is complete;
    /// if it is a batch normalisation, the batch has been [added up](Backward::add_up).
    ///
    /// # Safety
    /// As [`Backward::begin`].
    pub(crate) unsafe fn layer(&self, at: usize) {
        let (simd, layer) = (self.model.simd, &self.images.layers[at]);
        // SAFETY: guaranteed by the caller; the gradients of this layer and of the one before it are different buffers.
        unsafe {
            match &layer.op {
                ImageOp::LayerNorm { weights } => return self.layer_norm(at, *weights),
                ImageOp::PRelu(prelu) => return self.prelu(at, prelu),
                _ => {}
            }
            if let ImageOp::Convolution(convolution) = &layer.op
                && let Some(pool) = convolution.selected_by
                && self.model.skips_zeros()
            {
                return self.selected(at, convolution, pool);
            }
            let delta = self.delta(at).view();
            if let ImageOp::Embedding(embedding) = &layer.op {
                let output = &self.sequences[embedding.index];
                let [start, end] =
                    [self.rows.start, self.rows.end].map(|row| row * embedding.tokens);
                let gradient = SequenceGradient {
                    input: delta,
                    output: output.view_mut(0..output.blocks(), start..end),
                };
                dispatch(simd, gradient);
            }
            if let ImageOp::Convolution(convolution) = &layer.op {
                let output = &self.gradients[convolution.weights];
                let input = self.value(layer.operands[0].value);
                let scratch = KernelGradient::scratch_len(convolution.window.fan_in());
                for [inputs, outputs] in convolution.groups() {
                    let gradient = KernelGradient {
                        pass: &convolution.forward,
                        input: input.channels(inputs),
                        delta: delta.channels(outputs.clone()),
                        output: output.view_mut(0..output.blocks(), 0..output.rows()),
                        first: outputs.start,
                        adds: self.adds,
                        scratch: self.worker.sums.slice_mut(0..scratch),
                    };
                    dispatch(simd, gradient);
                }
            }
            for operand in &layer.operands {
                if let Some(contribution) = operand.gradient
                    && let Some(before) = operand.value.checked_sub(1)
                {
                    self.contribute(at, delta, (before, operand.first), contribution);
                }
            }
        }
    }

    /// Layer `at`'s term in the gradient of the outputs of layer `before`; the operand's channels begin at `first` in those of `at`.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    unsafe fn contribute(
        &self,
        at: usize,
        delta: ImageView<'_>,
        (before, first): (usize, usize),
        Contribution { adds, completes }: Contribution,
    ) {
        let (simd, layer) = (self.model.simd, &self.images.layers[at]);
        let buffer = self.delta(before);
        // SAFETY: guaranteed by the caller; the gradients of two layers are different buffers.
        unsafe {
            let derivative = self.term_derivative(before, completes);
            let mut output = buffer.view_mut();
            let channel_epilogue =
                |channel| Epilogue::Derivative(derivative.map(|image| image.channel(channel)));
            match &layer.op {
                ImageOp::Convolution(convolution) if convolution.uses_winograd => {
                    for pass in &convolution.backward {
                        let squares = &self.worker.squares;
                        let winograd = Winograd {
                            pass,
                            input: delta,
                            weights: self.worker.weights.winograd(convolution, true),
                            output: buffer.view_mut(),
                            adds,
                            epilogue: Epilogue::Derivative(derivative),
                            scratch: squares.slice_mut(0..squares.len()),
                        };
                        dispatch(simd, winograd);
                    }
                }
                ImageOp::Convolution(convolution) => {
                    for (group, [inputs, outputs]) in convolution.groups().enumerate() {
                        let delta = delta.channels(outputs);
                        let derivative = derivative.map(|image| image.channels(inputs.clone()));
                        let weights = self.worker.weights.backward(convolution, group);
                        for (pass, weights) in convolution.backward.iter().zip(weights) {
                            let convolve = Convolve {
                                pass,
                                input: delta,
                                weights,
                                output: output.channels(inputs.clone()),
                                adds,
                                epilogue: Epilogue::Derivative(derivative),
                            };
                            dispatch(simd, convolve);
                        }
                    }
                }
                ImageOp::MaxPool(window) | ImageOp::AvgPool(window) => {
                    let is_masked = self.images.masks_by_maximum(at);
                    let is_max = matches!(layer.op, ImageOp::MaxPool(_));
                    let gradient = PoolGradient {
                        window: *window,
                        delta,
                        argmax: is_max.then(|| self.block.argmax[at].view()),
                        maxima: is_masked.then(|| self.block.outputs[at].view()),
                        adds,
                        output,
                    };
                    dispatch(simd, gradient);
                    if completes && !is_masked {
                        self.multiply_derivative(before);
                    }
                }
                ImageOp::Norm(norm) => {
                    let input = self.value(layer.operands[0].value);
                    for channel in 0..norm.channels {
                        let views = (delta, input);
                        let gradient = NormGradient {
                            term: self.batch.gradient(self.model, norm, channel, views),
                            adds,
                            output: output.channel(channel),
                            epilogue: channel_epilogue(channel),
                        };
                        dispatch(simd, gradient);
                    }
                }
                // see `layer`
                ImageOp::LayerNorm { .. } | ImageOp::PRelu(_) => {}
                // they read the network's input, whose gradient is not computed
                ImageOp::Part { .. } | ImageOp::Embedding(_) => {}
                ImageOp::Sum | ImageOp::Concat => {
                    for channel in 0..output.layout.channels {
                        let sum = Sum {
                            first: delta.channel(first + channel),
                            second: None,
                            adds,
                            output: output.channel(channel),
                            epilogue: channel_epilogue(channel),
                        };
                        dispatch(simd, sum);
                    }
                }
            }
        }
    }

    /// The derivatives by which a term in the gradient of layer `at`'s outputs is multiplied: those of the operations after it,
    /// if the term `completes` the gradient.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    pub(super) unsafe fn term_derivative(
        &self,
        at: usize,
        completes: bool,
    ) -> Derivative<ImageView<'_>> {
        match completes {
            // SAFETY: guaranteed by the caller.
            true => unsafe { self.derivative_of(at) },
            false => Derivative::One,
        }
    }

    /// Multiplies the gradient of layer `at`'s outputs by the derivatives of the operations after it.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    unsafe fn multiply_derivative(&self, at: usize) {
        // SAFETY: guaranteed by the caller.
        let multiply = unsafe {
            MultiplyDerivative {
                derivative: self.derivative_of(at),
                delta: self.delta(at).view_mut(),
            }
        };
        dispatch(self.model.simd, multiply);
    }

    /// A value of the forward pass.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    pub(super) unsafe fn value(&self, value: Value) -> ImageView<'_> {
        // SAFETY: guaranteed by the caller.
        unsafe {
            self.block
                .value(Some(self.worker), self.images, value)
                .view()
        }
    }

    /// The derivatives of the operations after layer `at`.
    ///
    /// # Safety
    /// As [`Backward::begin`].
    pub(super) unsafe fn derivative_of(&self, at: usize) -> Derivative<ImageView<'_>> {
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
