//! Secrets that may have been used in the place of the one that was entered.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use sha1::Digest as _;
use zeroize::Zeroizing;

use super::bodies;
use super::inquiry::{Entered, PayloadInquiry};
use super::mistake::Mistake;
use super::search::Search;
use crate::payload::hmac::{KeyForm, KeySpec, Weak};
use crate::payload::percent::decode;
use crate::payload::{FindKeys, Message, Trial};

type Bytes = Zeroizing<Vec<u8>>;

/// Another key, or another reading of the one that was entered.
struct Candidate {
    mistake: Mistake,
    detail: String,
    keys: Arc<dyn FindKeys>,
}

/// Whether one of the keys that are known is the right one, or one that was entered wrongly.
pub(super) fn each(search: &mut Search<'_, '_>, inquiry: &PayloadInquiry, trial: &Trial) -> bool {
    let message = search.message;
    candidates(search, inquiry, trial)
        .iter()
        .any(|one| search.attempt(one.mistake, &one.detail, trial, &one.keys, &message))
        || sent(search, inquiry, trial)
}

/// The same together with a changed body.
pub(super) fn each_with_a_body(search: &mut Search<'_, '_>, inquiry: &PayloadInquiry, trial: &Trial) -> bool {
    let message = search.message;
    let candidates = candidates(search, inquiry, trial);
    bodies::each(message.body, &mut |mistake, detail, body| {
        let changed = Message { body, ..message };
        let mut candidates = candidates.iter();
        let right = candidates.find(|one| search.verifies(trial, &one.keys, &changed));
        right.is_some_and(|one| search.prove(&[(one.mistake, &one.detail), (mistake, detail)]))
    })
}

fn candidates(search: &Search<'_, '_>, inquiry: &PayloadInquiry, trial: &Trial) -> Vec<Candidate> {
    let spec = trial.spec();
    let taken = |taken: Taken<'_>| {
        Some(Candidate {
            mistake: taken.mistake,
            keys: match &taken.bytes {
                Some(bytes) => taken.key.of_bytes(&spec, bytes)?,
                None => taken.key.alone(&spec).ok()?,
            },
            detail: taken.detail,
        })
    };
    let all = each_taken(&inquiry.entered, &inquiry.known, &search.message, &spec);
    all.into_iter().filter_map(taken).collect()
}

/// A key as it may have been meant: as the scheme reads it, or these bytes.
pub(super) struct Taken<'k> {
    pub(super) mistake: Mistake,
    pub(super) detail: String,
    pub(super) key: &'k Entered,
    pub(super) bytes: Option<Bytes>,
}

/// The keys that a message of this sender may be signed with.
pub(super) fn of_sender<'k>(entered: &'k [Entered], message: &Message<'_>) -> Vec<&'k Entered> {
    let sender = message.sender;
    let is_senders = |entered: &&Entered| sender.is_none_or(|sender| *sender == entered.tenant);
    entered.iter().filter(is_senders).collect()
}

/// Every key that is known, but for the one that the receiver would take, and every other reading of each.
pub(super) fn each_taken<'k>(
    all: &'k [Entered],
    known: &'k [Entered],
    message: &Message<'_>,
    spec: &KeySpec,
) -> Vec<Taken<'k>> {
    let entered = of_sender(all, message);
    let mut taken = Vec::new();
    let mut add = |mistake, detail, key, bytes| {
        taken.push(Taken {
            mistake,
            detail,
            key,
            bytes,
        })
    };
    for key in entered.iter().filter(|key| !key.is_valid_at(message.now)) {
        add(Mistake::KeyOutOfTime, key.label(), key, None);
    }
    let owners: Vec<_> = entered.iter().map(|key| &key.tenant).collect();
    let strangers = all.iter().filter(|key| !owners.contains(&&key.tenant));
    for key in known.iter().chain(strangers) {
        add(of_owner(owners.contains(&&key.tenant)), key.label(), key, None);
    }
    // Several owners, and nobody who is it: each by itself.
    if message.sender.is_none() && owners.iter().any(|owner| Some(owner) != owners.first()) {
        for key in &entered {
            add(Mistake::OtherTenantsKey, key.label(), key, None);
        }
    }
    for key in entered.into_iter().chain(known) {
        for (mistake, detail, bytes) in readings(key, spec) {
            add(mistake, format!("{}: {detail}", key.label()), key, Some(bytes));
        }
    }
    taken
}

fn of_owner(is_owners: bool) -> Mistake {
    if is_owners {
        Mistake::OtherKey
    } else {
        Mistake::OtherTenantsKey
    }
}

/// A text or bytes that may have been meant: under which mistake, what is said of it, and the key that it makes.
type Reading = (Mistake, &'static str, Option<Bytes>);

/// What the text of a secret may have been taken for.
fn readings(key: &Entered, spec: &KeySpec) -> Vec<(Mistake, &'static str, Bytes)> {
    let KeySpec::Secret { form, .. } = spec else {
        return Vec::new();
    };
    let original = key.bytes(spec);
    let differs = |bytes: &Bytes| original.as_ref() != Some(bytes);
    let all = respelled(key, form).into_iter().chain(reread(key, form));
    all.filter_map(|(mistake, detail, bytes)| Some((mistake, detail, bytes.filter(differs)?)))
        .collect()
}

fn raw(text: &str) -> Option<Bytes> {
    Some(Zeroizing::new(text.as_bytes().to_vec()))
}

/// The same form of another text: with more or less white space, without quotes and prefixes, in another case.
fn respelled(key: &Entered, form: &KeyForm) -> Vec<Reading> {
    let text = key.secret.as_str();
    let cut = text.trim();
    let bare = without_prefix(cut);
    let read = |text: &str| form.read(text, Weak::Allow).ok();
    let joined = |text: &str, end: &str| raw(&Zeroizing::new(format!("{text}{end}")));
    let inner: Zeroizing<String> = Zeroizing::new(cut.split_whitespace().collect());
    let unquoted = cut.trim_matches(['"', '\'', '`']);
    let undone = Zeroizing::new(String::from_utf8_lossy(&decode(cut.as_bytes())).into_owned());
    let line = Zeroizing::new(cut.replace("\\n", ""));
    vec![
        (
            Mistake::SecretSpace,
            "without the white space around it it is right",
            read(cut),
        ),
        (
            Mistake::SecretSpace,
            "with a line feed at its end it is right",
            joined(text, "\n"),
        ),
        (
            Mistake::SecretSpace,
            "with CR LF at its end it is right",
            joined(text, "\r\n"),
        ),
        (
            Mistake::SecretSpace,
            "with the white space around it it is right",
            raw(text).filter(|_| cut != text),
        ),
        (
            Mistake::SecretSpace,
            "without the white space in it it is right",
            read(&inner),
        ),
        (
            Mistake::SecretQuotes,
            "without its quotes it is right",
            read(unquoted),
        ),
        (
            Mistake::SecretQuotes,
            "in quotes it is right",
            raw(&Zeroizing::new(format!("\"{cut}\""))),
        ),
        (
            Mistake::SecretPrefix,
            "without what stands before it it is right",
            read(bare),
        ),
        (
            Mistake::SecretEscaped,
            "with its escapes undone it is right",
            read(&undone),
        ),
        (
            Mistake::SecretEscaped,
            "without the escape at its end it is right",
            read(&line),
        ),
        (
            Mistake::SecretSwapped,
            "the name of the key is the secret",
            read(key.id.as_str()),
        ),
        (
            Mistake::SecretCase,
            "in lower case it is right",
            read(&Zeroizing::new(cut.to_ascii_lowercase())),
        ),
        (
            Mistake::SecretCase,
            "in upper case it is right",
            read(&Zeroizing::new(cut.to_ascii_uppercase())),
        ),
    ]
}

/// Another form of the same text: as it stands, decoded, hashed.
fn reread(key: &Entered, form: &KeyForm) -> Vec<Reading> {
    let cut = key.secret.as_str().trim();
    let bare = without_prefix(cut);
    let as_text = match form {
        KeyForm::Utf8 | KeyForm::Sha1OfText | KeyForm::Unreserved => Mistake::SecretPrefix,
        KeyForm::Base64 { .. } | KeyForm::Hex => Mistake::SecretNotDecoded,
    };
    vec![
        (as_text, "its text as it stands is right", raw(cut)),
        (
            as_text,
            "its text without what stands before it is right",
            raw(bare),
        ),
        (
            Mistake::SecretPrefix,
            "its text with whsec_ before it is right",
            raw(&Zeroizing::new(format!("whsec_{bare}"))),
        ),
        (
            Mistake::SecretDecoded,
            "decoded from base64 it is right",
            base64(bare),
        ),
        (
            Mistake::SecretDecoded,
            "decoded from hexadecimal it is right",
            KeyForm::Hex.read(bare, Weak::Allow).ok(),
        ),
        (
            Mistake::SecretHashed,
            "hashed with SHA-1 it is right",
            Some(Zeroizing::new(sha1::Sha1::digest(cut).to_vec())),
        ),
        (Mistake::SecretHashed, "not hashed it is right", raw(cut)),
    ]
}

/// In either alphabet, with padding or without.
fn base64(text: &str) -> Option<Bytes> {
    let ways = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    ways.iter()
        .find_map(|way| way.decode(text).ok())
        .map(Zeroizing::new)
}

/// The secret without a prefix of a provider's, a word of HTTP or the name of a variable.
fn without_prefix(text: &str) -> &str {
    const PREFIXES: [&str; 5] = ["v1,whsec_", "whsec_", "Bearer ", "sk_", "sha256="];
    let assigned = text.split_once('=').filter(|(name, rest)| {
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        rest.len() >= 8 && name.len() >= 2 && name.bytes().all(is_name)
    });
    let text = assigned.map_or(text, |(_, rest)| rest);
    let stripped = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
    stripped.unwrap_or(text)
}

/// Whether the secret itself stands where the signature should: no proof of the message, and to be said.
fn sent(search: &mut Search<'_, '_>, inquiry: &PayloadInquiry, trial: &Trial) -> bool {
    let message = search.message;
    let Some(name) = trial.field().filter(|_| trial.layout().is_some()) else {
        return false;
    };
    let value = message
        .headers
        .get(name)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    let is_sent = |key: &&Entered| {
        let secret = key.secret.as_str().trim().as_bytes();
        secret.len() >= 8 && memchr::memmem::find(value, secret).is_some()
    };
    let entered = search.entered(inquiry);
    match entered.into_iter().find(is_sent) {
        Some(key) => search.prove(&[(Mistake::SecretSent, &format!("{} stands in {name}", key.label()))]),
        None => false,
    }
}
