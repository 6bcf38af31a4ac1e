//! Streams, and their capture: what a captured stream is to do is recorded for a graph, and not done.
//!
//! Without a capture, the work of a stream is done when the call returns. A call that a capture does not permit fails
//! and makes the capture invalid: further work of its stream fails, and its end gives no graph. Not permitted are
//!
//! - in the captured stream: synchronisation; and waits for events, copies from or to the host and asynchronous
//!   allocations, of which the real driver can record some;
//! - anywhere: synchronisation of the context;
//! - calls that may synchronise, which are synchronous allocations and copies and the loading of modules, as the
//!   capture's [`Mode`] says;
//! - work of the legacy stream, if the captured stream waits for it.
//!
//! Source: NVIDIA, CUDA C++ Programming Guide, "Creating a Graph Using Stream Capture", and CUDA Driver API,
//! `cuThreadExchangeStreamCaptureMode`.

use std::{
    collections::HashMap,
    thread::{self, ThreadId},
};

use super::{
    device::{Device, Status},
    graph::Node,
};

/// A stream's handle.
pub type Stream = u64;

/// The handles of the legacy stream: `NULL` and `CU_STREAM_LEGACY`.
const LEGACY: [Stream; 2] = [0, 1];
/// Created streams have handles beyond those with a meaning of their own.
const FIRST: Stream = 0x100;

/// Whose calls that may synchronise make a capture invalid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Those of every thread.
    Global,
    /// Those of the thread that captures.
    ThreadLocal,
    /// Nobody's.
    Relaxed,
}

/// `CUstreamCaptureStatus`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Capturing {
    None,
    Active,
    Invalidated,
}

#[derive(Debug, Default)]
pub(super) struct Streams {
    count: u64,
    /// The created streams; whether the legacy stream and they wait for each other.
    blocking: HashMap<Stream, bool>,
    captures: Vec<Capture>,
}

#[derive(Debug)]
struct Capture {
    stream: Stream,
    is_blocking: bool,
    mode: Mode,
    thread: ThreadId,
    /// What has made it invalid.
    wrong: Option<String>,
    nodes: Vec<Node>,
}

impl Device {
    pub fn create_stream(&mut self, is_blocking: bool) -> Result<Stream, Status> {
        self.check()?;
        let stream = FIRST + self.streams.count;
        self.streams.count += 1;
        self.streams.blocking.insert(stream, is_blocking);
        Ok(stream)
    }

    /// Ends a stream, and its capture with it.
    pub fn destroy_stream(&mut self, stream: Stream) {
        self.streams.blocking.remove(&stream);
        let captures = &mut self.streams.captures;
        captures.retain(|capture| capture.stream != stream);
    }

    pub fn begin_capture(&mut self, stream: Stream, mode: Mode) -> Result<(), Status> {
        self.check()?;
        if LEGACY.contains(&stream) {
            let text = "a capture of the legacy stream".to_owned();
            return Err(self.wrong(Status::CAPTURE_UNSUPPORTED, text));
        }
        let Some(&is_blocking) = self.streams.blocking.get(&stream) else {
            let text = format!("a capture of {stream:#x}, which is no stream");
            return Err(self.wrong(Status::INVALID_HANDLE, text));
        };
        if self.capturing(stream) != Capturing::None {
            let text = "a capture of a stream that is captured already".to_owned();
            return Err(self.wrong(Status::ILLEGAL_STATE, text));
        }
        self.streams.captures.push(Capture {
            stream,
            is_blocking,
            mode,
            thread: thread::current().id(),
            wrong: None,
            nodes: Vec::new(),
        });
        Ok(())
    }

    /// The graph of what has been recorded.
    ///
    /// # Errors
    /// When the stream is not captured, the capture has become invalid, or another thread has begun it and it is not
    /// [`Mode::Relaxed`].
    pub fn end_capture(&mut self, stream: Stream) -> Result<u64, Status> {
        self.check()?;
        let captures = &mut self.streams.captures;
        let Some(at) = captures.iter().position(|c| c.stream == stream) else {
            let text = "the end of a capture that has not begun".to_owned();
            return Err(self.wrong(Status::ILLEGAL_STATE, text));
        };
        let is_own = captures[at].thread == thread::current().id();
        if !is_own && captures[at].mode != Mode::Relaxed {
            let text = "the end of a capture that another thread has begun".to_owned();
            return Err(self.wrong(Status::CAPTURE_WRONG_THREAD, text));
        }
        let capture = captures.swap_remove(at);
        match capture.wrong {
            Some(wrong) => Err(self.invalidated(&wrong)),
            None => Ok(self.graphs.add(capture.nodes)),
        }
    }

    pub fn capturing(&self, stream: Stream) -> Capturing {
        let capture = self.streams.captures.iter().find(|c| c.stream == stream);
        match capture {
            None => Capturing::None,
            Some(capture) if capture.wrong.is_none() => Capturing::Active,
            Some(_) => Capturing::Invalidated,
        }
    }

    /// Does what a stream is to do, or records it.
    pub fn enqueue(&mut self, stream: Stream, node: &Node) -> Result<(), Status> {
        self.use_stream(stream)?;
        let captures = &mut self.streams.captures;
        match captures.iter_mut().find(|c| c.stream == stream) {
            None => self.run(node),
            Some(capture) => {
                capture.nodes.push(node.clone());
                Ok(())
            }
        }
    }

    /// Checks that a stream may be used for what is not recorded.
    pub fn permit_in(&mut self, stream: Stream, does: &str) -> Result<(), Status> {
        self.use_stream(stream)?;
        self.refuse(Status::CAPTURE_UNSUPPORTED, does, |capture| {
            capture.stream == stream
        })
    }

    /// Checks that this thread may do what may synchronise.
    pub fn permit(&mut self, does: &str) -> Result<(), Status> {
        self.check()?;
        let here = thread::current().id();
        self.refuse(Status::CAPTURE_UNSUPPORTED, does, |capture| {
            match capture.mode {
                Mode::Global => true,
                Mode::ThreadLocal => capture.thread == here,
                Mode::Relaxed => false,
            }
        })
    }

    /// Waits for all streams.
    pub fn synchronise(&mut self) -> Result<(), Status> {
        self.check()?;
        let does = "a synchronisation of the context";
        self.refuse(Status::CAPTURE_UNSUPPORTED, does, |_| true)
    }

    fn use_stream(&mut self, stream: Stream) -> Result<(), Status> {
        self.check()?;
        if LEGACY.contains(&stream) {
            let does = "work of the legacy stream";
            return self.refuse(Status::CAPTURE_IMPLICIT, does, |c| c.is_blocking);
        }
        let capture = self.streams.captures.iter().find(|c| c.stream == stream);
        match capture.and_then(|capture| capture.wrong.clone()) {
            Some(wrong) => Err(self.invalidated(&wrong)),
            None => Ok(()),
        }
    }

    /// Fails if such a capture goes on, and makes it invalid.
    fn refuse(
        &mut self,
        status: Status,
        does: &str,
        concerns: impl Fn(&Capture) -> bool,
    ) -> Result<(), Status> {
        let wrong = format!("{does} during the capture of a stream");
        let captures = self.streams.captures.iter_mut();
        let (mut earlier, mut is_first) = (None, false);
        for capture in captures.filter(|capture| concerns(capture)) {
            match &capture.wrong {
                Some(wrong) => earlier = Some(wrong.clone()),
                None => {
                    capture.wrong = Some(wrong.clone());
                    is_first = true;
                }
            }
        }
        match earlier {
            _ if is_first => Err(self.wrong(status, wrong)),
            Some(earlier) => Err(self.invalidated(&earlier)),
            None => Ok(()),
        }
    }

    fn invalidated(&mut self, wrong: &str) -> Status {
        let text = format!("the capture of the stream is invalid since {wrong}");
        self.wrong(Status::CAPTURE_INVALIDATED, text)
    }
}
