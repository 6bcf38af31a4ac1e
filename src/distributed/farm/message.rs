//! [`Message`]: what the ranks of a farm tell each other.

use serde::{Deserialize, Serialize};

/// How a trial has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// Its result, as bytes.
    Result(Vec<u8>),
    /// By an error or a panic, with this message.
    Failed(String),
}

#[derive(Serialize, Deserialize)]
pub(super) enum Message {
    /// To rank 0: the sender can run so many trials at once.
    Ready { slots: usize },
    /// The sender is there, if it says nothing else.
    Alive,
    /// From rank 0: run this one.
    Run { trial: usize },
    /// To rank 0: how one has ended.
    Done { trial: usize, outcome: Outcome },
    /// From rank 0, when all have ended: the result of one.
    Known { trial: usize, result: Vec<u8> },
    /// From rank 0, when all have ended.
    End(End),
}

/// How a farm has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct End {
    /// The number of results, which are messages of their own.
    pub(super) results: usize,
    /// The first trial that has failed, if one has.
    pub(super) failed: Option<Failed>,
    /// The ranks that are lost.
    pub(super) lost: Vec<usize>,
}

/// A trial that has failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) trial: usize,
    pub(super) rank: usize,
    pub(super) message: String,
}
