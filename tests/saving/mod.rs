//! Saving: file attributes are preserved, and features that a file system lacks are not failures.

#[cfg(target_os = "linux")]
mod faults;
#[cfg(unix)]
mod nature;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The folder of this process, if it was started by [`again`].
fn told_folder() -> Option<PathBuf> {
    env::var_os("TUPLENET_SAVING").map(PathBuf::from)
}

/// This program again, with only the test `name` of `saving`, and `folder` to work in.
fn again(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("saving::{name}"), "--nocapture"]);
    command.env("TUPLENET_SAVING", folder);
    command
}
