//! Parses the entries of a header: the info of one tensor, and the metadata.

use crate::{
    text::{Text, same},
    weights::{
        Mismatch,
        json::{Cursor, attempt},
        names::Shape,
        place::Dtype,
    },
};

/// The key of the names of classes in the metadata.
pub(crate) const CLASSES: &str = "classes";

/// The entry of one tensor in the header.
#[derive(Clone, Copy)]
pub(crate) struct TensorInfo<'a> {
    pub(crate) dtype: &'a str,
    /// The first [`MAX_RANK`] of its `rank` dimensions.
    shape: [usize; MAX_RANK],
    rank: usize,
    /// The offset of its first byte in the tensors' bytes, and the end (exclusive).
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The number of dimensions that are stored, and shown in messages.
const MAX_RANK: usize = 4;

/// The metadata of a file.
#[derive(Clone, Copy)]
pub(super) struct Metadata<'a> {
    /// Whether it has the manifest of a checkpoint.
    pub(super) is_checkpoint: bool,
    /// The names of the classes, with commas between them.
    pub(super) classes: Option<&'a str>,
}

/// Parses `{"key": "value", ...}`.
pub(super) const fn metadata<'a>(cursor: &mut Cursor<'a>) -> Result<Metadata<'a>, Mismatch> {
    attempt!(cursor.expect(b'{', "`{`"));
    let mut metadata = Metadata {
        is_checkpoint: false,
        classes: None,
    };
    let mut is_first = true;
    while !cursor.passes(b'}') {
        if !is_first {
            attempt!(cursor.expect(b',', "`,` or `}`"));
        }
        is_first = false;
        let key = attempt!(cursor.string());
        metadata.is_checkpoint |= same(key.as_bytes(), b"checkpoint");
        attempt!(cursor.expect(b':', "`:`"));
        let value = attempt!(cursor.string());
        if same(key.as_bytes(), CLASSES.as_bytes()) {
            metadata.classes = Some(value);
        }
    }
    Ok(metadata)
}

/// Parses `{"dtype": "F32", "shape": [128, 784], "data_offsets": [0, 401408]}`, in any order.
pub(super) const fn tensor_info<'a>(cursor: &mut Cursor<'a>) -> Result<TensorInfo<'a>, Mismatch> {
    let mut info = TensorInfo {
        dtype: "",
        shape: [0; MAX_RANK],
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
                info.dtype = attempt!(cursor.string());
            }
            b"shape" if !has_shape => {
                has_shape = true;
                attempt!(cursor.expect(b'[', "`[`"));
                while !cursor.passes(b']') {
                    if info.rank > 0 {
                        attempt!(cursor.expect(b',', "`,` or `]`"));
                    }
                    let size = attempt!(cursor.number());
                    if info.rank < MAX_RANK {
                        info.shape[info.rank] = size;
                    }
                    info.rank += 1;
                }
            }
            b"data_offsets" if !has_offsets => {
                has_offsets = true;
                attempt!(cursor.expect(b'[', "`[`"));
                info.start = attempt!(cursor.number());
                attempt!(cursor.expect(b',', "`,`"));
                info.end = attempt!(cursor.number());
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
    Ok(info)
}

impl TensorInfo<'_> {
    /// Checks that the bytes are within the file and match dtype and shape.
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
        while i < self.rank && i < MAX_RANK {
            bytes = match bytes {
                Some(bytes) => bytes.checked_mul(self.shape[i]),
                None => None,
            };
            i += 1;
        }
        // A shape of higher rank is rejected later: no layer has one.
        let fits =
            self.rank > MAX_RANK || matches!(bytes, Some(bytes) if bytes == self.end - self.start);
        if !fits {
            let expected = Text::of("as many bytes as ")
                .then(self.describe().as_str())
                .then(" takes");
            return Err(Mismatch::of(key, expected, self.range()));
        }
        Ok(())
    }

    /// Whether it has bytes that another tensor has.
    pub(crate) const fn overlaps(&self, other: &TensorInfo<'_>) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The error of a tensor that overlaps another one.
    pub(crate) const fn overlapping(
        &self,
        name: Text<64>,
        (other, other_name): (&TensorInfo<'_>, Text<64>),
    ) -> Mismatch {
        let found = self
            .range()
            .then(", which overlap `")
            .then(other_name.as_str())
            .then("`: ")
            .then(other.range().as_str());
        let expected = Text::of("non-overlapping bytes");
        Mismatch::of(name.as_str(), expected, found)
    }

    /// Whether it has these dimensions.
    pub(crate) const fn has_shape(&self, shape: &Shape) -> bool {
        let sizes = shape.sizes();
        let mut fits = self.rank == sizes.len();
        let mut i = 0;
        while fits && i < sizes.len() {
            fits = self.shape[i] == sizes[i];
            i += 1;
        }
        fits
    }

    /// The error of a tensor of another dtype or shape than expected.
    pub(crate) const fn unlike(&self, name: Text<64>, dtype: Dtype, shape: Shape) -> Mismatch {
        let expected = Text::of(dtype.name()).then(" ").then_shape(shape.sizes());
        Mismatch::of(name.as_str(), expected, self.describe())
    }

    /// `F32 [128, 784]`.
    const fn describe(&self) -> Text<192> {
        let text = Text::of(self.dtype).then(" ");
        if self.rank <= MAX_RANK {
            text.then_shape(self.shape.split_at(self.rank).0)
        } else {
            text.then("of ").then_number(self.rank).then(" dimensions")
        }
    }

    /// `bytes 0 to 401408`, end exclusive.
    pub(crate) const fn range(&self) -> Text<192> {
        Text::of("bytes ")
            .then_number(self.start)
            .then(" to ")
            .then_number(self.end)
    }
}

/// The size of one value in bytes, for the dtypes of the format that are a whole number of bytes.
const fn value_bytes(dtype: &str) -> Option<usize> {
    match dtype.as_bytes() {
        b"BOOL" | b"U8" | b"I8" | b"F8_E5M2" | b"F8_E4M3" | b"F8_E8M0" => Some(1),
        b"I16" | b"U16" | b"F16" | b"BF16" => Some(2),
        b"I32" | b"U32" | b"F32" => Some(4),
        b"I64" | b"U64" | b"F64" | b"C64" => Some(8),
        _ => None,
    }
}
