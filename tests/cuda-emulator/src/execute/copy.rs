//! Asynchronous copies from global to shared memory: `cp.async`.
//!
//! A copy reads its source when it begins, and writes its destination when its thread waits for it. In between, an
//! access to the destination is an error, by the thread itself, too; afterwards, other threads need a barrier. Not
//! seen is a write to the source between the two by a thread that has passed a barrier after the beginning.

use std::collections::VecDeque;

use super::{
    access::{Does, address, window},
    warp::{Frame, Machine, Mask, Wrong, first_lane, lanes_of},
};
use crate::{
    lanes::{Lanes, WARP},
    memory::{Region, Thread},
    operation::{Access, Copying, Space},
    ptx::Operand,
};

/// The copies of a thread that it has not waited for.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// In no group yet.
    begun: Vec<Copy>,
    groups: VecDeque<Vec<Copy>>,
}

#[derive(Debug)]
struct Copy {
    /// In shared memory.
    offset: usize,
    bytes: Vec<u8>,
}

/// The bytes that are checked at once.
const WORD: usize = 4;

impl<'a> Machine<'_, 'a> {
    pub(super) fn copy(
        &mut self,
        frame: &Frame<'a>,
        copying: Copying,
        operands: &[Operand],
        active: Mask,
    ) -> Result<(), Wrong> {
        let kept = match (copying, operands) {
            (Copying::Begin(sizes), [to, from, Operand::Immediate(size), rest @ ..])
                if sizes.contains(size) && rest.len() <= 1 =>
            {
                return self.begin(frame, [to, from], *size, rest.first(), active);
            }
            (Copying::Commit, []) => {
                for lane in lanes_of(active) {
                    let copies = &mut self.warp.copies[lane];
                    copies.groups.push_back(std::mem::take(&mut copies.begun));
                }
                return Ok(());
            }
            (Copying::WaitGroup, [Operand::Immediate(kept)]) => *kept as usize,
            (Copying::WaitAll, []) => {
                self.copy(frame, Copying::Commit, &[], active)?;
                0
            }
            _ => {
                let what = format!("expected other operands of cp.async: {operands:?}");
                return Err((first_lane(active), what));
            }
        };
        for lane in lanes_of(active) {
            let thread = Thread {
                number: self.warp.thread.number + lane as u32,
                ..self.warp.thread
            };
            let groups = &mut self.warp.copies[lane].groups;
            let done = groups.drain(..groups.len().saturating_sub(kept));
            for Copy { offset, bytes } in done.flatten() {
                self.shared.arrive(offset, &bytes, &thread);
            }
        }
        Ok(())
    }

    /// Of `size` bytes, of which the first so many as the last operand says are copied and the others are zeros.
    fn begin(
        &mut self,
        frame: &Frame<'a>,
        [to, from]: [&Operand; 2],
        size: u64,
        copied: Option<&Operand>,
        active: Mask,
    ) -> Result<(), Wrong> {
        let copied: Lanes = match copied {
            Some(Operand::Register(register)) if frame.function.registers[*register].mask == 1 => {
                let what = "a predicate that says whether to copy is not covered".to_owned();
                return Err((first_lane(active), what));
            }
            Some(copied) => *self.value(frame, copied, active)?,
            None => [size; WARP],
        };
        let is_whole = |bytes: u64| bytes <= size && bytes.is_multiple_of(WORD as u64);
        if let Some(lane) = lanes_of(active).find(|&lane| !is_whole(copied[lane])) {
            let what = format!(
                "copies {} of {size} bytes; covered are multiples of {WORD} up to these",
                copied[lane]
            );
            return Err((lane, what));
        }
        let mut bytes = [[0; 16]; WARP];
        let mut offsets = [0; WARP];
        let (from, from_offset) = self.aligned(frame, (from, Space::Global), size, active)?;
        let (to, to_offset) = self.aligned(frame, (to, Space::Shared), size, active)?;
        for start in (0..size as usize).step_by(WORD) {
            let reads = lanes_of(active).filter(|&lane| copied[lane] > start as u64);
            let reads = reads.fold(0, |mask, lane| mask | 1 << lane);
            let read = |lane: usize, region: &mut Region, at: usize, thread: &Thread| {
                let word = region.load(at, WORD, thread, false)?;
                bytes[lane][start..start + WORD].copy_from_slice(&(word as u32).to_le_bytes());
                Ok(())
            };
            let at = from_offset + start as i64;
            self.each(&from, at, reads, does("reads", Space::Global), read)?;
            let reserve = |lane: usize, region: &mut Region, at: usize, thread: &Thread| {
                offsets[lane] = at - start;
                region.reserve(at, WORD, thread)
            };
            let at = to_offset + start as i64;
            self.each(&to, at, active, does("copies to", Space::Shared), reserve)?;
        }
        for lane in lanes_of(active) {
            self.warp.copies[lane].begun.push(Copy {
                offset: offsets[lane],
                bytes: bytes[lane][..size as usize].to_vec(),
            });
        }
        Ok(())
    }

    /// The base and the offset of an address, which is a multiple of `size`.
    fn aligned(
        &self,
        frame: &Frame<'a>,
        (operand, space): (&Operand, Space),
        size: u64,
        active: Mask,
    ) -> Result<(Lanes, i64), Wrong> {
        let (base, offset) = address(operand, active)?;
        let bases = self.base(frame, base, active)?;
        for lane in lanes_of(active) {
            let address = bases[lane].wrapping_add(window(space).wrapping_add_signed(offset));
            if !address.is_multiple_of(size) {
                let what =
                    format!("copies {size} bytes at {address:#x}, which is no multiple of them");
                return Err((lane, what));
            }
        }
        Ok((bases, offset))
    }
}

fn does(name: &'static str, space: Space) -> Does {
    Does {
        name,
        access: Access {
            space,
            width: WORD,
            is_signed: false,
            is_strong: false,
        },
        count: 1,
    }
}
