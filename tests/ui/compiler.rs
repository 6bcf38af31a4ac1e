//! What the compiler says of programs.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;

use crate::{root, ui, without_paths};

/// What the compiler says of each program.
#[derive(Default)]
pub struct Outcome {
    /// The errors' first lines.
    pub errors: BTreeMap<String, Vec<String>>,
    /// The errors' and notes' whole texts, and warnings'.
    pub texts: BTreeMap<String, Vec<String>>,
    pub compiled: Vec<String>,
    pub log: String,
}

impl Outcome {
    /// Adds a message of rustc about a program.
    fn add(&mut self, program: &str, diagnostic: &Value) {
        // Without a place in the source it is a summary: "aborting due to 1 previous error".
        let has_place = diagnostic["spans"]
            .as_array()
            .is_some_and(|spans| !spans.is_empty());
        if !has_place || diagnostic["code"]["code"] == "dead_code" {
            return;
        }
        if diagnostic["level"] == "error" {
            let text = diagnostic["message"].as_str().unwrap();
            let errors = self.errors.entry(program.to_owned()).or_default();
            errors.push(without_paths(text));
        }
        let text = diagnostic["rendered"].as_str().unwrap();
        let texts = self.texts.entry(program.to_owned()).or_default();
        texts.push(text.to_owned());
    }
}

/// `cargo check` or `cargo build` of all programs of a project.
pub fn cargo(command: &str, project: &Path) -> Outcome {
    let output = Command::new(program())
        .args([
            command,
            "--bins",
            "--keep-going",
            "--message-format=json",
            // Types with their paths, and none of them abridged.
            "--config=build.rustflags=['--verbose']",
            // For a first build, which is the usual one.
            "--config=profile.dev.debug=false",
            "--config=profile.dev.incremental=false",
            "--target-dir",
        ])
        .arg(project.join("target"))
        .current_dir(project)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .unwrap();
    let mut outcome = Outcome {
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
        ..Outcome::default()
    };
    for message in messages(&output.stdout) {
        let bin = message["target"]["name"].as_str().unwrap_or_default();
        if message["reason"] == "compiler-artifact" {
            outcome.compiled.push(bin.to_owned());
        } else {
            outcome.add(bin, &message["message"]);
        }
    }
    outcome
}

/// What `cargo check` says of the programs in these folders, `FOLDER_NAME`, with the crate as it was built for this test.
pub fn rustc(folders: &[(&str, &BTreeMap<String, String>)]) -> Outcome {
    let library = library();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    fs::create_dir_all(&out).unwrap();
    let programs = folders.iter().flat_map(|(folder, cases)| {
        let paths = cases
            .keys()
            .map(move |name| ui().join(folder).join(format!("{name}.rs")));
        cases
            .keys()
            .map(move |name| format!("{folder}_{name}"))
            .zip(paths)
    });
    let programs: Vec<(String, PathBuf)> = programs.collect();
    let (outcome, next) = (Mutex::new(Outcome::default()), AtomicUsize::new(0));
    let work = || {
        while let Some((name, path)) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let output = Command::new("rustc")
                .arg(path)
                .args(["--edition=2024", "--crate-name", name, "--emit=metadata"])
                // Types with their paths, and none of them abridged.
                .args(["--error-format=json", "--verbose"])
                .args(&library)
                .arg("--out-dir")
                .arg(&out)
                // The crate's sources, which the errors quote, are found from here.
                .current_dir(root())
                .output()
                .unwrap();
            let mut outcome = outcome.lock().unwrap();
            for message in messages(&output.stderr) {
                outcome.add(name, &message);
            }
            if output.status.success() {
                outcome.compiled.push(name.clone());
            } else {
                outcome.log += &String::from_utf8_lossy(&output.stderr);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    outcome.into_inner().unwrap()
}

/// rustc's arguments for a program with the crate as it was built for this test: cargo, which has just built it, says where.
fn library() -> Vec<String> {
    // TARGET/[TRIPLE/]PROFILE/deps/ui-HASH, and TARGET/tmp
    let test = env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    let profile = deps.parent().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let triple = profile.parent().filter(|&folder| folder != target);
    let triple = triple.map(|folder| format!("--target={}", name(folder)));
    let profile = match name(profile) {
        "debug" => "dev",
        profile => profile,
    };
    let mut command = Command::new(program());
    command
        .args(["test", "--no-run", "--test=ui", "--message-format=json"])
        .args(["--profile", profile])
        .args(&triple)
        .args(features())
        .arg("--target-dir")
        .arg(target)
        .current_dir(root());
    // Set for this process by `cargo test`; build scripts that depend on them would run again.
    for (variable, _) in env::vars_os() {
        let is_of_package = ["CARGO_PKG_", "CARGO_MANIFEST_"].iter();
        if { is_of_package }.any(|prefix| variable.to_string_lossy().starts_with(prefix)) {
            command.env_remove(variable);
        }
    }
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let library = messages(&output.stdout).find_map(|message| {
        let target = &message["target"];
        let is_library = target["name"] == "tuplenet" && target["kind"][0] == "lib";
        let files = message["filenames"].as_array().filter(|_| is_library)?;
        let mut files = files.iter().filter_map(Value::as_str);
        files
            .find(|file| file.ends_with(".rlib"))
            .map(str::to_owned)
    });
    let library = library.unwrap_or_else(|| panic!("cargo names no library:\n{log}"));
    let mut arguments = vec![
        format!("--extern=tuplenet={library}"),
        format!("-Ldependency={}", deps.display()),
    ];
    arguments.extend(triple);
    arguments
}

/// The features that this test was built with, as cargo's arguments.
fn features() -> Vec<String> {
    let features = [
        ("std", cfg!(feature = "std")),
        ("train", cfg!(feature = "train")),
        ("dfdx", cfg!(feature = "dfdx")),
        ("download", cfg!(feature = "download")),
        ("cuda", cfg!(feature = "cuda")),
        ("cuda-check", cfg!(feature = "cuda-check")),
    ];
    let features = features.iter().filter(|(_, is_there)| *is_there);
    let names: Vec<&str> = features.map(|(name, _)| *name).collect();
    let mut arguments = vec![format!("--features={}", names.join(","))];
    if !cfg!(feature = "default") {
        arguments.push("--no-default-features".to_owned());
    }
    arguments
}

/// The cargo that runs this test.
fn program() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or("cargo".into())
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// A JSON object per line; other lines are skipped.
fn messages(lines: &[u8]) -> impl Iterator<Item = Value> {
    let lines = lines.split(|&byte| byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok())
}
