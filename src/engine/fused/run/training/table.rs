//! The tables of embeddings: the rows that a batch reads are brought up to date before it reads them, and updated after.

use super::{Moments, Training, update::parameters};
use crate::engine::fused::{
    kernels::{CatchUp, OwnTokens, Rule, TableGradient, dispatch},
    memory::matrix::Matrix,
    program::Embedding,
    run::{model::Model, pending::Pending},
    threads::{partition::Partition, pool::Worker},
};

/// The steps that a worker's rows of a table have yet to take.
pub(crate) struct TableSteps<'a> {
    pub(crate) model: &'a Model,
    pub(crate) worker: &'a Worker<'a>,
    pub(crate) embedding: &'a Embedding,
    pub(crate) moments: Moments<'a>,
    pub(crate) pending: &'a Pending,
}

impl TableSteps<'_> {
    /// Takes the first `count` steps with the rows of these tokens, which are the worker's.
    ///
    /// # Safety
    /// No other thread reads or writes these rows of the table and its moments, and none writes counts of steps, until this
    /// returns.
    pub(crate) unsafe fn catch_up(&self, tokens: &[u32], count: usize) {
        let weights = self.embedding.weights;
        let applied = &self.pending.applied[weights];
        // SAFETY: guaranteed by the caller.
        unsafe {
            let catch_up = CatchUp {
                tokens,
                rules: &self.pending.rules[..count],
                decays: self.pending.decays,
                applied: applied.slice(0..applied.len()),
                parameters: parameters(self.model, weights, &self.table(), self.moments),
            };
            dispatch(self.model.simd, catch_up);
        }
    }

    /// Takes all steps with all of the worker's rows.
    ///
    /// # Safety
    /// As [`TableSteps::catch_up`].
    pub(crate) unsafe fn catch_up_all(&self) {
        let tokens =
            OwnTokens::of(self.worker.index, self.worker.count).below(self.embedding.vocabulary);
        let tokens: Vec<u32> = tokens.collect();
        // SAFETY: guaranteed by the caller.
        unsafe { self.catch_up(&tokens, self.pending.rules.len()) };
    }

    fn table(&self) -> Partition {
        table(self.model, self.embedding)
    }
}

/// The table of an embedding, without the row of the bias that it lacks.
fn table(model: &Model, embedding: &Embedding) -> Partition {
    Partition {
        blocks: 0..model.weights[embedding.weights].blocks(),
        rows: 0..embedding.vocabulary,
    }
}

impl Training<'_> {
    /// The steps that rows of a table have yet to take, unless every step is taken with all rows.
    fn table_steps<'b>(&'b self, embedding: &'b Embedding) -> Option<TableSteps<'b>> {
        Some(TableSteps {
            model: self.model,
            worker: self.worker,
            embedding,
            moments: self.moments,
            pending: self.pending?.0,
        })
    }

    /// Lists the samples that have each token of this worker's rows of the tables, and brings these rows up to date.
    ///
    /// # Safety
    /// As [`Training::step`], whose batch `index` this is.
    pub(super) unsafe fn read_tokens(&self, index: usize, batch: &[u32]) {
        let program = &self.model.program;
        for embedding in &program.embeddings {
            let own = OwnTokens::of(self.worker.index, self.worker.count);
            let mut tokens = self.activations.tokens(embedding, self.worker);
            let data = &self.job.data.samples;
            tokens.list(self.model.simd, embedding, data, program.inputs, batch, own);
            if let Some((steps, (_, first))) = self.table_steps(embedding).zip(self.pending) {
                // SAFETY: no worker reads other rows than its own in this phase, or writes counts.
                unsafe { steps.catch_up(tokens.tokens(), first + index) };
            }
        }
    }

    /// Updates this worker's rows of a table by the gradients of those that the batch has read: by the gradient of the
    /// outputs and, for a maximum, the tokens that have it. `index` is the step of the job, with that many samples.
    ///
    /// # Safety
    /// As [`Training::update`].
    pub(super) unsafe fn update_table(
        &self,
        embedding: &Embedding,
        (delta, winners): (&Matrix, Option<&Matrix>),
        (index, samples): (usize, usize),
        rule: Rule,
        moments: Moments<'_>,
    ) {
        let model = self.model;
        let table = table(model, embedding);
        let tokens = self.activations.tokens(embedding, self.worker);
        let rows = 0..samples * embedding.gradient_rows();
        // SAFETY: this phase writes weights, moments and stored gradients, each worker those of its own tokens; it reads
        // deltas, written before.
        unsafe {
            if rule == Rule::Store {
                let mut gradients = table.write(&moments[0][embedding.weights]);
                for token in
                    OwnTokens::of(self.worker.index, self.worker.count).below(embedding.vocabulary)
                {
                    (0..gradients.blocks).for_each(|b| gradients.row(b, token as usize).fill(0.0));
                }
            }
            let columns = table.blocks.clone();
            let gradient = TableGradient {
                occurrences: tokens.occurrences(),
                delta: delta.read(columns.clone(), rows.clone()),
                winners: winners.map(|winners| winners.read(columns, rows)),
                rule,
                parameters: parameters(model, embedding.weights, &table, moments),
            };
            dispatch(model.simd, gradient);
            if let Some((pending, first)) = self.pending {
                let applied = &pending.applied[embedding.weights];
                for &token in tokens.tokens() {
                    let at = token as usize;
                    applied.slice_mut(at..at + 1)[0] = (first + index + 1) as u32;
                }
            }
        }
    }
}
