//! [`Captured`]: some steps of a run as a CUDA graph.

use cudarc::driver::{CudaGraph, sys};

use super::{arguments::StepArguments, device::Device};
use crate::error::Result;

/// The most steps of a graph: its launch takes the driver as long as that of a few kernels.
pub(super) const STEPS: usize = 16;

/// The next steps of a run with these arguments.
pub(super) struct Captured {
    pub(super) arguments: StepArguments,
    pub(super) steps: usize,
    graph: CudaGraph,
}

impl Captured {
    /// Records what `launch` launches.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the device fails, or its memory does not suffice.
    pub(super) fn new(
        device: &Device,
        arguments: &StepArguments,
        steps: usize,
        launch: impl FnOnce() -> Result<()>,
    ) -> Result<Captured> {
        let begun = device
            .stream
            .begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED);
        begun.map_err(|error| device.failed(error))?;
        let launched = launch();
        // also after an error, as a stream that is captured does nothing
        let graph = device.stream.end_capture(sys::CUgraphInstantiate_flags(0));
        launched?;
        let graph = graph.map_err(|error| device.failed(error))?;
        let graph = graph.ok_or_else(|| device.failed("a graph of no kernels"))?;
        Ok(Captured {
            arguments: arguments.clone(),
            steps,
            graph,
        })
    }

    pub(super) fn launch(&self, device: &Device) -> Result<()> {
        self.graph.launch().map_err(|error| device.failed(error))
    }
}

// SAFETY: the graph is owned, and used by one thread at a time, as it is in the mutex of `Model`; each call binds the
// context to its thread.
#[allow(unsafe_code)]
unsafe impl Send for Captured {}
