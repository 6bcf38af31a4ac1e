//! The test set of the examples: MNIST's, or built-in digits without MNIST.

use std::path::Path;

use tuplenet::{Error, Result, data::MnistShape, prelude::*, target::Classes};

/// Loads the test set and prints its name.
pub fn load<S: MnistShape>(folder: Option<&Path>) -> Result<Dataset<S, Classes<10>>> {
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
            println!("built-in digits, as MNIST was not found");
            Digits::new(u64::MAX).dataset(0..10_000)
        }
        Err(error) => Err(error),
    }
}

/// The pixels of test image `index`.
pub fn pixels<S: MnistShape>(test: &Dataset<S, Classes<10>>, index: usize) -> Result<S::Array> {
    test.sample(index).ok_or_else(|| Error::Setting {
        setting: "index",
        expected: format!("a number below {}", test.len()),
        found: index.to_string(),
    })
}
