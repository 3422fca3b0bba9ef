//! The reasons why a message is not its sender's.

use http::HeaderName;

use super::NoKey;
use crate::codes::entries;
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

entries! {
    NotAuthentic [
        Self::NotFresh(inner) => inner,
        Self::NoKey(inner) => inner,
        #[cfg(feature = "jwt")]
        Self::Jwt(inner) => inner,
        #[cfg(feature = "http-signatures")]
        Self::HttpSignature(inner) => inner,
    ]
    Self::MissingHeader { .. } => "payload.missing_header", Theirs 401, "the scheme's documentation",
        "Check that the scheme is the provider's, and that no proxy in front drops the field.",
        "Sign the delivery; look whether the endpoint has a secret in the provider's settings.";
    Self::RepeatedHeader { .. } => "payload.repeated_header", Theirs 401, "RFC 9110 §5.3",
        "Have proxies in front pass the field on as it is.",
        "Send the field once.";
    Self::MalformedHeader { .. } => "payload.malformed_header", Theirs 401, "the scheme's documentation",
        "Check that the scheme is the provider's present one.",
        "Write the field as the scheme documents it.";
    Self::MalformedQuery => "payload.malformed_query", Theirs 401, "the scheme's documentation",
        "Leave the URL as it was configured at the provider; parameters of your own have other names.",
        "Write the parameter once, as the scheme documents it.";
    Self::MissingUrlSecret => "payload.missing_url_secret", Theirs 401, "the scheme's documentation",
        "Enter the whole URL, with its secret, at the provider.",
        "Call the URL exactly as it was given.";
    Self::MalformedUrlSecret => "payload.malformed_url_secret", Theirs 401, "the scheme's documentation",
        "Use a secret of letters and digits: openssl rand -hex 32",
        "Call the URL exactly as it was given.";
    Self::MalformedBody => "payload.malformed_body", Theirs 401, "the scheme's documentation",
        "Check that the scheme is the provider's, and that nothing in front changes the body.",
        "Send what the scheme documents.";
    Self::BodyTooLarge { .. } => "payload.body_too_large", Theirs 413, "RFC 9110 §15.5.14",
        "Raise the limit of `PayloadLayer`, where events may be so large.",
        "Send less in one delivery.";
    Self::MalformedTime => "payload.malformed_time", Theirs 401, "the scheme's documentation",
        "Check that the scheme is the provider's present one.",
        "Write the time as the scheme documents it, mostly as seconds since 1970.";
    Self::MalformedSignature { .. } => "payload.malformed_signature", Theirs 401, "the scheme's documentation",
        "Check that the scheme is the provider's.",
        "Write the signature as the scheme documents it.";
    Self::TooManySignatures { .. } => "payload.too_many_signatures", Theirs 401, "ours: sizes come first",
        "Nothing.",
        "Send one signature for each key that is in use.";
    Self::SignatureMismatch => "payload.signature_mismatch", Theirs 401, "the scheme's documentation",
        "Verify the very bytes that arrived; compare the secret with the provider's for this endpoint and \
         environment. `explain::payload` tries the usual mistakes.",
        "Sign the bytes that are sent, last of all, with the secret that the receiver has.";
    Self::OtherClaim => "payload.other_claim", Ours 401, "ours: a claim belongs to one delivery",
        "Correct the store: `Claimed::granted` is for the claim that was asked.",
        "Nothing: the receiver's store is wrong.";
    Self::Denied { .. } => "payload.denied", Theirs 401, "a verifier of your own",
        "What the verifier says.",
        "Ask the receiver.";
}
