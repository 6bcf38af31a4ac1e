//! `native models FOLDER` writes what the contenders read: digits and networks. `native serve FOLDER NETWORK` is tuplenet
//! without a browser: for a line `logits` it prints those of all digits, for a number the microseconds of one prediction,
//! timed for that many milliseconds.

use std::{
    error::Error,
    fs,
    hint::black_box,
    io,
    path::Path,
    time::{Duration, Instant},
};

use tuplenet::{frozen::embed, models::MnistClassifier, prelude::*};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The page's model, and one with the weights that a training would begin with.
type Small = MnistClassifier<32>;
type Wide = MnistClassifier<128>;

/// The number of digits; predictions cycle through them.
const DIGITS: u64 = 64;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["models", folder] => models(Path::new(folder)),
        ["serve", folder, "784-32-10"] => {
            serve::<Small, { embed::rows(&Some(Small::PLAN)) }>(folder.as_ref(), "784-32-10")
        }
        ["serve", folder, "784-128-10"] => {
            serve::<Wide, { embed::rows(&Some(Wide::PLAN)) }>(folder.as_ref(), "784-128-10")
        }
        _ => Err("native models FOLDER | native serve FOLDER NETWORK".into()),
    }
}

fn models(folder: &Path) -> Result<()> {
    let (pixels, _) = Digits::new(3).images(0..DIGITS);
    let values = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0);
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    fs::write(folder.join("digits.f32"), bytes)?;
    save(
        folder,
        "784-32-10",
        &Weights::<Small>::load("examples/digits.safetensors")?,
    )?;
    save(folder, "784-128-10", &Weights::<Wide>::init(1))
}

fn save<N: Network>(folder: &Path, name: &str, weights: &Weights<N>) -> Result<()> {
    weights.save(folder.join(name).with_extension("safetensors"))?;
    Ok(weights.save_onnx(folder.join(name).with_extension("onnx"))?)
}

fn serve<N, const ROWS: usize>(folder: &Path, name: &str) -> Result<()>
where
    N: Network<In = tuplenet::shape::Features<784>, Output = tuplenet::shape::Features<10>>,
{
    // As `frozen!` embeds it.
    let file = fs::read(folder.join(name).with_extension("safetensors"))?;
    let plan = Some(N::PLAN);
    let places = embed::places(&plan, &file, "", embed::Names::Sequential);
    let packed = Box::leak(Box::new(embed::packed::<ROWS>(&plan, &file, &places)));
    let net = embed::frozen::<N, ROWS>(packed);

    let bytes = fs::read(folder.join("digits.f32"))?;
    let (values, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values
        .iter()
        .map(|&value| f32::from_le_bytes(value))
        .collect();
    let (digits, _) = values.as_chunks::<784>();

    for line in io::stdin().lines() {
        let line = line?;
        if line == "logits" {
            let logits = digits.iter().flat_map(|digit| net.predict(digit));
            let logits: Vec<String> = logits.map(|logit| logit.to_string()).collect();
            println!("{}", logits.join(" "));
        } else {
            let turn = Duration::from_millis(line.parse()?);
            let (start, mut count) = (Instant::now(), 0);
            while start.elapsed() < turn {
                for digit in digits {
                    black_box(net.predict(black_box(digit)));
                }
                count += digits.len();
            }
            println!("{}", start.elapsed().as_secs_f64() * 1e6 / count as f64);
        }
    }
    Ok(())
}
