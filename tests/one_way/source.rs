//! Reads Rust sources into modules: what each defines, what it imports, and which paths it names. Tests are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use syn::{
    Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Token, UseTree, Visibility,
    buffer::{Cursor, TokenBuffer},
    ext::IdentExt,
    punctuated::Punctuated,
    visit::{self, Visit},
};

/// A path as segments; that of a module begins below the crate, whose own is empty.
pub type Segments = Vec<String>;

/// What a name means in a module.
#[derive(Clone, Debug)]
pub enum Binding {
    Module(Segments),
    /// An item, by the file that defines it.
    Item(String),
    Import(Segments),
}

/// A path that a module names.
#[derive(Debug)]
pub struct Mention {
    pub path: Segments,
    /// In a `use` that others can see.
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
    /// Those of the folder `src`.
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

    /// Files by their paths below `src`.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut sources = Self::default();
        let mut tests = BTreeSet::new();
        for (file, text) in files {
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let mut reader = Reader {
                sources: &mut sources,
                tests: &mut tests,
                module: module_of(file),
                file,
            };
            reader.here();
            reader.visit_file(&parsed);
        }
        sources
            .modules
            .retain(|module, _| !(0..=module.len()).any(|end| tests.contains(&module[..end])));
        sources
    }

    /// Whether a path from the crate's root begins with a re-export there, or in the prelude.
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

struct Reader<'a> {
    sources: &'a mut Sources,
    /// Modules in files of their own that are compiled for tests alone.
    tests: &'a mut BTreeSet<Segments>,
    module: Segments,
    file: &'a str,
}

impl Reader<'_> {
    fn here(&mut self) -> &mut Module {
        let module = self.sources.modules.entry(self.module.clone()).or_default();
        module.file = self.file.into();
        module
    }

    fn bind(&mut self, name: String, binding: Binding) {
        self.here().names.entry(name).or_default().push(binding);
    }

    fn mention(&mut self, path: Segments, reexport: bool) {
        self.here().mentions.push(Mention { path, reexport });
    }

    fn import(&mut self, tree: &UseTree, mut path: Segments, reexport: bool) {
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.unraw().to_string());
                self.import(&tree.tree, path, reexport);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, path.clone(), reexport);
                }
            }
            UseTree::Name(name) => self.imported(path, &name.ident, &name.ident, reexport),
            UseTree::Rename(name) => self.imported(path, &name.ident, &name.rename, reexport),
            UseTree::Glob(_) => {
                path.push("*".into());
                self.mention(path, reexport);
            }
        }
    }

    fn imported(
        &mut self,
        mut path: Segments,
        name: &impl ToString,
        alias: &impl ToString,
        reexport: bool,
    ) {
        let (name, mut alias) = (name.to_string(), alias.to_string());
        if name == "self" {
            // `use a::{self}` binds `a`
            if alias == "self" {
                alias = path.last().cloned().unwrap_or_default();
            }
        } else {
            path.push(name);
        }
        self.bind(alias, Binding::Import(path.clone()));
        self.mention(path, reexport);
    }

    fn module(&mut self, item: &ItemMod) {
        let name = item.ident.unraw().to_string();
        let mut path = self.module.clone();
        path.push(name.clone());
        self.bind(name, Binding::Module(path.clone()));
        if item.content.is_some() {
            let outer = std::mem::replace(&mut self.module, path);
            self.here();
            visit::visit_item_mod(self, item);
            self.module = outer;
        }
    }
}

impl Reader<'_> {
    fn tokens(&mut self, mut cursor: Cursor) {
        while !cursor.eof() {
            if let Some((name, mut rest)) = cursor.ident() {
                let mut path = vec![name.unraw().to_string()];
                while let Some((name, after)) = after_colons(rest).and_then(Cursor::ident) {
                    path.push(name.unraw().to_string());
                    rest = after;
                }
                if path.len() > 1 {
                    self.mention(path, false);
                }
                cursor = rest;
            } else if let Some((inside, .., rest)) = cursor.any_group() {
                self.tokens(inside);
                cursor = rest;
            } else if let Some((_, rest)) = cursor.token_tree() {
                cursor = rest;
            }
        }
    }
}

fn after_colons(mut cursor: Cursor) -> Option<Cursor> {
    for _ in 0..2 {
        let (punct, rest) = cursor.punct()?;
        cursor = Some(rest).filter(|_| punct.as_char() == ':')?;
    }
    Some(cursor)
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = match item {
            Item::Const(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
            Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
            Item::Static(item) => (&item.attrs, Some(&item.ident)),
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::TraitAlias(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Union(item) => (&item.attrs, Some(&item.ident)),
            Item::Impl(item) => (&item.attrs, None),
            Item::Use(item) => (&item.attrs, None),
            Item::Mod(item) => (&item.attrs, None),
            other => return visit::visit_item(self, other),
        };
        match item {
            Item::Mod(module) if for_tests(attributes) => {
                let mut path = self.module.clone();
                path.push(module.ident.to_string());
                self.tests.insert(path);
            }
            _ if for_tests(attributes) => {}
            Item::Mod(module) => self.module(module),
            _ => {
                if let Some(name) = name {
                    let binding = Binding::Item(self.file.into());
                    if attributes.iter().any(|a| a.path().is_ident("macro_export")) {
                        let root = self.sources.modules.entry(Segments::new()).or_default();
                        root.names
                            .entry(name.to_string())
                            .or_default()
                            .push(binding.clone());
                    }
                    self.bind(name.unraw().to_string(), binding);
                }
                visit::visit_item(self, item);
            }
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            other => return visit::visit_impl_item(self, other),
        };
        if !for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            let reexport = !matches!(item.vis, Visibility::Inherited);
            self.import(&item.tree, Segments::new(), reexport);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        // A lone name comes from here, or from a `use`, which is counted.
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let segments = path.segments.iter().map(|s| s.ident.unraw().to_string());
            self.mention(segments.collect(), false);
        }
        visit::visit_path(self, path);
    }

    /// What a macro is given, or is made of, is not parsed: every `a::b` in it is taken for a path.
    fn visit_macro(&mut self, item: &'ast Macro) {
        self.tokens(TokenBuffer::new2(item.tokens.clone()).begin());
        visit::visit_macro(self, item);
    }
}

/// Whether these hold `#[cfg(test)]` or `#[cfg(all(test, ..))]`.
fn for_tests(attributes: &[Attribute]) -> bool {
    fn wants_test(meta: &Meta) -> bool {
        match meta {
            Meta::List(list) if list.path.is_ident("all") => list
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .is_ok_and(|all| all.iter().any(wants_test)),
            meta => meta.path().is_ident("test"),
        }
    }
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .any(|cfg| cfg.parse_args().is_ok_and(|meta| wants_test(&meta)))
}
