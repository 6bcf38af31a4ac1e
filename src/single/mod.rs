//! One sample through one layer, on the caller's thread, without `std`: the kernels of frozen models, and
//! of [`Fused`](crate::engine::Fused) for a single sample.
//!
//! Dims: `I` = inputs, `O` = outputs.

#![allow(
    unsafe_code,
    reason = "loads and stores through pointers, and instructions that were looked for, each with its proof"
)]

mod activation;
mod columns;
mod lanes;
mod rows;
mod walk;

pub use self::{
    columns::Block,
    lanes::Lanes,
    walk::{At, Sealed, Values},
};
pub(crate) use self::{
    columns::{BLOCK, Columns, LEAST_SPARSE},
    lanes::Level,
    rows::Rows,
    walk::{WIDEST, fits_the_stack, walk, widest},
};
