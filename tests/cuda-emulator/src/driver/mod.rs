//! The driver's functions: what the program calls instead of NVIDIA's libraries.

mod capture;
#[allow(unsafe_code, reason = "pointers of the program that calls the driver")]
mod cublas;
#[allow(unsafe_code, reason = "pointers of the program that calls the driver")]
pub mod cuda;
mod device;
mod graph;
mod settings;

pub use capture::{Capturing, Mode, Stream};
pub use device::{Device, Kernel, Status};
pub use graph::Node;
pub use settings::Settings;
