//! What `main.c` and `classify.py` print, by the Rust API: `cargo run --release --example native digit.pgm`.

use std::{env, error::Error, fs};

use digits::{DIGITS_PIXELS, MODEL};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: native DIGIT.pgm")?;
    let file = fs::read(path)?;
    let bytes = file
        .strip_prefix(b"P5\n28 28\n255\n")
        .ok_or("no PGM of 28 x 28 bytes")?;
    let bytes: &[u8; DIGITS_PIXELS] = bytes.try_into()?;
    let pixels = bytes.map(|byte| f32::from(byte) / 255.0);
    println!("digit {}", MODEL.classify(&pixels));
    for (logit, probability) in MODEL
        .predict(&pixels)
        .iter()
        .zip(MODEL.probabilities(&pixels))
    {
        println!("{:08x} {:08x}", logit.to_bits(), probability.to_bits());
    }
    Ok(())
}
