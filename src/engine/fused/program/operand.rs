//! [`Operand`]: a value that a layer reads, and how the layer contributes to its gradient.

/// A value: 0 is the input, `at + 1` the output of layer `at`.
pub(crate) type Value = usize;

/// A value that a layer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    pub(crate) value: Value,
    /// Of a concatenation, the place of its first channel or feature among those of the layer; else 0.
    pub(crate) first: usize,
    /// None where the gradient of the value is not computed.
    pub(crate) gradient: Option<Contribution>,
}

/// A layer's term in the gradient of a value. The backward pass runs from the last layer to the first, and each layer
/// that reads the value contributes a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contribution {
    /// Whether there are terms of later layers, to which it is added.
    pub(crate) adds: bool,
    /// Whether it is the last term: then the gradient is multiplied by the derivatives of the operations after the layer
    /// that computed the value.
    pub(crate) completes: bool,
}

impl Operand {
    pub(super) fn new(value: Value) -> Self {
        Operand {
            value,
            first: 0,
            gradient: None,
        }
    }

    /// Whether no other layer contributes to the gradient.
    pub(crate) fn is_only_term(&self) -> bool {
        let only = Contribution {
            adds: false,
            completes: true,
        };
        self.gradient == Some(only)
    }
}

/// Determines the contributions of layers, in order: of each, whether it has weights, or reads others' outputs by
/// another way than its operands, and its operands. A value has a gradient if it depends on weights; `input_does`
/// states whether the input does.
pub(super) fn contribute<'a>(
    input_does: bool,
    layers: impl Iterator<Item = (bool, &'a mut Vec<Operand>)>,
) {
    let mut has_gradient = vec![input_does];
    let mut operands_of = Vec::new();
    for (has_weights, operands) in layers {
        let of_operand = operands.iter().any(|operand| has_gradient[operand.value]);
        has_gradient.push(has_weights || of_operand);
        operands_of.push(operands);
    }
    let mut operands: Vec<&mut Operand> = operands_of.into_iter().rev().flatten().collect();
    operands.retain(|operand| has_gradient[operand.value]);
    let count = |value: Value, operands: &[&mut Operand]| {
        operands
            .iter()
            .filter(|operand| operand.value == value)
            .count()
    };
    for at in 0..operands.len() {
        let value = operands[at].value;
        operands[at].gradient = Some(Contribution {
            adds: count(value, &operands[..at]) > 0,
            completes: count(value, &operands[at + 1..]) == 0,
        });
    }
}
