//! Tells calls that a file system does not support from calls that fail.

use std::io;

/// The error, if the call failed because the file system does not support it.
///
/// # Errors
/// Any other error.
pub(crate) fn supported(result: io::Result<()>) -> io::Result<Option<io::Error>> {
    match result {
        Ok(()) => Ok(None),
        Err(error) if is_unsupported(&error) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Whether the error means "not supported": `fsync` of a folder (EINVAL on CIFS and some FUSE), locks (ENOLCK, ENOSYS
/// on NFS and Lustre), modes (ENOTSUP).
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
