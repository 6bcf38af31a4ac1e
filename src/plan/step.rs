//! [`Step`]: one operation of a plan, with its widths, its operands and its parameters.

use super::{Op, Path, op::MAX_OPERANDS};
#[cfg(feature = "train")]
use super::{Pooling, Window};

/// One operation with its widths, its operand and the offset of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Step {
    /// What is computed.
    pub op: Op,
    /// The distance to the step whose output is the input `x`: 1 for the step before. That of a plan's first step is the
    /// network's input, as is any further back.
    pub back: usize,
    /// The name among the network's modules.
    pub path: Path,
    /// `I`, the input width; of [`Op::Concat`], that of its first operand.
    pub inputs: usize,
    /// `O`, the output width.
    pub outputs: usize,
    /// The offset of the step's parameters in the flat buffer: `W` row-major, then `b`, if there is one.
    pub offset: usize,
    /// The offset of the statistics of [`Op::BatchNorm`] or [`Op::Standardize`] among those of the network: the means `[C]`,
    /// then the variances `[C]`; or the means `[I]`, then the standard deviations `[I]`.
    pub statistics: usize,
}

impl Step {
    /// Nothing, for the unused end of a list of steps.
    pub(crate) const NONE: Step = Step::first(Op::Relu, 0, 0);

    /// The first step of a plan.
    pub(super) const fn first(op: Op, inputs: usize, outputs: usize) -> Step {
        Step {
            op,
            back: 1,
            path: Path::FIRST,
            inputs,
            outputs,
            offset: 0,
            statistics: 0,
        }
    }

    /// A value that it reads as step `index` of a plan, if it has that many operands: 0 is the network's input, `i + 1` the
    /// output of step `i`. [`Op::Add`], [`Op::Dot`] and [`Op::Concat`] have several operands, the others one.
    pub(crate) const fn operand(&self, index: usize, operand: usize) -> Option<usize> {
        let back = match (&self.op, operand) {
            (_, 0) => self.back,
            (Op::Add { back } | Op::Dot { back }, 1) => *back,
            (Op::Concat { backs }, 1..MAX_OPERANDS) if backs[operand - 1] > 0 => backs[operand - 1],
            _ => return None,
        };
        Some((index + 1).saturating_sub(back))
    }

    /// The first [operand](Step::operand).
    pub(crate) const fn input(&self, index: usize) -> usize {
        (index + 1).saturating_sub(self.back)
    }

    /// Its [operands](Step::operand), in order.
    #[cfg(any(feature = "train", test))]
    pub(crate) fn operands(&self, index: usize) -> impl Iterator<Item = usize> {
        (0..MAX_OPERANDS).map_while(move |operand| self.operand(index, operand))
    }

    /// How many of its [operands](Step::operand) a value is.
    pub(crate) const fn reads(&self, index: usize, value: usize) -> usize {
        let (mut reads, mut operand) = (0, 0);
        while let Some(read) = self.operand(index, operand) {
            reads += (read == value) as usize;
            operand += 1;
        }
        reads
    }

    /// The number of parameters: `(I + 1) * O` for [`Op::Linear`], `(C K L / G + 1) * O` for [`Op::Conv2d`] with `G`
    /// groups, `2 C` for [`Op::BatchNorm`], `2 I` for [`Op::LayerNorm`], `C` for [`Op::PRelu`], `V O` for
    /// [`Op::Embedding`] and [`Op::EmbeddingBag`], `V C` for [`Op::TokenEmbedding`], else 0.
    pub const fn params(&self) -> usize {
        let [outputs, inputs] = self.weight_matrix();
        match self.has_bias() {
            true => (inputs + 1) * outputs,
            false => inputs * outputs,
        }
    }

    /// Whether it has parameters: a weight and, mostly, a [bias](Step::has_bias).
    pub(crate) const fn has_params(&self) -> bool {
        let [outputs, _] = self.weight_matrix();
        outputs > 0
    }

    /// Whether it has a bias.
    pub(crate) const fn has_bias(&self) -> bool {
        self.has_params() && !matches!(self.op, Op::PRelu { .. }) && self.op.vocabulary().is_none()
    }

    /// The number of statistics: `2 C` for [`Op::BatchNorm`], `2 I` for [`Op::Standardize`], else 0.
    pub const fn statistics_len(&self) -> usize {
        match self.op {
            Op::BatchNorm { channels } => 2 * channels,
            Op::Standardize => 2 * self.inputs,
            _ => 0,
        }
    }

    /// Whether a weights file has tensors of it: parameters or statistics.
    pub(crate) const fn has_tensors(&self) -> bool {
        self.has_params() || self.statistics_len() > 0
    }

    /// The [weight](Step::weight_matrix) that inference reads, with a bias of one value for each output: for a
    /// standardisation, the means `[I, 1]` stand for the weight, and the standard deviations for the bias.
    pub(crate) const fn inference_matrix(&self) -> [usize; 2] {
        match self.op {
            Op::Standardize => [self.inputs, 1],
            _ => self.weight_matrix(),
        }
    }

    /// The weight as a matrix, `[outputs, inputs]`: for each output (of a convolution: each output channel), the inputs
    /// that it depends on; of a batch normalisation and of slopes, `[C, 1]`, of a layer normalisation, `[I, 1]`; of an
    /// embedding, `[O, V]`, which is in the parameters as a [table](Step::is_table). `[0, 0]` without parameters. The
    /// bias, if there is one, has one value for each output.
    pub(crate) const fn weight_matrix(&self) -> [usize; 2] {
        match self.op {
            Op::Linear => [self.outputs, self.inputs],
            Op::Conv2d(window) => [window.output[0], window.fan_in()],
            Op::BatchNorm { channels } => [channels, 1],
            Op::LayerNorm { .. } => [self.inputs, 1],
            Op::PRelu { slopes } => [slopes, 1],
            Op::Embedding { vocabulary } | Op::EmbeddingBag { vocabulary, .. } => {
                [self.outputs, vocabulary]
            }
            Op::TokenEmbedding { vocabulary } => [self.outputs / self.inputs, vocabulary],
            _ => [0, 0],
        }
    }

    /// The number of tokens that an embedding reads; 0 for another operation.
    #[cfg(feature = "train")]
    pub(crate) const fn tokens(&self) -> usize {
        match self.op {
            Op::Embedding { .. } => 1,
            Op::EmbeddingBag {
                pooling: Pooling::Weighted,
                ..
            } => self.inputs / 2,
            Op::EmbeddingBag { .. } | Op::TokenEmbedding { .. } => self.inputs,
            _ => 0,
        }
    }

    /// Whether the parameters have the weight as `[inputs, outputs]` row-major, and not as `[outputs, inputs]`: that of an
    /// embedding.
    pub(crate) const fn is_table(&self) -> bool {
        self.op.vocabulary().is_some()
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
    /// `2 I O` for [`Op::Linear`] (the bias starts the sum), `2 C K L / G` for each output of [`Op::Conv2d`], the size
    /// of the window for each output of a pooling, `2 O` for [`Op::BatchNorm`] and [`Op::Standardize`], `7 O` for
    /// [`Op::LayerNorm`] (mean, distance, variance, factor, parameters), `I O` for [`Op::EmbeddingBag`], `2 I` for
    /// [`Op::Dot`], none for [`Op::Embedding`], [`Op::TokenEmbedding`], [`Op::OneHot`], [`Op::Narrow`], [`Op::Flatten`]
    /// and [`Op::Concat`], `O` for every other operation: an activation counts as one.
    pub const fn flop(&self) -> usize {
        match self.op {
            Op::Linear => 2 * self.inputs * self.outputs,
            Op::Conv2d(window) => 2 * window.fan_in() * self.outputs,
            Op::MaxPool2d(window) | Op::AvgPool2d(window) => {
                window.kernel[0] * window.kernel[1] * self.outputs
            }
            Op::BatchNorm { .. } | Op::Standardize => 2 * self.outputs,
            Op::LayerNorm { .. } => 7 * self.outputs,
            // a multiply-add for each token and each number
            Op::EmbeddingBag { .. } => self.inputs * self.outputs,
            Op::Dot { .. } => 2 * self.inputs,
            Op::Embedding { .. }
            | Op::TokenEmbedding { .. }
            | Op::OneHot
            | Op::Narrow { .. }
            | Op::Flatten
            | Op::Concat { .. } => 0,
            _ => self.outputs,
        }
    }
}
