//! The emulated device: its memory, its modules, and its state after a fault.

use std::{
    ffi::CString,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use super::{Settings, capture::Streams, graph::Graphs};
use crate::{
    execute::{Clock, Launch, Loaded},
    memory::{Memory, Place},
    ptx::Module,
};

/// An error number of the driver (`CUresult`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    pub const INVALID_VALUE: Status = Status(1);
    pub const OUT_OF_MEMORY: Status = Status(2);
    pub const NO_DEVICE: Status = Status(100);
    pub const INVALID_DEVICE: Status = Status(101);
    pub const INVALID_PTX: Status = Status(218);
    pub const INVALID_HANDLE: Status = Status(400);
    pub const ILLEGAL_STATE: Status = Status(401);
    pub const NOT_FOUND: Status = Status(500);
    /// The first fault of a kernel, or the loss of the device: every later call has the same result.
    pub const LAUNCH_FAILED: Status = Status(719);
    /// Not permitted while a stream is captured.
    pub const CAPTURE_UNSUPPORTED: Status = Status(900);
    /// An earlier call has made the capture invalid.
    pub const CAPTURE_INVALIDATED: Status = Status(901);
    /// What is captured would depend on the legacy stream.
    pub const CAPTURE_IMPLICIT: Status = Status(906);
    pub const CAPTURE_WRONG_THREAD: Status = Status(908);
    pub const UNKNOWN: Status = Status(999);
}

/// A kernel of a module.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub loaded: Arc<Loaded>,
    /// Its index in [`Module::functions`].
    pub function: usize,
}

#[derive(Debug)]
pub struct Device {
    pub settings: Settings,
    pub memory: Memory,
    pub(super) streams: Streams,
    pub(super) graphs: Graphs,
    clock: Clock,
    allocations: u64,
    launches: u64,
    /// What has ended a launch.
    failed: bool,
    /// The text of the last error; C strings are not freed, as the program may keep them.
    text: &'static std::ffi::CStr,
}

impl Device {
    pub fn new(settings: Settings) -> Device {
        Device {
            memory: Memory::new(settings.memory_bytes),
            settings,
            streams: Streams::default(),
            graphs: Graphs::default(),
            clock: Clock::default(),
            allocations: 0,
            launches: 0,
            failed: false,
            text: c"no error",
        }
    }

    /// The device of this process.
    pub fn get() -> MutexGuard<'static, Device> {
        static DEVICE: OnceLock<Mutex<Device>> = OnceLock::new();
        let device = DEVICE.get_or_init(|| {
            let settings = Settings::from_env();
            let (settings, wrong) = match settings {
                Ok(settings) => (settings, None),
                Err(wrong) => (Settings::default(), Some(wrong)),
            };
            let mut device = Device::new(settings);
            if let Some(wrong) = wrong {
                device.lose(wrong);
            }
            Mutex::new(device)
        });
        device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is wrong, for [`Device::text`].
    pub fn wrong(&mut self, status: Status, text: String) -> Status {
        let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
        self.text = Box::leak(text.into_boxed_c_str());
        status
    }

    /// From now on every call fails.
    fn lose(&mut self, text: String) -> Status {
        self.failed = true;
        self.wrong(Status::LAUNCH_FAILED, text)
    }

    /// What the last error was.
    pub fn text(&self) -> &'static std::ffi::CStr {
        self.text
    }

    /// # Errors
    /// After a fault.
    pub fn check(&self) -> Result<(), Status> {
        if self.failed {
            Err(Status::LAUNCH_FAILED)
        } else {
            Ok(())
        }
    }

    pub fn allocate(&mut self, bytes: usize) -> Result<u64, Status> {
        self.check()?;
        self.allocations += 1;
        if bytes == 0 {
            return Err(self.wrong(Status::INVALID_VALUE, "an allocation of 0 bytes".to_owned()));
        }
        let fails = self.settings.failing_allocation == Some(self.allocations);
        let address = if fails {
            None
        } else {
            self.memory.allocate(bytes)
        };
        address.ok_or_else(|| {
            let text = format!(
                "out of memory: {bytes} bytes in allocation {}",
                self.allocations
            );
            self.wrong(Status::OUT_OF_MEMORY, text)
        })
    }

    pub fn free(&mut self, address: u64) -> Result<(), Status> {
        match self.memory.free(address) {
            true => self.check(),
            false => Err(self.lose(format!("freed {address:#x}, which is no allocation"))),
        }
    }

    /// The place of bytes that the host or a library accesses.
    pub fn place(&mut self, address: u64, bytes: usize, does: &str) -> Result<Place, Status> {
        self.check()?;
        self.memory.find(address, bytes).ok_or_else(|| {
            let there = self.memory.describe(address);
            self.lose(format!(
                "{does} {bytes} bytes at {address:#x}, outside every allocation: {there}"
            ))
        })
    }

    pub fn write(&mut self, address: u64, bytes: &[u8], does: &str) -> Result<(), Status> {
        if bytes.is_empty() {
            return self.check();
        }
        let place = self.place(address, bytes.len(), does)?;
        if let Some(region) = self.memory.region(place.region) {
            region.fill(place.offset, bytes);
        }
        Ok(())
    }

    pub fn read(&mut self, address: u64, bytes: usize, does: &str) -> Result<&[u8], Status> {
        if bytes == 0 {
            return self.check().map(|()| &[][..]);
        }
        let place = self.place(address, bytes, does)?;
        let is_written = self
            .memory
            .region(place.region)
            .is_some_and(|region| region.read(place.offset, bytes).is_ok());
        if !is_written {
            return Err(self.lose(format!(
                "{does} {bytes} bytes at {address:#x}, of which some have never been written"
            )));
        }
        let region = self.memory.region(place.region).ok_or(Status::UNKNOWN)?;
        region
            .read(place.offset, bytes)
            .map_err(|_| Status::UNKNOWN)
    }

    /// Parses a module, with the fault that the environment plants.
    pub fn load(&mut self, text: &str) -> Result<Arc<Loaded>, Status> {
        self.check()?;
        let planted = self.settings.planted(text);
        let text = planted.map_err(|wrong| self.lose(wrong))?;
        let module = Module::parse(&text).map_err(|error| {
            let text = format!("line {} of the PTX: {}", error.line, error.message);
            self.wrong(Status::INVALID_PTX, text)
        })?;
        let loaded = Loaded::new(module, &mut self.memory);
        loaded.map(Arc::new).ok_or(Status::OUT_OF_MEMORY)
    }

    /// Runs a kernel to its end.
    pub fn launch(
        &mut self,
        kernel: &Kernel,
        grid: [u32; 3],
        block: [u32; 3],
        shared_bytes: usize,
        parameters: &[u8],
    ) -> Result<(), Status> {
        self.check()?;
        self.launches += 1;
        if self.settings.failing_launch == Some(self.launches) {
            let text = format!("the device is lost, at launch {}", self.launches);
            return Err(self.lose(text));
        }
        let threads: u64 = block.map(u64::from).iter().product();
        let blocks: u64 = grid.map(u64::from).iter().product();
        if threads == 0 || blocks == 0 || threads > 1024 {
            let text = format!("a launch of {blocks} blocks of {threads} threads");
            return Err(self.wrong(Status::INVALID_VALUE, text));
        }
        let function = &kernel.loaded.module.functions[kernel.function];
        let launch = Launch {
            loaded: &kernel.loaded,
            kernel: function,
            may_wait_apart: self.settings.may_wait_apart(&function.name),
            grid,
            block,
            shared_bytes,
            parameters,
        };
        let done = launch.run(&mut self.memory, &mut self.clock);
        done.map_err(|fault| self.lose(fault.to_string()))
    }
}
