//! WHICH OTHER CRATES STAND IN PUBLIC SIGNATURES? Those of the table in `docs/design.md`, in the versions that it names: what
//! stands there binds our versions to theirs.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ItemImpl, TraitItem, UseTree, Visibility};

use crate::documents::read;
use crate::reading;

/// The names of our dependencies in Rust, and, beside those, what one is called inside of another.
fn dependencies() -> BTreeMap<String, String> {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("a manifest");
    let names = manifest["dependencies"].as_table().expect("a table").keys();
    let mut known: BTreeMap<_, _> = names.map(|name| (name.replace('-', "_"), name.clone())).collect();
    known.insert("pki_types".to_owned(), "rustls-pki-types".to_owned());
    known
}

/// What a public signature names, as far as it is another crate's.
struct Signatures<'a> {
    known: &'a BTreeMap<String, String>,
    /// The modules of this file, which are called as they like.
    modules: BTreeSet<String>,
    /// Of this file: what each imported name is of.
    imported: BTreeMap<String, String>,
    found: BTreeSet<String>,
}

impl Signatures<'_> {
    /// Whose a path is: of the crate that it begins with, or of what that, or our `tls`, shows of rustls.
    fn owner(&self, path: &[String]) -> Option<String> {
        let first = path.first()?;
        let shown = path
            .iter()
            .rev()
            .find(|name| matches!(name.as_str(), "rustls" | "pki_types"));
        let own = matches!(first.as_str(), "crate" | "self" | "super") || self.modules.contains(first);
        match (own, shown) {
            (true, None) => None,
            (true, Some(shown)) => self.known.get(shown).cloned(),
            (false, shown) => {
                let begun = self.known.get(first)?;
                Some(
                    shown
                        .and_then(|shown| self.known.get(shown))
                        .unwrap_or(begun)
                        .clone(),
                )
            }
        }
    }

    fn import(&mut self, stem: &[String], tree: &UseTree) {
        let below = |name: &syn::Ident| [stem, &[name.to_string()]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.import(&below(&path.ident), &path.tree),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.import(stem, tree)),
            UseTree::Glob(_) => return,
            UseTree::Name(name) if name.ident == "self" => (stem.to_vec(), stem.last().cloned()),
            UseTree::Name(name) => (below(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(name) => (below(&name.ident), Some(name.rename.to_string())),
        };
        if let Some((name, owner)) = name.zip(self.owner(&path)) {
            self.imported.insert(name, owner);
        }
    }
}

impl<'ast> Visit<'ast> for Signatures<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        let imported = names.first().and_then(|first| self.imported.get(first)).cloned();
        self.found.extend(self.owner(&names).or(imported));
        visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_block(&mut self, _: &'ast syn::Block) {}

    fn visit_expr(&mut self, _: &'ast syn::Expr) {}
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The names of the public types and traits among these items.
fn public_names(items: &[Item]) -> impl Iterator<Item = String> {
    items.iter().filter_map(|item| match item {
        Item::Struct(item) if is_public(&item.vis) => Some(item.ident.to_string()),
        Item::Enum(item) if is_public(&item.vis) => Some(item.ident.to_string()),
        Item::Type(item) if is_public(&item.vis) => Some(item.ident.to_string()),
        _ => None,
    })
}

fn visit_public(signatures: &mut Signatures<'_>, item: &Item, types: &BTreeSet<String>) {
    match item {
        Item::Fn(item) if is_public(&item.vis) => signatures.visit_signature(&item.sig),
        Item::Type(item) if is_public(&item.vis) => signatures.visit_item_type(item),
        Item::Const(item) if is_public(&item.vis) => signatures.visit_type(&item.ty),
        Item::Use(item) if is_public(&item.vis) => signatures.visit_use(&item.tree),
        Item::Enum(item) if is_public(&item.vis) => signatures.visit_item_enum(item),
        Item::Struct(item) if is_public(&item.vis) => {
            signatures.visit_generics(&item.generics);
            for field in item.fields.iter().filter(|field| is_public(&field.vis)) {
                signatures.visit_type(&field.ty);
            }
        }
        Item::Trait(item) if is_public(&item.vis) => {
            item.supertraits
                .iter()
                .for_each(|bound| signatures.visit_type_param_bound(bound));
            for item in &item.items {
                if let TraitItem::Fn(function) = item {
                    signatures.visit_signature(&function.sig);
                }
            }
        }
        Item::Impl(item) => visit_impl(signatures, item, types),
        Item::Macro(item) => visit_macro(signatures, item.mac.tokens.clone()),
        _ => {}
    }
}

/// The traits that a macro implements for the types that it is given: `impl Trait for $type`.
fn visit_macro(signatures: &mut Signatures<'_>, tokens: TokenStream) {
    let mut implemented: Option<Vec<String>> = None;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => visit_macro(signatures, group.stream()),
            TokenTree::Ident(word) if word == "impl" => implemented = Some(Vec::new()),
            TokenTree::Ident(word) if word == "for" => {
                let of_a_parameter =
                    matches!(tokens.peek(), Some(TokenTree::Punct(sign)) if sign.as_char() == '$');
                for name in implemented.take().filter(|_| of_a_parameter).unwrap_or_default() {
                    let own = signatures.imported.get(&name).cloned();
                    let owner = own.or_else(|| signatures.owner(&[name]));
                    signatures.found.extend(owner);
                }
            }
            TokenTree::Ident(word) => implemented
                .iter_mut()
                .for_each(|names| names.push(word.to_string())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Of a public type: its public functions, and the traits that it implements.
fn visit_impl(signatures: &mut Signatures<'_>, item: &ItemImpl, types: &BTreeSet<String>) {
    let syn::Type::Path(of) = &*item.self_ty else {
        return;
    };
    if !of
        .path
        .segments
        .last()
        .is_some_and(|name| types.contains(&name.ident.to_string()))
    {
        return;
    }
    if let Some((_, implemented, _)) = &item.trait_ {
        signatures.visit_path(implemented);
        signatures.visit_generics(&item.generics);
    }
    for item in &item.items {
        match item {
            ImplItem::Fn(function) if is_public(&function.vis) => signatures.visit_signature(&function.sig),
            ImplItem::Type(item) => signatures.visit_type(&item.ty),
            _ => {}
        }
    }
}

impl Signatures<'_> {
    /// What is shown under a name of ours.
    fn visit_use(&mut self, tree: &UseTree) {
        let before = self.imported.clone();
        self.imported.clear();
        self.import(&[], tree);
        let shown: Vec<_> = self.imported.values().cloned().collect();
        self.found.extend(shown);
        self.imported = before;
    }
}

/// Each crate that a public signature of these sources names.
fn named<'s>(sources: impl Iterator<Item = &'s str>, known: &BTreeMap<String, String>) -> BTreeSet<String> {
    let files: Vec<_> = sources
        .map(|source| syn::parse_file(source).expect("a Rust file"))
        .collect();
    let types = files.iter().flat_map(|file| public_names(&file.items)).collect();
    let mut found = BTreeSet::new();
    for file in &files {
        let modules = file.items.iter().filter_map(|item| match item {
            Item::Mod(module) => Some(module.ident.to_string()),
            _ => None,
        });
        let mut signatures = Signatures {
            known,
            modules: modules.collect(),
            imported: BTreeMap::new(),
            found,
        };
        for item in &file.items {
            if let Item::Use(item) = item {
                signatures.import(&[], &item.tree);
            }
        }
        file.items
            .iter()
            .for_each(|item| visit_public(&mut signatures, item, &types));
        found = signatures.found;
    }
    found
}

/// The rows of the table, each crate with the version that stands behind it.
fn rows(design: &str) -> BTreeMap<String, Option<String>> {
    let (_, section) = design
        .split_once("### Other crates in the API")
        .expect("the section");
    let table = section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1);
    let rows = table.take_while(|line| line.starts_with('|'));
    let named = rows.filter(|line| !line.contains("| not named: "));
    let first_cells = named.filter_map(|line| line.split('|').nth(1));
    let crates = first_cells.flat_map(|cell| cell.split(','));
    crates
        .map(|one| {
            let mut parts = one.split('`').skip(1);
            let name = parts.next().expect("a name in backticks");
            let version = parts.next().map(str::trim).filter(|version| !version.is_empty());
            (name.to_owned(), version.map(str::to_owned))
        })
        .collect()
}

#[test]
fn the_design_document_lists_the_crates_of_public_signatures() -> std::io::Result<()> {
    let files = reading::files(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"))?;
    let shipped = files.iter().filter(|file| !file.path.contains("tests"));
    let found = named(shipped.map(|file| &*file.source), &dependencies());
    let rows = rows(&read("docs/design.md"));
    assert_eq!(rows.keys().cloned().collect::<BTreeSet<_>>(), found);

    let manifest: toml::Table = read("Cargo.toml").parse().expect("a manifest");
    for (name, version) in rows {
        let wanted = &manifest["dependencies"][&name];
        let wanted = wanted
            .as_str()
            .or_else(|| wanted["version"].as_str())
            .expect("a version");
        let is_it = |version: &String| wanted == version || wanted.starts_with(&format!("{version}."));
        assert!(
            version.as_ref().is_none_or(is_it),
            "{name} is {wanted}, and not {version:?}"
        );
    }
    Ok(())
}

#[test]
fn what_only_looks_public_is_not_counted() {
    let known = ["rustls", "http", "bytes"]
        .map(|name| (name.to_owned(), name.to_owned()))
        .into();
    let of = |source: &str| {
        named(std::iter::once(source), &known)
            .into_iter()
            .collect::<Vec<_>>()
    };
    for (source, expected) in [
        ("pub fn f(uri: http::Uri) {}", &["http"][..]),
        ("use http::Uri as Address; pub fn f(at: &Address) {}", &["http"]),
        (
            "use crate::tls::rustls::{self, Error}; pub struct A { pub error: Error }",
            &["rustls"],
        ),
        ("pub use rustls;", &["rustls"]),
        ("pub struct A; impl From<http::Error> for A {}", &["http"]),
        (
            "pub struct A; impl A { pub fn f<T: Into<bytes::Bytes>>(of: T) {} }",
            &["bytes"],
        ),
        ("pub trait T { fn f(&self) -> http::Uri; }", &["http"]),
        ("pub enum E { A(http::Uri) }", &["http"]),
        (
            "use http::Uri; macro_rules! m { ($($t:ty)*) => {$( impl From<Uri> for $t {} )*}; }",
            &["http"],
        ),
        (
            "use http::Uri; macro_rules! m { () => { impl From<Uri> for A {} }; }",
            &[],
        ),
        ("mod http; pub use http::Uri;", &[]),
        ("use super::http::Uri; pub fn f(uri: Uri) {}", &[]),
        ("pub fn f() { let uri: http::Uri; }", &[]),
        ("pub(crate) fn f(uri: http::Uri) {}", &[]),
        ("pub struct A { uri: http::Uri }", &[]),
        ("struct A; impl From<http::Error> for A {}", &[]),
        ("pub struct A; impl A { fn f(uri: http::Uri) {} }", &[]),
    ] {
        assert_eq!(of(source), expected, "{source}");
    }
}
