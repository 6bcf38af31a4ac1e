//! Eight-bit models: a network whose weights and activations are bytes, for inference; no heap, no `std`, no panic.
//!
//! ```text
//! type ─► plan ─► program ┐
//!                         ├─► tensors (checks) ─► pack (at compile time, or when loaded) ─► Quantized
//! file of `Quantizer` ────┘
//! ```

#![allow(
    unsafe_code,
    reason = "kernels on an arena whose places the compiler computes, each block with its proof"
)]

mod each;
#[doc(hidden)]
pub mod embed;
mod lanes;
mod level;
mod macros;
mod models;
mod pack;
mod pool;
mod product;
mod program;
#[cfg(feature = "train")]
mod quantizer;
mod round;
mod run;
mod stack;
mod tensors;
mod vectors;

use core::{fmt, marker::PhantomData};

#[cfg(feature = "std")]
pub use self::models::Loaded;
pub use self::models::{Embedded, Models};
#[cfg(feature = "std")]
use self::program::ProgramOf;
#[cfg(feature = "train")]
pub use self::quantizer::{Calibrated, Quantizer};
use self::{level::Level, stack::CodeOf};
#[cfg(feature = "std")]
use crate::weights::Mismatch;
use crate::{
    argmax::argmax,
    network::Network,
    shape::{Sample, Shape},
    single::portable_softmax,
};

#[doc(inline)]
pub use crate::quantized;

/// The network `N` with weights and activations of eight bits, for inference one sample at a time.
///
/// [`quantized!`](crate::quantized!) embeds a file in the program and checks it at compile time; `Quantized::from_bytes` reads
/// one at run time. The file is made by a `Quantizer`, from trained weights and a data set. Nothing is allocated by a prediction,
/// which cannot fail and has the same bits on every processor.
///
/// Networks are of `Linear`, `Conv2d` and `Conv1d` without groups, poolings, `Flatten`, `Residual`, activations without
/// parameters, `Dropout`, a `Standardize` at the start, and batch normalisations directly after a `Linear` or a convolution.
/// Another layer is a compile error.
///
/// `x = s (q - z)`: a weight is a whole number from -127 to 127 with a scale for each output channel; an activation is one from 0
/// to 255, with a scale and a zero point for each tensor. Sums are of 32 bits; the last layer's are the logits if it is a `Linear`
/// or a convolution. A NaN in a sample counts as the lowest value.
///
/// Source: B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", 2018,
/// <https://arxiv.org/abs/1712.05877>; R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018,
/// <https://arxiv.org/abs/1806.08342>.
///
/// ```standalone_crate
/// use tuplenet::{prelude::*, quantized::quantized};
///
/// quantized! {
///     /// Reads a digit of 28 x 28 pixels: 26 kB.
///     static DIGITS: (Linear<784, 32>, ReLU, Linear<32, 10>) = "../../examples/digits-int8.safetensors";
/// }
///
/// let pixels = [0.0; 784];
/// let logits: [f32; 10] = DIGITS.predict(&pixels);
/// let probabilities: [f32; 10] = DIGITS.probabilities(&pixels);
/// assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
/// assert!(DIGITS.classify(&pixels) < 10);
/// ```
pub struct Quantized<N: Network, M = Embedded> {
    model: M,
    network: PhantomData<fn() -> N>,
}

#[cfg(feature = "std")]
impl<N: Network> Quantized<N> {
    /// The network with the parameters in the bytes of a file that a `Quantizer` has written.
    ///
    /// ```
    /// use tuplenet::{prelude::*, quantized::Quantized};
    ///
    /// let file = std::fs::read("examples/digits-int8.safetensors")?;
    /// let digits = Quantized::<(Linear<784, 32>, ReLU, Linear<32, 10>)>::from_bytes(&file)?;
    /// assert!(digits.classify(&[0.0; 784]) < 10);
    ///
    /// let wider = Quantized::<(Linear<784, 64>, ReLU, Linear<64, 10>)>::from_bytes(&file);
    /// let words = "`0.weight`: expected I8 [64, 784], found I8 [32, 784]";
    /// assert_eq!(wider.unwrap_err().to_string(), words);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Mismatch`], naming the tensor, when the bytes are not such a file for this network.
    pub fn from_bytes(file: &[u8]) -> Result<Quantized<N, Loaded>, Mismatch> {
        let program = const { &ProgramOf::<N>::PROGRAM };
        Ok(Quantized {
            model: Loaded::new(file, program, const { &N::PLAN })?,
            network: PhantomData,
        })
    }
}

impl<N: Network, M: Models> Quantized<N, M> {
    /// The logits of one sample: of `[f32; I]`, or `[[[f32; W]; H]; C]` for an image, mostly `[f32; O]`.
    ///
    /// Activations are on the stack. If they are more than 512 KiB, this does not compile.
    pub fn predict(&self, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Array {
        self.predict_at(Level::widest(), sample)
    }

    fn predict_at(&self, level: Level, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Array {
        let mut logits = N::Output::zeros();
        // SAFETY: `Loaded::new` and `embed::quantized` have checked that the parameters are those of `N`; the types fix both
        // lengths, and the code has chosen an arena with room for the program of `N`.
        unsafe {
            CodeOf::<N>::ON_STACK(
                level,
                self.model.model(),
                sample.values(),
                N::Output::values_mut(&mut logits),
            )
        };
        logits
    }

    /// The probability of each class for one sample: the softmax of its logits, `p_c = exp(z_c) / sum_k exp(z_k)`.
    pub fn probabilities(&self, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Array {
        let mut array = self.predict(sample);
        portable_softmax(N::Output::values_mut(&mut array));
        array
    }

    /// The predicted class of one sample, that of its largest logit, the first in a tie: its index, or an `L` of a network
    /// that ends with [`Logits<L>`](crate::label::Logits).
    pub fn classify(&self, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Class {
        N::Output::class(argmax(N::Output::values(&self.predict(sample))))
    }
}

impl<N: Network, M> fmt::Debug for Quantized<N, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quantized<{}>", core::any::type_name::<N>())
    }
}
