//! [`Program`]: what an eight-bit model computes, lowered from a plan by the compiler.

mod arena;

use core::marker::PhantomData;

use crate::{
    network::Network,
    plan::{self, Op, Path, Plan, Window},
    single::is_folded,
    text::Text,
};

/// The maximum number of products in a sum: so many of 255 times -127 stay within 31 bits, beside a bias of 30 bits.
const MAX_TERMS: usize = 1 << 15;

/// The steps of an eight-bit model, and the values that they read and write.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// 0 is the network's input, `i + 1` the output of step `i`.
    values: [Value; Plan::CAPACITY + 1],
    steps: [Step; Plan::CAPACITY],
    len: usize,
    /// The network's output.
    pub(super) output: usize,
    /// The standardisation of the input, if there is one: its name.
    pub(super) standardize: Option<Path>,
    /// The length of the arena in bytes.
    pub(super) arena: usize,
}

/// A value: an image of codes, `[rows][columns][channels]`, with a border of zero points; a vector is one position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) channels: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Rows and columns of the border, on each side.
    pub(super) border: [usize; 2],
    /// The offset of the first byte in the arena, of the border if there is one.
    pub(super) start: usize,
    /// The value whose scale and zero point it has: itself, or the input of a maximum.
    pub(super) scale_of: usize,
    /// Whether it is read as a vector, and so has no border.
    is_flat: bool,
}

impl Value {
    pub(super) const NONE: Value = Value::of([1; 3], 0);

    const fn of([channels, rows, columns]: [usize; 3], index: usize) -> Value {
        Value {
            channels,
            rows,
            columns,
            border: [0; 2],
            start: 0,
            scale_of: index,
            is_flat: false,
        }
    }

    /// The distance from one row to the next.
    #[inline(always)]
    pub(super) const fn pitch(&self) -> usize {
        (self.columns + 2 * self.border[1]) * self.channels
    }

    /// The number of bytes, with the border.
    #[inline(always)]
    pub(super) const fn bytes(&self) -> usize {
        (self.rows + 2 * self.border[0]) * self.pitch()
    }

    /// The offset of the first byte inside of the border.
    #[inline(always)]
    pub(super) const fn inside(&self) -> usize {
        self.start + self.border[0] * self.pitch() + self.border[1] * self.channels
    }

    /// The number of values, without the border.
    pub(super) const fn len(&self) -> usize {
        self.channels * self.rows * self.columns
    }
}

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A convolution, or a `Linear`: a convolution of one position.
    Product,
    /// The product whose sums are the logits.
    Logits,
    Maximum,
    Average,
    /// The sum of two values.
    Sum,
    /// An activation, by a table of all codes.
    Table,
}

/// A step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) kind: Kind,
    /// The value that it reads.
    pub(super) input: usize,
    /// The second value of a sum.
    pub(super) term: usize,
    /// Of a product or a pooling.
    pub(super) window: Window,
    /// Whether negative results are 0.
    pub(super) relu: bool,
    /// The plan's step that it computes first: a ReLU or a batch normalisation may follow it there.
    pub(super) index: usize,
    pub(super) path: Path,
}

impl Step {
    pub(super) const NONE: Step = Step {
        kind: Kind::Table,
        input: 0,
        term: 0,
        window: Window::new([1; 3], 1, [1; 2], [1; 2], [0; 2]),
        relu: false,
        index: 0,
        path: plan::Step::NONE.path,
    };

    /// The number of rows of a kernel, each a contiguous run of [`terms`](Step::terms) codes.
    pub(super) const fn runs(&self) -> usize {
        self.window.kernel[0]
    }

    /// The number of codes under a row of the kernel.
    pub(super) const fn terms(&self) -> usize {
        self.window.kernel[1] * self.window.input[0]
    }
}

/// Why a network has no eight-bit model.
pub(super) type Refusal = Text<256>;

impl Program {
    /// The program of a plan.
    ///
    /// # Errors
    /// The layer that has no eight-bit form.
    pub(super) const fn of(plan: &Plan) -> Result<Program, Refusal> {
        let steps = plan.steps();
        if steps.is_empty() {
            return Err(Text::of("an eight-bit model has one layer or more"));
        }
        let mut program = Program {
            values: [Value::NONE; Plan::CAPACITY + 1],
            steps: [Step::NONE; Plan::CAPACITY],
            len: 0,
            output: 0,
            standardize: None,
            arena: 0,
        };
        program.values[0] = Value::of(shape_of_input(plan), 0);
        // For each value of the plan, the program's, and whether each step on the way to it reads its operand alone.
        let mut of = [0; Plan::CAPACITY + 1];
        let mut is_alone = [false; Plan::CAPACITY + 1];
        let mut i = 0;
        while i < steps.len() {
            let step = &steps[i];
            let read = step.input(i);
            let x = of[read];
            let input = program.values[x];
            let mut next = Step::NONE;
            next.input = x;
            next.index = i;
            next.path = step.path;
            let shape = match step.op {
                Op::Linear => {
                    next.kind = Kind::Product;
                    next.window =
                        Window::new([step.inputs, 1, 1], step.outputs, [1; 2], [1; 2], [0; 2]);
                    program.values[x].is_flat = true;
                    Some(next.window.output)
                }
                Op::Conv2d(window) if window.groups == 1 => {
                    next.kind = Kind::Product;
                    next.window = window;
                    Some(window.output)
                }
                Op::MaxPool2d(window) => {
                    next.kind = Kind::Maximum;
                    next.window = window;
                    Some(window.output)
                }
                Op::AvgPool2d(window) => {
                    next.kind = Kind::Average;
                    next.window = window;
                    Some(window.output)
                }
                Op::Add { .. } => {
                    next.kind = Kind::Sum;
                    next.term = match step.operand(i, 1) {
                        Some(term) => of[term],
                        None => x,
                    };
                    Some([input.channels, input.rows, input.columns])
                }
                Op::Dropout { .. } | Op::Dropout2d { .. } => None,
                Op::Flatten => {
                    program.values[x].is_flat = true;
                    None
                }
                Op::Standardize => {
                    program.standardize = Some(step.path);
                    None
                }
                Op::BatchNorm { .. } if i > 0 && is_folded(plan, i - 1) => None,
                Op::Relu if is_alone[read] && program.clamps(x) => {
                    program.steps[x - 1].relu = true;
                    None
                }
                op if op.is_activation() => {
                    next.kind = Kind::Table;
                    Some([input.channels, input.rows, input.columns])
                }
                op => return Err(refusal(step.path, op)),
            };
            let uses = plan.uses_of(i + 1);
            match shape {
                None => {
                    of[i + 1] = x;
                    is_alone[i + 1] = is_alone[read] && uses == 1;
                }
                Some(shape) => {
                    if matches!(next.kind, Kind::Product) && next.window.fan_in() > MAX_TERMS {
                        let words = Text::of("an eight-bit sum has at most ")
                            .then_number(MAX_TERMS)
                            .then(" products, and each of `")
                            .then(step.path.text::<64>().as_str())
                            .then("` has ")
                            .then_number(next.window.fan_in());
                        return Err(words);
                    }
                    program.steps[program.len] = next;
                    program.len += 1;
                    program.values[program.len] = Value::of(shape, program.len);
                    if matches!(next.kind, Kind::Maximum) {
                        program.values[program.len].scale_of = input.scale_of;
                    }
                    of[i + 1] = program.len;
                    is_alone[i + 1] = uses == 1;
                }
            }
            i += 1;
        }
        program.output = of[steps.len()];
        if program.len > 0 && program.output == program.len {
            let last = &mut program.steps[program.len - 1];
            if matches!(last.kind, Kind::Product) && !last.relu {
                last.kind = Kind::Logits;
            }
        }
        match program.add_borders() {
            Ok(()) => {}
            Err(refusal) => return Err(refusal),
        }
        program.place();
        Ok(program)
    }

    /// The steps, in the order of execution.
    pub(super) const fn steps(&self) -> &[Step] {
        self.steps.split_at(self.len).0
    }

    /// 0 is the network's input, `i + 1` the output of step `i`.
    pub(super) const fn value(&self, index: usize) -> &Value {
        &self.values[index]
    }

    /// Whether a value is the output of a step that can clamp it.
    const fn clamps(&self, value: usize) -> bool {
        value > 0
            && matches!(
                self.steps[value - 1].kind,
                Kind::Product | Kind::Average | Kind::Sum
            )
    }

    /// Gives each value that a padded convolution reads its border.
    const fn add_borders(&mut self) -> Result<(), Refusal> {
        let mut i = 0;
        while i < self.len {
            let step = &self.steps[i];
            if matches!(step.kind, Kind::Product | Kind::Logits) {
                let border = &mut self.values[step.input].border;
                let [rows, columns] = step.window.padding;
                if rows > border[0] {
                    border[0] = rows;
                }
                if columns > border[1] {
                    border[1] = columns;
                }
            }
            i += 1;
        }
        let mut i = 0;
        while i <= self.len {
            let value = &self.values[i];
            if value.is_flat && value.border[0] + value.border[1] > 0 {
                return Err(Text::of(
                    "an eight-bit model has no image that both a `Flatten` and a padded convolution read",
                ));
            }
            i += 1;
        }
        Ok(())
    }
}

/// The program of a network, computed at compile time.
pub(super) struct ProgramOf<N>(PhantomData<fn() -> N>);

impl<N: Network> ProgramOf<N> {
    pub(super) const PROGRAM: Program = match Program::of(&N::PLAN) {
        Ok(program) => program,
        Err(refusal) => panic!("{}", refusal.as_str()),
    };
}

/// Channels, rows and columns of the input: those of the first window that reads it, as what comes before keeps them.
const fn shape_of_input(plan: &Plan) -> [usize; 3] {
    let mut i = 0;
    while i < plan.steps().len() {
        let op = plan.steps()[i].op;
        if let Some(window) = op.window() {
            return window.input;
        }
        if op.gives_a_vector() {
            break;
        }
        i += 1;
    }
    [plan.width(0), 1, 1]
}

/// The words for a layer that has no eight-bit form.
const fn refusal(path: Path, op: Op) -> Refusal {
    let words = Text::of("`")
        .then(path.text::<64>().as_str())
        .then("` is a `")
        .then(op.name());
    match op {
        Op::BatchNorm { .. } => words.then(
            "`, which in an eight-bit model directly follows a `Linear` or a convolution, whose weights it is part of",
        ),
        Op::Conv2d(_) => words.then("` with groups, which eight-bit models do not have"),
        _ => words.then("`, which eight-bit models do not have: use `frozen!`"),
    }
}
