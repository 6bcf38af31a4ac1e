//! A layer's outputs for a partition of its columns and a batch's rows; for training and for inference.

use super::{input::Input, model::Model, norm::Numbers, prelu::per_lane};
use crate::{
    engine::fused::{
        kernels::{
            CopyColumns, Dot, Elementwise, Embed, Epilogue, Forward, Normalize, NormalizeRows,
            PRelu, SampleNumbers, SparseForward, Standardize, Sum, dispatch,
        },
        memory::matrix::{BLOCK, Matrix, ViewMut},
        program::{self, LayerOp, Operand},
        threads::partition::Partition,
    },
    token::index_of,
};

/// The output buffers of a partition.
pub(crate) struct Outputs<'a> {
    pub(crate) values: ViewMut<'a>,
    /// Only for a layer that stores derivatives, and only in training.
    pub(crate) derivatives: Option<ViewMut<'a>>,
    /// Only for an embedding's maximum, and only in training.
    pub(crate) winners: Option<ViewMut<'a>>,
    /// The masks of every dropout, if dropout is on.
    pub(crate) masks: Option<&'a [Matrix]>,
    /// One for each row, only for a layer normalisation, and only in training.
    pub(crate) numbers: &'a mut [SampleNumbers],
}

/// Layer `at` of the network for the partition `partition`, for a layer normalisation of all columns; `operand` gives the
/// values of each operand, which have the partition's rows.
///
/// # Safety
/// No thread writes the weights, or the masks, until this returns.
pub(crate) unsafe fn layer<'a>(
    model: &Model,
    at: usize,
    partition: &Partition,
    operand: impl Fn(&Operand) -> Input<'a>,
    outputs: Outputs<'_>,
) {
    let layer = &model.program.layers[at];
    let Outputs {
        mut values,
        derivatives,
        winners,
        masks,
        numbers,
    } = outputs;
    let (mut output, relu) = (values.reborrow(), layer.is_relu());
    let weights = |at: usize| {
        // SAFETY: guaranteed by the caller.
        let weights = unsafe { model.weights[at].view() };
        weights.within(partition.blocks.clone(), 0..weights.rows)
    };
    let first = operand(&layer.operands[0]);
    match (layer.op, first) {
        (LayerOp::Linear { weights: at, .. }, Input::Dense(input)) => {
            let forward = Forward {
                input,
                weights: weights(at),
                output,
                relu,
            };
            dispatch(model.simd, forward);
        }
        (LayerOp::Linear { weights: at, .. }, Input::Sparse(batch, first)) => {
            let forward = SparseForward {
                batch,
                samples: first..first + partition.rows.len(),
                weights: weights(at),
                output,
                relu,
            };
            dispatch(model.simd, forward);
        }
        (LayerOp::Norm(norm), input) => {
            for (place, block) in partition.blocks.clone().enumerate() {
                let input = input.dense();
                // SAFETY: guaranteed by the caller, who trains with the statistics of the batch instead.
                let [mean, factor, bias] =
                    Numbers::per_lane(&norm, block * BLOCK, |channel| unsafe {
                        Numbers::running(model, &norm, channel)
                    });
                let normalize = Normalize {
                    input: input.within(block..block + 1, 0..input.rows),
                    mean,
                    factor,
                    bias,
                    relu,
                    output: output.block(place),
                };
                dispatch(model.simd, normalize);
            }
        }
        (LayerOp::PRelu(prelu), input) => {
            for (place, block) in partition.blocks.clone().enumerate() {
                let input = input.dense();
                let kernel = PRelu {
                    input: input.within(block..block + 1, 0..input.rows),
                    // SAFETY: guaranteed by the caller.
                    slopes: unsafe { per_lane(model, &prelu, block, layer.outputs) },
                    relu,
                    output: output.block(place),
                };
                dispatch(model.simd, kernel);
            }
        }
        (LayerOp::LayerNorm { weights: at }, input) => {
            let normalize = NormalizeRows {
                input: input.dense(),
                weights: weights(at),
                columns: layer.outputs,
                relu,
                output,
                numbers,
            };
            dispatch(model.simd, normalize);
        }
        (LayerOp::Embedding(embedding), samples) => {
            let embed = Embed {
                embedding,
                samples: samples.dense(),
                start: model.program.samples.unwrap_or_default(),
                table: weights(embedding.weights),
                output,
                relu,
                winners,
            };
            dispatch(model.simd, embed);
        }
        (LayerOp::Sum, first) => {
            let columns = |input: Input<'a>| {
                let dense = input.dense();
                dense.within(partition.blocks.clone(), 0..dense.rows)
            };
            let sum = Sum {
                first: columns(first),
                second: layer.operands.get(1).map(|second| columns(operand(second))),
                adds: false,
                output,
                epilogue: Epilogue::Output { relu },
            };
            dispatch(model.simd, sum);
        }
        (LayerOp::Dot, first) => {
            let second = layer.operands.get(1).map_or(first, operand);
            let dot = Dot {
                first: first.dense(),
                second: second.dense(),
                columns: model.program.width(layer.operands[0].value),
                relu,
                output,
            };
            dispatch(model.simd, dot);
        }
        (LayerOp::OneHot { at }, samples) => {
            let samples = samples.dense();
            let first = partition.blocks.start * BLOCK;
            for row in 0..output.rows {
                let token = samples.row(at / BLOCK, row)[at % BLOCK];
                let token = index_of(token, layer.outputs);
                for block in 0..output.blocks {
                    let values = output.row(block, row);
                    values.fill(0.0);
                    let lane = token.wrapping_sub(first + block * BLOCK);
                    if let Some(value) = values.get_mut(lane) {
                        *value = 1.0;
                    }
                }
            }
        }
        (
            LayerOp::Narrow {
                start,
                standardization,
            },
            input,
        ) => {
            let columns = partition.blocks.start * BLOCK..partition.blocks.end * BLOCK;
            let copy = CopyColumns {
                input: input.dense(),
                from: start + columns.start,
                output: output.reborrow(),
                to: 0,
                len: layer.outputs.min(columns.end).saturating_sub(columns.start),
                adds: false,
                epilogue: Epilogue::Output {
                    relu: relu && standardization.is_none(),
                },
            };
            dispatch(model.simd, copy);
            if let Some(first) = standardization {
                // SAFETY: guaranteed by the caller.
                unsafe { standardize(model, first, layer.outputs, partition, output, relu) };
            }
        }
        (LayerOp::Concat, _) => {
            let columns = partition.blocks.start * BLOCK..partition.blocks.end * BLOCK;
            for (at, part) in layer.operands.iter().enumerate() {
                let end = layer
                    .operands
                    .get(at + 1)
                    .map_or(layer.outputs, |next| next.first);
                let [start, end] = [part.first, end].map(|at| at.clamp(columns.start, columns.end));
                let copy = CopyColumns {
                    input: operand(part).dense(),
                    from: start.saturating_sub(part.first),
                    output: output.reborrow(),
                    to: start - columns.start,
                    len: end - start,
                    adds: false,
                    epilogue: Epilogue::Output { relu },
                };
                dispatch(model.simd, copy);
            }
        }
    }
    if layer.stores_derivatives() {
        // SAFETY: guaranteed by the caller.
        unsafe { elementwise(model, &layer.then, partition, values, derivatives, masks) };
    }
}

/// The operations before the first layer on the partition's samples, in place.
///
/// # Safety
/// No thread writes the statistics or the masks until this returns.
pub(crate) unsafe fn before(
    model: &Model,
    partition: &Partition,
    mut samples: ViewMut<'_>,
    masks: Option<&[Matrix]>,
) {
    let program = &model.program;
    if let Some(first) = program.standardization {
        let values = samples.reborrow();
        // SAFETY: guaranteed by the caller.
        unsafe { standardize(model, first, program.inputs, partition, values, false) };
    }
    if !program.before.is_empty() {
        // SAFETY: guaranteed by the caller.
        unsafe { elementwise(model, &program.before, partition, samples, None, masks) };
    }
}

/// Standardises the partition's values, of `features` features, in place; then ReLU if `relu`. The statistics begin at `first`.
///
/// # Safety
/// No thread writes the statistics until this returns.
unsafe fn standardize(
    model: &Model,
    first: usize,
    features: usize,
    partition: &Partition,
    mut values: ViewMut<'_>,
    relu: bool,
) {
    for (place, block) in partition.blocks.clone().enumerate() {
        // SAFETY: guaranteed by the caller.
        let statistic = |at: usize| unsafe { model.statistics.slice(at..at + 1)[0] };
        let per_lane = |first: usize, beyond: f32| {
            std::array::from_fn(|lane| match block * BLOCK + lane {
                feature if feature < features => statistic(first + feature),
                _ => beyond,
            })
        };
        let standardize = Standardize {
            mean: per_lane(first, 0.0),
            // so that the columns beyond the last stay 0
            deviation: per_lane(first + features, 1.0),
            relu,
            values: values.block(place),
        };
        dispatch(model.simd, standardize);
    }
}

/// Operations on the values of a partition, in place.
///
/// # Safety
/// No thread writes the masks until this returns.
pub(crate) unsafe fn elementwise(
    model: &Model,
    chain: &[program::Elementwise],
    partition: &Partition,
    values: ViewMut<'_>,
    derivatives: Option<ViewMut<'_>>,
    masks: Option<&[Matrix]>,
) {
    let mask = |dropout: usize| {
        // SAFETY: guaranteed by the caller.
        let mask = unsafe { masks?[dropout].view() };
        Some(mask.within(partition.blocks.clone(), partition.rows.clone()))
    };
    let elementwise = Elementwise {
        operations: chain,
        mask,
        values,
        derivatives,
    };
    dispatch(model.simd, elementwise);
}
