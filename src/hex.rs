//! Checksums as people compare them.

/// `[0x0a, 0xff]` as `0aff`.
pub(crate) fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
