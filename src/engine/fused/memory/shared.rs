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
        let mut values = AVec::with_capacity(64, len);
        ask_for_large_pages(values.as_mut_ptr(), len);
        (0..len).for_each(|_| values.push(UnsafeCell::new(T::default())));
        Shared { values }
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

/// Asks the system to have this memory in pages of 2 MB if it is large, before anything is written to it. The rows that a
/// step reads of a table are in as many pages of 4 kB, and the processor has the addresses of 3,000 pages at a time.
fn ask_for_large_pages<T>(start: *mut T, len: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};

        const PAGE: usize = 4096;
        let first = (start as usize).next_multiple_of(PAGE);
        let end = (start as usize + len * size_of::<T>()) / PAGE * PAGE;
        if end.saturating_sub(first) >= LARGE_BYTES {
            let start = start.wrapping_byte_add(first - start as usize);
            // SAFETY: whole pages of memory that the caller has just allocated; the advice changes no values. A system that
            // has no such pages returns an error, and the memory is as good without them.
            let _ = unsafe { madvise(start.cast(), end - first, Advice::LinuxHugepage) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, len);
}

/// Two large pages: at least one is within the memory, wherever it begins.
#[cfg(target_os = "linux")]
const LARGE_BYTES: usize = 1 << 22;

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({} values)", self.values.len())
    }
}
