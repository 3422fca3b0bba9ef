//! The sender's half: what to send so that the receiver can verify it.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls_pki_types::UnixTime;
use serde_json::{Map, Value};

use super::body::Fields;
use super::engine::{Reading, Written};
use super::fields::MAX_ID;
use super::scheme::{Identity, Layout, Part, SignatureAt, TimeAt};
use super::time::SignedTime;
use super::{Key, PartialScheme, body};
use crate::payload::percent;
use crate::payload::{
    CannotSign, FindKeys, Message, NotAuthentic, Outgoing, Scheme, SignPayload, TenantKeys, Wanted,
};

/// The header field that stands for those that a scheme lets the sender choose.
const CHOSEN: HeaderName = HeaderName::from_static("x-delivery-id");

/// A signer with HMAC by a [`Scheme`] or a [`PartialScheme`]: the sender's half of
/// [`HmacVerifier`](crate::payload::HmacVerifier) and [`PartialVerifier`](super::PartialVerifier).
///
/// Signs with every key of the tenant that is valid now, where the scheme can carry several signatures, so that
/// receivers can change over one by one; otherwise with the newest, which is the one given last.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload as _};
/// use countersign::tenant::TenantId;
///
/// let (scheme, acme) = (Scheme::github(), TenantId::parse("acme")?);
/// let keys = Keyring::builder(&scheme)
///     .key(acme.clone(), "2026", Secret::new("It's a Secret to Everybody"))
///     .build()?;
/// let headers = HmacSigner::new(scheme, keys).sign_payload(
///     &Outgoing::new(&acme, "delivery-1", b"Hello, World!", UnixTime::now())
/// )?;
/// let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// assert_eq!(headers["x-hub-signature-256"], expected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HmacSigner {
    layout: Arc<Layout>,
    keys: Arc<dyn FindKeys>,
}

impl HmacSigner {
    /// Signs by this scheme with those keys.
    pub fn new(scheme: Scheme, keys: impl FindKeys + 'static) -> Self {
        Self {
            layout: scheme.layout,
            keys: Arc::new(keys),
        }
    }

    /// Signs by a scheme that does not cover the body.
    pub fn partial(scheme: PartialScheme, keys: impl FindKeys + 'static) -> Self {
        Self {
            layout: scheme.layout,
            keys: Arc::new(keys),
        }
    }

    /// The header fields to send, and the body: for schemes whose signature is inside it. For the others the body is
    /// as it was.
    ///
    /// A signature inside a JSON body is added to the object that is given; one inside a form makes the form, whose
    /// signed field is the body that is given.
    ///
    /// # Errors
    /// [`CannotSign`].
    pub fn sign_with_body(&self, outgoing: &Outgoing<'_>) -> Result<(HeaderMap, Vec<u8>), CannotSign> {
        match &self.layout.signature {
            SignatureAt::Json(path) => Ok((HeaderMap::new(), self.sign_json(outgoing, path)?)),
            SignatureAt::FormPairs(field) => {
                let mut headers = HeaderMap::new();
                put(
                    &mut headers,
                    &http::header::CONTENT_TYPE,
                    "application/x-www-form-urlencoded",
                );
                Ok((headers, self.sign_form(outgoing, field)?))
            }
            _ => Ok((self.sign_payload(outgoing)?, outgoing.body.to_vec())),
        }
    }

    fn keys(&self, outgoing: &Outgoing<'_>) -> Result<TenantKeys, CannotSign> {
        Ok(self.keys.find_keys(&Wanted::of(Some(outgoing.tenant)))?)
    }

    fn sign_json(&self, outgoing: &Outgoing<'_>, path: &str) -> Result<Vec<u8>, CannotSign> {
        let mut value = body::parse_json(outgoing.body).map_err(|_| CannotSign::Body)?;
        let time = self.layout.write_time(outgoing);
        if let Some((TimeAt::Json(at), _)) = &self.layout.time {
            insert(&mut value, at, &time)?;
        }
        for part in &*self.layout.signed {
            if let Part::Json(at) = part
                && body::at_path(&value, at).is_none()
            {
                insert(&mut value, at, outgoing.id)?;
            }
        }
        let draft = Draft {
            headers: HeaderMap::new(),
            time,
            now: outgoing.now,
        };
        let keys = self.keys(outgoing)?;
        let newest = keys
            .valid_at(outgoing.now)
            .next_back()
            .ok_or_else(|| keys.none_valid())?;
        let fields = Fields::Json(value.clone());
        let signature = draft.reading(&self.layout, outgoing, fields, |reading| {
            self.layout.signature(newest, reading)
        })?;
        insert(&mut value, path, &signature)?;
        serde_json::to_vec(&value).map_err(|_| CannotSign::Body)
    }

    fn sign_form(&self, outgoing: &Outgoing<'_>, field: &str) -> Result<Vec<u8>, CannotSign> {
        let name = self.layout.signed.iter().find_map(|part| match part {
            Part::Form(name) => Some(name),
            _ => None,
        });
        let name = name.ok_or(CannotSign::Body)?;
        let fields = Fields::Form(vec![(name.as_bytes().to_vec(), outgoing.body.to_vec())]);
        let draft = Draft {
            headers: HeaderMap::new(),
            time: String::new(),
            now: outgoing.now,
        };
        let keys = self.keys(outgoing)?;
        let pairs = draft.reading(&self.layout, outgoing, fields, |reading| {
            let valid = keys.valid_at(outgoing.now);
            let pair = |key: &Key| Ok(format!("{}|{}", key.id(), self.layout.signature(key, reading)?));
            valid.map(pair).collect::<Result<Vec<_>, CannotSign>>()
        })?;
        if pairs.is_empty() {
            return Err(keys.none_valid().into());
        }
        let (pairs, value) = (
            percent::encode(pairs.join("&").as_bytes()),
            percent::encode(outgoing.body),
        );
        Ok(format!("{field}={pairs}&{name}={value}").into_bytes())
    }
}

impl SignPayload for HmacSigner {
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        let keys = self.keys(outgoing)?;
        let mut signatures = Vec::new();
        let draft = self.layout.draft(outgoing)?;
        draft.with_reading(&self.layout, outgoing, |reading| {
            for key in keys.valid_at(outgoing.now) {
                signatures.push(self.layout.signature(key, reading)?);
            }
            Ok(())
        })?;
        if signatures.is_empty() {
            return Err(keys.none_valid().into());
        }
        Ok(draft.with_signatures(&self.layout, &signatures))
    }
}

/// The header fields of a message that is not signed yet.
pub(in crate::payload) struct Draft {
    headers: HeaderMap,
    time: String,
    now: UnixTime,
}

impl Layout {
    fn write_time(&self, outgoing: &Outgoing<'_>) -> String {
        let format = self.time.as_ref().map(|(_, format)| *format);
        format
            .map(|format| format.write(outgoing.now))
            .unwrap_or_default()
    }

    /// Every field that is signed or demanded, but the signature's own.
    pub(in crate::payload) fn draft(&self, outgoing: &Outgoing<'_>) -> Result<Draft, CannotSign> {
        if matches!(self.signature, SignatureAt::Json(_) | SignatureAt::FormPairs(_)) {
            return Err(CannotSign::InBody);
        }
        let time = self.write_time(outgoing);
        let mut headers = HeaderMap::new();
        for (name, value) in &*self.required {
            put(&mut headers, name, value);
        }
        for part in &*self.signed {
            let name = match part {
                Part::Header(name) | Part::OptionalHeader { name, .. } => name,
                Part::HeadersNamedBy(_) => &CHOSEN,
                _ => continue,
            };
            headers.insert(name.clone(), self.id_value(outgoing.id)?);
        }
        match (&self.time, &self.signature) {
            (Some((TimeAt::Header(name), _)), _) => put(&mut headers, name, &time),
            (_, SignatureAt::List { name, .. }) if !self.list_entries(&time, outgoing.now).is_empty() => {
                put(
                    &mut headers,
                    name,
                    &self.list_entries(&time, outgoing.now).join(self.separator()),
                );
            }
            _ => {}
        }
        Ok(Draft {
            headers,
            time,
            now: outgoing.now,
        })
    }

    fn id_value(&self, id: &str) -> Result<HeaderValue, CannotSign> {
        let visible = !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
        let plain = self.identity == Identity::Signed || self.is_plain(id);
        let value = (visible && plain)
            .then(|| HeaderValue::from_str(id).ok())
            .flatten();
        value.ok_or(CannotSign::Id)
    }

    /// What stands in the list beside the signatures.
    fn list_entries(&self, time: &str, now: UnixTime) -> Vec<String> {
        let time = match &self.time {
            Some((TimeAt::ListKey(key), _)) => Some(format!("{key}={time}")),
            _ => None,
        };
        let named = self.signed.iter().filter_map(|part| match part {
            Part::HeadersNamedBy(key) => Some(format!("{key}={CHOSEN}")),
            Part::ListKey(key) if !self.signed.contains(&Part::HeadersNamedBy(key.clone())) => {
                Some(format!("{key}={}", now.as_secs()))
            }
            _ => None,
        });
        time.into_iter().chain(named).collect()
    }

    /// The first of what the scheme's readers split at.
    fn separator(&self) -> &str {
        let SignatureAt::List { separators, .. } = &self.signature else {
            return ",";
        };
        let end = separators
            .char_indices()
            .nth(1)
            .map_or(separators.len(), |(at, _)| at);
        separators.get(..end).unwrap_or(",")
    }

    fn signature(&self, key: &Key, reading: &Reading<'_>) -> Result<String, CannotSign> {
        Ok(self.mac(key, reading, Written::AsSent, |mac| self.encoding.encode(mac))?)
    }

    fn write_signatures(&self, headers: &mut HeaderMap, signatures: &[String], time: &str, now: UnixTime) {
        let newest = signatures.last().map(String::as_str).unwrap_or_default();
        match &self.signature {
            SignatureAt::Header { name, prefix } => put(headers, name, &format!("{prefix}{newest}")),
            SignatureAt::List { name, key, .. } => {
                let entries = signatures.iter().map(|signature| format!("{key}={signature}"));
                let entries: Vec<_> = self.list_entries(time, now).into_iter().chain(entries).collect();
                put(headers, name, &entries.join(self.separator()));
            }
            SignatureAt::Tagged { name, tag } => {
                let entries = signatures.iter().map(|signature| format!("{tag},{signature}"));
                put(headers, name, &entries.collect::<Vec<_>>().join(" "));
            }
            SignatureAt::Positional { name } => {
                put(headers, name, &format!("{time},{}", signatures.join(",")))
            }
            SignatureAt::Bare { name } => put(headers, name, &signatures.join(",")),
            SignatureAt::Numbered { names } | SignatureAt::AnyOf { names } => {
                // Of more keys than fields, the newest.
                let newest = signatures.len().saturating_sub(names.len());
                for (name, signature) in names.iter().zip(signatures.iter().skip(newest)) {
                    put(headers, name, signature);
                }
            }
            SignatureAt::Json(_) | SignatureAt::FormPairs(_) => {}
        }
    }
}

impl Draft {
    /// What the receiver will read.
    pub(in crate::payload) fn with_reading<T>(
        &self,
        layout: &Layout,
        outgoing: &Outgoing<'_>,
        then: impl FnOnce(&Reading<'_>) -> Result<T, CannotSign>,
    ) -> Result<T, CannotSign> {
        let fields = layout.fields(outgoing.body).map_err(|_| CannotSign::Body)?;
        self.reading(layout, outgoing, fields, then)
    }

    fn reading<T>(
        &self,
        layout: &Layout,
        outgoing: &Outgoing<'_>,
        fields: Fields,
        then: impl FnOnce(&Reading<'_>) -> Result<T, CannotSign>,
    ) -> Result<T, CannotSign> {
        let (post, root) = (Method::POST, Uri::from_static("/"));
        let (method, uri) = match outgoing.request {
            None if layout.covers_request() => return Err(CannotSign::RequestNeeded),
            request => request.unwrap_or((&post, &root)),
        };
        let message = Message::new(method, uri, &self.headers, outgoing.body, outgoing.now);
        then(&Reading::new(
            message,
            signed_time(layout, &self.time, outgoing),
            fields,
        ))
    }

    pub(in crate::payload) fn with_signatures(mut self, layout: &Layout, signatures: &[String]) -> HeaderMap {
        layout.write_signatures(&mut self.headers, signatures, &self.time, self.now);
        self.headers
    }
}

fn signed_time<'t>(layout: &Layout, time: &'t str, outgoing: &Outgoing<'_>) -> Option<SignedTime<'t>> {
    layout.time.as_ref().map(|_| SignedTime {
        raw: Cow::Borrowed(time),
        at: outgoing.now,
    })
}

impl From<NotAuthentic> for CannotSign {
    /// What the receiver would refuse is not sent.
    fn from(forged: NotAuthentic) -> Self {
        match forged {
            NotAuthentic::NoKey(no_key) => Self::NoKey(no_key),
            NotAuthentic::SignatureMismatch => Self::Key {
                reason: "a key of another scheme",
            },
            NotAuthentic::MalformedHeader { .. } => Self::Id,
            _ => Self::Body,
        }
    }
}

/// A text at a path of names, with the objects on the way.
fn insert(value: &mut Value, path: &str, text: &str) -> Result<(), CannotSign> {
    let mut place = value;
    for name in path.split('.') {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let object = place.as_object_mut().ok_or(CannotSign::Body)?;
        place = object.entry(name).or_insert(Value::Null);
    }
    *place = text.into();
    Ok(())
}

/// Only ever text that a field can hold: digits, encoded MACs, and texts of the scheme that `build` has looked at.
fn put(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name.clone(), value);
    }
}
