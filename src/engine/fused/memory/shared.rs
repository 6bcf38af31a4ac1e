//! A buffer whose parts several threads may write at once.

use std::{cell::UnsafeCell, fmt, ops::Range};

use aligned_vec::{AVec, ConstAlign};

/// Values with 64-byte alignment, shared by the threads of a pool.
pub(crate) struct Shared<T> {
    values: AVec<UnsafeCell<T>, ConstAlign<64>>,
}

// SAFETY: `T` may be sent and shared. Through `&Shared`, values are accessed only by unsafe functions (and by
// pointers, unsafe to use), whose callers guarantee that nothing is written while another thread reads or writes it.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T: Copy + Default> Shared<T> {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let zeros = std::iter::repeat_with(|| UnsafeCell::new(T::default()));
        Shared {
            values: AVec::from_iter(64, zeros.take(len)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// A pointer to the first value.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut T {
        UnsafeCell::raw_get(self.values.as_ptr())
    }

    /// Values to read.
    ///
    /// # Safety
    /// While the slice lives, no thread writes any of them.
    pub(crate) unsafe fn slice(&self, range: Range<usize>) -> &[T] {
        let cells = &self.values[range];
        // SAFETY: a cell has the layout of its value; the caller guarantees that no thread writes them.
        unsafe { std::slice::from_raw_parts(cells.as_ptr().cast(), cells.len()) }
    }

    /// Values to write.
    ///
    /// # Safety
    /// While the slice lives, no other slice or view holds any of them.
    #[expect(
        clippy::mut_from_ref,
        reason = "the caller guarantees exclusive access to the part"
    )]
    pub(crate) unsafe fn slice_mut(&self, range: Range<usize>) -> &mut [T] {
        let cells = &self.values[range];
        let first = UnsafeCell::raw_get(cells.as_ptr());
        // SAFETY: the cells are contiguous; the caller guarantees exclusive access to them.
        unsafe { std::slice::from_raw_parts_mut(first, cells.len()) }
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({} values)", self.values.len())
    }
}
