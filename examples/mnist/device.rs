//! A device on the command line: `cpu`, `cuda` or `cuda:N`.

use std::{fmt, str::FromStr};

#[derive(Clone, Copy, Debug)]
pub enum Device {
    Cpu,
    /// The NVIDIA GPU with this number.
    Cuda(usize),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = match text {
            "cpu" => return Ok(Device::Cpu),
            "cuda" => Some(0),
            _ => text.strip_prefix("cuda:").and_then(|n| n.parse().ok()),
        };
        let number = number.ok_or("expected cpu, cuda or a GPU's number as in cuda:1")?;
        Ok(Device::Cuda(number))
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}
