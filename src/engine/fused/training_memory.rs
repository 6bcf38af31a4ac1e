//! [`TrainingMemory`]: the memory of a training, predicted from the network's type and the size of the training.

use std::fmt;

use super::{
    Fused, Processor,
    kernels::WORD,
    memory::{bytes::Bytes, matrix::Matrix},
    program::{self, Program, SAMPLES},
    run::{activations::Activations, images::group_count, pending},
};
use crate::{
    engine::rule::Rule,
    network::Network,
    objective::{Adam, Optimizer},
    plan::Step,
    shape::Shape,
};

/// What the memory of a training with [`Fused`] depends on, beside the network's type; see [`Fused::training_memory`].
#[derive(Clone, Debug)]
pub struct TrainingSize {
    /// The number of samples of the data set.
    pub samples: usize,
    /// The number of samples of a batch.
    pub batch_size: usize,
    /// Of a feature: 1 in a data set of bytes, 4 in one of `f32`.
    pub feature_bytes: usize,
    /// Of a sample's target: 1 for a label.
    pub target_bytes: usize,
    /// Whether less than 45 % of the features are not 0: then [`Fused`] skips the others, if the network begins with a `Linear`.
    pub is_sparse: bool,
    /// The optimiser, which has up to two moments.
    pub optimizer: Optimizer,
    /// Whether gradients are clipped, for which they are stored.
    pub clips: bool,
    /// The threads, each with memory of its own.
    pub processor: Processor,
}

impl TrainingSize {
    /// So many images of digits, as bytes with a label each, that [`Adam`] learns on all cores.
    pub fn new(samples: usize, batch_size: usize) -> Self {
        TrainingSize {
            samples,
            batch_size,
            feature_bytes: 1,
            target_bytes: 1,
            is_sparse: true,
            optimizer: Adam::default().into(),
            clips: false,
            processor: Processor::detect(),
        }
    }
}

/// The memory of a training with [`Fused`], in bytes; see [`Fused::training_memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrainingMemory {
    /// The parameters, each layer's in whole blocks of 16 outputs; of tables, with their moments.
    pub weights: usize,
    /// The moments of the optimiser, as the weights.
    pub moments: usize,
    /// The gradients, if they are clipped; else they are not stored.
    pub gradients: usize,
    /// What a batch needs from the forward pass to the update: activations and their gradients, and the memory of each thread.
    pub batch: usize,
    /// Features and targets of the data set.
    pub samples: usize,
    /// The bitmap of the features that are not 0: of a data set of `f32`, an eighth of a byte for each feature. Bytes are compared
    /// with 0 as they are read; if less than 1 in 64 is not 0, they have a bitmap, too, which is not counted here.
    pub bitmap: usize,
    /// The order of the samples in an epoch: four bytes for each.
    pub order: usize,
}

impl TrainingMemory {
    /// All of it.
    pub fn total(&self) -> usize {
        self.weights
            + self.moments
            + self.gradients
            + self.batch
            + self.samples
            + self.bitmap
            + self.order
    }
}

/// One line, in megabytes.
impl fmt::Display for TrainingMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("weights", self.weights),
            ("moments", self.moments),
            ("gradients", self.gradients),
            ("batch", self.batch),
            ("samples", self.samples),
            ("bitmap", self.bitmap),
            ("order", self.order),
        ];
        let megabytes = |bytes: usize| bytes as f64 / 1e6;
        write!(f, "{:.1} MB: ", megabytes(self.total()))?;
        for (at, (name, bytes)) in parts.into_iter().filter(|part| part.1 > 0).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {:.1}", megabytes(bytes))?;
        }
        Ok(())
    }
}

impl<N: Network> Fused<N> {
    /// The memory that training takes, from the sizes of the engine's own buffers; nothing is allocated but those of a few
    /// samples. A process has it at its peak, beside a few megabytes for the program and the stacks of its threads.
    ///
    /// It is that of a data set that is already there: reading a file may take more. A `Trainer` copies the parameters once more
    /// at the end, to check them, and keeps the best ones for early stopping: `4 * N::PARAMS` bytes each. With embeddings, the
    /// list of a batch's tokens is included at its longest.
    ///
    /// ```
    /// use tuplenet::{engine::{Processor, TrainingSize}, prelude::*};
    ///
    /// type Net = (Linear<784, 128>, ReLU, Linear<128, 10>);
    /// let size = TrainingSize {
    ///     processor: Processor::detect().threads(2),
    ///     ..TrainingSize::new(8_000_000, 64)
    /// };
    /// let memory = Fused::<Net>::training_memory(&size);
    /// assert_eq!(memory.samples, 8_000_000 * (784 + 1));
    /// assert_eq!(memory.bitmap, 104); // 13 words of 64 bits, the union of those of all samples
    /// assert_eq!(memory.weights, 4 * (785 * 128 + 129 * 16));
    /// assert_eq!(memory.total() / 1_000_000, 6_314);
    /// ```
    pub fn training_memory(size: &TrainingSize) -> TrainingMemory {
        let program = Program::new(&N::PLAN, N::In::LEN);
        let steps = || program.parameters.iter();
        let sum = |of: fn(&Step) -> usize| 4 * steps().map(of).sum::<usize>();
        let moments = Rule::new(&size.optimizer, 1.0, 1).moments();
        let words = N::In::LEN.div_ceil(WORD);
        let skips_zeros = size.is_sparse && program.takes_bitmaps && N::In::LEN >= WORD;
        let stored = match size.feature_bytes {
            1 => 0,
            _ => size.samples,
        };
        let batch_size = size.batch_size.min(size.samples);
        TrainingMemory {
            weights: sum(|step| matrix(step) + table(step)),
            moments: moments * sum(matrix),
            gradients: match size.clips {
                true => sum(gradient),
                false => 0,
            },
            batch: batch(&program, size.processor.threads, batch_size, !skips_zeros),
            samples: size.samples * (N::In::LEN * size.feature_bytes + size.target_bytes),
            bitmap: match skips_zeros {
                true => (stored + 1) * words * size_of::<u64>(),
                false => 0,
            },
            order: size.samples * size_of::<u32>(),
        }
    }
}

/// The values of the matrix of a step's weights, unless it is a table.
fn matrix(step: &Step) -> usize {
    match step.is_table() {
        true => 0,
        false => gradient(step),
    }
}

/// The values of a step's table and its moments, if it has one.
fn table(step: &Step) -> usize {
    let [outputs, inputs] = step.weight_matrix();
    match step.is_table() {
        true => Matrix::table_len(inputs + 1, outputs),
        false => 0,
    }
}

/// The values of the gradient of a step's weights.
fn gradient(step: &Step) -> usize {
    let [outputs, inputs] = step.weight_matrix();
    Matrix::len(inputs + 1, outputs)
}

/// The bytes of a batch of `rows` samples, at least 1.
fn batch(program: &Program, workers: usize, rows: usize, is_dense: bool) -> usize {
    let embeddings = program.embeddings.iter();
    let lists: usize = embeddings
        .map(|embedding| tokens(embedding, workers, rows))
        .sum();
    activations(program, workers, rows, is_dense) + lists
}

/// The bytes of [`Activations`].
///
/// They are linear in the number of samples, in that of the blocks of 16 that images are computed in, and in that of the
/// words of 64 bits of a transposed bitmap. So the buffers of 1, 3 and 17 samples give the coefficients.
fn activations(program: &Program, workers: usize, rows: usize, is_dense: bool) -> usize {
    let of = |rows| Activations::with_capacity(program, workers, rows, is_dense);
    let first = of(1);
    let images = first.images.as_ref();
    let group = images.map_or(0, |images| images.gradients[0].bytes());
    let first = first.bytes();
    // a matrix has an odd number of rows
    let row = (of(3).bytes() - first) / 2;
    let block = of(17).bytes() - first - 16 * row - group;
    let word = match is_dense {
        true => 0,
        false => program.inputs * size_of::<u64>(),
    };
    let blocks = rows.div_ceil(SAMPLES);
    let others = [
        (rows | 1, row),
        (blocks, block),
        (group_count(blocks), group),
        (rows.div_ceil(WORD), word),
    ];
    let others = others.map(|(count, bytes)| count.saturating_sub(1) * bytes);
    first + others.iter().sum::<usize>()
}

/// The bytes of the lists of a batch's tokens, and of the steps that rows of a table have yet to take.
fn tokens(embedding: &program::Embedding, workers: usize, rows: usize) -> usize {
    let room = rows * embedding.tokens + 1;
    // a place for each token of the vocabulary, lists of a worker's tokens, and of those that all workers have together
    let lists = workers * (4 * embedding.vocabulary + 20 * room) + 8 * room;
    lists + 4 * embedding.vocabulary + pending::MAX_STEPS * size_of::<Rule>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::fused::memory::packed,
        prelude::*,
        shape::{Image, Tokens},
    };

    type Vectors = (
        Linear<100, 48>,
        BatchNorm1d<48>,
        Residual<(ReLU, Linear<48, 48>, Dropout<10>)>,
        (LayerNorm<48>, PReLU, Tanh, Linear<48, 7>),
    );
    type Images = (
        Image<1, 10, 10>,
        (
            Conv2d<1, 6, 3, 1, 1>,
            BatchNorm2d<6>,
            Tanh,
            MaxPool2d<2>,
            Dropout2d<10>,
        ),
        (Flatten, LazyLinear<16>, ReLU, Linear<16, 10>),
    );
    type Winograd = (
        Image<32, 6, 6>,
        (Conv2d<32, 32, 3, 1, 1>, ReLU, LayerNorm<32, 6, 6>),
        (Flatten, LazyLinear<3>),
    );
    type Text = (
        Tokens<6, 50>,
        (Embedding<50, 20>, Conv1d<20, 8, 3>, ReLU),
        (GlobalMaxPool2d, Linear<8, 2>),
    );

    /// The prediction for a batch, and the engine's buffers.
    fn both<N: Network>(workers: usize, rows: usize, is_dense: bool) -> [usize; 2] {
        let program = Program::new(&N::PLAN, N::In::LEN);
        let buffers = Activations::with_capacity(&program, workers, rows, is_dense);
        [
            activations(&program, workers, rows, is_dense),
            buffers.bytes(),
        ]
    }

    /// Exact for an odd number of samples; for an even one, the losses, and what else is no matrix, have a row less.
    fn check<N: Network>(is_dense: bool) {
        let [first, third] = [1, 3].map(|rows| both::<N>(1, rows, is_dense)[1]);
        for workers in [1, 3] {
            for rows in (1..40).chain([63, 64, 65, 127, 128, 129, 150, 1001, 1024]) {
                let [predicted, bytes] = both::<N>(workers, rows, is_dense);
                let row = if rows % 2 == 0 {
                    (third - first) / 2
                } else {
                    0
                };
                assert!(
                    (bytes..=bytes + row).contains(&predicted),
                    "{rows} samples, {workers} threads: {predicted}, expected {bytes}"
                );
            }
        }
    }

    #[test]
    fn the_buffers_of_a_batch_have_the_predicted_size() {
        check::<Vectors>(true);
        check::<(Linear<100, 48>, ReLU, Linear<48, 10>)>(false);
        check::<Images>(true);
        check::<Winograd>(true);
        check::<Text>(true);
    }

    #[test]
    fn weights_moments_and_gradients_have_the_predicted_size() {
        fn check<N: Network>() {
            let program = Program::new(&N::PLAN, N::In::LEN);
            let flat = vec![0.0; N::PARAMS];
            let weights = packed::weights(&program, &flat);
            let size = TrainingSize {
                clips: true,
                ..TrainingSize::new(10, 2)
            };
            let predicted = Fused::<N>::training_memory(&size);
            assert_eq!(predicted.weights, weights.bytes());
            let steps = program.parameters.iter().zip(&weights);
            let matrices = steps.filter(|(step, _)| !step.is_table());
            let own: usize = matrices.map(|(_, matrix)| matrix.bytes()).sum();
            assert_eq!(predicted.moments, 2 * own);
            assert_eq!(
                predicted.gradients,
                packed::zeros(&program.parameters).bytes()
            );
        }
        check::<Vectors>();
        check::<Images>();
        check::<Text>();
    }
}
