//! What a file was that another one replaces: its mode, owner, group and access control list.

use std::{
    fs::{File, Metadata, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::Path,
};

use super::unsupported::supported;

/// Gives `part`, which is its owner's alone, the owner, the access control list and the mode of the file at `path`, as
/// far as the system allows it. Nobody gets a right that the earlier file did not give.
///
/// # Errors
/// The system's, where it has modes and fails to set one.
pub(super) fn keep(part: &File, path: &Path, earlier: &Metadata) -> io::Result<()> {
    let (owner, group) = (Some(earlier.uid()), Some(earlier.gid()));
    let now = part.metadata()?;
    if (now.uid(), now.gid()) != (earlier.uid(), earlier.gid()) {
        // Only root gives files away; the group may be any that the user is in. What came of it is looked at below.
        let _ = fchown(part, owner, group).or_else(|_| fchown(part, None, group));
    }
    let group_is_kept = part.metadata()?.gid() == earlier.gid();
    let list_is_kept = access_list::keep(part, path);
    let mut mode = earlier.mode() & 0o777;
    if !(group_is_kept && list_is_kept) {
        // Another group may do what anybody may.
        mode &= !0o070 | (mode & 0o007) << 3;
    }
    let set = part.set_permissions(Permissions::from_mode(mode));
    match supported(set) {
        // FAT and CIFS have no modes: every file there has the one that it was mounted with.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        set => set.map(|_| ()),
    }
}

#[cfg(target_os = "linux")]
mod access_list {
    use std::{fs::File, path::Path};

    use rustix::fs::{XattrFlags, fremovexattr, fsetxattr, getxattr};

    /// Access control lists of POSIX, as Linux keeps them.
    const NAME: &str = "system.posix_acl_access";

    /// Gives `part` the list of the file at `path`, or none if that has none (the folder may have given it one); whether it
    /// has it now.
    pub(super) fn keep(part: &File, path: &Path) -> bool {
        let mut list = vec![0; 1 << 16];
        match getxattr(path, NAME, list.as_mut_slice()) {
            Ok(length) => {
                let list = list.get(..length).unwrap_or_default();
                fsetxattr(part, NAME, list, XattrFlags::empty()).is_ok()
            }
            Err(_) => {
                // Fails where there is none.
                let _ = fremovexattr(part, NAME);
                true
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod access_list {
    use std::{fs::File, path::Path};

    /// Lists of other systems are not kept.
    pub(super) fn keep(_: &File, _: &Path) -> bool {
        true
    }
}
