//! Batch normalisation of vectors: each worker has whole columns, so that it computes their statistics alone.

use super::Training;
use crate::engine::fused::{
    kernels::{Deviations, Epilogue, NormGradient, NormSums, NormTerm, Normalize, dispatch},
    memory::matrix::BLOCK,
    program::{Contribution, Norm, Operand},
    run::{
        forward,
        norm::{Moments, Numbers, inverse_deviation},
    },
    threads::partition::{self, Partition},
};

impl Training<'_> {
    /// This worker's columns of `channels`, with all rows.
    fn columns(&self, norm: &Norm, batch: usize) -> Partition {
        Partition {
            blocks: partition::some(self.worker, norm.channels.div_ceil(BLOCK)),
            rows: 0..batch,
        }
    }

    /// The outputs of layer `at`, a batch normalisation; in training, its running statistics as well.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn normalize(&self, at: usize, norm: &Norm, batch: &[u32], trains: bool) {
        let (model, all) = (self.model, self.activations);
        let layer = &model.program.layers[at];
        let partition = self.columns(norm, batch.len());
        for block in partition.blocks.clone() {
            let column = block..block + 1;
            let channels = block * BLOCK..norm.channels.min((block + 1) * BLOCK);
            // SAFETY: the inputs of this phase were written before the last barrier; blocks of columns are partitioned, and
            // no other thread reads this layer's outputs, numbers and running statistics before the next barrier.
            unsafe {
                let input = self.value(layer.operands[0].value, batch).dense();
                let input = input.within(column.clone(), 0..batch.len());
                let values = |mean| Deviations {
                    values: input,
                    mean,
                };
                let count = batch.len() as f64;
                let [sums, _] = dispatch(model.simd, values([0.0; BLOCK]));
                let near = sums.map(|sum| (f64::from(sum) / count) as f32);
                let [sums, squares] = dispatch(model.simd, values(near));
                let moments: [Moments; BLOCK] = std::array::from_fn(|lane| {
                    let sums = [sums[lane], squares[lane]].map(f64::from);
                    Moments::around(near[lane], count, sums)
                });
                let mut of_batch = all.norms[norm.index].view_mut(column.clone(), 0..2);
                for (lane, moments) in moments.iter().enumerate() {
                    let [mean, variance] = moments.rounded();
                    of_batch.row(0, 0)[lane] = mean;
                    of_batch.row(0, 1)[lane] = variance;
                }
                if trains {
                    let means = model.statistics.slice_mut(norm.means(channels.clone()));
                    let variances = model.statistics.slice_mut(norm.variances(channels.clone()));
                    let running = means.iter_mut().zip(variances);
                    for (moments, (mean, variance)) in moments.iter().zip(running) {
                        moments.add_to(mean, variance);
                    }
                }
                let [mean, factor, bias] = self.per_lane(norm, block);
                let normalize = Normalize {
                    input,
                    mean,
                    factor,
                    bias,
                    relu: layer.is_relu(),
                    output: all.outputs[at].view_mut(column, 0..batch.len()),
                };
                dispatch(model.simd, normalize);
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
    }

    /// The numbers of a block of channels in this batch.
    ///
    /// # Safety
    /// No thread writes them, or the weights, in this phase.
    unsafe fn per_lane(&self, norm: &Norm, block: usize) -> [[f32; BLOCK]; 3] {
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
    pub(super) unsafe fn back_norm(&self, at: usize, norm: &Norm, batch: &[u32]) {
        let (model, all) = (self.model, self.activations);
        let Operand {
            value, gradient, ..
        } = model.program.layers[at].operands[0];
        let partition = self.columns(norm, batch.len());
        for block in partition.blocks.clone() {
            let part = Partition {
                blocks: block..block + 1,
                rows: partition.rows.clone(),
            };
            // SAFETY: as in `normalize`; no other thread reads or writes the gradients of these columns in this phase.
            unsafe {
                let delta = part.read(&all.deltas[at]);
                let input = self.value(value, batch).dense();
                let input = input.within(part.blocks.clone(), part.rows.clone());
                let [mean, factor, _] = self.per_lane(norm, block);
                let [sums, products] = dispatch(model.simd, NormSums { delta, input, mean });
                let of_batch = all.norms[norm.index].view();
                let inverse = of_batch.row(block, 1).map(inverse_deviation);
                let mut gradients = all.gradients[at].view_mut(part.blocks.clone(), 0..2);
                for lane in 0..BLOCK {
                    gradients.row(0, 0)[lane] = products[lane] * inverse[lane];
                    gradients.row(0, 1)[lane] = sums[lane];
                }
                let Some((Contribution { adds, completes }, output)) =
                    gradient.zip(self.delta_of(value))
                else {
                    continue;
                };
                let derivatives = self.term_derivative(value, completes, &part);
                let share = 1.0 / batch.len() as f32;
                let slope = |lane: usize| products[lane] * share * inverse[lane] * inverse[lane];
                let gradient = NormGradient {
                    term: NormTerm {
                        delta,
                        input,
                        mean,
                        factor,
                        mean_delta: sums.map(|sum| sum * share),
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
}
