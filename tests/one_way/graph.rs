//! The dependency graph of files, and its cycles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::source::{Binding, Segments, Sources, module_of};

/// From each file (or folder) to its dependencies, with the paths of the imported items.
#[derive(Debug, Default, PartialEq)]
pub struct Graph(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Graph {
    /// An edge leads to the file that defines an item, through all re-exports. A re-export from a child module is not an edge.
    pub fn of(sources: &Sources) -> Self {
        let mut graph = Self::default();
        for (place, module) in &sources.modules {
            for mention in &module.mentions {
                for file in resolve(sources, place, &mention.path, &mut Vec::new()).files {
                    let below = module_of(&file).starts_with(place);
                    if file != module.file && !(mention.reexport && below) {
                        graph.add(&module.file, &file, mention.path.join("::"));
                    }
                }
            }
        }
        graph
    }

    fn add(&mut self, from: &str, to: &str, path: String) {
        let targets = self.0.entry(from.into()).or_default();
        targets.entry(to.into()).or_default().insert(path);
    }

    pub fn edges(&self) -> impl Iterator<Item = (&str, &str, &BTreeSet<String>)> {
        self.0.iter().flat_map(|(from, targets)| {
            let edges = targets.iter();
            edges.map(|(to, paths)| (from.as_str(), to.as_str(), paths))
        })
    }

    /// The same with the files of a folder as one, named by the first `depth` segments of their paths.
    pub fn folders(&self, depth: usize) -> Self {
        let mut graph = Self::default();
        for (from, to, paths) in self.edges() {
            let (from, to) = (folder(from, depth), folder(to, depth));
            if from != to {
                for path in paths {
                    graph.add(&from, &to, path.clone());
                }
            }
        }
        graph
    }

    /// For each edge on a cycle, a shortest cycle, as `a -> b -> a`, with the paths that cause it.
    pub fn circles(&self) -> BTreeSet<String> {
        let mut circles = BTreeSet::new();
        for (from, to, _) in self.edges() {
            if let Some(mut way) = self.way(to, from) {
                let first = (0..way.len()).min_by_key(|&at| way[at]).unwrap_or(0);
                way.rotate_left(first);
                way.push(way[0]);
                let mut text = way.join(" -> ");
                for pair in way.windows(2) {
                    let paths: Vec<_> = self.0[pair[0]][pair[1]].iter().cloned().collect();
                    text += &format!("\n    {} names {}", pair[0], paths.join(", "));
                }
                circles.insert(text);
            }
        }
        circles
    }

    /// A shortest path, including both ends.
    fn way<'a>(&'a self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut came_from = BTreeMap::from([(from, from)]);
        let mut queue = VecDeque::from([from]);
        while let Some(file) = queue.pop_front() {
            if file == to {
                let mut way = vec![file];
                while *way.last()? != from {
                    way.push(came_from[way.last()?]);
                }
                way.reverse();
                return Some(way);
            }
            for next in self.0.get(file).into_iter().flat_map(BTreeMap::keys) {
                came_from.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    file
                });
            }
        }
        None
    }
}

/// `a/b` for `a/b/c.rs`, `a/b/mod.rs` and `a/b.rs`, where `depth` is 2.
pub fn folder(file: &str, depth: usize) -> String {
    let name = file.trim_end_matches(".rs");
    let end = name.match_indices('/').nth(depth - 1);
    end.map_or(name, |(end, _)| &name[..end]).to_string()
}

/// Whether `path`, named in the module `place`, is a module of this crate.
pub fn is_module(sources: &Sources, place: &[String], path: &[String]) -> bool {
    let found = resolve(sources, place, path, &mut Vec::new());
    !found.modules.is_empty()
}

/// Whether `path`, named in the module `place`, is an unresolvable path of this crate.
pub fn is_lost(sources: &Sources, place: &[String], path: &[String]) -> bool {
    let found = resolve(sources, place, path, &mut Vec::new());
    let ours = ["crate", "self", "super"].contains(&&*path[0]);
    let nothing = found.modules.is_empty() && found.files.is_empty() && !found.foreign;
    ours && nothing && path[path.len() - 1] != "*"
}

/// The targets of a path: modules, and files of items. A name may be both, as `clip` in `clip::clip`.
#[derive(Default)]
struct Found {
    modules: BTreeSet<Segments>,
    files: BTreeSet<String>,
    /// It starts with a name from outside this crate, such as another crate.
    foreign: bool,
}

fn resolve(
    sources: &Sources,
    place: &[String],
    path: &[String],
    open: &mut Vec<(Segments, Segments)>,
) -> Found {
    let mut found = Found::default();
    let here = (place.to_vec(), path.to_vec());
    if open.contains(&here) {
        return found; // an import that resolves to itself
    }
    open.push(here);
    let (start, rest) = absolute(place, path);
    found.modules.insert(start);
    found.foreign = rest.len() == path.len(); // until its first name is found in `place`
    for name in rest {
        let mut next = Found::default();
        for module in &found.modules {
            let names = sources.modules.get(module).map(|module| &module.names);
            let bindings = names.and_then(|names| names.get(name));
            for binding in bindings.into_iter().flatten() {
                match binding {
                    Binding::Module(path) => drop(next.modules.insert(path.clone())),
                    Binding::Item(file) => drop(next.files.insert(file.clone())),
                    Binding::Import(path) => {
                        let import = resolve(sources, module, path, open);
                        next.modules.extend(import.modules);
                        next.files.extend(import.files);
                        next.foreign |= import.foreign;
                    }
                }
            }
        }
        // `Enum::Variant` belongs to the enum; if there is also a module of this name, the rest is resolved in it
        if next.modules.is_empty() && next.files.is_empty() && !next.foreign {
            next.files = found.files;
            next.foreign |= found.foreign;
        }
        found = next;
    }
    open.pop();
    found
}

/// The start of a path: a module, and the remaining segments.
pub fn absolute<'a>(place: &[String], path: &'a [String]) -> (Segments, &'a [String]) {
    let mut start = place.to_vec();
    let mut rest = path;
    while let [first, others @ ..] = rest {
        match first.as_str() {
            "crate" => start.clear(),
            "self" => {}
            "super" => drop(start.pop()),
            _ => break,
        }
        rest = others;
    }
    (start, rest)
}
