//! The driver's functions: what the program calls instead of NVIDIA's libraries.

#[allow(unsafe_code, reason = "pointers of the program that calls the driver")]
mod cublas;
#[allow(unsafe_code, reason = "pointers of the program that calls the driver")]
mod cuda;
mod device;
mod settings;

pub use device::{Device, Kernel, Status};
pub use settings::Settings;
