//! WHOEVER CONSTRUCTS A TYPE FINDS AN EXAMPLE THAT ASSERTS: beside it, beside its constructor, or at the head of its file.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Expr, ExprLit, FnArg, ImplItem, Item, Lit, Meta, ReturnType, Type, Visibility};

use crate::documents::{read, rust_files};

/// Types with a constructor and no example of their own, and why.
const EXCUSED: &[(&str, &str)] = &[
    ("Algorithm", "a list of names"),
    ("BodyHash", "shown at `JwtVerifier` and `JwtScheme`"),
    ("BoundSessions", "shown at `Binding`"),
    ("BoundTickets", "as `BoundSessions`"),
    (
        "Claimed",
        "made by replay stores, for which `ReplayStore` says how",
    ),
    ("EbaySigner", "no crypto provider signs by ECDSA with SHA-1"),
    ("HandshakeFacts", "made by acceptors, for observers to read"),
    ("Hop", "shown at the head of `forwarded`"),
    ("Hops", "shown at the head of `forwarded`"),
    ("JoseKeyring", "shown under the names of its two kinds"),
    ("JwtAt", "shown at `JwtScheme`"),
    ("KeyId", "a name: shown wherever there is a key"),
    ("NotResolved", "an error, for resolvers of one's own"),
    ("NotSigned", "an error, for keys of one's own"),
    ("PassedOver", "told by lists that were read"),
    ("Log", "shown in `docs/observing.md`, beside a subscriber"),
    (
        "PayPalSigner",
        "for tests of receivers; shown nowhere, as `SnsSigner`",
    ),
    ("PeerCertificate", "made by layers, for observers to read"),
    ("PeerAlert", "found in errors of a client's own"),
    (
        "RequestHash",
        "shown in the constructors of schemes that have one",
    ),
    ("Resolved", "for implementations of `ResolveTenant`"),
    (
        "SnsSigner",
        "for tests of receivers, as a certificate is needed that SNS has published",
    ),
    ("TenantKeys", "shown at `FindKeys`"),
    ("Tripped", "shown where a breaker is restored"),
    ("Wanted", "shown at `FindKeys`"),
];

/// What the doc comments of an item say.
fn docs(attributes: &[Attribute]) -> String {
    let text = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => Some(text.value() + "\n"),
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}

/// Whether an example among these docs names the type and asserts something.
fn is_shown(name: &str, docs: &str) -> bool {
    let examples = docs.split("```").skip(1).step_by(2);
    let words = |code: &str| {
        code.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == name)
    };
    examples
        .filter(|code| !code.starts_with("compile_fail") && !code.starts_with("ignore"))
        .any(|code| code.contains("assert") && words(code))
}

/// Whether a function makes a value of the type whose `impl` it stands in, or a builder of one.
fn makes(name: &str, function: &syn::ImplItemFn) -> bool {
    let ReturnType::Type(_, returned) = &function.sig.output else {
        return false;
    };
    let returned = names_in(returned);
    let is = |word: &str| word == "Self" || word == name || word == format!("{name}Builder");
    let receives = matches!(function.sig.inputs.first(), Some(FnArg::Receiver(_)));
    let public = matches!(function.vis, Visibility::Public(_));
    public && !receives && returned.iter().any(|word| is(word))
}

/// The names in a type.
fn names_in(written: &Type) -> Vec<String> {
    struct Words(Vec<String>);
    impl<'a> syn::visit::Visit<'a> for Words {
        fn visit_path_segment(&mut self, segment: &'a syn::PathSegment) {
            self.0.push(segment.ident.to_string());
            syn::visit::visit_path_segment(self, segment);
        }
    }
    let mut words = Words(Vec::new());
    syn::visit::Visit::visit_type(&mut words, written);
    words.0
}

/// The constructible types of a file, each with whether an example shows it.
fn constructible(source: &str) -> BTreeMap<String, bool> {
    let file = syn::parse_file(source).expect("a Rust file");
    let head = docs(&file.attrs);
    let mut types = BTreeMap::new();
    for item in &file.items {
        let (vis, ident, attributes) = match item {
            Item::Struct(item) => (&item.vis, &item.ident, &item.attrs),
            Item::Enum(item) => (&item.vis, &item.ident, &item.attrs),
            _ => continue,
        };
        if matches!(vis, Visibility::Public(_)) {
            types.insert(ident.to_string(), format!("{head}\n{}", docs(attributes)));
        }
    }
    let mut made = BTreeSet::new();
    for item in &file.items {
        let Item::Impl(item) = item else { continue };
        let Some(name) = names_in(&item.self_ty).first().cloned() else {
            continue;
        };
        let Some(all) = types.get_mut(&name).filter(|_| item.trait_.is_none()) else {
            continue;
        };
        for function in &item.items {
            if let ImplItem::Fn(function) = function {
                all.push_str(&docs(&function.attrs));
                if makes(&name, function) {
                    made.insert(name.clone());
                }
            }
        }
    }
    let shown = |(name, docs): (String, String)| {
        let shown = is_shown(&name, &docs);
        (name, shown)
    };
    types
        .into_iter()
        .filter(|(name, _)| made.contains(name))
        .map(shown)
        .collect()
}

#[test]
fn each_type_that_is_constructed_has_an_example_that_asserts() {
    let files = rust_files("src").into_iter();
    let all: Vec<_> = files.flat_map(|path| constructible(&read(&path))).collect();
    assert!(all.len() > 100, "{} types", all.len());
    let bare = |shown: bool| {
        all.iter()
            .filter(move |(_, found)| *found == shown)
            .map(|(name, _)| name.as_str())
    };
    let without: BTreeSet<_> = bare(false).collect();
    let excused: BTreeSet<_> = EXCUSED.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        without.difference(&excused).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "without an example"
    );
    assert_eq!(
        excused.difference(&without).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "excused, and shown"
    );
}

#[test]
fn an_example_that_asserts_nothing_is_none() {
    let of = |docs: &str| {
        let source =
            format!("{docs}\npub struct A;\nimpl A {{ pub fn new() -> Self {{ A }} }}\npub struct B;");
        constructible(&source)
    };
    let shown = |shown| BTreeMap::from([("A".to_owned(), shown)]);
    assert_eq!(
        of("/// ```\n/// assert!(A::new().is_good());\n/// ```"),
        shown(true)
    );
    assert_eq!(of("/// ```\n/// A::new();\n/// ```"), shown(false));
    assert_eq!(of("/// ```\n/// assert!(true);\n/// ```"), shown(false));
    assert_eq!(
        of("/// ```compile_fail\n/// assert!(A::new());\n/// ```"),
        shown(false)
    );
    assert_eq!(of("/// assert A"), shown(false));
}

/// Whether a first line asks, or begins to. A question may follow in brackets, and does not lead.
fn asks(line: &str) -> bool {
    let words = [
        "How", "What", "When", "Where", "Whether", "Which", "Who", "Whom", "Whose", "Why",
    ];
    let line = line.trim();
    let first = line.split_whitespace().next().unwrap_or_default();
    words.contains(&first) || line.starts_with("**") || line.ends_with('?')
}

/// The last part of the module that stands in this file.
fn module_of(path: &str) -> &str {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.rsplit('/').next().unwrap_or(path)
}

/// The names of all public modules.
fn public_modules() -> BTreeSet<String> {
    let files = rust_files("src").into_iter().map(|path| read(&path));
    let items = files.flat_map(|source| syn::parse_file(&source).expect("a Rust file").items);
    let public = items.filter_map(|item| match item {
        Item::Mod(item) if matches!(item.vis, Visibility::Public(_)) => Some(item.ident.to_string()),
        _ => None,
    });
    public.collect()
}

/// A thing has a name: the first line of each public module, type, trait, constant and function by itself says it, and does
/// not ask.
#[test]
fn no_first_line_is_a_question() {
    let (mut asking, public) = (Vec::new(), public_modules());
    assert!(public.len() > 20, "{public:?}");
    for path in rust_files("src") {
        let file = syn::parse_file(&read(&path)).expect("a Rust file");
        let shown = public.contains(module_of(&path));
        if shown && asks(docs(&file.attrs).lines().next().unwrap_or_default()) {
            asking.push(path.clone());
        }
        for item in file.items {
            let (vis, ident, attributes) = match &item {
                Item::Const(item) => (&item.vis, &item.ident, &item.attrs),
                Item::Fn(item) => (&item.vis, &item.sig.ident, &item.attrs),
                Item::Struct(item) => (&item.vis, &item.ident, &item.attrs),
                Item::Enum(item) => (&item.vis, &item.ident, &item.attrs),
                Item::Trait(item) => (&item.vis, &item.ident, &item.attrs),
                Item::Type(item) => (&item.vis, &item.ident, &item.attrs),
                _ => continue,
            };
            let docs = docs(attributes);
            if matches!(vis, Visibility::Public(_)) && asks(docs.lines().next().unwrap_or_default()) {
                asking.push(format!("{path}: {ident}"));
            }
        }
    }
    assert_eq!(asking, Vec::<String>::new());
}

/// Whoever reads a name knows which type it is.
#[test]
fn no_two_public_types_share_a_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in rust_files("src") {
        for item in syn::parse_file(&read(&path)).expect("a Rust file").items {
            let (vis, ident) = match &item {
                Item::Struct(item) => (&item.vis, &item.ident),
                Item::Enum(item) => (&item.vis, &item.ident),
                Item::Trait(item) => (&item.vis, &item.ident),
                Item::Type(item) => (&item.vis, &item.ident),
                _ => continue,
            };
            if matches!(vis, Visibility::Public(_)) {
                places.entry(ident.to_string()).or_default().push(path.clone());
            }
        }
    }
    assert!(places.len() > 200, "{}", places.len());
    places.retain(|_, places| places.len() > 1);
    assert_eq!(places, BTreeMap::new());
}
