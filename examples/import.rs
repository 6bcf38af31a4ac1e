//! Using tuplenet from another crate: imports, trains and evaluates a typed model in thirty lines.
//!
//! ```text
//! cargo run --release --example import
//! ```

use std::{
    error::Error,
    io::{self, ErrorKind, Write},
};

use tuplenet::{models::MnistClassifier, prelude::*};

type Net = MnistClassifier<32>;
const _: () = assert!(Net::PARAMS == 25_450); // checked at compile time

fn main() -> Result<(), Box<dyn Error>> {
    let digits = Digits::new(1);
    let mut net = Fused::<Net>::new(Weights::init(1))?;
    let history = Trainer::new(Adam::default())
        .batch(100)
        .seed(1)
        .fit(&mut net, &digits)?;

    let unseen = Digits::new(2).dataset(0..1000)?;
    let (image, _) = Digits::new(2).image(0);
    let logits: [f32; 10] = net.predict(&image.map(|pixel| f32::from(pixel) / 255.0))?;
    let accuracy = net.evaluate(&unseen)?.accuracy();

    let report = format!(
        "engine {} on {}\n{history}\n{:.1} % of 1000 unseen digits\nlogits of the first: {logits:.1?}\n",
        net.name(),
        net.device(),
        accuracy * 100.0
    );
    match io::stdout().write_all(report.as_bytes()) {
        // `println!` would panic when a reader such as `head` has exited.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
