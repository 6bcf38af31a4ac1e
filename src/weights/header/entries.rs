//! [`Entries`]: the tensors that a header lists, one after another.

use super::tensor_info::{TensorInfo, metadata, tensor_info};
use crate::{
    text::{Text, same},
    weights::{
        Mismatch,
        json::{Cursor, attempt},
        names::Shape,
        place::Dtype,
    },
};

/// The entries of a header. The names of the classes in its metadata, if it has any, are checked on the way.
pub(crate) struct Entries<'a> {
    cursor: Cursor<'a>,
    /// The number of bytes after the header.
    data_len: usize,
    /// The names of the network's classes.
    classes: &'static [&'static str],
    is_first: bool,
    has_metadata: bool,
}

impl<'a> Entries<'a> {
    pub(crate) const fn new(
        header: &'a str,
        data_len: usize,
        classes: &'static [&'static str],
    ) -> Result<Self, Mismatch> {
        let mut cursor = Cursor::new(header);
        if !matches!(header.as_bytes(), [b'{', ..]) {
            return Err(cursor.mismatch("`{`"));
        }
        cursor.passes(b'{');
        Ok(Entries {
            cursor,
            data_len,
            classes,
            is_first: true,
            has_metadata: false,
        })
    }

    /// The name and the entry of the next tensor, whose bytes are within the file; none at the end of the header.
    pub(crate) const fn next(&mut self) -> Result<Option<(&'a str, TensorInfo<'a>)>, Mismatch> {
        while !self.cursor.passes(b'}') {
            if !self.is_first {
                attempt!(self.cursor.expect(b',', "`,` or `}`"));
            }
            self.is_first = false;
            let key = attempt!(self.cursor.string());
            attempt!(self.cursor.expect(b':', "`:`"));
            if same(key.as_bytes(), b"__metadata__") {
                if self.has_metadata {
                    return Err(Mismatch::of(key, Text::of("one"), Text::of("two")));
                }
                self.has_metadata = true;
                let metadata = attempt!(metadata(&mut self.cursor));
                attempt!(check_classes(self.classes, metadata.classes));
                continue;
            }
            let info = attempt!(tensor_info(&mut self.cursor));
            attempt!(info.check_bytes(key, self.data_len));
            return Ok(Some((key, info)));
        }
        if !self.cursor.is_at_end() {
            return Err(self.cursor.mismatch("the end of the header"));
        }
        Ok(None)
    }
}

/// Stores a tensor in its slot, which is empty unless the header lists two of its name.
pub(crate) const fn put<'a>(
    slot: &mut Option<TensorInfo<'a>>,
    key: &str,
    info: TensorInfo<'a>,
) -> Result<(), Mismatch> {
    if slot.is_some() {
        let expected = Text::of("one tensor of this name");
        return Err(Mismatch::of(key, expected, Text::of("two")));
    }
    *slot = Some(info);
    Ok(())
}

/// Checks that a file has nothing but the network's `count` tensors, of `covered` bytes; `extra` is the first other one.
pub(crate) const fn check_rest(
    extra: Option<&str>,
    count: usize,
    (covered, data_len): (usize, usize),
) -> Result<(), Mismatch> {
    if let Some(extra) = extra {
        let expected = Text::of("only the network's ")
            .then_number(count)
            .then(" tensors");
        return Err(Mismatch::of(extra, expected, Text::of("one more")));
    }
    if covered != data_len {
        let expected = Text::new()
            .then_number(covered)
            .then(" bytes of tensors, as many as the shapes take");
        let found = Text::new().then_number(data_len);
        return Err(Mismatch::header(expected, found));
    }
    Ok(())
}

/// Checks that the file's names of classes, if it has any, are those of the network, if it has any.
const fn check_classes(names: &[&str], found: Option<&str>) -> Result<(), Mismatch> {
    let Some(found) = found else { return Ok(()) };
    let (mut expected, mut i): (Text<192>, usize) = (Text::new(), 0);
    let mut rest = Some(found.as_bytes());
    while i < names.len() {
        let name = names[i].as_bytes();
        rest = match rest {
            Some(bytes) => match bytes.split_at_checked(name.len()) {
                Some((start, [])) if same(start, name) && i + 1 == names.len() => Some(&[]),
                Some((start, [b',', rest @ ..])) if same(start, name) && i + 1 < names.len() => {
                    Some(rest)
                }
                _ => None,
            },
            None => None,
        };
        expected = expected.then(if i > 0 { "," } else { "" }).then(names[i]);
        i += 1;
    }
    match rest {
        Some(_) => Ok(()),
        None => Err(Mismatch::of("classes", expected, Text::of(found))),
    }
}

/// The error of a missing tensor; it lists the names of the tensors in the file, whose header has been parsed before.
pub(crate) const fn missing(header: &str, name: Text<64>, dtype: Dtype, shape: Shape) -> Mismatch {
    let expected = Text::of(dtype.name()).then(" ").then_shape(shape.sizes());
    let mut found = Text::of("no tensor of this name; the file has");
    let mut cursor = Cursor::new(header);
    let mut tensors = 0;
    // The header has been parsed before, so nothing here fails.
    cursor.passes(b'{');
    while !cursor.passes(b'}') {
        cursor.passes(b',');
        let Ok(key) = cursor.string() else { break };
        cursor.passes(b':');
        let is_read = if same(key.as_bytes(), b"__metadata__") {
            metadata(&mut cursor).is_ok()
        } else {
            found = found
                .then(if tensors == 0 { " `" } else { ", `" })
                .then(key)
                .then("`");
            tensors += 1;
            tensor_info(&mut cursor).is_ok()
        };
        if !is_read {
            break;
        }
    }
    if tensors == 0 {
        found = found.then(" none");
    }
    Mismatch::of(name.as_str(), expected, found)
}
