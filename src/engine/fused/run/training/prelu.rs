//! The parametric ReLU of vectors: the gradient of a slope is a sum over rows, of which each worker has whole columns, and
//! over the columns of the slope, which the worker that updates it adds.

use super::Training;
use crate::engine::fused::{
    kernels::{Epilogue, PReluGradient, SlopeSums, dispatch},
    memory::matrix::BLOCK,
    program::{Contribution, Operand, PRelu},
    run::prelu::per_lane,
    threads::partition::{self, Partition},
};

impl Training<'_> {
    /// The sums over the rows for the gradient of the slopes of layer `at`, a parametric ReLU, and its term in the gradient of
    /// its input.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn back_prelu(&self, at: usize, prelu: &PRelu, batch: &[u32]) {
        let (model, all) = (self.model, self.activations);
        let layer = &model.program.layers[at];
        let Operand {
            value, gradient, ..
        } = layer.operands[0];
        let sums = &all.column_sums[at];
        for block in partition::some(self.worker, sums.blocks()) {
            let part = Partition {
                blocks: block..block + 1,
                rows: 0..batch.len(),
            };
            // SAFETY: this phase writes these sums, and the gradient of the layer's operand, in partitions of columns; it
            // reads what was written in earlier phases.
            unsafe {
                let delta = part.read(&all.deltas[at]);
                let input = self.value(value, batch).dense();
                let input = input.within(part.blocks.clone(), part.rows.clone());
                let of_block = dispatch(model.simd, SlopeSums { delta, input });
                *sums.view_mut(part.blocks.clone(), 0..1).row(0, 0) = of_block;
                let Some((Contribution { adds, completes }, output)) =
                    gradient.zip(self.delta_of(value))
                else {
                    continue;
                };
                let derivatives = self.term_derivative(value, completes, &part);
                let gradient = PReluGradient {
                    delta,
                    input,
                    slopes: per_lane(model, prelu, block, layer.outputs),
                    adds,
                    output: part.write(output),
                    epilogue: Epilogue::Derivative(derivatives),
                };
                dispatch(model.simd, gradient);
            }
        }
    }

    /// Adds up the gradients of those slopes of layer `at`, a parametric ReLU, that this worker updates.
    ///
    /// # Safety
    /// As [`Training::update`].
    pub(super) unsafe fn slope_gradients(&self, at: usize, prelu: &PRelu) {
        let all = self.activations;
        let partition = self.weight_partition(prelu.weights);
        if partition.rows.is_empty() {
            return;
        }
        let len = self.model.program.layers[at].outputs / prelu.slopes;
        // SAFETY: the sums were written in an earlier phase; gradients are partitioned as the slopes are.
        unsafe {
            let sums = all.column_sums[at].view();
            let mut gradients = partition.write(&all.gradients[at]);
            let slopes = partition.blocks.start * BLOCK..partition.blocks.end * BLOCK;
            for (index, slope) in (slopes.start..slopes.end.min(prelu.slopes)).enumerate() {
                let columns = slope * len..(slope + 1) * len;
                let sum = columns.map(|at| f64::from(sums.row(at / BLOCK, 0)[at % BLOCK]));
                gradients.row(index / BLOCK, 0)[index % BLOCK] = sum.sum::<f64>() as f32;
            }
        }
    }
}
