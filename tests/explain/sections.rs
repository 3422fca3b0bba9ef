//! `docs/refusals.md` against the tables of codes: a section for each code, and no other; each says what its table says.

use std::collections::BTreeMap;

use countersign::codes::Entry;

use crate::reasons::every_entry;

const DOCUMENT: &str = include_str!("../../docs/refusals.md");

/// What a section has, in this order.
const LINES: [&str; 5] = ["Likely cause", "See it", "Receiver", "Sender", "Rule"];

/// The sections by their codes, each as its paragraphs and items.
fn sections() -> BTreeMap<&'static str, Vec<&'static str>> {
    let sections = DOCUMENT.split("\n### `").skip(1);
    sections
        .map(|section| {
            let (code, rest) = section.split_once("`\n").expect("a code");
            let rest = rest.split("\n## ").next().expect("a section");
            (code, rest.lines().filter(|line| !line.is_empty()).collect())
        })
        .collect()
}

fn item(section: &[&str], name: &str) -> String {
    let start = format!("* **{name}:** ");
    let mut found = section
        .iter()
        .filter_map(|line| line.strip_prefix(start.as_str()));
    let (Some(text), None) = (found.next(), found.next()) else {
        panic!("one item {name} in {section:?}");
    };
    text.to_owned()
}

fn entries() -> BTreeMap<&'static str, &'static Entry> {
    every_entry()
        .into_iter()
        .map(|(_, entry)| (entry.code, entry))
        .collect()
}

#[test]
fn each_code_has_a_section_and_each_section_a_code() {
    let sections: Vec<_> = sections().into_keys().collect();
    let entries: Vec<_> = entries().into_keys().collect();
    assert_eq!(
        sections, entries,
        "left: docs/refusals.md; right: the tables in src/"
    );
    let written = DOCUMENT.matches("\n### ").count();
    assert_eq!(written, sections.len(), "each once");
}

#[test]
fn each_section_says_what_its_table_says() {
    let sections = sections();
    for (code, entry) in entries() {
        let section = &sections[code];
        let (meaning, items) = section.split_first().expect("a meaning");
        assert!(meaning.ends_with('.') && meaning.len() > 12, "{code}: {meaning}");
        let names: Vec<_> = items
            .iter()
            .map(|item| item.split(":**").next().expect("a name"))
            .collect();
        assert_eq!(names, LINES.map(|name| format!("* **{name}")), "{code}");
        assert_eq!(item(section, "Receiver"), entry.receiver, "{code}");
        assert_eq!(item(section, "Sender"), entry.sender, "{code}");
        assert_eq!(item(section, "Rule"), entry.rule, "{code}");
    }
}

/// One code in two tables would be two rows for one section.
#[test]
fn a_code_has_one_row() {
    let mut seen = BTreeMap::new();
    for (_, entry) in every_entry() {
        assert_eq!(seen.entry(entry.code).or_insert(entry), &entry, "{}", entry.code);
    }
}

/// What is looked at with `openssl` is shown with it: all that a certificate can be refused for, but what is no matter of bytes.
#[test]
fn refusals_of_certificates_have_their_openssl_command() {
    const NO_COMMAND: [&str; 5] = [
        "identity.too_many_certificates",
        "trust.nothing_before",
        "trust.enrolment",
        "trust.servers_only",
        "trust.denied",
    ];
    for (code, section) in sections() {
        let of_certificates = code.starts_with("identity.") || code.starts_with("trust.");
        if of_certificates && !NO_COMMAND.contains(&code) {
            assert!(section.iter().any(|line| line.contains("openssl ")), "{code}");
        }
    }
}

#[test]
fn a_section_is_found_by_its_link() {
    for (code, entry) in entries() {
        // As GitHub makes an anchor of a heading: what is no letter, digit, `_` or `-` is left out.
        let anchor: String = format!("`{code}`")
            .chars()
            .filter(|char| char.is_alphanumeric() || "_-".contains(*char))
            .collect();
        assert_eq!(entry.section(), format!("docs/refusals.md#{anchor}"));
    }
}
