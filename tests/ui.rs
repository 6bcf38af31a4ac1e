//! The promised compile errors.
//!
//! `ui/fail/NAME.rs` holds one mistake and must not compile; its first line promises the words of
//! the error. `ui/pass/NAME.rs` differs from it by one token and compiles, so it is that token
//! which the error is about. `ui/fail/NAME.stderr` is the whole text of the error, as the compiler
//! named in `ui/BLESSED` prints it; other compilers word the rest differently. The programs are compiled with the crate
//! as it was built for this test, and not by trybuild or `cargo check`, which compile every dependency again.
//!
//! `ui/build/NAME.rs` is accepted by `cargo check`, and by `cargo build` either as well (`//! builds: `) or not
//! (`//! error: `).
//!
//! `ui/files` are the weights files of `frozen_*.rs`; `ui/files.rs` makes them.
//!
//! After a change of the messages: `UI=bless cargo test --test ui`, on that compiler.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

#[path = "ui/compiler.rs"]
mod compiler;
#[path = "ui/files.rs"]
mod files;
#[path = "ui/text.rs"]
mod text;

use compiler::{Outcome, cargo, rustc};

/// The only case whose mistake is two errors: a call on a type that has one.
const TWO_ERRORS: &str = "readme";

#[test]
fn errors_are_as_promised_and_as_blessed() {
    let (fail, pass) = (cases("fail"), cases("pass"));
    let outcome = rustc(&[("fail", &fail), ("pass", &pass)]);
    let Outcome {
        errors,
        compiled,
        log,
        ..
    } = &outcome;

    for name in pass.keys() {
        let bin = format!("pass_{name}");
        assert!(
            !errors.contains_key(&bin),
            "pass/{name}.rs: {:?}",
            errors[&bin]
        );
        assert!(
            compiled.contains(&bin),
            "pass/{name}.rs was not compiled:\n{log}"
        );
    }
    for (name, source) in &fail {
        let promised = promised_words(name, source);
        let found = errors.get(&format!("fail_{name}"));
        let found = found.unwrap_or_else(|| panic!("fail/{name}.rs has no error:\n{log}"));
        assert!(
            found[0].contains(promised),
            "fail/{name}.rs: promised {promised}; found {found:?}"
        );
        assert!(
            found.len() <= 1 + usize::from(name == TWO_ERRORS),
            "fail/{name}.rs: too many errors: {found:?}"
        );
    }
    texts_are_as_blessed(&fail, &outcome);
}

/// Whatever `cargo check` accepts, `cargo build` accepts, but for what `Network`'s documentation lists under "What
/// `cargo check` sees": `ui/build` has a program for each, whose first line promises the words of the build's error.
///
/// Without features, as only then a build of the crate takes seconds.
#[test]
fn build_accepts_what_check_accepts_but_for_what_is_documented() {
    let (mut pass, build) = (cases("pass"), cases("build"));
    pass.retain(|_, source| {
        let words = FEATURES.iter().flat_map(|(.., words)| *words);
        words.into_iter().all(|word| !source.contains(word))
    });
    assert!(pass.len() > 20, "{} programs need no feature", pass.len());
    let project = project("ui-build", &[("pass", &pass), ("build", &build)]);
    let checked = cargo("check", &project);
    assert!(checked.errors.is_empty(), "check: {:?}", checked.errors);
    let built = cargo("build", &project);
    let accepted = |outcome: &Outcome, bin: &String| outcome.compiled.contains(bin);
    for name in pass.keys() {
        let bin = format!("pass_{name}");
        assert!(accepted(&checked, &bin), "check, {bin}:\n{}", checked.log);
        assert!(accepted(&built, &bin), "build, {bin}:\n{}", built.log);
    }
    for (name, source) in &build {
        let bin = format!("build_{name}");
        assert!(accepted(&checked, &bin), "check, {bin}:\n{}", checked.log);
        if source.starts_with("//! builds: ") {
            assert!(accepted(&built, &bin), "build, {bin}:\n{}", built.log);
            continue;
        }
        assert!(!accepted(&built, &bin), "{bin} was built");
        let promised = without_paths(promised_words(name, source));
        let found = &built.errors[&bin][0];
        assert!(
            found.contains(&promised),
            "{bin}: promised {promised}; found {found}"
        );
    }
}

/// Compares the whole texts, where the compiler is the one that printed the blessed ones.
fn texts_are_as_blessed(fail: &BTreeMap<String, String>, outcome: &Outcome) {
    for (feature, _, words) in FEATURES.iter().filter(|(_, is_there, _)| !is_there) {
        say(&format!(
            "NOT CHECKED: the compile errors of {words:?}, for want of the feature `{feature}`."
        ));
    }
    let blessed = fs::read_to_string(ui().join("BLESSED")).unwrap();
    let rustc = Command::new("rustc").arg("--version").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    if !rustc
        .split_whitespace()
        .take(2)
        .eq(blessed.split_whitespace())
    {
        let (rustc, blessed) = (rustc.trim(), blessed.trim());
        say(&format!(
            "NOT COMPARED: the whole texts of the compile errors. They are those of {blessed}; \
             this is {rustc}. Only the first lines are compared."
        ));
        return;
    }
    let mut differing = String::new();
    for name in fail.keys() {
        let found = text::of(name, &outcome.texts[&format!("fail_{name}")]);
        let path = ui().join(format!("fail/{name}.stderr"));
        if is_blessing() {
            fs::write(path, found).unwrap();
            continue;
        }
        let expected = fs::read_to_string(path).unwrap();
        if found != expected {
            differing += &format!("\nfail/{name}.rs: expected\n{expected}found\n{found}");
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

/// Whether the texts and files are written instead of compared.
fn is_blessing() -> bool {
    std::env::var_os("UI").is_some_and(|value| value == "bless")
}

#[test]
fn twins_differ_by_one_token() {
    let (fail, pass) = (cases("fail"), cases("pass"));
    assert!(
        fail.keys().eq(pass.keys()),
        "each file in fail/ has a twin in pass/"
    );
    for (name, source) in &fail {
        let (mistake, twin) = (tokens(source), tokens(&pass[name]));
        assert_eq!(
            mistake.len(),
            twin.len(),
            "{name}: the twins have as many tokens"
        );
        let differing = mistake.iter().zip(&twin).filter(|(a, b)| a != b);
        assert_eq!(
            differing.count(),
            1,
            "{name}: the twins differ by one token"
        );
    }
}

fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

/// The folder of the crate tuplenet.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Says it on the terminal: the test harness would hide `eprintln`.
fn say(text: &str) {
    std::io::stderr()
        .write_all(format!("\n{text}\n").as_bytes())
        .unwrap();
}

/// The features that this test was built with, and the words that only they give a meaning.
const FEATURES: [(&str, bool, &[&str]); 2] = [
    ("dfdx", cfg!(feature = "dfdx"), &["Tape"]),
    (
        "train",
        cfg!(feature = "train"),
        &["Dataset", "Engine", "Mnist", "Weights"],
    ),
];

/// The sources in `folder`, by name; those that do with the features there are.
fn cases(folder: &str) -> BTreeMap<String, String> {
    let mut cases = BTreeMap::new();
    for file in fs::read_dir(ui().join(folder)).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let can_compile = FEATURES.iter().all(|(_, is_there, words)| {
            *is_there || !words.iter().any(|word| source.contains(word))
        });
        if can_compile {
            cases.insert(
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                source,
            );
        }
    }
    cases
}

/// What `//! error: WORDS` in the first line promises.
fn promised_words<'a>(name: &str, source: &'a str) -> &'a str {
    let words = source
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("//! error: "));
    let words = words.unwrap_or_else(|| panic!("{name}.rs does not begin with `//! error: `"));
    assert!(!words.trim().is_empty(), "{name}.rs promises nothing");
    words
}

/// A cargo project with a program for each case, on this crate without features and its `Cargo.lock`.
///
/// It lies in the target folder, always at the same place, so that cargo finds its last build.
fn project(name: &str, folders: &[(&str, &BTreeMap<String, String>)]) -> PathBuf {
    let crate_folder = root();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();

    // Paths and lists as Rust's `Debug` writes them are TOML.
    let mut manifest = format!(
        "[package]\nname = \"tuplenet-{name}\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies.tuplenet]\npath = {crate_folder:?}\n\
         default-features = false\n"
    );
    for (kind, cases) in folders {
        for name in cases.keys() {
            let path = ui().join(kind).join(format!("{name}.rs"));
            manifest += &format!("\n[[bin]]\nname = \"{kind}_{name}\"\npath = {path:?}\n");
        }
    }
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions that this test was built with: nothing is downloaded anew.
    let lock = crate_folder.join("Cargo.lock");
    if lock.exists() {
        fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    }
    folder
}

/// `tuplenet::layers::Linear<2, 3>` as `Linear<2, 3>`: whether the path is printed is the
/// compiler's affair.
fn without_paths(message: &str) -> String {
    let mut out = String::new();
    for piece in message.split_inclusive("::") {
        out += piece.strip_suffix("::").map_or(piece, |path| {
            path.trim_end_matches(|char: char| char.is_alphanumeric() || char == '_')
        });
    }
    out
}

/// Words, numbers, strings and signs, without comments and white space.
fn tokens(source: &str) -> Vec<&str> {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let mut rest = source.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let len = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            // No string in these files holds a quote.
            '"' => rest[1..].find('"').expect("the string ends") + 2,
            _ if is_word(first) => rest.find(|char| !is_word(char)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(len);
        if !token.starts_with("//") {
            tokens.push(token);
        }
        rest = after.trim_start();
    }
    tokens
}
