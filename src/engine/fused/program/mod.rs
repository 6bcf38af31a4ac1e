//! The lowered plan: each operation fused with the elementwise operations that follow it.

mod dims;
mod elementwise;
mod embedding;
mod images;
mod layout;
mod lowering;
mod norm;
mod operand;
mod pass;
mod prelu;

use self::elementwise::{is_relu, stores_derivatives};
pub(crate) use self::{
    elementwise::Elementwise,
    embedding::{Embedding, EmbeddingOutput},
    images::{Convolution, ImageLayer, ImageOp, Images},
    layout::{ImageLayout, SAMPLES},
    lowering::takes_bitmaps,
    norm::Norm,
    operand::{Contribution, Operand, Value},
    pass::Pass,
    prelu::PRelu,
};
use crate::{plan::Step, seed::dropout2d_row};

/// The program that the engine runs: images, if there are any, then vectors.
#[derive(Debug)]
pub(crate) struct Program {
    /// Operations on images.
    pub(crate) images: Option<Images>,
    /// Of a standardisation of the vectors' input, the place of its statistics among the network's.
    pub(crate) standardization: Option<usize>,
    /// Operations on vectors before the first layer, after that.
    pub(crate) before: Vec<Elementwise>,
    pub(crate) layers: Vec<Layer>,
    /// The steps with parameters, in order: those of images, then those of vectors.
    pub(crate) parameters: Vec<Step>,
    pub(crate) dropouts: Vec<DropoutStep>,
    pub(crate) norms: Vec<Norm>,
    pub(crate) embeddings: Vec<Embedding>,
    /// The number of features of a sample.
    pub(crate) inputs: usize,
    /// The number of columns of the vectors' input: samples, or flattened images, or these and then samples.
    pub(crate) features: usize,
    /// The column where the vectors' input has the samples, a multiple of 16, if it has them.
    pub(crate) samples: Option<usize>,
    /// The number of outputs of the network.
    pub(crate) outputs: usize,
    /// Whether samples may be bitmaps; see [`takes_bitmaps`].
    pub(crate) takes_bitmaps: bool,
}

/// An operation on vectors, and those on each of its outputs.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) op: LayerOp,
    /// Two for a sum, several for a concatenation, else one.
    pub(crate) operands: Vec<Operand>,
    /// The number of outputs.
    pub(crate) outputs: usize,
    pub(crate) then: Vec<Elementwise>,
}

/// What a [`Layer`] computes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LayerOp {
    Linear {
        /// The number of inputs.
        inputs: usize,
        /// The index of its weights among the program's parameters.
        weights: usize,
    },
    Norm(Norm),
    LayerNorm {
        /// As in `Linear`.
        weights: usize,
    },
    PRelu(PRelu),
    Embedding(Embedding),
    /// The sum of two vectors, or a copy of one that other layers read too.
    Sum,
    /// The dot product of two vectors.
    Dot,
    /// 1 for the category in this column of the vectors' input, else 0.
    OneHot {
        /// The column.
        at: usize,
    },
    /// Some features of the vectors' input.
    Narrow {
        /// The first of them.
        start: usize,
        /// Of their standardisation, the place of its statistics among the network's.
        standardization: Option<usize>,
    },
    /// The features of all operands.
    Concat,
}

/// One dropout of the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DropoutStep {
    pub(crate) percent: u32,
    /// Its index in the plan, which determines its masks.
    pub(crate) index: usize,
    pub(crate) width: usize,
    /// The number of parts that are dropped each by itself: channels, or as many as the width.
    pub(crate) parts: usize,
    /// Channels, rows and columns, if it is between images.
    pub(crate) image: Option<[usize; 3]>,
}

impl DropoutStep {
    /// Draws the mask of row `row` of a batch.
    pub(crate) fn draw(&self, seed: u64, step: u64, row: usize, out: &mut [f32]) {
        let DropoutStep {
            percent,
            index,
            parts,
            ..
        } = *self;
        dropout2d_row(seed, step, index, percent, row, parts, out);
    }
}

impl Program {
    /// Multiply-adds for one sample, forward.
    pub(crate) fn macs(&self) -> usize {
        self.parameters.iter().map(|step| step.flop() / 2).sum()
    }

    /// The number of features of a value.
    pub(crate) fn width(&self, value: Value) -> usize {
        match value.checked_sub(1) {
            Some(at) => self.layers[at].outputs,
            None => self.features,
        }
    }

    /// The indices of all parameters in the order in which a step computes their gradients.
    pub(crate) fn backward_order(&self) -> Vec<usize> {
        let vectors = self
            .layers
            .iter()
            .rev()
            .filter_map(|layer| layer.op.weights());
        let images = self.images.iter().flat_map(|images| &images.layers);
        let images = images.filter_map(|layer| layer.op.weights());
        vectors.chain(images).collect()
    }

    /// Whether the images read tables.
    pub(crate) fn embeds_sequences(&self) -> bool {
        self.embeddings.iter().any(Embedding::is_sequence)
    }
}

impl LayerOp {
    /// The index of its weights among the program's parameters, if it has any; their gradient depends on its input.
    pub(crate) fn weights(&self) -> Option<usize> {
        match *self {
            LayerOp::Linear { weights, .. }
            | LayerOp::Norm(Norm { weights, .. })
            | LayerOp::LayerNorm { weights }
            | LayerOp::PRelu(PRelu { weights, .. })
            | LayerOp::Embedding(Embedding { weights, .. }) => Some(weights),
            LayerOp::Sum
            | LayerOp::Dot
            | LayerOp::OneHot { .. }
            | LayerOp::Narrow { .. }
            | LayerOp::Concat => None,
        }
    }
}

impl Layer {
    /// Whether only a ReLU follows, which is then part of the product's epilogue.
    pub(crate) fn is_relu(&self) -> bool {
        is_relu(&self.then)
    }

    /// Whether the derivatives must be stored because they cannot be computed from the outputs.
    pub(crate) fn stores_derivatives(&self) -> bool {
        stores_derivatives(&self.then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{prelude::*, shape::Image};

    #[test]
    fn every_operation_is_fused_into_the_linear_before_it() {
        type Net = (
            Input<4>,
            Tanh,
            Linear<4, 3>,
            ReLU,
            Dropout<20>,
            Linear<3, 2>,
            ReLU,
            Linear<2, 2>,
        );
        let program = Program::new(&Net::PLAN, 4);
        assert_eq!(program.before.len(), 1);
        let then: Vec<usize> = program
            .layers
            .iter()
            .map(|layer| layer.then.len())
            .collect();
        assert_eq!(then, [2, 1, 0]);
        let (relu, stored): (Vec<bool>, Vec<bool>) = program
            .layers
            .iter()
            .map(|l| (l.is_relu(), l.stores_derivatives()))
            .unzip();
        assert_eq!(relu, [false, true, false]);
        assert_eq!(stored, [true, false, false]);
        let dropout = program.dropouts[0];
        assert_eq!((dropout.percent, dropout.index, dropout.width), (20, 3, 3));
        assert_eq!(
            (program.inputs, program.outputs, program.macs()),
            (4, 2, 12 + 6 + 4)
        );
    }

    #[test]
    fn operations_on_images_are_fused_into_the_window_before_them() {
        type Net = (
            Image<1, 9, 9>,
            Dropout<10>,
            Conv2d<1, 2, 3, 1, 1>,
            ReLU,
            MaxPool2d<3>,
            Conv2d<2, 4, 2>,
            Tanh,
            Flatten,
            (Dropout<30>, LazyLinear<3>, Dropout<50>),
        );
        let program = Program::new(&Net::PLAN, 81);
        assert!(program.before.is_empty());
        let images = program.images.as_ref().unwrap();
        assert_eq!(images.before.len(), 1);
        let then: Vec<usize> = images.layers.iter().map(|layer| layer.then.len()).collect();
        assert_eq!(then, [1, 0, 2]);
        let images: Vec<_> = program
            .dropouts
            .iter()
            .map(|d| (d.width, d.image))
            .collect();
        assert_eq!(
            images,
            [(81, Some([1, 9, 9])), (16, Some([4, 2, 2])), (3, None)]
        );
        assert_eq!(
            (program.inputs, program.features, program.outputs),
            (81, 16, 3)
        );
        assert!(matches!(
            program.layers[0].op,
            LayerOp::Linear { weights: 2, .. }
        ));
        let params: Vec<usize> = program
            .parameters
            .iter()
            .map(|step| step.params())
            .collect();
        assert_eq!(params, [20, 36, 51]);
        assert_eq!(program.macs(), 81 * 9 * 2 + 4 * 8 * 4 + 16 * 3);
    }

    /// The gradient of a value is that of the last layer that reads it, plus those before; the first reader completes it.
    #[test]
    fn layers_contribute_to_the_gradients_of_what_they_read() {
        type Block = Residual<(Conv2d<3, 3, 1>, Tanh)>;
        type Net = (
            Image<1, 4, 4>,
            (Conv2d<1, 3, 1>, Tanh, Block, ReLU, Flatten),
            Residual<(LazyLinear<48>,), (LazyLinear<48>,)>,
        );
        let program = Program::new(&Net::PLAN, 16);
        let terms = |operands: &[Operand]| -> Vec<(Value, Option<(bool, bool)>)> {
            let term = |c: Contribution| (c.adds, c.completes);
            let operands = operands.iter();
            operands
                .map(|operand| (operand.value, operand.gradient.map(term)))
                .collect()
        };
        let images = program.images.as_ref().unwrap().layers.iter();
        let images: Vec<_> = images.map(|layer| terms(&layer.operands)).collect();
        let only = Some((false, true));
        // the first convolution, that of the body, the sum
        let expected = [
            vec![(0, None)],
            vec![(1, Some((true, true)))],
            vec![(2, only), (1, Some((false, false)))],
        ];
        assert_eq!(images, expected);
        let vectors = program.layers.iter().map(|layer| terms(&layer.operands));
        let expected = [
            vec![(0, Some((true, true)))],
            vec![(0, Some((false, false)))],
            vec![(2, only), (1, only)],
        ];
        assert_eq!(vectors.collect::<Vec<_>>(), expected);
    }

    /// Operands of a concatenation begin where those before them end, in channels of images or features of vectors.
    #[test]
    fn operands_of_a_concatenation_are_one_after_another() {
        type Net = (
            Image<2, 4, 3>,
            Concat<(Identity, Conv2d<2, 3, 1>, Identity)>,
            GlobalAvgPool2d,
            Concat<(Identity, Linear<7, 20>, Identity)>,
            ReLU,
            Linear<34, 2>,
        );
        let program = Program::new(&Net::PLAN, 24);
        let firsts = |operands: &[Operand]| -> Vec<usize> {
            operands.iter().map(|operand| operand.first).collect()
        };
        let image = &program.images.as_ref().unwrap().layers[1];
        assert_eq!(firsts(&image.operands), [0, 2, 5]);
        assert_eq!(image.output.size(), [7, 4, 3]);
        let vector = &program.layers[1];
        assert_eq!(firsts(&vector.operands), [0, 7, 27]);
        assert!(vector.outputs == 34 && vector.is_relu());
    }

    /// A concatenation has no weights, so the gradient of what depends on none, as here of the samples, is not computed.
    #[test]
    fn the_gradient_of_concatenated_samples_is_not_computed() {
        type Net = (Input<4>, Concat<(Identity, Tanh)>, Linear<8, 2>);
        let program = Program::new(&Net::PLAN, 4);
        let mut operands = program.layers.iter().flat_map(|layer| &layer.operands);
        assert!(operands.all(|operand| operand.gradient.is_none()));
        type Images = (Image<1, 4, 4>, Concat<(Identity, Tanh)>, Conv2d<2, 2, 3>);
        let program = Program::new(&Images::PLAN, 16);
        let layers = &program.images.as_ref().unwrap().layers;
        let mut operands = layers.iter().flat_map(|layer| &layer.operands);
        assert!(operands.all(|operand| operand.gradient.is_none()));
    }

    /// An operation on a value that another step reads is done on a copy.
    #[test]
    fn shared_values_are_not_overwritten() {
        type Net = (Input<4>, Residual<(Tanh, Linear<4, 4>)>, Residual<(ReLU,)>);
        let program = Program::new(&Net::PLAN, 4);
        assert!(program.before.is_empty() && !program.takes_bitmaps);
        let layers = program.layers.iter();
        let layers: Vec<_> = layers.map(|l| (l.operands.len(), l.then.len())).collect();
        assert_eq!(layers, [(1, 1), (1, 0), (2, 0), (1, 1), (2, 0)]);
    }

    #[test]
    fn bitmaps_are_for_samples_that_only_a_linear_reads() {
        let takes = |plan: Plan| takes_bitmaps(&plan);
        assert!(takes(<(Linear<4, 2>,)>::PLAN));
        assert!(takes(<(Image<1, 2, 2>, Flatten, LazyLinear<2>)>::PLAN));
        assert!(!takes(<(Input<4>, Tanh, Linear<4, 2>)>::PLAN));
        assert!(!takes(<(Residual<(Linear<4, 4>,)>,)>::PLAN));
        assert!(!takes(<(Image<1, 2, 2>, Conv2d<1, 2, 1>, Flatten)>::PLAN));
        assert!(!takes(<(Input<4>,)>::PLAN));
    }

    #[test]
    fn a_flattened_sample_is_a_vector() {
        type Net = (Image<1, 28, 28>, Flatten, LazyLinear<10>);
        let program = Program::new(&Net::PLAN, 784);
        assert!(program.images.is_none() && program.before.is_empty());
        assert_eq!((program.features, program.layers.len()), (784, 1));
    }

    /// The backward pass reads inputs of convolutions, and outputs of ReLUs where no maximum follows.
    #[test]
    fn outputs_are_kept_where_the_backward_pass_reads_them() {
        type Net = (
            Image<1, 12, 12>,
            (Conv2d<1, 2, 3>, ReLU, MaxPool2d<2>), // not read; input of the next
            (Conv2d<2, 2, 3, 1, 1>, Tanh, AvgPool2d<3, 1, 1>), // derivatives are stored; input of the next
            (Conv2d<2, 2, 1>, ReLU, MaxPool2d<3, 2>, Tanh),    // the maximum has lost its sign
            (Conv2d<2, 2, 1>, ReLU),
        );
        let program = Program::new(&Net::PLAN, 144);
        let layers = &program.images.as_ref().unwrap().layers;
        let kept: Vec<bool> = layers.iter().map(|layer| layer.keeps_output).collect();
        assert_eq!(kept, [false, true, false, true, true, true, true]);
    }
}
