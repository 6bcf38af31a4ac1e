//! [`Models`]: the parameters of an eight-bit model, embedded in the program or read from a file.

#[cfg(feature = "std")]
mod loaded;

#[cfg(feature = "std")]
pub use self::loaded::Loaded;
use super::run::Model;

/// The parameters of a [`Quantized`](crate::quantized::Quantized): embedded in the program, or loaded.
pub trait Models: Sealed {}

/// Seals [`Models`].
pub trait Sealed {
    /// The parameters.
    #[doc(hidden)]
    fn model(&self) -> Model<'_>;
}

/// Parameters that [`quantized!`](crate::quantized!) embedded in the program.
#[derive(Clone, Copy, Debug)]
pub struct Embedded(pub(super) Model<'static>);

impl Models for Embedded {}
impl Sealed for Embedded {
    #[inline(always)]
    fn model(&self) -> Model<'_> {
        self.0
    }
}
