//! Public tables: as accurate as scikit-learn and PyTorch, by cross-validation.

use std::{fs, path::Path};

use serde_json::Value;
use tuplenet::{
    data::{Csv, DataFor, Numbers, Targets, TrainingData, TrainingSet},
    engine::Processor,
    label::Label,
    metrics::Evaluate,
    objective::TargetOf,
    prelude::*,
    shape::{Features, Image},
    target::{Target, Values},
    train::in_parallel,
};

use crate::{
    cli::example,
    csv::scikit_learn::{classified, diabetes, digits, tables},
};

/// A file of the repository.
fn file(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn reference() -> Value {
    serde_json::from_slice(&fs::read(file("tests/reference/diagnose.json")).unwrap()).unwrap()
}

/// The fold of each tumour by tuplenet, which `tests/reference/diagnose.py` reads; `FOLDS=write` writes them there.
#[test]
fn the_folds_are_those_of_the_reference() {
    tuplenet::classes! {
        enum Diagnosis {
            Malignant = "M",
            Benign = "B",
        }
    }
    let path = file("examples/data/breast-cancer-wisconsin.csv");
    let rows = Csv::new(path)
        .records::<(Diagnosis, Numbers<30>)>()
        .unwrap();
    let data =
        Dataset::<Features<30>, Diagnosis>::try_from_records(rows, |(diagnosis, numbers)| {
            (numbers.0, diagnosis)
        });
    let data = data.unwrap();
    let count = |label| {
        (0..data.len())
            .filter(|&at| data.class(at) == Some(label))
            .count()
    };
    assert_eq!(
        Diagnosis::ALL
            .iter()
            .map(|&label| count(label))
            .collect::<Vec<_>>(),
        [212, 357]
    );

    // tumours are distinct, so their features say which they are
    let samples: Vec<[f32; 30]> = (0..data.len()).map(|at| data.sample(at).unwrap()).collect();
    let mut folds = vec![10; data.len()];
    for (fold, (_, test)) in data.folds(10, 0).unwrap().enumerate() {
        for at in 0..test.dataset().len() {
            let sample = test.dataset().sample(at).unwrap();
            folds[samples.iter().position(|other| *other == sample).unwrap()] = fold;
        }
    }
    let path = file("tests/reference/diagnose.json");
    let mut json: Value =
        fs::read(&path).map_or(Value::Null, |file| serde_json::from_slice(&file).unwrap());
    if std::env::var("FOLDS").is_ok_and(|value| value == "write") {
        json["folds"] = folds.clone().into();
        fs::write(path, format!("{json}\n")).unwrap();
    }
    assert_eq!(json["folds"], Value::from(folds));
}

/// The example's mean accuracy over ten folds, against scikit-learn's and PyTorch's on the same folds.
#[test]
fn diagnose_is_as_accurate_as_scikit_learn_and_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let output = example("diagnose", &["--out", folder.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let mean = text
        .lines()
        .find(|line| line.starts_with("mean  "))
        .unwrap();
    let numbers: Vec<f64> = mean
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [accuracy, area] = numbers[..] else {
        panic!("{mean}")
    };
    assert!(accuracy >= 97.0 && area >= 0.99, "{mean}");
    let reference = reference();
    for library in ["sklearn", "torch"] {
        let theirs = |what: &str| reference[library][what].as_f64().unwrap();
        assert!(
            (accuracy - 100.0 * theirs("accuracy")).abs() <= 0.5,
            "{mean}; {library}"
        );
        assert!(
            (area - theirs("roc_auc")).abs() <= 0.005,
            "{mean}; {library}"
        );
    }
    for picture in ["roc.svg", "calibration.svg"] {
        let svg = fs::read_to_string(folder.path().join(picture)).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.contains("polyline"),
            "{picture}"
        );
    }
    assert!(
        text.contains("the first tumour, which is M: M, with a probability of"),
        "{text}"
    );
}

#[test]
fn diagnose_names_what_is_wrong_with_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tumours.csv");
    let shipped = fs::read_to_string(file("examples/data/breast-cancer-wisconsin.csv")).unwrap();
    for (from, to, words) in [
        (
            "\nM,17.99",
            "\nX,17.99",
            "line 2, column `diagnosis`: expected one of `M`, `B`, found `X`",
        ),
        (
            "17.99",
            "much",
            "line 2, column `mean radius`: expected a number, found `much`",
        ),
        (
            "worst area",
            "area",
            "line 1: expected one column `worst area`",
        ),
    ] {
        fs::write(&path, shipped.replacen(from, to, 1)).unwrap();
        let output = example("diagnose", &["--data", path.to_str().unwrap()]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.starts_with("error: ") && text.contains(words),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

/// The mean over `folds` folds of what `score` says of a network that was trained on the others.
fn cross_validate<N: Network, T, L>(
    folds: usize,
    trainer: impl Fn() -> Trainer<'static, L> + Sync,
    data: &Dataset<N::In, T>,
    score: impl Fn(&T::Evaluation) -> f64 + Sync,
) -> f64
where
    T: Target + Evaluate + TargetOf<L>,
    TrainingSet<N::In, T>: TrainingData<N::In, N::Output, Target = T>,
    tuplenet::data::TestSet<N::In, T>: DataFor<N::In, N::Output, Target = T>,
{
    let folds: Vec<_> = data.folds(folds, 0).unwrap().collect();
    let scores = in_parallel(folds.len(), |fold| {
        let (training, test) = &folds[fold];
        let one_thread = Processor::detect().threads(1);
        let mut net = Fused::<N>::on(one_thread, Weights::<N>::init(fold as u64))?;
        trainer().fit(&mut net, training)?;
        Ok(score(&net.evaluate(test)?))
    });
    let scores = scores.unwrap();
    scores.iter().sum::<f64>() / scores.len() as f64
}

fn trainer(epochs: usize, batch: usize, learning_rate: f64) -> Trainer<'static> {
    let adam = AdamW {
        learning_rate,
        weight_decay: 0.1,
        ..AdamW::default()
    };
    Trainer::new(adam)
        .schedule(Cosine::default())
        .epochs(epochs)
        .batch(batch)
}

#[test]
fn flowers_and_wines_are_told_apart() {
    let Some(folder) = tables("flowers_and_wines_are_told_apart") else {
        return;
    };
    type Iris = (Standardize<4>, Linear<4, 16>, Tanh, Linear<16, 3>);
    let iris = classified::<4, 3>(folder.join("iris.csv"));
    let accuracy =
        cross_validate::<Iris, _, _>(10, || trainer(60, 16, 0.01), &iris, |it| it.accuracy());
    assert!(accuracy >= 0.95, "iris: {accuracy}");
    type Wine = (Standardize<13>, Linear<13, 16>, ReLU, Linear<16, 3>);
    let wine = classified::<13, 3>(folder.join("wine_data.csv"));
    let accuracy =
        cross_validate::<Wine, _, _>(10, || trainer(40, 16, 0.01), &wine, |it| it.accuracy());
    assert!(accuracy >= 0.97, "wine: {accuracy}");
}

#[test]
fn digits_of_64_pixels_are_told_apart() {
    let Some(folder) = tables("digits_of_64_pixels_are_told_apart") else {
        return;
    };
    let digits = digits(&folder);
    type Mlp = (
        Standardize<64>,
        Linear<64, 128>,
        ReLU,
        Dropout<30>,
        Linear<128, 10>,
    );
    let accuracy =
        cross_validate::<Mlp, _, _>(10, || trainer(30, 32, 0.003), &digits, |it| it.accuracy());
    assert!(accuracy >= 0.98, "MLP: {accuracy}");
    type Conv = (
        Image<1, 8, 8>,
        (Conv2d<1, 16, 3, 1, 1>, BatchNorm2d<16>, ReLU),
        (Conv2d<16, 32, 3, 1, 1>, BatchNorm2d<32>, ReLU, MaxPool2d<2>),
        (Flatten, Dropout<30>, LazyLinear<10>),
    );
    let images = digits.reshaped::<Image<1, 8, 8>>();
    let accuracy =
        cross_validate::<Conv, _, _>(5, || trainer(12, 32, 0.01), &images, |it| it.accuracy());
    assert!(accuracy >= 0.99, "convolutions: {accuracy}");
}

/// The square root of the mean squared error, of each fold, against scikit-learn's `MLPRegressor` with as many hidden units.
#[test]
fn the_progression_of_diabetes_is_predicted_as_by_scikit_learn() {
    let Some(folder) = tables("the_progression_of_diabetes_is_predicted_as_by_scikit_learn") else {
        return;
    };
    type Net = (Standardize<10>, Linear<10, 16>, Tanh, Linear<16, 1>);
    // a target's mean is 152, its standard deviation 77
    const UNIT: f32 = 77.0;
    let raw = diabetes(&folder);
    let Targets::Values(targets) = raw.targets() else {
        panic!("values")
    };
    let samples = (0..raw.len()).map(|at| (raw.sample(at).unwrap(), targets[at]));
    let data = Dataset::<Features<10>, Values<1>>::from_records(samples, |(features, target)| {
        (features, [(target - 152.0) / UNIT])
    });
    let rmse = cross_validate::<Net, _, _>(
        10,
        || trainer(60, 16, 0.003).loss(MeanSquaredError),
        &data.unwrap(),
        |evaluation| evaluation.rmse(),
    );
    let (ours, theirs) = (
        rmse * f64::from(UNIT),
        reference()["diabetes_rmse"].as_f64().unwrap(),
    );
    assert!(ours <= 1.03 * theirs, "{ours}, scikit-learn {theirs}");
}

/// The noise alone has a standard deviation of 1; scikit-learn's linear regression has an error of 2.6.
#[test]
fn regress_predicts_friedmans_function() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("regress.safetensors");
    let save = ["--save", weights.to_str().unwrap()];
    let output = example("regress", &[&["--folds", "5"], &save[..]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let mean = text.lines().find(|line| line.starts_with("mean ")).unwrap();
    let numbers = mean.split_whitespace().skip(1);
    let numbers: Vec<f64> = numbers.map(|word| word.parse().unwrap()).collect();
    let [mae, rmse, r2] = numbers[..] else {
        panic!("{mean}")
    };
    assert!(mae < rmse && rmse < 1.5 && r2 > 0.9, "{mean}");
    // the saved network gives values in the target's unit, of which the mean is 14
    let last = text.lines().last().unwrap();
    let numbers = last.split(|char: char| !char.is_ascii_digit() && char != '.');
    let numbers: Vec<f64> = numbers.filter_map(|word| word.parse().ok()).collect();
    let [predicted, measured] = numbers[..] else {
        panic!("{last}")
    };
    assert!(
        (predicted - measured).abs() < 5.0 && measured > 1.0,
        "{last}"
    );

    let table = folder.path().join("table.csv");
    fs::write(&table, "1,2,3,4,5,6,7,8,9,10,11\n1,2,3,4,5,6,7,8,9,x,11\n").unwrap();
    let arguments = ["--no-header", "--data", table.to_str().unwrap()];
    let output = example("regress", &[&arguments[..], &save[..]].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("line 2, column 10: expected a number, found `x`"),
        "{text}"
    );
    assert_eq!(example("regress", &["--no-header"]).status.code(), Some(2));
}
