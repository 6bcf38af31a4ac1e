//! The intermediate results of a training step.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    images::ImageBuffers, input::InputBuffer, tokens::TokenIndex, whole_batch::WholeBatch,
};
use crate::{
    engine::fused::{
        kernels::{InputGradient, SampleNumbers, SparseWeightGradient},
        memory::{bytes::Bytes, matrix::Matrix, shared::Shared},
        program::{Embedding, LayerOp, PRelu, Program},
        threads::pool::Worker,
    },
    plan::Pooling,
};

/// The buffers of one batch of at most `capacity` samples.
#[derive(Debug)]
pub(crate) struct Activations {
    capacity: usize,
    /// The vectors' input: samples, or flattened images.
    pub(crate) input: InputBuffer,
    /// If the network has any.
    pub(crate) images: Option<ImageBuffers>,
    /// For each layer, `[B, O]`.
    pub(crate) outputs: Vec<Matrix>,
    /// For each layer, `[B, O]`; empty where the derivatives are computed from the outputs.
    pub(crate) derivatives: Vec<Matrix>,
    /// For each layer, `[B, O]`; for a network without layers, one for the logits.
    pub(crate) deltas: Vec<Matrix>,
    /// For each dropout, `[B, width]`; empty for those of images.
    pub(crate) masks: Vec<Matrix>,
    /// For each batch normalisation, the mean and the variance of the batch, `[2, C]`.
    pub(crate) norms: Vec<Matrix>,
    /// For each batch normalisation, its sums over all ranks; a process that trains alone does not use them.
    pub(crate) whole_batches: Vec<WholeBatch>,
    /// For each layer, the gradient of its weights, as [packed](crate::engine::fused::memory::packed); empty without weights,
    /// and of a `Linear` or an embedding, whose gradient is not stored here.
    pub(crate) gradients: Vec<Matrix>,
    /// For each layer, sums over the samples for the gradient of its slopes, `[1, O]`; empty where it is no parametric ReLU.
    pub(crate) column_sums: Vec<Matrix>,
    /// For each layer, the numbers of each sample; empty where it is no layer normalisation.
    pub(crate) sample_numbers: Vec<Shared<SampleNumbers>>,
    /// For each layer, the token that has the maximum, `[B, O]`; empty where it is no maximum of embeddings.
    pub(crate) winners: Vec<Matrix>,
    /// For each embedding, for each worker, which samples have each token of the worker's rows.
    tokens: Vec<Vec<Mutex<TokenIndex>>>,
    /// The loss of each sample.
    pub(crate) losses: Shared<f32>,
    /// One for each worker.
    pub(crate) scratch: Vec<Shared<f32>>,
}

/// Without the lists of tokens, which grow with the batches that are read.
impl Bytes for Activations {
    fn bytes(&self) -> usize {
        self.input.bytes()
            + self.images.as_ref().map_or(0, Bytes::bytes)
            + self.outputs.bytes()
            + self.derivatives.bytes()
            + self.deltas.bytes()
            + self.masks.bytes()
            + self.norms.bytes()
            + self.gradients.bytes()
            + self.column_sums.bytes()
            + self.sample_numbers.bytes()
            + self.winners.bytes()
            + self.losses.bytes()
            + self.scratch.bytes()
    }
}

impl Activations {
    /// Buffers for no samples, to be [prepared](Activations::prepare): without those of the workers, which are large for images.
    pub(crate) fn new(program: &Program) -> Self {
        Self::with_capacity(program, 0, 0, true)
    }

    pub(crate) fn with_capacity(
        program: &Program,
        workers: usize,
        capacity: usize,
        is_dense: bool,
    ) -> Self {
        let of = |width: usize| Matrix::zeros(capacity, width);
        let outputs = || program.layers.iter().map(|layer| layer.outputs);
        let derivatives = program
            .layers
            .iter()
            .map(|layer| match layer.stores_derivatives() {
                true => of(layer.outputs),
                false => Matrix::zeros(0, 0),
            });
        // The gradient of the vectors' input is computed only for images.
        let first = usize::from(program.images.is_none());
        let back = outputs().skip(first).map(InputGradient::scratch_len).max();
        let sparse = match is_dense {
            true => 0,
            false => SparseWeightGradient::scratch_len(program.inputs),
        };
        let mask = program.dropouts.iter().map(|dropout| dropout.width).max();
        let scratch = back.max(mask).max(Some(sparse)).unwrap_or(0);
        let mut deltas: Vec<Matrix> = outputs().map(of).collect();
        if deltas.is_empty() {
            deltas.push(of(program.outputs));
        }
        let norms = program.norms.iter();
        let whole_batches = norms.clone().map(|norm| WholeBatch::new(norm.channels));
        let gradients = program.layers.iter().map(|layer| match layer.op {
            LayerOp::Norm(_) | LayerOp::LayerNorm { .. } => Matrix::zeros(2, layer.outputs),
            LayerOp::PRelu(PRelu { slopes, .. }) => Matrix::zeros(2, slopes),
            LayerOp::Linear { .. }
            | LayerOp::Embedding(_)
            | LayerOp::Sum
            | LayerOp::Dot
            | LayerOp::OneHot { .. }
            | LayerOp::Narrow { .. }
            | LayerOp::Concat => Matrix::zeros(0, 0),
        });
        let winners = program.layers.iter().map(|layer| match layer.op {
            LayerOp::Embedding(embedding) if embedding.pools_by(Pooling::Max) => of(layer.outputs),
            _ => Matrix::zeros(0, 0),
        });
        let tokens = program.embeddings.iter();
        let tokens = tokens.map(|_| (0..workers).map(|_| Mutex::default()).collect());
        let column_sums = program.layers.iter().map(|layer| match layer.op {
            LayerOp::PRelu(_) => Matrix::zeros(1, layer.outputs),
            _ => Matrix::zeros(0, 0),
        });
        let sample_numbers = program.layers.iter().map(|layer| match layer.op {
            LayerOp::LayerNorm { .. } => Shared::zeros(capacity),
            _ => Shared::zeros(0),
        });
        Activations {
            capacity,
            input: InputBuffer::new(capacity, program, is_dense),
            images: program
                .images
                .as_ref()
                .map(|images| ImageBuffers::new(program, images, workers, capacity)),
            outputs: outputs().map(of).collect(),
            derivatives: derivatives.collect(),
            deltas,
            masks: program
                .dropouts
                .iter()
                .map(|dropout| match dropout.image {
                    Some(_) => Matrix::zeros(0, 0),
                    None => of(dropout.width),
                })
                .collect(),
            norms: norms.map(|norm| Matrix::zeros(2, norm.channels)).collect(),
            whole_batches: whole_batches.collect(),
            gradients: gradients.collect(),
            column_sums: column_sums.collect(),
            sample_numbers: sample_numbers.collect(),
            winners: winners.collect(),
            tokens: tokens.collect(),
            losses: Shared::zeros(capacity),
            scratch: (0..workers).map(|_| Shared::zeros(scratch)).collect(),
        }
    }

    /// Which samples have each token of a worker's rows of the table of an embedding.
    pub(crate) fn tokens(
        &self,
        embedding: &Embedding,
        worker: &Worker<'_>,
    ) -> MutexGuard<'_, TokenIndex> {
        let index = &self.tokens[embedding.index][worker.index];
        index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allocates buffers for `rows` samples of a dense or a sparse data set.
    pub(crate) fn prepare(
        &mut self,
        program: &Program,
        workers: usize,
        rows: usize,
        is_dense: bool,
    ) {
        if self.capacity < rows || self.input.is_dense() != is_dense {
            *self = Self::with_capacity(program, workers, rows.max(self.capacity), is_dense);
        }
    }
}
