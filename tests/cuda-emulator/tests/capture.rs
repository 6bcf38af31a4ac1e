//! Stream capture and graphs, through the driver's own functions: what is recorded, what a capture does not permit, and
//! planted failures.

#![allow(unsafe_code, reason = "the functions of cuda.h")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    ffi::{CString, c_int, c_void},
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tuplenet_cuda_emulator::driver::cuda::*;
use tuplenet_cuda_emulator::driver::{Device, Kernel, Mode, Node, Settings, Status};

type Handle = *mut c_void;

const UNSUPPORTED: c_int = 900;
const INVALIDATED: c_int = 901;
const GLOBAL: u32 = 0;
const THREAD_LOCAL: u32 = 1;
const RELAXED: u32 = 2;
const NON_BLOCKING: u32 = 1;
const LEGACY: Handle = ptr::null_mut();

/// `words[thread] = words[thread] * factor + add`, by a kernel of these three parameters.
const KERNEL: &str = ".version 9.0\n.target sm_80\n.address_size 64\n\
    .visible .entry k(.param .u64 words, .param .u32 factor, .param .u32 add)\n{\n\
    .reg .b32 %r<5>; .reg .b64 %rd<3>;\n\
    ld.param.u64 %rd1, [words]; ld.param.u32 %r1, [factor]; ld.param.u32 %r2, [add];\n\
    mov.u32 %r3, %tid.x; mul.wide.u32 %rd2, %r3, 4; add.s64 %rd1, %rd1, %rd2;\n\
    ld.global.u32 %r4, [%rd1]; mad.lo.u32 %r4, %r4, %r1, %r2; st.global.u32 [%rd1], %r4;\nret;\n}\n";

/// What a function stores through a pointer, and its error code.
fn given<T: Default>(call: impl FnOnce(*mut T) -> c_int) -> Result<T, c_int> {
    let mut value = T::default();
    match call(&mut value) {
        0 => Ok(value),
        code => Err(code),
    }
}

fn handle(call: impl FnOnce(*mut Handle) -> c_int) -> Result<Handle, c_int> {
    // of a handle, whose default no trait gives
    let mut value = ptr::dangling_mut();
    match call(&mut value) {
        0 => Ok(value),
        code => Err(code),
    }
}

/// The process's device, a kernel, and four words. One test at a time uses it, as a capture concerns all threads.
struct Bench {
    stream: Handle,
    kernel: Handle,
    words: u64,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    /// With a stream that has these flags.
    fn new(flags: u32) -> Bench {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let text = CString::new(KERNEL).unwrap();
        // SAFETY: all pointers are to values that outlive the calls.
        let (stream, kernel, words) = unsafe {
            let module = handle(|to| cuModuleLoadData(to, text.as_ptr().cast())).unwrap();
            (
                handle(|to| cuStreamCreate(to, flags)).unwrap(),
                handle(|to| cuModuleGetFunction(to, module, c"k".as_ptr())).unwrap(),
                given(|to| cuMemAlloc_v2(to, 16)).unwrap(),
            )
        };
        let bench = Bench {
            stream,
            kernel,
            words,
            _alone: alone,
        };
        bench.write([1, 2, 3, 4]);
        bench
    }

    fn write(&self, words: [u32; 4]) {
        // SAFETY: as many bytes as the array has.
        let code = unsafe { cuMemcpyHtoD_v2(self.words, words.as_ptr().cast(), 16) };
        assert_eq!(code, 0);
    }

    fn read(&self) -> [u32; 4] {
        let mut words = [0; 4];
        // SAFETY: as many bytes as the array has.
        let code = unsafe { cuMemcpyDtoH_v2(words.as_mut_ptr().cast(), self.words, 16) };
        assert_eq!(code, 0);
        words
    }

    /// Launches the kernel; the places of the parameters are overwritten after the call.
    fn launch(&self, stream: Handle, factor: u32, add: u32) -> c_int {
        let (mut words, mut factor, mut add) = (self.words, factor, add);
        let mut places: [Handle; 3] = [
            (&raw mut words).cast(),
            (&raw mut factor).cast(),
            (&raw mut add).cast(),
        ];
        let to = places.as_mut_ptr();
        // SAFETY: there is a pointer to a value for each of the kernel's parameters.
        let code = unsafe {
            cuLaunchKernel(
                self.kernel,
                1,
                1,
                1,
                4,
                1,
                1,
                0,
                stream,
                to,
                ptr::null_mut(),
            )
        };
        (words, factor, add) = (0, 77, 77);
        std::hint::black_box((words, factor, add));
        code
    }

    fn begin(&self, mode: u32) {
        assert_eq!(cuStreamBeginCapture_v2(self.stream, mode), 0);
    }

    fn end(&self) -> Result<Handle, c_int> {
        let mut graph = ptr::dangling_mut();
        // SAFETY: a pointer to a handle.
        match unsafe { cuStreamEndCapture(self.stream, &mut graph) } {
            0 => Ok(graph),
            code => {
                assert!(graph.is_null());
                Err(code)
            }
        }
    }

    fn status(&self) -> u32 {
        // SAFETY: a pointer to a number.
        given(|to| unsafe { cuStreamIsCapturing(self.stream, to) }).unwrap()
    }

    /// An instance of what has been captured.
    fn instance(&self) -> Handle {
        let graph = self.end().unwrap();
        let instance = instantiate(graph).unwrap();
        assert_eq!(cuGraphDestroy(graph), 0, "the instance remains");
        instance
    }

    fn error(&self) -> String {
        Device::get().text().to_str().unwrap().to_owned()
    }
}

fn instantiate(graph: Handle) -> Result<Handle, c_int> {
    // SAFETY: a pointer to a handle.
    handle(|to| unsafe { cuGraphInstantiateWithFlags(to, graph, 0) })
}

/// Nothing runs while it is recorded; each launch does all in its order, with the values that the parameters had.
#[test]
fn a_graph_repeats_what_a_stream_was_to_do() {
    let bench = Bench::new(NON_BLOCKING);
    assert_eq!(bench.status(), 0);
    bench.begin(THREAD_LOCAL);
    assert_eq!(bench.status(), 1);
    assert_eq!(bench.launch(bench.stream, 10, 1), 0);
    // the first word over the third
    let copied = cuMemcpyDtoDAsync_v2(bench.words + 8, bench.words, 4, bench.stream);
    let set = cuMemsetD8Async(bench.words + 12, 1, 4, bench.stream);
    assert_eq!([copied, set], [0, 0]);
    assert_eq!(bench.launch(bench.stream, 2, 0), 0);
    assert_eq!(cuEventRecord(ptr::null_mut(), bench.stream), 0);
    let instance = bench.instance();
    assert_eq!(bench.status(), 0);
    assert_eq!(bench.read(), [1, 2, 3, 4], "recorded alone");

    let step = |[a, b, _, _]: [u32; 4]| {
        [
            (a * 10 + 1) * 2,
            (b * 10 + 1) * 2,
            (a * 10 + 1) * 2,
            0x0202_0202,
        ]
    };
    assert_eq!(cuGraphUpload(instance, bench.stream), 0);
    let mut expected = [1, 2, 3, 4];
    for _ in 0..3 {
        assert_eq!(cuGraphLaunch(instance, bench.stream), 0);
        assert_eq!(cuStreamSynchronize(bench.stream), 0);
        expected = step(expected);
        assert_eq!(bench.read(), expected);
    }
    // in another stream, too, and within another capture
    assert_eq!(cuGraphLaunch(instance, LEGACY), 0);
    expected = step(expected);
    assert_eq!(bench.read(), expected);
    bench.begin(THREAD_LOCAL);
    assert_eq!(cuGraphLaunch(instance, bench.stream), 0);
    assert_eq!(bench.launch(bench.stream, 1, 5), 0);
    let outer = bench.instance();
    assert_eq!(cuGraphExecDestroy(instance), 0);
    assert_eq!(bench.read(), expected);
    assert_eq!(cuGraphLaunch(outer, bench.stream), 0);
    assert_eq!(bench.read(), step(expected).map(|word| word + 5));
    assert_eq!(cuGraphExecDestroy(outer), 0);
}

/// Other streams work on while one is captured.
#[test]
fn only_the_captured_stream_is_recorded() {
    let bench = Bench::new(NON_BLOCKING);
    // SAFETY: a pointer to a handle.
    let other = handle(|to| unsafe { cuStreamCreate(to, NON_BLOCKING) }).unwrap();
    bench.begin(GLOBAL);
    assert_eq!(bench.launch(other, 10, 0), 0);
    assert_eq!(bench.launch(LEGACY, 1, 7), 0);
    assert_eq!(cuStreamSynchronize(other), 0);
    // SAFETY: a pointer to an address.
    let allocated = given(|to| unsafe { cuMemAllocAsync(to, 4, other) }).unwrap();
    assert_eq!(cuMemFreeAsync(allocated, other), 0);
    assert_eq!(bench.launch(bench.stream, 1, 100), 0);
    let instance = bench.instance();
    assert_eq!(bench.read(), [17, 27, 37, 47]);
    assert_eq!(cuGraphLaunch(instance, other), 0);
    assert_eq!(bench.read(), [117, 127, 137, 147]);
    assert_eq!(cuStreamDestroy_v2(other), 0);
}

/// The call fails with its code, further work of the stream with another, and so does the capture's end, which gives no
/// graph. Then the stream works as before. Without the call there is a graph.
fn assert_refused(bench: &Bench, mode: u32, code: c_int, call: &dyn Fn(&Bench) -> c_int) {
    bench.begin(mode);
    assert_eq!(bench.launch(bench.stream, 3, 3), 0);
    assert_eq!(call(bench), code);
    if code == UNSUPPORTED {
        let said = bench.error();
        assert!(said.contains("during the capture of a stream"), "{said}");
    }
    assert_eq!(bench.status(), 2);
    assert_eq!(bench.launch(bench.stream, 3, 3), INVALIDATED);
    assert_eq!(bench.end(), Err(INVALIDATED));
    assert_eq!(bench.status(), 0);
    assert_eq!(
        instantiate(ptr::null_mut()),
        Err(1),
        "there is nothing to launch"
    );
    assert_eq!(call(bench), 0, "permitted without a capture");
    bench.write([1, 2, 3, 4]);
    assert_eq!(bench.launch(bench.stream, 3, 3), 0);
    assert_eq!(bench.read(), [6, 9, 12, 15]);
    bench.begin(mode);
    assert_eq!(bench.launch(bench.stream, 1, 0), 0);
    assert_eq!(cuGraphExecDestroy(bench.instance()), 0);
}

#[test]
fn what_a_captured_stream_must_not_do() {
    let bench = Bench::new(NON_BLOCKING);
    let mut words = [0u32; 4];
    let host: Handle = words.as_mut_ptr().cast();
    // SAFETY, of all: the pointers are to as many bytes as the calls name.
    let calls: [&dyn Fn(&Bench) -> c_int; 7] = [
        &|bench| cuStreamSynchronize(bench.stream),
        &|bench| cuStreamWaitEvent(bench.stream, ptr::null_mut(), 0),
        &|bench| unsafe { cuMemAllocAsync(&mut 0, 4, bench.stream) },
        &|bench| {
            let address = Device::get().allocate(4).unwrap();
            cuMemFreeAsync(address, bench.stream)
        },
        &|bench| unsafe { cuMemcpyDtoHAsync_v2(host, bench.words, 16, bench.stream) },
        &|bench| unsafe { cuMemcpyHtoDAsync_v2(bench.words, host, 16, bench.stream) },
        &|_| cuCtxSynchronize(),
    ];
    for call in calls {
        for mode in [GLOBAL, THREAD_LOCAL, RELAXED] {
            assert_refused(&bench, mode, UNSUPPORTED, call);
        }
    }
}

/// In a relaxed capture they are permitted.
#[test]
fn what_a_capturing_thread_must_not_do() {
    let bench = Bench::new(NON_BLOCKING);
    let mut words = [5u32; 4];
    let host: Handle = words.as_mut_ptr().cast();
    let text = CString::new(KERNEL).unwrap();
    // SAFETY, of all: the pointers are to as many bytes as the calls name.
    let calls: [&dyn Fn(&Bench) -> c_int; 7] = [
        &|_| unsafe { cuMemAlloc_v2(&mut 0, 4) },
        &|_| {
            let address = Device::get().allocate(4).unwrap();
            cuMemFree_v2(address)
        },
        &|bench| unsafe { cuMemcpyDtoH_v2(host, bench.words, 16) },
        &|bench| unsafe { cuMemcpyHtoD_v2(bench.words, host, 16) },
        &|bench| cuMemcpyDtoD_v2(bench.words, bench.words + 4, 4),
        &|bench| cuMemsetD8_v2(bench.words, 0, 4),
        &|_| unsafe { cuModuleLoadData(&mut ptr::null_mut(), text.as_ptr().cast()) },
    ];
    for call in calls {
        for mode in [GLOBAL, THREAD_LOCAL] {
            assert_refused(&bench, mode, UNSUPPORTED, call);
        }
        bench.begin(RELAXED);
        assert_eq!(call(&bench), 0);
        assert!(bench.end().is_ok());
    }
}

/// Another thread's allocation concerns a global capture alone; its end must come from the thread that has begun it.
#[test]
fn captures_and_other_threads() {
    let bench = Bench::new(NON_BLOCKING);
    let elsewhere = |call: &(dyn Fn() -> c_int + Sync)| {
        std::thread::scope(|scope| scope.spawn(call).join().unwrap())
    };
    // SAFETY: a pointer to an address.
    let allocate = || unsafe { cuMemAlloc_v2(&mut 0, 4) };
    let stream = bench.stream.addr();
    let end = || {
        // SAFETY: a pointer to a handle.
        unsafe { cuStreamEndCapture(ptr::without_provenance_mut(stream), &mut ptr::null_mut()) }
    };
    bench.begin(THREAD_LOCAL);
    assert_eq!(elsewhere(&allocate), 0);
    assert_eq!(elsewhere(&end), 908);
    assert!(bench.end().is_ok());
    bench.begin(GLOBAL);
    assert_eq!(elsewhere(&allocate), UNSUPPORTED);
    assert_eq!(elsewhere(&allocate), INVALIDATED);
    assert_eq!(bench.end(), Err(INVALIDATED));
    bench.begin(RELAXED);
    assert_eq!(elsewhere(&allocate), 0);
    assert_eq!(elsewhere(&end), 0);
}

/// A blocking stream and the legacy stream wait for each other.
#[test]
fn the_legacy_stream_and_a_capture() {
    let bench = Bench::new(0);
    assert_refused(&bench, RELAXED, 906, &|bench| bench.launch(LEGACY, 1, 0));
    assert_refused(&bench, RELAXED, 906, &|_| cuStreamSynchronize(LEGACY));
    assert_eq!(cuStreamBeginCapture_v2(LEGACY, RELAXED), UNSUPPORTED);
}

#[test]
fn calls_out_of_order() {
    let bench = Bench::new(NON_BLOCKING);
    assert_eq!(bench.end(), Err(401), "has not begun");
    bench.begin(RELAXED);
    assert_eq!(cuStreamBeginCapture_v2(bench.stream, RELAXED), 401, "twice");
    assert_eq!(cuStreamBeginCapture_v2(bench.stream, 3), 1, "no mode");
    let graph = bench.end().unwrap();
    let instance = instantiate(graph).unwrap();
    assert_eq!(cuGraphLaunch(instance, bench.stream), 0, "an empty graph");
    // SAFETY: a pointer to a handle.
    let flags = |flags| unsafe { cuGraphInstantiateWithFlags(&mut ptr::null_mut(), graph, flags) };
    assert_eq!([flags(1), flags(8), flags(4)], [0, 0, 1]);
    assert_eq!(cuGraphLaunch(graph, bench.stream), 1, "not an instance");
    assert_eq!(cuGraphDestroy(graph), 0);
    assert_eq!(cuGraphDestroy(graph), 1, "twice");
    assert_eq!(instantiate(graph), Err(1));
    assert_eq!(cuGraphExecDestroy(instance), 0);
    assert_eq!(cuGraphExecDestroy(instance), 1, "twice");
    assert_eq!(cuGraphLaunch(instance, bench.stream), 1);
    assert!(bench.error().contains("has been destroyed"));
    assert_eq!(cuStreamDestroy_v2(bench.stream), 0);
    assert_eq!(cuStreamBeginCapture_v2(bench.stream, RELAXED), 400);
}

/// An instance of a graph of two launches of the kernel, on a device of its own.
fn recorded(settings: Settings, words: usize) -> (Device, u64, Result<u64, Status>) {
    let mut device = Device::new(settings);
    let loaded = device.load(KERNEL).unwrap();
    let address = device.allocate(4 * words).unwrap();
    device.write(address, &vec![0; 4 * words], "test").unwrap();
    let stream = device.create_stream(false).unwrap();
    device.begin_capture(stream, Mode::Global).unwrap();
    let mut parameters = address.to_le_bytes().to_vec();
    parameters.extend([1u32, 1].iter().flat_map(|number| number.to_le_bytes()));
    let node = Node::Launch {
        kernel: Kernel {
            loaded,
            function: 0,
        },
        grid: [1; 3],
        block: [4, 1, 1],
        shared_bytes: 0,
        parameters,
    };
    device.enqueue(stream, &node).unwrap();
    device.enqueue(stream, &node).unwrap();
    let graph = device.end_capture(stream).unwrap();
    let instance = device.instantiate(graph);
    (device, stream, instance)
}

/// A kernel's fault in a graph is one of its launch, and names the kernel.
#[test]
fn a_fault_in_a_graph() {
    let (mut device, stream, instance) = recorded(Settings::default(), 4);
    assert_eq!(device.launch_graph(instance.unwrap(), stream), Ok(()));
    let (mut device, stream, instance) = recorded(Settings::default(), 3);
    let launched = device.launch_graph(instance.unwrap(), stream);
    assert_eq!(launched, Err(Status::LAUNCH_FAILED));
    let said = device.text().to_str().unwrap();
    assert!(
        said.contains("reads 4 bytes") && said.contains("kernel k"),
        "{said}"
    );
    assert_eq!(device.create_stream(true), Err(Status::LAUNCH_FAILED));
    assert_eq!(
        device.begin_capture(stream, Mode::Relaxed),
        Err(Status::LAUNCH_FAILED)
    );
}

#[test]
fn failures_that_the_environment_asks_for() {
    let settings = Settings {
        failing_launch: Some(4),
        ..Settings::default()
    };
    let (mut device, stream, instance) = recorded(settings, 4);
    let instance = instance.unwrap();
    assert_eq!(device.launch_graph(instance, stream), Ok(()), "1 and 2");
    assert_eq!(
        device.launch_graph(instance, stream),
        Err(Status::LAUNCH_FAILED),
        "3 and 4"
    );
    let settings = Settings {
        failing_graph: Some(1),
        ..Settings::default()
    };
    let (mut device, stream, instance) = recorded(settings, 4);
    assert_eq!(instance, Err(Status::OUT_OF_MEMORY));
    device.begin_capture(stream, Mode::Global).unwrap();
    let graph = device.end_capture(stream).unwrap();
    assert!(device.instantiate(graph).is_ok(), "it goes on");
}
