//! How the forward pass of one sample runs each step of a plan, and where in memory it keeps the activations.
//!
//! There is one arena. A step reads its input at one end and writes its output at the other; an activation works in
//! place. So this part of the arena is as long as the longest input and output of a step together. After it are the copies
//! of values that a later step reads again.

use super::{
    columns::{Columns, MIN_SPARSE, padded},
    concat::Parts,
    held::{Copies, Held, Term, is_before_relu, only_reader},
    image::{PRODUCTS, bordered, halves, scratch, suits_columns, suits_winograd},
    matrix::BLOCK,
};
use crate::plan::{Op, Plan, Step};

/// The maximum length of an arena on the stack: 512 KiB.
pub(crate) const MAX_ON_STACK: usize = 1 << 17;

/// A step of a plan, and how the forward pass runs it.
#[derive(Clone, Copy, Debug)]
pub struct At {
    pub(crate) step: Step,
    /// The matrix in memory, outputs and inputs: that of [inference](Step::inference_matrix), or with 16 inputs for each channel
    /// for Winograd's algorithm.
    pub(crate) matrix: [usize; 2],
    /// Nothing to do: past the end of the plan, dropout, a ReLU fused into the product before it, or a change of shape
    /// that moves no value.
    pub(super) is_idle: bool,
    /// Whether ReLU follows a product.
    pub(crate) relu: bool,
    /// Whether the step's input is the sample itself.
    pub(crate) reads_sample: bool,
    /// Whether to look for zero inputs, so that their weights are not read.
    pub(super) seeks_zeros: bool,
    /// The end of the arena that has the input, if that is not the sample.
    pub(super) end: End,
    /// The copy that is the input, if it is not the output of the step before; it is moved to that end.
    pub(super) takes: Option<Held>,
    /// The second term, of a sum.
    pub(super) term: Option<Term>,
    /// The end of the arena that has the output, if that is not the sample.
    pub(super) output: Option<End>,
    /// The copy of the output, if a later step reads it again.
    pub(super) holds: Option<Held>,
    /// Positions and channels of the input, an image; a vector is one position.
    pub(super) positions: usize,
    pub(super) channels: usize,
    /// Whether the input is `[channels][positions]` in memory, as the sample is, or the other way round.
    pub(super) channels_first: bool,
    /// Whether it is a convolution with columns in the lanes, so that the output is channels first.
    pub(super) lanes_are_columns: bool,
    /// Whether it is a convolution by Winograd's algorithm.
    pub(crate) is_winograd: bool,
    /// The layer's number among those with parameters.
    #[cfg(feature = "train")]
    pub(crate) parameters: usize,
    /// The layer's number among those with [tensors](Step::has_tensors).
    pub(crate) ordinal: usize,
    /// The index of the layer's first row of 16 values.
    pub(crate) block: usize,
}

/// An end of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

impl End {
    #[inline(always)]
    pub(super) const fn other(self) -> End {
        match self {
            End::First => End::Last,
            End::Last => End::First,
        }
    }
}

impl At {
    /// Whether the step does nothing, and its output is not copied.
    #[inline(always)]
    pub(super) const fn is_skipped(&self) -> bool {
        self.is_idle && self.takes.is_none() && self.holds.is_none()
    }

    /// Whether its values in memory are in the plan's order.
    #[inline(always)]
    pub(super) const fn is_in_order(&self) -> bool {
        self.channels_first || self.positions == 1 || self.channels == 1
    }

    /// The number of values of the input.
    #[inline(always)]
    pub(super) const fn inputs(&self) -> usize {
        self.positions * self.channels
    }

    /// The number of values of a convolution's input with its border, or 0 without a border.
    #[inline(always)]
    pub(super) const fn bordered(&self) -> usize {
        match self.step.op {
            Op::Conv2d(window) if window.padding[0] + window.padding[1] > 0 => {
                let [rows, columns] = bordered(&window);
                window.input[0] * rows * columns
            }
            _ => 0,
        }
    }

    /// The number of values in memory between the input and the output.
    #[inline(always)]
    pub(super) const fn scratch(&self) -> usize {
        match self.step.op {
            Op::Conv2d(window) if self.is_winograd => scratch(&window),
            _ => 0,
        }
    }

    #[inline(always)]
    pub(super) const fn is_pooling(&self) -> bool {
        matches!(self.step.op, Op::MaxPool2d(_) | Op::AvgPool2d(_))
    }

    /// Whether it is a pooling of an image whose channels must first be moved from first to last.
    #[inline(always)]
    pub(super) const fn is_transposed(&self) -> bool {
        match self.step.op {
            Op::MaxPool2d(window) | Op::AvgPool2d(window) => {
                self.channels_first && !halves(&window)
            }
            _ => false,
        }
    }

    /// Whether the input is moved within the arena before the step: it gets a border, or its channels are moved. It is
    /// then at the other end.
    const fn moves_input(&self) -> bool {
        self.bordered() > 0 || self.is_transposed()
    }
}

/// The steps of a plan, and the length of the arena.
pub(crate) struct Route {
    /// The steps, then the end.
    pub(crate) steps: [At; Plan::CAPACITY + 1],
    /// The length of the part with two ends.
    pub(super) ends: usize,
    /// The part after it, with copies.
    pub(super) copies: Copies,
    /// The layout of the sample.
    sample: Held,
}

impl Route {
    pub(super) const fn arena(&self) -> usize {
        self.ends + self.copies.len
    }

    /// The operands of step `i`, a concatenation.
    pub(super) const fn parts(&self, i: usize) -> Parts {
        Parts::of(&self.steps[i].step, i, self.sample, &self.copies)
    }
}

/// The route of `plan`.
///
/// If `folds_norms`, a batch normalisation directly after a product is part of its weights, and convolutions are by Winograd's
/// algorithm where that pays.
pub(crate) const fn route(plan: &Plan, folds_norms: bool) -> Route {
    let route = route_in(plan, folds_norms, 0);
    match folds_norms {
        true => route_in(plan, true, MAX_ON_STACK.saturating_sub(route.copies.len)),
        false => route,
    }
}

/// The route whose steps use Winograd's algorithm if they need at most so many values of the arena with it.
const fn route_in(plan: &Plan, folds_norms: bool, most_of_winograd: usize) -> Route {
    let steps = plan.steps();
    let positions = positions_of(steps, 0);
    let channels = match steps {
        [] => 1,
        [first, ..] => first.inputs / positions,
    };
    let start = At {
        step: Step::NONE,
        matrix: [0, 0],
        is_idle: true,
        relu: false,
        reads_sample: true,
        seeks_zeros: false,
        end: End::First,
        takes: None,
        term: None,
        output: None,
        holds: None,
        positions,
        channels,
        channels_first: true,
        lanes_are_columns: false,
        is_winograd: false,
        #[cfg(feature = "train")]
        parameters: 0,
        ordinal: 0,
        block: 0,
    };
    let mut here = start;
    let mut route = Route {
        steps: [start; Plan::CAPACITY + 1],
        ends: BLOCK,
        copies: Copies::NONE,
        sample: Held {
            start: 0,
            positions,
            channels,
            channels_first: true,
        },
    };
    let mut i = 0;
    while i < steps.len() {
        let step = steps[i];
        let x = step.input(i);
        let z = match step.op {
            Op::Add { .. } | Op::Dot { .. } => step.operand(i, 1),
            _ => None,
        };
        here.step = step;
        here.takes = None;
        if x == 0 {
            here.reads_sample = true;
            (here.positions, here.channels) = (positions, channels);
            here.channels_first = true;
        } else if x != i
            && let Some(held) = route.copies.of(x)
        {
            here.takes = Some(held);
            here.reads_sample = false;
            (here.positions, here.channels) = (held.positions, held.channels);
            here.channels_first = held.channels_first;
        }
        here.term = match z {
            None => None,
            Some(z) if z == x => Some(Term::Same),
            Some(0) => Some(Term::Sample),
            Some(z) => match route.copies.of(z) {
                Some(held) => Some(Term::Held(held)),
                None => None,
            },
        };
        if let (Some(window), true) = (step.op.window(), here.is_in_order()) {
            // what comes before it need not know that it is an image
            (here.positions, here.channels) = (window.input[1] * window.input[2], window.input[0]);
            here.channels_first = true;
        }
        if let Op::Concat { .. } = step.op {
            let parts = Parts::of(&step, i, route.sample, &route.copies);
            here.takes = None;
            here.positions = parts.positions();
            here.channels_first = parts.channels_first;
        }
        here.is_idle = match step.op {
            Op::Dropout { .. } | Op::Dropout2d { .. } => true,
            Op::Relu => i > 0 && steps[i - 1].has_tensors() && is_before_relu(plan, i - 1),
            Op::BatchNorm { .. } => folds_norms && i > 0 && is_folded(plan, i - 1),
            Op::Flatten => here.is_in_order(),
            _ => false,
        };
        here.relu = match folds_norms && is_folded(plan, i) {
            true => is_before_relu(plan, i + 1),
            false => is_before_relu(plan, i),
        };
        here.lanes_are_columns = match step.op {
            Op::Conv2d(window) => {
                here.channels_first && suits_columns(&window) && keeps_channels_first(steps, i + 1)
            }
            _ => false,
        };
        here.is_winograd = match step.op {
            Op::Conv2d(window) => folds_norms && !here.channels_first && suits_winograd(&window),
            _ => false,
        };
        here.is_winograd = here.is_winograd && needed(&here) <= most_of_winograd;
        here.matrix = match step.op {
            Op::Conv2d(window) if here.is_winograd => {
                [window.output[0], PRODUCTS * window.input[0]]
            }
            _ => step.inference_matrix(),
        };
        here.seeks_zeros = seeks_zeros(&step, here.reads_sample);
        let needed = needed(&here);
        if needed > route.ends {
            route.ends = needed;
        }
        let mut next = after(here);
        if let Op::Narrow { .. } = step.op {
            next.positions = positions_of(steps, i + 1);
            next.channels = step.outputs / next.positions;
            next.channels_first = true;
        }
        here.output = match next.reads_sample {
            true => None,
            false => Some(next.end),
        };
        let size = [next.positions, next.channels];
        here.holds = route.copies.hold(plan, i, size, next.channels_first);
        route.steps[i] = here;
        here = next;
        i += 1;
    }
    (here.takes, here.term, here.holds) = (None, None, None);
    here.is_idle = true;
    while i < route.steps.len() {
        route.steps[i] = here;
        i += 1;
    }
    route
}

/// Whether step `i` is a product whose outputs only the batch normalisation after it reads.
pub(crate) const fn is_folded(plan: &Plan, i: usize) -> bool {
    matches!(plan.steps()[i].op, Op::Linear | Op::Conv2d(_))
        && matches!(only_reader(plan, i), Some(Op::BatchNorm { .. }))
}

/// The positions of what step `i` reads, a sample or a part of it: as many as the first window takes; all that comes
/// before it keeps them. What no window reads stays in the plan's order, as a vector.
const fn positions_of(steps: &[Step], mut i: usize) -> usize {
    while i < steps.len() {
        match (steps[i].op, steps[i].op.window()) {
            (_, Some(window)) => {
                let [_, rows, columns] = window.input;
                return rows * columns;
            }
            (Op::TokenEmbedding { .. }, None) => return 1,
            (op, None) if op.gives_a_vector() => return 1,
            _ => i += 1,
        }
    }
    1
}

/// Whether looking for zero inputs pays: samples such as images have many, and a matrix that exceeds a cache takes long
/// to read. Elsewhere it does not.
pub(crate) const fn seeks_zeros(step: &Step, reads_sample: bool) -> bool {
    /// 512 KiB
    const LARGE: usize = 1 << 17;
    let is_large = step.inputs.saturating_mul(step.outputs) >= LARGE;
    matches!(step.op, Op::Linear) && step.inputs >= MIN_SPARSE && (reads_sample || is_large)
}

/// Whether the step that next reads an image, from step `i` on, can read one with its channels first.
const fn keeps_channels_first(steps: &[Step], mut i: usize) -> bool {
    while i < steps.len() {
        match steps[i].op {
            Op::MaxPool2d(window) | Op::AvgPool2d(window) => return halves(&window),
            Op::Conv2d(_) => return true,
            op if op.gives_a_vector() => return true,
            Op::Add { .. } | Op::Concat { .. } => return false,
            _ => i += 1,
        }
    }
    true
}

/// The part of the arena that a step needs.
const fn needed(at: &At) -> usize {
    let input = match at.reads_sample {
        true => 0,
        false => padded(at.inputs()),
    };
    if at.is_idle {
        return input;
    }
    let output = padded(at.step.outputs);
    if at.moves_input() {
        let moved = match at.is_transposed() {
            true => padded(at.inputs()),
            false => padded(at.bordered()),
        };
        let output = at.scratch() + output;
        return match input > output {
            true => input + moved,
            false => moved + output,
        };
    }
    match at.step.op {
        Op::Conv2d(_) => input + at.scratch() + output,
        Op::MaxPool2d(_) | Op::AvgPool2d(_) => input + output,
        Op::TokenEmbedding { .. } => input + output,
        op if op.gives_a_vector() => input + output,
        // in place
        _ => output,
    }
}

/// What the step after `at` finds.
const fn after(at: At) -> At {
    let mut next = at;
    let is_moved = match (at.step.op, at.step.op.window()) {
        (op, None) if op.gives_a_vector() => {
            next.positions = 1;
            next.channels = at.step.outputs;
            true
        }
        (Op::TokenEmbedding { .. }, None) => {
            next.positions = at.step.inputs;
            next.channels = at.step.outputs / at.step.inputs;
            next.channels_first = false;
            true
        }
        (Op::Concat { .. }, _) => {
            next.channels = at.step.outputs / at.positions;
            false
        }
        (_, Some(window)) => {
            let [channels, rows, columns] = window.output;
            next.positions = rows * columns;
            next.channels = channels;
            next.channels_first = match at.is_pooling() {
                true => at.channels_first && halves(&window),
                false => at.lanes_are_columns,
            };
            true
        }
        _ => false,
    };
    #[cfg(feature = "train")]
    if at.step.has_params() {
        next.parameters += 1;
    }
    if at.step.has_tensors() {
        let [outputs, inputs] = at.matrix;
        next.ordinal += 1;
        next.block += Columns::rows(inputs, outputs);
    }
    if at.is_idle {
        return next;
    }
    next.reads_sample = false;
    // A step that first moves its input has its output where that was.
    if is_moved && !at.moves_input() {
        next.end = at.end.other();
    }
    next
}
