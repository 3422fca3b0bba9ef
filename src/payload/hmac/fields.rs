//! Header fields and lists in them, read strictly.

use http::{HeaderMap, HeaderName};

use super::scheme::{Layout, SignatureAt};
use crate::payload::NotAuthentic;
use crate::payload::percent::decode;

/// The longest value of a header field that is read, in bytes.
pub(in crate::payload) const MAX_FIELD: usize = 8 * 1024;
/// The longest identity of a delivery, in bytes.
pub(in crate::payload) const MAX_ID: usize = 256;

/// The value of a header field that must stand exactly once.
#[inline]
pub(in crate::payload) fn single<'m>(
    headers: &'m HeaderMap,
    name: &HeaderName,
) -> Result<&'m str, NotAuthentic> {
    optional(headers, name)?.ok_or_else(|| NotAuthentic::MissingHeader { name: name.clone() })
}

/// The value of a header field that must not stand more than once.
#[inline]
pub(in crate::payload) fn optional<'m>(
    headers: &'m HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'m str>, NotAuthentic> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    // Where there are as many fields as names, none is repeated.
    if headers.len() > headers.keys_len() && headers.get_all(name).iter().nth(1).is_some() {
        return Err(NotAuthentic::RepeatedHeader { name: name.clone() });
    }
    let fits = (1..=MAX_FIELD).contains(&value.len());
    match value.to_str() {
        Ok(text) if fits => Ok(Some(text)),
        _ => Err(NotAuthentic::MalformedHeader { name: name.clone() }),
    }
}

/// What stands between these bytes.
pub(in crate::payload) fn entries(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let cut = memchr::memchr(separator, value).and_then(|at| value.split_at_checked(at));
        rest = cut.and_then(|(_, after)| after.get(1..));
        Some(cut.map_or(value, |(before, _)| before))
    })
}

/// `key=value` entries, with spaces around them allowed. The text is ASCII, as what was read of a header field is.
#[inline]
pub(in crate::payload) fn list<'t>(
    text: &'t str,
    separators: &str,
) -> impl Iterator<Item = (&'t str, &'t str)> {
    let mut rest = Some(text);
    let entries = std::iter::from_fn(move || {
        let text = rest?;
        let cut = separator(text.as_bytes(), separators.as_bytes()).and_then(|at| text.split_at_checked(at));
        rest = cut.and_then(|(_, after)| after.get(1..));
        Some(cut.map_or(text, |(before, _)| before))
    });
    entries.filter_map(|entry| {
        let entry = entry.trim_matches(' ');
        let (key, value) = entry.split_at_checked(memchr::memchr(b'=', entry.as_bytes())?)?;
        Some((key, value.get(1..)?))
    })
}

#[inline]
fn separator(text: &[u8], separators: &[u8]) -> Option<usize> {
    match separators {
        [one] => memchr::memchr(*one, text),
        [one, two] => memchr::memchr2(*one, *two, text),
        any => text.iter().position(|byte| any.contains(byte)),
    }
}

/// The value of a query's only parameter of this name. Another that only reads so, once it is decoded, is one as well: the handler may
/// read that.
pub(in crate::payload) fn query_value<'q>(
    query: Option<&'q str>,
    name: &str,
) -> Result<Option<&'q str>, NotAuthentic> {
    let is_it = |pair: &&str| {
        let candidate = pair.split_once('=').map_or(*pair, |(candidate, _)| candidate);
        candidate == name || candidate.contains(['%', '+']) && decode(candidate.as_bytes()) == name.as_bytes()
    };
    let mut found = query.unwrap_or_default().split('&').filter(is_it);
    let (only, second) = (found.next(), found.next());
    let Some(only) = only else { return Ok(None) };
    match (only.split_once('='), second) {
        // An escape would be a second form of the same name or value.
        (Some((_, value)), None) if !only.contains(['%', '+']) => Ok(Some(value)),
        _ => Err(NotAuthentic::MalformedQuery),
    }
}

impl Layout {
    /// The value of this key in the list that holds the signatures. Repeated only in lists of groups, and then the
    /// same in all of them.
    pub(in crate::payload) fn list_value<'m>(
        &self,
        headers: &'m HeaderMap,
        wanted: &str,
    ) -> Result<Option<&'m str>, NotAuthentic> {
        let SignatureAt::List { name, separators, .. } = &self.signature else {
            return Ok(None);
        };
        let mut values = list(single(headers, name)?, separators).filter(|(key, _)| *key == wanted);
        let first = values.next().map(|(_, value)| value);
        let grouped = separators.contains(' ');
        if values.any(|(_, value)| !grouped || Some(value) != first) {
            return Err(NotAuthentic::MalformedHeader { name: name.clone() });
        }
        Ok(first)
    }

    /// A value that cannot be taken for more than itself: visible, and without any text that sets parts apart.
    #[inline]
    pub(in crate::payload) fn is_plain(&self, value: &str) -> bool {
        (1..=MAX_ID).contains(&value.len()) && is_visible(value) && !self.reading.separates(value)
    }
}

/// Looks at every byte, whatever it finds: so the compiler looks at many at once.
#[inline]
fn is_visible(value: &str) -> bool {
    value
        .bytes()
        .fold(true, |visible, byte| visible & byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it reads where nobody is in a hurry.
    fn plainly<'t>(text: &'t str, separators: &str) -> Vec<(&'t str, &'t str)> {
        let entries = text.split(|character| separators.contains(character));
        let pairs = entries.filter_map(|entry| entry.trim_matches(' ').split_once('='));
        pairs.collect()
    }

    #[test]
    fn lists_are_cut_at_each_separator() {
        let letters = ['t', '=', ',', ' ', ';'];
        let mut texts = vec![String::new()];
        for from in 0.. {
            let text = texts[from].clone();
            if text.len() == 6 {
                break;
            }
            texts.extend(letters.map(|letter| format!("{text}{letter}")));
        }
        for separators in [",", ", ", ",; ", "\u{e4}"] {
            for text in &texts {
                let found: Vec<_> = list(text, separators).collect();
                assert_eq!(found, plainly(text, separators), "{text:?} at {separators:?}");
            }
        }
    }
}
