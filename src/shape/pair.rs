//! [`Pair`]: two inputs.

#![allow(
    unsafe_code,
    reason = "a pair of values as one slice of values, each block with its proof"
)]

use core::slice;

use super::{Category, Features, Image, Inputs, Sample, Sealed, Shape, Tokens};

/// Two inputs, and two samples: as a shape, `Pair<A, B>` is that of a network with an input of shape `A` and one of shape
/// `B`; `Pair(a, b)` is one sample of it. Three inputs are `Pair<A, Pair<B, C>>`.
///
/// [`Parallel`](crate::layers::Parallel) takes it.
///
/// ```
/// use tuplenet::{shape::{Category, Features, Pair, Shape}, token::Token};
///
/// /// A user's age and income, and one of 50 countries.
/// type User = Pair<Features<2>, Category<50>>;
/// assert_eq!(User::LEN, 3);
/// let user = Pair([41.0, 52e3], Token::<50>::new(7).expect("7 < 50"));
/// assert_eq!(User::values(&user), [41.0, 52e3, 7.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Pair<A, B>(pub A, pub B);

/// What can be in a [`Pair`]: features, an image, tokens, a category, or a pair.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in a `Pair`",
    label = "one of two inputs",
    note = "an input of a pair is `Features<N>`, `Image<C, H, W>`, `Tokens<L, V>`, `Category<V>` or another `Pair`"
)]
pub trait Part: Shape<Array: Sample<Self>> {}
impl<const N: usize> Part for Features<N> {}
impl<const C: usize, const H: usize, const W: usize> Part for Image<C, H, W> {}
impl<const L: usize, const V: usize> Part for Tokens<L, V> {}
impl<const V: usize> Part for Category<V> {}
impl<A: Part, B: Part> Part for Pair<A, B> {}

// Also of two samples.
impl<A: Sealed, B: Sealed> Sealed for Pair<A, B> {}

/// The values of a pair of samples of `A` and `B`: all that is sealed consists of `f32` alone.
fn values<A: Shape, B: Shape, X: Sample<A>, Y: Sample<B>>(pair: &Pair<X, Y>) -> &[f32] {
    const {
        assert!(size_of::<Pair<X, Y>>() == (A::LEN + B::LEN) * size_of::<f32>());
        assert!(align_of::<Pair<X, Y>>() == align_of::<f32>());
    }
    // SAFETY: `Sample` is sealed: a sample is an array of `f32`, a `Token`, which is one, or a pair of such, whose layout is
    // that of C. So all of its bytes are those of `f32`, as many as the assertion says.
    unsafe { slice::from_raw_parts((&raw const *pair).cast(), A::LEN + B::LEN) }
}

impl<A: Part, B: Part> Shape for Pair<A, B> {
    const LEN: usize = A::LEN + B::LEN;
    const DIMS: &'static [usize] = &[A::LEN + B::LEN];
    type Array = Pair<A::Array, B::Array>;
    type Class = usize;
    const HAS_TOKENS: bool = A::HAS_TOKENS || B::HAS_TOKENS;
    const INPUTS: Inputs = Inputs::Two {
        first: &A::INPUTS,
        second: &B::INPUTS,
    };

    fn zeros() -> Self::Array {
        Pair(A::zeros(), B::zeros())
    }

    fn values(sample: &Self::Array) -> &[f32] {
        values::<A, B, _, _>(sample)
    }

    fn values_mut(sample: &mut Self::Array) -> &mut [f32] {
        let len = values::<A, B, _, _>(sample).len();
        // SAFETY: as in `values`; all bits of an `f32` are valid there.
        unsafe { slice::from_raw_parts_mut((&raw mut *sample).cast(), len) }
    }

    fn class(index: usize) -> usize {
        index
    }

    fn vocabulary(index: usize) -> Option<usize> {
        match index.checked_sub(A::LEN) {
            None => A::vocabulary(index),
            Some(index) => B::vocabulary(index),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<A: Part, B: Part, X: Sample<A>, Y: Sample<B>> Sample<Pair<A, B>> for Pair<X, Y> {
    fn values(&self) -> &[f32] {
        values::<A, B, X, Y>(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;

    #[test]
    fn the_values_of_nested_pairs_are_one_after_another() {
        type Three = Pair<Features<2>, Pair<Category<9>, Tokens<3, 5>>>;
        let token = |index| Token::new(index).unwrap();
        let mut sample = Pair(
            [0.5, -1.0],
            Pair(Token::<9>::new(8).unwrap(), [4, 0, 2].map(token)),
        );
        assert_eq!(Three::values(&sample), [0.5, -1.0, 8.0, 4.0, 0.0, 2.0]);
        assert_eq!(Sample::<Three>::values(&sample), Three::values(&sample));
        Three::values_mut(&mut sample).copy_from_slice(&[1.0, 2.0, 3.0, 0.0, 1.0, 4.0]);
        assert_eq!(
            sample,
            Pair(
                [1.0, 2.0],
                Pair(Token::new(3).unwrap(), [0, 1, 4].map(token))
            )
        );
        let vocabularies: Vec<_> = (0..6).map(Three::vocabulary).collect();
        assert_eq!(
            vocabularies,
            [None, None, Some(9), Some(5), Some(5), Some(5)]
        );
    }
}
