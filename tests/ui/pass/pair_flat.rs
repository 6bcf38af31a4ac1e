//! The inputs of a pair are vectors, images, tokens and categories.

use tuplenet::shape::{Features, Flat, Image, Pair, Shape};

pub type Square = Image<1, 4, 4>;
pub type Vector = Flat<Square>;

fn main() {
    let _: usize = <Pair<Features<2>, Square> as Shape>::LEN;
}
