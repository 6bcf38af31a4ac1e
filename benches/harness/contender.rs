//! Who takes part: how each is started, and what it is set to.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::{case::Case, options::Common};

/// One line of the tables.
pub struct Contender {
    /// As `--rivals` takes it.
    pub id: &'static str,
    pub name: String,
    /// Whether it is no rival but ours.
    pub ours: bool,
    pub trains: bool,
    /// Whether it infers more than one sample at a time.
    pub batches: bool,
    /// Whether `--avx2` reaches it.
    pub restrictable: bool,
    pub settings: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

/// A rival in Python: id, name, arguments, trains, restrictable, settings.
pub type Script = (
    &'static str,
    &'static str,
    &'static [&'static str],
    bool,
    bool,
    &'static str,
);

/// The rivals in Python that are wanted, with a Python to run them; `more` is added to the arguments
/// of each. One loud line for each without a Python.
pub fn scripts(rivals: &[Script], more: &[String], options: &Common) -> Vec<Contender> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let python = env::var_os("TUPLENET_PYTHON").filter(|path| !path.is_empty());
    let wanted = rivals.iter().filter(|rival| options.wants(rival.0));
    let contenders = wanted.filter_map(|&(id, name, words, trains, restrictable, settings)| {
        let Some(python) = &python else {
            left_out(name, "set TUPLENET_PYTHON to a Python that has it");
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
            restrictable,
            settings,
            program: python.into(),
            arguments: [script]
                .into_iter()
                .chain(words)
                .chain(more.to_vec())
                .collect(),
        })
    });
    contenders.collect()
}

/// The loud line of a rival that cannot take part.
pub fn left_out(name: &str, why: &str) {
    eprintln!("LEFT OUT: {name}: {why}");
}

impl Contender {
    pub fn takes(&self, case: &Case) -> bool {
        if case.trains {
            self.trains
        } else {
            self.batches || case.batch == 1
        }
    }

    /// The process to start for a case, with its threads.
    pub fn command(&self, case: &Case, avx2: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        // OpenMP's, rayon's and XLA's way to say it.
        for name in [
            "OMP_NUM_THREADS",
            "MKL_NUM_THREADS",
            "RAYON_NUM_THREADS",
            "NPROC",
        ] {
            command.env(name, case.threads.to_string());
        }
        // PyTorch's threads spin between two operations rather than sleep: its fastest.
        command.env("OMP_WAIT_POLICY", "ACTIVE");
        command.env("KMP_BLOCKTIME", "infinite");
        command.env("GOMP_SPINCOUNT", "infinite");
        // torch.compile: without processes beside it.
        command.env("TORCHINDUCTOR_COMPILE_THREADS", "1");
        // XLA would take most of a GPU's memory for itself; the contenders share it.
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
