//! Schemes that a message may have been signed by in the place of the one that was asked about.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::fields::with_field;
use super::inquiry::{Entered, PayloadInquiry};
use super::mistake::Mistake;
use super::search::Search;
use super::{bodies, walk};
use crate::payload::hmac::{BodyForm, Digest, Encoding, Layout, Part, SignatureAt, TimeAt, TimeFormat};
use crate::payload::providers::presets::{self, Preset};
use crate::payload::{FindKeys, Message, Origin, Trial};

/// Whether it is signed by a provider's scheme, with one of the keys that are known.
pub(super) fn other_schemes(search: &mut Search<'_, '_>, inquiry: &PayloadInquiry, trial: &Trial) -> bool {
    let message = search.message;
    let mut presets: Vec<&Preset> = presets::all()
        .filter(|preset| preset.name != trial.name())
        .collect();
    // Another scheme of the same provider first.
    presets.sort_by_key(|preset| !is_akin(preset.name, trial.name()));
    let origin = trial.layout().and_then(|layout| layout.origin.as_ref());
    let keys: Vec<_> = inquiry.entered.iter().chain(&inquiry.known).collect();
    presets.into_iter().any(|preset| {
        let other = Trial::preset(preset, origin, inquiry.algorithms);
        other
            .filter(|other| has_its_fields(other, &message))
            .is_some_and(|other| is_signed_by(search, &keys, preset, &other))
    })
}

/// The same, for a provider whose scheme is a type of its own.
pub(super) fn schemes_beside(
    search: &mut Search<'_, '_>,
    name: &str,
    origin: Option<&Origin>,
    keys: &[&Entered],
) -> bool {
    let message = search.message;
    let mut presets: Vec<&Preset> = presets::all().collect();
    presets.sort_by_key(|preset| !is_akin(preset.name, name));
    presets.into_iter().any(|preset| {
        let other = Trial::preset(preset, origin, &[]);
        // What is in the body may be any body's.
        let other = other.filter(|other| !walk::needed(other).is_empty() && has_its_fields(other, &message));
        other.is_some_and(|other| is_signed_by(search, keys, preset, &other))
    })
}

fn is_signed_by(search: &mut Search<'_, '_>, keys: &[&Entered], preset: &Preset, other: &Trial) -> bool {
    let message = search.message;
    let other = other.with(|layout| layout.window = None);
    let mut keys = keys.iter().filter_map(|key| key.alone(&other.spec()).ok());
    keys.any(|keys| {
        let detail = format!("{}, of {}", preset.name, preset.provider);
        search.attempt(Mistake::OtherScheme, &detail, &other, &keys, &message)
    })
}

/// Whether the two names begin with the same word.
fn is_akin(one: &str, other: &str) -> bool {
    one.split('_').next() == other.split('_').next()
}

/// Whether the field of its signature is there; what is in the body may be.
pub(super) fn has_its_fields(trial: &Trial, message: &Message<'_>) -> bool {
    walk::needed(trial)
        .iter()
        .all(|name| message.headers.contains_key(name))
}

/// Whether another way to write time or signature, another hash, or other parts are what was signed.
pub(super) fn each(
    search: &mut Search<'_, '_>,
    inquiry: &PayloadInquiry,
    trial: &Trial,
    ring: &Arc<dyn FindKeys>,
) -> bool {
    let Some(layout) = trial.layout() else {
        return false;
    };
    let message = search.message;
    let timed = times(layout).into_iter().chain(parts(layout));
    let mut changes = timed.map(|(mistake, detail, change)| (mistake, detail, trial.with(change)));
    changes.any(|(mistake, detail, changed)| search.attempt(mistake, &detail, &changed, ring, &message))
        || forms(search, inquiry, trial, layout)
}

/// Other parts, and a body that was changed as well.
pub(super) fn each_with_a_body(search: &mut Search<'_, '_>, trial: &Trial, ring: &Arc<dyn FindKeys>) -> bool {
    let Some(layout) = trial.layout() else {
        return false;
    };
    let message = search.message;
    let changes: Vec<_> = times(layout)
        .into_iter()
        .map(|(mistake, detail, change)| (mistake, detail, trial.with(change)))
        .collect();
    bodies::each(message.body, &mut |mistake, detail, body| {
        let changed = Message { body, ..message };
        let mut changes = changes.iter();
        let right = changes.find(|(_, _, trial)| search.verifies(trial, ring, &changed));
        right.is_some_and(|(of_time, how, _)| search.prove(&[(*of_time, how), (mistake, detail)]))
    })
}

type Change = Box<dyn FnOnce(&mut Layout)>;

/// The time in another format, or in none that is known.
fn times(layout: &Layout) -> Vec<(Mistake, String, Change)> {
    let Some((at, format)) = layout.time.clone() else {
        return Vec::new();
    };
    let formats = [
        (TimeFormat::Seconds, "seconds"),
        (TimeFormat::Milliseconds, "milliseconds"),
        (TimeFormat::Rfc3339, "RFC 3339"),
    ];
    let mut changes: Vec<(Mistake, String, Change)> = Vec::new();
    for (other, name) in formats.into_iter().filter(|(other, _)| *other != format) {
        let at = at.clone();
        let change = Box::new(move |layout: &mut Layout| layout.time = Some((at, other)));
        changes.push((Mistake::TimeFormat, format!("it is written as {name}"), change));
    }
    let as_text = match at {
        TimeAt::Header(name) => Some(Part::Header(name)),
        TimeAt::ListKey(key) => Some(Part::ListKey(key)),
        TimeAt::First | TimeAt::Json(_) => None,
    };
    if let Some(text) = as_text {
        let change = Box::new(move |layout: &mut Layout| untimed(layout, &text));
        changes.push((
            Mistake::TimeFormat,
            "it is written in a format that is not known".to_owned(),
            change,
        ));
    }
    changes
}

/// The time as a text that nobody reads.
fn untimed(layout: &mut Layout, text: &Part) {
    let signed = Arc::make_mut(&mut layout.signed);
    for part in signed.iter_mut().filter(|part| **part == Part::Time) {
        *part = text.clone();
    }
    layout.time = None;
    // Nothing is told apart by it here, and whatever it holds is tried.
    layout.identity = crate::payload::hmac::Identity::Signed;
}

/// Other parts than the scheme's, as senders of one's own sign them.
fn parts(layout: &Layout) -> Vec<(Mistake, String, Change)> {
    let mut ways = vec![("the body alone".to_owned(), vec![Part::Body])];
    if layout.time.is_some() {
        for between in [".", ":", "", "\n", ",", "|"] {
            ways.push((
                format!("the time, {between:?}, the body"),
                vec![Part::Time, Part::Literal(between.into()), Part::Body],
            ));
            ways.push((
                format!("the body, {between:?}, the time"),
                vec![Part::Body, Part::Literal(between.into()), Part::Time],
            ));
        }
    }
    let escaped: Change = Box::new(|layout| {
        sign(layout, vec![Part::Body]);
        layout.body = BodyForm::RawOrEscaped;
    });
    let ways = ways.into_iter().map(|(detail, parts)| {
        let change: Change = Box::new(move |layout| sign(layout, parts));
        (detail, change)
    });
    ways.chain([("the body, escaped".to_owned(), escaped)])
        .map(|(detail, change)| (Mistake::SignedParts, format!("signed is {detail}"), change))
        .collect()
}

fn sign(layout: &mut Layout, parts: Vec<Part>) {
    layout.signed = parts.into();
    layout.identity = crate::payload::hmac::Identity::Signed;
}

/// One way in which a signature may be written.
struct Form {
    mistakes: Vec<(Mistake, &'static str)>,
    digest: Digest,
    encoding: Encoding,
    value: Option<Vec<u8>>,
}

const DIGESTS: [(Digest, &str); 3] = [
    (Digest::Sha256, "SHA-256"),
    (Digest::Sha1, "SHA-1"),
    (Digest::Sha512, "SHA-512"),
];

const ENCODINGS: [(Encoding, &str); 4] = [
    (Encoding::Hex, "it is written as hexadecimal"),
    (Encoding::Base64, "it is written as base64"),
    (Encoding::Base64Url, "it is written as base64url without padding"),
    (
        Encoding::Base64UrlPadded,
        "it is written as base64url with padding",
    ),
];

/// Prefix, encoding and hash: those first that differ in one thing only.
fn forms(search: &mut Search<'_, '_>, inquiry: &PayloadInquiry, trial: &Trial, layout: &Layout) -> bool {
    let message = search.message;
    let mut forms: Vec<Form> = Vec::new();
    for (value, of_value) in values(layout, &message) {
        for (digest, name) in DIGESTS {
            for (encoding, how) in ENCODINGS {
                let mut mistakes: Vec<_> = of_value.into_iter().collect();
                mistakes.extend((digest != layout.digest).then_some((Mistake::Digest, name)));
                mistakes.extend((!is_same(encoding, layout.encoding)).then_some((Mistake::Encoding, how)));
                let value = value.clone();
                forms.push(Form {
                    mistakes,
                    digest,
                    encoding,
                    value,
                });
            }
        }
    }
    forms.retain(|form| !form.mistakes.is_empty());
    forms.sort_by_key(|form| form.mistakes.len());
    let name = layout.signature.header().cloned();
    forms
        .iter()
        .any(|form| is_written(search, inquiry, trial, form, name.as_ref()))
}

fn is_same(one: Encoding, other: Encoding) -> bool {
    one == other || (one == Encoding::Hex && other == Encoding::HexEitherCase)
}

fn is_written(
    search: &mut Search<'_, '_>,
    inquiry: &PayloadInquiry,
    trial: &Trial,
    form: &Form,
    name: Option<&HeaderName>,
) -> bool {
    let message = search.message;
    let changed = trial.with(|layout| {
        layout.encoding = form.encoding;
        layout.digest = form.digest;
        if let (Some(_), SignatureAt::Header { prefix, .. }) = (&form.value, &mut layout.signature) {
            *prefix = "".into();
        }
    });
    // A key is made for one hash.
    let keys = inquiry.keys_for(&changed).ring;
    let value = form.value.as_deref().map(HeaderValue::from_bytes);
    let headers = match (value, name) {
        (Some(Ok(value)), Some(name)) => with_field(message.headers, name, value),
        (None, _) => message.headers.clone(),
        _ => return false,
    };
    let rewritten = Message {
        headers: &headers,
        ..message
    };
    search.verifies(&changed, &keys, &rewritten) && search.prove(&form.mistakes)
}

type OfValue = Option<(Mistake, &'static str)>;

/// What stands in the field, without a prefix or in other letters; the first is as it came.
fn values(layout: &Layout, message: &Message<'_>) -> Vec<(Option<Vec<u8>>, OfValue)> {
    let mut values = vec![(None, None)];
    let SignatureAt::Header { name, prefix } = &layout.signature else {
        values.extend(tagged(layout, message));
        return values;
    };
    let value = message
        .headers
        .get(name)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    let bare = bare(value);
    let of_prefix = match value.strip_prefix(prefix.as_bytes()) {
        Some(rest) if rest == bare => None,
        _ => Some((Mistake::Prefix, "without what stands before it it is right")),
    };
    values.push((Some(bare.to_vec()), of_prefix));
    let lower = bare.to_ascii_lowercase();
    if lower != bare && bare.iter().all(u8::is_ascii_hexdigit) {
        values.push((
            Some(lower),
            Some((Mistake::LetterCase, "in lower case it is right")),
        ));
    }
    let unpadded = bare
        .strip_suffix(b"==")
        .or_else(|| bare.strip_suffix(b"="))
        .unwrap_or(bare);
    let padding = vec![b'='; (4 - unpadded.len() % 4) % 4];
    for text in [unpadded.to_vec(), [unpadded, &padding].concat()] {
        if text != bare && unpadded.len() % 4 != 1 {
            values.push((
                Some(text),
                Some((Mistake::Padding, "with its padding as it should be it is right")),
            ));
        }
    }
    values
}

/// The value without `name=` or `name ` before it.
fn bare(value: &[u8]) -> &[u8] {
    const LONGEST: usize = 12;
    let value = value.trim_ascii();
    let at = value
        .iter()
        .take(LONGEST)
        .position(|byte| matches!(byte, b'=' | b' ' | b':'));
    let rest = at.and_then(|at| value.get(at + 1..));
    rest.filter(|rest| rest.len() >= 20).unwrap_or(value)
}

/// A list of which the tag or the key is missing.
fn tagged(layout: &Layout, message: &Message<'_>) -> Option<(Option<Vec<u8>>, OfValue)> {
    let (name, before) = match &layout.signature {
        SignatureAt::Tagged { name, tag } => (name, format!("{tag},")),
        SignatureAt::List { name, key, .. } if layout.time.is_none() => (name, format!("{key}=")),
        _ => return None,
    };
    let value = message.headers.get(name)?.as_bytes();
    let whole = [before.as_bytes(), value].concat();
    Some((
        Some(whole),
        Some((Mistake::Prefix, "with the tag before it it is right")),
    ))
}
