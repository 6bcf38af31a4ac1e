//! scikit-learn's tables from their files; prints `SKIPPED` if `TUPLENET_TABLES` is not set.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tuplenet::{
    data::{Csv, Numbers, Targets},
    prelude::*,
    shape::Features,
    target::{Classes, Target, Values},
};

/// The folder of scikit-learn's tables, or `None` with a line on the terminal that the test harness does not capture.
pub fn tables(test: &str) -> Option<PathBuf> {
    let Some(folder) = env::var_os("TUPLENET_TABLES") else {
        let line =
            format!("SKIPPED {test}: set TUPLENET_TABLES to a folder with scikit-learn's tables\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    Some(folder.into())
}

/// Compares a table with the figures of scikit-learn's loaders, from `reference/tables.py`.
fn is_scikit_learns<const F: usize, T: Target>(name: &str, data: &Dataset<Features<F>, T>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/tables.json");
    let tables: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let figures = &tables[name];
    let numbers = |key: &str| -> Vec<f64> {
        let numbers = figures[key].as_array().unwrap();
        numbers
            .iter()
            .map(|number| number.as_f64().unwrap())
            .collect()
    };
    assert_eq!(
        [data.len() as f64, F as f64][..],
        numbers("shape"),
        "{name}"
    );
    let first: Vec<f32> = numbers("first")
        .iter()
        .map(|&number| number as f32)
        .collect();
    assert_eq!(data.sample(0).unwrap()[..], first, "{name}");
    let samples: Vec<_> = (0..data.len()).map(|at| data.sample(at).unwrap()).collect();
    // Each value is rounded to `f32`, by at most 2^-24 of itself; the values are all positive.
    let is_close = |sum: f64, theirs: f64| (sum - theirs).abs() <= theirs * 2_f64.powi(-24);
    for (column, theirs) in numbers("sums").into_iter().enumerate() {
        let sum: f64 = samples.iter().map(|sample| f64::from(sample[column])).sum();
        assert!(
            is_close(sum, theirs),
            "{name}, column {column}: {sum}, not {theirs}"
        );
    }
    let target_sum = figures["target_sum"].as_f64().unwrap();
    match data.targets() {
        Targets::Labels(labels) => {
            let counts = numbers("counts");
            for (class, &theirs) in counts.iter().enumerate() {
                let count = labels
                    .iter()
                    .filter(|&&label| usize::from(label) == class)
                    .count();
                assert_eq!(count as f64, theirs, "{name}, class {class}");
            }
            assert_eq!(counts.iter().sum::<f64>(), data.len() as f64);
        }
        Targets::Values(values) => {
            assert!(
                is_close(values.iter().map(|&it| f64::from(it)).sum(), target_sum),
                "{name}"
            );
        }
        other => panic!("{name}: {other:?}"),
    }
}

/// A table of `F` features and one of `C` classes: its first line has the counts and the names of the classes.
pub fn classified<const F: usize, const C: usize>(
    path: PathBuf,
) -> Dataset<Features<F>, Classes<C>> {
    let table = Csv::new(path).header(false).skip_lines(1);
    let rows = table.records::<(Numbers<F>, usize)>().unwrap();
    Dataset::try_from_records(rows, |(Numbers(features), class)| (features, class)).unwrap()
}

/// Digits of 8 x 8 pixels, from 0 to 16, with labels that are written as floats.
pub fn digits(folder: &Path) -> Dataset<Features<64>, Classes<10>> {
    let table = Csv::new(folder.join("digits.csv.gz")).header(false);
    let rows = table.records::<(Numbers<64>, f32)>().unwrap();
    Dataset::try_from_records(rows, |(Numbers(pixels), digit)| (pixels, digit as usize)).unwrap()
}

/// The progression of diabetes after a year, from ten measurements.
pub fn diabetes(folder: &Path) -> Dataset<Features<10>, Values<1>> {
    let file = |name: &str| Csv::new(folder.join(name)).header(false);
    let features = file("diabetes_data_raw.csv.gz")
        .delimiter(b' ')
        .records::<[f32; 10]>();
    let targets = file("diabetes_target.csv.gz").records::<f32>();
    let rows = features.unwrap().zip(targets.unwrap());
    let rows = rows.map(|(features, target)| Ok((features?, [target?])));
    Dataset::try_from_records(rows, |row| row).unwrap()
}

#[test]
fn the_tables_of_scikit_learn_are_read_as_by_its_loaders() {
    let Some(folder) = tables("the_tables_of_scikit_learn_are_read_as_by_its_loaders") else {
        return;
    };
    let file = |name: &str| folder.join(name);
    is_scikit_learns("iris", &classified::<4, 3>(file("iris.csv")));
    is_scikit_learns("wine", &classified::<13, 3>(file("wine_data.csv")));
    is_scikit_learns(
        "breast_cancer",
        &classified::<30, 2>(file("breast_cancer.csv")),
    );
    is_scikit_learns("digits", &digits(&folder));
    is_scikit_learns("diabetes", &diabetes(&folder));
}
