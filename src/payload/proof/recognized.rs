use std::sync::Arc;

use crate::payload::hmac::keys::Matched;
use crate::payload::{KeyId, SchemeText};
use crate::tenant::TenantId;

/// A sender that showed a secret, or a token of its own, but did not sign *this message*. Weaker than
/// [`Authentic`](super::Authentic) and never to be turned into it: whoever learns the secret once, or changes the body
/// on its way, passes.
///
/// Proof: only [`Recognized::assertion`] makes one. There is no way from here to a [`Fresh`](super::Fresh) or a
/// [`Countersigned`](crate::gate::Countersigned); together with a [`Caller`](crate::gate::Caller) it is bound to a
/// [`RecognizedCaller`](crate::gate::RecognizedCaller).
///
/// ```
/// use countersign::payload::{KeyId, Recognized, Strength};
/// use countersign::tenant::TenantId;
///
/// let shown = Recognized::assertion(
///     TenantId::parse("acme")?,
///     "mine".into(),
///     KeyId::new("2026"),
///     Strength::Token,
/// );
/// assert_eq!((shown.sender().as_str(), shown.strength()), ("acme", Strength::Token));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognized {
    sender: TenantId,
    scheme: SchemeText,
    key: KeyId,
    strength: Strength,
}

/// The strength of what was shown: how weak it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strength {
    /// A signed token that does not cover the body: who sent it is proved, what was sent is not.
    UnboundToken,
    /// A signature over some fields of the body; the others are anybody's.
    SignedFields,
    /// A signature over a checksum of the body, which other bodies have too.
    Checksum,
    /// A hash of secret and message that can be made to fit a longer message.
    ExtendableHash,
    /// A fixed secret in a header field.
    Token,
    /// A fixed secret in the URL, which every server on the way may write into its log.
    Url,
    /// User name and password (RFC 7617).
    Basic,
    /// Nothing was shown: a key in the body was looked up at the sender, which has confirmed it.
    LookedUp,
}

impl Strength {
    /// What it proves, for people.
    pub(in crate::payload) fn describe(self) -> &'static str {
        match self {
            Self::UnboundToken => "the sender",
            Self::SignedFields => "the signed fields",
            Self::Checksum => "a checksum of the message",
            Self::ExtendableHash => "how the message begins",
            Self::Token => "knowledge of a token",
            Self::Url => "knowledge of a URL",
            Self::Basic => "knowledge of a password",
            Self::LookedUp => "what the sender has confirmed",
        }
    }
}

impl Recognized {
    /// The assertion that `sender` showed what `key` names, by the rules of `scheme`.
    ///
    /// # Security
    /// To be made only where the secret was just compared, the token just verified, or the sender just asked.
    pub fn assertion(sender: TenantId, scheme: Arc<str>, key: KeyId, strength: Strength) -> Self {
        Self {
            sender,
            scheme: scheme.into(),
            key,
            strength,
        }
    }

    /// The assertion that this key, which was just found to match, was shown.
    pub(in crate::payload) fn assertion_of(
        matched: &Matched,
        scheme: SchemeText,
        strength: Strength,
    ) -> Self {
        Self {
            sender: matched.owner().clone(),
            scheme,
            key: matched.id().clone(),
            strength,
        }
    }

    /// Who showed it.
    pub fn sender(&self) -> &TenantId {
        &self.sender
    }

    /// The scheme it was shown by.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The secret that matched.
    pub fn key(&self) -> &KeyId {
        &self.key
    }

    /// How weak it is.
    pub fn strength(&self) -> Strength {
        self.strength
    }
}
