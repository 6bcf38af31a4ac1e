//! [`World`]: the processes that MPI has started together.

use std::{sync::Arc, thread};

use mpi::{
    Threading,
    environment::Universe,
    traits::{Communicator, CommunicatorCollectives},
};

use super::exchange::Mpi;
use crate::{
    engine::{Processor, Ranks, ranks::Exchange},
    error::{Error, Result},
};

/// The processes that `mpirun` has started together; a program that is started without it is a world of one rank.
///
/// A program that ends without [`World::finish`], by an error or a panic, ends all ranks: the others cannot go on without it.
#[derive(Debug)]
pub struct World {
    pub(super) mpi: Arc<Mpi>,
    /// This process's share of the cores of its machine, 1 at least.
    pub(super) cores: usize,
}

impl World {
    /// Connects this process to the others. Once in a program.
    ///
    /// # Errors
    /// [`Error::Setting`] on a rank with another version of this crate than rank 0, [`Error::Rank`] on the others.
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
        check_version(&universe)?;
        Ok(Self::of(universe))
    }

    fn of(universe: Universe) -> Self {
        let mpi = Mpi::new(universe);
        let own = cores_of_this_process();
        let all = mpi.all_gather_bytes(own.as_bytes());
        let sharing = all.iter().filter(|cores| **cores == own.as_bytes());
        let cores = thread::available_parallelism().map_or(1, usize::from);
        World {
            cores: (cores / sharing.count()).max(1),
            mpi: Arc::new(mpi),
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
        Processor::detect().threads(self.cores.min(Processor::MAX_THREADS))
    }

    /// All processes.
    pub fn ranks(&self) -> Ranks {
        Ranks::new(Arc::clone(&self.mpi) as Arc<_>)
    }

    /// The ranks that a [`Farm`](super::Farm) has lost. The others can farm out more trials, but train nothing together: a
    /// `Distributed` would wait for those that are lost.
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

/// The length of a version in its message, which is the first of all, so that every version of this crate understands it.
const VERSION_LEN: usize = 64;

/// Checks that every rank has rank 0's version of this crate.
fn check_version(universe: &Universe) -> Result<()> {
    let world = universe.world();
    let mut own = [0; VERSION_LEN];
    for (place, byte) in own.iter_mut().zip(env!("CARGO_PKG_VERSION").bytes()) {
        *place = byte;
    }
    let mut all = vec![0; VERSION_LEN * world.size() as usize];
    world.all_gather_into(&own[..], &mut all[..]);
    let (versions, _) = all.as_chunks::<VERSION_LEN>();
    let Some(rank) = versions.iter().position(|version| *version != versions[0]) else {
        return Ok(());
    };
    let [expected, found] =
        [0, rank].map(|rank| String::from_utf8_lossy(&versions[rank]).replace('\0', ""));
    let error = Error::Setting {
        setting: "version of tuplenet",
        expected: format!("{expected}, as on rank 0"),
        found: format!("{found} on rank {rank}"),
    };
    let message = error.to_string();
    Err(match world.rank() as usize == rank {
        true => error,
        false => Error::Rank { rank, message },
    })
}
