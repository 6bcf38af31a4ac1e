//! Embeddings. Token 0 of a sequence is its padding.

use super::{
    graph::Graph,
    inputs::Source,
    proto::DataType,
    value::{Attribute, Value},
};
use crate::{
    plan::{Pooling, Step},
    weights::names::Part,
};

/// The row of a category.
pub(super) fn embedding(graph: &mut Graph, step: &Step, category: Value) -> Value {
    let category = tokens(graph, category, &[]);
    rows(graph, step, &category, &[step.outputs])
}

/// A sequence `[C, L]` of the rows of `L` tokens.
pub(super) fn token_embedding(graph: &mut Graph, step: &Step, x: Value) -> Value {
    let (len, channels) = (step.inputs, step.outputs / step.inputs);
    let x = tokens(graph, x, &[len]);
    let rows = rows(graph, step, &x, &[len, channels]);
    let order = ("perm", Attribute::ints(&[0, 2, 1]));
    graph.map("Transpose", &rows, &[], &[order], &[channels, len])
}

/// 1 at the place of a category, else 0.
pub(super) fn one_hot(graph: &mut Graph, step: &Step, category: Value) -> Value {
    let category = tokens(graph, category, &[]);
    let depth = graph.ints(&[step.outputs]);
    let off_and_on = graph.floats([0.0, 1.0]);
    graph.map(
        "OneHot",
        &category,
        &[&depth, &off_and_on],
        &[],
        &[step.outputs],
    )
}

/// The sum, the mean or the maximum of the rows of all tokens that are not the padding; zeros where all are.
pub(super) fn bag(
    graph: &mut Graph,
    step: &Step,
    pooling: Pooling,
    source: &Source,
    inputs: &[Value],
) -> Value {
    let len = step.tokens();
    let x = source.narrow(graph, 0, len).read(graph, inputs);
    let x = tokens(graph, x, &[len]);
    let each = [len, step.outputs];
    let mut rows = rows(graph, step, &x, &each);
    if let Pooling::Weighted = pooling {
        let numbers = source.narrow(graph, len, len).read(graph, inputs);
        let numbers = graph.cast(numbers, DataType::Float);
        let numbers = graph.reshape(numbers, &[len, 1]);
        rows = graph.map("Mul", &rows, &[&numbers.name], &[], &each);
    }
    let padding = graph.ints(&[0]);
    let is_token = graph.node("Greater", &[&x.name, &padding], &[]);
    let last = graph.ints(&[2]);
    let is_token = graph.node("Unsqueeze", &[&is_token, &last], &[]);
    let without = graph.float(match pooling {
        Pooling::Max => f32::NEG_INFINITY,
        _ => 0.0,
    });
    rows.name = graph.node("Where", &[&is_token, &rows.name, &without], &[]);
    match pooling {
        Pooling::Sum | Pooling::Weighted => reduce(graph, "ReduceSum", &rows),
        Pooling::Mean => {
            let sum = reduce(graph, "ReduceSum", &rows);
            let count = count(graph, is_token, len);
            // no token: 0 / 1
            let one = graph.float(1.0);
            let count = graph.map("Max", &count, &[&one], &[], &[1]);
            graph.map("Div", &sum, &[&count.name], &[], &sum.dims)
        }
        Pooling::Max => {
            let mut largest = reduce(graph, "ReduceMax", &rows);
            let count = count(graph, is_token, len);
            let zero = graph.float(0.0);
            let is_any = graph.node("Greater", &[&count.name, &zero], &[]);
            largest.name = graph.node("Where", &[&is_any, &largest.name, &zero], &[]);
            largest
        }
    }
}

/// The number of tokens, `[1]`.
fn count(graph: &mut Graph, is_token: String, len: usize) -> Value {
    let to = ("to", Attribute::Int(i32::from(DataType::Float).into()));
    let ones = Value {
        name: graph.node("Cast", &[&is_token], &[to]),
        element: DataType::Float,
        dims: vec![len, 1],
    };
    reduce(graph, "ReduceSum", &ones)
}

/// Over the tokens.
fn reduce(graph: &mut Graph, op_type: &str, rows: &Value) -> Value {
    let axis = graph.ints(&[1]);
    let keep = ("keepdims", Attribute::Int(0));
    graph.map(op_type, rows, &[&axis], &[keep], &rows.dims[1..])
}

/// The rows of the table for these tokens.
fn rows(graph: &mut Graph, step: &Step, tokens: &Value, dims: &[usize]) -> Value {
    let table = Graph::tensor(step, Part::Weight);
    Value {
        name: graph.node("Gather", &[&table, &tokens.name], &[]),
        element: DataType::Float,
        dims: dims.to_vec(),
    }
}

fn tokens(graph: &mut Graph, x: Value, dims: &[usize]) -> Value {
    let x = graph.cast(x, DataType::Int64);
    graph.reshape(x, dims)
}
