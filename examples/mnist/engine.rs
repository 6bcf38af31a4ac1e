//! The options for engine and device, shared by the examples.

#[path = "device.rs"]
mod device;

use clap::{Args, ValueEnum};
use tuplenet::{Error, Result, engine::Processor};

pub use device::Device;

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum EngineName {
    Fused,
    #[cfg(feature = "dfdx")]
    Dfdx,
}

#[derive(Debug, Args)]
pub struct EngineOptions {
    /// Engine: `fused`, fast, or `dfdx`, the reference; default `fused`, on a GPU `dfdx`, as `fused` runs no convolutions there
    #[arg(long = "engine", value_enum)]
    name: Option<EngineName>,
    /// Device: `cpu`, or `cuda:N` for the NVIDIA GPU with this number, from 0 (`cuda` is `cuda:0`)
    #[arg(long, value_name = "cpu|cuda[:N]", default_value_t = Device::Cpu)]
    pub device: Device,
    /// Threads of the engine `fused`; default one per core
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// An engine and its device.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    Fused(Processor),
    #[cfg(feature = "dfdx")]
    Tape,
    /// dfdx on the NVIDIA GPU with this number.
    #[cfg(feature = "cuda")]
    TapeOnCuda(usize),
    /// The fused engine on the NVIDIA GPU with this number.
    #[cfg(feature = "cuda")]
    FusedOnCuda(usize),
}

impl EngineOptions {
    /// The engine for the device, by default with the processor that was `detected`, if this program supports the combination and the number of threads.
    pub fn choose(&self, detected: Processor) -> Result<Choice> {
        match (self.device, self.name) {
            (Device::Cpu, None | Some(EngineName::Fused)) => {
                let processor = self.threads.map_or(detected, |n| detected.threads(n));
                Ok(Choice::Fused(processor))
            }
            #[cfg(feature = "dfdx")]
            (Device::Cpu, Some(EngineName::Dfdx)) => self.no_threads().map(|()| Choice::Tape),
            #[cfg(feature = "cuda")]
            (Device::Cuda(number), Some(EngineName::Fused)) => {
                self.no_threads().map(|()| Choice::FusedOnCuda(number))
            }
            #[cfg(feature = "cuda")]
            (Device::Cuda(number), _) => self.no_threads().map(|()| Choice::TapeOnCuda(number)),
            #[cfg(not(feature = "cuda"))]
            (Device::Cuda(_), _) => Err(Error::Setting {
                setting: "device",
                expected: "cpu, or a program built with `--features cuda`".to_owned(),
                found: self.device.to_string(),
            }),
        }
    }

    #[cfg(feature = "dfdx")]
    fn no_threads(&self) -> Result<()> {
        match self.threads {
            None => Ok(()),
            Some(threads) => Err(Error::Setting {
                setting: "threads",
                expected: "none with the engine dfdx or on a GPU".to_owned(),
                found: threads.to_string(),
            }),
        }
    }
}
