//! Using tuplenet from another crate: imports, trains and evaluates a typed model in twenty lines.
//!
//! ```text
//! cargo run --release --example import
//! ```

use tuplenet::{models::MnistClassifier, prelude::*};

type Net = MnistClassifier<32>;
const _: () = assert!(Net::PARAMS == 25_450); // checked at compile time

fn main() -> tuplenet::Result<()> {
    let digits = Digits::new(1);
    let mut net = Fused::<Net>::new(Weights::init(1))?;
    let history = Trainer::new(Adam::default())
        .batch(100)
        .seed(1)
        .fit(&mut net, &digits)?;

    let unseen = Digits::new(2).dataset(0..1000)?;
    let (image, _) = Digits::new(2).image(0);
    let logits: [f32; 10] = net.predict(&image.map(|pixel| f32::from(pixel) / 255.0))?;
    println!("engine {} on {}\n{history}", net.name(), net.device());
    println!(
        "{:.1} % of 1000 unseen digits",
        net.evaluate(&unseen)?.accuracy() * 100.0
    );
    println!("logits of the first: {logits:.1?}");
    Ok(())
}
