//! Saving: what a file was stays, and what a file system does not have is no failure.

#[cfg(target_os = "linux")]
mod faults;
#[cfg(unix)]
mod nature;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Where this process is told to work, if it is one that [`again`] started.
fn told_folder() -> Option<PathBuf> {
    env::var_os("TUPLENET_SAVING").map(PathBuf::from)
}

/// This program again, with the one test `name` of `saving`, which is to work in `folder`.
fn again(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("saving::{name}"), "--nocapture"]);
    command.env("TUPLENET_SAVING", folder);
    command
}
