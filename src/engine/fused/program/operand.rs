//! [`Operand`]: a value that a layer reads, and how the layer contributes to its gradient.

/// A value: 0 is the input, `at + 1` the output of layer `at`.
pub(crate) type Value = usize;

/// A value that a layer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    pub(crate) value: Value,
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
        let gradient = None;
        Operand { value, gradient }
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

/// Determines the contributions of the layers with these operands, in order; `needs` states which values have a gradient.
pub(super) fn contribute<'a>(
    layers: impl DoubleEndedIterator<Item = &'a mut Vec<Operand>>,
    needs: &[bool],
) {
    let mut operands: Vec<&mut Operand> = layers.rev().flatten().collect();
    operands.retain(|operand| needs[operand.value]);
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
