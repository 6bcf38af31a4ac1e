//! The loops that compute, each written once and compiled for every kind of SIMD.
//!
//! A kernel is a struct of its arguments with a safe `run`: it checks that every matrix has the rows
//! and blocks it will walk, and then reads and writes by pointers. Which thread computes what is
//! decided by who calls it.

#![allow(
    unsafe_code,
    reason = "loads and stores through pointers, each block with its proof"
)]

mod clip;
mod elementwise;
mod gather;
mod lanes;
mod loss;
mod math;
mod product;
mod sparse;
mod update;

pub use self::lanes::Simd;
use self::lanes::{load, prefetch, store};
pub(super) use self::{
    clip::{Apply, SquareSum},
    elementwise::Elementwise,
    gather::{Gather, NotZero, Rows, Samples},
    lanes::{Kernel, Lanes, dispatch},
    loss::LossGradient,
    product::{Forward, InputGradient, Slopes, WeightGradient},
    sparse::{SparseBatch, SparseForward, SparseWeightGradient, Values, WORD, turn},
    update::{Parameters, Rule},
};
