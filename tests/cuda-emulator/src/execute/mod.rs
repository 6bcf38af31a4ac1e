//! The execution of a kernel: the blocks of a launch, the warps of a block, the instructions of a warp.

mod access;
mod block;
mod control;
mod instruction;
mod matrix;
mod warp;

use block::Block;

use crate::{
    fault::Fault,
    memory::{BEGIN, Memory},
    ptx::{Function, Instruction, Module},
};

/// The addresses of the windows through which generic addresses reach shared and local memory.
pub(crate) const SHARED_WINDOW: u64 = 0x7F00_0000_0000_0000;
pub(crate) const LOCAL_WINDOW: u64 = 0x7E00_0000_0000_0000;
pub(crate) const WINDOW_BYTES: u64 = 1 << 32;

/// A module, and where its global variables are.
#[derive(Debug)]
pub struct Loaded {
    pub module: Module,
    /// The address of each of [`Module::globals`].
    pub globals: Vec<u64>,
}

/// A kernel and how often it runs.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    pub loaded: &'a Loaded,
    pub kernel: &'a Function,
    pub grid: [u32; 3],
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub shared_bytes: usize,
    /// The values of its parameters, at their offsets.
    pub parameters: &'a [u8],
    /// Whether threads of a warp may wait for a barrier of the block one after another, at any `bar.sync`. The manual
    /// forbids it, and it works on GPUs since Volta, which count the threads.
    pub may_wait_apart: bool,
}

/// Counts launches and barriers, for [`crate::memory::Thread`].
#[derive(Debug)]
pub struct Clock(u32);

impl Default for Clock {
    fn default() -> Clock {
        Clock(BEGIN)
    }
}

impl Clock {
    fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }
}

impl Loaded {
    /// Allocates the global variables of a module; `None` without room for them.
    pub fn new(module: Module, memory: &mut Memory) -> Option<Loaded> {
        let mut globals = Vec::new();
        for global in &module.globals {
            let address = memory.allocate(global.bytes.len())?;
            globals.push(address);
            let place = memory.find(address, global.bytes.len())?;
            memory.region(place.region)?.fill(0, &global.bytes);
        }
        Some(Loaded { module, globals })
    }
}

impl Launch<'_> {
    /// Runs all blocks, one after another.
    ///
    /// # Errors
    /// With the first fault of a thread.
    pub fn run(&self, memory: &mut Memory, clock: &mut Clock) -> Result<(), Fault> {
        let launched = clock.next();
        let [x, y, z] = self.grid;
        let blocks = (0..z).flat_map(|z| (0..y).flat_map(move |y| (0..x).map(move |x| [x, y, z])));
        let mut block = Block::new(self, launched);
        for index in blocks {
            block.run(index, memory, clock)?;
        }
        Ok(())
    }

    fn threads(&self) -> u32 {
        self.block.iter().product()
    }

    fn fault(&self, at: &Instruction, block: [u32; 3], thread: u32, what: String) -> Fault {
        Fault {
            kernel: self.kernel.name.clone(),
            line: at.line,
            source_line: at.source_line,
            block,
            thread: place(thread, self.block),
            what,
        }
    }
}

/// The three indices of a number in an array of these dimensions.
fn place(number: u32, [x, y, _]: [u32; 3]) -> [u32; 3] {
    [number % x, number / x % y, number / (x * y)]
}
