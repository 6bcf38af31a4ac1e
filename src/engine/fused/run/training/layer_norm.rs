//! Layer normalisation of vectors: each worker has whole rows, so that it computes their statistics alone; the gradient of
//! the weights is a sum over rows, of which each worker has whole columns.

use super::Training;
use crate::engine::fused::{
    kernels::{ColumnsGradient, Epilogue, RowsGradient, dispatch},
    program::{Contribution, Operand},
    threads::partition::{self, Partition},
};

impl Training<'_> {
    /// The gradient of the weights of layer `at`, a layer normalisation, and its term in the gradient of its input.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn back_layer_norm(&self, at: usize, weights: usize, batch: &[u32]) {
        let (model, all) = (self.model, self.activations);
        let layer = &model.program.layers[at];
        let Operand {
            value, gradient, ..
        } = layer.operands[0];
        let columns = partition::some(self.worker, all.gradients[at].blocks());
        // SAFETY: this phase writes the gradients of the layer's weights, in partitions of columns, and that of its operand,
        // in partitions of rows; it reads what was written in earlier phases.
        unsafe {
            let input = self.value(value, batch).dense();
            let delta = all.deltas[at].view();
            let numbers = all.sample_numbers[at].slice(0..batch.len());
            let of_weights = ColumnsGradient {
                delta: delta.within(columns.clone(), 0..batch.len()),
                input: input.within(columns.clone(), 0..batch.len()),
                numbers,
                output: all.gradients[at].view_mut(columns, 0..2),
            };
            dispatch(model.simd, of_weights);
            let Some((Contribution { adds, completes }, output)) =
                gradient.zip(self.delta_of(value))
            else {
                return;
            };
            let partition = Partition {
                blocks: 0..output.blocks(),
                rows: partition::rows(self.worker, batch.len()),
            };
            let derivatives = self.term_derivative(value, completes, &partition);
            let of_input = RowsGradient {
                delta: partition.read(&all.deltas[at]),
                input: input.within(partition.blocks.clone(), partition.rows.clone()),
                weights: model.weights[weights].view(),
                columns: layer.outputs,
                numbers: &numbers[partition.rows.clone()],
                adds,
                output: partition.write(output),
                epilogue: Epilogue::Derivative(derivatives),
            };
            dispatch(model.simd, of_input);
        }
    }
}
