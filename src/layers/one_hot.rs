//! [`OneHot`].

use crate::{
    layer::{First, Layer},
    plan::Plan,
    shape::{Category, Features},
};

/// `y[i] = 1` for the category `i`, else 0: `V` features for one of `V` categories.
///
/// Input a category, [`Category<V>`](Category), output `[B, V]`; no parameters. For a few categories beside numbers, in a
/// [`Parallel`](super::Parallel); a `Linear` after it alone is an [`Embedding`](super::Embedding) with a bias, which is faster.
///
/// Source: `torch.nn.functional.one_hot`; `sklearn.preprocessing.OneHotEncoder`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Pair, token::Token};
///
/// /// A person's age and income, standardised, and one of 5 kinds of work.
/// type Person = (Parallel<(Standardize<2>, OneHot<5>)>, Linear<7, 16>, ReLU, Linear<16, 1>);
///
/// let net = Fused::<(OneHot<3>,)>::new(Weights::init(1))?;
/// assert_eq!(net.predict(&Token::new(2).expect("2 < 3"))?, [0.0, 0.0, 1.0]);
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OneHot<const V: usize>;

impl<const V: usize> Layer<Category<V>> for OneHot<V> {
    type Out = Features<V>;
    const PLAN: Plan = Plan::one_hot(V);
}

impl<const V: usize> First for OneHot<V> {
    type In = Category<V>;
}
