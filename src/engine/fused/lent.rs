//! Slices lent to a team's threads for the length of one run.

/// A slice to read, whose owner waits until the team has done with it.
pub(super) struct Lent<T> {
    first: *const T,
    len: usize,
}

/// A slice to write, whose owner waits until the team has done with it.
pub(super) struct LentMut<T> {
    first: *mut T,
    len: usize,
}

// SAFETY: both are used through unsafe functions alone, as `&[T]` and `&mut [T]` would be.
unsafe impl<T: Sync> Send for Lent<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Lent<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for LentMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for LentMut<T> {}

impl<T> Lent<T> {
    pub(super) fn new(slice: &[T]) -> Self {
        Lent {
            first: slice.as_ptr(),
            len: slice.len(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The slice.
    ///
    /// # Safety
    /// The slice that was lent is still borrowed: its owner has not gone on.
    pub(super) unsafe fn get(&self) -> &[T] {
        // SAFETY: pointer and length are those of a slice, which still lives, says the caller.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }
}

impl<T> LentMut<T> {
    pub(super) fn new(slice: &mut [T]) -> Self {
        LentMut {
            first: slice.as_mut_ptr(),
            len: slice.len(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// The slice that was lent is still borrowed, and no other part that lives overlaps this one.
    ///
    /// # Panics
    /// When the slice has no such part.
    #[expect(
        clippy::mut_from_ref,
        reason = "the caller promises that the part is its own"
    )]
    pub(super) unsafe fn part(&self, range: std::ops::Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the part lies in the slice, which still lives; it is the caller's alone.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(range.start), range.len()) }
    }
}
