//! [`Sums`]: values are added up over all ranks, each part while the next is computed.
//!
//! Rank `r` of `P` receives part `r` of the values of every rank, adds them in the order of ranks, and all ranks receive the
//! sums: a reduce-scatter by all-to-all, then an all-gather. Each rank sends and receives `2 (P - 1) / P` of the values, the
//! least that is possible; the sums are the same bits on every rank, whichever algorithms the MPI chooses.
//!
//! Source: R. Thakur, R. Rabenseifner, W. Gropp, "Optimization of collective communication operations in MPICH", 2005, section 4.5.

#![allow(
    unsafe_code,
    reason = "MPI reads and writes buffers after its functions have returned, each block with its proof"
)]

use std::{
    collections::VecDeque,
    ptr::NonNull,
    slice, thread,
    time::{Duration, Instant},
};

use mpi::{
    request::{Request, StaticScope},
    topology::SimpleCommunicator,
    traits::{Communicator, CommunicatorCollectives},
};

/// The sums of a step, in the order in which they are begun.
pub(super) struct Sums {
    /// Two communicators, as all ranks must begin the messages of each in the same order, and one rank may begin the next
    /// all-to-all before the all-gather of the last.
    scatter: SimpleCommunicator,
    gather: SimpleCommunicator,
    count: usize,
    pending: VecDeque<Pending>,
    /// The values of the step whose sums are there.
    finished: usize,
    /// Buffers for the next.
    buffers: Vec<Vec<f32>>,
    pub(super) waited: Duration,
}

/// Values whose sum is not there yet.
struct Pending {
    values: NonNull<[f32]>,
    end: usize,
    stage: Stage,
}

enum Stage {
    /// Receives this rank's part of all ranks' values, one after another.
    Scatter(Transfer),
    /// The part that this rank has added up waits for the parts before it.
    Added(Vec<f32>),
    /// Receives all sums.
    Gather(Transfer),
    Done,
}

/// Values that MPI is sending or receiving, besides those of [`Pending`].
struct Transfer {
    request: Option<Request<'static, [f32], StaticScope>>,
    buffer: Vec<f32>,
}

impl Transfer {
    fn is_done(&mut self) -> bool {
        match self.request.take().map(Request::test) {
            Some(Err(request)) => {
                self.request = Some(request);
                false
            }
            Some(Ok(_)) | None => true,
        }
    }
}

/// The same values for as long as MPI takes.
///
/// # Safety
/// They are valid, and nothing else writes them, until MPI is done.
unsafe fn during_transfer<'v>(values: NonNull<[f32]>) -> &'v mut [f32] {
    // SAFETY: guaranteed by the caller.
    unsafe { slice::from_raw_parts_mut(values.as_ptr().cast(), values.len()) }
}

impl Sums {
    pub(super) fn new(world: &SimpleCommunicator) -> Self {
        Sums {
            scatter: world.duplicate(),
            gather: world.duplicate(),
            count: world.size() as usize,
            pending: VecDeque::new(),
            finished: 0,
            buffers: Vec::new(),
            waited: Duration::ZERO,
        }
    }

    fn buffer(&mut self, len: usize) -> Vec<f32> {
        let mut buffer = self.buffers.pop().unwrap_or_default();
        buffer.resize(len, 0.0);
        buffer
    }

    /// # Safety
    /// As [`Exchange::begin_sum`](crate::engine::ranks::Exchange::begin_sum).
    pub(super) unsafe fn begin(&mut self, values: NonNull<[f32]>, first: usize, _is_last: bool) {
        if first == 0 {
            self.finished = 0;
        }
        let mut buffer = self.buffer(values.len());
        let received = NonNull::from(&mut buffer[..]);
        // SAFETY: MPI reads the values, which the caller leaves alone, and writes the buffer, whose heap memory stays where
        // it is in `Transfer`, until the request is done.
        let (sent, received) = unsafe { (&*during_transfer(values), during_transfer(received)) };
        let request = self
            .scatter
            .immediate_all_to_all_into(StaticScope, sent, received);
        self.pending.push_back(Pending {
            values,
            end: first + values.len(),
            stage: Stage::Scatter(Transfer {
                request: Some(request),
                buffer,
            }),
        });
    }

    /// Does what can be done without waiting.
    pub(super) fn progress(&mut self) {
        let count = self.count;
        let mut may_gather = true;
        for pending in &mut self.pending {
            if let Stage::Scatter(transfer) = &mut pending.stage
                && transfer.is_done()
            {
                let mut buffer = std::mem::take(&mut transfer.buffer);
                add_up(&mut buffer, count);
                pending.stage = Stage::Added(buffer);
            }
            if may_gather && let Stage::Added(buffer) = &mut pending.stage {
                let mut buffer = std::mem::take(buffer);
                let own = NonNull::from(&mut buffer[..pending.values.len() / count]);
                // SAFETY: MPI has read the values; it reads the buffer, whose heap memory stays where it is, and writes the
                // values, which the caller leaves alone, until the request is done.
                let (own, sums) =
                    unsafe { (&*during_transfer(own), during_transfer(pending.values)) };
                let request = self
                    .gather
                    .immediate_all_gather_into(StaticScope, own, sums);
                pending.stage = Stage::Gather(Transfer {
                    request: Some(request),
                    buffer,
                });
            }
            if let Stage::Gather(transfer) = &mut pending.stage
                && transfer.is_done()
            {
                self.buffers.push(std::mem::take(&mut transfer.buffer));
                pending.stage = Stage::Done;
            }
            may_gather &= matches!(pending.stage, Stage::Gather(_) | Stage::Done);
        }
        while let Some(Pending {
            stage: Stage::Done,
            end,
            ..
        }) = self.pending.front()
        {
            self.finished = *end;
            self.pending.pop_front();
        }
    }

    /// Waits for the sums of all values before `end`.
    pub(super) fn finish(&mut self, end: usize) {
        self.progress();
        if self.finished >= end {
            return;
        }
        let begun = Instant::now();
        while self.finished < end && !self.pending.is_empty() {
            self.progress();
            // another rank may need this core to get ready
            thread::yield_now();
        }
        self.waited += begun.elapsed();
    }
}

/// Adds up `count` parts, one after another, in the first.
fn add_up(parts: &mut [f32], count: usize) {
    let (sum, others) = parts.split_at_mut(parts.len() / count);
    for part in others.chunks_exact(sum.len()) {
        let both = sum.iter_mut().zip(part);
        both.for_each(|(sum, value)| *sum += value);
    }
}
