//! `--distributed`: the example is one of the processes that `mpirun` has started, a rank. Rank 0 prints and writes for all.

use std::process::ExitCode;
#[cfg(feature = "mpi")]
use std::sync::atomic::Ordering;

use clap::Args;
use tuplenet::{Error, Result, engine::Processor};
#[cfg(feature = "mpi")]
use tuplenet::{
    Network,
    distributed::{Compression, Distributed, LocalSteps},
    engine::DataParallel,
    prelude::*,
};

use crate::{data::Data, engine::Choice, exit, network::DigitNetwork, options::Options};
#[cfg(feature = "mpi")]
use crate::{output, run, train_on};

#[cfg(feature = "mpi")]
pub use tuplenet::distributed::World;
/// There is none without the feature `mpi`.
#[cfg(not(feature = "mpi"))]
pub enum World {}

#[derive(Debug, Args)]
pub struct RankOptions {
    /// Train with the other processes that `mpirun` has started, each on its part of every batch
    #[arg(long)]
    pub distributed: bool,
    /// Let each process take this many steps alone, then average the weights
    #[arg(long, value_name = "STEPS", requires = "distributed")]
    local_steps: Option<usize>,
    /// Send gradients in half as many bytes, rounded, with error feedback
    #[arg(long, requires = "distributed", conflicts_with = "local_steps")]
    bf16: bool,
}

/// The cores that this process has.
pub fn processor(world: Option<&World>) -> Processor {
    match world {
        None => Processor::detect(),
        #[cfg(feature = "mpi")]
        Some(world) => world.processor(),
        #[cfg(not(feature = "mpi"))]
        Some(world) => match *world {},
    }
}

/// Whether this process prints and writes files.
pub fn reports(world: Option<&World>) -> bool {
    match world {
        None => true,
        #[cfg(feature = "mpi")]
        Some(world) => world.rank() == 0,
        #[cfg(not(feature = "mpi"))]
        Some(world) => match *world {},
    }
}

/// Runs the example as one of the processes.
#[cfg(feature = "mpi")]
pub fn main(options: &Options) -> ExitCode {
    let world = match World::init() {
        Ok(world) => world,
        // that rank prints it
        Err(Error::Rank { .. }) => return ExitCode::FAILURE,
        Err(error) => return exit::code(Err(error)),
    };
    let rank = world.rank();
    if rank > 0 {
        output::IS_MUTED.store(true, Ordering::Relaxed);
    }
    let result = run(options, Some(&world));
    if matches!(result, Ok(()) | Err(Error::Rank { .. })) {
        world.finish();
    }
    match result {
        Ok(()) => exit::code(Ok(true)),
        // that rank prints it
        Err(Error::Rank { .. }) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: rank {rank}: {error}");
            match error {
                Error::Stopped { .. } => ExitCode::from(exit::INTERRUPTED),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

#[cfg(not(feature = "mpi"))]
pub fn main(_: &Options) -> ExitCode {
    exit::code(Err(Error::Setting {
        setting: "distributed",
        expected: "a program built with `--features mpi`".to_owned(),
        found: "one without".to_owned(),
    }))
}

/// Trains the network `N` on the chosen engine, together with the other processes.
#[cfg(feature = "mpi")]
pub fn train<N: DigitNetwork>(
    world: &World,
    engine: Choice,
    options: &Options,
    data: &Data<N::In>,
) -> Result<()> {
    let weights = Weights::<N>::init(options.seed);
    match engine {
        Choice::Fused(processor) => {
            let net = options.ranks.join(world, Fused::on(processor, weights)?)?;
            train_on(net, options, data)
        }
        #[cfg(feature = "dfdx")]
        Choice::Tape => train_on(
            options.ranks.join(world, Tape::new(weights)?)?,
            options,
            data,
        ),
        #[cfg(feature = "cuda")]
        other => Err(Error::Setting {
            setting: "device",
            expected: "cpu with --distributed".to_owned(),
            found: format!("{other:?}"),
        }),
    }
}

#[cfg(not(feature = "mpi"))]
pub fn train<N: DigitNetwork>(
    world: &World,
    _: Choice,
    _: &Options,
    _: &Data<N::In>,
) -> Result<()> {
    match *world {}
}

#[cfg(feature = "mpi")]
impl RankOptions {
    /// The engine together with those of the other processes.
    fn join<N: Network, E: DataParallel<N>>(
        &self,
        world: &World,
        engine: E,
    ) -> Result<Distributed<E>> {
        let mut net = Distributed::new(world, engine)?;
        if self.bf16 {
            net = net.compression(Compression::Bf16)?;
        }
        match self.local_steps {
            None => Ok(net),
            Some(steps) => net.local_steps(LocalSteps {
                steps,
                ..LocalSteps::default()
            }),
        }
    }
}
