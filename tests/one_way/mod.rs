//! Imports are acyclic: files and folders have no import cycles, and each import refers to a module that is earlier in `ORDER`.
//!
//! A file depends on the files that define the items in its `use`s and paths. Method calls are not resolved, as that
//! requires types; so `impl` blocks that depend on a higher module are in that module's file.

mod checker;
mod graph;
mod reader;
mod source;

use std::{collections::BTreeSet, path::Path};

use graph::Graph;
use source::Sources;

/// The modules of the crate, lowest layer first. Each may import those of earlier rows. Modules in the same row do not
/// import each other.
const ORDER: &[&[&str]] = &[
    // Helpers independent of networks.
    &["error"],
    &[
        "argmax",
        "atomic_file",
        "checksum",
        "clock",
        "mnist_format",
        "panic",
        "text",
        "threads",
    ],
    // Indices as values, and texts as such.
    &["token"],
    &["tokenizer"],
    // An architecture is a type, which folds into a plan.
    &["shape"],
    &["sizes"],
    &["plan"],
    &["layer", "summary"],
    &["label", "layers", "network"],
    &["target"],
    &["models"],
    // The inputs of a training: parameters, samples, losses and optimisers.
    &["seed"],
    &["data"],
    &["objective", "weights"],
    &["metrics"],
    // Execution of a plan: kernels for one sample, shared by frozen models, and engines; models of eight bits.
    &["single"],
    &["frozen", "engine"],
    &["quantized"],
    // The trainer, which drives an engine, engines of several processes, and explanations of trained networks.
    &["train"],
    &["distributed"],
    &["explain"],
    // Re-exports for users of the crate, not used within it.
    &["prelude"],
    &["lib"],
];

/// The same for the folder `engine/fused`.
const FUSED: &[&[&str]] = &[
    // The compiled plan: operations and their order.
    &["program"],
    // Matrices and their buffers.
    &["memory"],
    // Kernels for one core, and the division of work between threads.
    &["kernels", "threads"],
    // The phases of a prediction and of a training step.
    &["processor", "run"],
    // The network with its weights, its `Engine` implementation, and the memory that it will take.
    &["mod"],
    &["engine", "training_memory"],
];

#[test]
fn files_have_no_import_cycles() {
    assert_none("circles of files", Graph::of(&crate_sources()).circles());
}

#[test]
fn folders_have_no_import_cycles() {
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
fn the_checker_resolves_every_path() {
    assert_none("paths to nothing", lost(&crate_sources()));
}

#[test]
fn paths_name_the_defining_module() {
    assert_none("short cuts", short_cuts(&crate_sources()));
}

/// The imports within a folder that refer to the same or a later row, and the entries that are only in the folder or
/// only in the order.
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

/// Paths through the re-exports of `lib.rs` and `prelude.rs`, and globs, which hide the module that defines an item.
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

/// Paths that compile but that the checker cannot resolve, so that it would miss an import.
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
    list.sort_by_key(|fault| fault.lines().count()); // the shortest cycle is the easiest to break
    assert!(list.is_empty(), "{what}:\n{}", list.join("\n"));
}
