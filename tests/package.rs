//! The output of `cargo package`: it contains the files that README.md names, or README.md links the repository.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// The paths of this repository in a text: targets of links and images, and code words.
fn named(text: &str) -> BTreeSet<String> {
    let folders = ["benches", "docs", "examples", "fuzz", "scripts", "tests"];
    let ends = |char: char| char.is_whitespace() || "()[]`\"|,;".contains(char);
    let words = text
        .split(ends)
        .map(|word| word.trim_end_matches(['.', ':']));
    let is_path = |word: &&str| {
        let folder = word.split_once('/').map(|(folder, _)| folder);
        folder.is_some_and(|folder| folders.contains(&folder)) || word.ends_with(".md")
    };
    let paths = words.filter(|word| !word.contains("://")).filter(is_path);
    paths.map(str::to_owned).collect()
}

#[test]
fn the_package_contains_every_file_named_in_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let listed = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args([
            "package",
            "--package",
            "tuplenet",
            "--list",
            "--allow-dirty",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "{log}");
    let packed = String::from_utf8(listed.stdout).unwrap();
    let packed: BTreeSet<&str> = packed.lines().collect();

    let names = named(&fs::read_to_string(root.join("README.md")).unwrap());
    let names: Vec<&String> = names.iter().collect();
    for well_known in [
        "scripts/cuda-build",
        "examples/digits.safetensors",
        "DESIGN.md",
    ] {
        assert!(names.iter().any(|name| *name == well_known), "{names:?}");
    }
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !packed.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in the package: {missing:?}");
}

/// The benchmarks print the version of their own package as tuplenet's.
#[test]
fn the_packages_of_the_workspace_have_one_version() {
    let metadata = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "{log}");
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let version = |name: &str| {
        let package = packages.iter().find(|package| package["name"] == name);
        package.unwrap()["version"].as_str().unwrap()
    };
    assert_ne!(version("tuplenet"), "0.0.0");
    assert_eq!(version("tuplenet-benches"), version("tuplenet"));
    assert_eq!(version("tuplenet-examples"), version("tuplenet"));
    assert_eq!(version("tuplenet-tests"), version("tuplenet"));
}
