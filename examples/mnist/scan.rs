//! Converts a PNG of one handwritten digit to MNIST's format.

use std::{fs::File, io, io::BufReader, path::Path};

use png::{ColorType, Decoder, Transformations};
use tuplenet::{Error, Result, mnist_format};

/// Grey values, row after row.
struct Grey {
    width: usize,
    pixels: Vec<u8>,
}

/// The digit in a PNG file, by [`mnist_format::of_drawing`].
///
/// # Errors
///
/// [`Error::Io`] if the file does not exist, is not a PNG, or contains no ink.
pub fn read(path: &Path) -> Result<[f32; 784]> {
    let digit = open(path).and_then(|image| {
        let Grey { width, pixels } = ink(image);
        let digit = mnist_format::of_drawing(&pixels, width);
        digit.ok_or_else(|| io::Error::other("no ink on it"))
    });
    digit.map_err(|source| Error::Io {
        path: path.to_owned(),
        action: "read the image",
        source,
        remedy: "name a PNG file with one digit",
    })
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

/// White ink on black.
fn ink(Grey { width, mut pixels }: Grey) -> Grey {
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
    Grey { width, pixels }
}
