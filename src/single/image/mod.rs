//! Operations on one image.
//!
//! A sample is channels first, `[channel][row][column]`, as PyTorch stores it. Most activations are channels last,
//! `[row][column][channel]`, so that a vector has several channels of one position.

mod border;
mod convolution;
mod pooling;
mod transpose;
mod winograd;

pub(crate) use self::winograd::{PRODUCTS, winograd_weights};
#[cfg(feature = "train")]
pub(crate) use self::winograd::{winograd_inputs, winograd_outputs};
pub(super) use self::{
    border::{add_border, bordered},
    convolution::{Convolution, convolve, suits_columns},
    pooling::{average, halves, maximum},
    transpose::transpose,
    winograd::{scratch, suits_winograd, winograd},
};
