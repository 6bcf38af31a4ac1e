//! [`Graph`]: the nodes and the constant tensors of an ONNX file, as they are added.

use std::collections::HashMap;

use super::{
    proto::{DataType, GraphProto, NodeProto, TensorProto},
    value::{Attribute, Value},
};
use crate::{
    checksum::little_endian,
    plan::Step,
    weights::{buffer::Tensor, names::Part},
};

/// The nodes and the constant tensors so far.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<NodeProto>,
    tensors: Vec<TensorProto>,
    /// The path of the step whose nodes are added, the start of their names.
    path: String,
    /// The number of nodes of each name without its number.
    names: HashMap<String, usize>,
}

impl Graph {
    /// A graph with the parameters and the statistics of a network.
    pub(super) fn with<'a>(tensors: impl Iterator<Item = Tensor<'a>>) -> Self {
        let tensors = tensors.map(|tensor| TensorProto {
            dims: tensor.shape.iter().map(|&size| size as i64).collect(),
            data_type: Some(DataType::Float.into()),
            name: Some(tensor.name),
            raw_data: Some(little_endian(tensor.values)),
        });
        Graph {
            tensors: tensors.collect(),
            ..Graph::default()
        }
    }

    /// The nodes that follow are those of `step`.
    pub(super) fn begin(&mut self, step: &Step) {
        self.path = step.path.to_string();
    }

    /// Adds a node of the current step; returns the name of its output.
    pub(super) fn node(
        &mut self,
        op_type: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> String {
        let mut name = format!("{}/{op_type}", self.path);
        let count = self.names.entry(name.clone()).or_default();
        if *count > 0 {
            name = format!("{name}_{count}");
        }
        *count += 1;
        let attribute = attributes.iter().map(|(name, value)| value.named(name));
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            name: Some(name.clone()),
            op_type: Some(op_type.to_owned()),
            attribute: attribute.collect(),
        });
        name
    }

    /// Adds a node that computes numbers of these dimensions from `x` and constant tensors.
    pub(super) fn map(
        &mut self,
        op_type: &str,
        x: &Value,
        constants: &[&str],
        attributes: &[(&str, Attribute)],
        dims: &[usize],
    ) -> Value {
        let inputs = [&[&*x.name], constants].concat();
        Value {
            name: self.node(op_type, &inputs, attributes),
            element: DataType::Float,
            dims: dims.to_vec(),
        }
    }

    /// The name of a step's parameter or statistic, as in a weights file.
    pub(super) fn tensor(step: &Step, part: Part) -> String {
        format!("{}.{}", step.path, part.name(step))
    }

    /// Gives a step's parameter other dimensions than it has in a weights file.
    pub(super) fn reshape_tensor(&mut self, name: &str, dims: &[usize]) {
        let is_it = |tensor: &&mut TensorProto| tensor.name.as_deref() == Some(name);
        if let Some(tensor) = self.tensors.iter_mut().find(is_it) {
            tensor.dims = dims.iter().map(|&size| size as i64).collect();
        }
    }

    /// A constant number; returns its name.
    pub(super) fn float(&mut self, value: f32) -> String {
        let bytes = value.to_le_bytes().to_vec();
        self.constant(format!("constant_{value}"), &[], DataType::Float, bytes)
    }

    /// A constant list of numbers; returns its name.
    pub(super) fn floats<const N: usize>(&mut self, values: [f32; N]) -> String {
        let name = values.map(|value| value.to_string()).join("_");
        let bytes = little_endian(&values);
        self.constant(format!("constants_{name}"), &[N], DataType::Float, bytes)
    }

    /// A constant list of integers; returns its name.
    pub(super) fn ints(&mut self, values: &[usize]) -> String {
        let name: Vec<_> = values.iter().map(usize::to_string).collect();
        let name = format!("integers_{}", name.join("_"));
        let bytes = values
            .iter()
            .flat_map(|&value| (value as i64).to_le_bytes());
        self.constant(name, &[values.len()], DataType::Int64, bytes.collect())
    }

    /// A constant, which has one place, however many nodes read it.
    fn constant(&mut self, name: String, dims: &[usize], of: DataType, bytes: Vec<u8>) -> String {
        let has_name = |tensor: &TensorProto| tensor.name.as_deref() == Some(&*name);
        if !self.tensors.iter().any(has_name) {
            self.tensors.push(TensorProto {
                dims: dims.iter().map(|&size| size as i64).collect(),
                data_type: Some(of.into()),
                name: Some(name.clone()),
                raw_data: Some(bytes),
            });
        }
        name
    }

    /// `x` with other elements: numbers as tokens, or tokens as numbers.
    pub(super) fn cast(&mut self, x: Value, element: DataType) -> Value {
        if x.element == element {
            return x;
        }
        let to = ("to", Attribute::Int(i32::from(element).into()));
        Value {
            name: self.node("Cast", &[&x.name], &[to]),
            element,
            ..x
        }
    }

    /// `x` with other dimensions.
    pub(super) fn reshape(&mut self, x: Value, dims: &[usize]) -> Value {
        if x.dims == dims {
            return x;
        }
        let name = match dims {
            [_] => self.node("Flatten", &[&x.name], &[("axis", Attribute::Int(1))]),
            _ => {
                // a 0 keeps the size of the batch
                let shape = self.ints(&[&[0], dims].concat());
                self.node("Reshape", &[&x.name, &shape], &[])
            }
        };
        Value {
            name,
            dims: dims.to_vec(),
            ..x
        }
    }

    /// `x` as a vector.
    pub(super) fn flatten(&mut self, x: Value) -> Value {
        let len = x.len();
        self.reshape(x, &[len])
    }

    /// `x` with as many channels, the first of its dimensions.
    pub(super) fn with_channels(&mut self, x: Value, channels: usize) -> Value {
        if x.dims.first() == Some(&channels) {
            return x;
        }
        let dims = [channels, x.len() / channels];
        self.reshape(x, &dims)
    }

    /// Vectors, or images of the same sides, one after another.
    pub(super) fn concat(&mut self, values: &[Value]) -> Value {
        let names: Vec<&str> = values.iter().map(|value| &*value.name).collect();
        let mut dims = values[0].dims.clone();
        dims[0] = values.iter().map(|value| value.dims[0]).sum();
        Value {
            name: self.node("Concat", &names, &[("axis", Attribute::Int(1))]),
            element: DataType::Float,
            dims,
        }
    }

    /// The graph, whose output is `output` under the name `name`.
    pub(super) fn finish(mut self, inputs: &[Value], mut output: Value, name: &str) -> GraphProto {
        let is_output = |node: &NodeProto| node.output[0] == output.name;
        // Steps that compute nothing have no node; without any, the output is an input, which keeps its name.
        if !self.nodes.last().is_some_and(is_output) {
            self.node("Identity", &[&output.name], &[]);
        }
        if let Some(last) = self.nodes.last_mut() {
            name.clone_into(&mut last.output[0]);
        }
        name.clone_into(&mut output.name);
        GraphProto {
            node: self.nodes,
            name: Some("network".to_owned()),
            initializer: self.tensors,
            input: inputs.iter().map(Value::info).collect(),
            output: vec![output.info()],
        }
    }
}
