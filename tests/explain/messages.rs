//! EVERY MESSAGE OF THE CRATE, in one file to be read: `tests/explain/messages.txt`. First what an operator reads in a log, by its code
//! and with values in it, then what every error is made of.
//!
//! After a change: `BLESS=1 cargo test --all-features --test explain messages`, and read the difference. A message names what was seen and
//! what was wanted, shows no secret, and is bounded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::TokenTree;
use syn::visit::Visit;
use syn::{Attribute, ItemEnum, ItemStruct, LitStr};

use crate::reasons::every_entry;

#[test]
fn every_message_is_as_it_was_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("explain/messages.txt");
    let now = format!(
        "# As a log shows them\n\n{}\n# As they are made\n\n{}",
        shown(),
        made()
    );
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &now).expect("a file that can be written");
    }
    let read = std::fs::read_to_string(&path).expect("a file");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (now, read) = (lines(&now), lines(&read));
    let gone: Vec<_> = read.difference(&now).collect();
    let new: Vec<_> = now.difference(&read).collect();
    assert_eq!(
        (gone, new),
        (vec![], vec![]),
        "left: messages that are gone; right: new ones. Read them, then BLESS=1"
    );
}

fn shown() -> String {
    let lines = every_entry()
        .into_iter()
        .map(|(message, entry)| format!("{}: {message}\n", entry.code));
    lines.collect::<BTreeSet<_>>().into_iter().collect()
}

fn made() -> String {
    let mut templates = Templates::default();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src")) {
        let source = std::fs::read_to_string(&path).expect("a source");
        templates.visit_file(&syn::parse_file(&source).expect("Rust"));
    }
    assert!(templates.0.len() > 300, "{} were found", templates.0.len());
    templates.0.into_iter().collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

/// What stands in the `#[error("..")]` of each error.
#[derive(Default)]
struct Templates(BTreeSet<String>);

impl Templates {
    fn take(&mut self, name: &str, attributes: &[Attribute]) {
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("error"))
        {
            let list = attribute.meta.require_list().expect("a list");
            // `transparent` has none.
            if let Some(TokenTree::Literal(literal)) = list.tokens.clone().into_iter().next() {
                let text: LitStr = syn::parse_str(&literal.to_string()).expect("a text");
                self.0.insert(format!("{name}: {}\n", text.value()));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Templates {
    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        for variant in &item.variants {
            let name = format!("{}::{}", item.ident, variant.ident);
            self.take(&name, &variant.attrs);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.take(&item.ident.to_string(), &item.attrs);
    }
}
