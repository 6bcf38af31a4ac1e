//! Classifies one digit on a Cortex-M4 and prints, by semihosting and in hexadecimal: the class, the bits of the logits, the
//! stack in bytes and the timer's ticks of one prediction.
//!
//! `scripts/firmware` runs it in QEMU:
//!
//! ```text
//! cargo build --release --features chip --bin chip --target thumbv7em-none-eabi
//! qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none -icount shift=6 \
//!     -semihosting-config enable=on,target=native -kernel target/thumbv7em-none-eabi/release/chip
//! ```
//!
//! With `-icount shift=6` an instruction takes 64 ns and a tick of the board's 25 MHz 40 ns, so ticks are instructions by 1.6.
//! Cycles are not emulated.
#![no_std]
#![no_main]
#![allow(
    unsafe_code,
    reason = "the stack's limits, which the linker knows, and a loop of a known length"
)]

#[path = "../panic.rs"]
mod panic;

use core::{arch::asm, hint::black_box};

use cortex_m::peripheral::{Peripherals, SYST, syst::SystClkSource};
use cortex_m_rt::{STACK_PAINT_VALUE, entry};
use cortex_m_semihosting::{
    debug::{self, EXIT_FAILURE, EXIT_SUCCESS},
    hio::{self, HostStream},
};
use firmware::{DIGITS, PICTURE};

#[entry]
fn main() -> ! {
    let done = run().is_ok();
    debug::exit(if done { EXIT_SUCCESS } else { EXIT_FAILURE });
    loop {
        cortex_m::asm::wfi();
    }
}

fn run() -> Result<(), ()> {
    let mut timer = Peripherals::take().ok_or(())?.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(0xff_ffff);
    timer.clear_current();
    timer.enable_counter();

    let (loop_ticks, ()) = ticks_of(ten_thousand_instructions);
    let (ticks, logits) = ticks_of(|| DIGITS.predict(black_box(&PICTURE)));
    let stack = stack_used();
    let class = DIGITS.classify(black_box(&PICTURE));

    let mut out = hio::hstdout()?;
    print(&mut out, b"class ", class as u32)?;
    for logit in logits {
        print(&mut out, b"logit ", logit.to_bits())?;
    }
    print(&mut out, b"stack ", stack)?;
    print(&mut out, b"ticks ", ticks)?;
    print(&mut out, b"ticks of 10,000 instructions ", loop_ticks)
}

/// The timer counts down, with 24 bits.
fn ticks_of<T>(work: impl FnOnce() -> T) -> (u32, T) {
    let start = SYST::get_current();
    let result = black_box(work());
    (start.wrapping_sub(SYST::get_current()) & 0xff_ffff, result)
}

/// To check what a tick is.
fn ten_thousand_instructions() {
    // SAFETY: it changes one register and the flags.
    unsafe { asm!("2: subs {0}, #1", "bne 2b", inout(reg) 5000 => _) };
}

/// Bytes from the top of the stack to the lowest word that is not painted any more.
fn stack_used() -> u32 {
    unsafe extern "C" {
        static _stack_end: u32;
        static _stack_start: u32;
    }
    let mut word = &raw const _stack_end;
    let top = &raw const _stack_start;
    // SAFETY: `word` is below the top of the stack, which is memory that the startup code has painted; what uses it now is above
    // the lowest word that differs.
    while word < top && unsafe { word.read_volatile() } == STACK_PAINT_VALUE {
        word = word.wrapping_add(1);
    }
    top as u32 - word as u32
}

/// Prints a name and a number of eight hexadecimal digits: the formatting of `core` could panic.
fn print(out: &mut HostStream, name: &[u8], number: u32) -> Result<(), ()> {
    let mut line = *b"00000000\n";
    for (place, byte) in line[..8].iter_mut().enumerate() {
        *byte = char::from_digit(number >> (28 - 4 * place) & 15, 16).map_or(b'?', |it| it as u8);
    }
    out.write_all(name)?;
    out.write_all(&line)
}
