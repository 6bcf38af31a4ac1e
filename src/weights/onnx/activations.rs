//! Activations.

use super::{
    graph::Graph,
    value::{Attribute, Value},
};
use crate::{plan::Step, weights::names::Part};

/// An operator, with its `alpha` if it has one.
pub(super) fn activation(graph: &mut Graph, op_type: &str, alpha: Option<f32>, x: &Value) -> Value {
    let alpha = alpha.map(|alpha| ("alpha", Attribute::Float(alpha)));
    graph.map(op_type, x, &[], alpha.as_slice(), &x.dims)
}

/// `x sigmoid(x)`; opset 18 has no operator for it.
pub(super) fn silu(graph: &mut Graph, x: &Value) -> Value {
    let factor = activation(graph, "Sigmoid", None, x);
    graph.map("Mul", x, &[&factor.name], &[], &x.dims)
}

/// `x (1 + erf(x / sqrt(2))) / 2`, in the order in which onnxruntime recognises and fuses it; no operator either.
pub(super) fn gelu(graph: &mut Graph, x: &Value) -> Value {
    let [root, one, half] = [std::f32::consts::SQRT_2, 1.0, 0.5].map(|it| graph.float(it));
    let scaled = graph.map("Div", x, &[&root], &[], &x.dims);
    let erf = activation(graph, "Erf", None, &scaled);
    let factor = graph.map("Add", &erf, &[&one], &[], &x.dims);
    let product = graph.map("Mul", x, &[&factor.name], &[], &x.dims);
    graph.map("Mul", &product, &[&half], &[], &x.dims)
}

/// `x` where it is above 0, else a slope times `x`, with a slope for all values, or one for each channel.
pub(super) fn prelu(graph: &mut Graph, step: &Step, slopes: usize, x: Value) -> Value {
    let slope = Graph::tensor(step, Part::Weight);
    let mut x = x;
    if slopes > 1 {
        x = graph.with_channels(x, slopes);
        // slopes are broadcast from the last axis on
        let mut dims = vec![1; x.dims.len()];
        dims[0] = slopes;
        graph.reshape_tensor(&slope, &dims);
    }
    graph.map("PRelu", &x, &[&slope], &[], &x.dims)
}
