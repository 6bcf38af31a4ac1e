//! Inference for a single sample, on the caller's thread, without `std`: the kernels of frozen models, and of
//! [`Fused`](crate::engine::Fused) for one sample.
//!
//! Dims: `I` = inputs, `O` = outputs.

#![allow(
    unsafe_code,
    reason = "loads and stores through pointers, and SIMD instructions that were detected, each with its proof"
)]

mod activation;
mod arena;
mod arithmetic;
mod columns;
mod concat;
mod embedding;
mod forward;
mod functions;
mod gradient;
mod held;
mod image;
mod lanes;
mod layer_norm;
mod level;
mod matrix;
mod norm;
mod operation;
mod prelu;
mod route;
mod rows;
mod softmax;
mod step;
mod steps;
mod stored;
mod values;
mod vectors;

#[cfg(feature = "train")]
pub(crate) use self::{
    activation::{Code, activate},
    arithmetic::{Arithmetic, exponent},
    functions::{Power, Tail, clamp, exp_m1, exp_m1_near_0, ln_1p, normal_tail, power, tanh},
    image::{winograd_inputs, winograd_outputs},
    step::fits_the_stack,
};
pub use self::{
    columns::Block,
    lanes::Lanes,
    level::Level,
    matrix::Matrix,
    route::At,
    step::{Folded, Kept},
    values::{Sealed, Values},
};
pub(crate) use self::{
    columns::Columns,
    forward::{forward, forward_in},
    gradient::gradient,
    image::{PRODUCTS, winograd_weights},
    matrix::BLOCK,
    norm::{affine, affine_of, sqrt},
    route::{MAX_ON_STACK, is_folded, route, seeks_zeros},
    rows::Rows,
    softmax::{portable_softmax, softmax},
    step::arena,
    stored::Tensor,
};
