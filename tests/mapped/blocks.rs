//! A training on blocks resumes within an epoch, and learns as one on samples in a random order.

use std::{
    cell::Cell,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tuplenet::{Error, Result, prelude::*, shape::Features, target::Classes, train::Shuffle};

use super::in_file;

type Net = (Linear<784, 12>, ReLU, Dropout<20>, Linear<12, 10>);
type Digital = Dataset<Features<784>, Classes<10>>;

/// 80 batches of 5 in an epoch, 40 of two each in a run; windows of 24 samples, which are not whole batches.
fn train(
    data: &Digital,
    shuffle: Shuffle,
    folder: Option<&Path>,
    stop_at: Option<usize>,
) -> Result<String> {
    let (stop, runs) = (AtomicBool::new(false), Cell::new(0));
    let mut net = Fused::<Net>::new(Weights::init(2))?;
    let mut trainer = Trainer::new(Adam::default())
        .epochs(2)
        .batch(5)
        .seed(1)
        .validation(20)
        .shuffle(shuffle)
        .stop_when(&stop)
        .on_progress(|_| {
            runs.set(runs.get() + 1);
            stop.store(Some(runs.get()) == stop_at, Ordering::Relaxed);
        });
    if let Some(folder) = folder {
        let checkpoints = Checkpoints::in_folder(folder)
            .every(Duration::ZERO)
            .resume(true);
        trainer = trainer.checkpoints(checkpoints);
    }
    trainer.fit(&mut net, data)?;
    Ok(net.weights()?.sha256())
}

const BLOCKS: Shuffle = Shuffle::Blocks {
    block: 8,
    window: 3,
};

#[test]
fn a_training_stopped_within_an_epoch_resumes_bit_identically() {
    let digits = Digits::new(5).dataset::<Features<784>>(0..420).unwrap();
    let (_file, mapped) = in_file(&digits);
    let whole = train(&mapped, BLOCKS, None, None).unwrap();
    assert_eq!(train(&digits, BLOCKS, None, None).unwrap(), whole);
    for first in [1, 2, 13, 39, 40, 41, 57, 79] {
        let folder = tempfile::tempdir().unwrap();
        let stopped = train(&mapped, BLOCKS, Some(folder.path()), Some(first));
        let Err(Error::Stopped { epoch, step, .. }) = stopped else {
            panic!("stopped after {first}: {stopped:?}")
        };
        assert_eq!(
            (epoch, step),
            ((first - 1) / 40 + 1, 2 * ((first - 1) % 40 + 1))
        );
        // another order is another training
        for (other, words) in [
            (Shuffle::All, "shuffle"),
            (
                Shuffle::Blocks {
                    block: 8,
                    window: 4,
                },
                "shuffle.Blocks.window",
            ),
        ] {
            let error = train(&mapped, other, Some(folder.path()), None).unwrap_err();
            let (found, expected) = (error.to_string(), format!("`{words}`"));
            assert!(found.contains(&expected), "{found}");
        }
        let resumed = train(&mapped, BLOCKS, Some(folder.path()), None).unwrap();
        assert_eq!(resumed, whole, "stopped after {first}");
    }
}

#[test]
fn blocks_of_any_size_are_trained_on() {
    let digits = Digits::new(5).dataset::<Features<784>>(0..60).unwrap();
    let (_file, mapped) = in_file(&digits);
    let sizes = [[1, 60], [60, 1], [7, 2], [usize::MAX, usize::MAX]];
    let sums = sizes.map(|[block, window]| {
        let blocks = Shuffle::Blocks { block, window };
        let [memory, file] =
            [&digits, &mapped].map(|data| train(data, blocks, None, None).unwrap());
        assert_eq!(memory, file);
        file
    });
    for (at, sum) in sums.iter().enumerate() {
        // one block is shuffled in one window, whatever its size
        assert!(
            sums[..at].iter().all(|other| other != sum) || at == 3,
            "{at}"
        );
    }
    assert_eq!(sums[3], sums[1]);
    for (block, window, words) in [
        (0, 1, "samples of a block: expected 1 or more, found 0"),
        (1, 0, "blocks of a window: expected 1 or more, found 0"),
    ] {
        let error = train(&mapped, Shuffle::Blocks { block, window }, None, None).unwrap_err();
        assert_eq!(error.to_string(), words);
    }
}
