//! [`Numbers`]: any number of columns as an array.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

/// The numbers of `N` adjacent columns: an array of any length, as serde's own arrays end at 32.
///
/// ```
/// use tuplenet::data::{Csv, Numbers};
///
/// // 64 pixels and a label.
/// let line = [&["0,"; 63][..], &["16,7\n"]].concat().concat();
/// let file = std::io::Cursor::new(line);
/// let mut digits = Csv::new("digits.csv").header(false).records_from::<(Numbers<64>, usize)>(file)?;
/// let (Numbers(pixels), label) = digits.next().unwrap()?;
/// assert_eq!((pixels[63], label), (16.0, 7));
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers<const N: usize>(pub [f32; N]);

impl<'de, const N: usize> Deserialize<'de> for Numbers<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(N, Array)
    }
}

struct Array<const N: usize>;

impl<'de, const N: usize> Visitor<'de> for Array<N> {
    type Value = Numbers<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Numbers<N>, A::Error> {
        let mut numbers = [0.0; N];
        for (at, number) in numbers.iter_mut().enumerate() {
            let Some(next) = sequence.next_element()? else {
                return Err(A::Error::invalid_length(at, &self));
            };
            *number = next;
        }
        Ok(Numbers(numbers))
    }
}
