//! Pictures of square tiles of values, as PNG.

use std::{fs, io, path::Path};

use png::{BitDepth, ColorType, Compression, Encoder, Filter};
use tuplenet::{Error, Result};

/// The side of a tile, in pixels: each value of an image of MNIST is a square of 4 x 4.
const TILE: usize = 4 * 28;
/// The margin around each tile, in pixels.
const GAP: usize = 4;
const PAPER: Rgb = [176; 3];

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

/// The values of a square, a pixel each.
fn tile(values: &[f32], colour: impl Fn(f32) -> Rgb) -> Picture {
    Picture {
        width: values.len().isqrt(),
        pixels: values.iter().map(|&value| colour(value)).collect(),
    }
}

/// The tiles in rows of `columns`, enlarged to the same size.
pub fn sheet(tiles: &[Picture], columns: usize) -> Picture {
    let rows = tiles.len().div_ceil(columns);
    let pitch = TILE + GAP;
    let width = columns * pitch + GAP;
    let mut pixels = vec![PAPER; width * (rows * pitch + GAP)];
    for (index, tile) in tiles.iter().enumerate() {
        let (left, top) = (index % columns * pitch + GAP, index / columns * pitch + GAP);
        for (y, x) in (0..TILE * TILE).map(|i| (i / TILE, i % TILE)) {
            let value = tile.pixels[y * tile.width / TILE * tile.width + x * tile.width / TILE];
            pixels[(top + y) * width + left + x] = value;
        }
    }
    Picture { width, pixels }
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
