//! Pictures of 28 x 28 values, as PNG.

use std::{fs, io, path::Path};

use png::{BitDepth, ColorType, Compression, Encoder, Filter};
use tuplenet::{Error, Result, models::MnistClassifier, prelude::*};

/// The side of a tile, in values.
const SIDE: usize = 28;
/// The side of the square of pixels that shows one value.
const ENLARGED: usize = 4;
/// The margin around each tile, in pixels.
const GAP: usize = 4;
const PAPER: Rgb = [176; 3];

/// The maximum number of units in [`first_layer`].
const UNITS: usize = 100;
/// The fraction of the weights within the colour scale: without clipping, a few outliers would leave the others white.
const NOT_CUT: f32 = 0.995;

type Rgb = [u8; 3];

/// Pixels in row-major order.
pub struct Picture {
    width: usize,
    pixels: Vec<Rgb>,
}

/// From 0, black, to 1, white.
pub fn grey(values: &[f32]) -> Picture {
    tile(values, |value| {
        [(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3]
    })
}

/// From `-largest`, blue, over 0, white, to `largest`, red.
///
/// Source of the colours: C. Brewer, ColorBrewer 2.0, `RdBu`.
pub fn diverging(values: &[f32], largest: f32) -> Picture {
    const RED: [f32; 3] = [178.0, 24.0, 43.0];
    const BLUE: [f32; 3] = [33.0, 102.0, 172.0];
    tile(values, |value| {
        let end = if value > 0.0 { RED } else { BLUE };
        let share = (value.abs() / largest.max(f32::MIN_POSITIVE)).min(1.0);
        end.map(|colour| (255.0 + (colour - 255.0) * share).round() as u8)
    })
}

/// The largest absolute value.
pub fn largest(values: &[f32]) -> f32 {
    values
        .iter()
        .fold(0.0, |largest, value| largest.max(value.abs()))
}

fn tile(values: &[f32], colour: impl Fn(f32) -> Rgb) -> Picture {
    Picture {
        width: SIDE,
        pixels: values.iter().map(|&value| colour(value)).collect(),
    }
}

/// The tiles in rows of `columns`, enlarged.
pub fn sheet(tiles: &[Picture], columns: usize) -> Picture {
    let rows = tiles.len().div_ceil(columns);
    let side = SIDE * ENLARGED;
    let pitch = side + GAP;
    let width = columns * pitch + GAP;
    let mut pixels = vec![PAPER; width * (rows * pitch + GAP)];
    for (index, tile) in tiles.iter().enumerate() {
        let (left, top) = (index % columns * pitch + GAP, index / columns * pitch + GAP);
        for (y, x) in (0..side * side).map(|i| (i / side, i % side)) {
            let value = tile.pixels[y / ENLARGED * SIDE + x / ENLARGED];
            pixels[(top + y) * width + left + x] = value;
        }
    }
    Picture { width, pixels }
}

/// The weights of the strongest hidden units, a tile each, on a common scale that clips outliers.
///
/// A unit's strength is the norm of its incoming weights times the norm of its outgoing weights. As ReLU is positively
/// homogeneous, a factor can move from one to the other without changing the function or this product.
pub fn first_layer<const H: usize>(weights: &Weights<MnistClassifier<H>>) -> Picture {
    let (incoming, rest) = weights.as_slice().split_at(784 * H);
    let outgoing = &rest[H..];
    let length = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
    let mut units: Vec<(f32, &[f32])> = incoming
        .chunks_exact(784)
        .enumerate()
        .map(|(unit, row)| {
            let mut column = outgoing.iter().skip(unit).step_by(H).copied().take(10);
            let strength = length(&mut row.iter().copied()) * length(&mut column);
            (strength, row)
        })
        .collect();
    units.sort_by(|a, b| b.0.total_cmp(&a.0));
    units.truncate(UNITS);
    let scale = quantile(units.iter().flat_map(|(_, row)| *row), NOT_CUT);
    let tiles: Vec<Picture> = units.iter().map(|(_, row)| diverging(row, scale)).collect();
    sheet(&tiles, columns(tiles.len()))
}

/// The quantile `share` of the absolute values other than 0.
fn quantile<'a>(values: impl Iterator<Item = &'a f32>, share: f32) -> f32 {
    let sizes = values.map(|value| value.abs()).filter(|&size| size > 0.0);
    let mut sizes: Vec<f32> = sizes.collect();
    sizes.sort_by(f32::total_cmp);
    let last = sizes.len().saturating_sub(1);
    let at = (last as f32 * share).ceil() as usize;
    sizes.get(at).copied().unwrap_or_default()
}

/// The number of columns from 8 to 12 that leaves the fewest empty tiles in the last row.
fn columns(tiles: usize) -> usize {
    let empty = |columns: &usize| tiles.next_multiple_of(*columns) - tiles;
    (8..=12).rev().min_by_key(empty).unwrap_or(10)
}

/// Writes a PNG file.
pub fn save(picture: &Picture, path: &Path) -> Result<()> {
    encoded(picture)
        .map_err(io::Error::from)
        .and_then(|png| fs::write(path, png))
        .map_err(|source| unwritable(path, source))
}

fn encoded(Picture { width, pixels }: &Picture) -> Result<Vec<u8>, png::EncodingError> {
    let mut png = Vec::new();
    let height = pixels.len() / width;
    let mut encoder = Encoder::new(&mut png, *width as u32, height as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    // Enlarged values repeat unchanged: without a filter the file is two thirds of the size.
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels.as_flattened())?;
    writer.finish()?;
    Ok(png)
}

pub fn unwritable(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        action: "write the pictures",
        source,
        remedy: "name a folder with `--out` that can be written",
    }
}
