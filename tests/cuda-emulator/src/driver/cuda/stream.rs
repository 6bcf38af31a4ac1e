//! Streams, events, the capture of streams, and graphs.
//!
//! # Safety
//! As in `mod.rs`.

use std::{
    ffi::{c_int, c_uint},
    ptr,
};

use super::{Handle, SOME, code, give, handle, number};
use crate::driver::{
    capture::{Capturing, Mode},
    device::{Device, Status},
};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamCreate(stream: *mut Handle, flags: c_uint) -> c_int {
    let is_blocking = flags & 1 == 0; // without `CU_STREAM_NON_BLOCKING`
    let created = Device::get().create_stream(is_blocking);
    // SAFETY: as in `mod.rs`.
    unsafe { give(stream, created.map(handle)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamDestroy_v2(stream: Handle) -> c_int {
    Device::get().destroy_stream(number(stream));
    0
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamSynchronize(stream: Handle) -> c_int {
    code(Device::get().permit_in(number(stream), "a synchronisation"))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamWaitEvent(stream: Handle, _event: Handle, _flags: c_uint) -> c_int {
    code(Device::get().permit_in(number(stream), "a wait for an event"))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamBeginCapture_v2(stream: Handle, mode: c_uint) -> c_int {
    let mode = match mode {
        0 => Mode::Global,
        1 => Mode::ThreadLocal,
        2 => Mode::Relaxed,
        _ => return Status::INVALID_VALUE.0,
    };
    code(Device::get().begin_capture(number(stream), mode))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamEndCapture(stream: Handle, graph: *mut Handle) -> c_int {
    let ended = Device::get().end_capture(number(stream));
    // SAFETY: as in `mod.rs`.
    unsafe { graph.write(ended.map_or(ptr::null_mut(), handle)) };
    code(ended.map(|_| ()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamIsCapturing(stream: Handle, status: *mut c_uint) -> c_int {
    let device = Device::get();
    let capturing = device
        .check()
        .map(|()| match device.capturing(number(stream)) {
            Capturing::None => 0,
            Capturing::Active => 1,
            Capturing::Invalidated => 2,
        });
    // SAFETY: as in `mod.rs`.
    unsafe { give(status, capturing) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGraphInstantiateWithFlags(
    instance: *mut Handle,
    graph: Handle,
    flags: u64,
) -> c_int {
    // Freeing at launch and priorities of nodes change nothing here; the other flags need more.
    if flags & !(1 | 8) != 0 {
        return Status::INVALID_VALUE.0;
    }
    let made = Device::get().instantiate(number(graph));
    // SAFETY: as in `mod.rs`.
    unsafe { give(instance, made.map(handle)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuGraphUpload(instance: Handle, stream: Handle) -> c_int {
    code(Device::get().upload_graph(number(instance), number(stream)))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuGraphLaunch(instance: Handle, stream: Handle) -> c_int {
    code(Device::get().launch_graph(number(instance), number(stream)))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuGraphDestroy(graph: Handle) -> c_int {
    code(Device::get().destroy_graph(number(graph)))
}

#[unsafe(no_mangle)]
pub extern "C" fn cuGraphExecDestroy(instance: Handle) -> c_int {
    code(Device::get().destroy_instance(number(instance)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventCreate(event: *mut Handle, _flags: c_uint) -> c_int {
    // SAFETY: as in `mod.rs`.
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
