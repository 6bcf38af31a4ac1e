//! SHA-256 checksums of values, and their hexadecimal form.

use sha2::{Digest, Sha256};

/// Adds values to a checksum, as little-endian bytes.
pub(crate) fn add_floats(hash: &mut Sha256, values: &[f32]) {
    for chunk in values.chunks(1024) {
        hash.update(little_endian(chunk));
    }
}

/// `[0x0a, 0xff]` as `0aff`.
pub(crate) fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The little-endian bytes of `values`, as files store them.
pub(crate) fn little_endian(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
