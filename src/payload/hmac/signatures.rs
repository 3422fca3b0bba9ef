//! The signatures of a message: their places, and how many of them are looked at.

use super::engine::Reading;
use super::fields::{entries, list, optional, single};
use super::scheme::{Layout, SignatureAt};
use crate::payload::NotAuthentic;

/// The most signatures in one message that are looked at.
pub(in crate::payload) const MAX_SIGNATURES: usize = 100;

impl Layout {
    /// Whether any of the signatures satisfies `check`. Those of other versions are passed over.
    pub(in crate::payload) fn any_signature(
        &self,
        reading: &Reading<'_>,
        check: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, NotAuthentic> {
        let headers = reading.message.headers;
        Ok(match &self.signature {
            SignatureAt::Header { name, prefix } => single(headers, name)?
                .as_bytes()
                .strip_prefix(prefix.as_bytes())
                .is_some_and(check),
            SignatureAt::List {
                name,
                key,
                separators,
            } => list(single(headers, name)?, separators)
                .any(|(candidate, value)| candidate == &**key && check(value.as_bytes())),
            SignatureAt::Tagged { name, tag } => entries(single(headers, name)?.as_bytes(), b' ')
                .filter_map(|entry| entry.strip_prefix(tag.as_bytes())?.strip_prefix(b","))
                .any(check),
            SignatureAt::Positional { name } => entries(single(headers, name)?.as_bytes(), b',')
                .skip(1)
                .any(check),
            SignatureAt::Bare { name } => {
                let entries = single(headers, name)?.split(',');
                entries.map(|entry| entry.trim_matches(' ').as_bytes()).any(check)
            }
            SignatureAt::Numbered { names } => any_numbered(reading, names, check)?,
            SignatureAt::AnyOf { names } => any_of(reading, names, check)?,
            SignatureAt::Json(path) => reading
                .fields
                .json(path)
                .is_some_and(|text| check(text.as_bytes())),
            SignatureAt::FormPairs(field) => entries(reading.fields.form(field)?, b'&')
                .filter_map(|pair| pair.split_at_checked(memchr::memchr(b'|', pair)? + 1))
                .any(|(_, value)| check(value)),
        })
    }

    pub(in crate::payload) fn malformed_signature(&self) -> NotAuthentic {
        match self.signature.header() {
            Some(name) => NotAuthentic::MalformedSignature { name: name.clone() },
            None => NotAuthentic::MalformedBody,
        }
    }
}

/// The fields are numbered without a gap, so the first that is absent ends them; the very first must be there.
fn any_numbered(
    reading: &Reading<'_>,
    names: &[http::HeaderName],
    check: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, NotAuthentic> {
    for (position, name) in names.iter().enumerate() {
        match optional(reading.message.headers, name)? {
            Some(signature) if check(signature.as_bytes()) => return Ok(true),
            Some(_) => {}
            None if position > 0 => break,
            None => return Err(NotAuthentic::MissingHeader { name: name.clone() }),
        }
    }
    Ok(false)
}

fn any_of(
    reading: &Reading<'_>,
    names: &[http::HeaderName],
    check: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, NotAuthentic> {
    let mut missing = names.first();
    for name in names {
        if let Some(signature) = optional(reading.message.headers, name)? {
            missing = None;
            if check(signature.as_bytes()) {
                return Ok(true);
            }
        }
    }
    match missing {
        Some(name) => Err(NotAuthentic::MissingHeader { name: name.clone() }),
        None => Ok(false),
    }
}
