//! Normalisations.

use super::{
    graph::Graph,
    value::{Attribute, Value},
};
use crate::{
    plan::{Op, Step},
    weights::names::Part,
};

/// `(x - mean) / std`.
pub(super) fn standardize(graph: &mut Graph, step: &Step, x: Value) -> Value {
    let x = graph.flatten(x);
    let [mean, deviation] = Part::STATISTICS.map(|part| Graph::tensor(step, part));
    let distance = graph.map("Sub", &x, &[&mean], &[], &x.dims);
    graph.map("Div", &distance, &[&deviation], &[], &x.dims)
}

/// With the running statistics.
pub(super) fn batch_norm(graph: &mut Graph, step: &Step, channels: usize, x: Value) -> Value {
    let x = graph.with_channels(x, channels);
    let [weight, bias] = Part::PARAMETERS.map(|part| Graph::tensor(step, part));
    let [mean, variance] = Part::STATISTICS.map(|part| Graph::tensor(step, part));
    let tensors = [&*weight, &bias, &mean, &variance];
    graph.map("BatchNormalization", &x, &tensors, &[epsilon()], &x.dims)
}

/// Of a vector, or of an image of these channels, rows and columns.
pub(super) fn layer_norm(
    graph: &mut Graph,
    step: &Step,
    image: Option<[usize; 3]>,
    x: Value,
) -> Value {
    let x = match image {
        Some(dims) => graph.reshape(x, &dims),
        None => graph.flatten(x),
    };
    let [weight, bias] = Part::PARAMETERS.map(|part| Graph::tensor(step, part));
    let attributes = [("axis", Attribute::Int(1)), epsilon()];
    graph.map(
        "LayerNormalization",
        &x,
        &[&weight, &bias],
        &attributes,
        &x.dims,
    )
}

fn epsilon() -> (&'static str, Attribute) {
    ("epsilon", Attribute::Float(Op::EPSILON as f32))
}
