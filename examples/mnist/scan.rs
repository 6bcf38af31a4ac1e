//! Converts a PNG of one handwritten digit to MNIST's format.

use std::{fs::File, io, io::BufReader, path::Path};

use png::{ColorType, Decoder, Transformations};
use resize::{Pixel, Type, px::Gray};
use tuplenet::{Error, Result};

/// The side of MNIST's images, and of the centred box that the digit fits into.
const SIDE: usize = 28;
const BOX: usize = 20;
/// Pixels at least this bright, on black, are ink.
const INK: u8 = 61;

/// Grey values, row after row.
struct Grey {
    width: usize,
    pixels: Vec<u8>,
}

/// The digit in a PNG file: white on black, scaled to 20 x 20 and centred in 28 x 28 by its centre of mass.
///
/// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
///
/// # Errors
///
/// [`Error::Io`] if the file does not exist, is not a PNG, or contains no ink.
pub fn read(path: &Path) -> Result<[f32; 784]> {
    let small = open(path)
        .and_then(|image| fit(&ink(image)?))
        .map_err(|source| Error::Io {
            path: path.to_owned(),
            action: "read the image",
            source,
            remedy: "name a PNG file with one digit",
        })?;
    Ok(place(&small))
}

/// Decodes any PNG to grey values; transparent pixels are blended with white.
fn open(path: &Path) -> io::Result<Grey> {
    let mut decoder = Decoder::new(BufReader::new(File::open(path)?));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let too_large = || io::Error::other("the image is too large for this machine");
    let mut bytes = vec![0; reader.output_buffer_size().ok_or_else(too_large)?];
    let frame = reader.next_frame(&mut bytes)?;
    bytes.truncate(frame.buffer_size());
    let pixels = bytes.chunks_exact(frame.color_type.samples());
    let pixels = match frame.color_type {
        ColorType::Grayscale | ColorType::Indexed => bytes,
        ColorType::GrayscaleAlpha => pixels.map(|p| on_paper([p[0]; 3], p[1])).collect(),
        ColorType::Rgb => pixels.map(|p| on_paper([p[0], p[1], p[2]], 255)).collect(),
        ColorType::Rgba => pixels.map(|p| on_paper([p[0], p[1], p[2]], p[3])).collect(),
    };
    Ok(Grey {
        width: frame.width as usize,
        pixels,
    })
}

/// The grey value (ITU-R BT.601) of a colour blended with white by `alpha`.
fn on_paper(colour: [u8; 3], alpha: u8) -> u8 {
    let [r, g, b] = colour.map(f32::from);
    let grey = 0.299 * r + 0.587 * g + 0.114 * b;
    let share = f32::from(alpha) / 255.0;
    (grey * share + 255.0 * (1.0 - share)) as u8
}

/// White ink on black, cropped to the bounding box of the ink.
fn ink(Grey { width, mut pixels }: Grey) -> io::Result<Grey> {
    let height = pixels.len() / width;
    // The border is mostly background: if it is light, the ink is dark.
    let is_border = |x, y| x == 0 || y == 0 || x + 1 == width || y + 1 == height;
    let border = pixels.iter().enumerate();
    let border = border.filter(|(i, _)| is_border(i % width, i / width));
    let (count, sum) = border.fold((0, 0), |(count, sum), (_, &value)| {
        (count + 1, sum + u64::from(value))
    });
    if sum > 127 * count {
        pixels.iter_mut().for_each(|value| *value = 255 - *value);
    }
    let mut places = (0..pixels.len()).filter(|&i| pixels[i] >= INK);
    let none = || io::Error::other("no ink on it");
    let first = places.next().ok_or_else(none)?;
    let (mut left, mut right) = (first % width, first % width);
    let (top, mut bottom) = (first / width, first / width);
    for i in places {
        left = left.min(i % width);
        right = right.max(i % width);
        bottom = i / width;
    }
    let rows = pixels.chunks_exact(width).take(bottom + 1).skip(top);
    Ok(Grey {
        width: right + 1 - left,
        pixels: rows.flat_map(|row| &row[left..=right]).copied().collect(),
    })
}

/// Scales an image to the largest size that fits into the box.
fn fit(image: &Grey) -> io::Result<Grey> {
    let (width, height) = (image.width, image.pixels.len() / image.width);
    let scale = BOX as f32 / width.max(height) as f32;
    let fitted = |length: usize| ((length as f32 * scale).round() as usize).clamp(1, BOX);
    let (to_width, to_height) = (fitted(width), fitted(height));
    let source: Vec<Gray<u8>> = image.pixels.iter().map(|&value| Gray::new(value)).collect();
    let mut small = vec![Gray::new(0); to_width * to_height];
    resize::new(
        width,
        height,
        to_width,
        to_height,
        Pixel::Gray8,
        Type::Triangle,
    )
    .and_then(|mut resizer| resizer.resize(&source, &mut small))
    .map_err(io::Error::other)?;
    Ok(Grey {
        width: to_width,
        pixels: small.iter().map(|pixel| pixel.value()).collect(),
    })
}

/// Places a smaller image in MNIST's, centred by its centre of mass.
fn place(Grey { width, pixels }: &Grey) -> [f32; 784] {
    let (mut mass, mut across, mut down) = (0.0, 0.0, 0.0);
    for (i, &value) in pixels.iter().enumerate() {
        let value = f32::from(value);
        mass += value;
        across += value * (i % width) as f32;
        down += value * (i / width) as f32;
    }
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let first = |moment: f32| (middle - moment / mass.max(1.0)).round() as isize;
    let (left, top) = (first(across), first(down));
    let mut placed = [0.0; SIDE * SIDE];
    for (i, &value) in pixels.iter().enumerate() {
        let (x, y) = (left + (i % width) as isize, top + (i / width) as isize);
        let inside = 0..SIDE as isize;
        if inside.contains(&x) && inside.contains(&y) {
            placed[y as usize * SIDE + x as usize] = f32::from(value) / 255.0;
        }
    }
    placed
}
