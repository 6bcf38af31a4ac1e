//! Prints the class and the bits of the logits, as `chip.rs` does.
//!
//! ```text
//! cargo run --release --features host --bin host
//! ```

use firmware::{DIGITS, PICTURE};

fn main() {
    println!("class {:08x}", DIGITS.classify(&PICTURE));
    for logit in DIGITS.predict(&PICTURE) {
        println!("logit {:08x}", logit.to_bits());
    }
}
