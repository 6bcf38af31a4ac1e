//! The sum of two sizes: from one of them, as many steps of "plus 64", "plus 8" and "plus 1" as the digits of the other say.

use super::{Dim, Row, Size, Steps, Times};
use crate::shape::{Features, Image, Shape};

/// A size as a number of three digits, `64 A + 8 B + C`.
#[derive(Debug)]
pub struct Digits<const A: usize, const B: usize, const C: usize>;

/// What is added to a size.
pub trait Addend {
    type To<X: Dim>: Dim;
}

impl<const A: usize, const B: usize, const C: usize> Addend for Digits<A, B, C>
where
    Times<A>: Steps,
    Times<B>: Steps,
    Times<C>: Steps,
{
    type To<X: Dim> =
        <Times<C> as Steps>::More<<Times<B> as Steps>::More8<<Times<A> as Steps>::More64<X>>>;
}

/// `X + Y`, or none above [`LARGEST`](super::LARGEST), with its row.
pub type Plus<X, Y> = WithRow<<<<Y as Dim>::Row as Row>::Digits as Addend>::To<X>>;

/// A size with its row.
pub type WithRow<X> = (X, <X as Dim>::Row);

/// From a size with its row, which is not 0, back to a shape with as many features or channels.
pub trait Whole {
    type Features: Shape;
    type Image<const H: usize, const W: usize>: Shape;
}

// The row is spelled out: with a bound, `Something`, the compiler would go on with `Features<0>` and report a second error.
#[diagnostic::do_not_recommend] // the error is about the shapes
impl<const N: usize, Less, More, Half, Halves, Thirds, Digits> Whole
    for (Size<N>, (Less, More, Half, Halves, Thirds, Digits))
{
    type Features = Features<N>;
    type Image<const H: usize, const W: usize> = Image<N, H, W>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum<const A: usize, const B: usize>() -> usize
    where
        Size<A>: Dim,
        Size<B>: Dim<Row: Row<Digits: Addend>>,
        Plus<Size<A>, Size<B>>: Whole,
    {
        <<Plus<Size<A>, Size<B>> as Whole>::Features as Shape>::LEN
    }

    #[test]
    fn sums_are_arithmetic() {
        macro_rules! pairs {
            ($($a:literal $b:literal)*) => {$(
                assert_eq!(sum::<$a, $b>(), $a + $b);
            )*};
        }
        // every digit, carries, and the limit from both sides
        pairs! {
            1 1 2 30 3 29 4 28 5 27 6 26 7 25 8 24 9 23 10 22 11 21 12 20 13 19 14 18 15 17 16 16
            31 1 1 31 31 32 32 31 63 65 64 64 65 63 95 33 96 96 127 129 128 128 129 127 160 96
            192 64 224 32 256 256 287 225 288 224 320 192 352 160 384 128 416 96 448 64 480 32
            511 1 1 511 510 2 255 257 500 11
        }
    }
}
