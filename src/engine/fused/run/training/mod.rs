//! One training step, phase by phase, as each worker of the pool runs it.
//!
//! Between two barriers, every buffer is either only read, or written in disjoint parts, each by one worker. That is
//! the proof of every `unsafe` block here. The phases:
//!
//! | phase | writes | partition |
//! | --- | --- | --- |
//! | gather | the batch's samples, masks of dropout | rows |
//! | and of an embedding | rows of the table and moments that are [not up to date](super::pending) | [tokens](super::super::kernels::OwnTokens) |
//! | (before images that read a table, that is a phase of its own) | | |
//! | or images, each stage | all buffers of the images, sums of blocks, masks, the vectors' input | blocks of 16 rows |
//! | forward, each layer | its outputs (and derivatives) | columns; rows in a layer normalisation and in the last layer, unless it is a batch normalisation |
//! | loss | the last layer's delta, losses, the transposed bitmap | the same rows, so no barrier before it; words |
//! | back, each layer whose operands depend on weights | its terms in their deltas | the operands' columns; rows of a layer normalisation |
//! | and of a normalisation | the gradient of its weights | columns |
//! | and of a parametric ReLU | sums for the gradient of its slopes | columns |
//! | back of images, each stage | gradients of the groups of blocks, deltas and sums of blocks, rows of the gradients of sequences | groups |
//! | update, all layers | weights and moments | columns; of a table, tokens |
//!
//! A barrier follows each phase, except where [`partition::is_independent`] saves it in a network of two layers: after
//! the loss, each worker reads and writes its own columns of the first layer (weights, moments, outputs, derivatives,
//! delta) and the rows of the second layer's weights and moments that belong to them; it also reads the second layer's
//! delta, the transposed bitmap and the samples. No worker writes the second layer's delta or transposes a bitmap
//! before the next step's first barrier. So there is no barrier after back, and none after the update unless the next
//! step gathers, which writes samples and masks.
//!
//! With clipping by norm, the last phase becomes three (see `clip`):
//!
//! | phase | writes | partition |
//! | --- | --- | --- |
//! | store, all layers | gradients | columns; of a table, tokens |
//! | measure | sums of squares | pieces |
//! | apply, all layers | weights and moments | columns |
//!
//! A batch normalisation of images begins a stage: its statistics, and the sums that its gradient needs, are those of all
//! blocks. The first worker alone adds them to the running statistics, and stores the gradient of its weights with those of
//! the first group; no other worker reads either before the next barrier. If several ranks compute the batch, it then
//! [exchanges](super::whole_batch) the sums with theirs, and one more barrier follows.
//!
//! A layer's delta is the gradient of the loss with respect to the outputs of its operation, `[B, O]`; with images,
//! the vectors' input has one, too. The gradient with respect to the network's input is not computed. The gradient
//! of a `Linear`'s weights goes from registers to the optimiser; it is stored only for clipping.

mod exchanged;
mod images;
mod layer_norm;
mod norm;
mod phases;
mod prelu;
mod table;
mod update;

pub(crate) use self::{table::TableSteps, update::Stored};

use std::{ops::Range, sync::atomic::Ordering};

use super::{
    activations::Activations, bitmap::Uploaded, gradients::Sums, model::Model, pending::Pending,
    whole_batch::WholeBatch,
};
use crate::{
    engine::{
        Ranks,
        fused::{
            kernels::Rule,
            memory::{
                matrix::Matrix,
                raw_slice::{RawSlice, RawSliceMut},
            },
            program::LayerOp,
            threads::{BrokenBarrier, partition, pool::Worker},
        },
        ranks::Exchange,
    },
    objective::{Loss, Optimizer, Schedule},
};

/// A training job: steps over batches of a data set.
pub(crate) struct Job {
    pub(crate) data: Uploaded,
    pub(crate) order: RawSlice<u32>,
    pub(crate) batch_size: usize,
    pub(crate) loss: Loss,
    /// Each batch's mean loss.
    pub(crate) losses: RawSliceMut<f32>,
    pub(crate) kind: Kind,
}

/// The use of the gradients.
pub(crate) enum Kind {
    /// They are stored; dropout is off.
    Gradient,
    /// The optimiser applies them.
    Train {
        optimizer: Optimizer,
        schedule: Schedule,
        total_steps: u64,
        seed: u64,
        first_step: u64,
        clip_norm: Option<f64>,
        /// Those that compute a part of each batch.
        ranks: Ranks,
        /// Steps taken with the optimiser's moments.
        steps_done: u64,
        /// Whether this is the last job of a run of batches. Then the weights are checked at the end, as any job may read them
        /// next.
        is_last: bool,
    },
}

impl Kind {
    /// Whether the gradients of a step are stored before the optimiser uses them: to be clipped, or added up over ranks.
    pub(crate) fn stores_gradients(&self) -> bool {
        match self {
            Kind::Gradient => false,
            Kind::Train {
                clip_norm, ranks, ..
            } => clip_norm.is_some() || ranks.exchange().is_some(),
        }
    }
}

/// One worker's view of a [`Job`] with all that it reads and writes.
pub(crate) struct Training<'a> {
    pub(crate) model: &'a Model,
    pub(crate) worker: &'a Worker<'a>,
    pub(crate) job: &'a Job,
    pub(crate) activations: &'a Activations,
    pub(crate) moments: Moments<'a>,
    /// None where gradients go from registers to the optimiser.
    pub(crate) stored: Option<Stored<'a>>,
    /// See [`SparseWeightGradient::active`].
    pub(crate) active: &'a [u64],
    /// The steps that rows of tables may have yet to take, and the number of those before this job; none where each step is
    /// taken with all rows.
    pub(crate) pending: Option<(&'a Pending, usize)>,
}

/// For each moment of a rule, one matrix per layer.
pub(crate) type Moments<'a> = [&'a [Matrix]; 2];

/// The parameters that determine the dropout masks.
#[derive(Clone, Copy)]
struct DropoutKey {
    seed: u64,
    step: u64,
    /// The row of the batch that is the first of this rank.
    first_row: usize,
}

/// A batch of samples.
#[derive(Clone, Copy)]
struct Batch<'a> {
    /// The number of its step in the job.
    index: usize,
    all: &'a [u32],
    /// Those that this rank computes.
    own: &'a [u32],
    /// Whether the state of the training may be read after this step.
    is_last: bool,
}

impl Training<'_> {
    /// Runs every step of the job.
    ///
    /// # Safety
    /// The job's slices are still borrowed, and no thread but the pool's workers, each of which runs
    /// this, uses the weights, the activations or the moments until all have returned.
    pub(crate) unsafe fn run(&self) -> Result<(), BrokenBarrier> {
        // SAFETY: guaranteed by the caller.
        let order = unsafe { self.job.order.get() };
        let is_independent = self.is_independent();
        let steps = order.len().div_ceil(self.job.batch_size);
        for (index, all) in order.chunks(self.job.batch_size).enumerate() {
            let own = self.own_rows(all.len());
            let (rule, dropout_key) = match &self.job.kind {
                Kind::Gradient => (Rule::Store, None),
                Kind::Train {
                    optimizer,
                    schedule,
                    total_steps,
                    seed,
                    first_step,
                    steps_done,
                    ..
                } => {
                    let (seed, step) = (*seed, first_step + index as u64);
                    let t = steps_done + index as u64 + 1;
                    let peak = optimizer.learning_rate();
                    let learning_rate = schedule.learning_rate(peak, step, *total_steps);
                    let rule = Rule::new(optimizer, learning_rate, t);
                    let first_row = own.start;
                    let key = DropoutKey {
                        seed,
                        step,
                        first_row,
                    };
                    (rule, Some(key))
                }
            };
            let batch = Batch {
                index,
                all,
                own: &all[own],
                is_last: index + 1 == steps && self.is_last(),
            };
            // SAFETY: guaranteed by the caller.
            unsafe { self.step(batch, rule, dropout_key, is_independent)? };
            if !is_independent || self.gathers(dropout_key) {
                self.worker.barrier()?;
            }
        }
        let model = self.model;
        if self.is_last() && model.skips_zeros() {
            for at in 0..model.weights.len() {
                // SAFETY: only this worker writes this part of the weights, in the steps above.
                unsafe { model.check_trained_weights(at, &self.weight_partition(at)) };
            }
        }
        Ok(())
    }

    /// The rows of a batch of `count` samples that this rank computes.
    fn own_rows(&self, count: usize) -> Range<usize> {
        match &self.job.kind {
            Kind::Gradient => 0..count,
            Kind::Train { ranks, .. } => ranks.part(count),
        }
    }

    /// The samples of the batch after batch `index` that this rank computes; none after the last.
    ///
    /// # Safety
    /// As [`Training::run`].
    unsafe fn next_batch(&self, index: usize) -> &[u32] {
        // SAFETY: guaranteed by the caller.
        let order = unsafe { self.job.order.get() };
        let mut batches = order.chunks(self.job.batch_size);
        let next = batches.nth(index + 1).unwrap_or_default();
        &next[self.own_rows(next.len())]
    }

    /// If several ranks compute each batch, how they exchange values.
    fn exchange(&self) -> Option<&dyn Exchange> {
        self.stored.as_ref()?.exchange
    }

    /// If several ranks compute each batch, the sums of each batch normalisation over all of it.
    fn whole_batches(&self) -> Option<&[WholeBatch]> {
        let exchange = self.exchange();
        exchange.map(|_| &self.activations.whole_batches[..])
    }

    /// Whether this is the last job of a run of batches.
    fn is_last(&self) -> bool {
        matches!(self.job.kind, Kind::Train { is_last: true, .. })
    }

    /// Whether the barrier after back and after the update can be omitted; see the head of this file.
    fn is_independent(&self) -> bool {
        let model = self.model;
        let [first, second] = &model.program.layers[..] else {
            return false;
        };
        match (first.op, second.op) {
            (LayerOp::Linear { inputs: i, .. }, LayerOp::Linear { inputs: h, .. })
                if self.stored.is_none() && model.program.images.is_none() =>
            {
                let blocks = [0, 1].map(|at| model.weights[at].blocks());
                partition::is_independent(self.worker.count, [i, h], blocks)
            }
            _ => false,
        }
    }

    /// Whether a worker computes whole columns of the outputs of layer `at`, though it is the last: a batch normalisation.
    fn has_whole_columns(&self, at: usize) -> bool {
        matches!(self.model.program.layers[at].op, LayerOp::Norm(_))
    }

    /// # Safety
    /// As [`Training::run`]; every worker calls it with the same arguments, after a barrier, or where none is needed
    /// according to the head of this file.
    unsafe fn step(
        &self,
        batch: Batch<'_>,
        rule: Rule,
        dropout_key: Option<DropoutKey>,
        is_independent: bool,
    ) -> Result<(), BrokenBarrier> {
        let (index, samples) = (batch.index, batch.own);
        let layers = self.model.program.layers.len();
        let trained_images = self.trained_images();
        // SAFETY: between two barriers each of these writes what no other reads, as the table at the
        // head of this file says, and partitions are disjoint (see `partition`).
        unsafe {
            if self.gathers(dropout_key) {
                let reads_tables = self.model.program.embeds_sequences();
                if reads_tables {
                    self.read_tokens(index, samples);
                    self.worker.barrier()?;
                }
                self.gather(samples, dropout_key)?;
                if !reads_tables {
                    self.read_tokens(index, samples);
                }
                self.worker.barrier()?;
            }
            for at in 0..layers {
                self.forward(at, samples, dropout_key.is_some())?;
                if at + 1 < layers || self.has_whole_columns(at) {
                    self.worker.barrier()?;
                }
            }
            self.transpose_bitmap(samples);
            self.loss(batch);
            self.worker.barrier()?;
            self.prefetch_targets(index);
            match (&self.stored, self.exchange()) {
                (Some(stored), Some(exchange)) => {
                    let sums = Sums::new(stored.gradients, exchange, batch.is_last);
                    self.exchanged_update(stored, &sums, batch, rule)?;
                }
                _ => {
                    for at in (0..layers).rev().filter(|&at| self.has_back(at)) {
                        self.back(at, samples)?;
                        if !is_independent {
                            self.worker.barrier()?;
                        }
                    }
                    if let Some(images) = trained_images {
                        self.back_images(images, samples.len())?;
                        self.worker.barrier()?;
                    }
                    match &self.stored {
                        None => self.update(index, samples, rule, self.moments),
                        Some(stored) => self.stored_update(stored, index, samples, rule)?,
                    }
                }
            }
            if self.worker.index == 0 {
                if dropout_key.is_some() {
                    for batches in &self.model.batches {
                        batches.fetch_add(1, Ordering::Relaxed);
                    }
                }
                let losses = self.activations.losses.slice(0..samples.len());
                let sum: f64 = losses.iter().copied().map(f64::from).sum();
                let data = &self.job.data.samples;
                let weights = data.weights.as_deref();
                let mean = sum / self.job.loss.divisor(&data.targets, weights, batch.all);
                self.job.losses.slice_mut(index..index + 1)[0] = mean as f32;
            }
        }
        Ok(())
    }
}
