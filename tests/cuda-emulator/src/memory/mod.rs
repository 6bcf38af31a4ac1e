//! The memory of the emulated device: separate regions, in an address space in which they do not touch.

mod region;
mod shadow;

use std::collections::BTreeMap;

pub use region::Region;
pub(crate) use region::number;
pub use shadow::{BEGIN, Thread, Violation};

/// Addresses between two regions that belong to none, so that an index beyond the end is seen.
const GAP: u64 = 1 << 20;
/// The address of the first region: above those of the host, below those of the windows of shared and local memory.
const FIRST: u64 = 0x7100_0000_0000_0000;

/// Regions by their addresses.
#[derive(Debug)]
pub struct Memory {
    regions: Vec<Option<Region>>,
    /// From the first address of a region to its index.
    places: BTreeMap<u64, usize>,
    next: u64,
    used: usize,
    /// The bytes that the device has.
    pub capacity: usize,
}

/// A region and an offset in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub region: usize,
    pub offset: usize,
}

impl Memory {
    pub fn new(capacity: usize) -> Memory {
        Memory {
            regions: Vec::new(),
            places: BTreeMap::new(),
            next: FIRST,
            used: 0,
            capacity,
        }
    }

    /// The address of a new region of uninitialised bytes; `None` without room for it.
    pub fn allocate(&mut self, bytes: usize) -> Option<u64> {
        let used = self
            .used
            .checked_add(bytes)
            .filter(|used| *used <= self.capacity)?;
        self.used = used;
        let address = self.next;
        // A freed address is not given out again, so that an access through it is seen.
        self.next = (address + bytes as u64 + GAP).next_multiple_of(256);
        self.places.insert(address, self.regions.len());
        self.regions.push(Some(Region::new(address, bytes)));
        Some(address)
    }

    /// Whether a region began at this address, and is gone now.
    pub fn free(&mut self, address: u64) -> bool {
        let Some(index) = self.places.remove(&address) else {
            return false;
        };
        let region = self.regions[index].take();
        self.used -= region.map_or(0, |region| region.bytes().len());
        true
    }

    /// The place of `bytes` bytes at an address, if one region has all of them.
    pub fn find(&self, address: u64, bytes: usize) -> Option<Place> {
        let (_, &region) = self.places.range(..=address).next_back()?;
        let offset = self.regions[region].as_ref()?.offset(address, bytes)?;
        Some(Place { region, offset })
    }

    /// The region with this index, which [`Memory::find`] has given.
    pub fn region(&mut self, index: usize) -> Option<&mut Region> {
        self.regions.get_mut(index)?.as_mut()
    }

    /// What there is at an address, in words.
    pub fn describe(&self, address: u64) -> String {
        let before = self.places.range(..=address).next_back();
        let Some(region) = before.and_then(|(_, &index)| self.regions[index].as_ref()) else {
            return "no allocation".to_owned();
        };
        let bytes = region.bytes().len() as u64;
        match address - region.start() {
            offset if offset < bytes => format!("byte {offset} of an allocation of {bytes} bytes"),
            offset => format!(
                "{} bytes after the end of an allocation of {bytes} bytes, or freed memory",
                offset - bytes
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn an_address_belongs_to_one_region_or_none() {
        let mut memory = Memory::new(1000);
        let [a, b] = [100, 200].map(|bytes| memory.allocate(bytes).unwrap());
        assert_eq!(memory.find(a + 96, 4).unwrap().offset, 96);
        assert_eq!(memory.find(a + 97, 4), None, "one byte too far");
        assert_eq!(memory.find(a - 1, 1), None);
        assert_eq!(memory.find(b, 200).unwrap().offset, 0);
        assert!(memory.free(a));
        assert_eq!(memory.find(a, 1), None, "freed");
        assert!(!memory.free(a), "twice");
        assert_ne!(memory.allocate(100), Some(a));
    }

    #[test]
    fn the_capacity_is_kept() {
        let mut memory = Memory::new(1000);
        let a = memory.allocate(600).unwrap();
        assert_eq!(memory.allocate(401), None);
        assert_eq!(memory.allocate(usize::MAX), None);
        assert!(memory.allocate(400).is_some());
        memory.free(a);
        assert!(memory.allocate(600).is_some());
    }
}
