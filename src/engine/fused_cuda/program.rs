//! [`Program`]: a plan as stages, each a product with what follows it.

use crate::{
    error::{Error, Result},
    plan::{Op, Plan},
};

/// A network that [`FusedCuda`](super::FusedCuda) runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Program {
    /// `F`, the features of a sample.
    pub(super) features: usize,
    /// What is done to the features before the first product.
    pub(super) prelude: Vec<Element>,
    /// At least one.
    pub(super) stages: Vec<Stage>,
    pub(super) parameters: usize,
}

/// `y = elements(x W^T + b)`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Where `W`, `[outputs, inputs]`, and `b` behind it are in the parameters.
    pub(super) offset: usize,
    pub(super) elements: Vec<Element>,
}

/// An operation on each value by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Element {
    /// A function in `kernels/activation.cu`, and the percentage that it takes.
    Activation {
        function: &'static str,
        percent: Option<u32>,
    },
    Dropout(Dropout),
    /// The offset of the means, with the deviations behind them, in the statistics.
    Standardize(usize),
}

/// A dropout, whose mask is the one with this number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dropout {
    pub(super) mask: usize,
    /// Of the operation in the plan.
    pub(super) index: usize,
    pub(super) width: usize,
    pub(super) percent: u32,
}

impl Program {
    /// # Errors
    /// [`Error::Unsupported`] for a network that has other layers than [`FusedCuda`](super::FusedCuda) runs.
    pub(super) fn new(plan: &Plan, features: usize) -> Result<Program> {
        let mut program = Program {
            features,
            prelude: Vec::new(),
            stages: Vec::new(),
            parameters: 0,
        };
        let mut masks = 0;
        for (index, step) in plan.steps().iter().enumerate() {
            let refused = || unsupported(format!("`{}`", step.op.name()));
            if step.back != 1 {
                return Err(refused());
            }
            let element = match step.op {
                Op::Linear => {
                    program.stages.push(Stage {
                        inputs: step.inputs,
                        outputs: step.outputs,
                        offset: step.offset,
                        elements: Vec::new(),
                    });
                    program.parameters += step.params();
                    continue;
                }
                Op::Flatten => continue,
                Op::Dropout { percent } => {
                    masks += 1;
                    Element::Dropout(Dropout {
                        mask: masks - 1,
                        index,
                        width: step.outputs,
                        percent,
                    })
                }
                Op::Standardize => Element::Standardize(step.statistics),
                op => activation(op).ok_or_else(refused)?,
            };
            match program.stages.last_mut() {
                Some(stage) => stage.elements.push(element),
                None => program.prelude.push(element),
            }
        }
        match program.stages.is_empty() {
            true => Err(unsupported("none with parameters".to_owned())),
            false => Ok(program),
        }
    }

    /// The dropouts, in the order of their masks.
    pub(super) fn dropouts(&self) -> impl Iterator<Item = Dropout> {
        let elements = self.stages.iter().flat_map(|stage| &stage.elements);
        let elements = self.prelude.iter().chain(elements);
        elements.filter_map(|element| match element {
            Element::Dropout(dropout) => Some(*dropout),
            _ => None,
        })
    }

    /// The values of all masks of a sample.
    pub(super) fn mask_width(&self) -> usize {
        self.dropouts().map(|dropout| dropout.width).sum()
    }

    /// The largest number of values that a sample has between two kernels.
    pub(super) fn widest(&self) -> usize {
        let outputs = self.stages.iter().map(|stage| stage.outputs);
        outputs.fold(self.features, usize::max)
    }

    pub(super) fn outputs(&self) -> usize {
        self.stages.last().map_or(0, |stage| stage.outputs)
    }
}

fn activation(op: Op) -> Option<Element> {
    let (function, percent) = match op {
        Op::Relu => ("relu", None),
        Op::Sigmoid => ("sigmoid", None),
        Op::Tanh => ("tanhf", None),
        Op::LeakyRelu { slope_percent } => ("leaky_relu", Some(slope_percent)),
        Op::Gelu => ("gelu", None),
        Op::Softplus => ("softplus", None),
        Op::Silu => ("silu", None),
        Op::Elu { alpha_percent } => ("elu", Some(alpha_percent)),
        Op::Hardswish => ("hardswish", None),
        _ => return None,
    };
    Some(Element::Activation { function, percent })
}

fn unsupported(found: String) -> Error {
    Error::Unsupported {
        engine: "fused on a GPU".to_owned(),
        expected: "`Linear`, activations without parameters, `Dropout` and, first, `Standardize`",
        found,
    }
}
