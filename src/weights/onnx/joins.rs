//! Operations with several operands.

use super::{
    graph::Graph,
    value::{Attribute, Value},
};

/// `x + z`.
pub(super) fn add(graph: &mut Graph, x: Value, z: Value) -> Value {
    let z = graph.reshape(z, &x.dims);
    graph.map("Add", &x, &[&z.name], &[], &x.dims)
}

/// `sum_i x[i] z[i]`.
pub(super) fn dot(graph: &mut Graph, x: Value, z: Value) -> Value {
    let [x, z] = [x, z].map(|value| graph.flatten(value));
    let products = graph.map("Mul", &x, &[&z.name], &[], &x.dims);
    let axis = graph.ints(&[1]);
    let keep = ("keepdims", Attribute::Int(1));
    graph.map("ReduceSum", &products, &[&axis], &[keep], &[1])
}

/// The values of all operands, one after another: images along their channels.
pub(super) fn concat(graph: &mut Graph, operands: Vec<Value>) -> Value {
    let sides = operands[0].dims[1..].to_vec();
    let of_channel: usize = sides.iter().product();
    let are_images = operands
        .iter()
        .all(|value| value.len().is_multiple_of(of_channel));
    let same = |value: Value| match are_images {
        true => {
            let channels = value.len() / of_channel;
            graph.reshape(value, &[&[channels], &*sides].concat())
        }
        false => graph.flatten(value),
    };
    let operands: Vec<_> = operands.into_iter().map(same).collect();
    graph.concat(&operands)
}
