//! Byte Sequences (RFC 8941 §3.3.5), read by a library of structured fields.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use sfv::{BareItem, FieldType, Item, List, ListEntry, Parser, Version};

use crate::refusal::UnreadableField;

/// The only one.
pub(super) fn item(text: &str) -> Result<CertificateDer<'static>, UnreadableField> {
    let item: Item = parse(text)?;
    canonical(text, item)
}

/// Each of a list; at least one.
pub(super) fn list(text: &str) -> Result<Vec<CertificateDer<'static>>, UnreadableField> {
    let list: List = parse(text)?;
    // Neither base64 nor its colons have a comma in them, and parameters are refused.
    let texts = text.split(',').map(|text| text.trim_matches([' ', '\t']));
    let entries = texts.zip(list);
    let certificates = entries.map(|(text, entry)| match entry {
        ListEntry::Item(item) => canonical(text, item),
        ListEntry::InnerList(_) => Err(UnreadableField::NotStructured),
    });
    certificates.collect()
}

/// The value as it is written, with its colons.
pub(super) fn written(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(der))
}

fn parse<T: FieldType>(text: &str) -> Result<T, UnreadableField> {
    let parser = Parser::new(text.as_bytes()).with_version(Version::Rfc8941);
    parser.parse().map_err(|_| UnreadableField::NotStructured)
}

/// A parser may take base64 without padding, or with stray bits (RFC 8941 §4.2.7). Nobody writes certificates so.
fn canonical(text: &str, item: Item) -> Result<CertificateDer<'static>, UnreadableField> {
    let BareItem::ByteSequence(der) = item.bare_item else {
        return Err(UnreadableField::NotStructured);
    };
    if !item.params.is_empty() {
        return Err(UnreadableField::NotStructured);
    }
    if der.is_empty() {
        return Err(UnreadableField::Empty);
    }
    if text != written(&der) {
        return Err(UnreadableField::NotCanonical);
    }
    Ok(der.into())
}
