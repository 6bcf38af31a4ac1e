//! What an engine's team works on: the job at hand, and the buffers that live from job to job.

use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{
    Core,
    activations::Activations,
    clip::{Clipping, Stored},
    inference::{self, Chunk},
    kernels::{Rule, WORD},
    matrix::Matrix,
    program::Program,
    team::{Broken, Member},
    training::{self, Kind, Moments, Training},
};
use crate::train::OptimizerKind;

/// What all members of a team see.
pub(super) struct Context {
    pub(super) core: Core,
    members: usize,
    /// Written between jobs, read by every member during one.
    state: RwLock<State>,
    /// For each member, room for its chunks of inference.
    chunks: Vec<Mutex<Option<Chunk>>>,
}

/// What a team is to do.
pub(super) enum Job {
    Train(training::Job),
    Infer(inference::Job),
}

struct State {
    job: Option<Job>,
    activations: Activations,
    /// The optimiser's, once there has been one.
    memory: Option<Memory>,
    /// For each layer; made when first asked for.
    gradients: Vec<Matrix>,
    /// A bitmap of all features.
    all: Vec<u64>,
}

/// What an optimiser remembers.
pub(super) struct Memory {
    pub(super) kind: OptimizerKind,
    /// For each moment that it keeps, a matrix for each layer.
    pub(super) moments: [Vec<Matrix>; 2],
    /// Steps taken with these moments.
    pub(super) steps: u64,
    /// The features of the input whose moments may be other than 0.
    moving: Vec<u64>,
    /// Made when gradients are first clipped.
    stored: Option<Stored>,
}

impl Memory {
    /// After `steps` steps. Features whose moments are all 0 have rested so far.
    pub(super) fn new(
        program: &Program,
        kind: OptimizerKind,
        steps: u64,
        moments: [Vec<Matrix>; 2],
    ) -> Self {
        let mut moving = vec![0; program.inputs.div_ceil(WORD)];
        for first in moments.iter().filter_map(|moment| moment.first()) {
            // SAFETY: the moments are held by value.
            let view = unsafe { first.view() };
            for feature in 0..view.rows - 1 {
                let mut blocks = 0..view.blocks;
                if blocks.any(|block| view.row(block, feature).iter().any(|&value| value != 0.0)) {
                    moving[feature / WORD] |= 1 << (feature % WORD);
                }
            }
        }
        Memory {
            kind,
            moments,
            steps,
            moving,
            stored: None,
        }
    }
}

impl Context {
    pub(super) fn new(core: Core, members: usize) -> Self {
        let state = State {
            job: None,
            activations: Activations::new(&core.program, members),
            memory: None,
            gradients: Vec::new(),
            all: vec![u64::MAX; core.program.inputs.div_ceil(WORD)],
        };
        Context {
            members,
            state: RwLock::new(state),
            chunks: (0..members).map(|_| Mutex::new(None)).collect(),
            core,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places a job, with room for all that it needs.
    pub(super) fn prepare(&self, mut job: Job) {
        let mut state = self.write();
        if let Job::Train(job) = &mut job {
            state.prepare(&self.core, self.members, job);
        }
        state.job = Some(job);
    }

    /// Takes the job away, which was lent what it reads.
    pub(super) fn finish(&self) {
        self.write().job = None;
    }

    /// Shows the gradients that the last job of that kind stored.
    pub(super) fn gradients(&self, show: impl FnOnce(&[Matrix])) {
        show(&self.read().gradients);
    }

    /// Shows what the optimiser remembers, once there has been one.
    pub(super) fn memory<T>(&self, show: impl FnOnce(&Memory) -> T) -> Option<T> {
        self.read().memory.as_ref().map(show)
    }

    pub(super) fn set_memory(&self, memory: Option<Memory>) {
        self.write().memory = memory;
    }

    /// One member's part of the job at hand.
    pub(super) fn work(&self, member: &Member<'_>) -> Result<(), Broken> {
        let state = self.read();
        match &state.job {
            None => Ok(()),
            Some(Job::Infer(job)) => {
                // SAFETY: the slices are lent until `Fused::run` returns, which waits for every member;
                // the engine is held by `&`, so nobody writes the weights.
                unsafe { job.run(&self.core, member, &self.chunks[member.index]) };
                Ok(())
            }
            Some(Job::Train(job)) => {
                let training = Training {
                    core: &self.core,
                    member,
                    job,
                    activations: &state.activations,
                    moments: state.moments(job),
                    clipping: state.clipping(job),
                    moving: state.moving(job),
                };
                // SAFETY: as above; the engine's lock, held by `Fused::run`, keeps out every other job,
                // and weights are written only for a caller that holds the engine by `&mut`.
                unsafe { training.run() }
            }
        }
    }
}

impl State {
    fn prepare(&mut self, core: &Core, members: usize, job: &mut training::Job) {
        let is_dense = job.data.bitmap.is_none();
        let rows = job.batch_size.min(job.order.len());
        self.activations
            .prepare(&core.program, members, rows, is_dense);
        match &mut job.kind {
            Kind::Gradient => {
                if self.gradients.is_empty() {
                    self.gradients = zeros(core);
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
                    .memory
                    .as_ref()
                    .is_some_and(|memory| memory.kind != kind)
                {
                    self.memory = None;
                }
                let memory = self.memory.get_or_insert_with(|| {
                    Memory::new(&core.program, kind, 0, [Vec::new(), Vec::new()])
                });
                let rule = Rule::new(optimizer, optimizer.learning_rate(), 1);
                for moment in memory.moments.iter_mut().take(rule.moments()) {
                    if moment.is_empty() {
                        *moment = zeros(core);
                    }
                }
                if clip_norm.is_some() && memory.stored.is_none() {
                    memory.stored = Some(Stored::new(core));
                }
                match &job.data.bitmap {
                    // Features that no sample has lit, ever, have moments of 0 and gradients of 0.
                    Some(bitmap) if rule.rests() => {
                        let both = memory.moving.iter_mut().zip(&bitmap.lit);
                        both.for_each(|(moving, lit)| *moving |= lit);
                    }
                    _ => memory.moving.fill(u64::MAX),
                }
                *steps_done = memory.steps;
                memory.steps += job.order.len().div_ceil(job.batch_size) as u64;
            }
        }
    }

    fn moments(&self, job: &training::Job) -> Moments<'_> {
        match (&job.kind, &self.memory) {
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
            stored: self.memory.as_ref()?.stored.as_ref()?,
            max_norm: clip_norm?,
        })
    }

    fn moving(&self, job: &training::Job) -> &[u64] {
        match (&job.kind, &self.memory) {
            (Kind::Train { .. }, Some(memory)) => &memory.moving,
            _ => &self.all,
        }
    }
}

/// A matrix of zeros for each layer's parameters.
pub(super) fn zeros(core: &Core) -> Vec<Matrix> {
    let layers = core.program.layers.iter();
    layers
        .map(|layer| Matrix::zeros(layer.linear.inputs + 1, layer.linear.outputs))
        .collect()
}
