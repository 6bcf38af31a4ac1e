//! A fixed-capacity string on the stack that constant evaluation can write: messages without `std`.

use core::fmt;

/// At most `N` bytes of text; longer text is truncated and ends in `…`.
#[derive(Clone, Copy)]
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
    is_full: bool,
}

const MORE: &str = "…";

impl<const N: usize> Text<N> {
    pub(crate) const fn new() -> Self {
        Text {
            bytes: [0; N],
            len: 0,
            is_full: false,
        }
    }

    pub(crate) const fn of(text: &str) -> Self {
        Self::new().then(text)
    }

    /// This text followed by `text`.
    pub(crate) const fn then(mut self, text: &str) -> Self {
        self.push(text);
        self
    }

    /// This text followed by `number` in decimal.
    pub(crate) const fn then_number(self, number: usize) -> Self {
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut rest = number;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        match core::str::from_utf8(digits.split_at(first).1) {
            Ok(digits) => self.then(digits),
            Err(_) => self,
        }
    }

    /// This text followed by `shape` as `[128, 784]`.
    pub(crate) const fn then_shape(self, shape: &[usize]) -> Self {
        let mut text = self.then("[");
        let mut i = 0;
        while i < shape.len() {
            if i > 0 {
                text = text.then(", ");
            }
            text = text.then_number(shape[i]);
            i += 1;
        }
        text.then("]")
    }

    pub(crate) const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    const fn push(&mut self, text: &str) {
        if self.is_full {
            return;
        }
        let mut len = text.len();
        // Room for `…` is reserved until it is written.
        self.is_full = self.len + len > N - MORE.len();
        if self.is_full {
            len = N - MORE.len() - self.len;
            while !text.is_char_boundary(len) {
                len -= 1;
            }
        }
        self.copy(text, len);
        if self.is_full {
            self.copy(MORE, MORE.len());
        }
    }

    const fn copy(&mut self, text: &str, len: usize) {
        let mut i = 0;
        while i < len {
            self.bytes[self.len] = text.as_bytes()[i];
            self.len += 1;
            i += 1;
        }
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const N: usize> Eq for Text<N> {}

/// `a == b`, which is not a `const` operation on slices.
pub(crate) const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_shapes_are_written_at_compile_time() {
        const TEXT: Text<40> = Text::of("F32 ")
            .then_shape(&[128, 0])
            .then_number(usize::MAX);
        assert_eq!(TEXT.as_str(), format!("F32 [128, 0]{}", usize::MAX));
        assert_eq!(Text::<8>::new().then_shape(&[]).as_str(), "[]");
    }

    #[test]
    fn long_text_is_truncated_between_characters_and_ends_in_an_ellipsis() {
        let text = Text::<8>::of("abcdef").then("g");
        assert_eq!(text.as_str(), "abcde…");
        assert_eq!(Text::<8>::of("abcde").as_str(), "abcde");
        assert_eq!(Text::<8>::of("abcdé and more").as_str(), "abcd…");
    }
}
