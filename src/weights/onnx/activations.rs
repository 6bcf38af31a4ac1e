//! Activations.

use super::{
    graph::Graph,
    value::{Attribute, Value},
};
use crate::{
    plan::{Op, Step},
    weights::names::Part,
};

/// The activation of a step; `x` itself for an operation that is none.
pub(super) fn activation(graph: &mut Graph, op: Op, x: Value) -> Value {
    let alpha = |percent: u32| [("alpha", Attribute::Float(percent as f32 / 100.0))];
    match op {
        Op::Relu => map(graph, "Relu", &x, &[]),
        Op::Sigmoid => map(graph, "Sigmoid", &x, &[]),
        Op::Tanh => map(graph, "Tanh", &x, &[]),
        Op::Softplus => map(graph, "Softplus", &x, &[]),
        Op::Hardswish => map(graph, "HardSwish", &x, &[]),
        Op::LeakyRelu { slope_percent } => map(graph, "LeakyRelu", &x, &alpha(slope_percent)),
        Op::Elu { alpha_percent } => map(graph, "Elu", &x, &alpha(alpha_percent)),
        Op::Silu => {
            let factor = map(graph, "Sigmoid", &x, &[]);
            graph.map("Mul", &x, &[&factor.name], &[], &x.dims)
        }
        Op::Gelu => gelu(graph, &x),
        _ => x,
    }
}

fn map(graph: &mut Graph, op_type: &str, x: &Value, attributes: &[(&str, Attribute)]) -> Value {
    graph.map(op_type, x, &[], attributes, &x.dims)
}

/// `x (1 + erf(x / sqrt(2))) / 2`, in the order in which onnxruntime recognises and fuses it; opset 18 has no operator for it.
fn gelu(graph: &mut Graph, x: &Value) -> Value {
    let [root, one, half] = [std::f32::consts::SQRT_2, 1.0, 0.5].map(|it| graph.float(it));
    let scaled = graph.map("Div", x, &[&root], &[], &x.dims);
    let erf = map(graph, "Erf", &scaled, &[]);
    let factor = graph.map("Add", &erf, &[&one], &[], &x.dims);
    let product = graph.map("Mul", x, &[&factor.name], &[], &x.dims);
    graph.map("Mul", &product, &[&half], &[], &x.dims)
}

/// [`Op::PRelu`], with a slope for all values, or one for each channel.
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
