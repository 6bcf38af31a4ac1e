//! The data sets: the first of an endless stream of built-in digits, kept in a file, as eight million take minutes to draw.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use tuplenet::{data::Digits, prelude::*, shape::Features, target::Classes};

use crate::Result;

const PIXELS: usize = 784;
/// Digits that are drawn at once.
const PART: usize = 100_000;
const SEED: u64 = 1;

/// Draws the digits that are missing in the file.
pub fn draw(folder: &Path, count: usize) -> Result<()> {
    fs::create_dir_all(folder)?;
    let [pixels, labels] = paths(folder);
    // labels are written after their pixels
    let mut done = labels
        .metadata()
        .map_or(0, |metadata| metadata.len() as usize);
    let [mut pixels, mut labels] = [pixels, labels].map(|path| {
        let mut options = OpenOptions::new();
        options.create(true).append(true).open(path)
    });
    let (pixels, labels) = (pixels.as_mut(), labels.as_mut());
    let (Ok(pixels), Ok(labels)) = (pixels, labels) else {
        return Err(format!("{}: cannot write", folder.display()).into());
    };
    pixels.set_len((done * PIXELS) as u64)?;
    while done < count {
        let end = (done + PART).min(count);
        let (bytes, classes) = Digits::new(SEED).images(done as u64..end as u64);
        pixels.write_all(&bytes)?;
        labels.write_all(&classes)?;
        done = end;
        eprintln!("{done} of {count} digits");
    }
    Ok(())
}

/// The first digits as a data set.
pub fn load(folder: &Path, count: usize) -> Result<Dataset<Features<PIXELS>, Classes<10>>> {
    let [pixels, labels] = paths(folder);
    let pixels = read(&pixels, count * PIXELS)?;
    Ok(Dataset::from_bytes(
        pixels,
        1.0 / 255.0,
        read(&labels, count)?,
    )?)
}

/// The beginning of a file, in a buffer of exactly this size.
fn read(path: &Path, len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    File::open(path)?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn paths(folder: &Path) -> [PathBuf; 2] {
    ["digits.pixels", "digits.labels"].map(|name| folder.join(name))
}
