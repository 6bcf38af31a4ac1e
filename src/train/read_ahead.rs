//! [`ReadAhead`]: samples of a file are read in the background, before the engine needs them.

use std::{
    sync::mpsc::{self, Sender},
    thread::{self, JoinHandle},
};

use super::settings::Settings;
use crate::data::FeatureValues;

/// The windows that are read ahead of the one that is trained on.
const WINDOWS: usize = 2;

/// The order of an epoch's samples, and how far it was read.
pub(super) struct ReadAhead<'a> {
    pub(super) order: &'a [u32],
    /// The samples that are read at a time; `None` if they are in memory, or in a random order.
    window: Option<usize>,
    /// The samples that the engine trains on in one call, whole batches.
    pub(super) samples_per_part: usize,
    /// The place in the order up to which the engine trains.
    trained: usize,
    /// The place up to which samples were asked for.
    asked: usize,
    features: &'a FeatureValues,
    /// The features of a sample.
    width: usize,
    reader: Option<Reader>,
}

impl<'a> ReadAhead<'a> {
    pub(super) fn new(
        features: &'a FeatureValues,
        width: usize,
        order: &'a [u32],
        settings: &Settings,
    ) -> Self {
        let window = settings.shuffle.samples_per_window();
        let window = window.filter(|_| features.is_mapped());
        let batches = window.map(|window| (window / settings.batch_size).max(1));
        ReadAhead {
            order,
            window,
            samples_per_part: batches.map_or(usize::MAX, |batches| batches * settings.batch_size),
            trained: 0,
            asked: 0,
            features,
            width,
            reader: window.and_then(|_| Reader::start(features.clone(), width)),
        }
    }

    /// The training begins, or resumes, with this place in the order.
    pub(super) fn begin(&mut self, place: usize) {
        (self.trained, self.asked) = (place, place);
        if let Some(window) = self.window {
            self.features.reads_single_pages(true);
            // The engine trains on these at once.
            let first = self.order.get(place..).unwrap_or_default();
            let first = &first[..window.min(first.len())];
            self.features.will_need(self.width, first.to_vec());
            self.asked += first.len();
        }
    }

    /// Asks for the samples of two windows after the next `count`, which the engine trains on now.
    pub(super) fn next(&mut self, count: usize) {
        self.trained += count;
        let (Some(window), Some(reader)) = (self.window, &self.reader) else {
            return;
        };
        let end = self.trained.saturating_add(WINDOWS.saturating_mul(window));
        while self.asked < end.min(self.order.len()) {
            let next = self.asked.saturating_add(window).min(self.order.len());
            reader.ask(&self.order[self.asked..next]);
            self.asked = next;
        }
    }
}

impl Drop for ReadAhead<'_> {
    fn drop(&mut self) {
        if self.window.is_some() {
            self.features.reads_single_pages(false);
        }
    }
}

/// A thread that asks the system for samples: where a disk is busy, it waits for it. Dropping it ends the thread.
struct Reader {
    /// `None` only while it is dropped.
    samples: Option<Sender<Vec<u32>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// `None` if the system cannot create a thread: then samples are read when the engine needs them.
    fn start(features: FeatureValues, width: usize) -> Option<Self> {
        let (samples, asked) = mpsc::channel::<Vec<u32>>();
        let read = move || {
            for order in asked {
                features.will_need(width, order);
            }
        };
        let thread = thread::Builder::new().name("tuplenet-read-ahead".to_owned());
        Some(Reader {
            samples: Some(samples),
            thread: Some(thread.spawn(read).ok()?),
        })
    }

    fn ask(&self, order: &[u32]) {
        if let Some(samples) = &self.samples {
            // It fails only if the thread has ended, which it does not by itself.
            let _ = samples.send(order.to_vec());
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.samples.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
