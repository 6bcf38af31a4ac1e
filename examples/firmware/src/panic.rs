//! What both programs have for a panic that never comes.

use core::panic::PanicInfo;

// Without an operating system there is no C library, so that the program links only if nothing calls this.
#[cfg_attr(not(target_os = "none"), link(name = "c"))]
unsafe extern "C" {
    safe fn abort() -> !;
}

/// Nothing here can panic, so the linker leaves this out.
///
/// It calls `abort` instead of looping, as a loop could be inlined unnoticed: the symbol `abort` in the program would reveal
/// a panic.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}
