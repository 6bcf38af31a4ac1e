//! The shape of one sample, as a type.

mod inputs;
mod pair;
mod tokens;

use core::{fmt::Debug, marker::PhantomData};

pub(crate) use sealed::Sealed;

pub use self::{
    inputs::Inputs,
    pair::{Pair, Part},
    tokens::{Category, Tokens},
};

/// Seals [`Shape`] and [`Sample`]: kernels rely on their lengths.
mod sealed {
    use super::{Features, Flat, Image, Shape};

    pub trait Sealed {}
    impl<const N: usize> Sealed for Features<N> {}
    impl<const C: usize, const H: usize, const W: usize> Sealed for Image<C, H, W> {}
    impl<S: Shape> Sealed for Flat<S> {}
    impl<const N: usize> Sealed for [f32; N] {}
    impl<const H: usize, const W: usize> Sealed for [[f32; W]; H] {}
    impl<const C: usize, const H: usize, const W: usize> Sealed for [[[f32; W]; H]; C] {}
}

/// A vector of `N` features: the input or output of a layer for one sample.
#[derive(Clone, Copy, Debug)]
pub struct Features<const N: usize>;

/// An image of `C` channels, `H` rows and `W` columns; the rows of a channel are contiguous, channel after channel, as
/// in PyTorch. Its sides are at most 512.
#[derive(Clone, Copy, Debug)]
pub struct Image<const C: usize, const H: usize, const W: usize>;

/// A sequence of `L` positions with `C` channels, such as the vectors of a text's words, or the readings of `C`
/// sensors: an image of one row. So every layer of images takes it, besides [`Conv1d`](crate::layers::Conv1d) and the
/// poolings of one dimension, and errors name the image. `L` is at most 512.
pub type Sequence<const C: usize, const L: usize> = Image<C, 1, L>;

/// The values of `S` as one vector: what [`Flatten`](crate::layers::Flatten) gives.
///
/// Its width is the constant [`LEN`](Shape::LEN), but no number in its type, as stable Rust cannot write `C * H * W`
/// there. [`LazyLinear`](crate::layers::LazyLinear) takes it, whatever its width.
#[derive(Clone, Copy, Debug)]
pub struct Flat<S>(PhantomData<S>);

/// A shape whose values are numbers, as those of [`Features`], [`Image`] and [`Flat`] are: a logit has a gradient with
/// respect to them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has tokens, with respect to which a logit has no gradient",
    label = "a sample of tokens",
    note = "saliency and integrated gradients explain networks whose samples are numbers"
)]
pub trait Numbers: Shape {}
impl<const N: usize> Numbers for Features<N> {}
impl<const C: usize, const H: usize, const W: usize> Numbers for Image<C, H, W> {}
impl<S: Numbers> Numbers for Flat<S> {}

/// A shape that is known at compile time: [`Features`], [`Image`], [`Flat`], [`Tokens`], [`Category`] and [`Pair`].
///
/// ```
/// use tuplenet::shape::{Features, Image, Shape};
/// assert_eq!(<Features<784> as Shape>::LEN, 784);
/// assert_eq!(<Image<3, 32, 32> as Shape>::LEN, 3 * 32 * 32);
/// ```
pub trait Shape: Sealed + Copy + Debug + Send + Sync + 'static {
    /// The number of values.
    const LEN: usize;
    /// The dimensions: `[N]` of a vector; channels, rows and columns of an image.
    const DIMS: &'static [usize];
    /// One sample: `[f32; N]` for [`Features`], `[[[f32; W]; H]; C]` for [`Image`], `[Token<V>; L]` for [`Tokens`],
    /// `Token<V>` for [`Category`], and a [`Pair`] of two of these for a `Pair`.
    type Array: Copy + Debug + PartialEq + Send + Sync;
    /// A class, where the values are logits: its index, `usize`, or an enumeration for
    /// [`Logits`](crate::label::Logits).
    type Class: Copy + Debug + PartialEq + Send + Sync;
    /// A sample of zeros.
    fn zeros() -> Self::Array;
    /// The values of a sample, in order.
    fn values(sample: &Self::Array) -> &[f32];
    /// The values of a sample, in order, to write.
    fn values_mut(sample: &mut Self::Array) -> &mut [f32];
    /// The class with this index, below [`LEN`](Shape::LEN).
    fn class(index: usize) -> Self::Class;
    /// Whether a value of the sample is a token.
    const HAS_TOKENS: bool = false;
    /// The arrays that a sample consists of.
    const INPUTS: Inputs = Inputs::One {
        dims: Self::DIMS,
        has_tokens: Self::HAS_TOKENS,
    };
    /// The vocabulary of which value `index` of the sample is a token; `None` for a number.
    fn vocabulary(index: usize) -> Option<usize> {
        let _ = index;
        None
    }
}

impl<const N: usize> Shape for Features<N> {
    const LEN: usize = N;
    const DIMS: &'static [usize] = &[N];
    type Array = [f32; N];
    type Class = usize;

    fn zeros() -> [f32; N] {
        [0.0; N]
    }

    fn values(sample: &[f32; N]) -> &[f32] {
        sample
    }

    fn values_mut(sample: &mut [f32; N]) -> &mut [f32] {
        sample
    }

    fn class(index: usize) -> usize {
        index
    }
}

impl<const C: usize, const H: usize, const W: usize> Shape for Image<C, H, W> {
    const LEN: usize = C * H * W;
    const DIMS: &'static [usize] = &[C, H, W];
    type Array = [[[f32; W]; H]; C];
    type Class = usize;

    fn zeros() -> Self::Array {
        [[[0.0; W]; H]; C]
    }

    fn values(sample: &Self::Array) -> &[f32] {
        sample.as_flattened().as_flattened()
    }

    fn values_mut(sample: &mut Self::Array) -> &mut [f32] {
        sample.as_flattened_mut().as_flattened_mut()
    }

    fn class(index: usize) -> usize {
        index
    }
}

impl<S: Shape> Shape for Flat<S> {
    const LEN: usize = S::LEN;
    const DIMS: &'static [usize] = &[S::LEN];
    type Array = S::Array;
    type Class = usize;

    fn zeros() -> Self::Array {
        S::zeros()
    }

    fn values(sample: &Self::Array) -> &[f32] {
        S::values(sample)
    }

    fn values_mut(sample: &mut Self::Array) -> &mut [f32] {
        S::values_mut(sample)
    }

    fn class(index: usize) -> usize {
        index
    }
}

/// One sample of shape `S`: `[f32; N]` for `Features<N>`; `[[[f32; W]; H]; C]` for `Image<C, H, W>`, and `[[f32; W]; H]`
/// if it has one channel; `[Token<V>; L]` for `Tokens<L, V>`, and `Token<V>` for `Category<V>`; a [`Pair`]
/// of a sample of `A` and one of `B` for `Pair<A, B>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not one sample of a network that takes `{S}`",
    label = "an array of the wrong length",
    note = "pass an array of as many `f32` as the network's first layer takes, or its tokens"
)]
pub trait Sample<S: Shape>: Sealed {
    /// The values, in order.
    fn values(&self) -> &[f32];
}

impl<const N: usize> Sample<Features<N>> for [f32; N] {
    fn values(&self) -> &[f32] {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<const C: usize, const H: usize, const W: usize> Sample<Image<C, H, W>> for [[[f32; W]; H]; C] {
    fn values(&self) -> &[f32] {
        self.as_flattened().as_flattened()
    }
}

#[diagnostic::do_not_recommend]
impl<const H: usize, const W: usize> Sample<Image<1, H, W>> for [[f32; W]; H] {
    fn values(&self) -> &[f32] {
        self.as_flattened()
    }
}

/// A shape that the layer `L` keeps, as an activation does: every shape.
///
/// Not meant for users: it exists for its error message, and as a type that follows from it where it holds, so that a
/// mistake is one error and not two.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{L}` cannot follow a layer that gives `{Self}`",
    label = "the layers of this network do not fit together"
)]
pub trait Kept<L>: Shape {
    /// The shape itself.
    type Same: Shape;
}

macro_rules! kept {
    ($([$($generics:tt)*] $shape:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<L, $($generics)*> Kept<L> for $shape {
            type Same = Self;
        }
    )*};
}
kept! {
    [const N: usize] Features<N>;
    [const C: usize, const H: usize, const W: usize] Image<C, H, W>;
    [S: Shape] Flat<S>;
}
