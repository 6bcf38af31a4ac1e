//! dfdx's panics as errors.
//!
//! On a GPU, dfdx 0.13 returns most errors of the driver, but unwraps some: of the copy of a tensor that two
//! operations share, of reading a tensor back.

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use crate::error::{Error, Result};

thread_local! {
    /// Whether this thread computes with dfdx.
    static COMPUTES: Cell<bool> = const { Cell::new(false) };
    /// What dfdx's panic said.
    static MESSAGE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The result of `compute`, or [`Error::Device`] if dfdx panics in it. Other panics go on.
///
/// The first call replaces the panic hook by one that is silent for these panics alone, and otherwise calls the one
/// before.
pub(super) fn guarded<T>(device: &str, compute: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_dfdx = |file: &str| file.contains("dfdx") || file.contains("cudarc");
            let is_dfdx = info.location().is_some_and(|at| is_dfdx(at.file()));
            if COMPUTES.get() && is_dfdx {
                let payload = info.payload();
                let text = payload
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned());
                let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
                let text = text.unwrap_or_else(|| "a panic".to_owned());
                // on one line, as every message
                let text = text.lines().collect::<Vec<_>>().join(" ");
                MESSAGE.with_borrow_mut(|message| *message = Some(text));
            } else {
                before(info);
            }
        }));
    });
    let outer = COMPUTES.replace(true);
    let computed = panic::catch_unwind(AssertUnwindSafe(compute));
    COMPUTES.set(outer);
    computed.unwrap_or_else(|panic| match MESSAGE.take() {
        Some(message) => Err(Error::Device {
            engine: "dfdx",
            device: device.to_owned(),
            message,
        }),
        None => panic::resume_unwind(panic),
    })
}

#[cfg(test)]
mod tests {
    use std::panic;

    use dfdx::prelude::{Cpu, TensorFromVec};

    use super::guarded;
    use crate::error::Error;

    #[test]
    fn a_panic_of_another_goes_on() {
        let outcome = panic::catch_unwind(|| guarded::<()>("cuda:0", || panic!("of a user")));
        let panic = outcome.unwrap_err();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "of a user");
    }

    #[test]
    fn a_panic_of_dfdx_is_an_error() {
        // dfdx unwraps the error of a vector of another length
        let wrong = || Ok(Cpu::default().tensor_from_vec(vec![1.0f32], (2,)).as_vec());
        let error = guarded("cuda:0", wrong).unwrap_err();
        assert!(matches!(error, Error::Device { .. }));
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
        assert!(guarded("cuda:0", || Ok(())).is_ok(), "it goes on");
    }
}
