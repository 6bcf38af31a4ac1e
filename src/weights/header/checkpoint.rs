//! Which tensors of a training's checkpoint are the network's weights.

use super::stated::{metadata, stated};
use crate::weights::{json::Cursor, names::same};

/// The rest of `key` after the prefix that the network's tensors have, if it has it.
pub(super) const fn after<'a>(prefix: Option<&str>, key: &'a str) -> Option<&'a str> {
    let Some(prefix) = prefix else {
        return Some(key);
    };
    match key.as_bytes().split_at_checked(prefix.len()) {
        Some((start, _)) if same(start, prefix.as_bytes()) => Some(key.split_at(prefix.len()).1),
        _ => None,
    }
}

/// The prefix of the weights to read, if the header is that of a checkpoint: of the best epoch's, where they were
/// kept, else of the last step's. A header that cannot be read has none: the reader that follows says why.
pub(super) const fn prefix_in_checkpoint(header: &str) -> Option<&'static str> {
    let mut cursor = Cursor::new(header);
    let (mut is_checkpoint, mut has_weights, mut has_best) = (false, false, false);
    if !cursor.passes(b'{') {
        return None;
    }
    while !cursor.passes(b'}') {
        cursor.passes(b',');
        let Ok(key) = cursor.string() else {
            return None;
        };
        if !cursor.passes(b':') {
            return None;
        }
        if same(key.as_bytes(), b"__metadata__") {
            match metadata(&mut cursor) {
                Ok(has_manifest) => is_checkpoint |= has_manifest,
                Err(_) => return None,
            }
            continue;
        }
        has_weights |= after(Some("weights."), key).is_some();
        has_best |= after(Some("best."), key).is_some();
        if stated(&mut cursor).is_err() {
            return None;
        }
    }
    match (is_checkpoint && has_weights, has_best) {
        (true, true) => Some("best."),
        (true, false) => Some("weights."),
        (false, _) => None,
    }
}
