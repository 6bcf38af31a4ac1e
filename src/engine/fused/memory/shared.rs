//! A buffer whose parts several threads may write at once.

use std::{cell::UnsafeCell, fmt, ops::Range};

use aligned_vec::{AVec, ConstAlign};

/// Values on a 64-byte boundary, shared by the threads of a pool.
pub(crate) struct Shared<T> {
    values: AVec<UnsafeCell<T>, ConstAlign<64>>,
}

// SAFETY: `T` may be sent and shared. Through `&Shared` values are reached by unsafe functions alone
// (and by pointers, unsafe to use), whose callers promise that nothing is written while another thread
// reads or writes it.
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

    /// The first value's place.
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
        // SAFETY: a cell has the layout of its value; that nobody writes them is the caller's promise.
        unsafe { std::slice::from_raw_parts(cells.as_ptr().cast(), cells.len()) }
    }

    /// Values to write.
    ///
    /// # Safety
    /// While the slice lives, no other slice or view holds any of them.
    #[expect(
        clippy::mut_from_ref,
        reason = "the caller promises that the part is its own"
    )]
    pub(crate) unsafe fn slice_mut(&self, range: Range<usize>) -> &mut [T] {
        let cells = &self.values[range];
        let first = UnsafeCell::raw_get(cells.as_ptr());
        // SAFETY: the cells lie one after another; that they are this caller's alone is its promise.
        unsafe { std::slice::from_raw_parts_mut(first, cells.len()) }
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({} values)", self.values.len())
    }
}
