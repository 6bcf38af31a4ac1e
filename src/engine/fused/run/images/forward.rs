//! The forward pass of 16 samples through the images.

use std::ops::Range;

use super::{
    BatchBlock, BlockBuffers, InferenceBuffers, PackedWeights, WorkerBuffers, norm::normalize,
};
use crate::{
    data::FeatureValues,
    engine::fused::{
        kernels::{
            AvgPool, Convolve, Elementwise, EmbedSequence, Epilogue, Flatten, Interleave, MaxPool,
            Rows, Samples, Sum, Winograd, dispatch,
        },
        memory::{
            image::{ImageBuffer, ImageViewMut},
            matrix::{View, ViewMut},
        },
        program::{self, ImageOp, Images, Value},
        run::{model::Model, norm::Numbers},
    },
};

/// At most 16 samples.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) samples: Samples<'a>,
    pub(crate) count: usize,
}

impl<'a> Source<'a> {
    /// These samples of a data set.
    pub(crate) fn numbered(features: &'a FeatureValues, samples: &'a [u32]) -> Self {
        Source {
            rows: Rows::of(features),
            samples: Samples::Numbered(samples),
            count: samples.len(),
        }
    }
}

/// A forward pass.
pub(crate) struct Forward<'a> {
    pub(crate) model: &'a Model,
    pub(crate) images: &'a Images,
    pub(crate) source: Source<'a>,
    pub(crate) block: &'a BlockBuffers,
    pub(crate) weights: &'a PackedWeights,
    /// None in inference, where the block has every output.
    pub(crate) worker: Option<&'a WorkerBuffers>,
    /// None in inference, where batch normalisation uses the running statistics.
    pub(crate) batch: Option<BatchBlock<'a>>,
    /// Whether dropout is on.
    pub(crate) dropout: bool,
}

impl InferenceBuffers {
    /// Packs the weights for [`InferenceBuffers::infer`].
    ///
    /// # Safety
    /// No other thread uses these buffers, and none writes the weights, until this returns.
    pub(crate) unsafe fn pack_weights(&self, model: &Model, images: &Images) {
        // SAFETY: guaranteed by the caller.
        unsafe { self.weights.pack(model, images) };
    }

    /// Computes the flattened images of some samples, without dropout.
    ///
    /// # Safety
    /// As [`InferenceBuffers::pack_weights`].
    pub(crate) unsafe fn infer(
        &self,
        model: &Model,
        images: &Images,
        source: Source<'_>,
        output: ViewMut<'_>,
    ) {
        let forward = Forward {
            model,
            images,
            source,
            block: &self.block,
            weights: &self.weights,
            worker: None,
            batch: None,
            dropout: false,
        };
        // SAFETY: guaranteed by the caller.
        unsafe {
            forward.begin();
            forward.layers(0..images.layers.len());
            forward.flatten(output);
        }
    }
}

impl Forward<'_> {
    /// The samples, and the operations before the first layer.
    ///
    /// # Safety
    /// No other thread uses the buffers, and none writes the weights, until this returns.
    pub(crate) unsafe fn begin(&self) {
        let input = &self.block.input;
        // SAFETY: guaranteed by the caller; views of a buffer to write end before it is read.
        unsafe {
            if self.images.read_samples() {
                self.interleave(0, input.view_mut());
            }
            self.elementwise(&self.images.before, input, None);
        }
    }

    /// Values of the samples, from the one at `first` on.
    fn interleave(&self, first: usize, output: ImageViewMut<'_>) {
        let interleave = Interleave {
            rows: self.source.rows,
            samples: self.source.samples,
            count: self.source.count,
            width: self.model.program.inputs,
            first,
            output,
        };
        dispatch(self.model.simd, interleave);
    }

    /// Some layers, whose operands are computed.
    ///
    /// # Safety
    /// As [`Forward::begin`]; if one is a batch normalisation, the batch has been [measured](Forward::measure).
    pub(crate) unsafe fn layers(&self, layers: Range<usize>) {
        for at in layers {
            // SAFETY: guaranteed by the caller.
            unsafe { self.layer(at) };
        }
    }

    /// The flattened images, into the rows of `output`, the vectors' input.
    ///
    /// # Safety
    /// As [`Forward::begin`].
    pub(crate) unsafe fn flatten(&self, mut output: ViewMut<'_>) {
        for image in &self.images.flattened {
            // SAFETY: guaranteed by the caller.
            let input = unsafe { self.value(image.operand.value).view() };
            let output = output.blocks(image.blocks(&input.layout));
            dispatch(self.model.simd, Flatten { input, output });
        }
    }

    /// Measures the input of layer `at`, if it is a batch normalisation.
    ///
    /// # Safety
    /// As [`Forward::begin`].
    pub(crate) unsafe fn measure(&self, at: usize) {
        let layer = &self.images.layers[at];
        if let (Some(norm), Some(batch)) = (layer.op.norm(), &self.batch) {
            // SAFETY: guaranteed by the caller.
            unsafe {
                let input = self.value(layer.operands[0].value).view();
                batch.measure(self.model, norm, input);
            }
        }
    }

    fn value(&self, value: Value) -> &ImageBuffer {
        self.block.value(self.worker, self.images, value)
    }

    /// Layer `at`.
    ///
    /// # Safety
    /// As [`Forward::begin`].
    unsafe fn layer(&self, at: usize) {
        let (simd, layer) = (self.model.simd, &self.images.layers[at]);
        let buffer = self.value(at + 1);
        let relu = layer.is_relu();
        let mut is_done = layer.then.is_empty();
        // SAFETY: guaranteed by the caller; `buffer` is not an operand.
        unsafe {
            let input = self.value(layer.operands[0].value).view();
            let mut output = buffer.view_mut();
            match &layer.op {
                ImageOp::Part { first } => self.interleave(*first, output),
                ImageOp::Embedding(embedding) => {
                    let embed = EmbedSequence {
                        embedding: *embedding,
                        rows: self.source.rows,
                        samples: self.source.samples,
                        count: self.source.count,
                        width: self.model.program.inputs,
                        table: self.model.weights[embedding.weights].view(),
                        output,
                    };
                    dispatch(simd, embed);
                }
                ImageOp::Convolution(convolution) => {
                    is_done |= relu;
                    let epilogue = Epilogue::Output { relu };
                    let worker = self.worker.filter(|_| convolution.uses_winograd);
                    if let Some(WorkerBuffers { squares, .. }) = worker {
                        let winograd = Winograd {
                            pass: &convolution.forward,
                            input,
                            weights: self.weights.winograd(convolution, false),
                            output,
                            adds: false,
                            epilogue,
                            scratch: squares.slice_mut(0..squares.len()),
                        };
                        dispatch(simd, winograd);
                    } else {
                        for (group, [inputs, outputs]) in convolution.groups().enumerate() {
                            let convolve = Convolve {
                                pass: &convolution.forward,
                                input: input.channels(inputs),
                                weights: self.weights.forward(convolution, group),
                                output: output.channels(outputs),
                                adds: false,
                                epilogue,
                            };
                            dispatch(simd, convolve);
                        }
                    }
                }
                ImageOp::MaxPool(window) => {
                    let argmax = self.block.argmax.get(at).map(|argmax| argmax.view_mut());
                    let pool = MaxPool {
                        window: *window,
                        input,
                        output,
                        argmax,
                    };
                    dispatch(simd, pool);
                }
                ImageOp::AvgPool(window) => {
                    let pool = AvgPool {
                        window: *window,
                        input,
                        output,
                    };
                    dispatch(simd, pool);
                }
                ImageOp::Norm(norm) => {
                    is_done |= relu;
                    normalize(self.model, input, output, relu, |channel| {
                        match &self.batch {
                            Some(batch) => batch.numbers(self.model, norm, channel),
                            None => Numbers::running(self.model, norm, channel),
                        }
                    });
                }
                ImageOp::PRelu(prelu) => {
                    is_done |= relu;
                    self.prelu(prelu, relu, input, output);
                }
                ImageOp::LayerNorm { weights } => {
                    is_done |= relu;
                    self.layer_norm(at, *weights, input, output);
                }
                ImageOp::Sum => {
                    is_done |= relu;
                    let second = layer.operands.get(1);
                    let second = second.map(|operand| self.value(operand.value).view());
                    for channel in 0..input.layout.channels {
                        let sum = Sum {
                            first: input.channel(channel),
                            second: second.map(|second| second.channel(channel)),
                            adds: false,
                            output: output.channel(channel),
                            epilogue: Epilogue::Output { relu },
                        };
                        dispatch(simd, sum);
                    }
                }
                ImageOp::Concat => {
                    is_done |= relu;
                    for operand in &layer.operands {
                        let input = self.value(operand.value).view();
                        for channel in 0..input.layout.channels {
                            let copy = Sum {
                                first: input.channel(channel),
                                second: None,
                                adds: false,
                                output: output.channel(operand.first + channel),
                                epilogue: Epilogue::Output { relu },
                            };
                            dispatch(simd, copy);
                        }
                    }
                }
            }
            if !is_done {
                let derivatives = self.block.derivatives.get(at);
                let derivatives = derivatives.filter(|_| layer.stores_derivatives());
                self.elementwise(&layer.then, buffer, derivatives);
            }
        }
    }

    /// Operations on an image, in place.
    ///
    /// # Safety
    /// As [`Forward::begin`].
    unsafe fn elementwise(
        &self,
        chain: &[program::Elementwise],
        image: &ImageBuffer,
        derivatives: Option<&ImageBuffer>,
    ) {
        if chain.is_empty() {
            return;
        }
        for channel in 0..image.layout.channels {
            let mask = |dropout: usize| -> Option<View<'_>> {
                // SAFETY: masks are not written in this phase, as guaranteed by the caller.
                let mask = || unsafe { self.block.masks[dropout].view() };
                self.dropout.then(|| mask().channel(channel))
            };
            // SAFETY: guaranteed by the caller.
            unsafe {
                let (mut values, mut written);
                values = image.view_mut();
                let derivatives = match derivatives {
                    Some(derivatives) => {
                        written = derivatives.view_mut();
                        Some(written.channel(channel))
                    }
                    None => None,
                };
                let elementwise = Elementwise {
                    operations: chain,
                    mask,
                    values: values.channel(channel),
                    derivatives,
                };
                dispatch(self.model.simd, elementwise);
            }
        }
    }
}
