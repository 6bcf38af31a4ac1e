//! Allocations of the engine `Fused`: none per step after the first, and little in total; and of a frozen model: none.
//!
//! Every allocation of the program is counted, so this is a single test in a separate binary.

#![allow(unsafe_code, reason = "an allocator that counts")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(target_os = "linux")]
mod resident;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env, fs,
    io::Write,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use tuplenet::{
    engine::{Processor, Run, TrainingSize},
    frozen::Values,
    models::{LeNet, MnistClassifier, ResNet8},
    objective::Optimizer,
    prelude::*,
    shape::{Features, Image, Sample, Shape},
    target::Classes,
};

/// The system allocator with counters.
struct Counted;

/// Allocations, reallocations and frees.
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// Bytes allocated and not freed.
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);
/// The maximum of `LIVE_BYTES` since it was last reset.
static PEAK_BYTES: AtomicUsize = AtomicUsize::new(0);

fn count(allocated: usize, freed: usize) {
    CALLS.fetch_add(1, SeqCst);
    let live = LIVE_BYTES.fetch_add(allocated, SeqCst) + allocated;
    PEAK_BYTES.fetch_max(live, SeqCst);
    LIVE_BYTES.fetch_sub(freed, SeqCst);
}

// SAFETY: every call is forwarded to the system allocator with the same arguments; counting only uses atomics.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // During a move, both blocks exist.
        count(size, layout.size());
        // SAFETY: the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// The number of allocator calls during `work`, on all threads.
fn calls(work: impl FnOnce()) -> usize {
    let before = CALLS.load(SeqCst);
    work();
    CALLS.load(SeqCst) - before
}

#[test]
fn steps_and_predictions_allocate_nothing_and_a_training_little() {
    #[cfg(target_os = "linux")]
    if resident::is_told() {
        return resident::train();
    }
    assert!(calls(|| drop(std::hint::black_box(vec![0u8; 10]))) >= 2);
    // `upload` starts rayon's threads, which allocate on start: wait until all have started.
    rayon::broadcast(|_| ());
    // The test harness's thread still records that this test runs: wait until it blocks.
    while calls(|| thread::sleep(Duration::from_millis(200))) > 0 {}
    frozen_models_allocate_nothing();
    type Plain = (Linear<100, 48>, ReLU, Linear<48, 10>);
    type Dropped = (Linear<100, 48>, Tanh, Dropout<20>, Linear<48, 10>);
    type Images = (
        Image<1, 10, 10>,
        (
            Conv2d<1, 6, 3, 1, 1>,
            LayerNorm<6, 10, 10>,
            ReLU,
            MaxPool2d<2>,
            ChannelPReLU<6>,
            Concat<(Identity, (Conv2d<6, 3, 1>, Tanh))>,
            Conv2d<9, 6, 3, 2, 0, 3>,
        ),
        (Tanh, Dropout<20>, Dropout2d<10>, AvgPool2d<2>, Flatten),
        (LazyLinear<16>, ReLU, Linear<16, 10>),
    );
    // Large enough for the pool, as all of these: else its threads may start, and allocate, during the measurement.
    type Branches = (
        Linear<100, 48>,
        BatchNorm1d<48>,
        Residual<(ReLU, Linear<48, 48>, Dropout<10>)>,
        LayerNorm<48>,
        PReLU,
        Concat<(Identity, (Linear<48, 7>, ReLU))>,
        Linear<55, 10>,
    );
    let sparse = points(4);
    let images = sparse.reshaped::<Image<1, 10, 10>>();
    for threads in [1, 2] {
        for data in [&sparse, &points(1)] {
            steps_allocate_nothing::<Plain, _>(threads, data);
            steps_allocate_nothing::<Dropped, _>(threads, data);
            steps_allocate_nothing::<Branches, _>(threads, data);
        }
        steps_allocate_nothing::<Images, _>(threads, &images);
        steps_allocate_nothing::<ResNet8<1, 10, 10, 10>, _>(threads, &images);
    }
    idx_files_allocate_at_most_their_contents();
    a_training_takes_little_memory();
    #[cfg(target_os = "linux")]
    resident::is_as_predicted("steps_and_predictions_allocate_nothing_and_a_training_little");
}

/// 130 samples with one in `every` features non-zero.
fn points(every: usize) -> Dataset<Features<100>, Classes<10>> {
    let bytes = (0..130 * 100).map(|i| (i * 7919 % 251 + 1) as u8 * u8::from(i % every == 0));
    let labels = (0..130).map(|i| (i % 10) as u8).collect();
    Dataset::from_bytes(bytes.collect(), 1.0 / 255.0, labels).unwrap()
}

fn steps_allocate_nothing<N, S: Shape>(threads: usize, data: &Dataset<S, Classes<10>>)
where
    N: Network<In = S, Output = Features<10>>,
    S::Array: Sample<S>,
{
    let plain = Sgd::default();
    let momentum = Sgd {
        momentum: 0.9,
        ..plain
    };
    let nesterov = Sgd {
        nesterov: true,
        ..momentum
    };
    let optimizers: [Optimizer; 5] = [
        plain.into(),
        momentum.into(),
        nesterov.into(),
        Adam::default().into(),
        AdamW::default().into(),
    ];
    let processor = Processor::detect().threads(threads);
    let order: Vec<u32> = (0..130).rev().collect();
    let sample = data.sample(7).unwrap();
    for optimizer in optimizers {
        let smoothed = Loss::SmoothedCrossEntropy { smoothing: 0.1 };
        let weighted = WeightedCrossEntropy {
            weights: [0.5; 10],
            smoothing: 0.1,
        };
        let losses = [
            Loss::CrossEntropy,
            smoothed,
            weighted.into(),
            Loss::MeanSquaredError,
            Loss::MeanAbsoluteError,
            Loss::Huber { delta: 1.0 },
            Loss::BinaryCrossEntropy,
        ];
        let settings = losses.map(|loss| (loss, None));
        let clipped = (Loss::CrossEntropy, Some(0.1));
        for (loss, clip_norm) in settings.into_iter().chain([clipped]) {
            let mut net = Fused::<N>::on(processor, Weights::init(1)).unwrap();
            let uploaded = net.upload(data).unwrap();
            let mut losses = Vec::with_capacity(12);
            // Batches of 50, 50 and 30; large enough for the whole thread pool.
            let mut train = |net: &mut Fused<N>| {
                let run = Run {
                    order: &order,
                    batch_size: 50,
                    optimizer: &optimizer,
                    schedule: OneCycle::default().into(),
                    total_steps: 12,
                    loss: loss.clone(),
                    seed: 3,
                    first_step: losses.len() as u64,
                    clip_norm,
                };
                net.train(&uploaded, &run, &mut losses).unwrap();
            };
            train(&mut net);
            let again = calls(|| (0..3).for_each(|_| train(&mut net)));
            let what = format!("{net:?}, {optimizer:?}, {loss:?}, {clip_norm:?}");
            assert_eq!(again, 0, "calls of the allocator in training: {what}");
            assert_eq!(losses.len(), 12);

            let first = net.predict(&sample).unwrap();
            let mut second = [0.0; 10];
            let again = calls(|| second = net.predict(&sample).unwrap());
            assert_eq!(again, 0, "calls of the allocator in `predict`: {what}");
            assert_eq!(first, second);
        }
    }
}

tuplenet::frozen! {
    static DIGITS: Reader = "../examples/digits.safetensors";
    static SOFT: Soft = "reference/frozen/softplus.safetensors";
    static NAMED: Named = "reference/frozen/named.safetensors", names = ["fc1", "fc2"];
    static RESNET: ResNet8<1, 28, 28, 10> = "reference/resnet.safetensors";
}

type Reader = (Linear<784, 32>, ReLU, Linear<32, 10>);
type Soft = (Linear<10, 31>, Softplus, Linear<31, 2>);
type Named = (Linear<24, 16>, ReLU, Linear<16, 10>);

fn frozen_models_allocate_nothing() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = |name: &str| fs::read(tests.join(name)).unwrap();
    let digits = file("../examples/digits.safetensors");
    let soft = file("reference/frozen/softplus.safetensors");
    let named = file("reference/frozen/named.safetensors");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lenet.safetensors");
    Weights::<LeNet>::init(1).save(&path).unwrap();
    let lenet = fs::read(path).unwrap();
    let mut buffer = [0.0; Frozen::<LeNet>::ACTIVATION_LEN];
    let made = calls(|| {
        answers(&DIGITS, &[0.5; 784]);
        answers(&SOFT, &[0.5; 10]);
        answers(&NAMED, &[0.5; 24]);
        answers(&RESNET, &[[0.5; 28]; 28]);
        answers(&Frozen::<Reader>::from_bytes(&digits).unwrap(), &[0.5; 784]);
        answers(&Frozen::<Soft>::from_bytes(&soft).unwrap(), &[0.5; 10]);
        answers(
            &Frozen::<Named>::from_bytes_named(&named, &["fc1", "fc2"]).unwrap(),
            &[0.5; 24],
        );
        let lenet = Frozen::<LeNet>::from_bytes(&lenet).unwrap();
        answers(&lenet, &[[0.5; 28]; 28]);
        let logits = lenet.predict_in(&[[0.5; 28]; 28], &mut buffer);
        assert_eq!(logits, lenet.predict(&[[0.5; 28]; 28]));
        // Errors about mismatched files do not allocate either.
        for wrong in [&soft[..], &soft[..100], b"no weights"] {
            assert!(Frozen::<Named>::from_bytes(wrong).is_err());
        }
    });
    assert_eq!(made, 0, "calls of the allocator by frozen models");
}

/// Calls every method of a model.
fn answers<N: Network<Output: Shape<Class = usize>>, V: Values>(
    model: &Frozen<N, V>,
    sample: &impl Sample<N::In>,
) {
    let logits = model.predict(sample);
    let probabilities = model.probabilities(sample);
    let class = model.classify(sample);
    let [logits, probabilities] = [&logits, &probabilities].map(N::Output::values);
    let largest = logits[class];
    assert!(logits.iter().all(|&logit| logit <= largest));
    assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
}

/// Headers that claim ten gigabytes, raw and gzip, and a file that decompresses to a thousand times its size: allocations
/// are bounded by the expected size and by what the file can contain.
fn idx_files_allocate_at_most_their_contents() {
    const SAMPLES: u32 = 20_000;
    const WIDTH: u32 = 65_536;
    let gzip = |bytes: &[u8]| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let file = |kind: u8, dimensions: &[u32], values: &[u8]| {
        let numbers = dimensions.iter().flat_map(|it| it.to_be_bytes());
        let head = [0, 0, kind, dimensions.len() as u8].into_iter();
        head.chain(numbers)
            .chain(values.iter().copied())
            .collect::<Vec<u8>>()
    };
    let labels = file(8, &[SAMPLES], &[0; SAMPLES as usize]);
    let claims = file(14, &[SAMPLES, WIDTH], &[0; 8]);
    let claims_labels = file(8, &[u32::MAX], &[0; 8]);
    let bomb = gzip(&[file(8, &[1], &[0]), vec![0; 1 << 26]].concat());
    let (packed, packed_labels) = (gzip(&claims), gzip(&claims_labels));
    let before = LIVE_BYTES.load(SeqCst);
    PEAK_BYTES.store(before, SeqCst);
    for (features, labels) in [
        (&claims, &labels),
        (&packed, &labels),
        (&claims, &claims_labels),
        (&claims, &packed_labels),
        (&claims, &bomb),
    ] {
        let read = Dataset::<Features<{ WIDTH as usize }>, Classes<3>>::from_idx_bytes(
            features, labels, 0,
        );
        assert!(read.is_err());
    }
    let taken = PEAK_BYTES.load(SeqCst) - before;
    assert!(taken < 1 << 20, "{taken} bytes for files that hold few");
}

/// The tutorial, one epoch, and LeNet's: the data set, the weights with two moments, the initial weights, one batch of
/// activations with their gradients, and 10 MB for everything else.
fn a_training_takes_little_memory() {
    let data = || match env::var_os("TUPLENET_MNIST") {
        Some(folder) => Mnist::in_folder(folder).unwrap().load().unwrap().0,
        None => Digits::new(1).dataset(0..10_000).unwrap(),
    };
    memory_of::<MnistClassifier<500>, _>("tutorial", data);
    memory_of::<LeNet, _>("LeNet", || data().reshaped());
}

fn memory_of<N, S: Shape>(name: &str, data: impl FnOnce() -> Dataset<S, Classes<10>>)
where
    N: Network<In = S, Output = Features<10>>,
{
    const BATCH: usize = 100;
    let before = LIVE_BYTES.load(SeqCst);
    let data = data();
    PEAK_BYTES.store(LIVE_BYTES.load(SeqCst), SeqCst);

    let weights = Weights::<N>::init(1);
    let mut net = Fused::<N>::new(weights.clone()).unwrap();
    let history = Trainer::new(Adam::default())
        .batch(BATCH)
        .fit(&mut net, &data);
    history.unwrap();
    let taken = PEAK_BYTES.load(SeqCst) - before;

    let of_data = data.len() * (784 + 1);
    let of_weights = (3 + 1) * 4 * N::PARAMS;
    let of_batch = (4 * 784 + 2 * N::ACTIVATION_BYTES) * BATCH;
    let allowed = of_data + of_weights + of_batch + 10_000_000;
    let line = format!(
        "{name}, {} samples, {}: {:.1} MB at most, of which the data are {:.1}; {:.1} allowed\n",
        data.len(),
        net.device(),
        taken as f64 / 1e6,
        of_data as f64 / 1e6,
        allowed as f64 / 1e6,
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(taken <= allowed, "{taken} bytes, {allowed} allowed");

    // As predicted, with the weights that this function keeps, and those that the trainer copies to check them, when the order of
    // the epoch is gone. The rest is about 100 kB: losses, settings, history.
    let predicted = Fused::<N>::training_memory(&TrainingSize::new(data.len(), BATCH));
    let predicted = predicted.total() - predicted.order + 2 * 4 * N::PARAMS;
    assert!(
        taken.abs_diff(predicted) <= 150_000,
        "{taken} bytes, {predicted} predicted"
    );
    drop(weights);
}
