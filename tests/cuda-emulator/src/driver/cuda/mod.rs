//! The functions of `libcuda`, with the names and types of `cuda.h`.
//!
//! Handles of contexts and events stand for nothing, as every call is done when it returns, unless it is recorded in
//! the capture of its stream (`capture.rs`).
//!
//! # Safety
//! As for the driver's own functions: pointers are valid for what NVIDIA's documentation says of them, and handles are
//! those that these functions have given.

#![allow(non_snake_case, reason = "the names of cuda.h")]
#![allow(clippy::missing_safety_doc, reason = "as the head of the file says")]

mod memory;
mod stream;

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_void},
    ptr, slice,
    sync::Arc,
};

pub use memory::*;
pub use stream::*;

use super::{
    device::{Device, Kernel, Status},
    graph::Node,
};
use crate::execute::Loaded;

type Handle = *mut c_void;

/// What stands for a context or an event.
const SOME: Handle = ptr::without_provenance_mut(0x10);

/// The handle of a stream or a graph as a number; the pointer stands for nothing.
fn number(handle: Handle) -> u64 {
    handle.addr() as u64
}

fn handle(number: u64) -> Handle {
    ptr::without_provenance_mut(number as usize)
}

fn code(result: Result<(), Status>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(Status(code)) => code,
    }
}

/// Stores a result through a pointer.
///
/// # Safety
/// `to` is valid for writes.
unsafe fn give<T>(to: *mut T, value: Result<T, Status>) -> c_int {
    // SAFETY: guaranteed by the caller.
    code(value.map(|value| unsafe { to.write(value) }))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuInit(_flags: c_uint) -> c_int {
    match Device::get().settings.devices {
        0 => Status::NO_DEVICE.0,
        _ => 0,
    }
}

/// Tables of functions that are not documented, of which there are none; NVRTC asks for one.
#[unsafe(no_mangle)]
pub extern "C" fn cuGetExportTable(_table: *mut *const c_void, _id: *const c_void) -> c_int {
    Status::NOT_FOUND.0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorString(error: c_int, text: *mut *const c_char) -> c_int {
    let device = Device::get();
    let known = match Status(error) {
        Status::NO_DEVICE => c"no GPU: the emulated driver has none",
        Status::INVALID_DEVICE => c"the emulated driver has no GPU with this number",
        Status::NOT_FOUND => c"the emulated driver or module has no such function",
        _ => device.text(),
    };
    // SAFETY: by the head of the file.
    unsafe { give(text, Ok(known.as_ptr())) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorName(_error: c_int, text: *mut *const c_char) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { give(text, Ok(c"CUDA_ERROR".as_ptr())) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { give(count, Ok(Device::get().settings.devices)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> c_int {
    let is_there = (0..Device::get().settings.devices).contains(&ordinal);
    // SAFETY: by the head of the file.
    unsafe {
        give(
            device,
            if is_there {
                Ok(ordinal)
            } else {
                Err(Status::INVALID_DEVICE)
            },
        )
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDriverGetVersion(version: *mut c_int) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { give(version, Ok(13000)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetName(
    name: *mut c_char,
    length: c_int,
    _device: c_int,
) -> c_int {
    let text = c"emulated GPU".to_bytes_with_nul();
    if (length as usize) < text.len() {
        return Status::INVALID_VALUE.0;
    }
    // SAFETY: by the head of the file, `name` is valid for writes of `length` bytes.
    unsafe {
        name.cast::<u8>()
            .copy_from_nonoverlapping(text.as_ptr(), text.len())
    };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetAttribute(
    value: *mut c_int,
    attribute: c_int,
    _device: c_int,
) -> c_int {
    let known = match attribute {
        1 => 1024,     // threads of a block
        2 | 3 => 1024, // its dimensions x and y
        4 => 64,       // and z
        8 => 48 << 10, // bytes of shared memory of a block
        10 => 32,      // threads of a warp
        16 => Device::get().settings.multiprocessors,
        39 => 2048, // threads of a multiprocessor
        75 => 9,    // compute capability
        76 => 0,
        95 => 1,         // cooperative launches
        97 => 227 << 10, // bytes of shared memory of a block, if it asks for more
        115 => 1,        // allocations in a stream
        _ => 0,
    };
    // SAFETY: by the head of the file.
    unsafe { give(value, Ok(known)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDevicePrimaryCtxRetain(context: *mut Handle, _device: c_int) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { give(context, Device::get().check().map(|()| SOME)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuDevicePrimaryCtxRelease_v2(_device: c_int) -> c_int {
    0
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSetCurrent(_context: Handle) -> c_int {
    code(Device::get().check())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuCtxGetCurrent(context: *mut Handle) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { give(context, Device::get().check().map(|()| SOME)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSynchronize() -> c_int {
    code(Device::get().synchronise())
}

fn load(text: &[u8]) -> Result<Handle, Status> {
    let mut device = Device::get();
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(device.wrong(Status::INVALID_PTX, "a module that is no PTX".to_owned()));
    };
    device.permit("the loading of a module")?;
    let loaded = device.load(text)?;
    Ok(Arc::into_raw(loaded).cast_mut().cast())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleLoadData(module: *mut Handle, image: *const c_void) -> c_int {
    // SAFETY: by the head of the file, PTX ends with a zero.
    let text = unsafe { CStr::from_ptr(image.cast()) };
    // SAFETY: by the head of the file.
    unsafe { give(module, load(text.to_bytes())) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleLoad(module: *mut Handle, path: *const c_char) -> c_int {
    // SAFETY: by the head of the file.
    let path = unsafe { CStr::from_ptr(path) };
    let text = std::fs::read(path.to_string_lossy().as_ref()).map_err(|_| Status::NOT_FOUND);
    // SAFETY: by the head of the file.
    unsafe { give(module, text.and_then(|text| load(&text))) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleUnload(module: Handle) -> c_int {
    // SAFETY: by the head of the file, `load` has made it, and the program does not use it again.
    drop(unsafe { Arc::from_raw(module.cast::<Loaded>()) });
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleGetFunction(
    kernel: *mut Handle,
    module: Handle,
    name: *const c_char,
) -> c_int {
    let module = module.cast::<Loaded>().cast_const();
    // SAFETY: by the head of the file, `load` has made the module, of which this is one more owner.
    let (loaded, name) = unsafe {
        Arc::increment_strong_count(module);
        (
            Arc::from_raw(module),
            CStr::from_ptr(name).to_string_lossy(),
        )
    };
    let functions = &loaded.module.functions;
    let function = functions
        .iter()
        .position(|function| function.is_kernel && function.name == name);
    let found = function.map(|function| {
        // Not freed: there are as many as kernels are asked for.
        let kernel = Box::leak(Box::new(Kernel { loaded, function }));
        ptr::from_mut(kernel).cast::<c_void>()
    });
    // SAFETY: by the head of the file.
    unsafe { give(kernel, found.ok_or(Status::NOT_FOUND)) }
}

#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "the driver's own")]
pub unsafe extern "C" fn cuLaunchKernel(
    kernel: Handle,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared_bytes: c_uint,
    stream: Handle,
    parameters: *mut *mut c_void,
    _extra: *mut *mut c_void,
) -> c_int {
    // SAFETY: by the head of the file, `cuModuleGetFunction` has made the kernel.
    let kernel = unsafe { &*kernel.cast::<Kernel>() };
    let function = &kernel.loaded.module.functions[kernel.function];
    let mut values = vec![0; function.parameter_bytes];
    for (at, parameter) in function.parameters.iter().enumerate() {
        let to = &mut values[parameter.offset..][..parameter.bytes];
        // SAFETY: by the head of the file, there is a pointer to a value of this size for each parameter.
        unsafe {
            to.copy_from_slice(slice::from_raw_parts(
                (*parameters.add(at)).cast::<u8>(),
                parameter.bytes,
            ))
        };
    }
    let node = Node::Launch {
        kernel: kernel.clone(),
        grid: [grid_x, grid_y, grid_z],
        block: [block_x, block_y, block_z],
        shared_bytes: shared_bytes as usize,
        parameters: values,
    };
    code(Device::get().enqueue(number(stream), &node))
}
