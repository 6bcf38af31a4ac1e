//! The contenders: how each is started, and its settings.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::{case::Case, options::Common};

/// The tolerance of a contender that computes in `f32`.
pub const IN_F32: f32 = 1e-3;

/// The tolerance of a contender that computes in eight bits, as each rounds in its own way.
const IN_EIGHT_BITS: f32 = 0.1;

/// One row of the tables.
pub struct Contender {
    /// The name for `--baselines`.
    pub id: &'static str,
    pub name: String,
    /// Whether it is tuplenet, not a baseline.
    pub ours: bool,
    pub trains: bool,
    /// Whether it supports inference of more than one sample at a time.
    pub batches: bool,
    /// Whether it supports inference in eight bits.
    pub eight_bits: bool,
    /// Whether `--avx2` has an effect on it.
    pub supports_avx2_limit: bool,
    /// Whether its optimiser changes only those rows of a table of embeddings that the batch reads. That is not Adam, whose
    /// moments of the other rows decay and move them too. It has the cases of tokens only.
    pub skips_rows: bool,
    /// The largest accepted relative difference from tuplenet: [`IN_F32`], or more for a contender that rounds to fewer bits.
    pub tolerance: f32,
    pub settings: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

/// A baseline in Python: id, name, arguments, trains, supports_avx2_limit, settings.
pub type Script = (
    &'static str,
    &'static str,
    &'static [&'static str],
    bool,
    bool,
    &'static str,
);

/// The selected baselines in Python, with the interpreter that runs them; `more` is appended to the arguments
/// of each. Without an interpreter, prints one line for each instead.
pub fn scripts(baselines: &[Script], more: &[String], options: &Common) -> Vec<Contender> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let python = env::var_os("TUPLENET_PYTHON").filter(|path| !path.is_empty());
    let selected = baselines
        .iter()
        .filter(|baseline| options.selects(baseline.0));
    let contenders = selected.filter_map(
        |&(id, name, words, trains, supports_avx2_limit, settings)| {
            let Some(python) = &python else {
                left_out(
                    name,
                    "set TUPLENET_PYTHON to a Python in which it is installed",
                );
                return None;
            };
            let script = sources.join(words[0]).display().to_string();
            let words = words[1..].iter().map(|&word| word.to_owned());
            Some(Contender {
                id,
                name: name.to_owned(),
                ours: false,
                trains,
                batches: true,
                eight_bits: false,
                supports_avx2_limit,
                skips_rows: false,
                tolerance: IN_F32,
                settings,
                program: python.into(),
                arguments: [script]
                    .into_iter()
                    .chain(words)
                    .chain(more.to_vec())
                    .collect(),
            })
        },
    );
    contenders.collect()
}

/// Prints that a baseline is skipped, and why.
pub fn left_out(name: &str, why: &str) {
    eprintln!("LEFT OUT: {name}: {why}");
}

impl Contender {
    pub fn supports(&self, case: &Case) -> bool {
        let runs = if case.trains {
            self.trains
        } else {
            self.batches || case.batch == 1
        };
        let has_precision = !case.eight_bits || self.eight_bits;
        runs && has_precision && (!self.skips_rows || case.values.has_words())
    }

    /// The largest accepted relative difference from tuplenet in a case.
    pub fn tolerance(&self, case: &Case) -> f32 {
        match case.eight_bits {
            true => IN_EIGHT_BITS,
            false => self.tolerance,
        }
    }

    /// How many of the first values must be tuplenet's, if `values` are compared.
    pub fn equal_values(&self, values: usize) -> usize {
        match self.skips_rows {
            // The second step is the first one with moments that could decay; it changes the third loss.
            true => 2,
            false => values,
        }
    }

    /// The command that starts it for a case, with the case's number of threads.
    pub fn command(&self, case: &Case, avx2: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        // The number of threads of OpenMP, MKL, rayon and XLA.
        for name in [
            "OMP_NUM_THREADS",
            "MKL_NUM_THREADS",
            "RAYON_NUM_THREADS",
            "NPROC",
        ] {
            command.env(name, case.threads.to_string());
        }
        // PyTorch's threads spin between two operations instead of sleeping, which is its fastest setting.
        command.env("OMP_WAIT_POLICY", "ACTIVE");
        command.env("KMP_BLOCKTIME", "infinite");
        command.env("GOMP_SPINCOUNT", "infinite");
        // torch.compile compiles in its own process, without a pool of workers.
        command.env("TORCHINDUCTOR_COMPILE_THREADS", "1");
        // XLA would preallocate most of a GPU's memory, which the contenders share.
        command.env("XLA_PYTHON_CLIENT_PREALLOCATE", "false");
        if avx2 {
            command.env("TUPLENET_SIMD", "avx2");
            command.env("ATEN_CPU_CAPABILITY", "avx2");
            command.env("ONEDNN_MAX_CPU_ISA", "AVX2");
            command.env("MKL_ENABLE_INSTRUCTIONS", "AVX2");
            command.env("XLA_FLAGS", "--xla_cpu_max_isa=AVX2");
        }
        command
    }
}
