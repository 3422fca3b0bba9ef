//! Header fields as they may have been before somebody rewrote them.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::mistake::Mistake;
use super::search::Search;
use crate::payload::hmac::SignatureAt;
use crate::payload::percent::decode;
use crate::payload::{FindKeys, Message, Trial};

/// The most values that are looked at in the place of one.
const MAX_VALUES: usize = 64;

/// Whether the signature stands elsewhere, or in another form.
pub(super) fn each(search: &mut Search<'_, '_>, trial: &Trial, ring: &Arc<dyn FindKeys>) -> bool {
    let Some(name) = trial.field().cloned() else {
        return false;
    };
    let message = search.message;
    let mut is_signed = |(mistake, detail, value): (Mistake, String, HeaderValue)| {
        let headers = with_field(message.headers, &name, value);
        let changed = Message {
            headers: &headers,
            ..message
        };
        search.attempt(mistake, &detail, trial, ring, &changed)
    };
    let candidates = repeated(&message, &name)
        .into_iter()
        .chain(joined(&message, &name, trial))
        .chain(rewritten(&message, &name))
        .chain(elsewhere(&message, &name));
    candidates.take(MAX_VALUES * 4).any(&mut is_signed)
}

/// The fields with this one value under the name.
pub(super) fn with_field(headers: &HeaderMap, name: &HeaderName, value: HeaderValue) -> HeaderMap {
    let mut changed = headers.clone();
    changed.insert(name.clone(), value);
    changed
}

type Candidate = (Mistake, String, HeaderValue);

fn repeated(message: &Message<'_>, name: &HeaderName) -> Vec<Candidate> {
    let values: Vec<_> = message.headers.get_all(name).iter().take(MAX_VALUES).collect();
    if values.len() < 2 {
        return Vec::new();
    }
    let numbered = (1..).zip(values);
    numbered
        .map(|(place, value)| {
            (
                Mistake::RepeatedField,
                format!("number {place} of {name} is right"),
                value.clone(),
            )
        })
        .collect()
}

/// What a proxy has made one of two fields; lists have commas of their own.
fn joined(message: &Message<'_>, name: &HeaderName, trial: &Trial) -> Vec<Candidate> {
    let is_single = trial.layout().is_none_or(|layout| {
        matches!(
            layout.signature,
            SignatureAt::Header { .. } | SignatureAt::AnyOf { .. }
        )
    });
    let value = message
        .headers
        .get(name)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    if !is_single || !value.contains(&b',') {
        return Vec::new();
    }
    let parts = value.split(|byte| *byte == b',').take(MAX_VALUES);
    let candidate = |(place, part): (usize, &[u8])| {
        let value = HeaderValue::from_bytes(part.trim_ascii()).ok()?;
        Some((
            Mistake::JoinedField,
            format!("number {place} of what {name} holds is right"),
            value,
        ))
    };
    (1..).zip(parts).filter_map(candidate).collect()
}

fn rewritten(message: &Message<'_>, name: &HeaderName) -> Vec<Candidate> {
    let value = message
        .headers
        .get(name)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    let bare = value.trim_ascii();
    let unquoted = bare.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let undone = Some(decode(bare)).filter(|undone| bare.contains(&b'%') && undone != bare);
    let candidate = |text: &[u8]| {
        let value = HeaderValue::from_bytes(text).ok()?;
        Some((Mistake::Quoted, format!("in {name}"), value))
    };
    let texts = [unquoted.map(<[u8]>::to_vec), undone];
    texts
        .iter()
        .flatten()
        .filter_map(|text| candidate(text))
        .collect()
}

/// Whatever stands in other fields, those first that are called almost the same.
fn elsewhere(message: &Message<'_>, name: &HeaderName) -> Vec<Candidate> {
    const SHORTEST: usize = 16;
    let plain = |name: &HeaderName| name.as_str().replace(['_', '-'], "").replace("xhttp", "x");
    let mut others: Vec<_> = message
        .headers
        .iter()
        .filter(|(other, value)| *other != name && value.len() >= SHORTEST)
        .collect();
    others.sort_by_key(|(other, _)| plain(other) != plain(name));
    others
        .into_iter()
        .take(MAX_VALUES)
        .map(|(other, value)| {
            (
                Mistake::OtherField,
                format!("it stands in {other}, not in {name}"),
                value.clone(),
            )
        })
        .collect()
}
