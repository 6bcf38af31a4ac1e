//! The lowered plan: each `Linear` fused with the operations up to the next one.

use crate::plan::{Op, Plan, Step};

/// The program that the engine runs: operations on the input, then layers.
#[derive(Debug)]
pub(crate) struct Program {
    /// Operations before the first `Linear`.
    pub(crate) before: Vec<Elementwise>,
    pub(crate) layers: Vec<Layer>,
    /// The widths of the dropouts, in order.
    pub(crate) dropouts: Vec<DropoutStep>,
    /// The number of features of a sample.
    pub(crate) inputs: usize,
    /// The number of outputs of the network.
    pub(crate) outputs: usize,
}

/// A `Linear` and the operations on its outputs.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) linear: Step,
    pub(crate) then: Vec<Elementwise>,
}

/// An operation on each value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elementwise {
    pub(crate) op: Op,
    /// Its index among the dropouts, if it is one.
    pub(crate) dropout: Option<usize>,
}

/// One dropout of the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DropoutStep {
    pub(crate) percent: u32,
    /// Its index in the plan, which determines its masks.
    pub(crate) index: usize,
    pub(crate) width: usize,
}

impl Program {
    /// Fuses a plan whose input has `inputs` features.
    pub(crate) fn new(plan: &Plan, inputs: usize) -> Self {
        let mut program = Program {
            before: Vec::new(),
            layers: Vec::new(),
            dropouts: Vec::new(),
            inputs,
            outputs: plan.steps().last().map_or(inputs, |step| step.outputs),
        };
        for (index, &step) in plan.steps().iter().enumerate() {
            if step.op == Op::Linear {
                program.layers.push(Layer {
                    linear: step,
                    then: Vec::new(),
                });
                continue;
            }
            let mut dropout = None;
            if let Op::Dropout { percent } = step.op {
                dropout = Some(program.dropouts.len());
                program.dropouts.push(DropoutStep {
                    percent,
                    index,
                    width: step.outputs,
                });
            }
            let chain = match program.layers.last_mut() {
                Some(layer) => &mut layer.then,
                None => &mut program.before,
            };
            chain.push(Elementwise {
                op: step.op,
                dropout,
            });
        }
        program
    }

    /// Multiply-adds for one sample, forward.
    pub(crate) fn macs(&self) -> usize {
        let macs = |layer: &Layer| layer.linear.inputs * layer.linear.outputs;
        self.layers.iter().map(macs).sum()
    }
}

impl Layer {
    /// Whether only a ReLU follows, which is then part of the product's epilogue.
    pub(crate) fn is_relu(&self) -> bool {
        matches!(self.then[..], [Elementwise { op: Op::Relu, .. }])
    }

    /// Whether the derivatives must be stored because they cannot be computed from the outputs.
    pub(crate) fn stores_derivatives(&self) -> bool {
        !self.then.is_empty() && !self.is_relu()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

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
}
