//! The tables of embeddings: the rows that a batch reads are brought up to date before it reads them, and updated after.

use super::{Moments, Training, update::parameters};
use crate::engine::fused::{
    kernels::{CatchUp, Rule, TableGradient, dispatch},
    memory::matrix::{BLOCK, Matrix},
    program::Embedding,
    run::{model::Model, pending::Pending},
    threads::{partition::Partition, pool::Worker},
};

/// The steps that the rows of a worker's partition of a table have yet to take.
pub(crate) struct TableSteps<'a> {
    pub(crate) model: &'a Model,
    pub(crate) worker: &'a Worker<'a>,
    pub(crate) embedding: &'a Embedding,
    pub(crate) moments: Moments<'a>,
    pub(crate) pending: &'a Pending,
}

/// A worker's partition of the table of an embedding, without the row of the bias that it lacks.
pub(crate) fn table_partition(
    model: &Model,
    worker: &Worker<'_>,
    embedding: &Embedding,
) -> Partition {
    let table = &model.weights[embedding.weights];
    let Partition { blocks, rows } =
        Partition::in_units(worker, table.blocks(), table.rows(), BLOCK);
    let end = rows.end.min(embedding.vocabulary);
    Partition {
        blocks,
        rows: rows.start.min(end)..end,
    }
}

impl TableSteps<'_> {
    /// Takes the first `count` steps with the rows of these tokens, which are in the worker's partition.
    ///
    /// # Safety
    /// No other thread reads or writes the worker's partition of the table and its moments until this returns.
    pub(crate) unsafe fn catch_up(&self, tokens: &[u32], count: usize) {
        let weights = self.embedding.weights;
        let partition = table_partition(self.model, self.worker, self.embedding);
        let applied = &self.pending.applied[weights];
        // all blocks of a row have taken the same steps
        let counts = Pending::counts(self.embedding, partition.blocks.start, &partition.rows);
        // SAFETY: guaranteed by the caller; the counts of a row belong to the worker that has the row.
        unsafe {
            let catch_up = CatchUp {
                tokens,
                first: partition.rows.start,
                rules: &self.pending.rules[..count],
                applied: applied.slice(counts),
                parameters: parameters(self.model, weights, &partition, self.moments),
            };
            dispatch(self.model.simd, catch_up);
        }
    }

    /// Takes all steps with all rows.
    ///
    /// # Safety
    /// As [`TableSteps::catch_up`].
    pub(crate) unsafe fn catch_up_all(&self) {
        let partition = table_partition(self.model, self.worker, self.embedding);
        let tokens: Vec<u32> = partition.rows.map(|token| token as u32).collect();
        // SAFETY: guaranteed by the caller.
        unsafe { self.catch_up(&tokens, self.pending.rules.len()) };
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
            let rows = table_partition(self.model, self.worker, embedding).rows;
            let mut tokens = self.activations.tokens(embedding, self.worker);
            let data = &self.job.data.samples;
            tokens.list(embedding, data, program.inputs, batch, &rows);
            if let Some((steps, (_, first))) = self.table_steps(embedding).zip(self.pending) {
                // SAFETY: no worker reads the table in this phase, and each writes its own partition.
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
        let partition = table_partition(model, self.worker, embedding);
        let tokens = self.activations.tokens(embedding, self.worker);
        let rows = 0..samples * embedding.gradient_rows();
        // SAFETY: this phase writes weights, moments and stored gradients, in partitions; it reads deltas, written before.
        unsafe {
            if rule == Rule::Store {
                let mut gradients = partition.write(&moments[0][embedding.weights]);
                for block in 0..gradients.blocks {
                    (0..gradients.rows).for_each(|row| gradients.row(block, row).fill(0.0));
                }
            }
            let columns = partition.blocks.clone();
            let gradient = TableGradient {
                occurrences: tokens.occurrences(),
                delta: delta.read(columns.clone(), rows.clone()),
                winners: winners.map(|winners| winners.read(columns, rows)),
                first: partition.rows.start,
                rule,
                parameters: parameters(model, embedding.weights, &partition, moments),
            };
            dispatch(model.simd, gradient);
            if let Some((pending, first)) = self.pending {
                let applied = &pending.applied[embedding.weights];
                for block in partition.blocks {
                    let counts = Pending::counts(embedding, block, &partition.rows);
                    let applied = applied.slice_mut(counts);
                    for &token in tokens.tokens() {
                        applied[token as usize - partition.rows.start] = (first + index + 1) as u32;
                    }
                }
            }
        }
    }
}
