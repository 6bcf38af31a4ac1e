//! The functions of `libcuda`, with the names and types of `cuda.h`.
//!
//! Handles of contexts, streams and events stand for nothing: every call is done when it returns.
//!
//! # Safety
//! As for the driver's own functions: pointers are valid for what NVIDIA's documentation says of them, and handles are
//! those that these functions have given.

#![allow(non_snake_case, reason = "the names of cuda.h")]
#![allow(clippy::missing_safety_doc, reason = "as the head of the file says")]

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_void},
    ptr, slice,
    sync::Arc,
};

use super::device::{Device, Kernel, Status};
use crate::execute::Loaded;

type Handle = *mut c_void;

/// What stands for a context, a stream or an event.
const SOME: Handle = ptr::without_provenance_mut(0x10);

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
        16 => 132,     // multiprocessors
        39 => 2048,    // threads of a multiprocessor
        75 => 9,       // compute capability
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
    code(Device::get().check())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamCreate(stream: *mut Handle, _flags: c_uint) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { give(stream, Device::get().check().map(|()| SOME)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamDestroy_v2(_stream: Handle) -> c_int {
    0
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamSynchronize(_stream: Handle) -> c_int {
    code(Device::get().check())
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamWaitEvent(_stream: Handle, _event: Handle, _flags: c_uint) -> c_int {
    code(Device::get().check())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventCreate(event: *mut Handle, _flags: c_uint) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { give(event, Device::get().check().map(|()| SOME)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventRecord(_event: Handle, _stream: Handle) -> c_int {
    code(Device::get().check())
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventDestroy_v2(_event: Handle) -> c_int {
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAlloc_v2(address: *mut u64, bytes: usize) -> c_int {
    let allocated = Device::get().allocate(bytes);
    // SAFETY: by the head of the file.
    unsafe { give(address, allocated) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAllocAsync(
    address: *mut u64,
    bytes: usize,
    _stream: Handle,
) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { cuMemAlloc_v2(address, bytes) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFree_v2(address: u64) -> c_int {
    code(Device::get().free(address))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFreeAsync(address: u64, _stream: Handle) -> c_int {
    cuMemFree_v2(address)
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemsetD8_v2(address: u64, value: u8, bytes: usize) -> c_int {
    code(Device::get().write(address, &vec![value; bytes], "sets"))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemsetD8Async(address: u64, value: u8, bytes: usize, _stream: Handle) -> c_int {
    cuMemsetD8_v2(address, value, bytes)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyHtoD_v2(to: u64, from: *const c_void, bytes: usize) -> c_int {
    // SAFETY: by the head of the file, `from` is valid for reads of that many bytes.
    let from = unsafe { slice::from_raw_parts(from.cast::<u8>(), bytes) };
    code(Device::get().write(to, from, "copies to"))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyHtoDAsync_v2(
    to: u64,
    from: *const c_void,
    bytes: usize,
    _stream: Handle,
) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { cuMemcpyHtoD_v2(to, from, bytes) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyDtoH_v2(to: *mut c_void, from: u64, bytes: usize) -> c_int {
    let mut device = Device::get();
    let read = device.read(from, bytes, "copies");
    // SAFETY: by the head of the file, `to` is valid for writes of that many bytes, which the device's are not.
    code(read.map(|read| unsafe {
        to.cast::<u8>()
            .copy_from_nonoverlapping(read.as_ptr(), bytes)
    }))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyDtoHAsync_v2(
    to: *mut c_void,
    from: u64,
    bytes: usize,
    _stream: Handle,
) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { cuMemcpyDtoH_v2(to, from, bytes) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemcpyDtoD_v2(to: u64, from: u64, bytes: usize) -> c_int {
    let mut device = Device::get();
    let read = device.read(from, bytes, "copies").map(<[u8]>::to_vec);
    code(read.and_then(|read| device.write(to, &read, "copies to")))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, bytes: usize, _stream: Handle) -> c_int {
    cuMemcpyDtoD_v2(to, from, bytes)
}

fn load(text: &[u8]) -> Result<Handle, Status> {
    let mut device = Device::get();
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(device.wrong(Status::INVALID_PTX, "a module that is no PTX".to_owned()));
    };
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
    _stream: Handle,
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
    let (grid, block) = ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]);
    code(Device::get().launch(kernel, grid, block, shared_bytes as usize, &values))
}
