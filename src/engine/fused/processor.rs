//! [`Processor`]: the threads and the SIMD instructions of [`Fused`](super::Fused).

use std::{fmt, thread};

use super::kernels::Simd;
use crate::{
    error::{Error, Result},
    objective::at_least_one,
    threads::MAX_THREADS,
};

/// The threads and the SIMD instructions of an engine.
///
/// Results are bitwise identical for any number of threads and any sparsity of the data.
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
    /// The maximum number of threads that [`Processor::detect`] selects: with more, networks of the intended size
    /// spend longer on synchronisation than on computation. [`Processor::threads`] can set more.
    pub const MAX_THREADS: usize = MAX_THREADS;

    /// One thread for each core available to this process, up to [`Processor::MAX_THREADS`], and the widest SIMD
    /// instructions of the processor.
    pub fn detect() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Processor {
            threads: cores.min(Self::MAX_THREADS),
            simd: Simd::detect(),
        }
    }

    /// This many threads, including the caller's own.
    pub fn threads(self, threads: usize) -> Self {
        Processor { threads, ..self }
    }

    /// These SIMD instructions.
    pub fn simd(self, simd: Simd) -> Self {
        Processor { simd, ..self }
    }

    /// # Errors
    /// [`Error::Setting`] for 0 threads, or for instructions that the processor lacks.
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
