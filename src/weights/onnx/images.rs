//! Convolutions and poolings. A window of one dimension is over `[C, L]`, as in PyTorch, others are over `[C, H, W]`.

use super::{
    graph::Graph,
    value::{Attribute, Value},
};
use crate::{
    plan::{Step, Window},
    weights::names::Part,
};

pub(super) fn convolution(graph: &mut Graph, step: &Step, window: &Window, x: Value) -> Value {
    let x = input(graph, window, x);
    let [weight, bias] = Part::PARAMETERS.map(|part| Graph::tensor(step, part));
    let mut attributes = moves(window);
    attributes.push(("group", Attribute::Int(window.groups as i64)));
    let dims = dims(window, window.output);
    graph.map("Conv", &x, &[&weight, &bias], &attributes, &dims)
}

pub(super) fn max_pool(graph: &mut Graph, window: &Window, x: Value) -> Value {
    if is_global(window) {
        return global(graph, "GlobalMaxPool", window, x);
    }
    let x = input(graph, window, x);
    let dims = dims(window, window.output);
    graph.map("MaxPool", &x, &[], &moves(window), &dims)
}

/// The zeros of the padding are part of the mean.
pub(super) fn average_pool(graph: &mut Graph, window: &Window, x: Value) -> Value {
    if is_global(window) {
        return global(graph, "GlobalAveragePool", window, x);
    }
    let x = input(graph, window, x);
    let mut attributes = moves(window);
    attributes.push(("count_include_pad", Attribute::Int(1)));
    let dims = dims(window, window.output);
    graph.map("AveragePool", &x, &[], &attributes, &dims)
}

/// Whether the window is the image.
fn is_global(window: &Window) -> bool {
    window.kernel == window.input[1..] && window.padding == [0; 2]
}

/// Of an image or a sequence.
fn global(graph: &mut Graph, op_type: &str, window: &Window, x: Value) -> Value {
    let channels = window.input[0];
    let x = match x.dims[..] {
        [first, _, ..] if first == channels => x,
        _ => graph.reshape(x, &window.input),
    };
    let mut dims = vec![1; x.dims.len()];
    dims[0] = channels;
    graph.map(op_type, &x, &[], &[], &dims)
}

fn input(graph: &mut Graph, window: &Window, x: Value) -> Value {
    graph.reshape(x, &dims(window, window.input))
}

/// The dimensions of an input or output.
fn dims(window: &Window, [channels, rows, columns]: [usize; 3]) -> Vec<usize> {
    match window.is_1d {
        true => vec![channels, columns],
        false => vec![channels, rows, columns],
    }
}

/// The attributes of every window.
fn moves(window: &Window) -> Vec<(&'static str, Attribute)> {
    let first = usize::from(window.is_1d);
    let of_axes = |sizes: &[usize; 2]| Attribute::ints(&sizes[first..]);
    let padding = &window.padding[first..];
    vec![
        ("kernel_shape", of_axes(&window.kernel)),
        ("strides", of_axes(&window.stride)),
        ("pads", Attribute::ints(&[padding, padding].concat())),
    ]
}
