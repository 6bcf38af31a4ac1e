//! Calls of a frozen model through C's pointers, for any network whose sample is numbers.
//!
//! The sample is borrowed while the model reads it; the result is written afterwards, so the two may overlap, and the memory
//! for the result may be uninitialised.

use std::ffi::CStr;

use tuplenet::{
    Network,
    frozen::Frozen,
    shape::{Numbers, Shape},
};

/// What a function returns. Unless all is well, nothing has been written.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The result has been written.
    Ok = 0,
    /// A pointer is null.
    NullPointer = 1,
    /// A pointer is not aligned for what it points to.
    Misaligned = 2,
    /// A length is not that of the model.
    WrongLength = 3,
}

impl Status {
    pub(crate) const ALL: [Status; 4] = [
        Status::Ok,
        Status::NullPointer,
        Status::Misaligned,
        Status::WrongLength,
    ];

    pub(crate) fn message(self) -> &'static CStr {
        match self {
            Status::Ok => c"no error",
            Status::NullPointer => c"a pointer is null: pass the address of an array",
            Status::Misaligned => {
                c"a pointer is misaligned: pass the address of an array of its type"
            }
            Status::WrongLength => {
                c"a length is not that of the model: pass the constants of the header"
            }
        }
    }
}

/// Writes `of(model, sample)` to `result`, where `sample` is the `len` values at `values`.
///
/// # Safety
/// If they are not null, `values` points to `len` values and `result` to memory for one `T`; meanwhile no other thread
/// writes the one or uses the other.
pub(crate) unsafe fn one<N: Network<In: Numbers>, T: Copy>(
    model: &Frozen<N>,
    values: *const f32,
    len: usize,
    result: *mut T,
    of: impl FnOnce(&Frozen<N>, &<N::In as Shape>::Array) -> T,
) -> Status {
    const { is_values::<N::In>() };
    if values.is_null() || result.is_null() {
        return Status::NullPointer;
    }
    if !values.is_aligned() || !result.is_aligned() {
        return Status::Misaligned;
    }
    if len != N::In::LEN {
        return Status::WrongLength;
    }
    // SAFETY: not null, aligned, and the caller guarantees `len` values; by the assertion, they are an array of this shape.
    let sample = unsafe { &*values.cast::<<N::In as Shape>::Array>() };
    let of_sample = of(model, sample);
    // SAFETY: not null, aligned, and the caller guarantees memory for a `T`; `sample` is not used any more.
    unsafe { result.write(of_sample) };
    Status::Ok
}

/// As [`one`], of a result of `results_len` values.
///
/// # Safety
/// As of [`one`], and `results`, if it is not null, points to memory for `results_len` values.
pub(crate) unsafe fn several<N: Network<In: Numbers>>(
    model: &Frozen<N>,
    values: *const f32,
    len: usize,
    results: *mut f32,
    results_len: usize,
    of: impl FnOnce(&Frozen<N>, &<N::In as Shape>::Array) -> <N::Output as Shape>::Array,
) -> Status {
    const { is_values::<N::Output>() };
    if !results.is_null() && results_len != N::Output::LEN {
        return Status::WrongLength;
    }
    // SAFETY: guaranteed by the caller; by the assertion, memory for `results_len` values is memory for the array.
    unsafe { one(model, values, len, results.cast(), of) }
}

/// Checks that an array of the shape `S` is its values, one after another.
const fn is_values<S: Shape>() {
    assert!(size_of::<S::Array>() == S::LEN * size_of::<f32>());
    assert!(align_of::<S::Array>() == align_of::<f32>());
}
