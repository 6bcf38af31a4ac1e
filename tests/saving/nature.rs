//! Overwriting a file preserves its attributes: mode, owner, access control list, links.

use std::{
    fs::{self, File, Permissions},
    io::Read,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;
use tuplenet::prelude::*;

use super::{again, told_folder};

type Net = (Linear<3, 2>,);
/// An unprivileged user.
const NOBODY: u32 = 65_534;

fn weights() -> Weights<Net> {
    Weights::init(1)
}

fn save(path: &Path) -> tuplenet::Result<()> {
    weights().save(path)
}

/// Checks that `path` contains the weights, following links.
fn is_saved(path: &Path) -> bool {
    Weights::load(path).is_ok_and(|found: Weights<Net>| found == weights())
}

/// Creates an existing file with this mode.
fn earlier(mode: u32) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    fs::write(&path, "earlier").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn an_overwritten_file_keeps_its_mode() {
    for bits in [0o600, 0o640, 0o664, 0o666, 0o644, 0o755, 0o200] {
        let (folder, path) = earlier(bits);
        save(&path).unwrap();
        assert_eq!(mode(&path), bits, "{:o}", mode(&path));
        if bits & 0o400 != 0 {
            assert!(is_saved(&path));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_new_file_has_the_mode_of_the_umask() {
    if let Some(folder) = told_folder() {
        for (bits, expected) in [(0o022, 0o644), (0o077, 0o600), (0, 0o666)] {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(bits));
            let path = folder.join(format!("{bits:o}"));
            save(&path).unwrap();
            assert_eq!(mode(&path), expected);
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = again(
        "nature::a_new_file_has_the_mode_of_the_umask",
        folder.path(),
    );
    assert!(child.status().unwrap().success());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_symbolic_link_is_followed_and_preserved() {
    let (folder, path) = earlier(0o600);
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    // Relative to its own folder, and through a second one.
    let (link, chain) = (inner.join("link"), folder.path().join("chain"));
    symlink("../net.safetensors", &link).unwrap();
    symlink("inner/link", &chain).unwrap();
    save(&chain).unwrap();
    for link in [&link, &chain] {
        assert!(fs::symlink_metadata(link).unwrap().is_symlink());
    }
    assert!(is_saved(&path) && is_saved(&chain));
    assert_eq!(mode(&path), 0o600);
    // Its target need not exist.
    let dangling = folder.path().join("dangling");
    symlink("inner/new.safetensors", &dangling).unwrap();
    save(&dangling).unwrap();
    assert!(fs::symlink_metadata(&dangling).unwrap().is_symlink());
    assert!(is_saved(&inner.join("new.safetensors")));
    let circle = folder.path().join("circle");
    symlink("circle", &circle).unwrap();
    let error = save(&circle).unwrap_err().to_string();
    assert!(error.contains("which form a loop"), "{error}");
}

#[test]
fn a_second_hard_link_keeps_the_earlier_contents() {
    let (folder, path) = earlier(0o644);
    let other = folder.path().join("snapshot");
    fs::hard_link(&path, &other).unwrap();
    save(&path).unwrap();
    assert!(is_saved(&path));
    assert_eq!(fs::read(other).unwrap(), b"earlier");
}

#[test]
fn a_folder_or_a_path_through_a_file_is_rejected() {
    let (folder, path) = earlier(0o644);
    let says = |path: &Path, words: &str| {
        let error = save(path).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    says(folder.path(), "name a file in it");
    says(&path.join("net"), "a part of the path is a file");
    says(&folder.path().join("no/net"), "name a folder that exists");
    says(
        &folder.path().join("x".repeat(300)),
        "choose a shorter name",
    );
    assert_eq!(fs::read(path).unwrap(), b"earlier");
}

#[test]
fn a_pipe_can_be_written() {
    let (folder, path) = earlier(0o644);
    save(&path).unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut bytes = Vec::new();
            File::open(pipe).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        }
    });
    save(&pipe).unwrap();
    assert_eq!(reader.join().unwrap(), fs::read(&path).unwrap());
    assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());
}

#[test]
fn standard_output_can_be_written() {
    if told_folder().is_some() {
        return save(Path::new("/dev/stdout")).unwrap();
    }
    let (folder, path) = earlier(0o644);
    save(&path).unwrap();
    let expected = fs::read(&path).unwrap();
    let has_them = |bytes: &[u8]| bytes.windows(expected.len()).any(|part| part == expected);
    let mut child = again("nature::standard_output_can_be_written", folder.path());
    assert!(has_them(&child.output().unwrap().stdout), "through a pipe");
    // A file opened by the shell is not replaced: `program > file`.
    let file = folder.path().join("out");
    let opened = File::create(&file).unwrap();
    let status = child
        .stdout(Stdio::from(opened.try_clone().unwrap()))
        .status();
    assert!(status.unwrap().success());
    assert_eq!(
        fs::metadata(&file).unwrap().ino(),
        opened.metadata().unwrap().ino()
    );
    assert!(fs::metadata(&file).unwrap().len() > 0);
}

#[test]
fn a_read_only_file_is_not_changed() {
    if let Some(folder) = told_folder() {
        let error = save(&folder.join("net.safetensors")).unwrap_err();
        return println!("error: {error}");
    }
    let (folder, path) = earlier(0o444);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let mut child = again("nature::a_read_only_file_is_not_changed", folder.path());
    if is_root() {
        // Root can write any file.
        child.uid(NOBODY).gid(NOBODY);
    }
    let Ok(output) = child.output() else {
        return eprintln!("SKIPPED a read-only file: an unprivileged user cannot run this program");
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let words = "net.safetensors: cannot write the weights: Permission denied";
    assert!(stdout.contains(words), "{stdout}");
    assert!(
        stdout.contains("make it writable, or name a folder"),
        "{stdout}"
    );
    assert_eq!(fs::read(&path).unwrap(), b"earlier");
    assert_eq!(
        (mode(&path), fs::read_dir(folder.path()).unwrap().count()),
        (0o444, 1)
    );
}

/// Only root can change the owner of a file, so this test needs root.
#[test]
fn a_file_keeps_its_owner_and_adds_no_permissions() {
    if let Some(folder) = told_folder() {
        return save(&folder.join("net.safetensors")).unwrap();
    }
    if !is_root() {
        return eprintln!("SKIPPED owners of files: only root can give a file to another");
    }
    let (_folder, path) = earlier(0o640);
    std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    save(&path).unwrap();
    let found = fs::metadata(&path).unwrap();
    assert_eq!(
        (found.uid(), found.gid(), mode(&path)),
        (NOBODY, NOBODY, 0o640)
    );
    // Another user, who is not in its group, may write it: then the file is theirs, and its new group gets only the
    // permissions of others.
    for (bits, kept) in [(0o666, 0o666), (0o662, 0o622), (0o676, 0o666)] {
        let (folder, path) = earlier(bits);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let mut child = again(
            "nature::a_file_keeps_its_owner_and_adds_no_permissions",
            folder.path(),
        );
        let Ok(output) = child.uid(NOBODY).gid(NOBODY).output() else {
            return eprintln!(
                "SKIPPED files of another owner: an unprivileged user cannot run this program"
            );
        };
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        let found = fs::metadata(&path).unwrap();
        assert_eq!(
            (found.uid(), found.gid(), mode(&path)),
            (NOBODY, NOBODY, kept)
        );
    }
}

/// A folder with the set-group-ID bit gives new files its group; an overwritten file keeps its own.
#[test]
fn new_files_get_the_group_of_the_folder() {
    if !is_root() {
        return eprintln!("SKIPPED groups of folders: only root can give a folder to another");
    }
    let (folder, path) = earlier(0o660);
    std::os::unix::fs::chown(folder.path(), None, Some(NOBODY)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o2775)).unwrap();
    let new = folder.path().join("new");
    save(&new).unwrap();
    assert_eq!(fs::metadata(&new).unwrap().gid(), NOBODY);
    let before = fs::metadata(&path).unwrap().gid();
    save(&path).unwrap();
    assert_eq!(
        (fs::metadata(&path).unwrap().gid(), mode(&path)),
        (before, 0o660)
    );
}

/// With an access control list, the group bits of the mode are the mask, the maximum of any entry: without the list, a file
/// of mode 660 could be read by a group that the list excluded.
#[cfg(target_os = "linux")]
#[test]
fn an_access_control_list_is_preserved() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};

    const NAME: &str = "system.posix_acl_access";
    // Version 2, then entries of tag, permissions and ID: the owner rw, user 65534 rw, the group none, the mask rw, others none.
    const NONE: u32 = u32::MAX;
    let entries = [
        (1u16, 6u16, NONE),
        (2, 6, NOBODY),
        (4, 0, NONE),
        (16, 6, NONE),
        (32, 0, NONE),
    ];
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, rights, number) in entries {
        list.extend(tag.to_le_bytes().into_iter().chain(rights.to_le_bytes()));
        list.extend(number.to_le_bytes());
    }
    let read = |path: &Path| {
        let mut buffer = vec![0; 1000];
        getxattr(path, NAME, &mut buffer).map(|length| buffer[..length].to_vec())
    };
    let (folder, path) = earlier(0o600);
    if let Err(why) = setxattr(&path, NAME, &list, XattrFlags::empty()) {
        return eprintln!("SKIPPED access control lists: {why}");
    }
    save(&path).unwrap();
    assert!(is_saved(&path));
    assert_eq!((read(&path).unwrap(), mode(&path)), (list.clone(), 0o660));
    // A file without a list does not get the folder's default list.
    let plain = folder.path().join("plain");
    fs::write(&plain, "earlier").unwrap();
    fs::set_permissions(&plain, Permissions::from_mode(0o640)).unwrap();
    setxattr(
        folder.path(),
        "system.posix_acl_default",
        &list,
        XattrFlags::empty(),
    )
    .unwrap();
    save(&plain).unwrap();
    assert!(is_saved(&plain) && read(&plain).is_err());
    assert_eq!(mode(&plain), 0o640);
    let new = folder.path().join("new");
    save(&new).unwrap();
    assert_eq!(read(&new).unwrap(), list);
}

/// A bind-mounted file, as in containers, cannot be replaced.
#[test]
fn a_mount_point_is_rejected() {
    if let Some(folder) = told_folder() {
        let error = save(&folder.join("net.safetensors")).unwrap_err();
        return println!("error: {error}");
    }
    let (folder, path) = earlier(0o644);
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--mount", "sh", "-c"]);
    unshare.arg("mount --bind \"$1\" \"$1\" || exit 77; shift; exec \"$@\"");
    let child = again("nature::a_mount_point_is_rejected", folder.path());
    unshare
        .arg("sh")
        .arg(&path)
        .arg(child.get_program())
        .args(child.get_args());
    unshare.env("TUPLENET_SAVING", folder.path());
    match unshare.output() {
        Ok(output) if output.status.success() => {
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert!(stdout.contains("this one is a mount point"), "{stdout}");
            assert_eq!(fs::read(&path).unwrap(), b"earlier");
        }
        _ => eprintln!("SKIPPED a mount point: the system does not permit mounting one"),
    }
}
