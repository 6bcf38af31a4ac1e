//! error: `Flat<Image<1, 4, 4>>` cannot be in a `Pair`

use tuplenet::shape::{Features, Flat, Image, Pair, Shape};

pub type Square = Image<1, 4, 4>;
pub type Vector = Flat<Square>;

fn main() {
    let _: usize = <Pair<Features<2>, Vector> as Shape>::LEN;
}
