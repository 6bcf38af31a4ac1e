//! The JSON of a safetensors header, read byte by byte: nothing else can run while compiling.

use super::Misfit;
use crate::text::Text;

/// Takes the value of a `Result`, or returns its error: what `?` does outside `const fn`.
macro_rules! attempt {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(error),
        }
    };
}
pub(super) use attempt;

/// A place in a header.
pub(super) struct Cursor<'a> {
    header: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(header: &'a str) -> Self {
        Cursor { header, at: 0 }
    }

    /// The byte here, after white space; 0 at the end.
    pub(super) const fn peek(&mut self) -> u8 {
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

    /// Passes the byte `wanted`; whether it was there.
    pub(super) const fn passes(&mut self, wanted: u8) -> bool {
        let is_there = self.peek() == wanted && self.at < self.header.len();
        if is_there {
            self.at += 1;
        }
        is_there
    }

    /// Passes the byte `wanted`, which `words` name.
    pub(super) const fn expect(&mut self, wanted: u8, words: &str) -> Result<(), Misfit> {
        if self.passes(wanted) {
            Ok(())
        } else {
            Err(self.misfit(words))
        }
    }

    /// Passes a string, and gives it without its quotes; escapes stay as they are written.
    pub(super) const fn string(&mut self) -> Result<&'a str, Misfit> {
        attempt!(self.expect(b'"', "a string"));
        let bytes = self.header.as_bytes();
        let start = self.at;
        loop {
            if self.at >= bytes.len() {
                return Err(self.misfit("the end of a string"));
            }
            match bytes[self.at] {
                b'"' => break,
                b'\\' => attempt!(self.escape()),
                0..0x20 => return Err(self.misfit("no control characters in a string")),
                _ => self.at += 1,
            }
        }
        let (text, _) = self.header.split_at(self.at);
        self.at += 1;
        Ok(text.split_at(start).1)
    }

    const fn escape(&mut self) -> Result<(), Misfit> {
        let bytes = self.header.as_bytes();
        self.at += 1;
        let kind = if self.at < bytes.len() {
            bytes[self.at]
        } else {
            0
        };
        let hex_digits = match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return Err(self.misfit("a JSON escape")),
        };
        self.at += 1;
        let end = self.at + hex_digits;
        while self.at < end {
            if self.at >= bytes.len() || !bytes[self.at].is_ascii_hexdigit() {
                return Err(self.misfit("four hexadecimal digits"));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Passes a whole number.
    pub(super) const fn number(&mut self) -> Result<usize, Misfit> {
        if !self.peek().is_ascii_digit() {
            return Err(self.misfit("a whole number"));
        }
        let bytes = self.header.as_bytes();
        let (start, mut number) = (self.at, 0usize);
        while self.at < bytes.len() && bytes[self.at].is_ascii_digit() {
            let digit = (bytes[self.at] - b'0') as usize;
            number = match number.checked_mul(10) {
                Some(tens) => match tens.checked_add(digit) {
                    Some(number) => number,
                    None => return Err(self.misfit("a number that fits this machine")),
                },
                None => return Err(self.misfit("a number that fits this machine")),
            };
            self.at += 1;
        }
        if bytes[start] == b'0' && self.at > start + 1 {
            return Err(self.misfit("a number without leading zeros"));
        }
        Ok(number)
    }

    /// Whether nothing but white space is left.
    pub(super) const fn is_at_end(&mut self) -> bool {
        self.peek();
        self.at == self.header.len()
    }

    /// The header's text goes wrong here, where `words` were expected.
    pub(super) const fn misfit(&self, words: &str) -> Misfit {
        let (_, rest) = self.header.as_bytes().split_at(self.at);
        let found: Text<192> = match rest {
            [] => Text::of("its end"),
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
        Misfit::header(Text::of(words), found)
    }
}
