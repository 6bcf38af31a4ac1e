//! The shapes of tokens: [`Tokens`] and [`Category`].

use core::slice;

use super::{Inputs, Sample, Sealed, Shape};
use crate::token::Token;

/// A sequence of `L` tokens of a vocabulary of `V`, such as the words of a text; one that is shorter is filled up with
/// token 0, the padding.
///
/// Only the layers that have a vector for each token take it: [`Embedding`](crate::layers::Embedding), which keeps
/// their order, and [`EmbeddingBag`](crate::layers::EmbeddingBag).
#[derive(Clone, Copy, Debug)]
pub struct Tokens<const L: usize, const V: usize>;

/// One of `V` categories, such as a country or a user. Category 0 is like any other.
///
/// [`Embedding`](crate::layers::Embedding) takes it.
#[derive(Clone, Copy, Debug)]
pub struct Category<const V: usize>;

impl<const L: usize, const V: usize> Sealed for Tokens<L, V> {}
impl<const V: usize> Sealed for Category<V> {}
impl<const L: usize, const V: usize> Sealed for [Token<V>; L] {}
impl<const V: usize> Sealed for Token<V> {}

impl<const L: usize, const V: usize> Shape for Tokens<L, V> {
    const LEN: usize = L;
    const DIMS: &'static [usize] = &[L];
    type Array = [Token<V>; L];
    type Class = usize;

    fn zeros() -> [Token<V>; L] {
        [Token::PADDING; L]
    }

    fn values(sample: &[Token<V>; L]) -> &[f32] {
        Token::values(sample)
    }

    fn values_mut(sample: &mut [Token<V>; L]) -> &mut [f32] {
        Token::values_mut(sample)
    }

    fn class(index: usize) -> usize {
        index
    }

    const HAS_TOKENS: bool = true;

    fn vocabulary(_: usize) -> Option<usize> {
        Some(V)
    }
}

impl<const V: usize> Shape for Category<V> {
    const LEN: usize = 1;
    const DIMS: &'static [usize] = &[1];
    type Array = Token<V>;
    type Class = usize;

    fn zeros() -> Token<V> {
        Token::default()
    }

    fn values(sample: &Token<V>) -> &[f32] {
        Token::values(slice::from_ref(sample))
    }

    fn values_mut(sample: &mut Token<V>) -> &mut [f32] {
        Token::values_mut(slice::from_mut(sample))
    }

    fn class(index: usize) -> usize {
        index
    }

    const HAS_TOKENS: bool = true;
    const INPUTS: Inputs = Inputs::One {
        dims: &[],
        has_tokens: true,
    };

    fn vocabulary(_: usize) -> Option<usize> {
        Some(V)
    }
}

#[diagnostic::do_not_recommend]
impl<const L: usize, const V: usize> Sample<Tokens<L, V>> for [Token<V>; L] {
    fn values(&self) -> &[f32] {
        Token::values(self)
    }
}

#[diagnostic::do_not_recommend]
impl<const V: usize> Sample<Category<V>> for Token<V> {
    fn values(&self) -> &[f32] {
        Token::values(slice::from_ref(self))
    }
}
