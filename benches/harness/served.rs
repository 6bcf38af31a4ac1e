//! The server side of the protocol, shared by tuplenet and the baselines in Rust.
//!
//! One command per line on standard input, one answer per line on standard output:
//!
//! - `setup train|infer|infer8 NETWORK B FOLDER`, answer `ready VERSION`; the network is `I-H-O` or the name of another, whose
//!   layers are in `FOLDER/layers.txt`, and all of it in `FOLDER/network.onnx`; `infer8` is inference in eight bits, with scales
//!   for the features
//! - `reset`, answer `ok`: weights and optimiser are reset to their state after `setup`
//! - `run K`, answer the seconds that K training steps or K predictions took
//! - `values N`, answer the first N losses since `reset` or the first N logits of batch 0

use std::{error::Error, fs, io, path::PathBuf, time::Instant};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One task: training or inference of a network in batches of `B`.
pub struct Setup {
    pub trains: bool,
    /// Whether inference is in eight bits.
    #[allow(
        dead_code,
        reason = "most contenders have none, and are not asked for it"
    )]
    pub eight_bits: bool,
    pub network: String,
    pub batch: usize,
    pub folder: PathBuf,
}

/// A network that is trained or evaluated, cycling through its batches in order.
pub trait Served {
    fn reset(&mut self) -> Result<()>;
    /// The untimed part of `run(steps)`, called before it.
    fn prepare(&mut self, _steps: usize) {}
    fn run(&mut self, steps: usize) -> Result<()>;
    fn values(&mut self, count: usize) -> Result<Vec<f32>>;
}

impl Setup {
    fn parse(words: &[&str]) -> Result<Self> {
        let [task, network, batch, folder] = words else {
            return Err("setup: expected train|infer|infer8 NETWORK B FOLDER".into());
        };
        Ok(Setup {
            trains: *task == "train",
            eight_bits: *task == "infer8",
            network: (*network).to_owned(),
            batch: batch.parse()?,
            folder: folder.into(),
        })
    }

    /// All features, `[batches * B, I]`.
    pub fn features(&self) -> Result<Vec<f32>> {
        let bytes = fs::read(self.folder.join("features.f32"))?;
        Ok(floats(&bytes))
    }

    /// The labels, `[batches * B]`.
    pub fn labels(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.folder.join("labels.u8"))?)
    }
}

/// Little-endian `f32`s.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.as_chunks::<4>().0;
    words.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

/// Answers commands until standard input ends.
pub fn serve(version: &str, make: impl Fn(Setup) -> Result<Box<dyn Served>>) -> Result<()> {
    let mut net: Option<Box<dyn Served>> = None;
    for line in io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match (&words[..], &mut net) {
            (["setup", words @ ..], _) => {
                net = Some(make(Setup::parse(words)?)?);
                format!("ready {version}")
            }
            (["reset"], Some(net)) => {
                net.reset()?;
                "ok".to_owned()
            }
            (["run", steps], Some(net)) => {
                let steps = steps.parse()?;
                net.prepare(steps);
                let start = Instant::now();
                net.run(steps)?;
                start.elapsed().as_secs_f64().to_string()
            }
            (["values", count], Some(net)) => {
                let values = net.values(count.parse()?)?;
                let values: Vec<String> = values.iter().map(f32::to_string).collect();
                values.join(" ")
            }
            _ => return Err(format!("unknown command, or no `setup` before it: {line}").into()),
        };
        println!("{answer}");
    }
    Ok(())
}
