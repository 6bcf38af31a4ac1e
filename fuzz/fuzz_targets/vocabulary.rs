//! Any text as a vocabulary: it is read as by a plain reader, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/vocabulary_oracle.rs"]
mod vocabulary_oracle;

fuzz_target!(|text: &str| {
    vocabulary_oracle::is_read(text);
});
