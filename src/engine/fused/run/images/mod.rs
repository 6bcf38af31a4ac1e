//! Images: 16 samples at a time, forward before the vectors, and backward after them.
//!
//! A worker computes whole blocks of 16 samples, so no barrier is needed between the layers, but for one before each batch
//! normalisation in either direction. The gradients of the weights are summed over groups of blocks, and these sums are
//! added in order. Groups depend only on the batch, so results are bitwise identical for any number of threads.

mod backward;
mod forward;
mod layer_norm;
mod norm;
mod packed_weights;
mod prelu;
mod selected;

use std::ops::Range;

pub(crate) use self::{
    backward::Backward,
    forward::{Forward, Source},
    norm::{BatchBlock, NormBuffers},
    packed_weights::PackedWeights,
};
use crate::engine::fused::{
    kernels::{KernelGradient, LaneNumbers, SelectedGradient, Winograd},
    memory::{bytes::Bytes, image::ImageBuffer, matrix::Matrix, packed, shared::Shared},
    program::{ImageLayer, ImageLayout, ImageOp, Images, Program, SAMPLES, Value},
    run::whole_batch::WholeBatch,
    threads::{partition, pool::Worker},
};

/// The buffers of inference, for 16 samples.
#[derive(Debug)]
pub(crate) struct InferenceBuffers {
    block: BlockBuffers,
    weights: PackedWeights,
}

/// The buffers of 16 samples, from the forward pass to the backward pass.
#[derive(Debug)]
pub(crate) struct BlockBuffers {
    input: ImageBuffer,
    /// For each layer; empty where the worker's scratch has it.
    outputs: Vec<ImageBuffer>,
    /// For each layer; empty where the derivatives are computed from the outputs.
    derivatives: Vec<ImageBuffer>,
    /// For each layer, which value of a window is its maximum; empty for other operations.
    argmax: Vec<ImageBuffer>,
    /// For each layer, the numbers of each lane; empty where it is no layer normalisation.
    sample_numbers: Vec<Shared<LaneNumbers>>,
    /// For each layer, the gradient of its operation's outputs; none without batch normalisations, where the worker's scratch
    /// has them.
    deltas: Vec<ImageBuffer>,
    /// For each dropout; empty for those of vectors.
    pub(crate) masks: Vec<ImageBuffer>,
}

/// The buffers of a worker, for the block that it computes.
#[derive(Debug)]
pub(crate) struct WorkerBuffers {
    /// For each layer whose output the backward pass does not read; else empty.
    outputs: Vec<ImageBuffer>,
    /// For each layer, the gradient of its operation's outputs; none where each block has them.
    deltas: Vec<ImageBuffer>,
    pub(crate) weights: PackedWeights,
    /// See [`KernelGradient::scratch_len`].
    sums: Shared<f32>,
    /// See [`Winograd::scratch_len`].
    squares: Shared<f32>,
    /// An input and its gradient; see [`SelectedGradient::len`].
    transposed: [Shared<f32>; 2],
}

/// The buffers of a training step.
#[derive(Debug)]
pub(crate) struct ImageBuffers {
    pub(crate) blocks: Vec<BlockBuffers>,
    pub(crate) workers: Vec<WorkerBuffers>,
    /// For each batch normalisation; those of vectors are not used.
    pub(crate) norms: Vec<NormBuffers>,
    /// The gradient of the vectors' input, `[B, F]`.
    pub(crate) delta: Matrix,
    /// For each embedding, the gradient of its outputs, `[B L, C]`; empty where it gives no sequence.
    pub(crate) sequences: Vec<Matrix>,
    /// For each group of blocks and each of the program's parameters, their gradient; those of batch normalisations are
    /// in the first. Empty for the parameters of vectors and for tables, whose gradient is not stored.
    pub(crate) gradients: Vec<Vec<Matrix>>,
}

impl InferenceBuffers {
    pub(crate) fn new(images: &Images) -> Self {
        InferenceBuffers {
            block: BlockBuffers::for_inference(images),
            weights: PackedWeights::new(images, false),
        }
    }
}

impl BlockBuffers {
    /// A value: the samples, or the outputs of a layer, which are the worker's if the backward pass does not read them.
    fn value<'a>(
        &'a self,
        worker: Option<&'a WorkerBuffers>,
        images: &Images,
        value: Value,
    ) -> &'a ImageBuffer {
        let Some(at) = value.checked_sub(1) else {
            return &self.input;
        };
        match worker {
            Some(worker) if !images.layers[at].keeps_output => &worker.outputs[at],
            _ => &self.outputs[at],
        }
    }

    /// The gradient of the outputs of layer `at`'s operation.
    fn delta<'a>(&'a self, worker: &'a WorkerBuffers, at: usize) -> &'a ImageBuffer {
        self.deltas.get(at).unwrap_or_else(|| &worker.deltas[at])
    }

    /// Buffers for a forward pass alone.
    fn for_inference(images: &Images) -> Self {
        let outputs = images
            .layers
            .iter()
            .map(|layer| ImageBuffer::zeros(layer.output));
        BlockBuffers {
            input: ImageBuffer::zeros(images.input),
            outputs: outputs.collect(),
            derivatives: Vec::new(),
            argmax: Vec::new(),
            sample_numbers: Vec::new(),
            deltas: Vec::new(),
            masks: Vec::new(),
        }
    }

    fn for_training(program: &Program, images: &Images) -> Self {
        let layers = |layout: &dyn Fn(&ImageLayer) -> Option<ImageLayout>| {
            let layouts = images.layers.iter().map(layout);
            layouts
                .map(|layout| ImageBuffer::zeros(layout.unwrap_or_default()))
                .collect()
        };
        let unbordered = |layer: &ImageLayer| ImageLayout::new(layer.output.size(), [[0; 2]; 2]);
        let masks = program.dropouts.iter().map(|dropout| {
            let image = dropout.image.unwrap_or_default();
            ImageBuffer::zeros(ImageLayout::new(image, [[0; 2]; 2]))
        });
        BlockBuffers {
            input: ImageBuffer::zeros(images.input),
            outputs: layers(&|layer| layer.keeps_output.then_some(layer.output)),
            derivatives: layers(&|layer| layer.stores_derivatives().then(|| unbordered(layer))),
            argmax: layers(&|layer| {
                matches!(layer.op, ImageOp::MaxPool(_)).then(|| unbordered(layer))
            }),
            sample_numbers: images
                .layers
                .iter()
                .map(|layer| Shared::zeros(usize::from(layer.op.is_layer_norm())))
                .collect(),
            deltas: match images.has_norms() {
                true => deltas(images),
                false => Vec::new(),
            },
            masks: masks.collect(),
        }
    }
}

impl Bytes for BlockBuffers {
    fn bytes(&self) -> usize {
        self.input.bytes()
            + self.outputs.bytes()
            + self.derivatives.bytes()
            + self.argmax.bytes()
            + self.sample_numbers.bytes()
            + self.deltas.bytes()
            + self.masks.bytes()
    }
}

impl Bytes for WorkerBuffers {
    fn bytes(&self) -> usize {
        self.outputs.bytes()
            + self.deltas.bytes()
            + self.weights.bytes()
            + self.sums.bytes()
            + self.squares.bytes()
            + self.transposed[..].bytes()
    }
}

impl Bytes for ImageBuffers {
    fn bytes(&self) -> usize {
        self.blocks.bytes()
            + self.workers.bytes()
            + self.norms.bytes()
            + self.delta.bytes()
            + self.sequences.bytes()
            + self.gradients.bytes()
    }
}

/// For each layer, a buffer for the gradient of its operation's outputs, if that is computed.
fn deltas(images: &Images) -> Vec<ImageBuffer> {
    let layers = images.layers.iter().map(|layer| {
        let has_gradient = layer
            .operands
            .iter()
            .any(|operand| operand.gradient.is_some());
        let layout = (has_gradient || layer.op.has_weights()).then_some(layer.delta);
        ImageBuffer::zeros(layout.unwrap_or_default())
    });
    layers.collect()
}

impl WorkerBuffers {
    fn new(images: &Images) -> Self {
        let outputs = images.layers.iter().map(|layer| match layer.keeps_output {
            true => ImageBuffer::zeros(ImageLayout::default()),
            false => ImageBuffer::zeros(layer.output),
        });
        let fan_in = images
            .convolutions()
            .map(|convolution| convolution.window.fan_in())
            .max();
        let winograd = images
            .convolutions()
            .filter(|convolution| convolution.uses_winograd);
        let channels = winograd
            .flat_map(|convolution| convolution.window.group_channels())
            .max();
        let selected = images.layers.iter().filter(|layer| match &layer.op {
            ImageOp::Convolution(convolution) => convolution.selected_by.is_some(),
            _ => false,
        });
        let transposed = selected
            .map(|layer| SelectedGradient::len(&images.layout(layer.operands[0].value)))
            .max();
        WorkerBuffers {
            outputs: outputs.collect(),
            deltas: match images.has_norms() {
                true => Vec::new(),
                false => deltas(images),
            },
            weights: PackedWeights::new(images, true),
            sums: Shared::zeros(fan_in.map_or(0, KernelGradient::scratch_len)),
            squares: Shared::zeros(channels.map_or(0, Winograd::scratch_len)),
            transposed: [(); 2].map(|()| Shared::zeros(transposed.unwrap_or_default())),
        }
    }
}

impl ImageBuffers {
    /// Buffers for batches of at most `capacity` samples.
    pub(crate) fn new(program: &Program, images: &Images, workers: usize, capacity: usize) -> Self {
        let blocks = capacity.div_ceil(SAMPLES);
        let weights = images.layers.iter();
        let weights: Vec<usize> = weights
            .filter_map(|layer| layer.op.summed_weights())
            .collect();
        let parameters = program.parameters.iter().enumerate();
        let gradients = parameters.map(|(at, step)| match weights.contains(&at) {
            true => packed::zeros_of(step),
            false => Matrix::zeros(0, 0),
        });
        let sequences = program.embeddings.iter().map(|embedding| {
            let [channels, _] = program.parameters[embedding.weights].weight_matrix();
            match embedding.is_sequence() {
                true => Matrix::zeros(capacity * embedding.tokens, channels),
                false => Matrix::zeros(0, 0),
            }
        });
        ImageBuffers {
            blocks: (0..blocks)
                .map(|_| BlockBuffers::for_training(program, images))
                .collect(),
            workers: (0..workers).map(|_| WorkerBuffers::new(images)).collect(),
            norms: program
                .norms
                .iter()
                .map(|norm| NormBuffers::new(norm, blocks))
                .collect(),
            delta: Matrix::zeros(capacity, program.features),
            sequences: sequences.collect(),
            gradients: (0..group_count(blocks))
                .map(|_| gradients.clone().collect())
                .collect(),
        }
    }

    /// A block of a batch of `samples` samples, or of this rank's part of the `whole`.
    pub(crate) fn batch<'a>(
        &'a self,
        block: usize,
        samples: usize,
        whole: Option<&'a [WholeBatch]>,
    ) -> BatchBlock<'a> {
        BatchBlock {
            norms: &self.norms,
            samples,
            whole,
            block,
        }
    }
}

/// The maximum number of groups: one for each thread of the largest pool that is chosen by default.
pub(crate) const MAX_GROUPS: usize = 8;

/// The number of groups of these blocks.
pub(crate) fn group_count(blocks: usize) -> usize {
    blocks.min(MAX_GROUPS)
}

/// The groups of a worker for a batch of `samples` samples, each with its blocks.
pub(crate) fn groups(
    worker: &Worker<'_>,
    samples: usize,
) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
    let blocks = samples.div_ceil(SAMPLES);
    let groups = group_count(blocks);
    partition::some(worker, groups)
        .map(move |group| (group, partition::part(blocks, groups, group)))
}
