//! The plan: the `const` list of operations that every engine runs.
//!
//! A network's type is lowered to its plan at compile time ([`Network::PLAN`](crate::Network::PLAN)). A plan holds the
//! widths and the offset of each parameter in the flat buffer of `Weights`; it is independent of engines and devices.
//!
//! Dims: `I` = inputs, `O` = outputs of a step, `B` = batch size.

mod window;

use core::fmt;

pub use self::window::Window;

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
    /// `y[o, i, j] = b[o] + sum_{c, k, l} W[o, c, k, l] x[c, s i + k - p, s j + l - p]`, with stride `s`, padding `p` and
    /// zeros outside of the image; `W: [O, C, K, L]` row-major, `b: [O]`.
    Conv2d(Window),
    /// `y[c, i, j] = max_{k, l} x[c, s i + k - p, s j + l - p]`, over the positions within the image.
    MaxPool2d(Window),
    /// The mean over the same positions, with zeros outside of the image.
    AvgPool2d(Window),
    /// `y = x`, an image as a vector.
    Flatten,
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
            Op::Conv2d(_) => "Conv2d",
            Op::MaxPool2d(_) => "MaxPool2d",
            Op::AvgPool2d(_) => "AvgPool2d",
            Op::Flatten => "Flatten",
        }
    }

    /// The window of an operation that has one.
    pub(crate) const fn window(self) -> Option<Window> {
        match self {
            Op::Conv2d(window) | Op::MaxPool2d(window) | Op::AvgPool2d(window) => Some(window),
            _ => None,
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
    /// The number of parameters: `(I + 1) * O` for [`Op::Linear`], `(C K L + 1) * O` for [`Op::Conv2d`], else 0.
    pub const fn params(&self) -> usize {
        let [outputs, inputs] = self.weight_matrix();
        (inputs + 1) * outputs
    }

    /// Whether it has parameters: a weight and a bias.
    pub(crate) const fn has_params(&self) -> bool {
        matches!(self.op, Op::Linear | Op::Conv2d(_))
    }

    /// The weight as a matrix, `[outputs, inputs]`: for each output (of a convolution: each output channel), the inputs
    /// that it depends on. `[0, 0]` without parameters. The bias has one value for each output.
    pub(crate) const fn weight_matrix(&self) -> [usize; 2] {
        match self.op {
            Op::Linear => [self.outputs, self.inputs],
            Op::Conv2d(window) => [window.output[0], window.fan_in()],
            _ => [0, 0],
        }
    }

    /// The number of inputs that an output depends on, and of outputs that an input has an effect on, without the edges
    /// of an image: PyTorch's `fan_in` and `fan_out`.
    #[cfg(feature = "train")]
    pub(crate) const fn fans(&self) -> [usize; 2] {
        let [outputs, inputs] = self.weight_matrix();
        match self.op {
            Op::Conv2d(Window { kernel, .. }) => [inputs, outputs * kernel[0] * kernel[1]],
            _ => [inputs, outputs],
        }
    }

    /// Floating-point operations for one sample, forward: 1 MAC = 2 FLOP.
    ///
    /// `2 I O` for [`Op::Linear`] (the bias starts the sum), `2 C K L` for each output of [`Op::Conv2d`], the size of
    /// the window for each output of a pooling, none for [`Op::Flatten`], `O` for every other operation: an activation
    /// counts as one.
    pub const fn flop(&self) -> usize {
        match self.op {
            Op::Linear => 2 * self.inputs * self.outputs,
            Op::Conv2d(window) => 2 * window.fan_in() * self.outputs,
            Op::MaxPool2d(window) | Op::AvgPool2d(window) => {
                window.kernel[0] * window.kernel[1] * self.outputs
            }
            Op::Flatten => 0,
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

    /// A plan of one operation on images: [`Op::Conv2d`], [`Op::MaxPool2d`] or [`Op::AvgPool2d`].
    ///
    /// # Panics
    /// At compile time, for another operation, for a pooling that changes the number of channels or whose padding is
    /// more than half its kernel, and as [`Plan::linear`].
    pub const fn windowed(op: Op) -> Plan {
        match op {
            Op::Conv2d(window) => Plan::one(op, window.inputs(), window.outputs()),
            Op::MaxPool2d(window) | Op::AvgPool2d(window) => {
                assert!(
                    window.input[0] == window.output[0],
                    "a pooling keeps the number of channels"
                );
                assert!(
                    2 * window.padding <= window.kernel[0]
                        && 2 * window.padding <= window.kernel[1],
                    "the padding of a pooling is at most half its kernel"
                );
                Plan::one(op, window.inputs(), window.outputs())
            }
            _ => panic!("this operation has no window: use `Plan::elementwise`"),
        }
    }

    /// A plan of one operation that keeps the width, such as an activation.
    ///
    /// # Panics
    /// At compile time, for an operation with two widths, for [`Op::Dropout`] of 100 percent or more, and when the width
    /// is 0 or above [`Plan::MAX_WIDTH`].
    pub const fn elementwise(op: Op, width: usize) -> Plan {
        match op {
            Op::Linear => panic!("`Op::Linear` has two widths: use `Plan::linear`"),
            Op::Conv2d(_) | Op::MaxPool2d(_) | Op::AvgPool2d(_) => {
                panic!("this operation has a window: use `Plan::windowed`")
            }
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
        match op {
            Op::Linear => addressable((inputs + 1).checked_mul(outputs)),
            Op::Conv2d(window) => addressable((window.fan_in() + 1).checked_mul(window.output[0])),
            _ => {}
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

    /// The bytes of the outputs of every step for one sample, in `f32`.
    pub const fn activation_bytes(&self) -> usize {
        let mut sum = 0;
        let mut i = 0;
        while i < self.len {
            // widths at their maximum would overflow
            let bytes = self.steps[i].outputs.saturating_mul(size_of::<f32>());
            sum = usize::saturating_add(sum, bytes);
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
