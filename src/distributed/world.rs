//! [`World`]: the processes that MPI has started together.

use std::{sync::Arc, thread};

use mpi::{Threading, environment::Universe};

use super::exchange::Mpi;
use crate::{
    engine::{Processor, Ranks},
    error::{Error, Result},
};

/// The processes that `mpirun` has started together; a program that is started without it is a world of one rank.
///
/// A program that ends without [`World::finish`], by an error or a panic, ends all ranks: the others cannot go on without it.
#[derive(Debug)]
pub struct World {
    pub(super) mpi: Arc<Mpi>,
}

impl World {
    /// Connects this process to the others. Once in a program.
    ///
    /// # Errors
    /// [`Error::NoDevice`] when it has been called before, or when this MPI is not built for programs with threads.
    pub fn init() -> Result<Self> {
        let failed = |expected: &str, found: &str, remedy| Error::NoDevice {
            device: "MPI".to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
            remedy,
        };
        let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized)
            .ok_or_else(|| {
                failed(
                    "a program that has not begun",
                    "one that has",
                    "call it once",
                )
            })?;
        if threading < Threading::Serialized {
            let found = format!("{threading:?}");
            let remedy = "install an MPI that is built for threads";
            return Err(failed(
                "calls from any one thread at a time",
                &found,
                remedy,
            ));
        }
        Ok(Self::of(universe))
    }

    fn of(universe: Universe) -> Self {
        World {
            mpi: Arc::new(Mpi::new(universe)),
        }
    }

    /// This process, from 0.
    pub fn rank(&self) -> usize {
        self.mpi.rank
    }

    /// The number of processes.
    pub fn count(&self) -> usize {
        self.mpi.count
    }

    /// This process's share of the cores of its machine: those that it may use, divided by the number of ranks that may use the
    /// same ones. `mpirun` binds ranks to cores of their own, unless there are more ranks than cores.
    pub fn processor(&self) -> Processor {
        let detected = Processor::detect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let own = cores_of_this_process();
        let all = match self.ranks().exchange() {
            None => return detected,
            Some(exchange) => exchange.all_gather_bytes(own.as_bytes()),
        };
        let sharing = all.iter().filter(|cores| **cores == own.as_bytes());
        detected.threads((cores / sharing.count().max(1)).clamp(1, Processor::MAX_THREADS))
    }

    /// All processes.
    pub fn ranks(&self) -> Ranks {
        Ranks::new(Arc::clone(&self.mpi) as Arc<_>)
    }

    /// The ranks that a [`Farm`] has lost. The others can farm out more trials, but train nothing together: a `Distributed` would wait
    /// for those that are lost.
    pub fn lost(&self) -> Vec<usize> {
        self.mpi.mail(|mail| mail.lost.iter().copied().collect())
    }

    /// Disconnects this process, once the engines of this world are gone, and waits until all ranks do.
    pub fn finish(self) {
        self.mpi.finish();
    }
}

/// The machine, and those of its cores that this process may use.
fn cores_of_this_process() -> String {
    let machine = mpi::environment::processor_name().unwrap_or_default();
    #[cfg(target_os = "linux")]
    let cores = rustix::thread::sched_getaffinity(None).map(|set| {
        let all = 0..rustix::thread::CpuSet::MAX_CPU;
        all.filter(|&core| set.is_set(core)).collect::<Vec<_>>()
    });
    #[cfg(not(target_os = "linux"))]
    let cores = "all";
    format!("{machine}: {cores:?}")
}
