//! The compute loops, each written once and compiled for every SIMD level.
//!
//! A kernel is a struct of its arguments with a safe `run`: it checks that every matrix has the rows and blocks that
//! it accesses, and then reads and writes through pointers. The caller determines which thread computes what.

#![allow(
    unsafe_code,
    reason = "loads and stores through pointers, each block with its proof"
)]

mod add_matrices;
mod bits;
mod clip;
mod columns;
mod convolution;
mod cross_entropy;
mod derivative;
mod dispatch;
mod dot;
mod elementwise;
mod embedding;
mod epilogue;
mod finite;
mod gather;
mod interleave;
mod kernel_gradient;
mod lanes;
mod layer_norm;
mod layer_norm_image;
mod loss;
mod math;
mod norm;
mod optimizer;
mod pack_kernels;
mod pack_winograd;
mod pointwise;
mod pooling;
mod prelu;
mod product;
mod selected;
mod sequence;
mod sparse;
mod standardize;
mod sum;
mod tokens;
mod update;
mod winograd;

pub(crate) use crate::engine::rule::Rule;

pub use self::lanes::Simd;
use self::lanes::{by_vectors, load, store};
pub(crate) use self::{
    add_matrices::AddMatrices,
    bits::{NonzeroBits, WORD},
    clip::{Apply, SquareSum},
    columns::CopyColumns,
    convolution::Convolve,
    derivative::Derivative,
    dispatch::{Kernel, dispatch},
    dot::{Dot, DotGradient},
    elementwise::Elementwise,
    embedding::{CatchUp, Embed, Occurrences, TableGradient},
    epilogue::Epilogue,
    finite::AllFinite,
    gather::{Gather, Rows, Samples},
    interleave::{Flatten, Interleave, Unflatten},
    kernel_gradient::KernelGradient,
    lanes::{Lanes, prefetch},
    layer_norm::{ColumnsGradient, NormalizeRows, RowsGradient, SampleNumbers},
    layer_norm_image::{ImageNormGradient, ImageNormSums, LaneNumbers, NormalizeImage},
    loss::LossGradient,
    norm::{Deviations, NormGradient, NormSums, NormTerm, Normalize, PerLane},
    pack_kernels::{PackKernels, Passes},
    pack_winograd::PackWinograd,
    pooling::{AvgPool, MaxPool, MultiplyDerivative, PoolGradient},
    prelu::{PRelu, PReluGradient, SlopeSums},
    product::{Forward, InputGradient, WeightGradient},
    selected::{PackSelected, SelectedGradient, Untranspose},
    sequence::{EmbedSequence, SequenceGradient},
    sparse::{SparseBatch, SparseForward, SparseWeightGradient, TransposeBits, Values},
    standardize::Standardize,
    sum::Sum,
    tokens::{FindTokens, OwnTokens},
    update::Parameters,
    winograd::Winograd,
};
