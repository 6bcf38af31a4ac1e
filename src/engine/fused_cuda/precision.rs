//! [`Precision`]: how products are computed.

/// How a GPU computes products of matrices; their sums, and all else, are in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// In `f32`, as the other engines do.
    #[default]
    F32,
    /// On tensor cores, with factors rounded to TF32: 8 bits of exponent and 10 of mantissa, so each has a relative error of at most
    /// 2^-11, 0.05 %.
    Tf32,
    /// On tensor cores, with factors rounded to bf16: 8 bits of exponent and 7 of mantissa, so each has a relative error of at most
    /// 2^-8, 0.4 %.
    Bf16,
}

impl Precision {
    /// The engine's name with it.
    pub(super) fn engine(self) -> &'static str {
        match self {
            Precision::F32 => "fused",
            Precision::Tf32 => "fused (TF32)",
            Precision::Bf16 => "fused (bf16)",
        }
    }
}
