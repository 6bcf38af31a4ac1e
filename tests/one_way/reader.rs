//! Parses one file. Code that is only compiled for tests is skipped, as are comments.

use std::{collections::BTreeSet, mem};

use syn::{
    Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Token, UseTree, Visibility,
    buffer::{Cursor, TokenBuffer},
    ext::IdentExt,
    punctuated::Punctuated,
    visit::{self, Visit},
};

use super::source::{Binding, Mention, Module, Segments, Sources};

/// Adds the contents of one file to all modules.
pub struct Reader<'a> {
    sources: &'a mut Sources,
    /// Modules in separate files that are only compiled for tests.
    tests: &'a mut BTreeSet<Segments>,
    module: Segments,
    file: &'a str,
}

impl<'a> Reader<'a> {
    pub fn new(
        sources: &'a mut Sources,
        tests: &'a mut BTreeSet<Segments>,
        module: Segments,
        file: &'a str,
    ) -> Self {
        let mut reader = Reader {
            sources,
            tests,
            module,
            file,
        };
        reader.here(); // a file without items is a module too
        reader
    }

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
            let outer = mem::replace(&mut self.module, path);
            self.here();
            visit::visit_item_mod(self, item);
            self.module = outer;
        }
    }

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
                    let name = name.unraw().to_string();
                    if attributes.iter().any(|a| a.path().is_ident("macro_export")) {
                        let root = self.sources.modules.entry(Segments::new()).or_default();
                        let bindings = root.names.entry(name.clone()).or_default();
                        bindings.push(binding.clone());
                    }
                    self.bind(name, binding);
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
        // A single name is local, or from a `use`, which is counted.
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let segments = path.segments.iter().map(|s| s.ident.unraw().to_string());
            self.mention(segments.collect(), false);
        }
        visit::visit_path(self, path);
    }

    /// Macro arguments and bodies are not parsed: every `a::b` in them is treated as a path.
    fn visit_macro(&mut self, item: &'ast Macro) {
        self.tokens(TokenBuffer::new2(item.tokens.clone()).begin());
        visit::visit_macro(self, item);
    }
}

/// Whether these contain `#[cfg(test)]` or `#[cfg(all(test, ..))]`.
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
