//! A block: its warps, which run in turn from one barrier to the next, and its shared memory.

use super::{
    Clock, Launch, SHARED_WINDOW,
    warp::{State, Warp},
};
use crate::{
    fault::Fault,
    lanes::WARP,
    memory::{Memory, Region},
};

pub(super) struct Block<'a> {
    warps: Vec<Warp<'a>>,
    shared: Region,
}

impl<'a> Block<'a> {
    /// The warps of every block of a launch, which use them in turn.
    pub(super) fn new(launch: &'a Launch<'a>, launched: u32) -> Block<'a> {
        let firsts = (0..launch.threads()).step_by(WARP);
        let static_bytes = launch.kernel.shared_bytes.next_multiple_of(16);
        Block {
            warps: firsts
                .map(|first| Warp::new(launch, first, launched))
                .collect(),
            shared: Region::new(SHARED_WINDOW, static_bytes + launch.shared_bytes),
        }
    }

    /// Runs the block with this index.
    pub(super) fn run(
        &mut self,
        index: [u32; 3],
        memory: &mut Memory,
        clock: &mut Clock,
    ) -> Result<(), Fault> {
        let begun = clock.next();
        self.warps
            .iter_mut()
            .for_each(|warp| warp.begin(index, begun));
        self.shared.forget();
        loop {
            for warp in &mut self.warps {
                warp.run(memory, &mut self.shared, clock)?;
            }
            let mut waiting = self
                .warps
                .iter()
                .filter(|warp| warp.state() == State::Waits);
            if waiting.next().is_none() {
                return Ok(());
            }
            let passed = clock.next();
            self.warps.iter_mut().for_each(|warp| warp.pass(passed));
        }
    }
}
