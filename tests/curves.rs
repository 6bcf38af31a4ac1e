//! The training curves plotted by the example `mnist`, and the tests of its axes.

#[path = "../examples/mnist/axis.rs"]
mod axis;
#[path = "../examples/mnist/curve.rs"]
mod curve;

use std::{fs, path::Path};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use tuplenet::train::History;

/// A training of `epochs` epochs of four points, with the given learning rate and validation loss.
fn history(epochs: usize, rate: fn(usize) -> f64, is_validated: bool) -> History {
    let progress = (0..4 * epochs).map(|at| {
        json!({
            "epoch": at / 4 + 1, "samples_done": 25 * (at % 4 + 1), "samples": 100, "steps": at + 1,
            "loss": 2.0 / (at + 1) as f64, "learning_rate": rate(at),
        })
    });
    let reports = (1..=epochs).map(|epoch| {
        let loss = 1.0 / epoch as f64;
        json!({
            "epoch": epoch, "train_loss": loss, "validation_loss": is_validated.then_some(loss),
            "validation_accuracy": is_validated.then_some(0.9), "train_seconds": 1.0,
            "samples_per_second": 100.0,
        })
    });
    let (progress, reports): (Vec<_>, Vec<_>) = (progress.collect(), reports.collect());
    let history = json!({ "epochs": reports, "progress": progress, "best_epoch": null });
    serde_json::from_value(history).unwrap()
}

/// The text elements of a plot, in order.
fn texts(svg: &str) -> Vec<String> {
    let texts = svg.split("<text").skip(1);
    let texts = texts.filter_map(|text| text.split_once('>')?.1.split_once("</text>"));
    texts.map(|(text, _)| text.trim().to_owned()).collect()
}

#[test]
fn epoch_ticks_are_integers_and_a_constant_learning_rate_is_in_the_title() {
    let svg = curve::draw(&history(5, |_| 0.001, false)).unwrap();
    let texts = texts(&svg);
    assert_eq!(texts[0], "loss (logarithmic), at a learning rate of 0.001");
    let epochs: Vec<&str> = texts.iter().map(String::as_str).collect();
    let axis = ["0", "1", "2", "3", "4", "5"];
    assert!(epochs.windows(6).any(|labels| labels == axis), "{texts:?}");
    assert!(!texts.iter().any(|text| text.starts_with("validation")));
    assert!(!texts.iter().any(|text| text == "learning rate"));
}

#[test]
fn schedule_and_validation_have_a_panel_each() {
    let svg = curve::draw(&history(3, |step| 0.1 / (step + 1) as f64, true)).unwrap();
    let texts = texts(&svg);
    for title in [
        "loss (logarithmic)",
        "validation accuracy, %",
        "learning rate",
    ] {
        assert!(texts.iter().any(|text| text == title), "{title}: {texts:?}");
    }
    // One epoch has a single accuracy, which is not plotted.
    let svg = curve::draw(&history(1, |_| 0.1, true)).unwrap();
    assert!(!svg.contains("accuracy") && svg.contains("validation"));
    // A training that was stopped immediately is plotted as well.
    assert!(
        curve::draw(&history(0, |_| 0.1, true))
            .unwrap()
            .contains("<svg")
    );
}

/// README.md links files; docs.rs has no files, so the crate's documentation embeds the same pictures under the same names.
#[test]
fn the_crate_documentation_embeds_the_pictures_of_readme() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
    let (readme, inline) = (read("README.md"), read("README-pictures.md"));
    let definition = |line: &str| {
        let (name, target) = line.strip_prefix('[')?.split_once("]: ")?;
        Some((name.to_owned(), target.to_owned()))
    };
    let named: Vec<_> = readme.lines().filter_map(definition).collect();
    let in_text: Vec<_> = inline.lines().filter_map(definition).collect();
    assert!(named.len() >= 4, "{named:?}");
    assert_eq!(named.len(), in_text.len());
    for ((name, path), (same_name, data)) in named.iter().zip(&in_text) {
        assert_eq!(name, same_name);
        assert!(readme.contains(&format!("][{name}]")), "{name} is shown");
        let kind = match path.ends_with(".svg") {
            true => "image/svg+xml",
            false => "image/png",
        };
        let data = data.strip_prefix(&format!("data:{kind};base64,")).unwrap();
        let picture = fs::read(folder.join(path)).unwrap();
        assert!(
            BASE64_STANDARD.decode(data).unwrap() == picture,
            "{path}: run scripts/pictures"
        );
    }
}
