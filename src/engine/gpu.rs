//! Detects an NVIDIA driver and a GPU, so that a missing one is an error message and not a panic.

use std::fmt;

use cudarc::driver::{
    DriverError,
    result::{self, device},
    sys::{self, CUdevice_attribute, CUresult},
};

use crate::error::{Error, Result};

/// An available GPU.
pub(super) struct Gpu {
    ordinal: usize,
    /// The driver's name for it.
    name: String,
    /// The compute capability, as in `(9, 0)`.
    capability: (i32, i32),
    /// The newest CUDA version that the driver supports, as in 13000 for 13.0.
    driver: i32,
}

/// The GPU `ordinal`, counted from 0 in the driver's order.
///
/// # Errors
/// [`Error::NoDevice`] where there is no driver or no such GPU.
pub(super) fn find(ordinal: usize) -> Result<Gpu> {
    let none = |expected: &str, found: String, remedy| Error::NoDevice {
        device: format!("cuda:{ordinal}"),
        expected: expected.to_owned(),
        found,
        remedy,
    };
    let failed = |error: DriverError| {
        none(
            "an NVIDIA driver that answers",
            words(error),
            "see whether `nvidia-smi` lists the GPU, or compute on the CPU",
        )
    };
    if !library_is_there() {
        let found = "none (no library libcuda.so.1 or nvcuda.dll)".to_owned();
        let remedy = "install one (`nvidia-smi` then lists the GPU), or compute on the CPU";
        return Err(none("an NVIDIA driver", found, remedy));
    }
    let count = match result::init().and_then(|()| device::get_count()) {
        Ok(count) => count,
        Err(DriverError(CUresult::CUDA_ERROR_NO_DEVICE)) => 0,
        Err(error) => return Err(failed(error)),
    };
    if count <= 0 {
        let remedy = "see whether `nvidia-smi` lists one and CUDA_VISIBLE_DEVICES hides none, \
                      or compute on the CPU";
        let found = "none (CUDA_ERROR_NO_DEVICE)".to_owned();
        return Err(none("an NVIDIA GPU", found, remedy));
    }
    let number = i32::try_from(ordinal).unwrap_or(i32::MAX);
    if number >= count {
        let found = match count {
            1 => "one GPU, cuda:0".to_owned(),
            _ => format!("{count} GPUs, cuda:0 to cuda:{}", count - 1),
        };
        return Err(none(
            "a GPU of that number",
            found,
            "name one that is there",
        ));
    }
    properties(ordinal, number).map_err(failed)
}

fn properties(ordinal: usize, number: i32) -> Result<Gpu, DriverError> {
    use CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let gpu = device::get(number)?;
    Ok(Gpu {
        ordinal,
        name: device::get_name(gpu)?,
        capability: (attribute(gpu, MAJOR)?, attribute(gpu, MINOR)?),
        driver: driver_version()?,
    })
}

impl Gpu {
    /// The compute capability, as in `(9, 0)`.
    pub(super) fn capability(&self) -> (i32, i32) {
        self.capability
    }

    /// The error for dfdx's failure to initialise on this GPU.
    pub(super) fn refused(&self, error: &impl fmt::Display) -> Error {
        // dfdx returns the error of an older cudarc, whose only public form is its text
        let message = error.to_string();
        let says = |names: &[&str]| names.iter().any(|name| message.contains(name));
        let (expected, found, remedy) = if says(&["CUDA_ERROR_UNSUPPORTED_PTX_VERSION"]) {
            let (major, minor) = (self.driver / 1000, self.driver % 1000 / 10);
            (
                "a driver as new as the CUDA that this program was built with".to_owned(),
                format!("one for CUDA {major}.{minor} at most"),
                "update the driver, build with that CUDA, or compute on the CPU",
            )
        } else if says(&["CUDA_ERROR_NO_BINARY_FOR_GPU", "CUDA_ERROR_INVALID_PTX"]) {
            let (major, minor) = self.capability;
            (
                "the compute capability that this program was built for".to_owned(),
                format!("{major}.{minor}"),
                "build with CUDA_COMPUTE_CAP set to its two digits, or compute on the CPU",
            )
        } else if says(&["CublasError"]) {
            (
                "cuBLAS of the CUDA that this program was built with".to_owned(),
                message,
                "install it where the loader looks, name its folder in TUPLENET_CUDA, \
                 or compute on the CPU",
            )
        } else {
            return Error::Device {
                engine: "dfdx",
                device: self.to_string(),
                message,
            };
        };
        Error::NoDevice {
            device: self.to_string(),
            expected,
            found,
            remedy,
        }
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cuda:{} ({})", self.ordinal, self.name)
    }
}

/// The driver's name for the error, or its number where the driver has no name for it.
fn words(error: DriverError) -> String {
    let name = error.error_name().ok();
    let name = name.and_then(|name| name.to_str().ok());
    name.map_or_else(|| format!("error {}", error.0 as u32), str::to_owned)
}

#[allow(unsafe_code)]
fn library_is_there() -> bool {
    // SAFETY: it opens and closes the driver's library, which runs nothing but that library's initialisers.
    unsafe { sys::is_culib_present() }
}

#[allow(unsafe_code)]
fn driver_version() -> Result<i32, DriverError> {
    let mut version = 0;
    // SAFETY: it writes one `int` to a variable that outlives the call.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result()?;
    Ok(version)
}

#[allow(unsafe_code)]
fn attribute(gpu: sys::CUdevice, attribute: CUdevice_attribute) -> Result<i32, DriverError> {
    // SAFETY: `gpu` came from `device::get`.
    unsafe { device::get_attribute(gpu, attribute) }
}
