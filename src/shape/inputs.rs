//! [`Inputs`]: the arrays of a sample.

/// The arrays that a sample of a [`Shape`](super::Shape) consists of, as a program takes them that does not know the types
/// of this crate.
///
/// ```
/// use tuplenet::shape::{Category, Features, Inputs, Pair, Shape};
///
/// let Inputs::Two { first, second } = <Pair<Features<2>, Category<50>> as Shape>::INPUTS else { panic!() };
/// assert_eq!(*first, Inputs::One { dims: &[2], has_tokens: false });
/// assert_eq!(*second, Inputs::One { dims: &[], has_tokens: true });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// One array.
    One {
        /// Its dimensions; none for a category, which is one number.
        dims: &'static [usize],
        /// Whether its values are tokens, which are integers.
        has_tokens: bool,
    },
    /// Those of a [`Pair`](super::Pair).
    Two {
        /// Those of its first sample.
        first: &'static Inputs,
        /// Those of its second sample.
        second: &'static Inputs,
    },
}
