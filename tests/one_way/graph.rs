//! Which file depends on which, and the circles among them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::source::{Binding, Segments, Sources, module_of};

/// From each file (or folder) to those it depends on, with the paths that name what it takes from there.
#[derive(Debug, Default, PartialEq)]
pub struct Graph(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Graph {
    /// An edge leads to the file that defines an item, through all re-exports. A re-export from below a module is none.
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

    /// For each edge that is on a circle, a shortest one, as `a -> b -> a`, with the paths that make it.
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

    /// A shortest way, both ends included.
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

/// Whether `path`, named in the module `place`, is one of our modules.
pub fn is_module(sources: &Sources, place: &[String], path: &[String]) -> bool {
    let found = resolve(sources, place, path, &mut Vec::new());
    !found.modules.is_empty()
}

/// Whether `path`, named in the module `place`, is a path of this crate that leads to nothing.
pub fn is_lost(sources: &Sources, place: &[String], path: &[String]) -> bool {
    let found = resolve(sources, place, path, &mut Vec::new());
    let ours = ["crate", "self", "super"].contains(&&*path[0]);
    let nothing = found.modules.is_empty() && found.files.is_empty() && !found.foreign;
    ours && nothing && path[path.len() - 1] != "*"
}

/// What a path leads to: modules, and files of items. A name may mean both, as `clip` in `clip::clip`.
#[derive(Default)]
struct Found {
    modules: BTreeSet<Segments>,
    files: BTreeSet<String>,
    /// It begins with a name that is not ours, such as another crate's.
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
        return found; // an import that leads back to itself
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
        // `Enum::Variant` is the enum's; where there is such a module too, what follows is in it
        if next.modules.is_empty() && next.files.is_empty() && !next.foreign {
            next.files = found.files;
            next.foreign |= found.foreign;
        }
        found = next;
    }
    open.pop();
    found
}

/// Where a path begins: a module, and the segments from there.
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
