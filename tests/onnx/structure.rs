//! What is in a file: the format's rules, the weights with their names, and the nodes of some networks.

use std::collections::HashSet;

use tract_onnx::pb::{
    GraphProto, NodeProto, TensorProto, ValueInfoProto,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto,
};
use tuplenet::{
    prelude::*,
    shape::{Sample, Shape},
};

use crate::{case::Case, model, networks};

pub const FLOAT: i32 = 1;
pub const INT64: i32 = 7;

pub fn size(of: &Dimension) -> usize {
    match of.value {
        Some(Value::DimValue(size)) => size as usize,
        _ => panic!("{of:?}"),
    }
}

/// The name, the type of the elements and the dimensions after the batch's.
fn described(value: &ValueInfoProto) -> (&str, i32, Vec<usize>) {
    let of = value.r#type.as_ref().and_then(|of| of.value.as_ref());
    let Some(type_proto::Value::TensorType(of)) = of else {
        panic!("{value:?}");
    };
    let [batch, sizes @ ..] = &of.shape.as_ref().unwrap().dim[..] else {
        panic!("{value:?}");
    };
    assert_eq!(batch.value, Some(Value::DimParam("batch".to_owned())));
    (&value.name, of.elem_type, sizes.iter().map(size).collect())
}

fn floats(tensor: &TensorProto) -> Vec<f32> {
    let values = tensor.raw_data.chunks_exact(4);
    values
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

fn check<N: Network>()
where
    <N::In as Shape>::Array: Sample<N::In>,
{
    let weights = Case::<N>::new().weights;
    let model = model(&weights);
    assert_eq!(model.ir_version, 8);
    let opsets: Vec<_> = model
        .opset_import
        .iter()
        .map(|set| (&*set.domain, set.version))
        .collect();
    assert_eq!(opsets, [("", 18)]);
    assert_eq!(model.producer_name, "tuplenet");
    assert_eq!(model.producer_version, env!("CARGO_PKG_VERSION"));

    let graph = model.graph.unwrap();
    has_its_weights(&graph, &weights);
    reads_what_was_written(&graph);
    let [output] = &graph.output[..] else {
        panic!("{:?}", graph.output);
    };
    assert_eq!(
        described(output),
        ("logits", FLOAT, N::Output::DIMS.to_vec()),
    );
}

/// Every parameter and statistic is an initialiser of its name, and all other initialisers have names of their own.
fn has_its_weights<N: Network>(graph: &GraphProto, weights: &Weights<N>) {
    let of_weights = |tensor: &&TensorProto| {
        tensor
            .name
            .starts_with(|first: char| first.is_ascii_digit())
    };
    let found = graph.initializer.iter().filter(of_weights);
    let found: Vec<_> = found
        .map(|tensor| (tensor.name.clone(), floats(tensor)))
        .collect();
    let tensors = weights.tensors().chain(weights.buffers());
    let expected: Vec<_> = tensors
        .map(|tensor| (tensor.name, tensor.values.to_vec()))
        .collect();
    assert_eq!(found, expected);
    for tensor in &graph.initializer {
        let values = tensor.dims.iter().product::<i64>() as usize;
        let bytes = if tensor.data_type == INT64 { 8 } else { 4 };
        assert_eq!(tensor.raw_data.len(), values * bytes, "{}", tensor.name);
    }
}

/// Every node reads values of earlier nodes, initialisers and inputs, every one of which is read, and names differ.
fn reads_what_was_written(graph: &GraphProto) {
    let inputs = graph.input.iter().map(|input| &*input.name);
    let tensors = graph.initializer.iter().map(|tensor| &*tensor.name);
    let mut written = HashSet::new();
    for value in inputs.chain(tensors) {
        assert!(written.insert(value), "{value} twice");
    }
    let mut read = HashSet::from(["logits"]);
    let mut nodes = HashSet::new();
    for node in &graph.node {
        for value in &node.input {
            assert!(written.contains(&**value), "{node:?} reads {value}");
            read.insert(value);
        }
        for value in &node.output {
            assert!(written.insert(value), "{value} twice");
        }
        assert!(nodes.insert(&node.name), "{} twice", node.name);
    }
    assert_eq!(read, written);
}

/// A test for each network.
macro_rules! tests {
    ($($name:ident: $network:ty;)*) => {$(
        #[test]
        fn $name() {
            check::<$network>();
        }
    )*};
}
networks::on_every_network!(tests);

fn nodes<N: Network>() -> Vec<NodeProto> {
    model(&Weights::<N>::init(1)).graph.unwrap().node
}

fn operators<N: Network>() -> Vec<String> {
    nodes::<N>().into_iter().map(|node| node.op_type).collect()
}

#[test]
fn a_layer_with_an_operator_is_one_node() {
    let expected = [
        "Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Relu", "Gemm",
        "Relu", "Gemm",
    ];
    assert_eq!(operators::<networks::LeNet>(), expected);
    // dropout and names of classes are none, and a sequence is not reshaped
    let branch = |activation, pooling| ["Conv", activation, pooling, "Flatten"];
    let expected = [
        &["Gather", "Transpose"][..],
        &branch("Relu", "GlobalMaxPool"),
        &branch("Tanh", "GlobalAveragePool"),
        &["Concat", "Gemm"],
    ];
    assert_eq!(operators::<networks::Words>(), expected.concat());
    type Composed = (Linear<3, 3>, GELU, SiLU, Hardswish);
    let expected = [
        "Gemm",
        "Div",
        "Erf",
        "Add",
        "Mul",
        "Mul",
        "Sigmoid",
        "Mul",
        "HardSwish",
    ];
    assert_eq!(operators::<Composed>(), expected);
    assert_eq!(operators::<networks::Nothing>(), ["Identity"]);
}

#[test]
fn a_node_has_the_names_and_the_numbers_of_its_layer() {
    let nodes = nodes::<networks::Grouped>();
    let [first, ..] = &nodes[..] else { panic!() };
    assert_eq!(first.input, ["input", "0.weight", "0.bias"]);
    assert_eq!(first.output, ["0/Conv"]);
    let attributes = first
        .attribute
        .iter()
        .map(|it| (&*it.name, it.r#type, it.i, &*it.ints));
    // rows and columns; the paddings before both, then those after them
    let expected = [
        ("kernel_shape", 7, 0, &[4, 3][..]),
        ("strides", 7, 0, &[2, 1]),
        ("pads", 7, 0, &[1, 0, 1, 0]),
        ("group", 2, 1, &[]),
    ];
    assert_eq!(attributes.collect::<Vec<_>>(), expected);
    let last = nodes.last().unwrap();
    assert_eq!(last.input, ["9/Flatten", "10.weight", "10.bias"]);
    assert_eq!(last.output, ["logits"]);
}

fn inputs<N: Network>() -> Vec<(String, i32, Vec<usize>)> {
    let graph = model(&Weights::<N>::init(1)).graph.unwrap();
    let inputs = graph.input.iter().map(described);
    inputs
        .map(|(name, of, dims)| (name.to_owned(), of, dims))
        .collect()
}

#[test]
fn inputs_have_names_types_and_dimensions() {
    let expect = |name: &str, of, dims: &[usize]| (name.to_owned(), of, dims.to_vec());
    assert_eq!(inputs::<networks::Table>(), [expect("input", FLOAT, &[4])]);
    assert_eq!(
        inputs::<networks::Sensors>(),
        [expect("input", FLOAT, &[3, 1, 32])]
    );
    assert_eq!(inputs::<networks::Words>(), [expect("input", INT64, &[16])]);
    assert_eq!(
        inputs::<(Embedding<9, 2>,)>(),
        [expect("input", INT64, &[])]
    );
    let expected = [
        expect("input_0", INT64, &[10]),
        expect("input_1", FLOAT, &[10]),
    ];
    assert_eq!(inputs::<networks::Sparse>(), expected);
    let expected = [
        expect("input_0_0", FLOAT, &[1, 6, 5]),
        expect("input_0_1", INT64, &[]),
        expect("input_1_0", INT64, &[7]),
        expect("input_1_1", FLOAT, &[3]),
    ];
    assert_eq!(inputs::<networks::Patient>(), expected);
}

#[test]
fn the_metadata_have_the_names_of_the_classes() {
    let of = |model: tract_onnx::pb::ModelProto| {
        let properties = model.metadata_props.into_iter();
        properties.map(|it| (it.key, it.value)).collect::<Vec<_>>()
    };
    let [(key, value)] = &of(model(&Weights::<networks::Table>::init(1)))[..] else {
        panic!();
    };
    assert_eq!(key, "classes");
    let names: Vec<String> = serde_json::from_str(value).unwrap();
    assert_eq!(names, ["fröhlich", "triste", "neither"]);
    assert_eq!(of(model(&Weights::<networks::Bags>::init(1))), []);
}
