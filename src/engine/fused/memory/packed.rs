//! Conversion of parameters between the plan's layout and the packed layout.
//!
//! The plan has each step's weight `[O, I]` row-major (of a convolution, `I` is `C K L`; of an embedding, it is `[I, O]`
//! with `I` tokens), then its bias `[O]`, if it has one.
//! Packed, a step is one [`Matrix`] `[I + 1, O]`, the bias last; without one, that row is 0, and so are its gradients.

use super::matrix::{BLOCK, Matrix, ViewMut};
use crate::{engine::fused::program::Program, plan::Step};

/// The weights of a program: one matrix for each step with parameters.
pub(crate) fn weights(program: &Program, flat: &[f32]) -> Vec<Matrix> {
    let mut matrices: Vec<Matrix> = program.parameters.iter().map(storage).collect();
    for (step, matrix) in program.parameters.iter().zip(&mut matrices) {
        pack(step, flat, matrix.whole());
    }
    matrices
}

/// Moment `index` of the weights, 0 or 1, as zeros: one matrix for each step with parameters.
///
/// # Safety
/// No other thread reads or writes the moments of tables, and no view holds any of their values, until this returns.
pub(crate) unsafe fn moments(program: &Program, weights: &[Matrix], index: usize) -> Vec<Matrix> {
    let steps = program.parameters.iter().zip(weights);
    let moments = steps.map(|(step, weights)| match step.is_table() {
        true => {
            let mut moment = weights.moment(index);
            let mut values = moment.whole();
            for (block, row) in
                (0..values.blocks).flat_map(|b| (0..weights.rows()).map(move |r| (b, r)))
            {
                values.row(block, row).fill(0.0);
            }
            moment
        }
        false => zeros_of(step),
    });
    moments.collect()
}

/// A matrix of zeros for the weights of a step.
fn storage(step: &Step) -> Matrix {
    let [outputs, inputs] = step.weight_matrix();
    match step.is_table() {
        true => Matrix::table(inputs + 1, outputs),
        false => zeros_of(step),
    }
}

/// Packs the weights, or moments, of one step; the padding of the last block is 0.
pub(crate) fn pack(step: &Step, flat: &[f32], mut to: ViewMut<'_>) {
    let [outputs, inputs] = step.weight_matrix();
    if let Some(last) = to.blocks.checked_sub(1) {
        // training that ended in NaN has left NaN there as well
        (0..=inputs).for_each(|row| to.row(last, row).fill(0.0));
    }
    let (weight, bias) = flat[step.offset..step.offset + step.params()].split_at(inputs * outputs);
    if step.is_table() {
        for (input, row) in weight.chunks_exact(outputs).enumerate() {
            for (block, row) in row.chunks(BLOCK).enumerate() {
                to.row(block, input)[..row.len()].copy_from_slice(row);
            }
        }
        return;
    }
    for output in 0..outputs {
        let (block, lane) = (output / BLOCK, output % BLOCK);
        for input in 0..inputs {
            to.row(block, input)[lane] = weight[output * inputs + input];
        }
        to.row(block, inputs)[lane] = bias.get(output).copied().unwrap_or_default();
    }
}

/// Unpacks weights, moments or gradients into the plan's layout.
pub(crate) fn unpack(program: &Program, matrices: &[Matrix], flat: &mut [f32]) {
    for (step, matrix) in program.parameters.iter().zip(matrices) {
        let [outputs, inputs] = step.weight_matrix();
        // SAFETY: no training run is in progress: it would hold the engine by `&mut`, or its lock.
        let from = unsafe { matrix.view() };
        let flat = &mut flat[step.offset..step.offset + step.params()];
        let (weight, bias) = flat.split_at_mut(inputs * outputs);
        if step.is_table() {
            for (input, row) in weight.chunks_exact_mut(outputs).enumerate() {
                for (block, row) in row.chunks_mut(BLOCK).enumerate() {
                    row.copy_from_slice(&from.row(block, input)[..row.len()]);
                }
            }
            continue;
        }
        for output in 0..outputs {
            let (block, lane) = (output / BLOCK, output % BLOCK);
            for input in 0..inputs {
                weight[output * inputs + input] = from.row(block, input)[lane];
            }
            if let Some(bias) = bias.get_mut(output) {
                *bias = from.row(block, inputs)[lane];
            }
        }
    }
}

/// A matrix of zeros for each of these steps with parameters, for their gradients.
pub(crate) fn zeros(steps: &[Step]) -> Vec<Matrix> {
    steps.iter().map(zeros_of).collect()
}

/// A matrix of zeros for a step with parameters, for its gradient.
pub(crate) fn zeros_of(step: &Step) -> Matrix {
    let [outputs, inputs] = step.weight_matrix();
    Matrix::zeros(inputs + 1, outputs)
}
