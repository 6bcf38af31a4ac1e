//! [`Storage`]: where the features of a data set are.

use std::{fmt, ops::Deref};

#[cfg(feature = "mmap")]
use super::mapped::Mapped;

/// Values in memory, or, with the feature `mmap`, in a file that is mapped into it: a slice of them.
///
/// A clone of values in memory is a copy; clones of values in a file share it.
#[derive(Clone)]
pub struct Storage<V>(Place<V>);

#[derive(Clone)]
enum Place<V> {
    Memory(Vec<V>),
    #[cfg(feature = "mmap")]
    File(Mapped<V>),
}

impl<V> Storage<V> {
    #[cfg(feature = "mmap")]
    pub(super) fn in_file(values: Mapped<V>) -> Self {
        Storage(Place::File(values))
    }

    /// Whether they are in a file.
    pub(super) fn is_mapped(&self) -> bool {
        match self.0 {
            Place::Memory(_) => false,
            #[cfg(feature = "mmap")]
            Place::File(_) => true,
        }
    }

    /// The buffer of values in memory; an empty one for those in a file.
    pub(super) fn into_vec(self) -> Vec<V> {
        match self.0 {
            Place::Memory(values) => values,
            #[cfg(feature = "mmap")]
            Place::File(_) => Vec::new(),
        }
    }
}

impl<V> From<Vec<V>> for Storage<V> {
    fn from(values: Vec<V>) -> Self {
        Storage(Place::Memory(values))
    }
}

impl<V: fmt::Debug> fmt::Debug for Storage<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Memory(values) => values.fmt(f),
            #[cfg(feature = "mmap")]
            Place::File(mapped) => mapped.fmt(f),
        }
    }
}

#[cfg(feature = "mmap")]
impl<V: bytemuck::AnyBitPattern> Storage<V> {
    /// See [`Mapped::will_need`].
    pub(super) fn will_need(&self, width: usize, order: Vec<u32>) {
        if let Place::File(mapped) = &self.0 {
            mapped.will_need(width, order);
        }
    }

    /// See [`Mapped::reads_single_pages`].
    pub(super) fn reads_single_pages(&self, alone: bool) {
        if let Place::File(mapped) = &self.0 {
            mapped.reads_single_pages(alone);
        }
    }
}

// Not for every `V`: of a file's bytes not all are values of any type.
macro_rules! slices {
    ($($value:ty)*) => {$(
        impl Deref for Storage<$value> {
            type Target = [$value];

            fn deref(&self) -> &[$value] {
                match &self.0 {
                    Place::Memory(values) => values,
                    #[cfg(feature = "mmap")]
                    Place::File(mapped) => mapped.values(),
                }
            }
        }

        impl PartialEq for Storage<$value> {
            fn eq(&self, other: &Self) -> bool {
                **self == **other
            }
        }
    )*};
}
slices!(u8 f32);
