//! The lowered plan: each `Linear`, convolution or pooling fused with the elementwise operations that follow it.

mod elementwise;
mod images;
mod layout;
mod pass;

pub(crate) use self::{
    elementwise::Elementwise,
    images::{Convolution, ImageLayer, ImageOp, Images},
    layout::{ImageLayout, SAMPLES},
    pass::Pass,
};
use self::{
    elementwise::{is_relu, stores_derivatives},
    images::Windowed,
};
use crate::plan::{Op, Plan, Step};

/// The program that the engine runs: images, if there are any, then vectors.
#[derive(Debug)]
pub(crate) struct Program {
    /// Convolutions and poolings, whose last output is the vectors' input.
    pub(crate) images: Option<Images>,
    /// Operations on vectors before the first `Linear`.
    pub(crate) before: Vec<Elementwise>,
    pub(crate) layers: Vec<Layer>,
    /// The steps with parameters, in order: the convolutions, then the `Linear`s.
    pub(crate) parameters: Vec<Step>,
    pub(crate) dropouts: Vec<DropoutStep>,
    /// The number of features of a sample.
    pub(crate) inputs: usize,
    /// The number of features of the vectors' input: that of a sample, or of the last image.
    pub(crate) features: usize,
    /// The number of outputs of the network.
    pub(crate) outputs: usize,
}

/// A `Linear` and the operations on its outputs.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) linear: Step,
    /// The index of its weights among the program's parameters.
    pub(crate) weights: usize,
    pub(crate) then: Vec<Elementwise>,
}

/// One dropout of the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DropoutStep {
    pub(crate) percent: u32,
    /// Its index in the plan, which determines its masks.
    pub(crate) index: usize,
    pub(crate) width: usize,
    /// Channels, rows and columns, if it is between images.
    pub(crate) image: Option<[usize; 3]>,
}

impl Program {
    /// Fuses a plan whose input has `inputs` features.
    ///
    /// A flattened image has the values of the image, so operations after `Flatten` are as good before it, and it is
    /// nothing to compute: the vectors' input is read from the last image.
    pub(crate) fn new(plan: &Plan, inputs: usize) -> Self {
        let mut program = Program {
            images: None,
            before: Vec::new(),
            layers: Vec::new(),
            parameters: Vec::new(),
            dropouts: Vec::new(),
            inputs,
            features: inputs,
            outputs: plan.steps().last().map_or(inputs, |step| step.outputs),
        };
        let mut windows: Vec<Windowed> = Vec::new();
        let first = plan.steps().iter().find_map(|step| step.op.window());
        let mut image = first.map(|window| window.input);
        for (index, &step) in plan.steps().iter().enumerate() {
            if step.has_params() {
                program.parameters.push(step);
            }
            match (step.op, step.op.window()) {
                (op, Some(window)) => {
                    windows.push(Windowed::new(op, window));
                    image = Some(window.output);
                    program.features = step.outputs;
                }
                (Op::Linear, None) => {
                    image = None;
                    program.layers.push(Layer {
                        linear: step,
                        weights: program.parameters.len() - 1,
                        then: Vec::new(),
                    });
                }
                (Op::Flatten, None) => {}
                (op, None) => {
                    let operation = program.elementwise(op, index, step.outputs, image);
                    let chain = match (program.layers.last_mut(), windows.last_mut()) {
                        (Some(layer), _) => &mut layer.then,
                        (None, Some(window)) => &mut window.then,
                        (None, None) => &mut program.before,
                    };
                    chain.push(operation);
                }
            }
        }
        if !windows.is_empty() {
            let before = std::mem::take(&mut program.before);
            program.images = Some(Images::new(before, windows));
        }
        program
    }

    /// The plan's operation `index` on `width` values, of an image of these sizes if it is one; it is numbered if it is
    /// a dropout.
    fn elementwise(
        &mut self,
        op: Op,
        index: usize,
        width: usize,
        image: Option<[usize; 3]>,
    ) -> Elementwise {
        let Op::Dropout { percent } = op else {
            return Elementwise { op, dropout: None };
        };
        self.dropouts.push(DropoutStep {
            percent,
            index,
            width,
            image,
        });
        Elementwise {
            op,
            dropout: Some(self.dropouts.len() - 1),
        }
    }

    /// Multiply-adds for one sample, forward.
    pub(crate) fn macs(&self) -> usize {
        self.parameters.iter().map(|step| step.flop() / 2).sum()
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
        assert_eq!(program.layers[0].weights, 2);
        let params: Vec<usize> = program
            .parameters
            .iter()
            .map(|step| step.params())
            .collect();
        assert_eq!(params, [20, 36, 51]);
        assert_eq!(program.macs(), 81 * 9 * 2 + 4 * 8 * 4 + 16 * 3);
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
