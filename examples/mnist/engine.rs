//! The command line's choice of an engine, the same in every example.

use clap::{Args, ValueEnum};
use tuplenet::{Result, engine::Processor};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum EngineName {
    Fused,
    #[cfg(feature = "dfdx")]
    Dfdx,
}

#[derive(Debug, Args)]
pub struct EngineOptions {
    /// What computes: `fused`, made for speed, or `dfdx`, the reference
    #[arg(long = "engine", value_enum, default_value_t = EngineName::Fused)]
    pub name: EngineName,
    /// Threads of the engine `fused`; one for each core unless named
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl EngineOptions {
    /// What the engine `fused` computes with.
    pub fn processor(&self) -> Processor {
        let detected = Processor::detect();
        self.threads.map_or(detected, |n| detected.threads(n))
    }

    /// Refuses a number of threads for an engine that does not take one.
    pub fn check(&self) -> Result<()> {
        match (self.name, self.threads) {
            #[cfg(feature = "dfdx")]
            (EngineName::Dfdx, Some(threads)) => Err(tuplenet::Error::Setting {
                setting: "threads",
                expected: "none with the engine dfdx".to_owned(),
                found: threads.to_string(),
            }),
            _ => Ok(()),
        }
    }
}
