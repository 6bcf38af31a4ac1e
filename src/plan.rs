//! The plan: the `const` list of operations that every engine runs.
//!
//! A network's type is lowered to its plan at compile time ([`Network::PLAN`](crate::Network::PLAN)). A plan holds the
//! widths and the offset of each parameter in the flat buffer of `Weights`; it is independent of engines and devices.
//!
//! Dims: `I` = inputs, `O` = outputs of a step, `B` = batch size.

mod concat;
mod embedding;
mod input;
mod op;
mod parallel;
mod path;
mod step;
mod window;

use core::fmt;

pub(crate) use self::op::MAX_OPERANDS;
use self::path::Branch;
pub(crate) use self::path::MAX_PATH_BYTES;
pub use self::{
    op::{Op, Pooling},
    parallel::Join,
    path::Path,
    step::Step,
    window::Window,
};

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
    /// The number of modules in `torch.nn.Sequential`.
    modules: usize,
    /// The names of the classes of which the outputs are logits, if they have names.
    classes: &'static [&'static str],
}

impl Plan {
    /// The maximum number of steps of a network, including those of nested tuples.
    pub const CAPACITY: usize = 128;

    /// The maximum width of a layer: far more than memory can hold, and low enough that no count in a plan overflows.
    pub const MAX_WIDTH: usize = isize::MAX as usize / Plan::CAPACITY;

    /// A plan without steps: the identity.
    pub const fn identity() -> Plan {
        Plan {
            steps: [Step::NONE; Plan::CAPACITY],
            len: 0,
            modules: 0,
            classes: &[],
        }
    }

    /// This plan, whose outputs are the logits of classes of these names.
    pub const fn with_classes(mut self, names: &'static [&'static str]) -> Plan {
        self.classes = names;
        self
    }

    /// The names of the classes of which the outputs are logits; empty without a [`Logits`](crate::label::Logits).
    pub const fn classes(&self) -> &'static [&'static str] {
        self.classes
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
                    window.input[0] == window.output[0] && window.groups == 1,
                    "a pooling keeps the number of channels"
                );
                assert!(
                    2 * window.padding[0] <= window.kernel[0]
                        && 2 * window.padding[1] <= window.kernel[1],
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
    /// At compile time, for an operation with two widths or two operands, for [`Op::Dropout`] or [`Op::Dropout2d`] of 100
    /// percent or more, for [`Op::BatchNorm`], [`Op::Dropout2d`] or [`Op::PRelu`] with a number of channels that does not
    /// divide the width, for [`Op::LayerNorm`] of an image of another width, and when the width is 0 or above
    /// [`Plan::MAX_WIDTH`].
    pub const fn elementwise(op: Op, width: usize) -> Plan {
        match op {
            Op::Linear => panic!("`Op::Linear` has two widths: use `Plan::linear`"),
            Op::Add { .. } => panic!("`Op::Add` has two operands: use `Plan::residual`"),
            Op::Concat { .. } => panic!("`Op::Concat` has several operands: use `Plan::concat`"),
            Op::Dot { .. } | Op::Narrow { .. } => {
                panic!("this operation is of a pair of inputs: use `Plan::parallel`")
            }
            Op::BatchNorm { channels } if channels == 0 || !width.is_multiple_of(channels) => {
                panic!("a batch normalisation has a channel or more, all of the same size")
            }
            Op::LayerNorm {
                image: Some([channels, rows, columns]),
            } if channels * rows * columns != width => {
                panic!("a layer normalisation has as many weights as the image has values")
            }
            Op::Conv2d(_) | Op::MaxPool2d(_) | Op::AvgPool2d(_) => {
                panic!("this operation has a window: use `Plan::windowed`")
            }
            Op::Embedding { .. } | Op::TokenEmbedding { .. } | Op::EmbeddingBag { .. } => {
                panic!("this operation has a vocabulary: use `Plan::embedding`")
            }
            Op::OneHot => panic!("`Op::OneHot` has two widths: use `Plan::one_hot`"),
            Op::Dropout { percent: 100.. } => {
                panic!("`Op::Dropout` takes a percentage below 100")
            }
            Op::PRelu { slopes } if slopes == 0 || !width.is_multiple_of(slopes) => {
                panic!("a parametric ReLU has a slope or more, all of as many values")
            }
            Op::Dropout2d { percent: 100.., .. } => {
                panic!("`Op::Dropout2d` takes a percentage below 100")
            }
            Op::Dropout2d { channels, .. } if channels == 0 || !width.is_multiple_of(channels) => {
                panic!("a dropout of channels has a channel or more, all of the same size")
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
            Op::Embedding { vocabulary } | Op::EmbeddingBag { vocabulary, .. } => {
                addressable(vocabulary.checked_mul(outputs));
            }
            Op::TokenEmbedding { vocabulary } => {
                addressable(vocabulary.checked_mul(outputs / inputs));
            }
            _ => {}
        }
        let mut plan = Plan::identity();
        plan.steps[0] = Step::first(op, inputs, outputs);
        plan.len = 1;
        plan.modules = 1;
        plan
    }

    /// This plan followed by `next`, whose parameters come after this plan's.
    ///
    /// # Panics
    /// At compile time, when there are more than [`Plan::CAPACITY`] steps, when the widths of two steps do not match,
    /// or when no memory can hold the parameters. The bounds of [`Layer`](crate::Layer) rule out mismatched widths.
    pub const fn then(self, next: Plan) -> Plan {
        let mut plan = self.append(next);
        let mut i = self.len;
        while i < plan.len {
            plan.steps[i].path = plan.steps[i].path.after(self.modules);
            i += 1;
        }
        plan.modules += next.modules;
        plan.classes = next.classes;
        plan
    }

    /// The sum of two branches of the same input: `y = body(x) + shortcut(x)`. Together they are one module, whose
    /// branches are named `body` and `shortcut`.
    ///
    /// # Panics
    /// At compile time, when the branches have different output widths, when there are more than 4 branches within
    /// branches, and as [`Plan::then`].
    pub const fn residual(body: Plan, shortcut: Plan, width: usize) -> Plan {
        let body = body.in_branch(Branch::Body);
        let shortcut = shortcut.in_branch(Branch::Shortcut);
        // The input of the shortcut is that of the body, further back.
        let mut plan = body.append(shortcut.with_input_back(body.len));
        plan.modules = 1;
        let back = match shortcut.len {
            0 => body.len + 1,
            len => len + 1,
        };
        plan.append(Plan::one(Op::Add { back }, width, width))
    }

    /// This plan as a branch of a module.
    const fn in_branch(mut self, branch: Branch) -> Plan {
        let mut i = 0;
        while i < self.len {
            self.steps[i].path = self.steps[i].path.within(branch);
            i += 1;
        }
        self
    }

    /// This plan with its input further back by that many steps.
    const fn with_input_back(mut self, steps: usize) -> Plan {
        let mut i = 0;
        while i < self.len {
            let step = &mut self.steps[i];
            if step.back > i {
                step.back += steps;
            }
            match &mut step.op {
                Op::Add { back } | Op::Dot { back } if *back > i => *back += steps,
                Op::Concat { backs } => {
                    let mut operand = 0;
                    while operand < backs.len() {
                        if backs[operand] > i {
                            backs[operand] += steps;
                        }
                        operand += 1;
                    }
                }
                _ => {}
            }
            i += 1;
        }
        self
    }

    /// The steps of `next` after these, their paths unchanged.
    const fn append(mut self, next: Plan) -> Plan {
        let (params, statistics) = (self.params(), self.statistics());
        addressable(params.checked_add(next.params()));
        let mut i = 0;
        while i < next.len {
            assert!(
                self.len < Plan::CAPACITY,
                "a network may have at most 128 steps"
            );
            let mut step = next.steps[i];
            step.offset += params;
            step.statistics += statistics;
            self.steps[self.len] = step;
            self.len += 1;
            assert!(
                self.fits(self.len - 1),
                "the output width of a step is not the input width of the next"
            );
            i += 1;
        }
        self
    }

    /// Whether the operands of step `i` have its input width; those of a concatenation have its output width together.
    const fn fits(&self, i: usize) -> bool {
        let step = &self.steps[i];
        let (mut are_inputs, mut sum, mut operand) = (true, 0, 0);
        while let Some(value) = step.operand(i, operand) {
            let width = self.width(value);
            are_inputs &= width == step.inputs;
            sum += width;
            operand += 1;
        }
        match step.op {
            Op::Concat { .. } => self.width(step.input(i)) == step.inputs && sum == step.outputs,
            _ => are_inputs,
        }
    }

    /// The width of a value; see [`Step::operand`].
    pub(crate) const fn width(&self, value: usize) -> usize {
        match value.checked_sub(1) {
            Some(step) => self.steps[step].outputs,
            None => self.steps[0].inputs,
        }
    }

    /// The last step that reads a value, if any; see [`Step::operand`].
    pub(crate) const fn last_use(&self, value: usize) -> Option<usize> {
        let mut i = self.len;
        while i > value {
            i -= 1;
            if self.steps[i].reads(i, value) > 0 {
                return Some(i);
            }
        }
        None
    }

    /// How many operands of all steps a value is; see [`Step::operand`].
    pub(crate) const fn uses_of(&self, value: usize) -> usize {
        let mut uses = 0;
        let mut i = 0;
        while i < self.len {
            uses += self.steps[i].reads(i, value);
            i += 1;
        }
        uses
    }

    /// The steps, in the order of execution.
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

    /// The number of statistics; see [`Step::statistics_len`].
    pub const fn statistics(&self) -> usize {
        let mut sum = 0;
        let mut i = 0;
        while i < self.len {
            sum += self.steps[i].statistics_len();
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

    /// Steps of a shortcut that read its input read that of the body, however deep they are.
    #[test]
    fn the_input_of_a_shortcut_is_that_of_the_body() {
        let tanh = || Plan::elementwise(Op::Tanh, 3);
        let inner = Plan::residual(tanh(), Plan::identity(), 3);
        let body = tanh().then(tanh());
        let plan = tanh().then(Plan::residual(body, inner.then(tanh()), 3));
        let steps = plan.steps().iter().enumerate();
        let operands: Vec<_> = steps
            .map(|(at, step)| step.operands(at).collect::<Vec<_>>())
            .collect();
        // before; the body; the inner body, its sum with the input, and what follows; the sum
        let expected = [
            vec![0],
            vec![1],
            vec![2],
            vec![1],
            vec![4, 1],
            vec![5],
            vec![6, 3],
        ];
        assert_eq!(operands, expected);
        let paths: Vec<String> = plan
            .steps()
            .iter()
            .map(|step| step.path.to_string())
            .collect();
        let expected = [
            "0",
            "1.body.0",
            "1.body.1",
            "1.shortcut.0.body.0",
            "1.shortcut.0",
            "1.shortcut.1",
            "1",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    #[should_panic(expected = "at most 128 steps")]
    fn a_plan_over_its_capacity_is_refused() {
        let mut plan = Plan::identity();
        for _ in 0..129 {
            plan = plan.then(Plan::elementwise(Op::Relu, 8));
        }
    }
}
