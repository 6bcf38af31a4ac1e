//! The layers, one file per kind. Dims: `B` = batch size, `N` = width, `I` in, `O` out; of images, `C` channels, `H`
//! rows, `W` columns.

mod avg_pool2d;
mod conv2d;
mod dropout;
mod elu;
mod flatten;
mod floor;
mod gelu;
mod global_avg_pool2d;
mod hardswish;
mod identity;
mod input;
mod lazy_linear;
mod leaky_relu;
mod linear;
mod max_pool2d;
mod relu;
mod repeat;
mod residual;
mod shapes;
mod sigmoid;
mod silu;
mod softplus;
mod tanh;

pub use avg_pool2d::AvgPool2d;
pub use conv2d::Conv2d;
pub use dropout::{Dropout, DropoutRate};
pub use elu::ELU;
pub use flatten::Flatten;
pub use floor::Floor;
pub use gelu::GELU;
pub use global_avg_pool2d::GlobalAvgPool2d;
pub use hardswish::Hardswish;
pub use identity::Identity;
pub use input::Input;
pub use lazy_linear::LazyLinear;
pub use leaky_relu::LeakyReLU;
pub use linear::Linear;
pub use max_pool2d::MaxPool2d;
pub use relu::ReLU;
pub use repeat::Repeat;
pub use residual::Residual;
pub use sigmoid::Sigmoid;
pub use silu::SiLU;
pub use softplus::Softplus;
pub use tanh::Tanh;
