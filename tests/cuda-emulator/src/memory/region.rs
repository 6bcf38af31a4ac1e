//! One allocation: its bytes, and who has accessed them.

use super::shadow::{Shadow, Thread, Violation};

#[derive(Debug)]
pub struct Region {
    start: u64,
    bytes: Vec<u8>,
    shadow: Shadow,
}

impl Region {
    pub fn new(start: u64, bytes: usize) -> Region {
        Region {
            start,
            bytes: vec![0; bytes],
            shadow: Shadow::new(bytes),
        }
    }

    pub fn start(&self) -> u64 {
        self.start
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The offset of an address, if the region has that many bytes from there on.
    #[inline]
    pub fn offset(&self, address: u64, bytes: usize) -> Option<usize> {
        let offset = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let end = offset.checked_add(bytes)?;
        (end <= self.bytes.len()).then_some(offset)
    }

    /// Reads up to 8 bytes as a number.
    #[inline]
    pub fn load(
        &mut self,
        offset: usize,
        width: usize,
        by: &Thread,
        is_strong: bool,
    ) -> Result<u64, Violation> {
        self.shadow.read(offset, width, by, is_strong)?;
        Ok(number(&self.bytes[offset..offset + width]))
    }

    /// Writes the lowest bytes of a number.
    #[inline]
    pub fn store(
        &mut self,
        (offset, width): (usize, usize),
        value: u64,
        by: &Thread,
        is_strong: bool,
    ) -> Result<(), Violation> {
        self.shadow.write(offset, width, by, is_strong)?;
        self.bytes[offset..offset + width].copy_from_slice(&value.to_le_bytes()[..width]);
        Ok(())
    }

    /// Replaces a number, and returns the old one.
    pub fn exchange(
        &mut self,
        (offset, width): (usize, usize),
        by: &Thread,
        new: impl Fn(u64) -> u64,
    ) -> Result<u64, Violation> {
        self.shadow.initialised(offset, width)?;
        self.shadow.write(offset, width, by, true)?;
        let bytes = &mut self.bytes[offset..offset + width];
        let old = number(bytes);
        bytes.copy_from_slice(&new(old).to_le_bytes()[..width]);
        Ok(old)
    }

    /// An asynchronous copy to these bytes begins.
    pub fn reserve(&mut self, offset: usize, width: usize, by: &Thread) -> Result<(), Violation> {
        self.shadow.reserve(offset, width, by)
    }

    /// The thread has waited for its copy.
    pub fn arrive(&mut self, offset: usize, bytes: &[u8], by: &Thread) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.shadow.arrive(offset, bytes.len(), by);
    }

    /// Makes all bytes uninitialised.
    pub fn forget(&mut self) {
        self.shadow.forget();
    }

    /// Bytes that the host writes.
    pub fn fill(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.shadow.initialise(offset, bytes.len());
    }

    /// Bytes that the host, or a library, reads.
    pub fn read(&self, offset: usize, bytes: usize) -> Result<&[u8], Violation> {
        self.shadow.initialised(offset, bytes)?;
        Ok(&self.bytes[offset..offset + bytes])
    }
}

/// Up to 8 bytes as a number.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    match *bytes {
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        _ => bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}
