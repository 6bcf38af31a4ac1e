//! The crate's modules: their items, imports and paths.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use syn::visit::Visit;

use super::reader::Reader;

/// A path as segments; module paths are relative to the crate root, whose path is empty.
pub type Segments = Vec<String>;

/// The meaning of a name in a module.
#[derive(Clone, Debug)]
pub enum Binding {
    Module(Segments),
    /// An item, by the file that defines it.
    Item(String),
    Import(Segments),
}

/// A path that occurs in a module.
#[derive(Debug)]
pub struct Mention {
    pub path: Segments,
    /// In a `use` that is visible to other modules.
    pub reexport: bool,
}

#[derive(Debug, Default)]
pub struct Module {
    pub file: String,
    pub names: BTreeMap<String, Vec<Binding>>,
    pub mentions: Vec<Mention>,
}

#[derive(Debug, Default)]
pub struct Sources {
    pub modules: BTreeMap<Segments, Module>,
}

impl Sources {
    /// The modules of the folder `src`.
    pub fn read(src: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        let mut folders = vec![src.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(src).unwrap().to_str().unwrap();
                    files.push((name.replace('\\', "/"), fs::read_to_string(&path)?));
                }
            }
        }
        Ok(Self::parse(
            files.iter().map(|(name, text)| (&**name, &**text)),
        ))
    }

    /// Files by their paths relative to `src`.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut sources = Self::default();
        let mut tests = BTreeSet::new();
        for (file, text) in files {
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let module = module_of(file);
            Reader::new(&mut sources, &mut tests, module, file).visit_file(&parsed);
        }
        sources
            .modules
            .retain(|module, _| !(0..=module.len()).any(|end| tests.contains(&module[..end])));
        sources
    }

    /// Whether a path from the crate root starts with a re-export in the root or in the prelude.
    pub fn is_reexported_by_the_crate(&self, path: &[String]) -> bool {
        let import = |binding: &Binding| matches!(binding, Binding::Import(_));
        let root = self.modules.get(&Segments::new());
        path.first().is_some_and(|name| {
            let bindings = root.and_then(|root| root.names.get(name));
            name == "prelude" || bindings.is_some_and(|bindings| bindings.iter().all(import))
        })
    }
}

/// `a/b.rs` and `a/b/mod.rs` are the module `a::b`; `lib.rs` is the crate.
pub fn module_of(file: &str) -> Segments {
    let mut segments: Segments = file
        .trim_end_matches(".rs")
        .split('/')
        .map(String::from)
        .collect();
    if segments
        .last()
        .is_some_and(|last| last == "mod" || file == "lib.rs")
    {
        segments.pop();
    }
    segments
}
