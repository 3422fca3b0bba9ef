//! Header fields that say who somebody is: how they are found, whatever their spelling, and what must not be among them.

use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::format::unreadable;
use crate::refusal::{NotForwarded, UnreadableField};

/// Whether readers of some kind take the two for one: CGI, and what came after it, has `_` for each `-`, some have it for
/// each `.` as well, and none tells cases apart.
pub(super) fn passes_for(name: &[u8], other: &[u8]) -> bool {
    let folded = |byte: &u8| match byte {
        b'_' | b'.' => b'-',
        byte => byte.to_ascii_lowercase(),
    };
    name.len() == other.len() && name.iter().map(folded).eq(other.iter().map(folded))
}

/// Whether a name begins so, in any spelling.
pub(super) fn begins_with(name: &[u8], prefix: &[u8]) -> bool {
    let start = name.get(..prefix.len());
    start.is_some_and(|start| passes_for(start, prefix))
}

/// The value of a field that stands there, or the values of a list.
pub(super) fn text(headers: &HeaderMap, field: &HeaderName) -> Result<Option<String>, NotForwarded> {
    let mut lines = headers.get_all(field).iter().map(HeaderValue::to_str);
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let not_ascii = |_| unreadable(field, UnreadableField::NotAscii);
    let mut text = first.map_err(not_ascii)?.to_owned();
    for line in lines {
        text.push_str(", ");
        text.push_str(line.map_err(not_ascii)?);
    }
    Ok(Some(text))
}

/// Whether these fields stand there as a trusted hop writes them: once, under no other name, and for us.
pub(super) fn check<'f>(
    fields: impl Iterator<Item = &'f HeaderName> + Clone,
    may_be_repeated: impl Fn(&HeaderName) -> bool,
    headers: &HeaderMap,
    limit: usize,
) -> Result<(), NotForwarded> {
    let mut bytes = 0_usize;
    for (name, value) in headers {
        let mut like = fields
            .clone()
            .filter(|field| passes_for(name.as_ref(), field.as_ref()));
        match like.next() {
            Some(field) if field == name => bytes = bytes.saturating_add(value.len()),
            // Another field of ours may be spelled so.
            Some(_) if fields.clone().any(|field| field == name) => bytes = bytes.saturating_add(value.len()),
            Some(_) => return Err(NotForwarded::Alias { field: name.clone() }),
            None => {}
        }
    }
    if bytes > limit {
        return Err(NotForwarded::TooLarge { limit });
    }
    for field in fields {
        if named_by_connection(headers, field) {
            let field = field.clone();
            return Err(NotForwarded::HopByHop { field });
        }
        if headers.get_all(field).iter().nth(1).is_some() && !may_be_repeated(field) {
            let field = field.clone();
            return Err(NotForwarded::Repeated { field });
        }
    }
    Ok(())
}

fn named_by_connection(headers: &HeaderMap, field: &HeaderName) -> bool {
    connection_options(headers).any(|option| passes_for(option, field.as_ref()))
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes);
    lines
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// Removes these fields, and their names from `Connection`: the next hop would drop what is written in their place.
pub(super) fn take_out(headers: &mut HeaderMap, is_ours: impl Fn(&[u8]) -> bool) {
    let ours = headers.keys().filter(|name| is_ours(name.as_ref()));
    for name in ours.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
    if !connection_options(headers).any(&is_ours) {
        return;
    }
    let others = connection_options(headers).filter(|option| !option.is_empty() && !is_ours(option));
    let others = others.collect::<Vec<_>>().join(&b", "[..]);
    headers.remove(CONNECTION);
    if let Ok(others) = HeaderValue::from_bytes(&others)
        && !others.is_empty()
    {
        headers.insert(CONNECTION, others);
    }
}
