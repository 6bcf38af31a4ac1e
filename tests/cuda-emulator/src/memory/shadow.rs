//! Who has written and read each part of a region, which shows uninitialised reads and races.
//!
//! A clock counts launches and barriers. An access has the time of the last barrier that its warp has passed. Two
//! accesses of one launch are ordered if they are by one thread, or if a barrier of the block, or of the warp, was
//! between them. Accesses of different blocks of a launch never are.

/// A thread that accesses memory.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    /// Its number in the launch, over all blocks.
    pub number: u32,
    /// The first thread of its block, and how many there are.
    pub block: (u32, u32),
    /// The first thread of its warp.
    pub warp: u32,
    /// The times of the launch, of the last barrier of the block and of the last barrier of the warp.
    pub launch: u32,
    pub block_time: u32,
    pub warp_time: u32,
}

/// What is wrong with an access.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Violation {
    Uninitialised,
    /// This thread's asynchronous copy is to write it, and it has not waited for that.
    Pending(u32),
    /// The other thread, if it is known, and what it did.
    Race(Option<u32>, &'static str),
}

/// The time of what the host wrote, before all launches.
const HOST: u32 = 1;
/// The first time of the clock.
pub const BEGIN: u32 = 2;

/// The accesses of a few bytes: the last writer and reader. Times are 0 without one.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    writer: u32,
    written: u32,
    reader: u32,
    read: u32,
}

/// In `writer`: the access was strong.
const STRONG: u32 = 1 << 31;
/// In `writer`: an asynchronous copy, for which the thread has not waited.
const PENDING: u32 = 1 << 30;
/// In `reader`: several threads of its warp have read since the warp's last barrier.
const SEVERAL_THREADS: u32 = 1 << 31;
/// In `reader`: threads of several warps of its block have read since the block's last barrier.
const SEVERAL_WARPS: u32 = 1 << 30;
/// In `reader`: several blocks have read in this launch.
const SEVERAL_BLOCKS: u32 = 1 << 29;
const NUMBER: u32 = SEVERAL_BLOCKS - 1;

#[derive(Debug)]
pub(super) struct Shadow {
    /// Bytes of a cell: 4, and 1 once anything narrower is accessed.
    cell_bytes: usize,
    cells: Vec<Cell>,
}

impl Thread {
    fn shares_block(&self, other: u32) -> bool {
        other.wrapping_sub(self.block.0) < self.block.1
    }

    fn shares_warp(&self, other: u32) -> bool {
        other.wrapping_sub(self.warp) < 32
    }

    /// Whether an access by another thread at that time was before all that this one does now.
    fn is_after(&self, other: u32, time: u32) -> bool {
        if time < self.launch || other == self.number {
            return true;
        }
        self.shares_block(other)
            && (time < self.block_time || self.shares_warp(other) && time < self.warp_time)
    }
}

impl Shadow {
    pub(super) fn new(bytes: usize) -> Shadow {
        Shadow {
            cell_bytes: 4,
            cells: vec![Cell::default(); bytes.div_ceil(4)],
        }
    }

    #[inline]
    pub(super) fn read(
        &mut self,
        offset: usize,
        width: usize,
        by: &Thread,
        is_strong: bool,
    ) -> Result<(), Violation> {
        for cell in self.cells(offset, width) {
            if cell.written == 0 {
                return Err(Violation::Uninitialised);
            }
            cell.check_writer(by, is_strong)?;
            if is_strong {
                continue;
            }
            cell.reader = by.number | cell.marks(by);
            cell.read = by.warp_time;
        }
        Ok(())
    }

    #[inline]
    pub(super) fn write(
        &mut self,
        offset: usize,
        width: usize,
        by: &Thread,
        is_strong: bool,
    ) -> Result<(), Violation> {
        for cell in self.cells(offset, width) {
            cell.check_writer(by, is_strong)?;
            cell.check_readers(by)?;
            cell.writer = by.number | if is_strong { STRONG } else { 0 };
            cell.written = by.warp_time;
        }
        Ok(())
    }

    /// An asynchronous copy begins.
    pub(super) fn reserve(
        &mut self,
        offset: usize,
        width: usize,
        by: &Thread,
    ) -> Result<(), Violation> {
        for cell in self.cells(offset, width) {
            cell.check_writer(by, false)?;
            cell.check_readers(by)?;
            cell.writer = by.number | PENDING;
            cell.written = by.warp_time;
        }
        Ok(())
    }

    /// Its thread has waited for it.
    pub(super) fn arrive(&mut self, offset: usize, bytes: usize, by: &Thread) {
        for cell in self.cells(offset, bytes) {
            cell.writer = by.number;
            cell.written = by.warp_time;
        }
    }

    /// Makes all bytes uninitialised.
    pub(super) fn forget(&mut self) {
        self.cells.fill(Cell::default());
    }

    /// The host writes, while nothing runs.
    pub(super) fn initialise(&mut self, offset: usize, bytes: usize) {
        for cell in self.cells(offset, bytes) {
            *cell = Cell {
                written: HOST,
                ..Cell::default()
            };
        }
    }

    /// Checks that all bytes have been written.
    pub(super) fn initialised(&self, offset: usize, bytes: usize) -> Result<(), Violation> {
        let cells = offset / self.cell_bytes..(offset + bytes).div_ceil(self.cell_bytes);
        match self.cells[cells].iter().all(|cell| cell.written != 0) {
            true => Ok(()),
            false => Err(Violation::Uninitialised),
        }
    }

    #[inline]
    fn cells(&mut self, offset: usize, bytes: usize) -> &mut [Cell] {
        if (offset | bytes).is_multiple_of(4) && self.cell_bytes == 4 {
            return &mut self.cells[offset / 4..(offset + bytes) / 4];
        }
        self.split();
        &mut self.cells[offset..offset + bytes]
    }

    /// A cell for each byte.
    fn split(&mut self) {
        if self.cell_bytes == 4 {
            let cells = self.cells.iter().flat_map(|cell| [*cell; 4]);
            self.cells = cells.collect();
            self.cell_bytes = 1;
        }
    }
}

impl Cell {
    /// What remains to be known of earlier readers, when this thread has read.
    fn marks(&self, by: &Thread) -> u32 {
        let reader = self.reader & NUMBER;
        if self.read < by.launch {
            return 0;
        }
        if !by.shares_block(reader) {
            return SEVERAL_BLOCKS;
        }
        let mut marks = self.reader & SEVERAL_BLOCKS;
        if self.read >= by.block_time {
            marks |= self.reader & SEVERAL_WARPS;
            if !by.shares_warp(reader) {
                marks |= SEVERAL_WARPS;
            } else if self.read >= by.warp_time {
                marks |= self.reader & SEVERAL_THREADS;
                if reader != by.number {
                    marks |= SEVERAL_THREADS;
                }
            }
        }
        marks
    }

    fn check_readers(&self, by: &Thread) -> Result<(), Violation> {
        let reader = self.reader & NUMBER;
        if self.read < by.launch {
            return Ok(());
        }
        let is_since_barrier = self.read >= by.block_time;
        let is_since_warp_barrier = self.read >= by.warp_time || !by.shares_warp(reader);
        let several = self.reader & SEVERAL_BLOCKS != 0
            || self.reader & SEVERAL_WARPS != 0 && is_since_barrier
            || self.reader & SEVERAL_THREADS != 0 && is_since_barrier && is_since_warp_barrier;
        match () {
            () if several => Err(Violation::Race(None, "read")),
            () if !by.is_after(reader, self.read) => Err(Violation::Race(Some(reader), "read")),
            () => Ok(()),
        }
    }

    #[inline]
    fn check_writer(&self, by: &Thread, is_strong: bool) -> Result<(), Violation> {
        let writer = self.writer & NUMBER;
        if self.writer & PENDING != 0 {
            return Err(Violation::Pending(writer));
        }
        let both_strong = is_strong && self.writer & STRONG != 0;
        if self.written < by.launch || both_strong || by.is_after(writer, self.written) {
            return Ok(());
        }
        Err(Violation::Race(Some(writer), "written"))
    }
}
