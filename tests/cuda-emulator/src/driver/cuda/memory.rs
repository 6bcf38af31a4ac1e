//! Allocations, copies, and the filling of memory.
//!
//! # Safety
//! As in `mod.rs`.

use std::{
    ffi::{c_int, c_void},
    slice,
};

use super::{Handle, code, give, number};
use crate::driver::{
    capture::Stream,
    device::{Device, Status},
    graph::Node,
};

/// The legacy stream, in which synchronous calls are.
const LEGACY: Stream = 0;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAlloc_v2(address: *mut u64, bytes: usize) -> c_int {
    let mut device = Device::get();
    let permitted = device.permit("an allocation");
    // SAFETY: as in `mod.rs`.
    unsafe { give(address, permitted.and_then(|()| device.allocate(bytes))) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAllocAsync(address: *mut u64, bytes: usize, stream: Handle) -> c_int {
    let mut device = Device::get();
    let permitted = device.permit_in(number(stream), "an allocation");
    // SAFETY: as in `mod.rs`.
    unsafe { give(address, permitted.and_then(|()| device.allocate(bytes))) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFree_v2(address: u64) -> c_int {
    let mut device = Device::get();
    let permitted = device.permit("a release of memory");
    code(permitted.and_then(|()| device.free(address)))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFreeAsync(address: u64, stream: Handle) -> c_int {
    let mut device = Device::get();
    let permitted = device.permit_in(number(stream), "a release of memory");
    code(permitted.and_then(|()| device.free(address)))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemsetD8_v2(address: u64, value: u8, bytes: usize) -> c_int {
    let node = Node::Set {
        address,
        value,
        bytes,
    };
    synchronously(|device| device.enqueue(LEGACY, &node))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemsetD8Async(address: u64, value: u8, bytes: usize, stream: Handle) -> c_int {
    let node = Node::Set {
        address,
        value,
        bytes,
    };
    code(Device::get().enqueue(number(stream), &node))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyHtoD_v2(to: u64, from: *const c_void, bytes: usize) -> c_int {
    // SAFETY: as in `mod.rs`.
    synchronously(|device| unsafe { upload(device, to, from, bytes, LEGACY) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyHtoDAsync_v2(
    to: u64,
    from: *const c_void,
    bytes: usize,
    stream: Handle,
) -> c_int {
    // SAFETY: as in `mod.rs`.
    code(unsafe { upload(&mut Device::get(), to, from, bytes, number(stream)) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyDtoH_v2(to: *mut c_void, from: u64, bytes: usize) -> c_int {
    // SAFETY: as in `mod.rs`.
    synchronously(|device| unsafe { download(device, to, from, bytes, LEGACY) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyDtoHAsync_v2(
    to: *mut c_void,
    from: u64,
    bytes: usize,
    stream: Handle,
) -> c_int {
    // SAFETY: as in `mod.rs`.
    code(unsafe { download(&mut Device::get(), to, from, bytes, number(stream)) })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemcpyDtoD_v2(to: u64, from: u64, bytes: usize) -> c_int {
    synchronously(|device| device.enqueue(LEGACY, &Node::Copy { to, from, bytes }))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, bytes: usize, stream: Handle) -> c_int {
    code(Device::get().enqueue(number(stream), &Node::Copy { to, from, bytes }))
}

/// What may wait for the device.
fn synchronously(run: impl FnOnce(&mut Device) -> Result<(), Status>) -> c_int {
    let mut device = Device::get();
    let permitted = device.permit("a synchronous call");
    code(permitted.and_then(|()| run(&mut device)))
}

/// Copies from the host.
///
/// # Safety
/// `from` is valid for reads of that many bytes.
unsafe fn upload(
    device: &mut Device,
    to: u64,
    from: *const c_void,
    bytes: usize,
    stream: Stream,
) -> Result<(), Status> {
    device.permit_in(stream, "a copy from the host")?;
    // SAFETY: guaranteed by the caller.
    let from = unsafe { slice::from_raw_parts(from.cast::<u8>(), bytes) };
    device.write(to, from, "copies to")
}

/// Copies to the host.
///
/// # Safety
/// `to` is valid for writes of that many bytes, which the device's are not.
unsafe fn download(
    device: &mut Device,
    to: *mut c_void,
    from: u64,
    bytes: usize,
    stream: Stream,
) -> Result<(), Status> {
    device.permit_in(stream, "a copy to the host")?;
    let read = device.read(from, bytes, "copies")?;
    // SAFETY: guaranteed by the caller.
    unsafe {
        to.cast::<u8>()
            .copy_from_nonoverlapping(read.as_ptr(), bytes)
    };
    Ok(())
}
