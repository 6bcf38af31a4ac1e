//! [`Farm`]: trials that the ranks of a [`World`] share out among themselves.

mod call;
mod ledger;
mod message;
mod search;

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use super::World;
use crate::error::{Error, Result};
use call::Call;

/// Trials that the ranks of a [`World`] share out among themselves, as [`in_parallel`](crate::train::in_parallel) does among
/// threads: the seeds of a committee, settings to compare, the folds of a cross-validation.
///
/// Rank 0 hands them out one by one, as ranks become free, so that trials that take longer delay no others; it runs some
/// itself. Each rank runs as many at once as its share of its machine's cores, so give each engine one thread. Every rank gets
/// every result, so all can go on with them.
///
/// ```no_run
/// use tuplenet::{distributed::World, engine::{Committee, Processor}, prelude::*};
///
/// type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
///
/// let world = World::init()?;
/// let digits = Digits::new(1);
/// let (train, test) = (digits.dataset(0..2000)?, digits.dataset(2000..3000)?);
/// let one_thread = Processor::detect().threads(1);
/// let members: Vec<Weights<Net>> = world.farm().run(
///     16,
///     |seed| {
///         let mut net = Fused::on(one_thread, Weights::init(seed as u64))?;
///         Trainer::new(Adam::default()).epochs(3).seed(seed as u64).fit(&mut net, &train)?;
///         net.weights()
///     },
///     |seed, _| println!("seed {seed} is trained"), // on rank 0, in the order in which they end
/// )?;
/// if world.rank() == 0 {
///     let members = members.into_iter().map(|weights| Fused::on(one_thread, weights));
///     let committee = Committee::new(members.collect::<tuplenet::Result<_>>()?)?;
///     println!("{}", committee.evaluate(&test)?);
/// }
/// world.finish();
/// # Ok::<(), tuplenet::Error>(())
/// ```
///
/// # Lost ranks
/// Without an option, `mpirun` ends all processes when one of them is killed. With Open MPI's `--enable-recovery`, the others go on:
///
/// ```text
/// mpirun --enable-recovery -n 16 target/release/search
/// ```
///
/// Ranks that have begun let rank 0 hear from them, also during a trial. If it hears nothing of one for [`Farm::lost_after`],
/// that rank is lost: its trials are run again by others. A rank is never taken back; one that was wrongly believed to be lost,
/// as its process was stopped, ends with an error. Rank 0 cannot be replaced: if it is lost, the others return an error.
///
/// This has limits with Open MPI 4.1 on several machines. When a whole machine fails, with `mpirun`'s daemon on it, `mpirun` ends all
/// processes. When a rank is lost, the others get all results and end, but `mpirun` may then wait for ever, unless there is one
/// rank on each machine (`--map-by ppr:1:node --bind-to none`): stop it.
#[derive(Clone, Copy, Debug)]
pub struct Farm<'w> {
    world: &'w World,
    silence: Duration,
}

impl World {
    /// Trials that the ranks share out among themselves.
    pub fn farm(&self) -> Farm<'_> {
        Farm {
            world: self,
            silence: Duration::from_secs(30),
        }
    }
}

impl Farm<'_> {
    /// For how long a rank must be silent to be lost; by default 30 seconds. Ranks let others hear from them six times as often.
    pub fn lost_after(self, silence: Duration) -> Self {
        Farm { silence, ..self }
    }

    /// Runs `train(0)`, `train(1)`, .. `train(count - 1)`, shared out among the ranks, and returns their results in order, on every
    /// rank. All ranks call it, with the same `count`, rank 0 within [`Farm::lost_after`] of the first, and the others before so long
    /// after the last trial.
    ///
    /// Rank 0 calls `on_result` with each result, in the order in which they end, and the others do not. Each result is sent as
    /// bytes, with the bits of every number, so results do not depend on the number of ranks. [`Weights`](crate::weights::Weights)
    /// can be sent; an engine cannot.
    ///
    /// `train` may not use the world. It may be called again for a trial that was lost.
    ///
    /// # Errors
    /// The error of the first `train`, in order, that has one, on the rank that ran it, and [`Error::Rank`] on the others; those
    /// that have not begun when an error occurs are left out. [`Error::Rank`] when rank 0 is lost. [`Error::Device`] when the
    /// system cannot create a thread. [`Error::Setting`] for a result that serde cannot write as bytes, or with 2 GiB, and on a rank
    /// with another `count` than rank 0.
    ///
    /// # Panics
    /// When `train` panics, on the rank that ran it, which is as an error to the others.
    pub fn run<T: Serialize + DeserializeOwned>(
        &self,
        count: usize,
        train: impl Fn(usize) -> Result<T> + Sync,
        mut on_result: impl FnMut(usize, &T),
    ) -> Result<Vec<T>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let mpi = &*self.world.mpi;
        let slots = self.world.cores.min(count);
        let (jobs, to_run) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        let (arriving, arrived) = mpsc::channel();
        let to_run = Mutex::new(to_run);
        let trials = || {
            let ending = ending.clone();
            let next = || to_run.lock().unwrap_or_else(PoisonError::into_inner).recv();
            while let Ok(trial) = next() {
                let run = || train(trial).and_then(|result| bytes(&result));
                // the receiver is gone when the result is no longer needed
                let _ = ending.send((trial, panic::catch_unwind(AssertUnwindSafe(run))));
            }
        };
        let thread = |name: &str| thread::Builder::new().name(format!("tuplenet {name}"));
        let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
        thread::scope(|scope| {
            let call = Call::new(mpi, self.silence, jobs, ended, arriving);
            for _ in 0..slots {
                let trials = thread("trial").spawn_scoped(scope, trials);
                trials.map_err(no_thread)?;
            }
            let call = thread("farm").spawn_scoped(scope, move || match mpi.rank {
                0 => call.hand_out(count, slots),
                _ => call.take_part(count, slots),
            });
            let call = call.map_err(no_thread)?;
            for (trial, bytes) in arrived {
                let result = postcard::from_bytes(&bytes).map_err(not_bytes)?;
                if mpi.rank == 0 {
                    on_result(trial, &result);
                }
                if let Some(place) = results.get_mut(trial) {
                    *place = Some(result);
                }
            }
            call.join()
                .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
        })?;
        Ok(results.into_iter().flatten().collect())
    }
}

/// A result as bytes.
fn bytes<T: Serialize>(result: &T) -> Result<Vec<u8>> {
    /// Besides the result, a message has some numbers.
    const MOST: usize = i32::MAX as usize - 64;
    let bytes = postcard::to_allocvec(result).map_err(not_bytes)?;
    match bytes.len() {
        ..=MOST => Ok(bytes),
        len => Err(unusable(format!("at most {MOST} bytes"), format!("{len}"))),
    }
}

fn not_bytes(error: postcard::Error) -> Error {
    unusable(
        "one that serde writes as bytes and reads again".to_owned(),
        error.to_string(),
    )
}

fn unusable(expected: String, found: String) -> Error {
    Error::Setting {
        setting: "result of a trial",
        expected,
        found,
    }
}

fn no_thread(error: std::io::Error) -> Error {
    Error::Device {
        engine: "farm",
        device: "threads".to_owned(),
        message: error.to_string(),
    }
}
