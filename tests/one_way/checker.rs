//! Tests of the checker itself on small trees: it finds cycles, upward imports and imports through re-exports, without false positives.

use std::collections::BTreeSet;

use super::{graph::Graph, lost, short_cuts, source::Sources, upward};

/// Edges as `a.rs -> b.rs`.
fn edges<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
    let graph = Graph::of(&Sources::parse(files));
    let edges = graph.edges();
    edges.map(|(a, b, _)| format!("{a} -> {b}")).collect()
}

fn circles<const N: usize>(files: [(&str, &str); N]) -> BTreeSet<String> {
    Graph::of(&Sources::parse(files)).circles()
}

const LIB: (&str, &str) = ("lib.rs", "mod a; mod b;");

#[test]
fn a_cycle_is_reported_with_its_cause() {
    let found = circles([
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::Barn; pub struct Ark(Barn);"),
        (
            "b.rs",
            "pub struct Barn; fn f() -> super::c::Cot { todo() }",
        ),
        (
            "c.rs",
            "pub struct Cot; fn f() { g!(x => crate::a::Ark::new()) }",
        ),
    ]);
    let text = "a.rs -> b.rs -> c.rs -> a.rs\n    a.rs names crate::b::Barn\n    b.rs names super::c::Cot\n    \
                c.rs names crate::a::Ark::new";
    assert_eq!(found, BTreeSet::from([text.into()]));
}

#[test]
fn reexports_resolve_to_the_file_of_the_item() {
    let files = [
        ("lib.rs", "mod k;"),
        (
            "k/mod.rs",
            "mod lanes; mod sum; pub(crate) use lanes::{Kernel as Work}; pub use self::sum::Sum; pub struct Own;",
        ),
        ("k/lanes.rs", "pub struct Kernel;"),
        ("k/sum.rs", "use super::Work; pub struct Sum(Work);"),
    ];
    assert_eq!(edges(files), ["k/sum.rs -> k/lanes.rs"]);
    let own = ("k/sum.rs", "pub struct Sum(super::Own);");
    assert_eq!(
        edges([files[0], files[1], files[2], own]),
        ["k/sum.rs -> k/mod.rs"]
    );
}

#[test]
fn imports_from_child_modules_count() {
    let files = [
        ("lib.rs", "mod k;"),
        (
            "k/mod.rs",
            "mod sum; use self::sum::Sum; pub struct Own(Sum);",
        ),
        ("k/sum.rs", "pub struct Sum(Option<Box<super::Own>>);"),
    ];
    assert_eq!(circles(files).len(), 1);
}

#[test]
fn paths_resolve_through_imported_modules_enums_and_ambiguous_names() {
    let b = (
        "b.rs",
        "pub mod clip { pub fn clip() {} } pub enum Op { Relu } pub fn free() {} #[macro_export] macro_rules! grow {}",
    );
    for a in [
        "use crate::b; fn f() { b::free() }",
        "fn f() { use super::b::Op::*; }",
        "use crate::b::{self}; fn f() { b::free() }",
        "use crate::r#b::free;",
        "use crate::b::clip::clip;",
        "pub use crate::b::Op;",
        "fn f() { match x { crate::b::Op::Relu => {} } }",
        "impl crate::b::Op { }",
        "macro_rules! m { () => { $crate::b::free() } }",
        "crate::grow!();",
        "#[cfg(not(test))] use crate::b::Op;",
    ] {
        assert_eq!(edges([LIB, ("a.rs", a), b]), ["a.rs -> b.rs"], "{a}");
    }
}

#[test]
fn tests_comments_and_foreign_names_do_not_count() {
    let b = ("b.rs", "pub struct Barn;");
    for a in [
        "#[cfg(test)] mod tests { use crate::b::Barn; }",
        "#[cfg(all(test, unix))] fn f(b: crate::b::Barn) {}",
        "impl A { #[cfg(test)] fn f(b: crate::b::Barn) {} }",
        "/// [`Barn`](crate::b::Barn)\nstruct A;",
        "fn f() { m!(\"crate::b::Barn\") }",
        "use crate::b; use ::b::Barn; use c::b::Barn as Other;",
        "use crate::b; fn f() -> ::b::Barn { g() }",
        "use crate::b;",
    ] {
        assert_eq!(edges([LIB, ("a.rs", a), b]), [""; 0], "{a}");
    }
    let tests = [
        ("a.rs", "#[cfg(test)] mod tests;"),
        ("a/tests.rs", "use crate::b::Barn;"),
    ];
    assert_eq!(edges([LIB, tests[0], tests[1], b]), [""; 0]);
}

#[test]
fn a_cycle_of_folders_without_a_cycle_of_files_is_found() {
    let graph = Graph::of(&Sources::parse([
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "pub mod low; pub mod high;"),
        ("a/low.rs", "pub struct Low;"),
        ("a/high.rs", "use crate::b::Barn; use super::low::Low;"),
        ("b.rs", "use crate::a::low::Low; pub struct Barn;"),
    ]));
    assert_eq!(graph.circles(), BTreeSet::new());
    assert_eq!(graph.folders(1).circles().len(), 1);
}

#[test]
fn upward_and_sideways_imports_and_unlisted_modules_are_found() {
    let a_from_b = [
        LIB,
        ("a.rs", "pub struct Ark;"),
        ("b.rs", "use crate::a::Ark;"),
    ];
    let faults = |order: &[&[&str]]| upward(&Sources::parse(a_from_b), "", order).len();
    assert_eq!(faults(&[&["a"], &["b"], &["lib"]]), 0);
    assert_eq!(faults(&[&["b"], &["a"], &["lib"]]), 1);
    assert_eq!(faults(&[&["a", "b"], &["lib"]]), 1);
    assert_eq!(faults(&[&["a"], &["b"]]), 1); // `lib` is not listed
    assert_eq!(faults(&[&["a"], &["b"], &["c"], &["lib"]]), 1); // `c` does not exist
}

#[test]
fn a_folder_has_a_separate_order() {
    let sources = Sources::parse([
        ("lib.rs", "mod a; mod b;"),
        ("b.rs", "pub struct Barn;"),
        (
            "a/mod.rs",
            "pub mod low; pub mod high; pub struct Ark(high::High);",
        ),
        ("a/low.rs", "pub struct Low(crate::b::Barn);"),
        (
            "a/high/mod.rs",
            "use super::low::Low; pub struct High(Low);",
        ),
    ]);
    let faults = |order: &[&[&str]]| upward(&sources, "a/", order).len();
    assert_eq!(faults(&[&["low"], &["high"], &["mod"]]), 0);
    assert_eq!(faults(&[&["high"], &["low"], &["mod"]]), 1);
    assert_eq!(faults(&[&["mod"], &["low"], &["high"]]), 1);
    assert_eq!(faults(&[&["low"], &["high"]]), 2); // `mod` is not listed, and so is below all
}

#[test]
fn imports_through_reexports_are_found() {
    let lib = (
        "lib.rs",
        "mod a; mod b; mod prelude; pub use b::Barn; pub use b::b;",
    );
    let b = ("b.rs", "pub struct Barn;");
    let prelude = ("prelude.rs", "pub use crate::Barn;");
    let faults = |a| short_cuts(&Sources::parse([lib, ("a.rs", a), b, prelude])).len();
    assert_eq!(faults("use crate::b::Barn; use c::prelude::*;"), 0);
    assert_eq!(faults("use crate::Barn;"), 1);
    assert_eq!(faults("use super::Barn;"), 1);
    assert_eq!(faults("use crate::prelude::Barn;"), 1);
    assert_eq!(faults("macro_rules! m { () => { $crate::Barn } }"), 1);
    assert_eq!(faults("use crate::b::*;"), 1);
}

#[test]
fn an_unresolvable_path_is_found() {
    let b = (
        "b.rs",
        "pub struct Barn; pub use c::Cow; thread_local! { static HAY: u8 = 0; }",
    );
    let faults = |a| lost(&Sources::parse([LIB, ("a.rs", a), b])).len();
    assert_eq!(
        faults("use crate::b::{self, Barn, Cow}; use c::Hay; fn f() { super::b::Barn::new() }"),
        0
    );
    assert_eq!(faults("use crate::b::HAY;"), 1);
}
