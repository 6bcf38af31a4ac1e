//! The part of a program that computes images: convolutions, poolings and sums, each with the operations that follow it.

use std::ops::Range;

use super::{
    elementwise::{Elementwise, is_relu, stores_derivatives},
    embedding::Embedding,
    layout::ImageLayout,
    norm::Norm,
    operand::{Operand, Value, contribute},
    pass::{Pass, gradient_border, padding, suits_winograd},
    prelu::PRelu,
};
use crate::{engine::fused::memory::matrix::BLOCK, plan::Window};

/// Operations on the samples, then layers.
#[derive(Debug)]
pub(crate) struct Images {
    /// The samples, with the border that the layers read; of no values if they are no images.
    pub(crate) input: ImageLayout,
    /// Operations before the first layer.
    pub(crate) before: Vec<Elementwise>,
    pub(crate) layers: Vec<ImageLayer>,
    /// The layers that a worker computes without the others: each batch normalisation begins a new stage, as its statistics
    /// are those of all samples of the batch.
    pub(crate) stages: Vec<Range<usize>>,
    /// The images that are the vectors' input.
    pub(crate) flattened: Vec<FlattenedImage>,
}

/// An image that is part of the vectors' input, or all of it.
#[derive(Debug)]
pub(crate) struct FlattenedImage {
    /// Its gradient has a term of the vectors.
    pub(crate) operand: Operand,
    /// The column of the vectors' input where it begins, a multiple of 16.
    pub(crate) column: usize,
}

/// An operation on images, and those on each of its outputs.
#[derive(Debug)]
pub(crate) struct ImageLayer {
    pub(crate) op: ImageOp,
    /// Two for a sum, several for a concatenation, else one: the samples, for what is made of them.
    pub(crate) operands: Vec<Operand>,
    pub(crate) then: Vec<Elementwise>,
    /// The outputs, with the border that the layers after it read.
    pub(crate) output: ImageLayout,
    /// The gradient of the operation's outputs, with the border that the gradient of its input reads.
    pub(crate) delta: ImageLayout,
    /// Whether the backward pass reads the outputs.
    pub(crate) keeps_output: bool,
}

/// What an [`ImageLayer`] computes; `C` is a convolution.
#[derive(Debug)]
pub(crate) enum ImageOp<C = Convolution> {
    /// A part of each sample.
    Part {
        /// The place of its first value.
        first: usize,
    },
    Embedding(Embedding),
    Convolution(C),
    MaxPool(Window),
    AvgPool(Window),
    Norm(Norm),
    LayerNorm {
        /// As in [`Convolution`].
        weights: usize,
    },
    PRelu(PRelu),
    /// The sum of two images, or a copy of one that other layers read too.
    Sum,
    /// The channels of all operands.
    Concat,
}

/// The passes of a convolution.
#[derive(Debug)]
pub(crate) struct Convolution {
    pub(crate) window: Window,
    /// Its index among the convolutions.
    pub(crate) index: usize,
    /// The index of its weights among the program's parameters.
    pub(crate) weights: usize,
    /// Whether training uses Winograd's algorithm.
    pub(crate) uses_winograd: bool,
    /// The layer that alone reads its outputs, if that is the maximum of each channel.
    pub(crate) selected_by: Option<usize>,
    pub(crate) forward: Pass,
    /// Those of the gradient of its input, if that is computed.
    pub(crate) backward: Vec<Pass>,
}

impl FlattenedImage {
    /// The blocks of 16 columns of the vectors' input that an image of this layout has.
    pub(crate) fn blocks(&self, layout: &ImageLayout) -> Range<usize> {
        let first = self.column / BLOCK;
        first..first + layout.pixel_count().div_ceil(BLOCK)
    }
}

impl<C> ImageOp<C> {
    /// Whether it has weights, whose gradient depends on its input.
    pub(crate) fn has_weights(&self) -> bool {
        match self {
            ImageOp::Embedding(_)
            | ImageOp::Convolution(_)
            | ImageOp::Norm(_)
            | ImageOp::LayerNorm { .. }
            | ImageOp::PRelu(_) => true,
            ImageOp::Part { .. }
            | ImageOp::MaxPool(_)
            | ImageOp::AvgPool(_)
            | ImageOp::Sum
            | ImageOp::Concat => false,
        }
    }

    pub(crate) fn is_layer_norm(&self) -> bool {
        matches!(self, ImageOp::LayerNorm { .. })
    }

    /// The batch normalisation, if it is one.
    pub(crate) fn norm(&self) -> Option<&Norm> {
        match self {
            ImageOp::Norm(norm) => Some(norm),
            _ => None,
        }
    }
}

impl ImageOp {
    /// The index of its weights among the program's parameters, if it has any.
    pub(crate) fn weights(&self) -> Option<usize> {
        match self {
            ImageOp::Embedding(embedding) => Some(embedding.weights),
            op => op.summed_weights(),
        }
    }

    /// The index among the program's parameters of those whose gradient is summed over groups of blocks; that of a
    /// table is not.
    pub(crate) fn summed_weights(&self) -> Option<usize> {
        match self {
            ImageOp::Convolution(convolution) => Some(convolution.weights),
            ImageOp::Norm(norm) => Some(norm.weights),
            ImageOp::LayerNorm { weights } | ImageOp::PRelu(PRelu { weights, .. }) => {
                Some(*weights)
            }
            ImageOp::Part { .. }
            | ImageOp::Embedding(_)
            | ImageOp::MaxPool(_)
            | ImageOp::AvgPool(_)
            | ImageOp::Sum
            | ImageOp::Concat => None,
        }
    }
}

impl Convolution {
    /// Input and output channels of each group.
    pub(crate) fn groups(&self) -> impl Iterator<Item = [Range<usize>; 2]> + use<> {
        let channels = self.window.group_channels();
        (0..self.window.groups)
            .map(move |group| channels.map(|count| group * count..(group + 1) * count))
    }
}

impl ImageLayer {
    /// Whether only a ReLU follows.
    pub(crate) fn is_relu(&self) -> bool {
        is_relu(&self.then)
    }

    /// Whether the derivatives must be stored because they cannot be computed from the outputs.
    pub(crate) fn stores_derivatives(&self) -> bool {
        stores_derivatives(&self.then)
    }

    /// Whether the sign of an output is that of the value that the operation computed.
    fn keeps_signs(&self) -> bool {
        self.then.is_empty() || self.is_relu()
    }

    fn reads(&self, value: Value) -> bool {
        self.operands.iter().any(|operand| operand.value == value)
    }
}

/// An operation on images of a plan, and those that follow it, before its images have layouts. Of a convolution, it has the
/// window and the index of its weights among the program's parameters.
pub(super) struct Unplaced {
    pub(super) op: ImageOp<(Window, usize)>,
    /// Channels, rows and columns of the output.
    pub(super) size: [usize; 3],
    pub(super) operands: Vec<Operand>,
    pub(super) then: Vec<Elementwise>,
}

impl Unplaced {
    /// The border that its input needs.
    fn border(&self) -> [[usize; 2]; 2] {
        match &self.op {
            ImageOp::Convolution((window, _)) => padding(window),
            _ => [[0; 2]; 2],
        }
    }
}

impl Images {
    /// Lowers operations on images; `before` are those on the samples, whose size is `input`. The vectors' input has
    /// the values `flattened`, each from a column on.
    pub(super) fn new(
        input: [usize; 3],
        before: Vec<Elementwise>,
        mut unplaced: Vec<Unplaced>,
        flattened: Vec<(Value, usize)>,
    ) -> Self {
        let operands = flattened.iter().map(|&(value, _)| Operand::new(value));
        let mut vectors: Vec<Operand> = operands.collect();
        let layers = unplaced.iter_mut();
        let layers = layers.map(|layer| (layer.op.has_weights(), &mut layer.operands));
        contribute(false, layers.chain([(false, &mut vectors)]));
        let columns = flattened.iter().map(|&(_, column)| column);
        let flattened = vectors.into_iter().zip(columns);
        let layouts = layouts(input, &unplaced);
        let mut images = Images {
            input: layouts[0],
            before,
            layers: Vec::with_capacity(unplaced.len()),
            stages: stages(&unplaced),
            flattened: flattened
                .map(|(operand, column)| FlattenedImage { operand, column })
                .collect(),
        };
        let mut convolutions = 0;
        for (at, layer) in unplaced.into_iter().enumerate() {
            let Unplaced {
                op,
                size,
                operands,
                then,
            } = layer;
            let has_input_gradient = operands[0].gradient.is_some();
            let delta_border = match &op {
                ImageOp::Convolution((window, _)) if has_input_gradient => gradient_border(window),
                _ => [[0; 2]; 2],
            };
            let delta = ImageLayout::new(size, delta_border);
            let op = match op {
                ImageOp::Part { first } => ImageOp::Part { first },
                ImageOp::Embedding(embedding) => ImageOp::Embedding(embedding),
                ImageOp::MaxPool(window) => ImageOp::MaxPool(window),
                ImageOp::AvgPool(window) => ImageOp::AvgPool(window),
                ImageOp::Norm(norm) => ImageOp::Norm(norm),
                ImageOp::LayerNorm { weights } => ImageOp::LayerNorm { weights },
                ImageOp::PRelu(prelu) => ImageOp::PRelu(prelu),
                ImageOp::Sum => ImageOp::Sum,
                ImageOp::Concat => ImageOp::Concat,
                ImageOp::Convolution((window, weights)) => {
                    convolutions += 1;
                    ImageOp::Convolution(Convolution {
                        window,
                        index: convolutions - 1,
                        weights,
                        uses_winograd: suits_winograd(&window),
                        selected_by: None,
                        forward: Pass::forward(&window, &layouts[operands[0].value]),
                        backward: match has_input_gradient {
                            true => Pass::backward(&window, &delta),
                            false => Vec::new(),
                        },
                    })
                }
            };
            images.layers.push(ImageLayer {
                op,
                operands,
                then,
                output: layouts[at + 1],
                delta,
                keeps_output: false,
            });
        }
        for at in 0..images.layers.len() {
            images.layers[at].keeps_output = images.reads_output(at);
            let selected = images.selected_by(at);
            if let ImageOp::Convolution(convolution) = &mut images.layers[at].op {
                convolution.selected_by = selected;
            }
        }
        images
    }

    /// The layer that alone reads the outputs of layer `at`, a convolution, if that is the maximum of each channel, and if
    /// it has several positions to choose from.
    fn selected_by(&self, at: usize) -> Option<usize> {
        /// With fewer, transposing the images takes longer than the multiplications by zeros.
        const MIN_POSITIONS: usize = 8;
        let ImageOp::Convolution(Convolution { window, .. }) = &self.layers[at].op else {
            return None;
        };
        let [_, rows, columns] = window.output;
        let pool = (0..self.layers.len()).find(|&next| self.layers[next].reads(at + 1))?;
        let ImageOp::MaxPool(pooling) = &self.layers[pool].op else {
            return None;
        };
        let is_global = pooling.kernel == [rows, columns] && pooling.padding == [0; 2];
        let is_only_reader = self.layers[pool].operands[0].is_only_term();
        let has_positions = window.groups == 1 && rows * columns >= MIN_POSITIONS;
        (is_global && is_only_reader && has_positions).then_some(pool)
    }

    /// Whether the backward pass, or another stage, reads the outputs of layer `at`: for the gradient of weights, or for the
    /// derivative of a ReLU.
    fn reads_output(&self, at: usize) -> bool {
        let mut readers = (0..self.layers.len()).filter(|&next| self.layers[next].reads(at + 1));
        let is_input = readers
            .clone()
            .any(|next| self.layers[next].op.has_weights());
        let stage = self.stages.iter().find(|stage| stage.contains(&at));
        let crosses = |next| stage.is_some_and(|stage| !stage.contains(&next));
        let is_flattened = self
            .flattened
            .iter()
            .any(|image| image.operand.value == at + 1);
        let is_last_stage = self.stages.last() == stage;
        let is_read_later = readers.clone().any(crosses) || is_flattened && !is_last_stage;
        let is_derivative =
            self.layers[at].is_relu() && !readers.any(|next| self.masks_by_maximum(next));
        is_input || is_read_later || is_derivative || self.masks_by_maximum(at)
    }

    /// Whether layer `at` is a maximum whose sign is that of the ReLU's output that it selected: then its own output,
    /// which is smaller than its input, gives the derivative of that ReLU, if no other layer reads its outputs.
    pub(crate) fn masks_by_maximum(&self, at: usize) -> bool {
        let layer = &self.layers[at];
        let [operand] = layer.operands[..] else {
            return false;
        };
        let before = operand.value.checked_sub(1);
        let follows_relu = before.is_some_and(|before| self.layers[before].is_relu());
        let is_maximum = matches!(layer.op, ImageOp::MaxPool(_)) && layer.keeps_signs();
        is_maximum && follows_relu && operand.is_only_term()
    }

    /// The convolutions, in order.
    pub(crate) fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        self.layers.iter().filter_map(|layer| match &layer.op {
            ImageOp::Convolution(convolution) => Some(convolution),
            _ => None,
        })
    }

    /// The layout of a value.
    pub(crate) fn layout(&self, value: Value) -> ImageLayout {
        match value.checked_sub(1) {
            Some(at) => self.layers[at].output,
            None => self.input,
        }
    }

    /// Whether there is anything to train.
    pub(crate) fn has_weights(&self) -> bool {
        self.layers.iter().any(|layer| layer.op.has_weights())
    }

    /// Whether there is a batch normalisation.
    pub(crate) fn has_norms(&self) -> bool {
        self.stages.len() > 1
    }

    /// Whether layers read whole samples as images.
    pub(crate) fn read_samples(&self) -> bool {
        self.input.pixel_count() > 0
    }
}

/// The ranges of layers between batch normalisations; the first may be empty.
fn stages(layers: &[Unplaced]) -> Vec<Range<usize>> {
    let norms = (0..layers.len()).filter(|&at| layers[at].op.norm().is_some());
    let mut stages = Vec::new();
    let mut start = 0;
    for end in norms.chain([layers.len()]) {
        stages.push(start..end);
        start = end;
    }
    stages
}

/// The layout of every value: each has the largest border that a layer reads.
fn layouts(input: [usize; 3], layers: &[Unplaced]) -> Vec<ImageLayout> {
    let mut borders = vec![[[0; 2]; 2]; layers.len() + 1];
    for layer in layers {
        let needed = layer.border();
        for operand in &layer.operands {
            let border = borders[operand.value].as_flattened_mut();
            for (side, needed) in border.iter_mut().zip(needed.as_flattened()) {
                *side = (*side).max(*needed);
            }
        }
    }
    let sizes = std::iter::once(input).chain(layers.iter().map(|layer| layer.size));
    let layouts = sizes.zip(borders);
    layouts
        .map(|(size, border)| ImageLayout::new(size, border))
        .collect()
}
