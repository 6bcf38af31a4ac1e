//! The current job of the pool, and the buffers that persist across jobs.

use std::sync::{
    Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicBool, Ordering},
};

use super::{
    activations::Activations,
    clip::Squares,
    gradients::StoredGradients,
    inference::{self, Chunk},
    model::Model,
    optimizer::OptimizerBuffers,
    pending::{self, Pending},
    training::{self, Kind, Moments, Stored, TableSteps, Training},
};
use crate::engine::{
    Ranks, Run,
    fused::{
        kernels::{Rule, WORD},
        memory::{matrix::Matrix, packed},
        threads::{BrokenBarrier, pool::Worker},
    },
};

/// The state that all workers of a pool share.
pub(crate) struct Context {
    pub(crate) model: Model,
    workers: usize,
    /// Written between jobs, read by every worker during one.
    state: RwLock<State>,
    /// Whether no step of the optimiser is [pending]: weights and moments are up to date.
    is_settled: AtomicBool,
    /// For each worker, buffers for a chunk of inference.
    chunks: Vec<Mutex<Option<Chunk>>>,
}

/// A job for the pool.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and boxing it would allocate in every run of batches"
)]
pub(crate) enum Job {
    Train(training::Job),
    Infer(inference::Job),
    /// The steps that rows of tables have yet to take.
    Settle,
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
            activations: Activations::new(&model.program),
            optimizer: None,
            gradients: Vec::new(),
            all: vec![u64::MAX; model.program.inputs.div_ceil(WORD)],
        };
        Context {
            workers,
            state: RwLock::new(state),
            is_settled: AtomicBool::new(true),
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
            let is_settled = state.pending(job).is_none();
            self.is_settled.fetch_and(is_settled, Ordering::Relaxed);
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

    /// Replaces the optimiser's buffers, when the weights have been replaced as well.
    pub(crate) fn set_optimizer(&self, buffers: Option<OptimizerBuffers>) {
        self.write().optimizer = buffers;
        self.is_settled.store(true, Ordering::Release);
    }

    /// Whether weights and moments are up to date: if not, only a training run may read them.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Acquire)
    }

    /// Forgets the pending steps, which a [`Job::Settle`] has taken.
    pub(crate) fn set_settled(&self) {
        if let Some(memory) = &mut self.write().optimizer {
            memory.pending.clear();
        }
        self.is_settled.store(true, Ordering::Release);
    }

    /// Whether pending steps must be taken before this run: its steps are not of the kind that can be pending, or the list
    /// is long.
    pub(crate) fn must_settle_before(&self, run: &Run<'_>, ranks: &Ranks) -> bool {
        let kind = run.optimizer.kind();
        let moments = Rule::new(run.optimizer, run.optimizer.learning_rate(), 1).moments();
        let must = self.optimizer(|memory| {
            let rules = &memory.pending.rules;
            let is_long = rules.len() >= pending::MAX_STEPS;
            // SGD with or without momentum
            let keeps_others = rules.last().is_some_and(|rule| rule.moments() != moments);
            let is_stored = run.clip_norm.is_some() || ranks.exchange().is_some();
            is_stored || memory.kind != kind || is_long || keeps_others
        });
        must.unwrap_or(false)
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
            Some(Job::Settle) => {
                for embedding in &self.model.program.embeddings {
                    let Some(memory) = &state.optimizer else {
                        continue;
                    };
                    let steps = TableSteps {
                        model: &self.model,
                        worker,
                        embedding,
                        moments: memory.moments.each_ref().map(|m| &m[..]),
                        pending: &memory.pending,
                    };
                    // SAFETY: tables are partitioned among the workers; all other threads read them only once they are
                    // settled, see `Fused::settle`.
                    unsafe { steps.catch_up_all() };
                }
                Ok(())
            }
            Some(Job::Train(job)) => {
                let training = Training {
                    model: &self.model,
                    worker,
                    job,
                    activations: &state.activations,
                    moments: state.moments(job),
                    stored: state.stored(job),
                    active: state.active(job),
                    pending: state.pending(job),
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
        let whole = job.batch_size.min(job.order.len());
        let rows = match &job.kind {
            Kind::Gradient => whole,
            Kind::Train { ranks, .. } => ranks.largest_part(whole),
        };
        self.activations
            .prepare(&model.program, workers, rows, is_dense);
        let stores_gradients = job.kind.stores_gradients();
        match &mut job.kind {
            Kind::Gradient => {
                if self.gradients.is_empty() {
                    self.gradients = packed::zeros(&model.program.parameters);
                }
            }
            Kind::Train {
                optimizer,
                schedule,
                total_steps,
                first_step,
                clip_norm,
                ranks,
                steps_done,
                ..
            } => {
                let steps = job.order.len().div_ceil(job.batch_size);
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
                let moments = memory.moments.iter_mut().enumerate();
                for (index, moment) in moments.take(rule.moments()) {
                    if moment.is_empty() {
                        // SAFETY: the workers wait for this job, and whoever trains holds the engine by `&mut`.
                        *moment = unsafe { packed::moments(&model.program, &model.weights, index) };
                    }
                }
                if stores_gradients {
                    let stored = memory.stored.take();
                    let stored = stored.filter(|stored| stored.ranks == ranks.count());
                    let new = || StoredGradients::new(&model.program, ranks);
                    let stored = memory.stored.insert(stored.unwrap_or_else(new));
                    let squares = || Squares::new(&stored.gradients);
                    clip_norm.map(|_| memory.squares.get_or_insert_with(squares));
                }
                match &job.data.bitmap {
                    // Features that were 0 in every sample so far have moments and gradients of 0.
                    Some(bitmap) if rule.skips_inactive() => {
                        let both = memory.active.iter_mut().zip(&bitmap.union);
                        both.for_each(|(active, nonzero)| *active |= nonzero);
                    }
                    _ => memory.active.fill(u64::MAX),
                }
                *steps_done = memory.steps;
                memory.steps += steps as u64;
                if !stores_gradients && !model.program.embeddings.is_empty() {
                    let rules = (0..steps as u64).map(|index| {
                        let peak = optimizer.learning_rate();
                        let step = *first_step + index;
                        let rate = schedule.learning_rate(peak, step, *total_steps);
                        Rule::new(optimizer, rate, *steps_done + index + 1)
                    });
                    memory.pending.extend(rules);
                }
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

    /// The buffers of gradients that are stored before the optimiser uses them, if the job's are.
    fn stored<'a>(&'a self, job: &'a training::Job) -> Option<Stored<'a>> {
        let Kind::Train {
            clip_norm, ranks, ..
        } = &job.kind
        else {
            return None;
        };
        let memory = self.optimizer.as_ref()?;
        let stored = memory.stored.as_ref();
        Some(Stored {
            gradients: stored.filter(|_| job.kind.stores_gradients())?,
            exchange: ranks.exchange(),
            clipping: memory.squares.as_ref().zip(*clip_norm),
        })
    }

    /// The pending steps, which end with those of the job, and the number of those before.
    fn pending(&self, job: &training::Job) -> Option<(&Pending, usize)> {
        let pending = &self.optimizer.as_ref()?.pending;
        if matches!(job.kind, Kind::Gradient) || job.kind.stores_gradients() {
            return None;
        }
        let steps = job.order.len().div_ceil(job.batch_size);
        Some((pending, pending.rules.len().checked_sub(steps)?))
    }

    fn active(&self, job: &training::Job) -> &[u64] {
        match (&job.kind, &self.optimizer) {
            (Kind::Train { .. }, Some(memory)) => &memory.active,
            _ => &self.all,
        }
    }
}
