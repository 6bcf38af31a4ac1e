//! The class of each record.

use tuplenet::{Result, data::Dataset, shape::Features, target::Classes};

/// A record, of which all are read.
pub struct Flower {
    /// Length, width and their product.
    pub petal: [f32; 3],
    /// One of three.
    pub species: usize,
}

/// Its class is a number, as the data set has classes.
pub fn data(flowers: Vec<Flower>) -> Result<Dataset<Features<3>, Classes<3>>> {
    Dataset::<Features<3>, Classes<3>>::from_records(flowers, |it| (it.petal, it.species))
}

fn main() {}
