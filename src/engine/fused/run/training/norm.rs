//! Batch normalisation of vectors: each worker has whole columns, so that it computes their statistics alone, but for those of
//! the samples of other ranks.

use super::Training;
use crate::engine::{
    fused::{
        kernels::{
            Deviations, Epilogue, NormGradient, NormSums, NormTerm, Normalize, PerLane, dispatch,
        },
        memory::matrix::BLOCK,
        program::{Contribution, Norm, Operand},
        run::{
            forward,
            norm::{Moments, Numbers, inverse_deviation},
            whole_batch::WholeBatch,
        },
        threads::{
            BrokenBarrier,
            partition::{self, Partition},
        },
    },
    ranks::Exchange,
};

/// A batch normalisation, the number of its layer, and the batch, or this rank's part of it.
#[derive(Clone, Copy)]
struct Normalization<'a> {
    at: usize,
    norm: &'a Norm,
    batch: &'a [u32],
}

/// What the backward pass needs of a block of channels.
#[derive(Clone, Copy)]
struct BlockNumbers {
    mean: PerLane,
    factor: PerLane,
    inverse_deviation: PerLane,
}

impl Normalization<'_> {
    /// A block of columns, with all rows.
    fn part(&self, block: usize) -> Partition {
        Partition {
            blocks: block..block + 1,
            rows: 0..self.batch.len(),
        }
    }
}

impl Training<'_> {
    /// This worker's columns of `channels`, with all rows.
    fn columns(&self, norm: &Norm, batch: usize) -> Partition {
        Partition {
            blocks: partition::some(self.worker, norm.channels.div_ceil(BLOCK)),
            rows: 0..batch,
        }
    }

    /// If several ranks compute the batch, how they exchange values, and the sums over all of it.
    fn whole_batch(&self, norm: &Norm) -> Option<(&dyn Exchange, &WholeBatch)> {
        let whole = &self.activations.whole_batches[norm.index];
        self.exchange().map(|exchange| (exchange, whole))
    }

    /// The outputs of layer `at`, a batch normalisation; in training, its running statistics as well.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn normalize(
        &self,
        at: usize,
        norm: &Norm,
        batch: &[u32],
        trains: bool,
    ) -> Result<(), BrokenBarrier> {
        let (model, all) = (self.model, self.activations);
        let layer = &model.program.layers[at];
        let partition = self.columns(norm, batch.len());
        let blocks = || partition.blocks.clone();
        let this = Normalization { at, norm, batch };
        // SAFETY: the inputs of this phase were written before the last barrier; blocks of columns are partitioned, and
        // no other thread reads this layer's outputs, numbers and running statistics before the next barrier. Between two
        // barriers, the first worker alone uses the moments of all ranks.
        unsafe {
            match self.whole_batch(norm) {
                None => {
                    for block in blocks() {
                        let moments = self.measure(this, block);
                        self.normalize_block(this, block, &moments, trains);
                    }
                }
                Some((exchange, whole)) => {
                    for block in blocks() {
                        let own = whole.moments.slice_mut(norm.block(block));
                        own.copy_from_slice(&self.measure(this, block)[..own.len()]);
                    }
                    self.worker.barrier()?;
                    if self.worker.index == 0 {
                        whole.exchange_moments(exchange);
                    }
                    self.worker.barrier()?;
                    for block in blocks() {
                        let moments = whole.moments.slice(norm.block(block));
                        self.normalize_block(this, block, moments, trains);
                    }
                }
            }
        }
        if layer.stores_derivatives() {
            // SAFETY: as above.
            unsafe {
                let values = partition.write(&all.outputs[at]);
                let derivatives = Some(partition.write(&all.derivatives[at]));
                let masks = trains.then_some(&all.masks[..]);
                forward::elementwise(model, &layer.then, &partition, values, derivatives, masks);
            }
        }
        Ok(())
    }

    /// The statistics of a block of channels in the batch, or in this rank's part of it.
    ///
    /// # Safety
    /// No thread writes the input in this phase.
    unsafe fn measure(&self, this: Normalization<'_>, block: usize) -> [Moments; BLOCK] {
        if this.batch.is_empty() {
            return [Moments::default(); BLOCK];
        }
        let model = self.model;
        let value = model.program.layers[this.at].operands[0].value;
        // SAFETY: guaranteed by the caller.
        let input = unsafe { self.value(value, this.batch).dense() };
        let input = input.within(block..block + 1, 0..this.batch.len());
        let values = |mean| Deviations {
            values: input,
            mean,
        };
        let count = this.batch.len() as f64;
        let [sums, _] = dispatch(model.simd, values([0.0; BLOCK]));
        let near = sums.map(|sum| (f64::from(sum) / count) as f32);
        let [sums, squares] = dispatch(model.simd, values(near));
        std::array::from_fn(|lane| {
            let sums = [sums[lane], squares[lane]].map(f64::from);
            Moments::around(near[lane], count, sums)
        })
    }

    /// The outputs of a block of channels with these statistics in the batch; in training, their running statistics as well.
    ///
    /// # Safety
    /// As [`Training::normalize`].
    unsafe fn normalize_block(
        &self,
        this: Normalization<'_>,
        block: usize,
        moments: &[Moments],
        trains: bool,
    ) {
        let (model, all) = (self.model, self.activations);
        let Normalization { at, norm, batch } = this;
        let layer = &model.program.layers[at];
        let part = this.part(block);
        // SAFETY: guaranteed by the caller.
        unsafe {
            let mut of_batch = all.norms[norm.index].view_mut(part.blocks.clone(), 0..2);
            for (lane, moments) in moments.iter().enumerate() {
                let [mean, variance] = moments.rounded();
                of_batch.row(0, 0)[lane] = mean;
                of_batch.row(0, 1)[lane] = variance;
            }
            if trains {
                let channels = norm.block(block);
                let means = model.statistics.slice_mut(norm.means(channels.clone()));
                let variances = model.statistics.slice_mut(norm.variances(channels));
                let running = means.iter_mut().zip(variances);
                for (moments, (mean, variance)) in moments.iter().zip(running) {
                    moments.add_to(mean, variance);
                }
            }
            let [mean, factor, bias] = self.per_lane(norm, block);
            let input = self.value(layer.operands[0].value, batch).dense();
            let normalize = Normalize {
                input: input.within(part.blocks.clone(), part.rows.clone()),
                mean,
                factor,
                bias,
                relu: layer.is_relu(),
                output: part.write(&all.outputs[at]),
            };
            dispatch(model.simd, normalize);
        }
    }

    /// The numbers of a block of channels in this batch.
    ///
    /// # Safety
    /// No thread writes them, or the weights, in this phase.
    unsafe fn per_lane(&self, norm: &Norm, block: usize) -> [PerLane; 3] {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let of_batch = self.activations.norms[norm.index].view();
            Numbers::per_lane(norm, block * BLOCK, |channel| {
                let moments = [0, 1].map(|row| of_batch.row(block, row)[channel % BLOCK]);
                Numbers::of(self.model, norm, channel, moments)
            })
        }
    }

    /// The gradient of the weights of layer `at`, a batch normalisation, and its term in the gradient of its input.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn back_norm(
        &self,
        at: usize,
        norm: &Norm,
        batch: &[u32],
    ) -> Result<(), BrokenBarrier> {
        let blocks = || self.columns(norm, batch.len()).blocks;
        let this = Normalization { at, norm, batch };
        // SAFETY: as in `normalize`; no other thread reads or writes the gradients of these columns in this phase.
        unsafe {
            match self.whole_batch(norm) {
                None => {
                    let share = 1.0 / batch.len() as f32;
                    for block in blocks() {
                        let numbers = self.block_numbers(norm, block);
                        let sums = self.add_up(this, block, numbers);
                        let means = sums.map(|sums| sums.map(|sum| sum * share));
                        self.norm_term(this, block, numbers, means);
                    }
                }
                Some((exchange, whole)) => {
                    for block in blocks() {
                        let numbers = self.block_numbers(norm, block);
                        let [sums, products] = self.add_up(this, block, numbers);
                        let own = whole.gradients.slice_mut(norm.block(block));
                        let both = sums.into_iter().zip(products);
                        for (own, (sum, product)) in own.iter_mut().zip(both) {
                            *own = [sum, product].map(f64::from);
                        }
                    }
                    self.worker.barrier()?;
                    if self.worker.index == 0 {
                        whole.exchange_gradients(exchange);
                    }
                    self.worker.barrier()?;
                    for block in blocks() {
                        let numbers = self.block_numbers(norm, block);
                        let means = whole.mean_gradients(norm.block(block));
                        self.norm_term(this, block, numbers, means);
                    }
                }
            }
        }
        Ok(())
    }

    /// # Safety
    /// As [`Training::per_lane`].
    unsafe fn block_numbers(&self, norm: &Norm, block: usize) -> BlockNumbers {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let [mean, factor, _] = self.per_lane(norm, block);
            let of_batch = self.activations.norms[norm.index].view();
            BlockNumbers {
                mean,
                factor,
                inverse_deviation: of_batch.row(block, 1).map(inverse_deviation),
            }
        }
    }

    /// The sums of the gradient of a block of channels and of its product with the distance from the mean, over the batch or
    /// this rank's part of it: those of the gradient of the weights, which is stored.
    ///
    /// # Safety
    /// As [`Training::back_norm`].
    unsafe fn add_up(
        &self,
        this: Normalization<'_>,
        block: usize,
        numbers: BlockNumbers,
    ) -> [PerLane; 2] {
        let (model, all) = (self.model, self.activations);
        let Normalization { at, batch, .. } = this;
        let value = model.program.layers[at].operands[0].value;
        let part = this.part(block);
        // SAFETY: guaranteed by the caller.
        unsafe {
            let input = self.value(value, batch).dense();
            let sums = NormSums {
                delta: part.read(&all.deltas[at]),
                input: input.within(part.blocks.clone(), part.rows.clone()),
                mean: numbers.mean,
            };
            let [sums, products] = dispatch(model.simd, sums);
            let mut gradients = all.gradients[at].view_mut(part.blocks.clone(), 0..2);
            for lane in 0..BLOCK {
                gradients.row(0, 0)[lane] = products[lane] * numbers.inverse_deviation[lane];
                gradients.row(0, 1)[lane] = sums[lane];
            }
            [sums, products]
        }
    }

    /// The term in the gradient of the input, for a block of channels with these means of the gradient of the outputs and of its
    /// product with the distance from the mean over the whole batch.
    ///
    /// # Safety
    /// As [`Training::back_norm`].
    unsafe fn norm_term(
        &self,
        this: Normalization<'_>,
        block: usize,
        numbers: BlockNumbers,
        [mean_delta, mean_product]: [PerLane; 2],
    ) {
        let (model, all) = (self.model, self.activations);
        let Normalization { at, batch, .. } = this;
        let inverse = numbers.inverse_deviation;
        let Operand {
            value, gradient, ..
        } = model.program.layers[at].operands[0];
        let Some((Contribution { adds, completes }, output)) = gradient.zip(self.delta_of(value))
        else {
            return;
        };
        let part = this.part(block);
        // SAFETY: guaranteed by the caller.
        unsafe {
            let input = self.value(value, batch).dense();
            let slope = |lane: usize| mean_product[lane] * inverse[lane] * inverse[lane];
            let derivatives = self.term_derivative(value, completes, &part);
            let gradient = NormGradient {
                term: NormTerm {
                    delta: part.read(&all.deltas[at]),
                    input: input.within(part.blocks.clone(), part.rows.clone()),
                    mean: numbers.mean,
                    factor: numbers.factor,
                    mean_delta,
                    slope: std::array::from_fn(slope),
                },
                adds,
                output: part.write(output),
                epilogue: Epilogue::Derivative(derivatives),
            };
            dispatch(model.simd, gradient);
        }
    }
}
