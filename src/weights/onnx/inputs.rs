//! The inputs of a network, and what its steps read of them: in a plan, all inputs are one list of values.

use super::{graph::Graph, proto::DataType, value::Value};
use crate::shape::Inputs;

/// What a step reads.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// As many values of the network's inputs, from the first one on.
    Inputs { first: usize, len: usize },
    /// What another step computes.
    Step(Value),
}

impl Source {
    /// A part of it.
    pub(super) fn narrow(&self, graph: &mut Graph, start: usize, len: usize) -> Self {
        match self {
            Source::Inputs { first, .. } => Source::Inputs {
                first: first + start,
                len,
            },
            Source::Step(value) => Source::Step(slice(graph, value.clone(), start, len)),
        }
    }

    /// It as one tensor.
    pub(super) fn read(&self, graph: &mut Graph, inputs: &[Value]) -> Value {
        match self {
            Source::Inputs { first, len } => part(graph, inputs, *first, *len),
            Source::Step(value) => value.clone(),
        }
    }
}

/// The tensors that a network takes, in order: `input`; of a pair, `input_0` and `input_1`, and of a pair within it
/// `input_1_0` and so on.
pub(super) fn tensors(inputs: &Inputs) -> Vec<Value> {
    let mut tensors = Vec::new();
    add(&mut tensors, inputs, "input".to_owned());
    tensors
}

fn add(tensors: &mut Vec<Value>, inputs: &Inputs, name: String) {
    match inputs {
        Inputs::One { dims, has_tokens } => tensors.push(Value {
            name,
            element: if *has_tokens {
                DataType::Int64
            } else {
                DataType::Float
            },
            dims: dims.to_vec(),
        }),
        Inputs::Two { first, second } => {
            add(tensors, first, format!("{name}_0"));
            add(tensors, second, format!("{name}_1"));
        }
    }
}

/// Some of the values of all inputs: an input, or the part of a vector of several.
fn part(graph: &mut Graph, inputs: &[Value], first: usize, len: usize) -> Value {
    let (mut start, mut found, mut skipped) = (0, Vec::new(), 0);
    for input in inputs {
        let end = start + input.len();
        if end <= first {
            skipped = end;
        } else if start < first + len {
            found.push(input);
        }
        start = end;
    }
    match found[..] {
        [input] if input.len() == len => input.clone(),
        _ => {
            let of_numbers = |input: &&Value| {
                let vector = graph.cast((*input).clone(), DataType::Float);
                graph.flatten(vector)
            };
            let vectors: Vec<_> = found.iter().map(of_numbers).collect();
            let all = graph.concat(&vectors);
            slice(graph, all, first - skipped, len)
        }
    }
}

/// Some values of a vector.
fn slice(graph: &mut Graph, x: Value, start: usize, len: usize) -> Value {
    let x = graph.flatten(x);
    if x.len() == len {
        return x;
    }
    let [starts, ends, axes] = [start, start + len, 1].map(|value| graph.ints(&[value]));
    Value {
        name: graph.node("Slice", &[&x.name, &starts, &ends, &axes], &[]),
        dims: vec![len],
        ..x
    }
}
