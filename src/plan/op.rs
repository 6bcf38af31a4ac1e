//! [`Op`]: what a step computes.

use super::Window;

/// The maximum number of operands of a step: the branches of a [`Concat`](crate::layers::Concat).
pub(crate) const MAX_OPERANDS: usize = 8;

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
    /// `y = x` for `x > 0`, else `w[c] x`, with parameters `w: [C]`, and no bias.
    PRelu {
        /// `C`: 1, a slope for all values, or one for each channel of an image, or for each feature of a vector.
        slopes: usize,
    },
    /// `y = x / 2 * (1 + erf(x / sqrt(2)))`, the exact form.
    Gelu,
    /// `y = ln(1 + exp(x))`; `y = x` for `x > 20`, as in PyTorch.
    Softplus,
    /// `y = x / (1 + exp(-x))`.
    Silu,
    /// `y = x` for `x > 0`, else `(exp(x) - 1) * alpha_percent / 100`.
    Elu {
        /// Minus the limit for `x` to minus infinity, in percent.
        alpha_percent: u32,
    },
    /// `y = x min(max(x + 3, 0), 6) / 6`; its derivative is 0 at -3 and 1 at 3, as in PyTorch.
    Hardswish,
    /// In training, `y = 0` with probability `p = percent / 100`, else `x / (1 - p)`;
    /// otherwise `y = x`.
    Dropout {
        /// The probability that a feature is set to zero, in percent.
        percent: u32,
    },
    /// As [`Op::Dropout`], of whole channels: in training, all values of a channel are 0 with probability `p`, or none is.
    Dropout2d {
        /// The probability that a channel is set to zero, in percent.
        percent: u32,
        /// `C`: the channels of the image.
        channels: usize,
    },
    /// `y[o, i, j] = b[o] + sum_{c, k, l} W[o, c, k, l] x[c', s i + k - p, t j + l - q]`, with strides `s` and `t`, paddings
    /// `p` and `q` and zeros outside of the image; `W: [O, C / G, K, L]` row-major, `b: [O]`. `c'` is channel `c` of those of
    /// the group that has output `o`, one of `G`.
    Conv2d(Window),
    /// `y[c, i, j] = max_{k, l} x[c, s i + k - p, s j + l - p]`, over the positions within the image.
    MaxPool2d(Window),
    /// The mean over the same positions, with zeros outside of the image.
    AvgPool2d(Window),
    /// `y[c, ..] = w[c] (x[c, ..] - m[c]) / sqrt(v[c] + 1e-5) + b[c]` with parameters `w: [C]`, `b: [C]`. In training, `m` and
    /// `v` are the mean and the (biased) variance of the channel in the batch; otherwise the running ones, of which each
    /// training step replaces a tenth by those of its batch (there, the variance is the unbiased one).
    BatchNorm {
        /// `C`: the channels of an image, or the features of a vector.
        channels: usize,
    },
    /// `y[i] = (x[i] - m[i]) / s[i]`, with the mean and the standard deviation of feature `i` in the training data, `m: [I]` and
    /// `s: [I]`, which training leaves as they are. `x` is the network's input, or
    /// a part of it, which no other step reads.
    Standardize,
    /// `y[i] = w[i] (x[i] - m) / sqrt(v + 1e-5) + b[i]` with parameters `w: [I]`, `b: [I]`, where `m` and `v` are the mean and
    /// the (biased) variance of all values of the sample.
    LayerNorm {
        /// Channels, rows and columns, which are the parameters' shape; none for a vector.
        image: Option<[usize; 3]>,
    },
    /// `y = W[x]`, row `x` of `W: [V, O]` row-major, where `x` is a category, a token of the network's input.
    Embedding {
        /// `V`: the number of categories.
        vocabulary: usize,
    },
    /// `y[c, i] = W[x[i], c]`, for each token `x[i]` of the network's input a row of `W: [V, C]` row-major, as an image
    /// of `C` channels and one row of `I` columns: `O = C I`. The row of token 0, the padding, has no gradient.
    TokenEmbedding {
        /// `V`: the number of tokens.
        vocabulary: usize,
    },
    /// `y = pool(W[x[0]], W[x[1]], ..)`, of the rows of `W: [V, O]` row-major for the tokens `x` of the network's input that are
    /// not 0, the padding; zeros where all are.
    EmbeddingBag {
        /// `V`: the number of tokens.
        vocabulary: usize,
        /// The pooling.
        pooling: Pooling,
    },
    /// `y[i] = 1` for `i = x`, else 0, where `x` is a category, a token of the network's input, below `O`.
    OneHot,
    /// `y = x[start..start + O]`, some values of the network's input: one of a pair of inputs.
    Narrow {
        /// The first of them.
        start: usize,
    },
    /// `y = x`, an image as a vector.
    Flatten,
    /// `y = x + z`, where `z` is the output of an earlier step, or the network's input: that of the step `back` places
    /// before, where 1 is the step before.
    Add {
        /// The distance to the step that computed `z`.
        back: usize,
    },
    /// `y = sum_i x[i] z[i]`, one value, where `z` is as in [`Op::Add`].
    Dot {
        /// The distance to the step that computed `z`.
        back: usize,
    },
    /// `y = [x, z, ..]`, the values of its operands one after another: 2 to 8, each `z` as in [`Op::Add`].
    Concat {
        /// For each `z`, in order, the distance to the step that computed it; then zeros.
        backs: [usize; MAX_OPERANDS - 1],
    },
}

/// How [`Op::EmbeddingBag`] makes one vector of those of all tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pooling {
    /// Their sum.
    Sum,
    /// Their sum, divided by their number.
    Mean,
    /// Their sum, each times a number of the sample: of `I` values, the first half are the tokens, the second half the numbers.
    Weighted,
    /// Of each feature the largest; the gradient goes to the first of those. A NaN counts as larger than any number.
    Max,
}

impl Op {
    /// What [`Op::BatchNorm`] and [`Op::LayerNorm`] add to a variance.
    pub(crate) const EPSILON: f64 = 1e-5;
    /// The weight of a batch in the running statistics of [`Op::BatchNorm`].
    #[cfg(feature = "train")]
    const MOMENTUM: f64 = 0.1;

    /// A running statistic of [`Op::BatchNorm`] after a batch with this one.
    #[cfg(feature = "train")]
    pub(crate) fn running_average(statistic: f32, of_batch: f64) -> f32 {
        (f64::from(statistic) * (1.0 - Op::MOMENTUM) + of_batch * Op::MOMENTUM) as f32
    }

    /// The layer's name as in `torch.nn`.
    pub const fn name(self) -> &'static str {
        match self {
            Op::Linear => "Linear",
            Op::Relu => "ReLU",
            Op::Sigmoid => "Sigmoid",
            Op::Tanh => "Tanh",
            Op::LeakyRelu { .. } => "LeakyReLU",
            Op::PRelu { .. } => "PReLU",
            Op::Gelu => "GELU",
            Op::Softplus => "Softplus",
            Op::Silu => "SiLU",
            Op::Elu { .. } => "ELU",
            Op::Hardswish => "Hardswish",
            Op::Dropout { .. } => "Dropout",
            Op::Dropout2d { .. } => "Dropout2d",
            Op::Conv2d(Window { is_1d: true, .. }) => "Conv1d",
            Op::Conv2d(_) => "Conv2d",
            Op::MaxPool2d(Window { is_1d: true, .. }) => "MaxPool1d",
            Op::MaxPool2d(_) => "MaxPool2d",
            Op::AvgPool2d(Window { is_1d: true, .. }) => "AvgPool1d",
            Op::AvgPool2d(_) => "AvgPool2d",
            Op::BatchNorm { .. } => "BatchNorm",
            Op::Standardize => "Standardize",
            Op::LayerNorm { .. } => "LayerNorm",
            Op::Embedding { .. } | Op::TokenEmbedding { .. } => "Embedding",
            Op::EmbeddingBag { .. } => "EmbeddingBag",
            Op::OneHot => "OneHot",
            Op::Narrow { .. } => "Narrow",
            Op::Dot { .. } => "Dot",
            Op::Flatten => "Flatten",
            Op::Add { .. } => "Add",
            Op::Concat { .. } => "Concat",
        }
    }

    /// The size of the vocabulary of an operation that has one.
    pub(crate) const fn vocabulary(self) -> Option<usize> {
        match self {
            Op::Embedding { vocabulary }
            | Op::TokenEmbedding { vocabulary }
            | Op::EmbeddingBag { vocabulary, .. } => Some(vocabulary),
            _ => None,
        }
    }

    /// Whether it computes each value from one value, without parameters, in training as otherwise.
    pub(crate) const fn is_activation(self) -> bool {
        matches!(
            self,
            Op::Relu
                | Op::Sigmoid
                | Op::Tanh
                | Op::LeakyRelu { .. }
                | Op::Gelu
                | Op::Softplus
                | Op::Silu
                | Op::Elu { .. }
                | Op::Hardswish
        )
    }

    /// Whether it reads tokens.
    pub(crate) const fn reads_tokens(self) -> bool {
        matches!(self, Op::OneHot) || self.vocabulary().is_some()
    }

    /// Whether it gives a vector, or a part of the input, whatever it reads.
    pub(crate) const fn gives_a_vector(self) -> bool {
        matches!(
            self,
            Op::Linear
                | Op::Flatten
                | Op::Embedding { .. }
                | Op::EmbeddingBag { .. }
                | Op::OneHot
                | Op::Narrow { .. }
                | Op::Dot { .. }
        )
    }

    /// The window of an operation that has one.
    pub(crate) const fn window(self) -> Option<Window> {
        match self {
            Op::Conv2d(window) | Op::MaxPool2d(window) | Op::AvgPool2d(window) => Some(window),
            _ => None,
        }
    }
}
