//! Borrowed slices without their lifetimes, for the workers of one job.

/// A slice to read; its owner waits until the job is done.
pub(crate) struct RawSlice<T> {
    first: *const T,
    len: usize,
}

/// A slice to write; its owner waits until the job is done.
pub(crate) struct RawSliceMut<T> {
    first: *mut T,
    len: usize,
}

// SAFETY: both are accessed only through unsafe functions, under the rules of `&[T]` and `&mut [T]`.
unsafe impl<T: Sync> Send for RawSlice<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for RawSlice<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for RawSliceMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for RawSliceMut<T> {}

impl<T> RawSlice<T> {
    pub(crate) fn new(slice: &[T]) -> Self {
        RawSlice {
            first: slice.as_ptr(),
            len: slice.len(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The slice.
    ///
    /// # Safety
    /// The slice is still borrowed: its owner is waiting.
    pub(crate) unsafe fn get(&self) -> &[T] {
        // SAFETY: pointer and length are those of a slice, which is still borrowed, as the caller guarantees.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }
}

impl<T> RawSliceMut<T> {
    pub(crate) fn new(slice: &mut [T]) -> Self {
        RawSliceMut {
            first: slice.as_mut_ptr(),
            len: slice.len(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// The slice is still borrowed, and no other live part overlaps this one.
    ///
    /// # Panics
    /// When the range is out of bounds.
    #[expect(
        clippy::mut_from_ref,
        reason = "the caller guarantees exclusive access to the part"
    )]
    pub(crate) unsafe fn slice_mut(&self, range: std::ops::Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the part is within the slice, which is still borrowed; the caller has exclusive access to it.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(range.start), range.len()) }
    }
}
