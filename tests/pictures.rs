//! PNG files read and written by the examples.

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    path::Path,
};

use png::{BitDepth, ColorType, Decoder, Encoder};

/// Pixels in row-major order.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) pixels: Vec<[u8; 3]>,
}

impl Picture {
    pub(crate) fn load(path: &Path) -> Self {
        let mut reader = Decoder::new(BufReader::new(File::open(path).unwrap()))
            .read_info()
            .unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(frame.color_type, ColorType::Rgb);
        assert_eq!(frame.bit_depth, BitDepth::Eight);
        Picture {
            width: frame.width as usize,
            pixels: bytes.as_chunks().0.to_vec(),
        }
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.pixels.len() / self.width)
    }
}

/// Writes `bytes` as a square PNG of `side` pixels with this colour type; an indexed image has `palette`.
pub(crate) fn save(
    path: &Path,
    side: usize,
    (color, depth): (ColorType, BitDepth),
    palette: &'static [u8],
    bytes: &[u8],
) {
    let file = BufWriter::new(File::create(path).unwrap());
    let mut encoder = Encoder::new(file, side as u32, side as u32);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette(palette);
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(bytes).unwrap();
}
