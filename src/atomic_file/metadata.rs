//! Copies mode, owner, group and access control list of a file to its replacement.

use std::{
    fs::{File, Metadata, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::Path,
};

use super::unsupported::supported;

/// Gives `part`, which is private to its owner, the owner, the access control list and the mode of the file at `path`,
/// as far as the system allows. No user gains a permission that the existing file did not grant.
///
/// # Errors
/// The system's, where it supports modes and fails to set one.
pub(super) fn preserve(part: &File, path: &Path, earlier: &Metadata) -> io::Result<()> {
    let (owner, group) = (Some(earlier.uid()), Some(earlier.gid()));
    let now = part.metadata()?;
    if (now.uid(), now.gid()) != (earlier.uid(), earlier.gid()) {
        // Only root may change the owner; a user may set any of their own groups. The result is checked below.
        let _ = fchown(part, owner, group).or_else(|_| fchown(part, None, group));
    }
    let group_is_preserved = part.metadata()?.gid() == earlier.gid();
    let list_is_preserved = access_list::preserve(part, path);
    let mut mode = earlier.mode() & 0o777;
    if !(group_is_preserved && list_is_preserved) {
        // A different group gets the permissions of others.
        mode &= !0o070 | (mode & 0o007) << 3;
    }
    let set = part.set_permissions(Permissions::from_mode(mode));
    match supported(set) {
        // FAT and CIFS have no modes: every file has the mode given at mount time.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        set => set.map(|_| ()),
    }
}

#[cfg(target_os = "linux")]
mod access_list {
    use std::{fs::File, path::Path};

    use rustix::fs::{XattrFlags, fremovexattr, fsetxattr, getxattr};

    /// The extended attribute in which Linux stores POSIX access control lists.
    const NAME: &str = "system.posix_acl_access";

    /// Gives `part` the list of the file at `path`, or removes the list that the folder gave it if that file has none.
    /// Returns whether it succeeded.
    pub(super) fn preserve(part: &File, path: &Path) -> bool {
        let mut list = vec![0; 1 << 16];
        match getxattr(path, NAME, list.as_mut_slice()) {
            Ok(length) => {
                let list = list.get(..length).unwrap_or_default();
                fsetxattr(part, NAME, list, XattrFlags::empty()).is_ok()
            }
            Err(_) => {
                // Fails if there is no list.
                let _ = fremovexattr(part, NAME);
                true
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod access_list {
    use std::{fs::File, path::Path};

    /// Lists of other systems are not preserved.
    pub(super) fn preserve(_: &File, _: &Path) -> bool {
        true
    }
}
