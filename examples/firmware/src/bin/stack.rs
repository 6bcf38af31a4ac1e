//! Measures the stack use of classifying a digit.
//!
//! A thread runs on a stack filled with a pattern. After it has ended, the lowest byte that differs gives the
//! depth, counted from the caller's frame. The same run with an empty function gives the use of the
//! thread itself, for its start and end; the model's use is only visible where it is deeper.
//!
//! ```text
//! cargo run --release --features stack --bin stack
//! ```

#![allow(unsafe_code, reason = "a thread on memory of our own")]

use std::{
    ffi::c_void,
    hint::black_box,
    io, mem, process, ptr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use firmware::{DIGITS, EIGHT_BIT_DIGITS, PICTURE, TUMOUR, TUMOURS};

const STACK: usize = 1 << 18;
const PATTERN: u8 = 0xa5;

/// The address of the caller's frame.
static CALLER: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let nothing = depth_or_exit(|| ());
    println!("the thread itself: {nothing} bytes");
    let works: [(&str, fn()); 5] = [
        ("predict", || {
            black_box(DIGITS.predict(black_box(&PICTURE)));
        }),
        ("classify", || {
            black_box(DIGITS.classify(black_box(&PICTURE)));
        }),
        ("probabilities", || {
            black_box(DIGITS.probabilities(black_box(&PICTURE)));
        }),
        ("diagnose", || {
            black_box(TUMOURS.classify(black_box(&TUMOUR)));
        }),
        ("quantized", || {
            black_box(EIGHT_BIT_DIGITS.predict(black_box(&PICTURE)));
        }),
    ];
    #[cfg(feature = "lenet")]
    let works = works.into_iter().chain([(
        "lenet",
        (|| {
            black_box(firmware::LENET.predict(black_box(&firmware::IMAGE)));
        }) as fn(),
    )]);
    for (name, work) in works {
        let bytes = depth_or_exit(work);
        let most = if bytes > nothing { "" } else { " or less" };
        println!("{name}: {bytes} bytes{most}");
    }
}

fn depth_or_exit(work: fn()) -> usize {
    depth(work).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        process::exit(1);
    })
}

/// Bytes from the frame of `work`'s caller to the lowest byte written, on a separate stack.
fn depth(work: fn()) -> io::Result<usize> {
    // SAFETY: newly mapped memory, used by the thread until `pthread_join` and then only here, until it is unmapped below.
    // The thread receives a function pointer and returns nothing.
    unsafe {
        let stack = libc::mmap(
            ptr::null_mut(),
            STACK,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON,
            -1,
            0,
        );
        if stack == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        stack.cast::<u8>().write_bytes(PATTERN, STACK);

        let mut attributes: libc::pthread_attr_t = mem::zeroed();
        let mut thread: libc::pthread_t = mem::zeroed();
        check(libc::pthread_attr_init(&mut attributes))?;
        check(libc::pthread_attr_setstack(&mut attributes, stack, STACK))?;
        check(libc::pthread_create(
            &mut thread,
            &attributes,
            start,
            work as *mut c_void,
        ))?;
        check(libc::pthread_join(thread, ptr::null_mut()))?;

        let bytes = std::slice::from_raw_parts(stack.cast::<u8>(), STACK);
        let untouched = bytes.iter().take_while(|&&byte| byte == PATTERN).count();
        let depth = CALLER.load(Relaxed) - (stack as usize + untouched);
        check(libc::munmap(stack, STACK))?;
        Ok(depth)
    }
}

fn check(error: i32) -> io::Result<()> {
    match error {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

extern "C" fn start(work: *mut c_void) -> *mut c_void {
    let frame = 0u8;
    CALLER.store(black_box(&raw const frame) as usize, Relaxed);
    // SAFETY: `depth` passes a `fn()`.
    let work: fn() = unsafe { mem::transmute(work) };
    work();
    black_box(&frame);
    ptr::null_mut()
}
