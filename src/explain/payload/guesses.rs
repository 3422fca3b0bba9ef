//! Guesses from the shape of a message, where no signature could be made to match.

use std::str::FromStr;

use http::HeaderName;
use rustls_pki_types::SignatureVerificationAlgorithm;

use super::inquiry::PayloadInquiry;
use super::layouts::has_its_fields;
use super::mistake::Mistake;
use super::report::{Certainty, Diagnosis};
use super::walk::needed;
use crate::codes::Few;
use crate::payload::providers::presets;
use crate::payload::{Message, NotAuthentic, Trial};
use crate::refusal::Refusal;

/// What begins so is compressed; Brotli has no beginning of its own.
const MAGIC: [(&[u8], &str); 5] = [
    (&[0x1f, 0x8b], "gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "Zstandard"),
    (&[0x78, 0x01], "zlib"),
    (&[0x78, 0x9c], "zlib"),
    (&[0x78, 0xda], "zlib"),
];

/// Everything that it looks like.
pub(super) fn all(
    inquiry: &PayloadInquiry,
    message: &Message<'_>,
    verdict: &Result<(), Refusal>,
) -> Vec<Diagnosis> {
    let mut guesses = of_fields(inquiry, message, verdict);
    guesses.extend(of_body(message));
    guesses
}

/// What the body alone looks like.
pub(super) fn of_body(message: &Message<'_>) -> Vec<Diagnosis> {
    let body = message.body;
    let mut guesses = Vec::new();
    let mut guess = |mistake, detail: String| guesses.push(Diagnosis::new(mistake, Certainty::Guess, detail));
    let length = number(message, "content-length");
    let encoding = message.headers.get(http::header::CONTENT_ENCODING);
    let magic = MAGIC.iter().find(|(start, _)| body.starts_with(start));
    if let Some((_, name)) = magic {
        guess(Mistake::Compressed, format!("it begins as {name} does"));
    }
    if body.is_empty() && length.unwrap_or_default() > 0 {
        guess(
            Mistake::BodyTaken,
            format!("Content-Length is {}", length.unwrap_or_default()),
        );
    } else if encoding.is_some() && magic.is_none() && is_text(body) {
        guess(
            Mistake::Decompressed,
            "there is a Content-Encoding, and the body is text".to_owned(),
        );
    } else if let Some(length) = length.filter(|length| *length != body.len()) {
        guess(
            Mistake::BodyCut,
            format!("Content-Length is {length}, and here are {} bytes", body.len()),
        );
    }
    if memchr::memmem::find(body, "\u{fffd}".as_bytes()).is_some() {
        guess(
            Mistake::CharsetLost,
            "it holds U+FFFD, which stands for what could not be read".to_owned(),
        );
    }
    guesses
}

fn is_text(body: &[u8]) -> bool {
    !body.is_empty() && str::from_utf8(body).is_ok()
}

fn number(message: &Message<'_>, name: &str) -> Option<usize> {
    usize::from_str(message.headers.get(name)?.to_str().ok()?).ok()
}

/// A field is missing: it was lost, or another provider's are there, or none at all.
fn of_fields(
    inquiry: &PayloadInquiry,
    message: &Message<'_>,
    verdict: &Result<(), Refusal>,
) -> Vec<Diagnosis> {
    match verdict {
        Err(Refusal::NotAuthentic(NotAuthentic::MissingHeader { name })) => {
            of_missing(name, &needed(&inquiry.trial), inquiry.algorithms, message)
        }
        _ => Vec::new(),
    }
}

/// The same of whoever needs these fields.
pub(super) fn of_missing(
    name: &HeaderName,
    own: &[HeaderName],
    algorithms: Algorithms,
    message: &Message<'_>,
) -> Vec<Diagnosis> {
    let others = others(own, algorithms, message);
    let mut guesses = Vec::new();
    let mut guess = |mistake, detail: String| guesses.push(Diagnosis::new(mistake, Certainty::Guess, detail));
    if !others.is_empty() {
        let names = Few::of(others.iter().copied());
        guess(Mistake::LooksOther, format!("those of {names}"));
    }
    let is_there = |needed: &HeaderName| needed != name && message.headers.contains_key(needed);
    if own.iter().any(is_there) {
        guess(
            Mistake::FieldLost,
            format!("{name} is absent, others of the scheme are there"),
        );
    } else if others.is_empty() {
        guess(
            Mistake::NotSigned,
            format!("{name} is absent, and no other that a scheme has"),
        );
    }
    guesses
}

type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

/// The presets whose fields are there, those first that need the most.
fn others(own: &[HeaderName], algorithms: Algorithms, message: &Message<'_>) -> Vec<&'static str> {
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    for preset in presets::all() {
        let Some(trial) = Trial::preset(preset, None, algorithms) else {
            continue;
        };
        let fields = needed(&trial);
        let is_other = !fields.is_empty() && fields != own && !fields.contains(&http::header::AUTHORIZATION);
        if is_other && has_its_fields(&trial, message) {
            found.push((fields.len(), preset.name));
        }
    }
    found.sort_by_key(|(fields, _)| std::cmp::Reverse(*fields));
    found.into_iter().map(|(_, name)| name).collect()
}
