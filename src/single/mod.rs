//! Inference for a single sample, on the caller's thread, without `std`: the kernels of frozen models, and of
//! [`Fused`](crate::engine::Fused) for one sample.
//!
//! Dims: `I` = inputs, `O` = outputs.

#![allow(
    unsafe_code,
    reason = "loads and stores through pointers, and SIMD instructions that were detected, each with its proof"
)]

mod activation;
mod columns;
mod forward;
mod lanes;
mod rows;

pub use self::{
    columns::Block,
    forward::{At, Sealed, Values},
    lanes::Lanes,
};
pub(crate) use self::{
    columns::{BLOCK, Columns, MIN_SPARSE},
    forward::{MAX_WIDTH, fits_the_stack, forward, widest},
    lanes::Level,
    rows::Rows,
};
