//! [`Barrier`]: spins briefly, then parks.
//!
//! A phase of a training step takes some microseconds, so a waiting thread spins for about as long as a wake-up takes.
//! Then it parks, which frees the core for other processes.

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// The number of spins before a waiting thread parks: about 50 microseconds.
const SPINS: u32 = 2_000;

/// A worker of the pool panicked; the others have stopped as well.
#[derive(Debug)]
pub(crate) struct BrokenBarrier;

/// A reusable barrier for `count` threads.
pub(super) struct Barrier {
    pub(super) count: usize,
    arrived: AtomicUsize,
    /// The number of times that all threads have arrived.
    generation: AtomicUsize,
    parked: AtomicUsize,
    broken: AtomicBool,
    /// Why it is broken, if known.
    reason: Mutex<Option<String>>,
    wake: Condvar,
}

impl Barrier {
    pub(super) fn new(count: usize) -> Self {
        Barrier {
            count,
            arrived: AtomicUsize::new(0),
            generation: AtomicUsize::new(0),
            parked: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            reason: Mutex::new(None),
            wake: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait(&self) -> Result<(), BrokenBarrier> {
        let generation = self.generation.load(Ordering::Relaxed);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.count {
            self.arrived.store(0, Ordering::Relaxed);
            // SeqCst here and at `parked`: either this thread sees the parked thread, or the parked thread sees the
            // new generation.
            self.generation
                .store(generation.wrapping_add(1), Ordering::SeqCst);
            self.wake_parked();
            return self.intact();
        }
        for _ in 0..SPINS {
            if self.is_over(generation) {
                return self.intact();
            }
            std::hint::spin_loop();
        }
        self.parked.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock();
        while !self.is_over(generation) {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        self.parked.fetch_sub(1, Ordering::SeqCst);
        self.intact()
    }

    fn is_over(&self, generation: usize) -> bool {
        self.generation.load(Ordering::SeqCst) != generation || self.broken.load(Ordering::SeqCst)
    }

    fn intact(&self) -> Result<(), BrokenBarrier> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(BrokenBarrier);
        }
        Ok(())
    }

    fn wake_parked(&self) {
        if self.parked.load(Ordering::SeqCst) > 0 {
            // The lock is held from the load of the generation to the wait, so no notification is lost in between.
            drop(self.lock());
            self.wake.notify_all();
        }
    }

    /// Wakes every waiting thread with an error, and returns an error to every later one.
    pub(super) fn poison(&self) {
        self.broken.store(true, Ordering::SeqCst);
        drop(self.lock());
        self.wake.notify_all();
    }

    /// Makes the barrier usable again; no thread may be waiting.
    ///
    /// # Errors
    /// Why it was broken.
    pub(super) fn reset(&self) -> Result<(), String> {
        if !self.broken.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        self.arrived.store(0, Ordering::SeqCst);
        Err(self.lock().take().unwrap_or_default())
    }
}
