//! A JSON parser for safetensors headers, in `const fn`s that run at compile time.

use super::Mismatch;
use crate::text::Text;

/// The operator `?` for `const fn`: the value of a `Result`, or an early return of its error.
macro_rules! attempt {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(error),
        }
    };
}
pub(crate) use attempt;

/// A position in a header.
pub(super) struct Cursor<'a> {
    header: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(header: &'a str) -> Self {
        Cursor { header, at: 0 }
    }

    /// The next byte after white space; 0 at the end.
    const fn peek(&mut self) -> u8 {
        let bytes = self.header.as_bytes();
        while self.at < bytes.len() && matches!(bytes[self.at], b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        if self.at < bytes.len() {
            bytes[self.at]
        } else {
            0
        }
    }

    /// Consumes the byte `wanted`, which is not 0, if it is next. Returns whether it was.
    pub(super) const fn passes(&mut self, wanted: u8) -> bool {
        let is_there = self.peek() == wanted;
        if is_there {
            self.at += 1;
        }
        is_there
    }

    /// Consumes the byte `wanted`, which `words` describe in an error.
    pub(super) const fn expect(&mut self, wanted: u8, words: &str) -> Result<(), Mismatch> {
        if self.passes(wanted) {
            Ok(())
        } else {
            Err(self.mismatch(words))
        }
    }

    /// Consumes a string and returns it without its quotes; escapes are not decoded.
    pub(super) const fn string(&mut self) -> Result<&'a str, Mismatch> {
        attempt!(self.expect(b'"', "a string"));
        let bytes = self.header.as_bytes();
        let start = self.at;
        loop {
            if self.at >= bytes.len() {
                return Err(self.mismatch("the end of a string"));
            }
            match bytes[self.at] {
                b'"' => break,
                b'\\' => attempt!(self.escape()),
                0..0x20 => return Err(self.mismatch("no control characters in a string")),
                _ => self.at += 1,
            }
        }
        let (text, _) = self.header.split_at(self.at);
        self.at += 1;
        Ok(text.split_at(start).1)
    }

    /// Consumes an escape. A character of more than 16 bits is a surrogate pair of two escapes.
    const fn escape(&mut self) -> Result<(), Mismatch> {
        match self.rest() {
            [b'\\', b'u', ..] => match attempt!(self.unit()) {
                0xd800..0xdc00 => {
                    let start = self.at;
                    let is_pair = matches!(self.rest(), [b'\\', b'u', ..])
                        && matches!(attempt!(self.unit()), 0xdc00..0xe000);
                    if !is_pair {
                        self.at = start;
                        return Err(self.mismatch("the second half of a surrogate pair"));
                    }
                    Ok(())
                }
                0xdc00..0xe000 => {
                    Err(self.mismatch("the first half of a surrogate pair before its second"))
                }
                _ => Ok(()),
            },
            [
                b'\\',
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                ..,
            ] => {
                self.at += 2;
                Ok(())
            }
            _ => {
                self.at += 1;
                Err(self.mismatch("a JSON escape"))
            }
        }
    }

    /// Consumes `\u` and four digits, and returns their value.
    const fn unit(&mut self) -> Result<u32, Mismatch> {
        self.at += 2;
        let end = self.at + 4;
        let mut unit = 0;
        while self.at < end {
            let digit = match self.rest() {
                [byte, ..] => (*byte as char).to_digit(16),
                [] => None,
            };
            let Some(digit) = digit else {
                return Err(self.mismatch("four hexadecimal digits"));
            };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    /// The remaining bytes.
    const fn rest(&self) -> &'a [u8] {
        self.header.as_bytes().split_at(self.at).1
    }

    /// Consumes a non-negative integer.
    pub(super) const fn number(&mut self) -> Result<usize, Mismatch> {
        if !self.peek().is_ascii_digit() {
            return Err(self.mismatch("a whole number"));
        }
        if matches!(self.rest(), [b'0', b'0'..=b'9', ..]) {
            return Err(self.mismatch("a number without leading zeros"));
        }
        let mut number = 0usize;
        while let [digit @ b'0'..=b'9', ..] = self.rest() {
            let more = match number.checked_mul(10) {
                Some(tens) => tens.checked_add((*digit - b'0') as usize),
                None => None,
            };
            let Some(more) = more else {
                return Err(self.mismatch("a number that fits in `usize`"));
            };
            number = more;
            self.at += 1;
        }
        Ok(number)
    }

    /// Whether nothing but white space is left.
    pub(super) const fn is_at_end(&mut self) -> bool {
        self.peek();
        self.at == self.header.len()
    }

    /// The error of an unexpected byte at this position, where `words` were expected.
    pub(super) const fn mismatch(&self, words: &str) -> Mismatch {
        let found: Text<192> = match self.rest() {
            [] => Text::of("the end of the header"),
            [byte @ b' '..=b'~', ..] => match core::str::from_utf8(&[*byte]) {
                Ok(byte) => Text::of("`").then(byte).then("`"),
                Err(_) => Text::of("another byte"),
            },
            [byte, ..] => Text::of("byte ").then_number(*byte as usize),
        };
        let found = found
            .then(" (byte ")
            .then_number(8 + self.at)
            .then(" of the file)");
        Mismatch::header(Text::of(words), found)
    }
}
