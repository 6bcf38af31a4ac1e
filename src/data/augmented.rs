//! [`Augmented`]: a data set of images with new random distortion in every epoch.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rand::{RngExt, rngs::ChaCha8Rng};
use rayon::prelude::*;

use super::{
    Dataset, Distortion, FeatureValues, Targets, TrainingData,
    distortion::{Field, Gaussian, LONGEST_SIDE, Warp},
    prefetch::Prefetch,
};
use crate::{
    error::{Error, Result},
    seed::{self, Stream},
    shape::{Features, Shape},
    target::{Classes, Target},
    threads::MAX_THREADS,
};

/// The number of positions, along each axis, of an image's window in an epoch's field.
const WINDOWS: usize = 256;
/// The minimum number of images in a parallel task.
const IMAGES_PER_TURN: usize = 64;

/// A data set of labelled images, each with a new random distortion in every epoch, for
/// [`Trainer::fit`](crate::train::Trainer::fit).
///
/// The distortion of image `i` in epoch `e` depends only on (seed, `e`, `i`), to the bit: not on the number of threads,
/// the SIMD of the machine, or the epochs requested before.
///
/// The smoothed field of the elastic part is drawn once per epoch. It is larger than an image: each image uses two
/// windows, one for each axis, at random among 256 x 256 positions. Within a window it is the paper's field. Because
/// windows of different images may overlap, an image takes only a microsecond or two.
///
/// Held-out validation samples are evaluated without distortion.
///
/// The images of the last two epochs are retained, so that the next epoch reuses their memory.
///
/// ```
/// use tuplenet::{data::{Augmented, Distortion}, prelude::*};
///
/// let digits = Digits::new(1).dataset(0..100)?;
/// let augmented = Augmented::new(digits, [28, 28], Distortion::SIMARD_2003, 1)?;
/// let mut net = Fused::<(Linear<784, 10>,)>::new(Weights::init(1))?;
/// Trainer::new(Adam::default()).epochs(3).fit(&mut net, &augmented)?;
/// # Ok::<(), tuplenet::Error>(())
/// ```
pub struct Augmented<S: Shape, T: Target> {
    images: Images<S, T>,
    prefetch_threads: usize,
    state: Mutex<State<S, T>>,
}

/// State between epochs; it does not affect any result.
struct State<S: Shape, T: Target> {
    /// The epoch that is being prefetched.
    prefetch: Option<(usize, Prefetch<Vec<u8>>)>,
    /// The last two epochs returned: a trainer still reads the newer one, and has finished with the older.
    given: VecDeque<Dataset<S, T>>,
}

impl<S: Shape, T: Target> State<S, T> {
    fn new() -> Self {
        State {
            prefetch: None,
            given: VecDeque::new(),
        }
    }

    /// The buffer of an epoch that is no longer in use, if there is one: allocating a new one is slow.
    fn buffer(&mut self) -> Vec<u8> {
        let unread = self.given.pop_front().map(Dataset::into_bytes);
        match unread {
            Some(Ok(bytes)) => bytes,
            Some(Err(read)) => {
                self.given.push_front(read);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn keep(&mut self, epoch: &Dataset<S, T>) {
        self.given.push_back(epoch.clone());
        if self.given.len() > 2 {
            self.given.pop_front();
        }
    }
}

/// Everything that determines the distorted images.
#[derive(Clone, Debug)]
struct Images<S: Shape, T: Target> {
    originals: Dataset<S, T>,
    /// Width and height.
    size: [usize; 2],
    distortion: Distortion,
    seed: u64,
}

impl<S: Shape, const C: usize> Augmented<S, Classes<C>> {
    /// The images of `originals`, of `[width, height]` pixels, row-major, under random draws of `distortion`.
    ///
    /// # Errors
    /// [`Error::Setting`] when width times height is not `S::LEN`, when a side has more than 2,048 pixels, when the
    /// data set does not have bytes ([`Dataset::from_bytes`]) in memory, or for a distortion out of range.
    pub fn new(
        originals: Dataset<S, Classes<C>>,
        size: [usize; 2],
        distortion: Distortion,
        seed: u64,
    ) -> Result<Self> {
        let refused = |setting, expected: String, found: String| {
            Err(Error::Setting {
                setting,
                expected,
                found,
            })
        };
        let [width, height] = size;
        let sides = 1..=LONGEST_SIDE;
        if !size.iter().all(|side| sides.contains(side)) || width * height != S::LEN {
            let expected = format!(
                "width x height = {}, sides of 1 to {LONGEST_SIDE} pixels",
                S::LEN
            );
            return refused("image size", expected, format!("{width} x {height}"));
        }
        if let FeatureValues::Values(_) = originals.features() {
            let expected = "a data set of bytes, by `Dataset::from_bytes`".to_owned();
            return refused("images", expected, "one of `f32`".to_owned());
        }
        if originals.features().is_mapped() {
            let expected = "images in memory, as each epoch is a distorted copy of all".to_owned();
            return refused("images", expected, "a mapped file".to_owned());
        }
        distortion.check()?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Augmented {
            images: Images {
                originals,
                size,
                distortion,
                seed,
            },
            prefetch_threads: cores.saturating_sub(MAX_THREADS),
            state: Mutex::new(State::new()),
        })
    }

    /// The number of threads that prefetch the next epoch during training; by default the cores that the engine does
    /// not use, so 0 on machines of up to [`Processor::MAX_THREADS`](crate::engine::Processor::MAX_THREADS) cores. With
    /// 0, an epoch is computed on all cores when it is requested. It does not change any bit of the result.
    #[must_use]
    pub fn prefetch(mut self, threads: usize) -> Self {
        self.prefetch_threads = threads;
        self
    }

    /// Locks the state briefly, never while images are distorted or threads are joined.
    fn state(&self) -> MutexGuard<'_, State<S, Classes<C>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[diagnostic::do_not_recommend]
impl<S: Shape, const C: usize> TrainingData<S, Features<C>> for Augmented<S, Classes<C>> {
    type Target = Classes<C>;
    type Epoch = Dataset<S, Classes<C>>;

    /// # Errors
    /// [`Error::Prefetch`] when the prefetch threads fail or cannot be created.
    fn epoch(&self, epoch: usize) -> Result<Self::Epoch> {
        let begun = self.state().prefetch.take();
        let bytes = match begun {
            Some((number, bytes)) if number == epoch => bytes.wait()?,
            another => {
                drop(another);
                let buffer = self.state().buffer();
                self.images.epoch(epoch, buffer, &AtomicBool::new(false))
            }
        };
        let samples = self.images.with_labels(bytes)?;
        if self.prefetch_threads > 0 {
            let (images, buffer) = (self.images.clone(), self.state().buffer());
            let next = epoch.wrapping_add(1);
            let work = move |stop: &AtomicBool| Ok(images.epoch(next, buffer, stop));
            let begun = Prefetch::start(self.prefetch_threads, work)?;
            let another = self.state().prefetch.replace((next, begun));
            drop(another);
        }
        self.state().keep(&samples);
        Ok(samples)
    }

    fn undistorted(&self) -> Option<&Self::Epoch> {
        Some(&self.images.originals)
    }

    fn fingerprint(&self) -> String {
        let Images {
            originals,
            size,
            distortion,
            seed,
        } = &self.images;
        let originals = originals.sha256();
        format!("{originals}, {size:?} pixels, {distortion:?}, seed {seed}")
    }
}

impl<S: Shape, const C: usize> Images<S, Classes<C>> {
    /// The images of epoch `number`, in the buffer `result`; incomplete if `stop` is set.
    fn epoch(&self, number: usize, mut result: Vec<u8>, stop: &AtomicBool) -> Vec<u8> {
        let FeatureValues::Bytes { bytes, .. } = self.originals.features() else {
            return result;
        };
        result.resize(bytes.len(), 0);
        let field = self.field(number);
        result
            .par_chunks_exact_mut(S::LEN)
            .zip(bytes.par_chunks_exact(S::LEN))
            .enumerate()
            .with_min_len(IMAGES_PER_TURN)
            .for_each_init(
                || {
                    let warp = Warp::new(self.size, self.distortion.faint_grey);
                    (warp, self.stream(number))
                },
                |(warp, rng), (index, (to, from))| {
                    if !stop.load(Ordering::Relaxed) {
                        // The field uses the word positions below.
                        rng.set_word_pos((index as u128 + 1) << 32);
                        self.distort(field.as_ref(), from, rng, warp, to);
                    }
                },
            );
        result
    }

    /// The random stream of epoch `number`, from its start.
    fn stream(&self, number: usize) -> ChaCha8Rng {
        seed::stream(self.seed, Stream::Augmentation, number as u64)
    }

    /// The displacement field of epoch `number`, and its Gaussian.
    fn field(&self, number: usize) -> Option<(Field, Gaussian)> {
        self.distortion.gaussian().map(|gaussian| {
            let margins = 2 * gaussian.radius() + WINDOWS - 1;
            let size = self.size.map(|side| side + margins);
            let alpha = self.distortion.elastic_alpha;
            let field = gaussian.field(size, alpha, &mut self.stream(number));
            (field, gaussian)
        })
    }

    /// Distorts an image by random draws from `rng`.
    fn distort(
        &self,
        field: Option<&(Field, Gaussian)>,
        from: &[u8],
        rng: &mut ChaCha8Rng,
        warp: &mut Warp,
        to: &mut [u8],
    ) {
        let affine = self.distortion.affine(rng);
        let windows = field.map(|(field, gaussian)| {
            // At least a radius of the Gaussian from the edges, so that displacements are identically distributed.
            let mut place = || gaussian.radius() + rng.random_range(0..WINDOWS);
            [(); 2].map(|()| field.window([place(), place()]))
        });
        warp.apply(from, &affine, windows, to);
    }

    fn with_labels(&self, bytes: Vec<u8>) -> Result<Dataset<S, Classes<C>>> {
        match (self.originals.features(), self.originals.targets()) {
            (FeatureValues::Bytes { scale, .. }, Targets::Labels(labels)) => {
                let epoch = Dataset::from_bytes(bytes, *scale, labels.clone())?;
                match &self.originals.samples.weights {
                    Some(weights) => epoch.weighted(weights.clone()),
                    None => Ok(epoch),
                }
            }
            // `new` rejects these.
            _ => Ok(self.originals.clone()),
        }
    }
}

impl<S: Shape, T: Target> fmt::Debug for Augmented<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Augmented")
            .field("size", &self.images.size)
            .field("distortion", &self.images.distortion)
            .field("seed", &self.images.seed)
            .field("prefetch_threads", &self.prefetch_threads)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
