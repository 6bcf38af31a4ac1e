//! The examples `sentiment` and `recommend`: what they show, the files that they read, and those that they refuse.

use std::{fs, path::Path, process::Output};

use crate::cli::example;

/// The numbers in the line of standard output that begins with `name`.
fn numbers(output: &Output, name: &str) -> Vec<f64> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name:?} in {text}{words}"));
    line.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn refuses(name: &str, arguments: &[&str], code: i32, words: &str) {
    let output = example(name, arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert_eq!(text.trim_end(), format!("error: {words}"), "{arguments:?}");
}

/// Negations are nearly half of the opinions, so a bag of words says less than a bag of pairs, by ten points of accuracy or
/// more, and less than a convolution over the words.
#[test]
fn pairs_of_words_read_negations() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = example("sentiment", &["--out", out, "It was far from dull."]);
    let [words, convolution, pairs] =
        ["words alone", "convolution", "pairs of words"].map(|line| numbers(&output, line)[0]);
    assert!(pairs > 99.0 && pairs - words > 10.0, "{words}, {pairs}");
    // which reads single words, in order
    assert!(convolution > 98.0, "{convolution}");
    for name in ["roc.svg", "calibration.svg"] {
        let svg = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(svg.starts_with("<svg"), "{name}");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.ends_with("positive: It was far from dull.\n"),
        "{text}"
    );
    let words = fs::read_to_string(folder.path().join("sentiment.txt")).unwrap();
    assert!(words.starts_with("ngrams\t2\n") && words.contains("\nfar from\t"));
}

/// Another text than the generated one, with quotes and letters beyond ASCII.
#[test]
fn a_file_of_reviews_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reviews.tsv");
    let reviews = (0..600).map(|at| match at % 2 {
        0 => format!("positive\tUn film \"magnifique\", très drôle {at}\n"),
        _ => format!("negative\tUn film raté; \"nul\" {at}\n"),
    });
    fs::write(&path, reviews.collect::<String>()).unwrap();
    let out = folder.path().to_str().unwrap();
    let arguments = ["--data", path.to_str().unwrap(), "--out", out];
    let output = example("sentiment", &arguments);
    assert_eq!(numbers(&output, "words alone")[0], 100.0);
}

#[test]
fn what_is_no_file_of_reviews_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reviews.tsv");
    let name = path.to_str().unwrap();
    let says = |bytes: &[u8], words: &str| {
        fs::write(&path, bytes).unwrap();
        refuses(
            "sentiment",
            &["--data", name],
            1,
            &format!("{name}: {words}"),
        );
    };
    says(
        b"positive\tgood\nmixed\tso so\n",
        "line 2, column 1: expected one of `negative`, `positive`, found `mixed`; correct the cell, or add the category to \
         the enum (`#[serde(rename = \"..\")]` gives a variant its name in the file)",
    );
    says(
        b"positive\tgood\nnegative bad\n",
        "line 2: expected 2 columns, as in the first record, found 1; check the delimiter, and the quotes in this line",
    );
    says(
        b"",
        "line 1: expected records, found the end of the file; name a table that has records, or check how many lines are \
         skipped",
    );
    // UTF-16, in which every second byte is 0
    fs::write(
        &path,
        b"\xff\xfep\0o\0s\0i\0t\0i\0v\0e\0\t\0g\0o\0o\0d\0\n\0",
    )
    .unwrap();
    let output = example("sentiment", &["--data", name]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("UTF-8") && text.trim_end().lines().count() == 1,
        "{text}"
    );
}

/// A matrix of rank two, in both of MovieLens' formats.
fn write(path: &Path, is_csv: bool) {
    let mut text = String::new();
    if is_csv {
        text.push_str("userId,movieId,rating,timestamp\n");
    }
    for (user, film) in (0..40).flat_map(|user| (0..30).map(move |film| (user, film))) {
        if (user * 7 + film * 5) % 3 == 0 {
            continue;
        }
        let stars = if (user % 2 == 0) == (film % 2 == 0) {
            4.5
        } else {
            1.5
        };
        let separator = if is_csv { "," } else { "\t" };
        // numbers with gaps, as in the published files
        let fields = [
            (user * 10 + 1).to_string(),
            (film * 1000 + 5).to_string(),
            stars.to_string(),
            "881250949".to_owned(),
        ];
        text.push_str(&(fields.join(separator) + "\n"));
    }
    fs::write(path, text).unwrap();
}

#[test]
fn ratings_in_both_formats_are_read_and_learned() {
    let folder = tempfile::tempdir().unwrap();
    let [saved, picture] =
        ["weights.safetensors", "stars.svg"].map(|name| folder.path().join(name));
    for (name, is_csv) in [("ratings.csv", true), ("u.data", false)] {
        let path = folder.path().join(name);
        write(&path, is_csv);
        let arguments = [
            "--data",
            path.to_str().unwrap(),
            "--user",
            "11",
            "--epochs",
            "60",
            "--save",
            saved.to_str().unwrap(),
            "--picture",
            picture.to_str().unwrap(),
        ];
        let output = example("recommend", &arguments);
        let svg = fs::read_to_string(&picture).unwrap();
        // two given numbers of stars
        assert!(svg.starts_with("<svg") && svg.matches("<circle").count() == 2);
        let [baseline, network] =
            ["mean of the film", "the network"].map(|line| numbers(&output, line)[0]);
        assert!(
            baseline > 1.3 && network < 0.3,
            "{name}: {baseline}, {network}"
        );
        let text = String::from_utf8(output.stdout).unwrap();
        // a user with an odd number likes films with an odd number
        let best = text
            .lines()
            .find(|line| line.contains("stars  film"))
            .unwrap();
        let film: u32 = best.rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!((film - 5) / 1000 % 2, 1, "{text}");
    }
}

#[test]
fn what_is_no_file_of_ratings_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let says = |name: &str, text: &str, words: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let name = path.to_str().unwrap();
        refuses(
            "recommend",
            &["--data", name],
            1,
            &format!("{name}: {words}"),
        );
    };
    says(
        "u.data",
        "1::2::3::4\n",
        "line 1, column 1: expected an integer from 0 to 4294967295, found `1::2::3::4`; correct the cell, or read the column \
         as another type, for example as `String`",
    );
    says(
        "u.data",
        "1\t2\tgood\t4\n",
        "line 1, column 3: expected a number, found `good`; correct the cell, or read the column as another type, for example \
         as `String`",
    );
    says(
        "ratings.csv",
        "1\t2\t3\t4\n",
        "line 1: expected one column `userId`, found the columns `1\\t2\\t3\\t4`; correct the name, or check the delimiter \
         and that the first line is the header",
    );
    let users: String = (0..1025).map(|user| format!("{user}\t1\t5\t0\n")).collect();
    let path = folder.path().join("u.data");
    fs::write(&path, users).unwrap();
    let words = "users: expected at most 1024, the size of the network's table, found more";
    refuses("recommend", &["--data", path.to_str().unwrap()], 2, words);
    let refused = "user: expected the number of a user who has rated a film, found 7777";
    refuses("recommend", &["--user", "7777"], 2, refused);
}
