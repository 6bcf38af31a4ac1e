//! A value computed on separate threads while the program continues.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use rayon::ThreadPoolBuilder;

use crate::{
    error::{Error, Result},
    panic,
};

/// A value that is being computed. Dropping it asks its threads to stop and joins them.
#[derive(Debug)]
pub(super) struct Prefetch<T> {
    stop: Arc<AtomicBool>,
    /// `None` only after it was joined.
    thread: Option<JoinHandle<Result<T>>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Starts `work` on a rayon pool of this many threads; it should return soon after its flag is set.
    ///
    /// # Errors
    /// [`Error::Prefetch`] when the system cannot create a thread.
    pub(super) fn start(
        threads: usize,
        work: impl FnOnce(&AtomicBool) -> Result<T> + Send + 'static,
    ) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let run = move || {
            let pool = ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.thread_name(|index| format!("tuplenet-prefetch-{index}"));
            // All threads of the pool have ended when this returns.
            pool.build_scoped(|thread| thread.run(), |pool| pool.install(|| work(&flag)))
                .unwrap_or_else(|error| Err(failed(error.to_string())))
        };
        let thread = thread::Builder::new().name("tuplenet-prefetch".to_owned());
        let thread = thread
            .spawn(run)
            .map_err(|error| failed(error.to_string()))?;
        Ok(Prefetch {
            stop,
            thread: Some(thread),
        })
    }

    /// Waits for the value.
    ///
    /// # Errors
    /// The errors of `work`; [`Error::Prefetch`] when it panicked or its threads could not be created.
    pub(super) fn wait(mut self) -> Result<T> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(value)) => value,
            Some(Err(panic)) => Err(failed(panic::message(&*panic))),
            None => Err(failed("it was already joined".to_owned())),
        }
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The value is not needed, so its error is ignored.
            let _ = thread.join();
        }
    }
}

fn failed(message: String) -> Error {
    Error::Prefetch { message }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn the_work_runs_on_that_many_threads_and_returns_its_value() {
        for threads in [1, 3] {
            let work = move |_: &AtomicBool| {
                assert_eq!(rayon::current_num_threads(), threads);
                Ok((0..1000_u64).into_par_iter().sum::<u64>())
            };
            assert_eq!(
                Prefetch::start(threads, work).unwrap().wait().unwrap(),
                499_500
            );
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        let work = |_: &AtomicBool| -> Result<()> {
            (0..100)
                .into_par_iter()
                .for_each(|i| assert!(i != 50, "as asked"));
            Ok(())
        };
        let error = Prefetch::start(2, work).unwrap().wait().unwrap_err();
        let words = "prefetched epoch: as asked; compute it when it is asked for, by `prefetch(0)`";
        assert_eq!(error.to_string(), words);
    }

    #[test]
    fn drop_stops_and_joins_the_threads() {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let work = move |stop: &AtomicBool| {
            (0..2).into_par_iter().for_each(|_| {
                let _held = &held;
                while !stop.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            });
            Ok(())
        };
        // The work runs until its flag is set; without that, this test would not end.
        drop(Prefetch::start(2, work).unwrap());
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
