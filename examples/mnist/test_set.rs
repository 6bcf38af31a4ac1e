//! The digits that a network is tried on: MNIST's test set, or built-in ones where there is no MNIST.

use std::path::Path;

use tuplenet::{Error, Result, prelude::*};

/// The test set, which a line on the terminal names.
pub fn load(folder: Option<&Path>) -> Result<Dataset<784, 10>> {
    let found = match folder {
        Some(folder) => Mnist::in_folder(folder),
        None => Mnist::find(),
    };
    match found {
        Ok(mnist) => {
            let (_, test) = mnist.load()?;
            println!("MNIST's test set, {} images", test.len());
            Ok(test)
        }
        Err(Error::DataNotFound { .. }) => {
            println!("built-in digits, as no MNIST was found");
            Digits::new(u64::MAX).dataset(0..10_000)
        }
        Err(error) => Err(error),
    }
}

/// The pixels of the test set's image `index`.
pub fn pixels(test: &Dataset<784, 10>, index: usize) -> Result<[f32; 784]> {
    test.sample(index).ok_or_else(|| Error::Setting {
        setting: "index",
        expected: format!("a number below {}", test.len()),
        found: index.to_string(),
    })
}
