//! error: mismatched types

use tuplenet::{Result, data::Dataset, shape::Features, target::Classes};

/// A record, of which all are read.
pub struct Flower {
    /// Length, width and their product.
    pub petal: [f32; 4],
    /// One of three.
    pub species: usize,
}

/// Its array has the length of the data set's shape.
pub fn data(flowers: Vec<Flower>) -> Result<Dataset<Features<3>, Classes<3>>> {
    Dataset::<Features<3>, Classes<3>>::from_records(flowers, |it| (it.petal, it.species))
}

fn main() {}
