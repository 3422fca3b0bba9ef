//! Fixed tokens and passwords: they show that somebody knows a secret, and sign nothing.
//!
//! The weakest of them is a secret in the URL, for senders that can do nothing else: whoever writes the URL down knows it, which are
//! proxies, access logs, traces, and the sender's own console.
//!
//! ```
//! use countersign::payload::token::{TokenScheme, TokenVerifier};
//! use countersign::payload::{Keyring, Message, NotAuthentic, Secret, Strength};
//! use countersign::tenant::TenantId;
//! # use http::{HeaderMap, Method, Uri};
//! # let now = rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_790_000_000));
//! # let (method, headers) = (Method::POST, HeaderMap::new());
//!
//! let scheme = TokenScheme::url_parameter("pix", "hmac");
//! let keys = Keyring::builder(&scheme)
//!     .key(TenantId::parse("efi")?, "2026", Secret::new("u3Jq-9wXv7hTz2Lk"))
//!     .build()?;
//! let verifier = TokenVerifier::new(scheme, keys);
//!
//! let uri: Uri = "/webhook/pix?hmac=u3Jq-9wXv7hTz2Lk".parse()?;
//! let recognized = verifier.recognize(&Message::new(&method, &uri, &headers, b"{}", now))?;
//! assert_eq!((recognized.sender().as_str(), recognized.strength()), ("efi", Strength::Url));
//!
//! let without = Uri::from_static("/webhook/pix");
//! let refused = verifier.recognize(&Message::new(&method, &without, &headers, b"{}", now));
//! assert_eq!(refused, Err(NotAuthentic::MissingUrlSecret));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Message, NotAuthentic, Recognized, Strength};
use crate::payload::hmac::fields::{optional, single};
use crate::payload::hmac::keys::Digest;
use crate::payload::hmac::{Key, KeyForm, body};
use crate::payload::percent::{is_unreserved, parameters};
use crate::payload::{FindKeys, Wanted};

/// A bearer-token scheme, how a provider shows a fixed secret. Nothing is signed.
///
/// ```
/// use countersign::payload::Strength;
/// use countersign::payload::token::TokenScheme;
/// use http::HeaderName;
///
/// let scheme = TokenScheme::header("mine", HeaderName::from_static("x-token"));
/// assert_eq!((scheme.name(), scheme.strength()), ("mine", Strength::Token));
/// assert_eq!(TokenScheme::url_parameter("mine", "token").strength(), Strength::Url);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenScheme {
    name: Arc<str>,
    shown: Shown,
}

/// Where the secret is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// In a header field of the provider's.
    Field(HeaderName),
    /// In a header field that the operator chooses.
    ChosenField,
    /// As user name and password.
    Basic,
    /// In the body, in `clientState` of every item of `value`.
    ClientState,
    /// In the body, as this member of its object.
    BodyMember(&'static str),
    /// In the path, between these.
    UrlPath(Box<str>, Box<str>),
    /// In the query, as this parameter.
    UrlParameter(Box<str>),
}

impl TokenScheme {
    /// A scheme of your own: the whole value of this header field is the secret.
    pub fn header(name: &str, field: HeaderName) -> Self {
        Self {
            name: name.into(),
            shown: Shown::Field(field),
        }
    }

    /// A scheme of your own: user name and password (RFC 7617); the secret is written `user:password`.
    pub fn basic(name: &str) -> Self {
        Self {
            name: name.into(),
            shown: Shown::Basic,
        }
    }

    /// A scheme of your own: the secret stands in the path of the URL, between these: `/hooks/` and `/pix` for
    /// `/hooks/SECRET/pix`. It is one segment, or the part of one.
    ///
    /// # Security
    /// As for [`url_parameter`](Self::url_parameter). Routers that take a prefix off the path before handlers see it (axum's `nest`) take it off
    /// here as well.
    pub fn url_path(name: &str, before: &str, after: &str) -> Self {
        Self {
            name: name.into(),
            shown: Shown::UrlPath(before.into(), after.into()),
        }
    }

    /// A scheme of your own: the secret is this parameter of the URL's query, which must be single.
    ///
    /// # Security
    /// A URL is written down by everything that it passes, and by whoever configures it; nothing in this crate shows it. So this is for
    /// senders that can do nothing else, together with their certificate: see
    /// [`RecognizedCaller`](crate::gate::RecognizedCaller). Keep URLs out of your own access logs and traces.
    ///
    /// A secret has one form in a URL: letters, digits, `-`, `.`, `_` and `~`. Others are refused when the key ring is made, and what is
    /// percent-encoded is refused when it arrives.
    pub fn url_parameter(name: &str, parameter: &str) -> Self {
        Self {
            name: name.into(),
            shown: Shown::UrlParameter(parameter.into()),
        }
    }

    pub(super) fn preset(name: &str, shown: Shown) -> Self {
        Self {
            name: name.into(),
            shown,
        }
    }

    /// Reads the token from the header field that you told the provider to send. For schemes that leave it to you.
    #[must_use]
    pub fn in_field(mut self, field: HeaderName) -> Self {
        if self.shown == Shown::ChosenField {
            self.shown = Shown::Field(field);
        }
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The header field of the secret, if it is known and in one.
    pub fn header_field(&self) -> Option<&HeaderName> {
        match &self.shown {
            Shown::Field(name) => Some(name),
            Shown::Basic => Some(&http::header::AUTHORIZATION),
            Shown::ChosenField | Shown::ClientState | Shown::BodyMember(_) => None,
            Shown::UrlPath(..) | Shown::UrlParameter(_) => None,
        }
    }

    /// Where the secret is, for people.
    pub(super) fn describe(&self) -> String {
        match &self.shown {
            Shown::Field(name) => format!("`{name}`"),
            Shown::ChosenField => "a header field that you choose".to_owned(),
            Shown::Basic => "`authorization` `Basic `".to_owned(),
            Shown::ClientState => "body, JSON `clientState` of each item of `value`".to_owned(),
            Shown::BodyMember(name) => format!("body, JSON `{name}`"),
            Shown::UrlPath(before, after) => format!("path, between `{before}` and `{after}`"),
            Shown::UrlParameter(name) => format!("query, `{name}`"),
        }
    }

    /// How weak it is.
    pub fn strength(&self) -> Strength {
        match self.shown {
            Shown::Basic => Strength::Basic,
            Shown::UrlPath(..) | Shown::UrlParameter(_) => Strength::Url,
            Shown::Field(_) | Shown::ChosenField => Strength::Token,
            Shown::ClientState | Shown::BodyMember(_) => Strength::Token,
        }
    }

    /// How its secrets are written.
    pub(in crate::payload) fn key_form(&self) -> KeyForm {
        match self.strength() {
            Strength::Url => KeyForm::Unreserved,
            _ => KeyForm::Utf8,
        }
    }

    /// Every secret that the message shows: all of them must be right.
    fn presented(&self, message: &Message<'_>) -> Result<Vec<Zeroizing<Vec<u8>>>, NotAuthentic> {
        let whole = |text: &str| vec![Zeroizing::new(text.as_bytes().to_vec())];
        match &self.shown {
            Shown::Field(name) => Ok(whole(single(message.headers, name)?)),
            Shown::Basic => basic(message),
            Shown::ClientState => client_states(message.body),
            Shown::BodyMember(name) => member(message.body, name),
            Shown::UrlPath(before, after) => Ok(whole(between(message.uri.path(), before, after)?)),
            Shown::UrlParameter(name) => Ok(whole(parameter(message.uri.query(), name)?)),
            Shown::ChosenField => Err(NotAuthentic::Denied {
                reason: "the header field of the secret is not configured: `TokenScheme::in_field`",
            }),
        }
    }
}

fn basic(message: &Message<'_>) -> Result<Vec<Zeroizing<Vec<u8>>>, NotAuthentic> {
    let name = http::header::AUTHORIZATION;
    let value = optional(message.headers, &name)?
        .ok_or_else(|| NotAuthentic::MissingHeader { name: name.clone() })?;
    let encoded = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = encoded.and_then(|(_, encoded)| STANDARD.decode(encoded).ok());
    match decoded {
        // Name and password in one piece: compared apart, each could be guessed by itself.
        Some(pair) if pair.contains(&b':') => Ok(vec![Zeroizing::new(pair)]),
        _ => Err(NotAuthentic::MalformedHeader { name }),
    }
}

/// The secret between the two, which is all of the path that they leave.
fn between<'u>(path: &'u str, before: &str, after: &str) -> Result<&'u str, NotAuthentic> {
    let rest = path
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after));
    unreserved(rest.ok_or(NotAuthentic::MissingUrlSecret)?)
}

/// The only parameter of this name, as it is written: an encoded name is another name.
fn parameter<'u>(query: Option<&'u str>, name: &str) -> Result<&'u str, NotAuthentic> {
    let mut values = parameters(query).filter_map(|(key, value)| (key == name).then_some(value));
    let only = values.next().ok_or(NotAuthentic::MissingUrlSecret)?;
    match values.next() {
        None => unreserved(only),
        Some(_) => Err(NotAuthentic::MalformedUrlSecret),
    }
}

/// What is written otherwise has more than one form.
fn unreserved(secret: &str) -> Result<&str, NotAuthentic> {
    if secret.is_empty() {
        return Err(NotAuthentic::MissingUrlSecret);
    }
    is_unreserved(secret)
        .then_some(secret)
        .ok_or(NotAuthentic::MalformedUrlSecret)
}

fn member(body: &[u8], name: &str) -> Result<Vec<Zeroizing<Vec<u8>>>, NotAuthentic> {
    let value = body::parse_json(body)?;
    let secret = value.get(name).and_then(|secret| secret.as_str());
    let secret = secret.ok_or(NotAuthentic::MalformedBody)?;
    Ok(vec![Zeroizing::new(secret.as_bytes().to_vec())])
}

fn client_states(body: &[u8]) -> Result<Vec<Zeroizing<Vec<u8>>>, NotAuthentic> {
    let value = body::parse_json(body)?;
    let items = value
        .get("value")
        .and_then(|items| items.as_array())
        .filter(|items| !items.is_empty());
    let state = |item: &serde_json::Value| {
        let text = item.get("clientState")?.as_str()?;
        Some(Zeroizing::new(text.as_bytes().to_vec()))
    };
    let states = items.and_then(|items| items.iter().map(state).collect::<Option<Vec<_>>>());
    let mut states = states.ok_or(NotAuthentic::MalformedBody)?.into_iter();
    // All are to be one key's secret. Ten thousand that are the same are one to compare; of two that differ, one is wrong.
    let first = states.next().ok_or(NotAuthentic::MalformedBody)?;
    let other = states.find(|state| *state != first);
    Ok([first].into_iter().chain(other).collect())
}

/// Recognizes senders by a fixed secret. Its answer is a [`Recognized`], which cannot become a
/// [`Fresh`](super::Fresh): nothing says that the message is the sender's, or new.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::payload::token::{TokenScheme, TokenVerifier};
/// use countersign::payload::{Keyring, Message, NotAuthentic, Secret};
/// use countersign::tenant::TenantId;
/// use http::{HeaderMap, HeaderName, Method, Uri};
///
/// let scheme = TokenScheme::header("mine", HeaderName::from_static("x-token"));
/// let keys = Keyring::builder(&scheme)
///     .key(TenantId::parse("acme")?, "2026", Secret::new("a token of sixteen bytes"))
///     .build()?;
/// let verifier = TokenVerifier::new(scheme, keys);
/// let (method, uri, mut headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
/// headers.insert("x-token", "another token of sixteen".parse()?);
/// let refused = verifier.recognize(&Message::new(&method, &uri, &headers, b"{}", UnixTime::now()));
/// assert_eq!(refused.err(), Some(NotAuthentic::SignatureMismatch));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TokenVerifier {
    scheme: TokenScheme,
    keys: Arc<dyn FindKeys>,
}

impl TokenVerifier {
    /// Recognizes by this scheme the holders of those secrets.
    pub fn new(scheme: TokenScheme, keys: impl FindKeys + 'static) -> Self {
        Self {
            scheme,
            keys: Arc::new(keys),
        }
    }

    /// Who showed its secret.
    ///
    /// # Errors
    /// [`NotAuthentic`], with the first reason found.
    pub fn recognize(&self, message: &Message<'_>) -> Result<Recognized, NotAuthentic> {
        let presented = self.scheme.presented(message)?;
        let keys = self.keys.find_keys(&Wanted::of(message.sender))?;
        let shows = |key: &Key| Ok(presented.iter().all(|secret| is_secret(key, secret)));
        let matched = keys.matching(&*self.keys, message.now, shows)?;
        Ok(Recognized::assertion_of(
            &matched,
            self.scheme.name.clone().into(),
            self.scheme.strength(),
        ))
    }
}

/// Compares MACs made with the two secrets, in constant time: neither their content nor their length shows, and the
/// secret itself need not be kept.
fn is_secret(key: &Key, presented: &[u8]) -> bool {
    let (Some(known), Some(shown)) = (key.begin(Digest::Sha256), Key::begin_with(presented)) else {
        return false;
    };
    bool::from(known.finish().as_slice().ct_eq(shown.finish().as_slice()))
}
