//! Command-line options that the benchmarks share.

use std::{fs::File, path::PathBuf};

use clap::{Args, ValueEnum};

use super::served::Result;

#[derive(Debug, Args)]
pub struct Common {
    /// Only these baselines, for example `jax,torch-eager`
    #[arg(
        long,
        visible_alias = "rivals",
        value_delimiter = ',',
        value_name = "NAMES"
    )]
    pub baselines: Option<Vec<String>>,
    /// Only training, or only inference
    #[arg(long, value_name = "TASK")]
    pub only: Option<Only>,
    /// Hidden widths and batch sizes of the networks 784-H-10
    #[arg(long, value_delimiter = ',', value_name = "HxB", value_parser = grid_point,
        default_value = "128x64,500x100,512x1024,2048x256")]
    pub grid: Vec<(usize, usize)>,
    /// Dense values without zeros instead of pixels
    #[arg(long)]
    pub dense: bool,
    /// Number of turns of each contender
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Approximate duration of a turn
    #[arg(long, default_value_t = 200, value_name = "MILLISECONDS")]
    pub turn: u64,
    /// CPU threads of each contender; predictions of one sample use one
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Only {
    Train,
    Infer,
}

impl Common {
    /// Creates the file for the figures, before the measurements, so that a bad path is an error at once.
    pub fn json(&self) -> Result<Option<File>> {
        let file = self.json.as_ref().map(|path| {
            File::create(path).map_err(|error| format!("{}: cannot write: {error}", path.display()))
        });
        Ok(file.transpose()?)
    }

    /// Checks that the selected baselines are among `ids`.
    pub fn check_baselines(&self, ids: &[&str]) -> Result<()> {
        let mut selected = self.baselines.iter().flatten();
        match selected.find(|id| !ids.contains(&id.as_str())) {
            Some(unknown) => {
                Err(format!("--baselines {unknown}: expected some of {}", ids.join(", ")).into())
            }
            None => Ok(()),
        }
    }

    /// Whether a baseline is selected.
    pub fn selects(&self, id: &str) -> bool {
        let baselines = self.baselines.as_ref();
        baselines.is_none_or(|ids| ids.iter().any(|i| i == id))
    }
}

fn grid_point(text: &str) -> std::result::Result<(usize, usize), String> {
    let numbers = text.split_once('x').and_then(|(width, batch)| {
        let (width, batch) = (width.parse().ok()?, batch.parse().ok()?);
        (batch > 0).then_some((width, batch))
    });
    let (width, batch) = numbers.ok_or("expected HxB, such as 128x64")?;
    if ![128, 500, 512, 2048].contains(&width) {
        return Err("expected a width that is compiled: 128, 500, 512 or 2048".to_owned());
    }
    Ok((width, batch))
}
