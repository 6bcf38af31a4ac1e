//! One training step, phase by phase, as each member of the team runs it.
//!
//! Between two meetings every buffer is either only read, or written in parts that are one member's
//! each: that is the proof of every `unsafe` block here. The phases:
//!
//! | phase | writes | share |
//! | --- | --- | --- |
//! | gather | the batch's samples, masks of dropout | rows |
//! | forward, each layer | its outputs (and slopes) | columns; rows in the last layer |
//! | loss | the last layer's delta, losses, the turned bitmap | the same rows, so no meeting before it; words |
//! | back, each layer but the first | the delta of the layer before | that layer's columns |
//! | update, all layers | weights and moments | columns |
//!
//! There is a meeting after each phase, but for those that [`share::is_apart`] saves in a network of two layers:
//! after the loss, each member reads and writes its own columns of the first layer (weights, moments, outputs,
//! slopes, delta) and the rows of the second layer's weights and moments that belong to them; beside these it
//! reads the second layer's delta, the turned bitmap and the samples. Nobody writes the second layer's delta or
//! turns a bitmap before the next step's first meeting. So there is none after back, and none after the update
//! unless the next step gathers, which writes samples and masks.
//!
//! With clipping by norm, the last phase is three (see `clip`):
//!
//! | phase | writes | share |
//! | --- | --- | --- |
//! | store, all layers | gradients | columns |
//! | measure | sums of squares | pieces |
//! | apply, all layers | weights and moments | columns |
//!
//! A layer's delta is the gradient of the loss with respect to what its `Linear` gives, `[B, O]`. The
//! gradient with respect to the network's input, which nobody needs, is not computed; that of the
//! weights goes from the registers to the optimiser and, but for clipping, is nowhere stored.

use super::{
    Core,
    activations::Activations,
    bitmap::Uploaded,
    clip::Clipping,
    forward::{self, Outputs},
    input::Input,
    kernels::{
        InputGradient, LossGradient, Parameters, Rule, Slopes, SparseWeightGradient, WORD,
        WeightGradient, dispatch,
    },
    lent::{Lent, LentMut},
    matrix::{BLOCK, Matrix},
    program::DropoutStep,
    share::{self, Share},
    team::{Broken, Member},
};
use crate::{
    engine::Run,
    seed::dropout_row,
    train::{Loss, Optimizer, Schedule},
};

/// What the team is to do: steps over batches of a data set.
pub(super) struct Job {
    pub(super) data: Uploaded,
    pub(super) order: Lent<u32>,
    pub(super) batch_size: usize,
    pub(super) loss: Loss,
    /// Each batch's mean loss.
    pub(super) losses: LentMut<f32>,
    pub(super) kind: Kind,
}

/// What is done with the gradients.
pub(super) enum Kind {
    /// They are stored; dropout is off.
    Gradient,
    /// They change the weights.
    Train {
        optimizer: Optimizer,
        schedule: Schedule,
        total_steps: u64,
        seed: u64,
        first_step: u64,
        clip_norm: Option<f64>,
        /// Steps that the optimiser's moments have seen.
        steps_done: u64,
    },
}

/// A [`Job`] with all that it reads and writes, as one member sees it.
pub(super) struct Training<'a> {
    pub(super) core: &'a Core,
    pub(super) member: &'a Member<'a>,
    pub(super) job: &'a Job,
    pub(super) activations: &'a Activations,
    pub(super) moments: Moments<'a>,
    /// None where gradients go to the optimiser as they are.
    pub(super) clipping: Option<Clipping<'a>>,
    /// See [`SparseWeightGradient::moving`].
    pub(super) moving: &'a [u64],
}

/// For each moment that a rule keeps, a matrix for each layer.
pub(super) type Moments<'a> = [&'a [Matrix]; 2];

/// What decides the masks of dropout.
#[derive(Clone, Copy)]
struct Chance {
    seed: u64,
    step: u64,
}

impl Training<'_> {
    /// Every step of the job.
    ///
    /// # Safety
    /// The job's slices are still lent, and no thread but the team's members, each of which runs
    /// this, uses the weights, the activations or the moments until all have returned.
    pub(super) unsafe fn run(&self) -> Result<(), Broken> {
        // SAFETY: the caller's.
        let order = unsafe { self.job.order.get() };
        let is_apart = self.is_apart();
        for (index, samples) in order.chunks(self.job.batch_size).enumerate() {
            let (rule, chance) = match &self.job.kind {
                Kind::Gradient => (Rule::Store, None),
                Kind::Train {
                    optimizer,
                    schedule,
                    total_steps,
                    seed,
                    first_step,
                    clip_norm,
                    steps_done,
                } => {
                    let run = Run {
                        order,
                        batch_size: self.job.batch_size,
                        optimizer,
                        schedule: *schedule,
                        total_steps: *total_steps,
                        loss: self.job.loss,
                        seed: *seed,
                        first_step: *first_step,
                        clip_norm: *clip_norm,
                    };
                    let (seed, step) = (*seed, first_step + index as u64);
                    let t = steps_done + index as u64 + 1;
                    let rule = Rule::new(optimizer, run.learning_rate(index), t);
                    (rule, Some(Chance { seed, step }))
                }
            };
            // SAFETY: the caller's.
            unsafe { self.step(index, samples, rule, chance, is_apart)? };
            if !is_apart || self.gathers(chance) {
                self.member.meet()?;
            }
        }
        Ok(())
    }

    /// Whether the meetings after back and after the update can be left out; see the head of this file.
    fn is_apart(&self) -> bool {
        let core = self.core;
        match &core.program.layers[..] {
            [first, second] if self.clipping.is_none() => {
                let inputs = [first, second].map(|layer| layer.linear.inputs);
                let blocks = [0, 1].map(|at| core.weights[at].blocks());
                share::is_apart(self.member.count, inputs, blocks)
            }
            _ => false,
        }
    }

    /// # Safety
    /// As [`Training::run`]; every member calls it with the same arguments, after a meeting, or where the
    /// head of this file says that none is needed.
    unsafe fn step(
        &self,
        index: usize,
        samples: &[u32],
        rule: Rule,
        chance: Option<Chance>,
        is_apart: bool,
    ) -> Result<(), Broken> {
        let layers = self.core.program.layers.len();
        // SAFETY: between two meetings each of these writes what no other reads, as the table at the
        // head of this file says, and shares are disjoint (see `share`).
        unsafe {
            if self.gathers(chance) {
                self.gather(samples, chance);
                self.member.meet()?;
            }
            for at in 0..layers {
                self.forward(at, samples, chance.is_some());
                if at + 1 < layers {
                    self.member.meet()?;
                }
            }
            self.turn(samples);
            self.loss(samples);
            self.member.meet()?;
            for at in (1..layers).rev() {
                self.back(at, samples.len());
                if !is_apart {
                    self.member.meet()?;
                }
            }
            match &self.clipping {
                None => self.update(samples, rule, self.moments),
                Some(clipping) => self.clipped_update(clipping, samples, rule)?,
            }
            if self.member.index == 0 {
                let losses = self.activations.losses.slice(0..samples.len());
                let sum: f64 = losses.iter().copied().map(f64::from).sum();
                let mean = sum / samples.len() as f64;
                self.job.losses.part(index..index + 1)[0] = mean as f32;
            }
        }
        Ok(())
    }

    /// Whether there is anything to [`gather`](Training::gather): sparse samples are read where they are.
    fn gathers(&self, chance: Option<Chance>) -> bool {
        let masks = chance.is_some() && !self.activations.masks.is_empty();
        masks || self.activations.input.is_dense()
    }

    /// This member's rows: samples, masks, and what comes before the first layer.
    ///
    /// # Safety
    /// As [`Training::step`].
    unsafe fn gather(&self, samples: &[u32], chance: Option<Chance>) {
        let (core, all) = (self.core, self.activations);
        let rows = share::rows(self.member, samples.len());
        // SAFETY: rows are shared out; nobody reads samples or masks before the next meeting, but for
        // the masks of these rows just below.
        unsafe {
            let samples = &samples[rows.clone()];
            if all.input.is_dense() {
                let data = &self.job.data;
                all.input.gather(core.simd, data, samples, rows.clone());
            }
            if let Some(Chance { seed, step }) = chance {
                for (dropout, mask) in core.program.dropouts.iter().zip(&all.masks) {
                    let mut mask = mask.part(0..mask.blocks(), rows.clone());
                    let drawn = all.scratch[self.member.index].slice_mut(0..dropout.width);
                    for row in 0..rows.len() {
                        let DropoutStep { index, percent, .. } = *dropout;
                        dropout_row(seed, step, index, percent, rows.start + row, drawn);
                        for (block, drawn) in drawn.chunks(BLOCK).enumerate() {
                            mask.row(block, row)[..drawn.len()].copy_from_slice(drawn);
                        }
                    }
                }
            }
            if !core.program.before.is_empty() {
                let input = all.input.dense();
                let values = input.part(0..input.blocks(), rows.clone());
                let share = Share {
                    blocks: 0..input.blocks(),
                    rows,
                };
                let masks = chance.map(|_| &all.masks[..]);
                forward::elementwise(core, &core.program.before, &share, values, None, masks);
            }
        }
    }

    /// This member's columns of the turned bitmap, which the update reads.
    ///
    /// # Safety
    /// As [`Training::step`].
    unsafe fn turn(&self, samples: &[u32]) {
        if let Some(bitmap) = &self.job.data.bitmap {
            let words = self.core.program.inputs.div_ceil(WORD);
            let words = share::some(self.member, words);
            // SAFETY: words are shared out; nobody reads the columns in this phase.
            unsafe { self.activations.input.turn(bitmap, samples, words) };
        }
    }

    /// The network's input for layer 0, else the outputs of the layer before, for a batch.
    ///
    /// # Safety
    /// No thread writes them in this phase.
    unsafe fn input_of<'b>(&'b self, at: usize, batch: &'b [u32]) -> Input<'b> {
        // SAFETY: the caller's.
        unsafe {
            match at {
                0 => self.activations.input.read(&self.job.data, batch),
                _ => {
                    let outputs = &self.activations.outputs[at - 1];
                    Input::Dense(outputs.read(0..outputs.blocks(), 0..batch.len()))
                }
            }
        }
    }

    /// # Safety
    /// As [`Training::step`].
    unsafe fn forward(&self, at: usize, batch: &[u32], dropout: bool) {
        let all = self.activations;
        let output = &all.outputs[at];
        let share = if at + 1 == self.core.program.layers.len() {
            Share {
                blocks: 0..output.blocks(),
                rows: share::rows(self.member, batch.len()),
            }
        } else {
            Share::of(self.member, output.blocks(), batch.len())
        };
        let slopes = self.core.program.layers[at].stores_slopes();
        // SAFETY: what this phase reads was written before the last meeting; shares are disjoint, and
        // nobody else reads this layer's outputs before the next.
        unsafe {
            let outputs = Outputs {
                values: share.write(output),
                slopes: slopes.then(|| share.write(&all.slopes[at])),
                masks: dropout.then_some(&all.masks[..]),
            };
            let input = match self.input_of(at, batch) {
                Input::Dense(view) => Input::Dense(view.within(0..view.blocks, share.rows.clone())),
                Input::Sparse(batch, _) => Input::Sparse(batch, share.rows.start),
            };
            forward::layer(self.core, at, &share, input, outputs);
        }
    }

    /// The slopes of what follows layer `at`.
    ///
    /// # Safety
    /// No thread but this one writes the layer's outputs and slopes in this phase.
    unsafe fn slopes_of(&self, at: usize, share: &Share) -> Slopes<'_> {
        let layer = &self.core.program.layers[at];
        let all = self.activations;
        // SAFETY: the caller's.
        unsafe {
            if layer.is_relu() {
                Slopes::Relu(share.read(&all.outputs[at]))
            } else if layer.stores_slopes() {
                Slopes::Stored(share.read(&all.slopes[at]))
            } else {
                Slopes::One
            }
        }
    }

    /// Losses of this member's rows, and the last layer's delta.
    ///
    /// # Safety
    /// As [`Training::step`].
    unsafe fn loss(&self, batch: &[u32]) {
        let (core, all) = (self.core, self.activations);
        let last = core.program.layers.len().checked_sub(1);
        let logits = last.map_or(all.input.dense(), |last| &all.outputs[last]);
        let delta = &all.deltas[last.unwrap_or(0)];
        let share = Share {
            blocks: 0..logits.blocks(),
            rows: share::rows(self.member, batch.len()),
        };
        let rows = share.rows.clone();
        // SAFETY: the logits of these rows were written by this member; deltas and losses of these
        // rows are its own, and are read after the next meeting.
        let gradient = unsafe {
            LossGradient {
                loss: self.job.loss,
                logits: share.read(logits),
                classes: core.program.outputs,
                targets: &self.job.data.samples.targets,
                samples: &batch[rows.clone()],
                batch_size: batch.len(),
                slopes: last.map_or(Slopes::One, |last| self.slopes_of(last, &share)),
                delta: share.write(delta),
                losses: all.losses.slice_mut(rows),
            }
        };
        dispatch(core.simd, gradient);
    }

    /// The delta of layer `at - 1`, from that of layer `at`.
    ///
    /// # Safety
    /// As [`Training::step`].
    unsafe fn back(&self, at: usize, batch: usize) {
        let (core, all) = (self.core, self.activations);
        let output = &all.deltas[at - 1];
        let share = Share::of(self.member, output.blocks(), batch);
        let outputs = core.program.layers[at].linear.outputs;
        // SAFETY: this phase writes the deltas of layer `at - 1`, in shares, and each member's own
        // scratch; it reads what was written before.
        let gradient = unsafe {
            let delta = &all.deltas[at];
            InputGradient {
                delta: delta.read(0..delta.blocks(), share.rows.clone()),
                outputs,
                weights: core.weights[at].view(),
                first_block: share.blocks.start,
                slopes: self.slopes_of(at - 1, &share),
                output: share.write(output),
                scratch: all.scratch[self.member.index]
                    .slice_mut(0..InputGradient::scratch_len(outputs)),
            }
        };
        dispatch(core.simd, gradient);
    }

    /// Gradients of this member's share of every layer's weights, given to the rule.
    ///
    /// # Safety
    /// As [`Training::step`]; the moments are the rule's.
    pub(super) unsafe fn update(&self, batch: &[u32], rule: Rule, moments: Moments<'_>) {
        for at in (0..self.core.program.layers.len()).rev() {
            // SAFETY: the caller's.
            unsafe { self.update_layer(at, batch, rule, moments) };
        }
    }

    /// This member's share of layer `at`'s weights.
    ///
    /// Rows are shared out in blocks of inputs, so that a tile has one block's.
    pub(super) fn share_of_weights(&self, at: usize) -> Share {
        let inputs = self.core.program.layers[at].linear.inputs;
        Share::in_units(
            self.member,
            self.core.weights[at].blocks(),
            inputs + 1,
            BLOCK,
        )
    }

    /// This share of layer `at`'s weights, with their moments.
    ///
    /// # Safety
    /// While the parts live, no other view and no other part holds any value of them.
    pub(super) unsafe fn parameters<'p>(
        &'p self,
        at: usize,
        share: &Share,
        moments: Moments<'p>,
    ) -> Parameters<'p> {
        // SAFETY: the caller's.
        let write = |matrix: &'p Matrix| unsafe { share.write(matrix) };
        Parameters {
            weights: write(&self.core.weights[at]),
            moments: moments.map(|matrices| matrices.get(at).map(write)),
        }
    }

    /// # Safety
    /// As [`Training::update`].
    unsafe fn update_layer(&self, at: usize, batch: &[u32], rule: Rule, moments: Moments<'_>) {
        let (core, all) = (self.core, self.activations);
        let inputs = core.program.layers[at].linear.inputs;
        let share = self.share_of_weights(at);
        // SAFETY: this phase writes weights and moments, in shares, and each member's own scratch; it
        // reads activations and deltas, written before.
        unsafe {
            let parameters = self.parameters(at, &share, moments);
            let delta = all.deltas[at].read(share.blocks.clone(), 0..batch.len());
            match self.input_of(at, batch) {
                Input::Dense(input) => {
                    let gradient = WeightGradient {
                        input,
                        delta,
                        inputs: share.rows,
                        bias: inputs,
                        rule,
                        parameters,
                    };
                    dispatch(core.simd, gradient);
                }
                Input::Sparse(batch, _) => {
                    let gradient = SparseWeightGradient {
                        columns: all.input.columns(delta.rows),
                        moving: self.moving,
                        batch,
                        delta,
                        scratch: all.scratch[self.member.index].slice_mut(
                            0..SparseWeightGradient::scratch_len(share.rows.len().min(inputs)),
                        ),
                        inputs: share.rows,
                        rule,
                        parameters,
                    };
                    dispatch(core.simd, gradient);
                }
            }
        }
    }
}
