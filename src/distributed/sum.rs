//! [`Sums`]: gradients are added up over all ranks, each part while the next is computed.
//!
//! Rank `r` of `P` receives part `r` of the values of every rank, adds them in the order of ranks, and all ranks receive the
//! sums: a reduce-scatter by all-to-all, then an all-gather. Each rank sends and receives `2 (P - 1) / P` of the values, the
//! least that is possible; the sums are the same bits on every rank, whichever algorithms the MPI chooses.
//!
//! Source: R. Thakur, R. Rabenseifner, W. Gropp, "Optimization of collective communication operations in MPICH", 2005,
//! sections 4.4 and 4.5.

#![allow(
    unsafe_code,
    reason = "MPI reads and writes gradients where they are stored, each block with its proof"
)]

use std::{
    collections::VecDeque,
    mem::take,
    ptr::NonNull,
    thread,
    time::{Duration, Instant},
};

use mpi::{topology::SimpleCommunicator, traits::Communicator};

use super::{
    compression::{self, Compression, Rest, from_bf16},
    transfer::{Transfer, all_gather, all_to_all},
};

/// The sums of a step, in the order in which they are begun.
pub(super) struct Sums {
    /// Two communicators, as all ranks must begin the operations of each in the same order, and one rank may begin the next
    /// all-to-all before the all-gather of the last.
    scatter: SimpleCommunicator,
    gather: SimpleCommunicator,
    rank: usize,
    count: usize,
    pub(super) compression: Compression,
    /// What rounding has cut off this rank's gradients.
    own_rest: Rest,
    /// What it has cut off the sums that this rank adds up.
    sum_rest: Rest,
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
    first: usize,
    is_compressed: bool,
    stage: Stage,
}

enum Stage {
    /// Receives this rank's part of all ranks' values.
    Scatter(Transfer<f32>),
    ScatterRounded(Transfer<u16>),
    /// The part that this rank has added up, until the parts before it are on their way.
    Added(Vec<f32>),
    /// Receives all sums.
    Gather(Transfer<f32>),
    GatherRounded(Transfer<u16>),
    Done,
}

impl Stage {
    /// Whether the values that it receives are there.
    fn has_arrived(&mut self) -> bool {
        match self {
            Stage::Scatter(transfer) | Stage::Gather(transfer) => transfer.is_done(),
            Stage::ScatterRounded(transfer) | Stage::GatherRounded(transfer) => transfer.is_done(),
            Stage::Added(_) | Stage::Done => false,
        }
    }
}

impl Sums {
    pub(super) fn new(world: &SimpleCommunicator) -> Self {
        Sums {
            scatter: world.duplicate(),
            gather: world.duplicate(),
            rank: world.rank() as usize,
            count: world.size() as usize,
            compression: Compression::None,
            own_rest: Rest::default(),
            sum_rest: Rest::default(),
            pending: VecDeque::new(),
            finished: 0,
            buffers: Vec::new(),
            waited: Duration::ZERO,
        }
    }

    /// # Safety
    /// As [`Exchange::begin_sum`](crate::engine::ranks::Exchange::begin_sum).
    pub(super) unsafe fn begin(&mut self, mut values: NonNull<[f32]>, first: usize, is_last: bool) {
        if first == 0 {
            self.finished = 0;
        }
        let is_compressed = self.compression == Compression::Bf16 && !is_last;
        let stage = if is_compressed {
            // SAFETY: the caller leaves the values alone.
            let sent = self.own_rest.round(first, unsafe { values.as_ref() });
            let received = vec![0; sent.len()];
            Stage::ScatterRounded(Transfer::owned(&self.scatter, all_to_all, sent, received))
        } else {
            if self.compression == Compression::Bf16 {
                // SAFETY: as above.
                self.own_rest.add_to(first, unsafe { values.as_mut() });
            }
            let mut received = self.buffers.pop().unwrap_or_default();
            received.resize(values.len(), 0.0);
            // SAFETY: the caller leaves the values alone until their sum is there, and so does this until all are received.
            Stage::Scatter(unsafe { Transfer::from(&self.scatter, all_to_all, values, received) })
        };
        self.pending.push_back(Pending {
            values,
            first,
            is_compressed,
            stage,
        });
    }

    /// Does what can be done without waiting.
    pub(super) fn progress(&mut self) {
        let mut may_gather = true;
        for pending in &mut self.pending {
            let has_arrived = pending.stage.has_arrived();
            match &mut pending.stage {
                Stage::Scatter(transfer) if has_arrived => {
                    let mut received = take(&mut transfer.received);
                    add_up(&mut received, self.count);
                    pending.stage = Stage::Added(received);
                }
                Stage::ScatterRounded(transfer) if has_arrived => {
                    pending.stage =
                        Stage::Added(compression::add_up(&transfer.received, self.count));
                }
                _ => {}
            }
            let part = pending.values.len() / self.count;
            if let Stage::Added(sum) = &mut pending.stage
                && may_gather
            {
                let mut sum = take(sum);
                sum.truncate(part);
                let first = pending.first + self.rank * part;
                pending.stage = if pending.is_compressed {
                    let sent = self.sum_rest.round(first, &sum);
                    let received = vec![0; pending.values.len()];
                    Stage::GatherRounded(Transfer::owned(&self.gather, all_gather, sent, received))
                } else {
                    if self.compression == Compression::Bf16 {
                        self.sum_rest.add_to(first, &mut sum);
                    }
                    // SAFETY: all of the values have been sent, and the caller leaves them alone until their sum is there.
                    Stage::Gather(unsafe {
                        Transfer::to(&self.gather, all_gather, sum, pending.values)
                    })
                };
            }
            let has_arrived = pending.stage.has_arrived();
            match &mut pending.stage {
                Stage::Gather(transfer) if has_arrived => {
                    self.buffers.push(take(&mut transfer.sent));
                    pending.stage = Stage::Done;
                }
                Stage::GatherRounded(transfer) if has_arrived => {
                    // SAFETY: the caller leaves the values alone until their sum is there.
                    let sums = unsafe { pending.values.as_mut() };
                    for (sum, &received) in sums.iter_mut().zip(&transfer.received) {
                        *sum = from_bf16(received);
                    }
                    pending.stage = Stage::Done;
                }
                _ => {}
            }
            may_gather &= !matches!(
                pending.stage,
                Stage::Scatter(_) | Stage::ScatterRounded(_) | Stage::Added(_)
            );
        }
        while let Some(pending) = self.pending.front()
            && matches!(pending.stage, Stage::Done)
        {
            self.finished = pending.first + pending.values.len();
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
            // another rank, or another thread of this one, may need this core to get ready
            thread::yield_now();
            self.progress();
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
