//! [`ReadAhead`]: samples of a file are read in the background, before the engine needs them.

use super::settings::Settings;
use crate::data::FeatureValues;

/// The windows that are read ahead of the one that is trained on.
const WINDOWS: usize = 2;

/// The order of an epoch's samples, and how far it was read.
pub(super) struct ReadAhead<'a> {
    features: &'a FeatureValues,
    /// The features of a sample.
    width: usize,
    pub(super) order: &'a [u32],
    /// The samples that are read at a time; `None` if they are in memory, or in a random order.
    window: Option<usize>,
    /// The samples that the engine trains on in one call, whole batches.
    pub(super) samples_per_part: usize,
    /// The place in the order up to which the engine trains.
    trained: usize,
    /// The place up to which samples were asked for.
    asked: usize,
}

impl<'a> ReadAhead<'a> {
    pub(super) fn new(
        features: &'a FeatureValues,
        width: usize,
        order: &'a [u32],
        settings: &Settings,
    ) -> Self {
        let is_mapped = features.is_mapped();
        let window = settings.shuffle.samples_per_window();
        let window = window.filter(|_| is_mapped);
        let batches = window.map(|window| (window / settings.batch_size).max(1));
        ReadAhead {
            features,
            width,
            order,
            window,
            samples_per_part: batches.map_or(usize::MAX, |batches| batches * settings.batch_size),
            trained: 0,
            asked: 0,
        }
    }

    /// The training begins, or resumes, with this place in the order.
    pub(super) fn begin(&mut self, place: usize) {
        (self.trained, self.asked) = (place, place);
    }

    /// Asks for the samples after the next `count`, which the engine trains on now; and for these, if they are the first.
    pub(super) fn next(&mut self, count: usize) {
        self.trained += count;
        let Some(window) = self.window else {
            return;
        };
        let end = self.trained.saturating_add(WINDOWS.saturating_mul(window));
        while self.asked < end.min(self.order.len()) {
            let next = self.asked.saturating_add(window).min(self.order.len());
            self.features
                .will_need(self.width, &self.order[self.asked..next]);
            self.asked = next;
        }
    }
}
