//! [`Value`], a tensor that depends on the samples, and [`Attribute`].

use super::proto::{
    AttributeProto, AttributeType, DataType, Dimension, DimensionValue, TensorShapeProto,
    TensorType, TypeProto, ValueInfoProto,
};

/// The name of the first dimension of inputs and output.
const BATCH: &str = "batch";

/// A tensor of a graph, which has one element or more for each sample of a batch.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) element: DataType,
    /// The dimensions after that of the batch.
    pub(super) dims: Vec<usize>,
}

impl Value {
    pub(super) fn len(&self) -> usize {
        self.dims.iter().product()
    }

    pub(super) fn info(&self) -> ValueInfoProto {
        let sizes = self
            .dims
            .iter()
            .map(|&size| DimensionValue::DimValue(size as i64));
        let batch = DimensionValue::DimParam(BATCH.to_owned());
        let dims = std::iter::once(batch).chain(sizes);
        let dim = dims.map(|value| Dimension { value: Some(value) }).collect();
        ValueInfoProto {
            name: Some(self.name.clone()),
            r#type: Some(TypeProto {
                tensor_type: Some(TensorType {
                    elem_type: Some(self.element.into()),
                    shape: Some(TensorShapeProto { dim }),
                }),
            }),
        }
    }
}

/// The value of a node's attribute.
#[derive(Clone, Debug)]
pub(super) enum Attribute {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

impl Attribute {
    pub(super) fn ints(values: &[usize]) -> Self {
        Attribute::Ints(values.iter().map(|&value| value as i64).collect())
    }

    pub(super) fn named(&self, name: &str) -> AttributeProto {
        let mut attribute = AttributeProto {
            name: Some(name.to_owned()),
            ..AttributeProto::default()
        };
        let of_type = match self {
            Attribute::Float(value) => {
                attribute.f = Some(*value);
                AttributeType::Float
            }
            Attribute::Int(value) => {
                attribute.i = Some(*value);
                AttributeType::Int
            }
            Attribute::Ints(values) => {
                attribute.ints.clone_from(values);
                AttributeType::Ints
            }
        };
        attribute.r#type = Some(of_type.into());
        attribute
    }
}
