//! The part of a program that computes images: convolutions and poolings, each with the operations that follow it.

use super::{
    elementwise::{Elementwise, is_relu, stores_derivatives},
    layout::ImageLayout,
    pass::{Pass, gradient_border, padding},
};
use crate::plan::{Op, Window};

/// Operations on the samples, then layers; the last image is the input of the first `Linear`.
#[derive(Debug)]
pub(crate) struct Images {
    /// The samples, with the border of the first layer.
    pub(crate) input: ImageLayout,
    /// Operations before the first layer.
    pub(crate) before: Vec<Elementwise>,
    pub(crate) layers: Vec<ImageLayer>,
}

/// A convolution or a pooling and the operations on its outputs.
#[derive(Debug)]
pub(crate) struct ImageLayer {
    pub(crate) op: ImageOp,
    pub(crate) window: Window,
    pub(crate) then: Vec<Elementwise>,
    /// The outputs, with the border of the next layer.
    pub(crate) output: ImageLayout,
    /// The gradient of the operation's outputs, with the border that the gradient of its input reads.
    pub(crate) delta: ImageLayout,
    /// Whether the backward pass reads the outputs.
    pub(crate) keeps_output: bool,
    /// Whether the gradient of its input is computed: there is a convolution before it.
    pub(crate) has_input_gradient: bool,
}

/// What an [`ImageLayer`] computes.
#[derive(Debug)]
pub(crate) enum ImageOp {
    Convolution(Convolution),
    MaxPool,
    AvgPool,
}

/// The passes of a convolution.
#[derive(Debug)]
pub(crate) struct Convolution {
    /// Its index among the convolutions, and that of its weights among the program's parameters.
    pub(crate) index: usize,
    /// Input and output channels.
    pub(crate) channels: [usize; 2],
    pub(crate) forward: Pass,
    /// Those of the gradient of its input, if that is computed.
    pub(crate) backward: Vec<Pass>,
}

impl Convolution {
    /// The number of input values that an output depends on.
    pub(crate) fn fan_in(&self) -> usize {
        self.channels[0] * self.forward.taps.len()
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
}

/// An operation with a window, and the operations that follow it.
pub(super) struct Windowed {
    op: Op,
    window: Window,
    pub(super) then: Vec<Elementwise>,
}

impl Windowed {
    pub(super) fn new(op: Op, window: Window) -> Self {
        let then = Vec::new();
        Windowed { op, window, then }
    }

    fn is_convolution(&self) -> bool {
        matches!(self.op, Op::Conv2d(_))
    }

    /// The border that its input needs.
    fn border(&self) -> [[usize; 2]; 2] {
        match self.is_convolution() {
            true => padding(&self.window),
            false => [[0; 2]; 2],
        }
    }
}

impl Images {
    /// Lowers operations with windows, at least one; `before` are those on the samples.
    pub(super) fn new(before: Vec<Elementwise>, windows: Vec<Windowed>) -> Self {
        let borders: Vec<_> = windows.iter().map(Windowed::border).collect();
        let of_next = borders.iter().skip(1).copied().chain([[[0; 2]; 2]]);
        let mut images = Images {
            input: ImageLayout::new(windows[0].window.input, borders[0]),
            before,
            layers: Vec::with_capacity(windows.len()),
        };
        let mut convolutions = 0;
        for (windowed, border) in windows.into_iter().zip(of_next) {
            let (is_convolution, has_input_gradient) =
                (windowed.is_convolution(), convolutions > 0);
            let Windowed { op, window, then } = windowed;
            let delta_border = match is_convolution && has_input_gradient {
                true => gradient_border(&window),
                false => [[0; 2]; 2],
            };
            let delta = ImageLayout::new(window.output, delta_border);
            let op = match op {
                Op::MaxPool2d(_) => ImageOp::MaxPool,
                Op::AvgPool2d(_) => ImageOp::AvgPool,
                _ => ImageOp::Convolution(Convolution {
                    index: convolutions,
                    channels: [window.input[0], window.output[0]],
                    forward: Pass::forward(&window, images.output()),
                    backward: match has_input_gradient {
                        true => Pass::backward(&window, &delta),
                        false => Vec::new(),
                    },
                }),
            };
            convolutions += usize::from(is_convolution);
            images.layers.push(ImageLayer {
                op,
                window,
                then,
                output: ImageLayout::new(window.output, border),
                delta,
                keeps_output: false,
                has_input_gradient,
            });
        }
        for at in 0..images.layers.len() {
            images.layers[at].keeps_output = images.reads_output(at);
        }
        images
    }

    /// Whether the backward pass reads the outputs of layer `at`: for the gradient of weights, or for the derivative of
    /// a ReLU.
    fn reads_output(&self, at: usize) -> bool {
        let next = self.layers.get(at + 1);
        let is_input = next.is_some_and(|next| matches!(next.op, ImageOp::Convolution(_)));
        let is_derivative = self.layers[at].is_relu() && !self.masks_by_maximum(at + 1);
        is_input || is_derivative || self.masks_by_maximum(at)
    }

    /// Whether layer `at` is a maximum whose sign is that of the ReLU's output that it selected: then its own output,
    /// which is smaller than its input, gives the derivative of that ReLU.
    pub(crate) fn masks_by_maximum(&self, at: usize) -> bool {
        let Some(layer) = self.layers.get(at) else {
            return false;
        };
        let follows_relu = at
            .checked_sub(1)
            .is_some_and(|before| self.layers[before].is_relu());
        follows_relu && matches!(layer.op, ImageOp::MaxPool) && layer.keeps_signs()
    }

    /// The convolutions, in order.
    pub(crate) fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        self.layers.iter().filter_map(|layer| match &layer.op {
            ImageOp::Convolution(convolution) => Some(convolution),
            ImageOp::MaxPool | ImageOp::AvgPool => None,
        })
    }

    /// Whether there is a convolution.
    pub(crate) fn has_weights(&self) -> bool {
        self.convolutions().next().is_some()
    }

    /// The last image.
    pub(crate) fn output(&self) -> &ImageLayout {
        match self.layers.last() {
            Some(layer) => &layer.output,
            None => &self.input,
        }
    }
}
