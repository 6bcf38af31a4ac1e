//! [`Tensor`]: the values of a file, in bytes of any alignment, and [`Stored`], the formats that they have.

use super::{Lanes, matrix::BLOCK};
use crate::weights::place::{Dtype, from_bf16, from_f16};

/// A value in a file, little-endian.
pub(super) trait Stored: Copy {
    const ZERO: Self;

    /// Exactly the number.
    fn value(self) -> f32;

    /// The numbers at `from`.
    ///
    /// # Safety
    /// `from` is valid for reads of `LANES` values.
    unsafe fn load<L: Lanes>(lanes: L, from: *const Self) -> L::Vector;
}

/// IEEE 754's binary32.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct F32([u8; 4]);

impl Stored for F32 {
    const ZERO: Self = F32([0; 4]);

    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_le_bytes(self.0)
    }

    #[inline(always)]
    unsafe fn load<L: Lanes>(lanes: L, from: *const Self) -> L::Vector {
        // SAFETY: guaranteed by the caller.
        unsafe { lanes.load_bytes(from.cast()) }
    }
}

/// IEEE 754's binary16.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct F16([u8; 2]);

impl Stored for F16 {
    const ZERO: Self = F16([0; 2]);

    #[inline(always)]
    fn value(self) -> f32 {
        from_f16(u16::from_le_bytes(self.0))
    }

    #[inline(always)]
    unsafe fn load<L: Lanes>(lanes: L, from: *const Self) -> L::Vector {
        // SAFETY: guaranteed by the caller.
        unsafe { lanes.load_f16(from.cast()) }
    }
}

/// The upper half of a binary32.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Bf16([u8; 2]);

impl Stored for Bf16 {
    const ZERO: Self = Bf16([0; 2]);

    #[inline(always)]
    fn value(self) -> f32 {
        from_bf16(u16::from_le_bytes(self.0))
    }

    #[inline(always)]
    unsafe fn load<L: Lanes>(lanes: L, from: *const Self) -> L::Vector {
        // SAFETY: guaranteed by the caller.
        unsafe { lanes.load_bf16(from.cast()) }
    }
}

/// The values of a tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tensor {
    /// At any address.
    pub(crate) first: *const u8,
    /// F32, F16 or BF16.
    pub(crate) dtype: Dtype,
}

/// Evaluates an expression with a pointer to the first value of a tensor, whose type is that of the values.
macro_rules! of_dtype {
    ($tensor:expr, $values:ident => $result:expr) => {
        match $tensor.dtype {
            Dtype::F16 => {
                let $values = $tensor.first.cast::<F16>();
                $result
            }
            Dtype::Bf16 => {
                let $values = $tensor.first.cast::<Bf16>();
                $result
            }
            _ => {
                let $values = $tensor.first.cast::<F32>();
                $result
            }
        }
    };
}
pub(super) use of_dtype;

impl Tensor {
    /// Value `index`.
    ///
    /// # Safety
    /// It is there.
    #[inline(always)]
    pub(super) unsafe fn value(self, index: usize) -> f32 {
        // SAFETY: guaranteed by the caller; bytes need no alignment.
        of_dtype!(self, values => unsafe { (*values.wrapping_add(index)).value() })
    }

    /// `R` values, from `first` on.
    ///
    /// # Safety
    /// They are there.
    #[inline(always)]
    pub(super) unsafe fn values<const R: usize>(self, first: usize) -> [f32; R] {
        // SAFETY: guaranteed by the caller; bytes need no alignment.
        of_dtype!(self, values => core::array::from_fn(|at| unsafe {
            (*values.wrapping_add(first + at)).value()
        }))
    }

    /// The values `first`, `first + stride` and so on, `count` of them or as many as there are lanes; zeros in other lanes.
    ///
    /// # Safety
    /// They are there.
    #[inline(always)]
    pub(super) unsafe fn gather<L: Lanes>(
        self,
        lanes: L,
        first: usize,
        stride: usize,
        count: usize,
    ) -> L::Vector {
        // SAFETY: guaranteed by the caller.
        of_dtype!(self, values => unsafe { gather(lanes, values.wrapping_add(first), stride, count) })
    }
}

/// # Safety
/// As [`Tensor::gather`].
#[inline(always)]
unsafe fn gather<L: Lanes, T: Stored>(
    lanes: L,
    first: *const T,
    stride: usize,
    count: usize,
) -> L::Vector {
    let mut vector = [T::ZERO; BLOCK];
    for (lane, place) in vector.iter_mut().enumerate().take(L::LANES) {
        if lane < count {
            // SAFETY: guaranteed by the caller; bytes need no alignment.
            *place = unsafe { *first.wrapping_add(lane * stride) };
        }
    }
    // SAFETY: a vector has at most 16 lanes.
    unsafe { T::load(lanes, vector.as_ptr()) }
}
