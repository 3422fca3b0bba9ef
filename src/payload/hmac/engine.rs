//! The engine of all schemes: a message is read by a [`Layout`], and what is signed is fed to whoever checks it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::body;
use super::body::Fields;
use super::fields::{optional, query_value, single};
use super::scheme::{BodyForm, Identity, Layout, Part, ReadBody, SignatureAt, TimeAt};
use super::time::SignedTime;
use crate::payload::percent;
use crate::payload::{DeliveryKey, Message, NotAuthentic, SignedText};
use crate::replay::NotFresh;

/// A message with what had to be read of it before its signature can be checked.
#[derive(Debug, Clone)]
pub(in crate::payload) struct Reading<'m> {
    pub(in crate::payload) message: Message<'m>,
    pub(in crate::payload) time: Option<SignedTime<'m>>,
    /// The field that tells deliveries apart, where that is one.
    id: Option<&'m str>,
    pub(in crate::payload) fields: Fields,
}

/// Which form is fed of what a provider may have signed in another form than it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::payload) enum Written {
    AsSent,
    /// The body with its escapes, a parameter of the query in lower case.
    Rewritten,
}

impl<'m> Reading<'m> {
    pub(in crate::payload) fn new(
        message: Message<'m>,
        time: Option<SignedTime<'m>>,
        fields: Fields,
    ) -> Self {
        Self {
            message,
            time,
            id: None,
            fields,
        }
    }
}

impl Layout {
    /// Everything but the signature: the fields that must be there, the body where it is to be parsed, the time.
    #[inline(always)]
    pub(in crate::payload) fn read<'m>(&self, message: &Message<'m>) -> Result<Reading<'m>, NotAuthentic> {
        for (name, value) in &*self.required {
            if single(message.headers, name)? != &**value {
                return Err(NotAuthentic::MalformedHeader { name: name.clone() });
            }
        }
        let fields = self.fields(message.body)?;
        let time = self.read_time(message, &fields)?;
        let id = match &self.identity {
            Identity::Header(name) => Some(self.plain(single(message.headers, name)?, name)?),
            _ => None,
        };
        Ok(Reading {
            message: *message,
            time,
            id,
            fields,
        })
    }

    pub(in crate::payload) fn fields(&self, body: &[u8]) -> Result<Fields, NotAuthentic> {
        match self.reading.body {
            ReadBody::Bytes => Ok(Fields::None),
            ReadBody::Json => body::parse_json(body).map(Fields::Json),
            ReadBody::Form => self.form_fields(body),
        }
    }

    fn form_fields(&self, body: &[u8]) -> Result<Fields, NotAuthentic> {
        let form = body::parse_form(body)?;
        // The signature and what it covers, and nothing beside them that nobody signed.
        let whole = !matches!(self.signature, SignatureAt::FormPairs(_)) || form.len() == 2;
        whole
            .then_some(Fields::Form(form))
            .ok_or(NotAuthentic::MalformedBody)
    }

    #[inline(always)]
    fn read_time<'m>(
        &self,
        message: &Message<'m>,
        fields: &Fields,
    ) -> Result<Option<SignedTime<'m>>, NotAuthentic> {
        let Some((at, format)) = &self.time else {
            return Ok(None);
        };
        let raw = match at {
            TimeAt::Header(name) => Cow::Borrowed(single(message.headers, name)?),
            TimeAt::ListKey(key) => Cow::Borrowed(
                self.list_value(message.headers, key)?
                    .ok_or(NotAuthentic::MalformedTime)?,
            ),
            TimeAt::First => Cow::Borrowed(self.first_entry(message)?),
            TimeAt::Json(path) => fields
                .json(path)
                .ok_or(NotAuthentic::MalformedTime)?
                .into_owned()
                .into(),
        };
        let at = format.read(&raw).ok_or(NotAuthentic::MalformedTime)?;
        self.check_time(at, message.now)?;
        Ok(Some(SignedTime { raw, at }))
    }

    /// Whether the signed time is near enough to the present.
    #[inline]
    pub(in crate::payload) fn check_time(&self, at: UnixTime, now: UnixTime) -> Result<(), NotFresh> {
        match self.window {
            Some(window) => window.check(at, now),
            None => Ok(()),
        }
    }

    fn first_entry<'m>(&self, message: &Message<'m>) -> Result<&'m str, NotAuthentic> {
        let SignatureAt::Positional { name } = &self.signature else {
            return Err(NotAuthentic::MalformedTime);
        };
        let text = single(message.headers, name)?;
        Ok(text.split_once(',').map_or(text, |(first, _)| first))
    }

    /// What tells this delivery from others.
    #[inline]
    pub(in crate::payload) fn delivery<'m>(self: &Arc<Self>, reading: &Reading<'m>) -> DeliveryKey<'m> {
        let message = &reading.message;
        let time = || match &reading.time {
            Some(SignedTime {
                raw: Cow::Borrowed(raw),
                ..
            }) => Some(*raw),
            _ => None,
        };
        match &self.identity {
            Identity::Header(_) => DeliveryKey::Id(reading.id.unwrap_or_default()),
            Identity::BodyField(path) => DeliveryKey::BodyField(path.clone(), message.body),
            Identity::Body if self.body == BodyForm::Raw => DeliveryKey::Body(message.body),
            Identity::TimeAndBody if self.body == BodyForm::Raw => match time() {
                Some(time) => DeliveryKey::TimeAndBody(time, message.body),
                None => DeliveryKey::Signed(SignedText::new(self, message)),
            },
            // Bodies that differ only in how they are escaped carry the same signature: they are one delivery.
            Identity::Body => DeliveryKey::EscapedBody(message.body),
            Identity::TimeAndBody | Identity::Signed => DeliveryKey::Signed(SignedText::new(self, message)),
        }
    }

    /// The hash of all that is signed.
    pub(in crate::payload) fn signed_digest(&self, message: &Message<'_>) -> Result<[u8; 32], NotAuthentic> {
        let mut hash = Sha256::new();
        // Both forms are one delivery: they carry the same signature.
        let form = if self.is_rewritten() {
            Written::Rewritten
        } else {
            Written::AsSent
        };
        let reading = self.read(message)?;
        self.feed(&self.signed, &reading, form, &mut |piece| hash.update(piece))?;
        Ok(hash.finalize().into())
    }

    /// Feeds these parts of what is signed.
    #[inline]
    pub(in crate::payload) fn feed(
        &self,
        parts: &[Part],
        reading: &Reading<'_>,
        form: Written,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(), NotAuthentic> {
        for part in parts {
            self.feed_part(part, reading, form, sink)?;
        }
        Ok(())
    }

    fn feed_part(
        &self,
        part: &Part,
        reading: &Reading<'_>,
        form: Written,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(), NotAuthentic> {
        let message = &reading.message;
        match part {
            Part::Literal(text) => sink(text.as_bytes()),
            Part::Time => sink(reading.time.as_ref().map_or("", |time| &time.raw).as_bytes()),
            Part::Header(name) if self.identity == Identity::Signed => {
                sink(single(message.headers, name)?.as_bytes());
            }
            Part::Header(name) if self.is_identity(name) && reading.id.is_some() => {
                sink(reading.id.unwrap_or_default().as_bytes());
            }
            Part::Header(name) => sink(self.plain(single(message.headers, name)?, name)?.as_bytes()),
            Part::Body if form == Written::AsSent => sink(message.body),
            Part::Body => {
                let text = str::from_utf8(message.body).map_err(|_| NotAuthentic::MalformedBody)?;
                body::escaped(text, sink);
            }
            Part::Method => sink(message.method.as_str().as_bytes()),
            Part::Url => self.feed_url(message, sink),
            Part::UrlDecoded { escapes } => self.feed_url(message, &mut |piece| {
                sink(&percent::decode_only(piece, escapes.as_bytes()));
            }),
            Part::ListKey(key) => sink(
                self.list_value(message.headers, key)?
                    .unwrap_or_default()
                    .as_bytes(),
            ),
            Part::HeadersNamedBy(key) => self.feed_named(message, key, sink)?,
            Part::Form(name) => sink(reading.fields.form(name)?),
            Part::SortedForm => reading.fields.feed_sorted(sink)?,
            Part::Json(path) => sink(reading.fields.json(path).unwrap_or_default().as_bytes()),
            Part::OptionalQuery { name, before, after } => {
                if let Some(value) = query_value(message.uri.query(), name)? {
                    let lower = value.to_ascii_lowercase();
                    let value = if form == Written::AsSent { value } else { &lower };
                    [before, value, after]
                        .iter()
                        .for_each(|text| sink(text.as_bytes()));
                }
            }
            Part::OptionalHeader { name, before, after } => {
                if let Some(value) = optional(message.headers, name)? {
                    [before, value, after]
                        .iter()
                        .for_each(|text| sink(text.as_bytes()));
                }
            }
        }
        Ok(())
    }

    /// Whether method or target are signed.
    pub(crate) fn covers_request(&self) -> bool {
        let covers = |part: &Part| matches!(part, Part::Method | Part::OptionalQuery { .. });
        self.covers_url() || self.signed.iter().any(covers)
    }

    /// Whether the whole URL is signed.
    pub(crate) fn covers_url(&self) -> bool {
        let covers = |part: &Part| matches!(part, Part::Url | Part::UrlDecoded { .. });
        self.signed.iter().any(covers)
    }

    /// Whether the provider may have signed another form of a part than it sent.
    pub(in crate::payload) fn is_rewritten(&self) -> bool {
        let rewritten = |part: &Part| matches!(part, Part::OptionalQuery { .. });
        self.body != BodyForm::Raw || self.signed.iter().any(rewritten)
    }

    fn is_identity(&self, name: &http::HeaderName) -> bool {
        matches!(&self.identity, Identity::Header(identity) if identity == name)
    }

    fn feed_url(&self, message: &Message<'_>, sink: &mut impl FnMut(&[u8])) {
        let path = message.uri.path_and_query().map_or("/", |path| path.as_str());
        sink(
            self.origin
                .as_ref()
                .map_or("", |origin| origin.as_str())
                .as_bytes(),
        );
        sink(path.as_bytes());
    }

    fn feed_named(
        &self,
        message: &Message<'_>,
        key: &str,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(), NotAuthentic> {
        let names = self.list_value(message.headers, key)?.unwrap_or_default();
        // None twice: a field of 8 KiB that is named four thousand times would be hashed as often.
        let mut named = HashSet::new();
        for name in names.split(' ').filter(|name| !name.is_empty()) {
            let name =
                http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| self.malformed_signature())?;
            if !named.is_empty() {
                sink(b".");
            }
            sink(single(message.headers, &name)?.as_bytes());
            if !named.insert(name) {
                return Err(self.malformed_signature());
            }
        }
        Ok(())
    }

    fn plain<'v>(&self, value: &'v str, name: &http::HeaderName) -> Result<&'v str, NotAuthentic> {
        if self.is_plain(value) {
            Ok(value)
        } else {
            Err(NotAuthentic::MalformedHeader { name: name.clone() })
        }
    }
}

impl Fields {
    pub(in crate::payload) fn json(&self, path: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Json(value) => body::at_path(value, path).and_then(body::scalar),
            _ => None,
        }
    }

    pub(in crate::payload) fn form(&self, name: &str) -> Result<&[u8], NotAuthentic> {
        let value = match self {
            Self::Form(fields) => body::form_field(fields, name),
            _ => None,
        };
        value
            .filter(|value| !is_challenge(value))
            .ok_or(NotAuthentic::MalformedBody)
    }

    fn feed_sorted(&self, sink: &mut impl FnMut(&[u8])) -> Result<(), NotAuthentic> {
        let Self::Form(fields) = self else {
            return Err(NotAuthentic::MalformedBody);
        };
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort();
        for (name, value) in sorted {
            sink(name);
            sink(value);
        }
        Ok(())
    }
}

/// What Braintree sends as a challenge is signed by the receiver, with the key that signs its events: never an event.
fn is_challenge(value: &[u8]) -> bool {
    let hex = value
        .iter()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    hex && (20..=40).contains(&value.len())
}
