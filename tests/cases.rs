//! How many cases a property test has.

use std::env;

use proptest::test_runner::Config;

/// `count` cases, or as many as `PROPTEST_CASES` says, which proptest itself ignores where a test states a number.
pub fn cases(count: u32) -> Config {
    match env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default(),
        None => Config::with_cases(count),
    }
}
