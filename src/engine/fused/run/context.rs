//! The current job of the pool, and the buffers that persist across jobs.

use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{
    activations::Activations,
    clip::{Clipping, StoredGradients},
    inference::{self, Chunk},
    model::Model,
    optimizer::OptimizerBuffers,
    training::{self, Kind, Moments, Training},
};
use crate::engine::fused::{
    kernels::{Rule, WORD},
    memory::{matrix::Matrix, packed::zeros},
    threads::{BrokenBarrier, pool::Worker},
};

/// The state that all workers of a pool share.
pub(crate) struct Context {
    pub(crate) model: Model,
    workers: usize,
    /// Written between jobs, read by every worker during one.
    state: RwLock<State>,
    /// For each worker, buffers for a chunk of inference.
    chunks: Vec<Mutex<Option<Chunk>>>,
}

/// A job for the pool.
pub(crate) enum Job {
    Train(training::Job),
    Infer(inference::Job),
}

struct State {
    job: Option<Job>,
    activations: Activations,
    /// None before the first step.
    optimizer: Option<OptimizerBuffers>,
    /// For each layer; allocated on first use.
    gradients: Vec<Matrix>,
    /// A bitmap of all features.
    all: Vec<u64>,
}

impl Context {
    pub(crate) fn new(model: Model, workers: usize) -> Self {
        let state = State {
            job: None,
            activations: Activations::new(&model.program, workers),
            optimizer: None,
            gradients: Vec::new(),
            all: vec![u64::MAX; model.program.inputs.div_ceil(WORD)],
        };
        Context {
            workers,
            state: RwLock::new(state),
            chunks: (0..workers).map(|_| Mutex::new(None)).collect(),
            model,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the current job, and allocates what it needs.
    pub(crate) fn prepare(&self, mut job: Job) {
        let mut state = self.write();
        if let Job::Train(job) = &mut job {
            state.prepare(&self.model, self.workers, job);
        }
        state.job = Some(job);
    }

    /// Clears the job, whose slices are no longer borrowed.
    pub(crate) fn finish(&self) {
        self.write().job = None;
    }

    /// Calls `show` with the gradients that the last job of that kind stored.
    pub(crate) fn gradients(&self, show: impl FnOnce(&[Matrix])) {
        show(&self.read().gradients);
    }

    /// Calls `show` with the optimiser's buffers, if there are any.
    pub(crate) fn optimizer<T>(&self, show: impl FnOnce(&OptimizerBuffers) -> T) -> Option<T> {
        self.read().optimizer.as_ref().map(show)
    }

    pub(crate) fn set_optimizer(&self, buffers: Option<OptimizerBuffers>) {
        self.write().optimizer = buffers;
    }

    /// One worker's part of the current job.
    pub(crate) fn work(&self, worker: &Worker<'_>) -> Result<(), BrokenBarrier> {
        let state = self.read();
        match &state.job {
            None => Ok(()),
            Some(Job::Infer(job)) => {
                // SAFETY: the slices are borrowed until `Fused::run` returns, which waits for every worker; the engine
                // is held by `&`, so no thread writes the weights.
                unsafe { job.run(&self.model, worker, &self.chunks[worker.index]) };
                Ok(())
            }
            Some(Job::Train(job)) => {
                let training = Training {
                    model: &self.model,
                    worker,
                    job,
                    activations: &state.activations,
                    moments: state.moments(job),
                    clipping: state.clipping(job),
                    active: state.active(job),
                };
                // SAFETY: as above; the engine's lock, held by `Fused::run`, excludes every other job, and weights are
                // written only for a caller that holds the engine by `&mut`.
                unsafe { training.run() }
            }
        }
    }
}

impl State {
    fn prepare(&mut self, model: &Model, workers: usize, job: &mut training::Job) {
        let is_dense = job.data.bitmap.is_none();
        let rows = job.batch_size.min(job.order.len());
        self.activations
            .prepare(&model.program, workers, rows, is_dense);
        match &mut job.kind {
            Kind::Gradient => {
                if self.gradients.is_empty() {
                    self.gradients = zeros(&model.program.parameters);
                }
            }
            Kind::Train {
                optimizer,
                clip_norm,
                steps_done,
                ..
            } => {
                let kind = optimizer.kind();
                if self
                    .optimizer
                    .as_ref()
                    .is_some_and(|memory| memory.kind != kind)
                {
                    self.optimizer = None;
                }
                let memory = self.optimizer.get_or_insert_with(|| {
                    OptimizerBuffers::new(&model.program, kind, 0, [Vec::new(), Vec::new()])
                });
                let rule = Rule::new(optimizer, optimizer.learning_rate(), 1);
                for moment in memory.moments.iter_mut().take(rule.moments()) {
                    if moment.is_empty() {
                        *moment = zeros(&model.program.parameters);
                    }
                }
                if clip_norm.is_some() && memory.stored.is_none() {
                    memory.stored = Some(StoredGradients::new(&model.program));
                }
                match &job.data.bitmap {
                    // Features that were 0 in every sample so far have moments and gradients of 0.
                    Some(bitmap) if rule.skips_inactive() => {
                        let both = memory.active.iter_mut().zip(&bitmap.nonzero);
                        both.for_each(|(active, nonzero)| *active |= nonzero);
                    }
                    _ => memory.active.fill(u64::MAX),
                }
                *steps_done = memory.steps;
                memory.steps += job.order.len().div_ceil(job.batch_size) as u64;
            }
        }
    }

    fn moments(&self, job: &training::Job) -> Moments<'_> {
        match (&job.kind, &self.optimizer) {
            (Kind::Gradient, _) => [&self.gradients, &[]],
            (Kind::Train { .. }, Some(memory)) => memory.moments.each_ref().map(|m| &m[..]),
            (Kind::Train { .. }, None) => [&[], &[]],
        }
    }

    fn clipping(&self, job: &training::Job) -> Option<Clipping<'_>> {
        let Kind::Train { clip_norm, .. } = job.kind else {
            return None;
        };
        Some(Clipping {
            stored: self.optimizer.as_ref()?.stored.as_ref()?,
            max_norm: clip_norm?,
        })
    }

    fn active(&self, job: &training::Job) -> &[u64] {
        match (&job.kind, &self.optimizer) {
            (Kind::Train { .. }, Some(memory)) => &memory.active,
            _ => &self.all,
        }
    }
}
