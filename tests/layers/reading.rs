//! Which paths and modules a file names, read by `syn`: what is in comments, literals and tests never becomes part of the
//! library.

use std::{fs, io, path::Path};

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

pub(crate) struct File {
    /// Below `src/`, with forward slashes.
    pub(crate) path: String,
    pub(crate) source: String,
}

pub(crate) fn files(src: &Path) -> io::Result<Vec<File>> {
    let (mut files, mut folders) = (Vec::new(), vec![src.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(src).map_err(io::Error::other)?;
                let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
                files.push(File {
                    path: names.join("/"),
                    source: fs::read_to_string(&path)?,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// `trust/mod.rs` is `trust`, `trust/pins.rs` is `trust::pins`, `lib.rs` is the root: an empty path.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/')
        .filter(|name| !matches!(*name, "mod" | "lib"))
        .map(str::to_owned)
        .collect()
}

pub(crate) struct Parsed {
    pub(crate) path: String,
    pub(crate) module: Vec<String>,
    pub(crate) paths: Vec<NamedPath>,
    /// The name in each `mod name`, with its line.
    pub(crate) modules: Vec<(String, usize)>,
    /// The line of each `fn`.
    pub(crate) functions: Vec<usize>,
    /// What `#[cfg(test)] mod name` declares, here or in another file.
    pub(crate) test_modules: Vec<Vec<String>>,
    here: Vec<String>,
}

pub(crate) struct NamedPath {
    pub(crate) line: usize,
    pub(crate) written: Vec<String>,
    /// The same from the crate root, if it begins with `crate`, `self` or `super`.
    pub(crate) within: Option<Vec<String>>,
    /// Whether `as` follows.
    pub(crate) renamed: bool,
}

/// # Panics
/// On a file that is not Rust: the compiler has seen all of `src/`.
pub(crate) fn parse(file: &File) -> Parsed {
    let syntax = syn::parse_file(&file.source).unwrap_or_else(|error| panic!("{}: {error}", file.path));
    let module = module_of(&file.path);
    let mut parsed = Parsed {
        path: file.path.clone(),
        here: module.clone(),
        module,
        paths: Vec::new(),
        modules: Vec::new(),
        functions: Vec::new(),
        test_modules: Vec::new(),
    };
    parsed.visit_file(&syntax);
    parsed
}

impl Parsed {
    fn name(&mut self, written: Vec<String>, span: Span, renamed: bool) {
        self.paths.push(NamedPath {
            line: span.start().line,
            within: from_root(&self.here, &written),
            written,
            renamed,
        });
    }

    /// `a::{b, c::d}` is `a::b` and `a::c::d`.
    fn import(&mut self, stem: &[String], tree: &syn::UseTree) {
        let below = |name: &syn::Ident| [stem, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.import(&below(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.name(below(&name.ident), name.span(), false),
            syn::UseTree::Rename(name) => self.name(below(&name.ident), name.span(), true),
            syn::UseTree::Glob(all) => self.name([stem, &["*".to_owned()]].concat(), all.span(), false),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(stem, tree);
                }
            }
        }
    }

    /// What a macro is given, or made of, is read as words and colons.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<(String, Span)> = Vec::new();
        let mut joined = false;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if !joined {
                        self.end(&mut path);
                    }
                    path.push((word.to_string(), word.span()));
                    (joined, colons) = (false, 0);
                }
                TokenTree::Punct(sign) if sign.as_char() == ':' => {
                    colons += 1;
                    joined = colons == 2;
                    if colons == 1 && sign.spacing() == Spacing::Alone {
                        self.end(&mut path);
                    }
                }
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    (joined, colons) = (false, 0);
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.end(&mut path);
                    (joined, colons) = (false, 0);
                }
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Vec<(String, Span)>) {
        let Some((_, span)) = path.last() else { return };
        let span = *span;
        let written = path.drain(..).map(|(word, _)| word).collect();
        self.name(written, span, false);
    }
}

impl<'ast> Visit<'ast> for Parsed {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        self.here.push(name.clone());
        if item.attrs.iter().any(is_for_tests) {
            self.test_modules.push(self.here.clone());
        } else {
            self.modules.push((name, item.ident.span().start().line));
            let Some((_, items)) = &item.content else {
                self.here.pop();
                return;
            };
            for item in items {
                self.visit_item(item);
            }
        }
        self.here.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written = path.segments.iter().map(|segment| segment.ident.to_string());
        self.name(written.collect(), path.segments.span(), false);
        visit::visit_path(self, path);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.functions.push(signature.fn_token.span.start().line);
        visit::visit_signature(self, signature);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        self.tokens(call.tokens.clone());
    }
}

fn from_root(here: &[String], written: &[String]) -> Option<Vec<String>> {
    let mut at = match written.first()?.as_str() {
        "crate" => Vec::new(),
        "self" | "super" => here.to_vec(),
        _ => return None,
    };
    for segment in written {
        match segment.as_str() {
            "crate" | "self" => {}
            "super" => drop(at.pop()),
            name => at.push(name.to_owned()),
        }
    }
    Some(at)
}

/// `#[cfg(test)]`, or `#[cfg(all(test, ..))]`: never part of the library. `any(test, ..)` and `not(test)` may be.
fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else {
        return false;
    };
    list.path.is_ident("cfg") && names_test(list.tokens.clone())
}

fn names_test(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(of)]
            if word == "all" && of.delimiter() == Delimiter::Parenthesis =>
        {
            let parts: Vec<TokenTree> = of.stream().into_iter().collect();
            parts
                .split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
                .any(|part| names_test(part.iter().cloned().collect()))
        }
        _ => false,
    }
}
