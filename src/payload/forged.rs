use http::HeaderName;

use super::NoKey;
use crate::replay::NotFresh;

/// The reason why a message does not count as its sender's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAuthentic {
    /// A header field that the scheme needs is absent.
    #[error("the header field {name} is missing")]
    MissingHeader {
        /// Its name.
        name: HeaderName,
    },
    /// A header field that must be single stands more than once.
    #[error("the header field {name} is repeated")]
    RepeatedHeader {
        /// Its name.
        name: HeaderName,
    },
    /// A header field cannot be read: not visible ASCII, empty, too long, or not of the scheme's form.
    #[error("the header field {name} is malformed")]
    MalformedHeader {
        /// Its name.
        name: HeaderName,
    },
    /// A parameter of the query that the scheme needs is repeated or written in another form.
    #[error("the query is malformed")]
    MalformedQuery,
    /// The URL has no secret where the scheme has it.
    #[error("the URL holds no secret")]
    MissingUrlSecret,
    /// The secret in the URL is repeated, or holds what must be percent-encoded or is.
    #[error("the secret in the URL is malformed")]
    MalformedUrlSecret,
    /// The body is not what the scheme sends: not JSON or no form, a name repeated in it, or a field that nobody signs.
    #[error("the body is malformed")]
    MalformedBody,
    /// The body is larger than what may be parsed before it is verified.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The signed time is not written as the scheme writes it.
    #[error("the signed time is malformed")]
    MalformedTime,
    /// There is no signature of the scheme's form in the header field, not even a wrong one.
    #[error("the header field {name} holds no well-formed signature")]
    MalformedSignature {
        /// Its name.
        name: HeaderName,
    },
    /// More signatures than the scheme ever sends.
    #[error("more than {limit} signatures")]
    TooManySignatures {
        /// The limit.
        limit: usize,
    },
    /// The signed time is outside the tolerance.
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
    /// There is no key to verify it with.
    #[error(transparent)]
    NoKey(#[from] NoKey),
    /// No signature is right under any key of the sender.
    #[error("no signature matches any key of the sender")]
    SignatureMismatch,
    /// The claim that was granted is one of another delivery.
    #[error("the claim belongs to another delivery")]
    OtherClaim,
    /// A verifier outside this crate said no.
    #[error("refused: {reason}")]
    Denied {
        /// In its own words; for the operator only.
        reason: &'static str,
    },
    /// The token does not count.
    #[cfg(feature = "jwt")]
    #[error(transparent)]
    Jwt(#[from] super::jose::InvalidJwt),
    /// The HTTP message signature does not count.
    #[cfg(feature = "http-signatures")]
    #[error(transparent)]
    HttpSignature(#[from] super::http_signature::InvalidHttpSignature),
}

impl NotAuthentic {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingHeader { .. } => "payload.missing_header",
            Self::RepeatedHeader { .. } => "payload.repeated_header",
            Self::MalformedHeader { .. } => "payload.malformed_header",
            Self::MalformedQuery => "payload.malformed_query",
            Self::MissingUrlSecret => "payload.missing_url_secret",
            Self::MalformedUrlSecret => "payload.malformed_url_secret",
            Self::MalformedBody => "payload.malformed_body",
            Self::BodyTooLarge { .. } => "payload.body_too_large",
            Self::MalformedTime => "payload.malformed_time",
            Self::MalformedSignature { .. } => "payload.malformed_signature",
            Self::TooManySignatures { .. } => "payload.too_many_signatures",
            Self::NotFresh(not_fresh) => not_fresh.code(),
            Self::NoKey(no_key) => no_key.code(),
            Self::SignatureMismatch => "payload.signature_mismatch",
            Self::OtherClaim => "payload.other_claim",
            Self::Denied { .. } => "payload.denied",
            #[cfg(feature = "jwt")]
            Self::Jwt(token) => token.code(),
            #[cfg(feature = "http-signatures")]
            Self::HttpSignature(signature) => signature.code(),
        }
    }
}
