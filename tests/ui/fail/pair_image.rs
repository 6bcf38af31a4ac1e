//! error: `Image<1, 4, 4>` cannot be in a `Pair`

use tuplenet::shape::{Features, Image, Pair, Shape};

pub type Square = Image<1, 4, 4>;
pub type Vector = Features<16>;

fn main() {
    let _: usize = <Pair<Features<2>, Square> as Shape>::LEN;
}
