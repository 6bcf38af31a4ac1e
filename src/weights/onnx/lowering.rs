//! A plan as a graph: the nodes of each step, in the order of execution.

use super::{
    activations::{activation, gelu, prelu, silu},
    graph::Graph,
    images::{average_pool, convolution, max_pool},
    inputs::Source,
    joins,
    norms::{batch_norm, layer_norm, standardize},
    proto::DataType,
    tokens::{bag, embedding, one_hot, token_embedding},
    value::{Attribute, Value},
};
use crate::{
    plan::{Op, Plan, Step},
    weights::names::Part,
};

/// Adds the nodes of every step; returns the output, of these dimensions.
pub(super) fn lower(graph: &mut Graph, plan: &Plan, inputs: &[Value], output: &[usize]) -> Value {
    // As the operands of steps are counted: the network's input, then the output of each step.
    let len = plan.width(0);
    let mut last = Source::Inputs { first: 0, len };
    let mut values = vec![last.clone()];
    for (index, step) in plan.steps().iter().enumerate() {
        graph.begin(step);
        let operands = step.operands(index).map(|value| values[value].clone());
        let operands: Vec<_> = operands.collect();
        last = lower_step(graph, step, &operands, inputs);
        values.push(last.clone());
    }
    let last = numbers(graph, &last, inputs);
    graph.reshape(last, output)
}

/// Adds the nodes of a step; returns its output.
fn lower_step(graph: &mut Graph, step: &Step, operands: &[Source], inputs: &[Value]) -> Source {
    let source = &operands[0];
    match step.op {
        Op::Narrow { start } => source.narrow(graph, start, step.outputs),
        // Inference computes nothing there.
        Op::Dropout { .. } | Op::Dropout2d { .. } => source.clone(),
        Op::EmbeddingBag { pooling, .. } => Source::Step(bag(graph, step, pooling, source, inputs)),
        op => {
            let of_tokens = op.reads_tokens();
            let read = operands.iter().map(|source| match of_tokens {
                true => source.read(graph, inputs),
                false => numbers(graph, source, inputs),
            });
            let operands = read.collect();
            Source::Step(lower_values(graph, step, operands))
        }
    }
}

/// Adds the nodes of a step that reads tensors; returns its output.
fn lower_values(graph: &mut Graph, step: &Step, operands: Vec<Value>) -> Value {
    let x = operands[0].clone();
    let alpha = |percent: u32| Some(percent as f32 / 100.0);
    match step.op {
        Op::Linear => linear(graph, step, x),
        Op::Relu => activation(graph, "Relu", None, &x),
        Op::Sigmoid => activation(graph, "Sigmoid", None, &x),
        Op::Tanh => activation(graph, "Tanh", None, &x),
        Op::Softplus => activation(graph, "Softplus", None, &x),
        Op::Hardswish => activation(graph, "HardSwish", None, &x),
        Op::LeakyRelu { slope_percent } => activation(graph, "LeakyRelu", alpha(slope_percent), &x),
        Op::Elu { alpha_percent } => activation(graph, "Elu", alpha(alpha_percent), &x),
        Op::Silu => silu(graph, &x),
        Op::Gelu => gelu(graph, &x),
        Op::PRelu { slopes } => prelu(graph, step, slopes, x),
        Op::Conv2d(window) => convolution(graph, step, &window, x),
        Op::MaxPool2d(window) => max_pool(graph, &window, x),
        Op::AvgPool2d(window) => average_pool(graph, &window, x),
        Op::Standardize => standardize(graph, step, x),
        Op::BatchNorm { channels } => batch_norm(graph, step, channels, x),
        Op::LayerNorm { image } => layer_norm(graph, step, image, x),
        Op::Embedding { .. } => embedding(graph, step, x),
        Op::TokenEmbedding { .. } => token_embedding(graph, step, x),
        Op::OneHot => one_hot(graph, step, x),
        Op::Flatten => graph.flatten(x),
        Op::Add { .. } => joins::add(graph, x, operands[1].clone()),
        Op::Dot { .. } => joins::dot(graph, x, operands[1].clone()),
        Op::Concat { .. } => joins::concat(graph, operands),
        // `lower_step` has them.
        Op::Narrow { .. } | Op::Dropout { .. } | Op::Dropout2d { .. } | Op::EmbeddingBag { .. } => {
            x
        }
    }
}

/// `W x + b`.
fn linear(graph: &mut Graph, step: &Step, x: Value) -> Value {
    let x = graph.flatten(x);
    let [weight, bias] = Part::PARAMETERS.map(|part| Graph::tensor(step, part));
    let transposed = ("transB", Attribute::Int(1));
    graph.map(
        "Gemm",
        &x,
        &[&weight, &bias],
        &[transposed],
        &[step.outputs],
    )
}

/// What a step reads, as numbers, a vector at least.
fn numbers(graph: &mut Graph, source: &Source, inputs: &[Value]) -> Value {
    let value = source.read(graph, inputs);
    let value = graph.cast(value, DataType::Float);
    match value.dims[..] {
        [] => graph.flatten(value),
        _ => value,
    }
}
