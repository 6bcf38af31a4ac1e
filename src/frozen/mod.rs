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
mod macros;
mod values;

use core::{fmt, marker::PhantomData};

pub use self::values::{Borrowed, Embedded};
pub use crate::single::Values;
use crate::{
    argmax::argmax,
    network::Network,
    plan::Plan,
    shape::{Sample, Shape, Vector},
    single::{Level, MAX_WIDTH, fits_the_stack, forward, widest},
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
/// Activations are on the stack: two buffers as wide as the widest layer, rounded up to a power of two, 4 bytes per
/// value; an embedded model adds a list of 1 kB of the first layer's non-zero inputs. So no layer may have more than
/// 65,536 outputs: beyond that, [`frozen!`](crate::frozen!) is a compile error, and [`Frozen::from_bytes`] returns an
/// error.
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
    /// The network with the weights in the bytes of a `.safetensors` file, read or mapped into memory:
    /// they are borrowed, not copied, and need no alignment.
    ///
    /// The file has exactly this network's tensors, all `f32`, with the keys of `torch.nn.Sequential`; or it is a
    /// training checkpoint, of which the same weights are read as by `Weights::load`.
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
    /// [`Mismatch`], naming the tensor, when the bytes are not such a file, or when a layer is wider than 65,536.
    pub fn from_bytes(file: &[u8]) -> Result<Frozen<N, Borrowed<'_>>, Mismatch>
    where
        N::In: Vector,
    {
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
    ) -> Result<Frozen<N, Borrowed<'a>>, Mismatch>
    where
        N::In: Vector,
    {
        borrowed(file, Names::Listed(names))
    }
}

/// Checks that the plan's activations fit on the stack.
///
/// # Errors
/// [`Mismatch`], when a layer is wider than 65,536.
const fn check_stack(plan: &Plan) -> Result<(), Mismatch> {
    if fits_the_stack(plan) {
        return Ok(());
    }
    let expected = Text::of("layers at most ")
        .then_number(MAX_WIDTH)
        .then(" wide, as activations are on the stack");
    let found = Text::of("a width of ").then_number(widest(plan));
    Err(Mismatch::of("network", expected, found))
}

fn borrowed<'a, N: Network<In: Vector>>(
    file: &'a [u8],
    names: Names<'_>,
) -> Result<Frozen<N, Borrowed<'a>>, Mismatch> {
    check_stack(const { &N::PLAN })?;
    let places = header::places(file, const { &N::PLAN }, names)?;
    let values = Borrowed::new(file, &places, const { &N::PLAN }, names)?;
    Ok(Frozen {
        values,
        network: PhantomData,
    })
}

impl<N: Network<In: Vector>, V: Values> Frozen<N, V> {
    /// The logits of one sample, `[f32; I]` to `[f32; O]`, as the engines compute them.
    pub fn predict(&self, sample: &impl Sample<N::In>) -> <N::Output as Shape>::Array {
        let mut logits = N::Output::zeros();
        // SAFETY: `borrowed` and `embed::places` have checked that the plan fits the stack and that the values are
        // those of `N`; the types fix both lengths.
        unsafe {
            forward::<N, V>(
                &self.values,
                Level::widest(),
                sample.values(),
                N::Output::values_mut(&mut logits),
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
        let values = N::Output::values_mut(&mut array);
        let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for value in values.iter_mut() {
            *value = libm::expf(*value - largest);
            sum += *value;
        }
        for value in values {
            *value /= sum;
        }
        array
    }

    /// The predicted class of one sample: the index of its largest logit, the first in a tie.
    ///
    /// As in `torch.argmax`, a NaN counts as larger than any number, and the first one wins. So where any logit is
    /// NaN, the logit and the probability of the returned class are NaN: test one of them to know whether the class is
    /// meaningful.
    pub fn classify(&self, sample: &impl Sample<N::In>) -> usize {
        argmax(N::Output::values(&self.predict(sample)))
    }
}

impl<N: Network, V> fmt::Debug for Frozen<N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frozen<{}>", core::any::type_name::<N>())
    }
}
