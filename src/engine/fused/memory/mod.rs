//! Buffers: the packed layout of every matrix, the layout of images, and memory that several threads write at once.

pub(crate) mod bytes;
pub(crate) mod image;
pub(crate) mod matrix;
pub(crate) mod packed;
pub(crate) mod raw_slice;
pub(crate) mod shared;
