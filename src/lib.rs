#![doc = include_str!("../README.md")]

mod aside;
pub mod data;
#[doc = include_str!("../DESIGN.md")]
pub mod design {}
pub mod engine;
pub mod error;
mod hex;
pub mod layer;
pub mod layers;
pub mod models;
pub mod network;
pub mod plan;
pub mod prelude;
pub mod seed;
pub mod shape;
pub mod summary;
pub mod train;
pub mod weights;

pub use error::{Error, Result};
pub use layer::Layer;
pub use network::Network;
pub use plan::Plan;
pub use weights::Weights;
