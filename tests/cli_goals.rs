//! The examples `speedrun` and `best` run as programs.

use std::fs;

use crate::cli::{example, folder_with, text};

#[test]
fn speedrun_and_best_without_mnist_name_a_remedy() {
    for (arguments, code, words) in [
        (vec![], 1, "name a folder with `--data`"),
        (vec!["--data", "/no/such"], 1, "/no/such"),
        (vec!["--seeds", "0"], 2, "--seeds"),
        (
            vec!["--threads", "0"],
            2,
            "threads: expected 1 or more, found 0",
        ),
    ] {
        for name in ["speedrun", "best"] {
            let output = example(name, &arguments);
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                output.status.code(),
                Some(code),
                "{name} {arguments:?}: {text}"
            );
            assert!(
                text.starts_with("error: ") && text.contains(words),
                "{text}"
            );
            assert!(code == 2 || text.trim_end().lines().count() == 1, "{text}");
        }
    }
}

/// MNIST's files with blank images of one class: a network of images is trained, and every image is classified correctly.
#[test]
fn speedrun_and_best_train_convolutions() {
    let folder = folder_with("x", b"");
    let json = folder.path().join("best.json");
    let arguments = [
        "--network",
        "conv",
        "--seeds",
        "1",
        "--epochs",
        "1",
        "--data",
    ];
    let arguments = [&arguments[..], &[text(folder.path())]].concat();
    let output = example("speedrun", &arguments);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}");
    assert!(
        out.contains("\nconvolutions of 16 and 32 features, 18378 parameters")
            && out.contains("seed   0  100.00 %"),
        "{out}"
    );

    // Augmenting and training on all 60,000 images would take twenty times as long.
    let more = ["--images", "3000", "--json", text(&json)];
    let output = example("best", &[&arguments[..], &more].concat());
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}");
    assert!(out.contains("seed   0  0.00 % misclassified (0)"), "{out}");
    let results: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    // 32 x 26 + 64 x 289 + 64 x 577 + 128 x 577 + 128 x 1153, two for each of 416 features, and 2049 x 10
    assert_eq!(results["parameters"], 299_018);
    assert_eq!(results["published_error"], 0.004);

    for name in ["speedrun", "best"] {
        assert_eq!(
            example(name, &["--network", "magic"]).status.code(),
            Some(2)
        );
    }
}
