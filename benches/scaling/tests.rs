//! Unit tests of the model. They are not beside it, as a benchmark without a harness is compiled as a test, too, but has none.

#![allow(missing_docs, clippy::expect_used)] // tests

mod checks;
mod measured;
mod model;
mod networks;
mod picture;
mod tables;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
