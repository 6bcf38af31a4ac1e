//! What a file system does not have, told apart from what fails.

use std::io;

/// The answer of a file system that has no such call, if that is why the call failed.
///
/// # Errors
/// Every other failure.
pub(crate) fn supported(result: io::Result<()>) -> io::Result<Option<io::Error>> {
    match result {
        Ok(()) => Ok(None),
        Err(error) if is_unsupported(&error) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Whether a file system answers so to what it does not have: an `fsync` of folders (EINVAL on CIFS and some FUSE), a
/// lock (ENOLCK, ENOSYS on NFS and Lustre), a mode (ENOTSUP).
fn is_unsupported(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let unsupported = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP];
        if let Some(errno) = Errno::from_io_error(error)
            && unsupported.contains(&errno)
        {
            return true;
        }
    }
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
    )
}
