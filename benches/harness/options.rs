//! What the command lines have in common.

use std::{fs::File, path::PathBuf};

use clap::{Args, ValueEnum};

use super::served::Result;

#[derive(Debug, Args)]
pub struct Common {
    /// Only these rivals, as in `jax,torch-eager`
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub rivals: Option<Vec<String>>,
    /// Only training, or only inference
    #[arg(long, value_name = "TASK")]
    pub only: Option<Only>,
    /// Hidden widths and batches
    #[arg(long, value_delimiter = ',', value_name = "HxB", value_parser = grid_point,
        default_value = "128x64,500x100,512x1024,2048x256")]
    pub grid: Vec<(usize, usize)>,
    /// Data with no zeros, instead of pixels
    #[arg(long)]
    pub dense: bool,
    /// How often each contender takes its turn
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// About how long a turn is timed
    #[arg(long, default_value_t = 200, value_name = "MILLISECONDS")]
    pub turn: u64,
    /// Processor threads of a contender, except for predictions of 1 sample, which get one
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Also write the figures here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// `cargo bench` passes it to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Only {
    Train,
    Infer,
}

impl Common {
    /// The file for the figures; made first, so that a bad path is found out now, not after ten
    /// minutes.
    pub fn json(&self) -> Result<Option<File>> {
        let file = self.json.as_ref().map(|path| {
            File::create(path).map_err(|error| format!("{}: cannot write: {error}", path.display()))
        });
        Ok(file.transpose()?)
    }

    /// Checks that the rivals that were asked for are among `ids`.
    pub fn check_rivals(&self, ids: &[&str]) -> Result<()> {
        let mut asked = self.rivals.iter().flatten();
        match asked.find(|id| !ids.contains(&id.as_str())) {
            Some(unknown) => {
                Err(format!("--rivals {unknown}: expected some of {}", ids.join(", ")).into())
            }
            None => Ok(()),
        }
    }

    /// Whether the rival takes part.
    pub fn wants(&self, id: &str) -> bool {
        let rivals = self.rivals.as_ref();
        rivals.is_none_or(|ids| ids.iter().any(|i| i == id))
    }
}

fn grid_point(text: &str) -> std::result::Result<(usize, usize), String> {
    let numbers = text.split_once('x').and_then(|(width, batch)| {
        let (width, batch) = (width.parse().ok()?, batch.parse().ok()?);
        (batch > 0).then_some((width, batch))
    });
    let (width, batch) = numbers.ok_or("expected HxB, as in 128x64")?;
    if ![128, 500, 512, 2048].contains(&width) {
        return Err("widths are types here: 128, 500, 512 and 2048 are compiled".to_owned());
    }
    Ok((width, batch))
}
