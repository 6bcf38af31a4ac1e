//! [`Mail`]: messages from one rank to another, none of which is waited for, so that a rank that is lost delays no other.

#![allow(
    unsafe_code,
    reason = "MPI reads and writes buffers after its functions have returned, each block with its proof"
)]

use std::{
    collections::{BTreeSet, VecDeque},
    mem, slice,
    sync::Arc,
};

use mpi::{
    request::{Request, StaticScope},
    topology::SimpleCommunicator,
    traits::{Communicator, Destination, Equivalence, Source},
};

/// The messages of a rank.
pub(super) struct Mail {
    connection: SimpleCommunicator,
    /// What the messages are about; those about what comes later wait.
    subject: i32,
    sending: Vec<(usize, Transfer<Arc<[u8]>>)>,
    receiving: VecDeque<(usize, Transfer<Vec<u8>>)>,
    /// Ranks that have been lost: nothing is sent to them, and what they send is left aside.
    pub(super) lost: BTreeSet<usize>,
}

/// A message that MPI is sending or receiving.
struct Transfer<B> {
    request: Option<Request<'static, [u8], StaticScope>>,
    /// On the heap, where it stays while this moves.
    bytes: Option<B>,
}

impl<B> Transfer<B> {
    /// The bytes, once MPI is done with them.
    fn take(&mut self) -> Option<B> {
        match self.request.take().map(Request::test) {
            Some(Err(request)) => {
                self.request = Some(request);
                None
            }
            Some(Ok(_)) | None => self.bytes.take(),
        }
    }
}

impl<B> Drop for Transfer<B> {
    fn drop(&mut self) {
        // MPI may still use the bytes of a rank that was lost.
        if let Some(request) = self.request.take() {
            mem::forget((request, self.bytes.take()));
        }
    }
}

impl Mail {
    /// All ranks call it together.
    pub(super) fn new(world: &SimpleCommunicator) -> Self {
        Mail {
            connection: world.duplicate(),
            subject: 0,
            sending: Vec::new(),
            receiving: VecDeque::new(),
            lost: BTreeSet::new(),
        }
    }

    /// Turns to the next subject, as all ranks do in the same order; messages about the last one are left aside.
    pub(super) fn next_subject(&mut self) {
        // every MPI has as many tags
        self.subject = (self.subject + 1) % 32_768;
        self.receiving.clear();
    }

    /// Tells the others that this rank ends too early: those on this subject, and those on the next.
    pub(super) fn leave(&mut self, others: impl Iterator<Item = usize> + Clone) {
        for _ in 0..2 {
            let goodbyes = others.clone().map(|to| (to, Arc::from([])));
            goodbyes.for_each(|(to, empty)| self.send(to, empty));
            self.next_subject();
        }
    }

    /// Begins to send bytes, at most `i32::MAX`, to a rank, unless it is lost.
    pub(super) fn send(&mut self, to: usize, bytes: Arc<[u8]>) {
        if self.lost.contains(&to) {
            return;
        }
        // SAFETY: the bytes are on the heap, where `Transfer` keeps them, unchanged, until the request is done.
        let sent: &'static [u8] = unsafe { slice::from_raw_parts(bytes.as_ptr(), bytes.len()) };
        let process = self.connection.process_at_rank(to as i32);
        let transfer = Transfer {
            request: Some(process.immediate_send_with_tag(StaticScope, sent, self.subject)),
            bytes: Some(bytes),
        };
        self.sending.push((to, transfer));
    }

    /// Whether all that was sent has left, but to ranks that are lost.
    pub(super) fn has_left(&mut self) -> bool {
        let lost = &self.lost;
        self.sending
            .retain_mut(|(to, transfer)| !lost.contains(to) && transfer.take().is_none());
        self.sending.is_empty()
    }

    /// The messages that have arrived, each with its sender; an empty one when that has left.
    pub(super) fn receive(&mut self) -> Vec<(usize, Vec<u8>)> {
        self.has_left();
        while let Some((message, status)) = self
            .connection
            .any_process()
            .immediate_matched_probe_with_tag(self.subject)
        {
            let mut bytes = vec![0; status.count(u8::equivalent_datatype()) as usize];
            // SAFETY: the bytes are on the heap, where `Transfer` keeps them, untouched, until the request is done.
            let received: &'static mut [u8] =
                unsafe { slice::from_raw_parts_mut(bytes.as_mut_ptr(), bytes.len()) };
            let transfer = Transfer {
                request: Some(message.immediate_matched_receive_into(StaticScope, received)),
                bytes: Some(bytes),
            };
            let from = status.source_rank() as usize;
            self.receiving.push_back((from, transfer));
        }
        let mut arrived = Vec::new();
        self.receiving.retain_mut(|(from, transfer)| {
            let bytes = transfer.take();
            let is_here = bytes.is_some();
            arrived.extend(bytes.map(|bytes| (*from, bytes)));
            !is_here
        });
        arrived.retain(|(from, _)| !self.lost.contains(from));
        arrived
    }
}
