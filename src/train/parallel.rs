//! [`in_parallel`]: several trainings side by side, each on one thread.

use std::{
    panic,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::error::{Error, Result};

/// Runs `train(0)`, `train(1)`, .. `train(count - 1)` side by side, on as many threads as the process has cores, and returns their
/// results in order: seeds of a network, settings to compare, the folds of a cross-validation.
///
/// For small networks that is the best use of all cores: the threads of one training wait for each other several times in each
/// step, and those of separate trainings never. So give each engine one thread. Results do not depend on the number of cores.
///
/// ```
/// use tuplenet::{engine::Processor, prelude::*, train::in_parallel};
///
/// type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
/// let digits = Digits::new(1);
/// let (train, test) = (digits.dataset(0..1000)?, digits.dataset(1000..1200)?);
/// let accuracies = in_parallel(4, |seed| {
///     let mut net = Fused::<Net>::on(Processor::detect().threads(1), Weights::init(seed as u64))?;
///     Trainer::new(Adam::default()).epochs(3).seed(seed as u64).fit(&mut net, &train)?;
///     Ok(net.evaluate(&test)?.accuracy())
/// })?;
/// assert_eq!(accuracies.len(), 4);
/// # Ok::<(), tuplenet::Error>(())
/// ```
///
/// # Errors
/// The error of the first `train`, in order, that has one; those that have not begun when an error occurs are left out.
/// [`Error::Device`] when the system cannot create a thread.
///
/// # Panics
/// When `train` panics.
pub fn in_parallel<T: Send>(
    count: usize,
    train: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let results: Mutex<Vec<(usize, Result<T>)>> = Mutex::new(Vec::with_capacity(count));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            // all before the first that failed are run, so that the error is the same on every machine
            if index >= count || index > failed.load(Ordering::Relaxed) {
                return;
            }
            let result = train(index);
            if result.is_err() {
                failed.fetch_min(index, Ordering::Relaxed);
            }
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((index, result));
        }
    };
    thread::scope(|scope| {
        let workers = (1..cores.min(count)).map(|_| {
            let thread = thread::Builder::new().name("tuplenet training".to_owned());
            thread.spawn_scoped(scope, work)
        });
        let workers = workers.collect::<std::io::Result<Vec<_>>>();
        let workers = workers.map_err(|error| Error::Device {
            engine: "parallel trainings",
            device: format!("{cores} threads"),
            message: error.to_string(),
        })?;
        work();
        for worker in workers {
            if let Err(panicked) = worker.join() {
                panic::resume_unwind(panicked);
            }
        }
        Ok(())
    })?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(number: usize) -> Error {
        Error::Setting {
            setting: "number",
            expected: "another".to_owned(),
            found: number.to_string(),
        }
    }

    #[test]
    fn results_are_in_order_whichever_ends_first() {
        let slow_first = |index: usize| {
            thread::sleep(std::time::Duration::from_millis(5 * u64::from(index == 0)));
            Ok(index * index)
        };
        let squares: Vec<usize> = (0..40).map(|index| index * index).collect();
        assert_eq!(in_parallel(40, slow_first).unwrap(), squares);
        assert!(in_parallel(0, slow_first).unwrap().is_empty());
    }

    #[test]
    fn the_first_error_is_returned_and_nothing_begins_after_it() {
        let begun = AtomicUsize::new(0);
        let found = in_parallel(1000, |index| {
            begun.fetch_add(1, Ordering::Relaxed);
            match index {
                7.. => Err(error(index)),
                _ => Ok(()),
            }
        });
        assert_eq!(found.unwrap_err().to_string(), error(7).to_string());
        let cores = thread::available_parallelism().map_or(1, usize::from);
        assert!(begun.into_inner() <= 8 + 2 * cores);
    }

    #[test]
    fn a_panic_is_passed_on() {
        let run = || in_parallel(8, |index| if index == 3 { panic!("three") } else { Ok(()) });
        let panicked = panic::catch_unwind(run).unwrap_err();
        assert_eq!(panicked.downcast_ref(), Some(&"three"));
    }
}
