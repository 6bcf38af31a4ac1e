// README's pictures; where a link is defined twice, the first definition wins.
#![doc = include_str!("../README-pictures.md")]
#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]

mod argmax;
#[cfg(feature = "train")]
mod atomic_file;
#[cfg(feature = "train")]
pub mod data;
#[doc = include_str!("../DESIGN.md")]
pub mod design {}
#[cfg(feature = "train")]
mod checksum;
#[cfg(feature = "train")]
mod clock;
#[cfg(feature = "mpi")]
pub mod distributed;
#[cfg(feature = "train")]
pub mod engine;
#[cfg(feature = "train")]
pub mod error;
#[cfg(feature = "train")]
pub mod explain;
pub mod frozen;
pub mod label;
pub mod layer;
pub mod layers;
#[cfg(feature = "train")]
pub mod metrics;
pub mod mnist_format;
pub mod models;
pub mod network;
#[cfg(feature = "train")]
pub mod objective;
#[cfg(feature = "train")]
mod panic;
pub mod plan;
pub mod prelude;
pub mod quantized;
#[cfg(feature = "train")]
pub mod seed;
pub mod shape;
mod single;
#[doc(hidden)]
pub mod sizes;
pub mod summary;
#[cfg(feature = "train")]
pub mod target;
mod text;
#[cfg(feature = "train")]
mod threads;
pub mod token;
#[cfg(feature = "text")]
pub mod tokenizer;
#[cfg(feature = "train")]
pub mod train;
pub mod weights;

#[cfg(feature = "train")]
pub use error::{Error, Result};
pub use layer::Layer;
pub use network::Network;
pub use plan::Plan;
#[cfg(feature = "train")]
pub use weights::Weights;
