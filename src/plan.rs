//! The plan: the `const` list of operations that every engine runs.
//!
//! A network's type is lowered to its plan at compile time ([`Network::PLAN`](crate::Network::PLAN)). A plan holds the
//! widths and the offset of each parameter in the flat buffer of `Weights`; it is independent of engines and devices.
//!
//! Dims: `I` = inputs, `O` = outputs of a step, `B` = batch size.

use core::fmt;

/// What a step computes for each sample: `y: [O]` from `x: [I]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// `y = W x + b`, `W: [O, I]` row-major, `b: [O]`.
    Linear,
    /// `y = max(x, 0)`.
    Relu,
    /// `y = 1 / (1 + exp(-x))`.
    Sigmoid,
    /// `y = tanh(x)`.
    Tanh,
    /// `y = x` for `x > 0`, else `x * slope_percent / 100`.
    LeakyRelu {
        /// The slope on the negative side, in percent.
        slope_percent: u32,
    },
    /// `y = x / 2 * (1 + erf(x / sqrt(2)))`, the exact form.
    Gelu,
    /// `y = ln(1 + exp(x))`; `y = x` for `x > 20`, as in PyTorch.
    Softplus,
    /// In training, `y = 0` with probability `p = percent / 100`, else `x / (1 - p)`;
    /// otherwise `y = x`.
    Dropout {
        /// The probability that a feature is set to zero, in percent.
        percent: u32,
    },
}

impl Op {
    /// The layer's name as in `torch.nn`.
    pub const fn name(self) -> &'static str {
        match self {
            Op::Linear => "Linear",
            Op::Relu => "ReLU",
            Op::Sigmoid => "Sigmoid",
            Op::Tanh => "Tanh",
            Op::LeakyRelu { .. } => "LeakyReLU",
            Op::Gelu => "GELU",
            Op::Softplus => "Softplus",
            Op::Dropout { .. } => "Dropout",
        }
    }
}

/// One operation with its widths and the offset of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Step {
    /// What is computed.
    pub op: Op,
    /// `I`, the input width.
    pub inputs: usize,
    /// `O`, the output width.
    pub outputs: usize,
    /// The offset of the step's parameters in the flat buffer: `W` row-major, then `b`.
    pub offset: usize,
}

impl Step {
    /// The number of parameters: `(I + 1) * O` for [`Op::Linear`], else 0.
    pub const fn params(&self) -> usize {
        match self.op {
            Op::Linear => (self.inputs + 1) * self.outputs,
            _ => 0,
        }
    }

    /// Floating-point operations for one sample, forward: 1 MAC = 2 FLOP.
    ///
    /// `2 I O` for [`Op::Linear`] (the bias starts the sum), `O` for every other operation: an activation counts as
    /// one.
    pub const fn flop(&self) -> usize {
        match self.op {
            Op::Linear => 2 * self.inputs * self.outputs,
            _ => self.outputs,
        }
    }
}

/// The steps of a network, in order, with parameter offsets.
///
/// ```
/// use tuplenet::prelude::*;
/// use tuplenet::plan::Op;
///
/// const PLAN: Plan = <(Linear<784, 128>, (ReLU, Linear<128, 10>)) as Network>::PLAN;
/// assert_eq!(PLAN.steps().len(), 3); // nested tuples are flattened
/// assert_eq!(PLAN.steps()[2].op, Op::Linear);
/// assert_eq!(PLAN.steps()[2].offset, 784 * 128 + 128);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    steps: [Step; Plan::CAPACITY],
    len: usize,
}

impl Plan {
    /// The maximum number of steps of a network, including those of nested tuples.
    pub const CAPACITY: usize = 64;

    /// The maximum width of a layer: far more than memory can hold, and low enough that no count in a plan overflows.
    pub const MAX_WIDTH: usize = isize::MAX as usize / Plan::CAPACITY;

    /// A plan without steps: the identity.
    pub const fn identity() -> Plan {
        let nothing = Step {
            op: Op::Relu,
            inputs: 0,
            outputs: 0,
            offset: 0,
        };
        Plan {
            steps: [nothing; Plan::CAPACITY],
            len: 0,
        }
    }

    /// A plan of one [`Op::Linear`].
    ///
    /// # Panics
    /// At compile time, when a width is 0 or above [`Plan::MAX_WIDTH`], or when no memory can hold the parameters.
    pub const fn linear(inputs: usize, outputs: usize) -> Plan {
        Plan::one(Op::Linear, inputs, outputs)
    }

    /// A plan of one operation that keeps the width, such as an activation.
    ///
    /// # Panics
    /// At compile time, for [`Op::Linear`], for [`Op::Dropout`] of 100 percent or more, and when the width is 0 or
    /// above [`Plan::MAX_WIDTH`].
    pub const fn elementwise(op: Op, width: usize) -> Plan {
        match op {
            Op::Linear => panic!("`Op::Linear` has two widths: use `Plan::linear`"),
            Op::Dropout { percent: 100.. } => {
                panic!("`Op::Dropout` takes a percentage below 100")
            }
            _ => Plan::one(op, width, width),
        }
    }

    const fn one(op: Op, inputs: usize, outputs: usize) -> Plan {
        assert!(
            inputs > 0 && outputs > 0,
            "a layer has widths of 1 or more, found a width of 0"
        );
        assert!(
            inputs <= Plan::MAX_WIDTH && outputs <= Plan::MAX_WIDTH,
            "a layer is wider than `Plan::MAX_WIDTH`"
        );
        if let Op::Linear = op {
            addressable((inputs + 1).checked_mul(outputs));
        }
        let mut plan = Plan::identity();
        plan.steps[0] = Step {
            op,
            inputs,
            outputs,
            offset: 0,
        };
        plan.len = 1;
        plan
    }

    /// This plan followed by `next`, whose parameters come after this plan's.
    ///
    /// # Panics
    /// At compile time, when there are more than [`Plan::CAPACITY`] steps, when the widths of two steps do not match,
    /// or when no memory can hold the parameters. The bounds of [`Layer`](crate::Layer) rule out mismatched widths.
    pub const fn then(mut self, next: Plan) -> Plan {
        let params = self.params();
        addressable(params.checked_add(next.params()));
        let mut i = 0;
        while i < next.len {
            assert!(
                self.len < Plan::CAPACITY,
                "a network may have at most 64 steps"
            );
            let mut step = next.steps[i];
            if self.len > 0 {
                let before = self.steps[self.len - 1].outputs;
                assert!(
                    before == step.inputs,
                    "the output width of a step is not the input width of the next"
                );
            }
            step.offset += params;
            self.steps[self.len] = step;
            self.len += 1;
            i += 1;
        }
        self
    }

    /// The steps, first to last. A step's index is its number in `torch.nn.Sequential`.
    pub const fn steps(&self) -> &[Step] {
        self.steps.split_at(self.len).0
    }

    /// Whether it maps `inputs` features to `outputs`.
    pub(crate) const fn maps(&self, inputs: usize, outputs: usize) -> bool {
        match self.steps() {
            [] => inputs == outputs,
            [first, ..] => first.inputs == inputs && self.steps[self.len - 1].outputs == outputs,
        }
    }

    /// The number of parameters.
    pub const fn params(&self) -> usize {
        let mut sum = 0;
        let mut i = 0;
        while i < self.len {
            sum += self.steps[i].params();
            i += 1;
        }
        sum
    }

    /// Floating-point operations for one sample, forward; see [`Step::flop`].
    pub const fn flop(&self) -> usize {
        let mut sum = 0;
        let mut i = 0;
        while i < self.len {
            sum += self.steps[i].flop();
            i += 1;
        }
        sum
    }
}

/// Asserts that one allocation can hold the parameters.
const fn addressable(params: Option<usize>) {
    assert!(
        matches!(params, Some(params) if params <= isize::MAX as usize / size_of::<f32>()),
        "a network has more parameters than memory can hold"
    );
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.steps()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn then_shifts_offsets_past_the_first_plans_parameters() {
        let plan = Plan::linear(3, 4)
            .then(Plan::elementwise(Op::Tanh, 4))
            .then(Plan::linear(4, 2));
        let offsets: Vec<usize> = plan.steps().iter().map(|step| step.offset).collect();
        assert_eq!(offsets, [0, 16, 16]);
        assert_eq!(plan.params(), 16 + 10);
        assert_eq!(plan.flop(), 24 + 4 + 16);
    }

    #[test]
    #[should_panic(expected = "at most 64 steps")]
    fn a_plan_over_its_capacity_is_refused() {
        let mut plan = Plan::identity();
        for _ in 0..65 {
            plan = plan.then(Plan::elementwise(Op::Relu, 8));
        }
    }
}
