//! [`Device`]: a GPU with the compiled kernels of a network.

use std::{fmt::Display, sync::Arc};

use cudarc::{
    driver::{
        CudaContext, CudaFunction, CudaModule, CudaSlice, CudaStream, DevicePtr, DeviceRepr,
        LaunchArgs, LaunchConfig, ValidAsZeroBits, sys::CUdevice_attribute,
    },
    nvrtc::{self, CompileOptions},
};

use super::{arguments::Address, precision::Precision};
use crate::{
    engine::gpu,
    error::{Error, Result},
};

/// The threads of a block, as in `kernels/run.cu`.
const THREADS: usize = 256;

pub(super) struct Device {
    /// As in `cuda:0 (NVIDIA H100)`.
    pub(super) name: String,
    pub(super) stream: Arc<CudaStream>,
    module: Arc<CudaModule>,
    pub(super) multiprocessors: usize,
}

impl Device {
    /// Compiles the source for the GPU with this ordinal.
    ///
    /// # Errors
    /// [`Error::NoDevice`] where there is no driver, no such GPU, no compiler, or no tensor cores of that precision;
    /// [`Error::Device`] when the device fails.
    pub(super) fn new(ordinal: usize, precision: Precision, source: &str) -> Result<Device> {
        let gpu = gpu::find(ordinal)?;
        let name = gpu.to_string();
        let failed = |error: &dyn Display| failed(&name, error);
        if !has_compiler() {
            return Err(Error::NoDevice {
                device: name.clone(),
                expected: "NVIDIA's run-time compiler, NVRTC".to_owned(),
                found: "none (no library libnvrtc)".to_owned(),
                remedy: "install it (`pip install nvidia-cuda-nvrtc`) and name its folder in LD_LIBRARY_PATH, \
                         or use the engine `dfdx`",
            });
        }
        let (major, minor) = gpu.capability();
        if precision != Precision::F32 && major < 8 {
            return Err(Error::NoDevice {
                device: name.clone(),
                expected: "a GPU with tensor cores for TF32 and bf16, of compute capability 8.0"
                    .to_owned(),
                found: format!("one of {major}.{minor}"),
                remedy: "compute in `Precision::F32`",
            });
        }
        let options = CompileOptions {
            options: vec![format!("--gpu-architecture=compute_{major}{minor}")],
            ..CompileOptions::default()
        };
        let ptx = nvrtc::compile_ptx_with_opts(source, options).map_err(|error| failed(&error))?;
        let context = CudaContext::new(ordinal).map_err(|error| failed(&error))?;
        // One stream orders all, so no events are needed; and with them a new stream waits for the whole device, which
        // no thread may do while another one captures a graph.
        untracked(&context);
        let stream = context.new_stream().map_err(|error| failed(&error))?;
        let module = context.load_module(ptx).map_err(|error| failed(&error))?;
        let multiprocessors = context
            .attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
            .map_err(|error| failed(&error))?;
        Ok(Device {
            multiprocessors: multiprocessors.max(1) as usize,
            module,
            stream,
            name,
        })
    }

    pub(super) fn failed(&self, error: impl Display) -> Error {
        failed(&self.name, &error)
    }

    /// A kernel of the source.
    pub(super) fn kernel(&self, name: &str) -> Result<CudaFunction> {
        let kernel = self.module.load_function(name);
        kernel.map_err(|error| self.failed(error))
    }

    /// Launches a kernel with this many blocks (columns, rows), of [`THREADS`].
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    #[allow(unsafe_code)]
    pub(super) fn launch<'a>(
        &'a self,
        kernel: &'a CudaFunction,
        blocks: (usize, usize),
        arguments: impl FnOnce(&mut LaunchArgs<'a>),
    ) -> Result<()> {
        let mut launch = self.stream.launch_builder(kernel);
        arguments(&mut launch);
        let config = LaunchConfig {
            grid_dim: (blocks.0 as u32, blocks.1 as u32, 1),
            block_dim: (THREADS as u32, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: `step.rs` and `model.rs` pass the arguments that `source.rs` and `kernels` declare, of buffers
        // of the sizes that these constants say; the emulated GPU of the tests checks every access.
        let launched = unsafe { launch.launch(config) };
        launched.map(drop).map_err(|error| self.failed(error))
    }

    /// A buffer of zeros.
    pub(super) fn zeros<T: DeviceRepr + ValidAsZeroBits>(
        &self,
        values: usize,
    ) -> Result<CudaSlice<T>> {
        let zeros = self.stream.alloc_zeros(values.max(1));
        zeros.map_err(|error| self.failed(error))
    }

    /// A copy on the device.
    pub(super) fn copy<T: DeviceRepr>(&self, values: &[T]) -> Result<CudaSlice<T>> {
        let copied = self.stream.clone_htod(values);
        copied.map_err(|error| self.failed(error))
    }

    /// Writes the first values of a buffer.
    pub(super) fn write<T: DeviceRepr>(
        &self,
        values: &[T],
        buffer: &mut CudaSlice<T>,
    ) -> Result<()> {
        let written = self.stream.memcpy_htod(values, buffer);
        written.map_err(|error| self.failed(error))
    }

    /// A copy on the host, when all work is done.
    pub(super) fn read<T: DeviceRepr>(&self, values: &impl DevicePtr<T>) -> Result<Vec<T>> {
        let read = self.stream.clone_dtoh(values);
        let read = read.map_err(|error| self.failed(error))?;
        self.finish().map(|()| read)
    }

    /// The address of a buffer, for work on the device's stream.
    pub(super) fn address<T>(&self, buffer: &CudaSlice<T>) -> Address {
        buffer.device_ptr(&self.stream).0
    }

    /// Waits until all work is done.
    pub(super) fn finish(&self) -> Result<()> {
        let finished = self.stream.synchronize();
        finished.map_err(|error| self.failed(error))
    }
}

/// The blocks of a kernel with a thread for each of these.
pub(super) fn blocks(threads: usize) -> (usize, usize) {
    (threads.div_ceil(THREADS), 1)
}

fn failed(device: &str, error: &dyn Display) -> Error {
    let message = error.to_string();
    Error::Device {
        engine: "fused",
        device: device.to_owned(),
        // on one line, as every message
        message: message.lines().collect::<Vec<_>>().join(" "),
    }
}

#[allow(unsafe_code)]
fn has_compiler() -> bool {
    // SAFETY: it opens and closes the library, which runs nothing but that library's initialisers.
    unsafe { nvrtc::sys::is_culib_present() }
}

#[allow(unsafe_code)]
fn untracked(context: &Arc<CudaContext>) {
    // SAFETY: an engine uses its buffers on its one stream alone.
    unsafe { context.disable_event_tracking() };
}
