//! [`Transfer`]: values that MPI sends and receives while this process goes on.

#![allow(
    unsafe_code,
    reason = "MPI reads and writes buffers after its functions have returned, each block with its proof"
)]

use std::{ptr::NonNull, slice};

use mpi::{
    request::{Request, StaticScope},
    topology::SimpleCommunicator,
    traits::{CommunicatorCollectives, Equivalence},
};

/// Values on their way, with the buffers that this process does not use meanwhile.
pub(super) struct Transfer<T: 'static> {
    request: Option<Request<'static, [T], StaticScope>>,
    pub(super) sent: Vec<T>,
    pub(super) received: Vec<T>,
}

/// An operation of all ranks: it sends the first values and receives the others.
type Operation<T> =
    fn(&SimpleCommunicator, &'static [T], &'static mut [T]) -> Request<'static, [T], StaticScope>;

/// Part `r` of the values goes to rank `r`; the parts of all ranks come back, one after another.
pub(super) fn all_to_all<T: Equivalence>(
    ranks: &SimpleCommunicator,
    sent: &'static [T],
    received: &'static mut [T],
) -> Request<'static, [T], StaticScope> {
    ranks.immediate_all_to_all_into(StaticScope, sent, received)
}

/// The values of all ranks, one after another.
pub(super) fn all_gather<T: Equivalence>(
    ranks: &SimpleCommunicator,
    sent: &'static [T],
    received: &'static mut [T],
) -> Request<'static, [T], StaticScope> {
    ranks.immediate_all_gather_into(StaticScope, sent, received)
}

impl<T: Equivalence> Transfer<T> {
    /// Begins an operation between buffers of its own.
    pub(super) fn owned(
        ranks: &SimpleCommunicator,
        operation: Operation<T>,
        sent: Vec<T>,
        received: Vec<T>,
    ) -> Self {
        let mut transfer = Transfer {
            request: None,
            sent,
            received,
        };
        let from = NonNull::from(&mut transfer.sent[..]);
        let to = NonNull::from(&mut transfer.received[..]);
        // SAFETY: both are on the heap, where they stay until this is dropped, and private until the request is done.
        transfer.request = Some(unsafe { operation(ranks, &*borrowed(from), borrowed(to)) });
        transfer
    }

    /// Begins an operation that sends these values, and receives in a buffer of its own.
    ///
    /// # Safety
    /// The values are valid, and nothing writes them, until [`Transfer::is_done`].
    pub(super) unsafe fn from(
        ranks: &SimpleCommunicator,
        operation: Operation<T>,
        sent: NonNull<[T]>,
        received: Vec<T>,
    ) -> Self {
        let mut transfer = Transfer {
            request: None,
            sent: Vec::new(),
            received,
        };
        let to = NonNull::from(&mut transfer.received[..]);
        // SAFETY: guaranteed by the caller; the buffer as in `owned`.
        transfer.request = Some(unsafe { operation(ranks, &*borrowed(sent), borrowed(to)) });
        transfer
    }

    /// Begins an operation that sends from a buffer of its own, and receives in these values.
    ///
    /// # Safety
    /// The values are valid, and nothing else reads or writes them, until [`Transfer::is_done`].
    pub(super) unsafe fn to(
        ranks: &SimpleCommunicator,
        operation: Operation<T>,
        sent: Vec<T>,
        received: NonNull<[T]>,
    ) -> Self {
        let mut transfer = Transfer {
            request: None,
            sent,
            received: Vec::new(),
        };
        let from = NonNull::from(&mut transfer.sent[..]);
        // SAFETY: guaranteed by the caller; the buffer as in `owned`.
        transfer.request = Some(unsafe { operation(ranks, &*borrowed(from), borrowed(received)) });
        transfer
    }

    /// Whether the values have been received, and the buffers may be used again.
    pub(super) fn is_done(&mut self) -> bool {
        match self.request.take().map(Request::test) {
            Some(Err(request)) => {
                self.request = Some(request);
                false
            }
            Some(Ok(_)) | None => true,
        }
    }
}

/// Values that MPI has borrowed.
///
/// # Safety
/// They are valid for as long as MPI takes, and no one else writes them, or reads what MPI writes.
unsafe fn borrowed<T>(values: NonNull<[T]>) -> &'static mut [T] {
    // SAFETY: guaranteed by the caller.
    unsafe { slice::from_raw_parts_mut(values.as_ptr().cast(), values.len()) }
}
