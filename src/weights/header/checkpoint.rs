//! Selects the network's weights among the tensors of a checkpoint.

use super::tensor_info::{metadata, tensor_info};
use crate::{text::same, weights::json::Cursor};

/// `key` without the prefix of the network's tensors, or `None` if it lacks that prefix.
pub(super) const fn after<'a>(prefix: Option<&str>, key: &'a str) -> Option<&'a str> {
    let Some(prefix) = prefix else {
        return Some(key);
    };
    match key.as_bytes().split_at_checked(prefix.len()) {
        Some((start, _)) if same(start, prefix.as_bytes()) => Some(key.split_at(prefix.len()).1),
        _ => None,
    }
}

/// The prefix of the weights to read if this is the header of a checkpoint: the best epoch's if stored, otherwise the
/// last step's. `None` for a malformed header, which the parser reports afterwards.
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
                Ok(metadata) => is_checkpoint |= metadata.is_checkpoint,
                Err(_) => return None,
            }
            continue;
        }
        has_weights |= after(Some("weights."), key).is_some();
        has_best |= after(Some("best."), key).is_some();
        if tensor_info(&mut cursor).is_err() {
            return None;
        }
    }
    match (is_checkpoint && has_weights, has_best) {
        (true, true) => Some("best."),
        (true, false) => Some("weights."),
        (false, _) => None,
    }
}
