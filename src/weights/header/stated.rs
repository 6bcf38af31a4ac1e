//! What a header states: of one tensor, and in its metadata.

use crate::{
    text::Text,
    weights::{
        Mismatch,
        json::{Cursor, attempt},
        names::same,
    },
};

/// What the header says of one tensor.
#[derive(Clone, Copy)]
pub(super) struct Stated<'a> {
    pub(super) dtype: &'a str,
    /// The first sizes; there are `rank` of them.
    pub(super) shape: [usize; MOST_SIZES],
    pub(super) rank: usize,
    /// Of the tensors' bytes, the first and the one after the last.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// As many sizes of a shape as messages show.
const MOST_SIZES: usize = 4;

/// Passes `{"key": "value", ...}`; whether one of the keys is that of a checkpoint's manifest.
pub(super) const fn metadata(cursor: &mut Cursor<'_>) -> Result<bool, Mismatch> {
    attempt!(cursor.expect(b'{', "`{`"));
    let mut has_manifest = false;
    let mut is_first = true;
    while !cursor.passes(b'}') {
        if !is_first {
            attempt!(cursor.expect(b',', "`,` or `}`"));
        }
        is_first = false;
        let key = attempt!(cursor.string());
        has_manifest |= same(key.as_bytes(), b"checkpoint");
        attempt!(cursor.expect(b':', "`:`"));
        attempt!(cursor.string());
    }
    Ok(has_manifest)
}

/// Passes `{"dtype": "F32", "shape": [128, 784], "data_offsets": [0, 401408]}`, in any order.
pub(super) const fn stated<'a>(cursor: &mut Cursor<'a>) -> Result<Stated<'a>, Mismatch> {
    let mut stated = Stated {
        dtype: "",
        shape: [0; MOST_SIZES],
        rank: 0,
        start: 0,
        end: 0,
    };
    let (mut has_dtype, mut has_shape, mut has_offsets) = (false, false, false);
    attempt!(cursor.expect(b'{', "`{`"));
    while !(has_dtype && has_shape && has_offsets) {
        if has_dtype || has_shape || has_offsets {
            attempt!(cursor.expect(b',', "`,`"));
        }
        let field = attempt!(cursor.string());
        attempt!(cursor.expect(b':', "`:`"));
        match field.as_bytes() {
            b"dtype" if !has_dtype => {
                has_dtype = true;
                stated.dtype = attempt!(cursor.string());
            }
            b"shape" if !has_shape => {
                has_shape = true;
                attempt!(cursor.expect(b'[', "`[`"));
                while !cursor.passes(b']') {
                    if stated.rank > 0 {
                        attempt!(cursor.expect(b',', "`,` or `]`"));
                    }
                    let size = attempt!(cursor.number());
                    if stated.rank < MOST_SIZES {
                        stated.shape[stated.rank] = size;
                    }
                    stated.rank += 1;
                }
            }
            b"data_offsets" if !has_offsets => {
                has_offsets = true;
                attempt!(cursor.expect(b'[', "`[`"));
                stated.start = attempt!(cursor.number());
                attempt!(cursor.expect(b',', "`,`"));
                stated.end = attempt!(cursor.number());
                attempt!(cursor.expect(b']', "`]`"));
            }
            _ => {
                let expected = Text::of("`dtype`, `shape` and `data_offsets`, once each");
                let found = Text::of("`").then(field).then("`");
                return Err(Mismatch::header(expected, found));
            }
        }
    }
    attempt!(cursor.expect(b'}', "`}`"));
    Ok(stated)
}

impl Stated<'_> {
    /// Checks that the bytes lie in the file and are as many as type and shape take.
    pub(super) const fn check_bytes(&self, key: &str, data_len: usize) -> Result<(), Mismatch> {
        if self.start > self.end || self.end > data_len {
            let expected = Text::of("bytes within the ")
                .then_number(data_len)
                .then(" after the header");
            return Err(Mismatch::of(key, expected, self.range()));
        }
        let Some(value_bytes) = value_bytes(self.dtype) else {
            let found = Text::of("`").then(self.dtype).then("`");
            return Err(Mismatch::of(key, Text::of("a type such as F32"), found));
        };
        let mut bytes = Some(value_bytes);
        let mut i = 0;
        while i < self.rank && i < MOST_SIZES {
            bytes = match bytes {
                Some(bytes) => bytes.checked_mul(self.shape[i]),
                None => None,
            };
            i += 1;
        }
        // A shape of more sizes than are kept is refused later: no layer has one.
        let fits = self.rank > MOST_SIZES
            || matches!(bytes, Some(bytes) if bytes == self.end - self.start);
        if !fits {
            let expected = Text::of("as many bytes as ")
                .then(self.words().as_str())
                .then(" takes");
            return Err(Mismatch::of(key, expected, self.range()));
        }
        Ok(())
    }

    /// `F32 [128, 784]`.
    pub(super) const fn words(&self) -> Text<192> {
        let text = Text::of(self.dtype).then(" ");
        if self.rank <= MOST_SIZES {
            text.then_shape(self.shape.split_at(self.rank).0)
        } else {
            text.then("of ").then_number(self.rank).then(" sizes")
        }
    }

    /// `bytes 0 to 401408`, the second not included.
    pub(super) const fn range(&self) -> Text<192> {
        Text::of("bytes ")
            .then_number(self.start)
            .then(" to ")
            .then_number(self.end)
    }
}

/// The bytes of one value, for the types of the format that are whole bytes.
const fn value_bytes(dtype: &str) -> Option<usize> {
    match dtype.as_bytes() {
        b"BOOL" | b"U8" | b"I8" | b"F8_E5M2" | b"F8_E4M3" | b"F8_E8M0" => Some(1),
        b"I16" | b"U16" | b"F16" | b"BF16" => Some(2),
        b"I32" | b"U32" | b"F32" => Some(4),
        b"I64" | b"U64" | b"F64" | b"C64" => Some(8),
        _ => None,
    }
}
