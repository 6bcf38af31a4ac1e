//! [`Mpi`]: an [`Exchange`] over MPI.

#![allow(
    unsafe_code,
    reason = "MPI reads and writes buffers after its functions have returned, each block with its proof"
)]

use std::{
    fmt,
    mem::ManuallyDrop,
    ptr::NonNull,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mpi::{
    datatype::PartitionMut,
    environment::Universe,
    topology::SimpleCommunicator,
    traits::{Communicator, CommunicatorCollectives},
};

use super::{Compression, mail::Mail, sum::Sums};
use crate::engine::ranks::Exchange;

/// A process among those that MPI has started together.
pub(super) struct Mpi {
    pub(super) rank: usize,
    pub(super) count: usize,
    /// In the order of dropping: communicators are freed before MPI ends.
    connections: ManuallyDrop<Mutex<Connections>>,
    universe: ManuallyDrop<Universe>,
    /// Whether the program ends as it should.
    has_finished: AtomicBool,
}

struct Connections {
    /// For everything but sums.
    world: SimpleCommunicator,
    sums: Sums,
    mail: Mail,
}

// SAFETY: MPI has been initialised for calls from any thread, one at a time; all calls are made with the lock of the
// connections, but those that begin and end MPI, at which no other thread has access to this.
unsafe impl Send for Mpi {}
// SAFETY: as above.
unsafe impl Sync for Mpi {}

impl Mpi {
    pub(super) fn new(universe: Universe) -> Self {
        let world = universe.world();
        let [rank, count] = [world.rank(), world.size()].map(|number| number as usize);
        let connections = Connections {
            sums: Sums::new(&world),
            mail: Mail::new(&world),
            world,
        };
        Mpi {
            rank,
            count,
            connections: ManuallyDrop::new(Mutex::new(connections)),
            universe: ManuallyDrop::new(universe),
            has_finished: AtomicBool::new(false),
        }
    }

    pub(super) fn finish(&self) {
        self.has_finished.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_compression(&self, compression: Compression) {
        self.lock().sums.compression = compression;
    }

    pub(super) fn waited(&self) -> Duration {
        self.lock().sums.waited
    }

    /// Messages from one rank to another.
    pub(super) fn mail<T>(&self, use_it: impl FnOnce(&mut Mail) -> T) -> T {
        use_it(&mut self.lock().mail)
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // A program that ends by an error must not wait for the others, which wait for it: `mpirun` ends them when it sees how
        // this one ends, or if it does not, they take note.
        if !*self.has_finished.get_mut() {
            let others = if self.rank == 0 { 1..self.count } else { 0..1 };
            self.mail(|mail| mail.leave(others));
        } else if self.mail(|mail| mail.lost.is_empty()) {
            // otherwise MPI might wait for those that are lost
            // SAFETY: they are not used after this.
            unsafe {
                ManuallyDrop::drop(&mut self.connections);
                ManuallyDrop::drop(&mut self.universe);
            }
        }
    }
}

impl Exchange for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.count
    }

    unsafe fn begin_sum(&self, values: NonNull<[f32]>, first: usize, is_last: bool) {
        // SAFETY: guaranteed by the caller.
        unsafe { self.lock().sums.begin(values, first, is_last) };
    }

    fn progress(&self) {
        self.lock().sums.progress();
    }

    fn finish_sums(&self, end: usize) {
        self.lock().sums.finish(end);
    }

    fn all_gather(&self, own: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; own.len() * self.count];
        self.lock().world.all_gather_into(own, &mut all);
        all
    }

    fn all_gather_bytes(&self, own: &[u8]) -> Vec<Vec<u8>> {
        let connections = self.lock();
        let mut lens = vec![0; self.count];
        connections
            .world
            .all_gather_into(&(own.len() as u64), &mut lens);
        let starts = lens.iter().scan(0, |end, &len| {
            let start = *end;
            *end += len;
            Some(start as i32)
        });
        let starts: Vec<i32> = starts.collect();
        let counts: Vec<i32> = lens.iter().map(|&len| len as i32).collect();
        // The pointers of empty slices may be 1, which to MPI is the constant `MPI_IN_PLACE`: these have a byte more.
        let mut all = vec![0; lens.iter().sum::<u64>() as usize + 1];
        let sent = [own, &[0]].concat();
        let mut parts = PartitionMut::new(&mut all, &counts[..], &starts[..]);
        let world = &connections.world;
        world.all_gather_varcount_into(&sent[..own.len()], &mut parts);
        let mut rest = &all[..];
        let part = |len: &u64| {
            let (part, others) = rest.split_at(*len as usize);
            rest = others;
            part.to_vec()
        };
        lens.iter().map(part).collect()
    }
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {}", self.rank, self.count)
    }
}
