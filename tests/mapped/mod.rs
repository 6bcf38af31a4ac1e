//! Data sets in mapped files: the same bits as in memory, files that are no data set, block-wise shuffling.

mod blocks;
mod changed;
mod files;
mod same;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tuplenet::{
    data::{FeatureValues, Targets},
    prelude::*,
    shape::Features,
    target::Classes,
};

/// A file that is deleted at the end of the test.
struct Temporary {
    _folder: TempDir,
    path: PathBuf,
}

impl Temporary {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.safetensors");
        Temporary {
            _folder: folder,
            path,
        }
    }

    fn with(bytes: &[u8]) -> Self {
        let file = Self::new();
        std::fs::write(&file.path, bytes).unwrap();
        file
    }
}

impl AsRef<Path> for Temporary {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// The samples, in a file.
fn in_file<const I: usize, const C: usize>(
    data: &Dataset<Features<I>, Classes<C>>,
) -> (Temporary, Dataset<Features<I>, Classes<C>>) {
    type Set<const I: usize, const C: usize> = Dataset<Features<I>, Classes<C>>;
    let file = Temporary::new();
    let label = |at: usize| data.label(at).unwrap();
    match data.features() {
        FeatureValues::Bytes { bytes, .. } => {
            let rows = bytes.chunks_exact(I).enumerate().map(Ok);
            let sample = |(at, bytes)| (bytes, label(at));
            Set::<I, C>::write_safetensors_bytes(&file, rows, sample).unwrap();
        }
        FeatureValues::Values(_) => {
            let rows = (0..data.len()).map(Ok);
            let sample = |at| (data.sample(at).unwrap(), label(at));
            Set::<I, C>::write_safetensors(&file, rows, sample).unwrap();
        }
        _ => unreachable!("no other features"),
    }
    let mapped = Set::map_safetensors(&file).unwrap();
    assert!(mapped.features().is_mapped() && !data.features().is_mapped());
    assert!(matches!(mapped.targets(), Targets::Labels(_)));
    (file, mapped)
}
