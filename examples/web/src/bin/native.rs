//! What the module computes for each digit on standard input, one per line of 784 numbers: a line with the ten logits, then
//! what each pixel adds to the largest.

use std::io::{self, Error, ErrorKind};

use web::{DIGITS, attributions};

fn main() -> io::Result<()> {
    for line in io::stdin().lines() {
        let line = line?;
        let numbers = line.split_whitespace().map(str::parse);
        let numbers: Result<Vec<f32>, _> = numbers.collect();
        let numbers = numbers.map_err(|why| Error::new(ErrorKind::InvalidData, why))?;
        let pixels: &[f32; 784] = numbers.as_slice().try_into().map_err(|_| {
            let found = format!("expected 784 numbers in a line, found {}", numbers.len());
            Error::new(ErrorKind::InvalidData, found)
        })?;
        let logits: [f32; 10] = DIGITS.predict(pixels);
        let class = DIGITS.classify(pixels);
        let values = logits.into_iter().chain(attributions(pixels, class));
        let values: Vec<String> = values.map(|value| value.to_string()).collect();
        println!("{}", values.join(" "));
    }
    Ok(())
}
