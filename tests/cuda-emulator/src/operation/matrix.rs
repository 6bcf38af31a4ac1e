//! Products of matrices by a warp: section 9.7.14, "Warp Level Matrix Multiply-Accumulate Instructions".

use super::Operation;

/// How the factors' elements are kept in registers of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Factors {
    /// One in each, without its lowest 13 bits.
    Tf32,
    /// Two in each, the first in the lower half.
    Bf16,
}

impl Factors {
    /// The elements of a register.
    pub fn packed(self) -> usize {
        match self {
            Factors::Tf32 => 1,
            Factors::Bf16 => 2,
        }
    }

    /// The element at a place of a register.
    pub fn element(self, register: u64, at: usize) -> f32 {
        f32::from_bits(match self {
            Factors::Tf32 => register as u32 & !0x1FFF,
            Factors::Bf16 => (register as u32 >> (16 * at)) << 16,
        })
    }
}

pub(super) fn decode(opcode: &str) -> Option<Operation> {
    let shape = opcode.strip_prefix("mma.sync.aligned.")?;
    Some(Operation::Multiply(match shape {
        "m16n8k8.row.col.f32.tf32.tf32.f32" => Factors::Tf32,
        "m16n8k16.row.col.f32.bf16.bf16.f32" => Factors::Bf16,
        _ => return None,
    }))
}
