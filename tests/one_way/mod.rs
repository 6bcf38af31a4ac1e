//! Imports run one way: none makes a circle of files or folders, and each goes to a module that stands earlier in `ORDER`.
//!
//! A file depends on those that define what its `use`s and paths name. A method that is called on a value is not seen, as
//! that takes its type; so `impl` blocks that reach higher than the type stand in the higher file.

mod checker;
mod graph;
mod reader;
mod source;

use std::{collections::BTreeSet, path::Path};

use graph::Graph;
use source::Sources;

/// The modules of the crate from the lowest up. Each may import those of earlier rows. Those of one row stand side by
/// side: none imports another.
const ORDER: &[&[&str]] = &[
    // Helpers that know of no network.
    &["error"],
    &[
        "argmax",
        "atomic_file",
        "checksum",
        "panic",
        "text",
        "threads",
    ],
    // An architecture is a type, which folds into a plan.
    &["shape"],
    &["plan"],
    &["layer", "summary"],
    &["layers", "network"],
    &["models"],
    // What a training needs: parameters, samples, and what is minimised and how.
    &["seed"],
    &["weights"],
    &["data", "objective"],
    &["metrics"],
    // What runs a plan: kernels for one sample, shared by frozen models and engines.
    &["single"],
    &["frozen", "engine"],
    // What drives an engine, and what looks at a trained one.
    &["train"],
    &["explain"],
    // Short names for programs that use the crate. Nothing in it goes through them.
    &["prelude"],
    &["lib"],
];

/// The same for the folder `engine/fused`.
const FUSED: &[&[&str]] = &[
    // The plan, compiled: what is computed, in which order.
    &["program"],
    // Matrices and the buffers that hold them.
    &["memory"],
    // How one core computes, and how the work is divided among several.
    &["kernels", "threads"],
    // The phases of a prediction and of a training step.
    &["processor", "run"],
    // The network with its weights, and what makes it an engine.
    &["mod"],
    &["engine"],
];

#[test]
fn files_import_one_way() {
    assert_none("circles of files", Graph::of(&crate_sources()).circles());
}

#[test]
fn folders_import_one_way() {
    let graph = Graph::of(&crate_sources());
    for depth in 1..6 {
        let circles = graph.folders(depth).circles();
        assert_none("circles of folders", circles);
    }
}

#[test]
fn imports_go_to_earlier_modules() {
    let sources = crate_sources();
    assert_none("upward imports", upward(&sources, "", ORDER));
    assert_none("upward imports", upward(&sources, "engine/fused/", FUSED));
}

#[test]
fn the_checker_follows_every_path() {
    assert_none("paths to nothing", lost(&crate_sources()));
}

#[test]
fn paths_go_to_the_module_that_has_the_item() {
    assert_none("short cuts", short_cuts(&crate_sources()));
}

/// The imports within a folder that go to a later row or along one, and the entries that only one of the folder and the
/// order has.
fn upward(sources: &Sources, folder: &str, order: &[&[&str]]) -> BTreeSet<String> {
    let entry = |file: &str| Some(graph::folder(file.strip_prefix(folder)?, 1));
    let row = |entry: &str| order.iter().position(|row| row.contains(&entry));
    let mut faults = BTreeSet::new();
    for (from, to, paths) in Graph::of(sources).edges() {
        if let (Some(upper), Some(lower)) = (entry(from), entry(to))
            && lower != upper
            && row(&lower) >= row(&upper)
        {
            let paths: Vec<_> = paths.iter().cloned().collect();
            faults.insert(format!("{from} imports {to}: {}", paths.join(", ")));
        }
    }
    let files = sources.modules.values().map(|module| &*module.file);
    let found: BTreeSet<_> = files.filter_map(entry).collect();
    let listed = order.concat().into_iter().map(String::from).collect();
    for entry in found.symmetric_difference(&listed) {
        faults.insert(format!(
            "{folder}{entry}: only one of the folder and the order has it"
        ));
    }
    faults
}

/// Paths through the re-exports of `lib.rs` and `prelude.rs`, and globs, which hide the module that an item comes from.
fn short_cuts(sources: &Sources) -> BTreeSet<String> {
    let mut faults = BTreeSet::new();
    for (place, module) in &sources.modules {
        for mention in &module.mentions {
            let (start, rest) = graph::absolute(place, &mention.path);
            let full = [&start, rest].concat();
            let path = mention.path.join("::");
            let entry = ["lib.rs", "prelude.rs"].contains(&&*module.file);
            if !entry && sources.is_reexported_by_the_crate(&full) {
                faults.insert(format!("{} names {path}", module.file));
            }
            if let [parent @ .., last] = &*mention.path
                && last == "*"
                && graph::is_module(sources, place, parent)
            {
                faults.insert(format!("{} imports {path}", module.file));
            }
        }
    }
    faults
}

/// Paths that compile, since the crate does, and that the checker cannot follow: an import that it would not see.
fn lost(sources: &Sources) -> BTreeSet<String> {
    let mut faults = BTreeSet::new();
    for (place, module) in &sources.modules {
        for mention in &module.mentions {
            if graph::is_lost(sources, place, &mention.path) {
                faults.insert(format!("{} names {}", module.file, mention.path.join("::")));
            }
        }
    }
    faults
}

fn crate_sources() -> Sources {
    Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src")).unwrap()
}

fn assert_none(what: &str, faults: BTreeSet<String>) {
    let mut list: Vec<_> = faults.into_iter().collect();
    list.sort_by_key(|fault| fault.lines().count()); // the shortest circle is the easiest to untie
    assert!(list.is_empty(), "{what}:\n{}", list.join("\n"));
}
