//! The example `predict` run as a program: PNGs of every kind, and errors in one line.

use std::fs;

use png::{BitDepth, ColorType};

use crate::{
    cli::{example, text},
    pictures,
};

/// One digit as a PNG of each kind: all give the same prediction.
#[test]
fn predict_reads_a_png_of_any_kind() {
    let folder = tempfile::tempdir().unwrap();
    let (pixels, _) = tuplenet::data::Digits::new(5).image(7);
    let ink: Vec<bool> = (0..64 * 64)
        .map(|i| (i / 64, i % 64))
        .map(|(y, x)| y / 2 < 28 && x / 2 < 28 && pixels[y / 2 * 28 + x / 2] > 127)
        .collect();
    let bits = |set: bool| -> Vec<u8> {
        let byte = |eight: &[bool]| {
            eight
                .iter()
                .fold(0, |byte, &ink| byte << 1 | u8::from(ink == set))
        };
        ink.chunks_exact(8).map(byte).collect()
    };
    let samples = |ink_is: &[u8], paper_is: &[u8]| -> Vec<u8> {
        let pixels = ink.iter().map(|&ink| if ink { ink_is } else { paper_is });
        pixels.flatten().copied().collect()
    };
    use BitDepth::{Eight, One, Sixteen};
    use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let read = [
        ("white on black", (Grayscale, One), bits(true)),
        ("black on white", (Grayscale, One), bits(false)),
        ("grey", (Grayscale, Eight), samples(&[0], &[255])),
        ("palette", (Indexed, One), bits(true)),
        ("16 bits", (Grayscale, Sixteen), samples(&[0; 2], &[255; 2])),
        ("colour", (Rgb, Eight), samples(&[0; 3], &[255; 3])),
        (
            "no paper",
            (GrayscaleAlpha, Eight),
            samples(&[0, 255], &[0, 0]),
        ),
        (
            "no paper, colour",
            (Rgba, Eight),
            samples(&[0, 0, 0, 255], &[0; 4]),
        ),
    ]
    .map(|(name, kind, bytes)| {
        let png = folder.path().join("digit.png");
        pictures::save(&png, 64, kind, &[255, 255, 255, 0, 0, 0], &bytes);
        let output = example("predict", &["--image", text(&png)]);
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && out.contains("classified as "),
            "{name}: {out}"
        );
        (name, out)
    });
    for (name, out) in &read {
        assert_eq!(*out, read[0].1, "{name}");
    }
}

#[test]
fn predict_reports_errors_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (image, blank) = (folder.path().join("x.png"), folder.path().join("blank.png"));
    fs::write(&image, b"no image").unwrap();
    let kind = (ColorType::Grayscale, BitDepth::Eight);
    pictures::save(&blank, 30, kind, &[], &[0; 900]);
    for (arguments, code, words) in [
        (
            vec!["--image", text(&image)],
            1,
            "x.png: cannot read the image",
        ),
        (vec!["--image", text(&blank)], 1, "no ink on it"),
        (
            vec!["--image", "/no/such.png"],
            1,
            "/no/such.png: cannot read the image",
        ),
        (
            vec!["--index", "10000"],
            2,
            "index: expected a number below 10000, found 10000",
        ),
        (
            vec!["--index", "0", "--weights", "/no/such.safetensors"],
            1,
            "cannot read the weights",
        ),
        (
            vec!["--index", "0", "--weights", text(&image)],
            1,
            "`header`: expected a safetensors file",
        ),
    ] {
        let output = example("predict", &arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
}
