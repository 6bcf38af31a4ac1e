//! What [`Fused`](super::Fused) computes with: how many threads, which SIMD instructions.

use std::{fmt, thread};

use super::kernels::Simd;
use crate::{
    error::{Error, Result},
    objective::at_least_one,
    threads::MAX_THREADS,
};

/// The threads and the SIMD instructions of an engine.
///
/// Neither the number of threads nor the share of zeros in the data changes a bit of any result.
///
/// ```
/// use tuplenet::{engine::Processor, prelude::*};
///
/// type Net = (Linear<4, 3>, ReLU, Linear<3, 2>);
/// let one_thread = Processor::detect().threads(1);
/// let net = Fused::<Net>::on(one_thread, Weights::init(1))?;
/// assert!(net.device().starts_with("cpu, 1 thread"));
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    pub(super) threads: usize,
    pub(super) simd: Simd,
}

impl Processor {
    /// The most threads that [`Processor::detect`] takes: for the networks that this crate is for, more
    /// wait for each other longer than they compute. Ask for more by [`Processor::threads`].
    pub const MAX_THREADS: usize = MAX_THREADS;

    /// A thread for each core that this process may use, up to [`Processor::MAX_THREADS`], and the
    /// widest SIMD that the processor has.
    pub fn detect() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Processor {
            threads: cores.min(Self::MAX_THREADS),
            simd: Simd::detect(),
        }
    }

    /// This many threads, the caller's own among them.
    pub fn threads(self, threads: usize) -> Self {
        Processor { threads, ..self }
    }

    /// These SIMD instructions.
    pub fn simd(self, simd: Simd) -> Self {
        Processor { simd, ..self }
    }

    /// # Errors
    /// [`Error::Setting`] for no threads, or for instructions that the processor lacks.
    pub(super) fn check(&self) -> Result<()> {
        at_least_one("threads", self.threads)?;
        if !self.simd.is_available() {
            let best = Simd::detect().name();
            return Err(Error::Setting {
                setting: "SIMD",
                expected: format!("instructions of this processor, such as {best}"),
                found: self.simd.name().to_owned(),
            });
        }
        Ok(())
    }
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.threads == 1 { "" } else { "s" };
        write!(f, "cpu, {} thread{s}, {}", self.threads, self.simd.name())
    }
}
