//! [`Ranks`]: the processes that train a network together.

#![allow(unsafe_code, reason = "gradients are added up where they are stored")]

use std::{fmt, ops::Range, ptr::NonNull, sync::Arc};

use crate::error::{Error, Result};

/// The processes that train a network together, as seen by one of them: a single one, unless the engine is a `Distributed`
/// (feature `mpi`).
#[derive(Clone)]
pub struct Ranks {
    exchange: Option<Arc<dyn Exchange>>,
    /// A run of batches is a multiple of this many steps, or ends with the epoch.
    pub(crate) steps_of_run: usize,
}

/// How ranks exchange values. Every rank makes the same calls in the same order, each from one thread at a time.
///
/// No function returns an error: where a message cannot be delivered, the transport ends the program.
pub(crate) trait Exchange: Send + Sync {
    /// This process, from 0.
    fn rank(&self) -> usize;

    /// The number of processes, 2 or more.
    fn count(&self) -> usize;

    /// Starts to replace `values` by their sums over all ranks, the same bits on each. They are a part of a step's gradient,
    /// from its value `first` on, and as many as a multiple of [`Exchange::count`]; the parts of a step are begun in order. `is_last`
    /// states that the state of the training may be read after this step, so that nothing may be held back for the next.
    ///
    /// # Safety
    /// Until [`Exchange::finish_sums`] has returned for them, the values are valid, and nothing else reads or writes them.
    unsafe fn begin_sum(&self, values: NonNull<[f32]>, first: usize, is_last: bool);

    /// Does what can be done without waiting for the sums that were begun.
    fn progress(&self);

    /// Waits for the sums of a step's values before `end`, which have all been begun.
    fn finish_sums(&self, end: usize);

    /// The values of every rank, in the order of ranks; all have as many. Waits for them.
    fn all_gather(&self, own: &[f64]) -> Vec<f64>;

    /// The bytes of every rank, in the order of ranks. Waits for them.
    fn all_gather_bytes(&self, own: &[u8]) -> Vec<Vec<u8>>;
}

impl Ranks {
    /// A process that trains alone.
    pub const ALONE: Ranks = Ranks {
        exchange: None,
        steps_of_run: 1,
    };

    #[cfg(feature = "mpi")]
    pub(crate) fn new(exchange: Arc<dyn Exchange>) -> Self {
        Ranks {
            exchange: Some(exchange).filter(|exchange| exchange.count() > 1),
            ..Ranks::ALONE
        }
    }

    /// This process, from 0.
    pub fn rank(&self) -> usize {
        self.exchange.as_ref().map_or(0, |all| all.rank())
    }

    /// The number of processes.
    pub fn count(&self) -> usize {
        self.exchange.as_ref().map_or(1, |all| all.count())
    }

    /// Whether this is rank 0, which writes files and calls callbacks for all.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// None for a process that trains alone.
    pub(crate) fn exchange(&self) -> Option<&dyn Exchange> {
        self.exchange.as_deref()
    }

    /// This rank's part of `len` items.
    pub(crate) fn part(&self, len: usize) -> Range<usize> {
        let (rank, count) = (self.rank(), self.count());
        rank * len / count..(rank + 1) * len / count
    }

    /// The size of the largest part of `len` items.
    pub(crate) fn largest_part(&self, len: usize) -> usize {
        len.div_ceil(self.count())
    }

    /// The sums over all ranks, added in the order of ranks.
    pub(crate) fn sum(&self, values: &mut [f64]) {
        let Some(exchange) = self.exchange().filter(|_| !values.is_empty()) else {
            return;
        };
        let all = exchange.all_gather(values);
        let mut of_ranks = all.chunks_exact(values.len());
        values.copy_from_slice(of_ranks.next().unwrap_or_default());
        for of_rank in of_ranks {
            let both = values.iter_mut().zip(of_rank);
            both.for_each(|(sum, value)| *sum += value);
        }
    }

    /// Replaces a step's gradients, or other values, by their sums over all ranks, the same bits on each.
    #[cfg(any(feature = "dfdx", feature = "mpi"))]
    pub(crate) fn sum_values(&self, values: &mut Vec<f32>) {
        let Some(exchange) = self.exchange().filter(|_| !values.is_empty()) else {
            return;
        };
        let len = values.len();
        values.resize(len.next_multiple_of(exchange.count()), 0.0);
        // SAFETY: the vector is borrowed until the sums are there.
        unsafe { exchange.begin_sum(NonNull::from(&mut values[..]), 0, true) };
        exchange.finish_sums(values.len());
        values.truncate(len);
    }

    /// Adds up each step's part of the loss.
    pub(crate) fn sum_losses(&self, losses: &mut [f32]) {
        if self.exchange.is_some() {
            let mut sums: Vec<f64> = losses.iter().copied().map(f64::from).collect();
            self.sum(&mut sums);
            let both = losses.iter_mut().zip(sums);
            both.for_each(|(loss, sum)| *loss = sum as f32);
        }
    }

    /// The bytes of rank 0, the only one that calls `bytes`.
    ///
    /// # Errors
    /// Those of `bytes`, on rank 0; on the others [`Error::Rank`].
    pub(crate) fn broadcast(&self, bytes: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let own = match self.is_first() {
            true => bytes(),
            false => Ok(Vec::new()),
        };
        let own = self.agree(own)?;
        Ok(match self.exchange() {
            None => own,
            Some(exchange) => exchange.all_gather_bytes(&own).swap_remove(0),
        })
    }

    /// The result of this rank if all have succeeded.
    ///
    /// # Errors
    /// That of the lowest rank that has one; on the others [`Error::Rank`].
    pub(crate) fn agree<T>(&self, result: Result<T>) -> Result<T> {
        let Some(exchange) = self.exchange() else {
            return result;
        };
        let failed = f64::from(u8::from(result.is_err()));
        if exchange
            .all_gather(&[failed])
            .iter()
            .all(|&failed| failed == 0.0)
        {
            return result;
        }
        let message = result.as_ref().err().map(Error::to_string);
        let messages = exchange.all_gather_bytes(message.unwrap_or_default().as_bytes());
        let first = messages.iter().position(|message| !message.is_empty());
        let rank = first.unwrap_or_default();
        match result {
            Err(error) if rank == self.rank() => Err(error),
            _ => Err(Error::Rank {
                rank,
                message: String::from_utf8_lossy(&messages[rank]).into_owned(),
            }),
        }
    }

    /// Checks that every rank has the value of rank 0.
    ///
    /// # Errors
    /// [`Error::Setting`] on the ranks with another value, [`Error::Rank`] on the others.
    pub(crate) fn check_same(&self, setting: &'static str, own: &str) -> Result<()> {
        let Some(exchange) = self.exchange() else {
            return Ok(());
        };
        let mut all = exchange.all_gather_bytes(own.as_bytes());
        let first = String::from_utf8_lossy(&all.swap_remove(0)).into_owned();
        self.agree(match own == first {
            true => Ok(()),
            false => Err(Error::Setting {
                setting,
                expected: format!("{first}, as on rank 0"),
                found: own.to_owned(),
            }),
        })
    }

    /// As [`Ranks::check_same`], by a checksum, which a process that trains alone does not compute.
    ///
    /// # Errors
    /// As [`Ranks::check_same`].
    pub(crate) fn check_same_sum(
        &self,
        setting: &'static str,
        sha256: impl FnOnce() -> String,
    ) -> Result<()> {
        match self.exchange {
            None => Ok(()),
            Some(_) => self.check_same(setting, &format!("SHA-256 {}", sha256())),
        }
    }

    /// The values of all ranks, in the order of ranks.
    #[cfg(feature = "mpi")]
    pub(crate) fn gather(&self, own: Vec<f32>) -> Vec<f32> {
        let Some(exchange) = self.exchange() else {
            return own;
        };
        let bytes: Vec<u8> = own.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let all = exchange.all_gather_bytes(&bytes);
        let values = all.iter().flat_map(|bytes| bytes.as_chunks::<4>().0);
        values.copied().map(f32::from_ne_bytes).collect()
    }

    /// Whether it is true on any rank.
    pub(crate) fn any(&self, own: bool) -> bool {
        let mut sum = [f64::from(u8::from(own))];
        self.sum(&mut sum);
        sum != [0.0]
    }
}

impl fmt::Debug for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {}", self.rank(), self.count())
    }
}
