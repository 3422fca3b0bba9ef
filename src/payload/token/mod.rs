//! Fixed tokens and passwords: they show that somebody knows a secret, and sign nothing.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Message, NotAuthentic, Recognized, Strength};
use crate::payload::hmac::fields::{optional, single};
use crate::payload::hmac::keys::Digest;
use crate::payload::hmac::scheme::SchemeName;
use crate::payload::hmac::{Key, body};
use crate::payload::{FindKeys, Wanted};

/// How a provider shows a fixed secret. Nothing is signed.
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

    pub(super) fn preset(name: &str, shown: Shown) -> Self {
        Self {
            name: name.into(),
            shown,
        }
    }

    /// The same, with the header field that you told the provider to send. For schemes that leave it to you.
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
            Shown::ChosenField | Shown::ClientState => None,
        }
    }

    /// Where the secret is, for people.
    pub(super) fn describe(&self) -> String {
        match &self.shown {
            Shown::Field(name) => format!("`{name}`"),
            Shown::ChosenField => "a header field that you choose".to_owned(),
            Shown::Basic => "`authorization` `Basic `".to_owned(),
            Shown::ClientState => "body, JSON `clientState` of each item of `value`".to_owned(),
        }
    }

    /// How weak it is.
    pub fn strength(&self) -> Strength {
        match self.shown {
            Shown::Basic => Strength::Basic,
            _ => Strength::Token,
        }
    }

    /// Every secret that the message shows: all of them must be right.
    fn presented(&self, message: &Message<'_>) -> Result<Vec<Zeroizing<Vec<u8>>>, NotAuthentic> {
        let whole = |text: &str| vec![Zeroizing::new(text.as_bytes().to_vec())];
        match &self.shown {
            Shown::Field(name) => Ok(whole(single(message.headers, name)?)),
            Shown::Basic => basic(message),
            Shown::ClientState => client_states(message.body),
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
        Some(pair) if pair.contains(&b':') => Ok(vec![Zeroizing::new(pair)]),
        _ => Err(NotAuthentic::MalformedHeader { name }),
    }
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
        let matched = keys.matching(message.now, shows)?;
        Ok(Recognized::assertion_of(
            &matched,
            SchemeName::Given(self.scheme.name.clone()),
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
