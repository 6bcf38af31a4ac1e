//! The layers, one file per kind. Dims: `B` = batch size, `N` = width, `I` in, `O` out.

mod dropout;
mod gelu;
mod input;
mod leaky_relu;
mod linear;
mod relu;
mod sigmoid;
mod softplus;
mod tanh;

pub use dropout::{Dropout, DropoutRate};
pub use gelu::GELU;
pub use input::Input;
pub use leaky_relu::LeakyReLU;
pub use linear::Linear;
pub use relu::ReLU;
pub use sigmoid::Sigmoid;
pub use softplus::Softplus;
pub use tanh::Tanh;
