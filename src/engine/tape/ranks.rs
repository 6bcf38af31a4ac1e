//! A step of several ranks, each with a part of the batch.

use dfdx::prelude::{Device, Gradients};

use super::{
    layer::{Layer, as_gradients, layers as to_layers},
    loss::LossAndGradients,
};
use crate::{
    engine::Ranks,
    error::{Error, Result},
    plan::Plan,
    weights::batch_norms,
};

/// What a rank without samples adds to the loss of the batch and its gradients.
pub(super) fn nothing<D: Device<f32>>(device: &D) -> Result<LossAndGradients<D>, D::Err> {
    Ok((device.try_zeros()?, Gradients::leaky()))
}

/// The gradients of all layers, added up over all ranks on the host; those of a process alone as they are.
pub(super) fn sum<D: Device<f32>>(
    (device, plan, layers): (&D, &Plan, &[Layer<D>]),
    mut gradients: Gradients<f32, D>,
    ranks: &Ranks,
) -> Result<Gradients<f32, D>, D::Err> {
    if ranks.exchange().is_none() {
        return Ok(gradients);
    }
    let mut flat = Vec::new();
    for layer in layers {
        layer.append_gradient(&mut gradients, &mut flat)?;
    }
    ranks.sum_values(&mut flat);
    let sums = to_layers(device, plan, &flat)?;
    as_gradients(layers, sums.into_iter().map(Ok))
}

/// Checks that each of several ranks can compute its part of a batch.
///
/// # Errors
/// [`Error::Unsupported`] for batch normalisation, whose statistics are those of the whole batch: the tape has those of a
/// rank's own samples only.
pub(super) fn check_layers(plan: &Plan, ranks: &Ranks) -> Result<()> {
    if ranks.exchange().is_none() || batch_norms(plan).next().is_none() {
        return Ok(());
    }
    Err(Error::Unsupported {
        engine: format!("dfdx on {} ranks", ranks.count()),
        expected: "layers that compute each sample alone",
        found: "batch normalisation, which `Fused` trains on several ranks".to_owned(),
    })
}
