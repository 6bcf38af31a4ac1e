//! [`Bytes`]: what buffers take of the memory.

use super::{image::ImageBuffer, matrix::Matrix, shared::Shared};

/// Something that owns buffers.
pub(crate) trait Bytes {
    /// The bytes of its buffers.
    fn bytes(&self) -> usize;
}

impl<T: Copy + Default> Bytes for Shared<T> {
    fn bytes(&self) -> usize {
        self.len() * size_of::<T>()
    }
}

/// Of a table and its moments, those of all three.
impl Bytes for Matrix {
    fn bytes(&self) -> usize {
        self.buffer().bytes()
    }
}

impl Bytes for ImageBuffer {
    fn bytes(&self) -> usize {
        self.buffer().bytes()
    }
}

impl<T: Bytes> Bytes for [T] {
    fn bytes(&self) -> usize {
        self.iter().map(T::bytes).sum()
    }
}

impl<T: Bytes> Bytes for Vec<T> {
    fn bytes(&self) -> usize {
        self[..].bytes()
    }
}
