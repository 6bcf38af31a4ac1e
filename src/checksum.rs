//! Checksums of values, and as people compare them.

use sha2::{Digest, Sha256};

/// Adds values to a checksum, as a file has them.
pub(crate) fn add_floats(hash: &mut Sha256, values: &[f32]) {
    for chunk in values.chunks(1024) {
        hash.update(little_endian(chunk));
    }
}

/// `[0x0a, 0xff]` as `0aff`.
pub(crate) fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of `values` as a file has them.
pub(crate) fn little_endian(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
