//! Frozen models: a network with its weights, checked against its type at compile time; no heap, no `std`, no panic.
//!
//! ```text
//! type ─► plan ┐
//!              ├─► weights::header (checks) ─► embed (blocks of columns, at compile time) ─► Frozen
//! weights file ┘                         └───► Borrowed (the file's bytes, at run time)  ─► Frozen
//! ```

#![allow(
    unsafe_code,
    reason = "calls of kernels whose lengths the type fixes, each with its proof"
)]

#[doc(hidden)]
pub mod embed;
mod gradient;
mod macros;
mod values;

use core::{fmt, marker::PhantomData};

pub use self::values::{Borrowed, Embedded};
pub use crate::single::Values;
use crate::{
    argmax::argmax,
    network::Network,
    shape::{Sample, Shape},
    single::{Level, MAX_ON_STACK, arena, forward, forward_in, softmax},
    text::Text,
    weights::{Mismatch, header, names::Names},
};

#[doc(inline)]
pub use crate::frozen;

/// The network `N` with constant weights, for inference one sample at a time.
///
/// [`frozen!`](crate::frozen!) embeds a weights file in the program and checks it at compile time;
/// [`Frozen::from_bytes`] borrows a file's bytes at run time. In both cases nothing is allocated, inference cannot
/// fail, and `std` is not needed.
///
/// Activations are on the stack, in an arena of [`ACTIVATION_LEN`](Frozen::ACTIVATION_LEN) values of 4 bytes, rounded up
/// to a power of two or three quarters of one; an embedded model adds a list of 1 kB of the first `Linear`'s non-zero
/// inputs. The arena is as long as the longest input and output of a layer together, without the sample, and what Winograd's
/// algorithm needs. If that is more than 131,072 values (512 KiB), [`Frozen::predict`] is a compile error, and
/// [`Frozen::predict_in`] takes a buffer instead.
///
/// An embedded model computes convolutions of 3 x 3 with a stride of 1, at least 16 channels in and out and as much as the stack has
/// room for by Winograd's algorithm (A. Lavin, S. Gray, 2015, <https://arxiv.org/abs/1509.09308>), except on targets without an
/// operating system. Its results differ from the definition's by rounding errors, and a NaN or an infinity among its inputs or weights
/// makes whole squares of 2 x 2 outputs NaN.
///
/// # Accuracy
///
/// The largest errors of activations, over all `f32`, in ulp: the distance of the two `f32` around the exact value. Results may
/// be denormal; NaN remains NaN, and infinities give what they give in PyTorch.
///
/// | | with fused multiply-add (AVX-512, AVX2) | without |
/// | --- | --- | --- |
/// | `ReLU` | 0 | 0 |
/// | `LeakyReLU` | 0.5 | 0.5 |
/// | `Sigmoid` | 2.41 | 2.41 |
/// | `Tanh` | 2.50 | 2.50 |
/// | `GELU` | 5.20 | 5.82 |
/// | `Softplus` | 3.67 | 3.67 |
/// | `SiLU` | 3.20 | 3.20 |
/// | `ELU` (of `alpha` 1) | 0.86 | 0.95 |
/// | `Hardswish` | 1.88 | 1.88 |
///
/// ```standalone_crate
/// use tuplenet::prelude::*;
///
/// tuplenet::frozen! {
///     /// Reads a digit of 28 x 28 pixels.
///     static DIGITS: (Linear<784, 32>, ReLU, Linear<32, 10>) = "../../examples/digits.safetensors";
/// }
///
/// let pixels = [0.0; 784];
/// let logits: [f32; 10] = DIGITS.predict(&pixels);
/// let probabilities: [f32; 10] = DIGITS.probabilities(&pixels);
/// assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
/// assert!(DIGITS.classify(&pixels) < 10);
/// ```
pub struct Frozen<N: Network, V = Embedded> {
    values: V,
    network: PhantomData<fn() -> N>,
}

impl<N: Network> Frozen<N> {
    /// The number of values that [`Frozen::predict_in`] needs, for embedded and for borrowed weights.
    pub const ACTIVATION_LEN: usize = arena::<N>();

    /// The network with the weights in the bytes of a `.safetensors` file, read or mapped into memory:
    /// they are borrowed, not copied, and need no alignment.
    ///
    /// The file has exactly this network's tensors, each F32, F16 or BF16, with the keys of `torch.nn.Sequential`; or it is a
    /// training checkpoint, of which the same weights are read as by `Weights::load`. Weights of 16 bits are converted each
    /// time they are read, exactly.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// let file = std::fs::read("examples/digits.safetensors")?;
    /// let digits = Frozen::<(Linear<784, 32>, ReLU, Linear<32, 10>)>::from_bytes(&file)?;
    /// let logits: [f32; 10] = digits.predict(&[0.0; 784]);
    ///
    /// let wider = Frozen::<(Linear<784, 64>, ReLU, Linear<64, 10>)>::from_bytes(&file);
    /// let words = "`0.weight`: expected F32 [64, 784], found F32 [32, 784]";
    /// assert_eq!(wider.unwrap_err().to_string(), words);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Mismatch`], naming the tensor, when the bytes are not such a file.
    pub fn from_bytes(file: &[u8]) -> Result<Frozen<N, Borrowed<'_>>, Mismatch> {
        borrowed(file, Names::Sequential)
    }

    /// As [`Frozen::from_bytes`], with `names` for the layers that have parameters, in order: with `["fc1", "fc2"]`
    /// the tensors are `fc1.weight`, `fc1.bias`, `fc2.weight`, `fc2.bias`.
    ///
    /// # Errors
    /// As [`Frozen::from_bytes`], and when `names` are too few, too many or not distinct.
    pub fn from_bytes_named<'a>(
        file: &'a [u8],
        names: &[&str],
    ) -> Result<Frozen<N, Borrowed<'a>>, Mismatch> {
        borrowed(file, Names::Listed(names))
    }
}

/// Checks that the activations of `N` fit on the stack.
///
/// # Panics
/// At compile time, if not.
const fn check_stack<N: Network>() {
    if arena::<N>() > MAX_ON_STACK {
        let words: Text<160> = Text::of("the activations of this network need ")
            .then_number(arena::<N>())
            .then(" values, and the stack takes at most ")
            .then_number(MAX_ON_STACK)
            .then(": pass a buffer to `predict_in`");
        panic!("{}", words.as_str());
    }
}

fn borrowed<'a, N: Network>(
    file: &'a [u8],
    names: Names<'_>,
) -> Result<Frozen<N, Borrowed<'a>>, Mismatch> {
    let places = header::places(file, const { &N::PLAN }, names)?;
    Ok(Frozen {
        values: Borrowed::new(file, &places),
        network: PhantomData,
    })
}

impl<N: Network, V: Values> Frozen<N, V> {
    /// The logits of one sample, as the engines compute them: of `[f32; I]`, or `[[[f32; W]; H]; C]` for an image,
    /// mostly `[f32; O]`.
    ///
    /// If the activations do not fit the stack, this does not compile (see [`Frozen`]).
    pub fn predict(&self, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Array {
        self.predict_at(Level::widest(), sample)
    }

    fn predict_at(&self, level: Level, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Array {
        const { check_stack::<N>() };
        let mut logits = N::Output::zeros();
        // SAFETY: the assertion above; `borrowed` and `embed::frozen` have checked that the values are those of `N`; the
        // types fix both lengths.
        unsafe {
            forward::<N, V>(
                &self.values,
                level,
                sample.values(),
                N::Output::values_mut(&mut logits),
            )
        };
        logits
    }

    /// As [`Frozen::predict`], with the activations in `buffer`: for a network whose activations do not fit the stack.
    ///
    /// `L` is [`Frozen::ACTIVATION_LEN`] or more; a shorter buffer does not compile. What the buffer holds, before and
    /// after, means nothing.
    ///
    /// ```standalone_crate
    /// use tuplenet::prelude::*;
    ///
    /// type Net = (Linear<784, 32>, ReLU, Linear<32, 10>);
    /// tuplenet::frozen! {
    ///     static DIGITS: Net = "../../examples/digits.safetensors";
    /// }
    ///
    /// // On the heap, or a `static` of a program without a heap.
    /// let mut buffer = Box::new([0.0; Frozen::<Net>::ACTIVATION_LEN]);
    /// let logits: [f32; 10] = DIGITS.predict_in(&[0.5; 784], &mut buffer);
    /// assert_eq!(logits, DIGITS.predict(&[0.5; 784]));
    /// ```
    pub fn predict_in<const L: usize>(
        &self,
        sample: &impl Sample<N::In>,
        buffer: &mut [f32; L],
    ) -> <N::Output as Shape>::Array {
        const {
            assert!(
                L >= arena::<N>(),
                "the buffer is shorter than `Frozen::ACTIVATION_LEN`"
            );
        }
        let mut logits = N::Output::zeros();
        // SAFETY: as above, and the assertion here.
        unsafe {
            forward_in::<N, V, L>(
                &self.values,
                Level::widest(),
                sample.values(),
                N::Output::values_mut(&mut logits),
                buffer,
            )
        };
        logits
    }

    /// The probability of each class for one sample: the softmax of its logits.
    ///
    /// `p_c = exp(z_c) / sum_k exp(z_k)`, computed after subtracting the largest logit, so that nothing overflows. All
    /// are NaN if a logit is NaN or `inf`, as in PyTorch.
    pub fn probabilities(&self, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Array {
        let mut array = self.predict(sample);
        softmax(N::Output::values_mut(&mut array));
        array
    }

    /// The predicted class of one sample, that of its largest logit, the first in a tie: its index, or an `L` of a network
    /// that ends with [`Logits<L>`](crate::label::Logits).
    ///
    /// As in `torch.argmax`, a NaN counts as larger than any number, and the first one wins. So where any logit is
    /// NaN, the logit and the probability of the returned class are NaN: test one of them to know whether the class is
    /// meaningful.
    pub fn classify(&self, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Class {
        N::Output::class(argmax(N::Output::values(&self.predict(sample))))
    }
}

impl<N: Network, V> fmt::Debug for Frozen<N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frozen<{}>", core::any::type_name::<N>())
    }
}
