//! Tells malignant tumours of the breast from benign ones by 30 measurements.
//!
//! ```text
//! cargo run --release --example diagnose
//! cargo run --release --example diagnose -- --folds 5 --seed 1 --out pictures
//! cargo build --release --features mpi --example diagnose   # the folds on several machines
//! mpirun --enable-recovery -n 4 target/release/examples/diagnose --distributed
//! ```
//!
//! Ten-fold cross-validation, with ROC and calibration curves; then a network that is trained on all samples, what each
//! feature contributes to its diagnoses, and the saved network, which takes raw values: it standardises them itself.
//!
//! A demonstration, not a medical device: the table has 569 samples from one hospital.

#[macro_use]
#[path = "../mnist/output.rs"]
mod output;

mod chart;
#[path = "../mnist/exit.rs"]
mod exit;
mod pictures;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;
use tuplenet::{
    Error, Result,
    data::{Csv, TestSet, TrainingData, TrainingSet},
    engine::Processor,
    explain::{Calibration, IntegratedGradients},
    label::Label,
    metrics::Evaluation,
    prelude::*,
    shape::Features,
    train::in_parallel,
};

tuplenet::classes! {
    /// What the tumour is, as in the table.
    enum Diagnosis {
        Malignant = "M",
        Benign = "B",
    }
}

/// The network, with its preprocessing and the names of its classes.
type Net = (
    Standardize<30>,
    Linear<30, 16>,
    ReLU,
    Dropout<30>,
    Linear<16, 2>,
    Logits<Diagnosis>,
);
type Tumours = Dataset<Features<30>, Diagnosis>;

/// The columns of the table, in the order of the network's inputs.
const COLUMNS: [&str; 30] = [
    "mean radius",
    "mean texture",
    "mean perimeter",
    "mean area",
    "mean smoothness",
    "mean compactness",
    "mean concavity",
    "mean concave points",
    "mean symmetry",
    "mean fractal dimension",
    "radius error",
    "texture error",
    "perimeter error",
    "area error",
    "smoothness error",
    "compactness error",
    "concavity error",
    "concave points error",
    "symmetry error",
    "fractal dimension error",
    "worst radius",
    "worst texture",
    "worst perimeter",
    "worst area",
    "worst smoothness",
    "worst compactness",
    "worst concavity",
    "worst concave points",
    "worst symmetry",
    "worst fractal dimension",
];

/// Tells malignant tumours of the breast from benign ones, with cross-validation.
#[derive(Debug, Parser)]
struct Options {
    /// Table of tumours; default that of Wisconsin, in `examples/data`
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Number of parts of the cross-validation
    #[arg(long, default_value_t = 10)]
    folds: usize,
    /// Number of passes over the training samples
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Seed of the folds, the initial weights, the order of samples and dropout
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the weights and the pictures
    #[arg(long, value_name = "DIR", default_value = "target/diagnose")]
    out: PathBuf,
    /// Share out the folds among the processes that mpirun has started
    #[cfg(feature = "mpi")]
    #[arg(long)]
    distributed: bool,
}

fn main() -> ExitCode {
    exit::code(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<()> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/breast-cancer-wisconsin.csv");
    let path = options.data.as_ref().unwrap_or(&shipped);
    let rows = Csv::new(path).columns_and_target::<Diagnosis, 30>(COLUMNS, "diagnosis")?;
    let tumours = Tumours::try_from_records(rows, |(features, diagnosis)| (features, diagnosis))?;
    fs::create_dir_all(&options.out).map_err(|source| Error::Io {
        path: options.out.clone(),
        action: "write",
        source,
        remedy: pictures::REMEDY,
    })?;

    let begun = Instant::now();
    let Some(tested) = cross_validate(options, &tumours)? else {
        return Ok(()); // the first process goes on
    };
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} tumours from {}", tumours.len(), path.display());
    println!("\n{}\n", Net::summary());
    let together = evaluate(&tested, seconds)?;
    println!("\n{}\n", together.confusion.classification_report());
    let calibration = Calibration::of(&together, 10)?;
    println!("{calibration}\n");
    let roc = together.roc_curve(Diagnosis::Malignant.index())?;
    pictures::save_both(&roc, &calibration, &options.out)?;

    let net = train(options, &tumours)?;
    let weights = net.weights()?;
    let file = options.out.join("diagnose.safetensors");
    weights.save(&file)?;
    println!("\nweights {}", file.display());
    contributions(&weights, &tumours)?;
    diagnose(&file, &tumours)
}

/// What a fold's network has of its test set: accuracy, area under the ROC curve, labels and logits.
type Tested = (f64, f64, Vec<usize>, Vec<f32>);

/// Tests the networks of all folds; none in another process than the first.
#[cfg(feature = "mpi")]
fn test_folds(
    options: &Options,
    count: usize,
    test: impl Fn(usize) -> Result<Tested> + Sync,
) -> Result<Option<Vec<Tested>>> {
    if !options.distributed {
        return in_parallel(count, test).map(Some);
    }
    let world = tuplenet::distributed::World::init()?;
    let tested = world.farm().run(count, test, |_, _| ())?;
    let is_first = world.rank() == 0;
    world.finish();
    Ok(is_first.then_some(tested))
}

/// Tests the networks of all folds.
#[cfg(not(feature = "mpi"))]
fn test_folds(
    _: &Options,
    count: usize,
    test: impl Fn(usize) -> Result<Tested> + Sync,
) -> Result<Option<Vec<Tested>>> {
    in_parallel(count, test).map(Some)
}

/// Tests each fold's network on the samples that it was not trained on; none in another process than the first.
fn cross_validate(options: &Options, tumours: &Tumours) -> Result<Option<Vec<Tested>>> {
    let folds: Vec<(TrainingSet<_, _>, TestSet<_, _>)> =
        tumours.folds(options.folds, options.seed)?.collect();
    test_folds(options, folds.len(), |fold| {
        let (training, test) = &folds[fold];
        let net = train(options, training)?;
        let order: Vec<u32> = (0..test.dataset().len() as u32).collect();
        let logits = net.logits(&net.upload(test)?, &order)?;
        let evaluation = net.evaluate(test)?;
        let area = evaluation.roc_auc().unwrap_or(f64::NAN);
        Ok((evaluation.accuracy(), area, evaluation.labels, logits))
    })
}

/// The evaluation of all samples; prints each fold's.
fn evaluate(tested: &[Tested], seconds: f64) -> Result<Evaluation> {
    println!("fold  accuracy  ROC AUC");
    for (fold, (accuracy, area, ..)) in tested.iter().enumerate() {
        println!("{:4}  {:6.2} %  {area:7.4}", fold + 1, accuracy * 100.0);
    }
    let accuracies: Vec<f64> = tested.iter().map(|(accuracy, ..)| *accuracy).collect();
    let areas: Vec<f64> = tested.iter().map(|(_, area, ..)| *area).collect();
    let (accuracy, deviation) = mean(&accuracies);
    let (area, _) = mean(&areas);
    println!("mean  {:6.2} %  {area:7.4}", accuracy * 100.0);
    println!(
        "      ±{:5.2} %  (standard deviation over folds), {seconds:.2} s",
        deviation * 100.0
    );

    let labels = tested.iter().flat_map(|(_, _, labels, _)| labels.clone());
    let logits: Vec<f32> = tested.iter().flat_map(|tested| tested.3.clone()).collect();
    let together = Evaluation::new(Diagnosis::ALL.len(), labels.collect(), &logits)?;
    together.with_names(Diagnosis::NAMES)
}

/// Trains on one thread, as several trainings run side by side. The settings were chosen from nine, by cross-validations with
/// the seeds 0 to 5.
fn train(
    options: &Options,
    tumours: &impl TrainingData<Features<30>, Logits<Diagnosis>, Target = Diagnosis>,
) -> Result<Fused<Net>> {
    let one_thread = Processor::detect().threads(1);
    let mut net = Fused::<Net>::on(one_thread, Weights::init(options.seed))?;
    let adam = AdamW {
        learning_rate: 0.01,
        weight_decay: 1.0,
        ..AdamW::default()
    };
    Trainer::new(adam)
        .schedule(Cosine::default())
        .epochs(options.epochs)
        .batch(32)
        .seed(options.seed)
        .fit(&mut net, tumours)?;
    Ok(net)
}

/// The mean and the standard deviation.
fn mean(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    (mean, (squares / (count - 1.0)).sqrt())
}

/// Prints the features by their contribution to the logit of `Malignant`: integrated gradients from the mean tumour, and of these
/// the mean size over all tumours.
fn contributions(weights: &Weights<Net>, tumours: &Tumours) -> Result<()> {
    let net = Tape::<Net>::new(weights.clone())?;
    let mut mean_tumour = [0.0; 30];
    mean_tumour.copy_from_slice(&weights.statistics()[..30]);
    let explain = IntegratedGradients::new().baseline(&mean_tumour);
    let mut sizes = [0.0; 30];
    for at in 0..tumours.len() {
        let sample = tumours.sample(at).unwrap_or(mean_tumour);
        let attributions = explain.explain(&net, &sample, Diagnosis::Malignant.index())?;
        for (size, value) in sizes.iter_mut().zip(attributions.values) {
            *size += value.abs() / tumours.len() as f32;
        }
    }
    let mut order: Vec<usize> = (0..30).collect();
    order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
    println!("\ncontribution to the logit of `M`, mean size");
    for &feature in &order[..10] {
        let bar = "#".repeat((sizes[feature] / sizes[order[0]] * 30.0).round() as usize);
        println!("{:24} {:6.3}  {bar}", COLUMNS[feature], sizes[feature]);
    }
    Ok(())
}

/// Diagnoses one tumour with the saved network, as a program that ships it would: from the raw values of the table.
fn diagnose(path: &Path, tumours: &Tumours) -> Result<()> {
    let file = fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        action: "read the weights",
        source,
        remedy: "run the example again",
    })?;
    let frozen = Frozen::<Net>::from_bytes(&file).map_err(|mismatch| Error::WeightsFile {
        path: path.to_owned(),
        tensor: mismatch.tensor().to_owned(),
        expected: mismatch.expected().to_owned(),
        found: mismatch.found().to_owned(),
    })?;
    let (Some(sample), Some(truth)) = (tumours.sample(0), tumours.class(0)) else {
        return Ok(());
    };
    let probability = frozen.probabilities(&sample)[Diagnosis::Malignant.index()];
    println!(
        "\nthe first tumour, which is {truth}: {}, with a probability of {:.1} % of `M`",
        frozen.classify(&sample),
        probability * 100.0
    );
    Ok(())
}
