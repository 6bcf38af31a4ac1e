//! The examples with a network of images: `mnist` trains and resumes it, `predict` and `explain` recognise it in a file.

use std::{fs, path::Path};

use tuplenet::{
    metrics::argmax,
    models::{LeNet, MnistClassifier, ResNet8},
    prelude::*,
    shape::Image,
};

use crate::{
    cli::{example, folder_of_bars, folder_with, refuses, text},
    pictures::Picture,
};

const RED: [u8; 3] = [178, 24, 43];
const WHITE: [u8; 3] = [255; 3];

/// Runs an example and returns its output.
fn run(name: &str, arguments: &[&str]) -> String {
    let output = example(name, arguments);
    let out = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success(),
        "{name} {arguments:?}: {out}{errors}"
    );
    out
}

/// Trains LeNet, with all output files in `folder`, and returns the summary.
fn train(folder: &Path, more: &[&str]) -> serde_json::Value {
    let file = |name: &str| text(&folder.join(name)).to_owned();
    let files = ["save", "plot", "json", "run"].map(|name| (format!("--{name}"), file(name)));
    let mut arguments = vec!["--network", "lenet"];
    for (option, file) in &files {
        arguments.extend([option.as_str(), file]);
    }
    arguments.extend(more);
    let out = run("mnist", &arguments);
    assert!(out.contains(" 3  Conv2d          [B, 16, 10, 10]"), "{out}");
    serde_json::from_slice(&fs::read(folder.join("json")).unwrap()).unwrap()
}

/// The format is that of the file's name: the same run writes the same weights in both.
#[test]
fn a_name_of_onnx_saves_the_network() {
    let (digits, folder) = (folder_of_bars(), tempfile::tempdir().unwrap());
    let [weights, onnx] = ["net.safetensors", "net.onnx"].map(|name| {
        let file = |name: &str| text(&folder.path().join(name)).to_owned();
        let files = ["plot.svg", "run", name].map(file);
        let [plot, run_folder, save] = &files;
        let mut arguments = vec![
            "--data",
            text(digits.path()),
            "--hidden",
            "32",
            "--epochs",
            "1",
        ];
        arguments.extend(["--plot", plot, "--run", run_folder, "--save", save]);
        let out = run("mnist", &arguments);
        assert!(out.contains(&format!("weights {save}\n")), "{out}");
        fs::read(save).unwrap()
    });
    let weights = Weights::<MnistClassifier<32>>::from_bytes(&weights).unwrap();
    let has = |bytes: &[u8]| onnx.windows(bytes.len()).any(|part| part == bytes);
    for tensor in weights.tensors() {
        let values: Vec<u8> = tensor
            .values
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect();
        assert!(
            has(tensor.name.as_bytes()) && has(&values),
            "{}",
            tensor.name
        );
    }
    assert!(has(b"Gemm") && has(b"logits"));
}

/// One epoch of built-in digits, on which LeNet is better than the default network; then its file is recognised.
#[test]
fn lenet_is_trained_saved_and_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--built-in", "--epochs", "1", "--validation", "1000"];
    let schedule = [
        "--schedule",
        "one-cycle",
        "--lr",
        "0.005",
        "--clip-norm",
        "5",
    ];
    let summary = train(folder.path(), &[&more[..], &schedule].concat());
    assert_eq!(
        (&summary["network"], &summary["hidden"]),
        (&"lenet".into(), &serde_json::Value::Null)
    );
    assert!(
        summary["test_accuracy"].as_f64().unwrap() > 0.93,
        "{summary}"
    );
    assert!(summary["validation_losses"][0].is_number(), "{summary}");
    let file = folder.path().join("save");
    let weights = Weights::<LeNet>::load(&file).unwrap();
    assert_eq!(summary["weights_sha256"], weights.sha256());

    let net = Fused::<LeNet>::new(weights).unwrap();
    let digits = Digits::new(u64::MAX)
        .dataset::<Image<1, 28, 28>>(0..4)
        .unwrap();
    for index in 0..digits.len() {
        let expected = argmax(&net.predict(&digits.sample(index).unwrap()).unwrap());
        let label = digits.label(index).unwrap();
        for engine in ["fused", "dfdx"] {
            let number = index.to_string();
            let out = run(
                "predict",
                &[
                    "--engine",
                    engine,
                    "--weights",
                    text(&file),
                    "--index",
                    &number,
                ],
            );
            assert!(out.contains(&format!("engine {engine} on cpu")), "{out}");
            assert!(
                out.contains(&format!("classified as {expected}, is a {label}")),
                "{out}"
            );
        }
    }

    let pictures = folder.path().join("pictures");
    let out = run(
        "explain",
        &[
            "--weights",
            text(&file),
            "--out",
            text(&pictures),
            "--count",
            "1",
        ],
    );
    // on the same test digits as `mnist` with seed 0
    let accuracy = summary["test_accuracy"].as_f64().unwrap() * 100.0;
    assert!(out.contains(&format!("accuracy {accuracy:.2} %")), "{out}");
    let sizes: Vec<_> = out
        .lines()
        .filter(|line| line.ends_with(".png"))
        .map(|path| Picture::load(path.as_ref()).size())
        .collect();
    // 6 kernels; image, saliency and integrated gradients for two classes; image and 6 feature maps
    assert_eq!(sizes, [(700, 120), (352, 236), (816, 120)], "{out}");
}

/// A ResNet's file is recognised. (A training of it takes long; LeNet's runs the same code.)
#[test]
fn resnet_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resnet.safetensors");
    let mut weights = Weights::<ResNet8<1, 28, 28, 10>>::init(1);
    // Every batch normalisation is 0.1 x + 1: every ReLU gets positive values and is linear there, so that the integrated
    // gradients need few steps.
    for value in weights.as_mut_slice() {
        *value = match *value {
            1.0 => 0.1,
            0.0 => 1.0,
            other => other,
        };
    }
    weights.save(&file).unwrap();
    let digits = Digits::new(u64::MAX)
        .dataset::<Image<1, 28, 28>>(0..1)
        .unwrap();
    let logits = Fused::new(weights)
        .unwrap()
        .predict(&digits.sample(0).unwrap());
    let arguments = ["--weights", text(&file), "--index", "0"];
    let out = run("predict", &arguments);
    let expected = argmax(&logits.unwrap());
    assert!(
        out.contains(&format!("classified as {expected}, is a ")),
        "{out}"
    );
    let pictures = folder.path().join("pictures");
    let more = ["--out", text(&pictures), "--class", "1"];
    let out = run("explain", &[&arguments[..], &more].concat());
    let sizes: Vec<_> = out
        .lines()
        .filter(|line| line.ends_with(".png"))
        .map(|path| Picture::load(path.as_ref()).size())
        .collect();
    // 16 kernels in two rows of 8; image, saliency and integrated gradients; image and 16 feature maps in two rows of 9
    assert_eq!(sizes, [(932, 236), (352, 120), (1048, 236)], "{out}");
}

/// A training that is interrupted after its first epoch, with a checkpoint, gives the result of one that is not.
#[test]
fn lenet_resumes_from_a_checkpoint_and_other_networks_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    let data = folder_of_bars();
    let common = [
        "--data",
        text(data.path()),
        "--batch",
        "500",
        "--checkpoint",
        text(&checkpoints),
        "--resume",
    ];
    let two_epochs = [&common[..], &["--epochs", "2"]].concat();
    let whole = train(folder.path(), &two_epochs);
    // as if it had been killed in the second epoch
    fs::remove_file(checkpoints.join("checkpoint-000000000240.safetensors")).unwrap();
    let resumed = train(folder.path(), &two_epochs);
    let run: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("run/run.json")).unwrap()).unwrap();
    assert_eq!(run["resumed_after_steps"], 120);
    assert_eq!(resumed["weights_sha256"], whole["weights_sha256"]);

    let files = ["w", "p"].map(|name| folder.path().join(name));
    let outputs = ["--save", text(&files[0]), "--plot", text(&files[1])];
    refuses(
        &[&common[..], &outputs, &["--epochs", "3", "--hidden", "32"]].concat(),
        1,
        &["error: ", text(&checkpoints), "network"],
    );
}

/// MNIST's files with blank images of one class.
#[test]
fn lenet_is_trained_on_augmented_mnist() {
    let data = folder_with("x", b"");
    let folder = tempfile::tempdir().unwrap();
    let more = ["--augment", "--epochs", "1", "--data", text(data.path())];
    let summary = train(folder.path(), &more);
    let settings = fs::read_to_string(folder.path().join("run/run.json")).unwrap();
    assert!(
        settings.contains("Distortion { rotation_degrees: 10.0"),
        "{settings}"
    );
    assert_eq!(
        (&summary["data"], &summary["test_accuracy"]),
        (&"mnist".into(), &1.0.into())
    );
}

#[test]
fn options_of_another_network_and_unknown_networks_exit_with_2() {
    for network in ["lenet", "resnet"] {
        let message = format!("error: hidden: expected none with the network {network}, found 32");
        refuses(&["--network", network, "--hidden", "32"], 2, &[&message]);
    }
    assert_eq!(
        example("mnist", &["--network", "magic"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_file_of_another_network_of_images_is_refused() {
    type Wider = (Image<1, 28, 28>, Conv2d<1, 8, 5>, Flatten, LazyLinear<10>);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wider.safetensors");
    Weights::<Wider>::zeros().save(&file).unwrap();
    for name in ["predict", "explain"] {
        let output = example(name, &["--weights", text(&file), "--index", "0"]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        let words = "`0.weight`: expected F32 [6, 1, 5, 5], found F32 [8, 1, 5, 5]";
        assert!(errors.contains(words), "{name}: {errors}");
    }
}

/// Parameter `index` of the tensor `name` in the layout of the weights.
fn place(name: &str, index: usize) -> usize {
    let weights = Weights::<LeNet>::zeros();
    let before = weights.tensors().take_while(|tensor| tensor.name != name);
    before.map(|tensor| tensor.values.len()).sum::<usize>() + index
}

/// A LeNet that passes one feature on: the logit of class 2 is the brightest of the 4 x 4 pixels from row and column 12,
/// as two convolutions copy their input and both poolings take maxima. Its pictures are known.
#[test]
fn the_pictures_of_a_known_lenet_are_correct() {
    let block = |at: usize| (12..16).contains(&(at / 28)) && (12..16).contains(&(at % 28));
    let (index, pixels, brightest) = (0..1000)
        .find_map(|index| {
            let (pixels, _) = Digits::new(u64::MAX).image(index);
            let inside = (0..784).filter(|&at| block(at));
            let brightest = inside.clone().max_by_key(|&at| pixels[at]).unwrap();
            let equals = inside.filter(|&at| pixels[at] == pixels[brightest]).count();
            (pixels[brightest] > 100 && equals == 1).then_some((index, pixels, brightest))
        })
        .unwrap();
    let mut weights = Weights::<LeNet>::zeros();
    let centre = 12;
    for (name, at) in [
        ("0.weight", centre),
        ("3.weight", centre),
        ("7.weight", 2 * 5 + 2),
        ("9.weight", 0),
        ("11.weight", 2 * 84),
    ] {
        weights.as_mut_slice()[place(name, at)] = 1.0;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.safetensors");
    weights.save(&file).unwrap();
    let number = index.to_string();
    let arguments = ["--weights", text(&file), "--out", text(folder.path())];
    run(
        "explain",
        &[&arguments[..], &["--index", &number, "--class", "2"]].concat(),
    );

    let picture = |name: String| Picture::load(&folder.path().join(name));
    let (kernels, digit, maps) = (
        picture("weights.png".to_owned()),
        picture(format!("digit-{index}.png")),
        picture(format!("maps-{index}.png")),
    );
    let most = *pixels.iter().max().unwrap();
    for (at, &pixel) in pixels.iter().enumerate() {
        assert_eq!(colour(&digit, 28, 0, at), [pixel; 3], "pixel {at}");
        let expected = if at == brightest { RED } else { WHITE };
        assert_eq!(colour(&digit, 28, 1, at), expected, "saliency {at}");
        assert_eq!(colour(&digit, 28, 2, at), expected, "integrated {at}");
        // maps have a common scale up to their largest value
        let scaled = (f32::from(pixel) / f32::from(most) * 255.0).round() as u8;
        let [map, second] = [1, 2].map(|tile| colour(&maps, 28, tile, at));
        assert!(map[0].abs_diff(scaled) <= 1, "map {at}: {map:?}, {scaled}");
        assert_eq!(second, [0; 3], "map {at}");
    }
    for at in 0..25 {
        let expected = if at == centre { RED } else { WHITE };
        assert_eq!(colour(&kernels, 5, 0, at), expected, "weight {at}");
        assert_eq!(colour(&kernels, 5, 1, at), WHITE, "weight {at}");
    }
}

/// The colour of value `index` of a tile of the first row: `side` x `side` values in 112 x 112 pixels, with 4 around each
/// tile.
fn colour(picture: &Picture, side: usize, tile: usize, index: usize) -> [u8; 3] {
    let middle = |value: usize| (2 * value + 1) * 112 / (2 * side);
    let (x, y) = (
        4 + tile * 116 + middle(index % side),
        4 + middle(index / side),
    );
    picture.pixels[y * picture.width + x]
}
