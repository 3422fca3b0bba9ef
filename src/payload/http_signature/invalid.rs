use http::HeaderName;

use crate::codes::{Few, Seen, entries};
use crate::payload::jose::Algorithm;

/// The reason why an HTTP message signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHttpSignature {
    /// A header field is not the structured field that it must be (RFC 8941), or too long.
    #[error("{name} is not a well-formed structured field")]
    Field {
        /// The field.
        name: HeaderName,
    },
    /// There are more signatures, or one covers more components, than any message here.
    #[error("more signatures or components than are looked at")]
    TooMany,
    /// None of the signatures is the one that the policy asks for.
    #[error("no signature is the one asked for: by {by} there are {seen}, and {wanted} would count")]
    NotFound {
        /// What the policy chooses by: `keyid`, `tag` or label.
        by: &'static str,
        /// What the signatures say there, each cut and escaped.
        seen: Few,
        /// What would count: the names of the sender's keys, or the one that is configured.
        wanted: Few,
    },
    /// Several of the signatures are.
    #[error("several signatures are the one asked for")]
    Ambiguous,
    /// `Signature-Input` and `Signature` do not belong together (RFC 9421 §3.2).
    #[error("the signature and its input do not belong together")]
    Unpaired,
    /// A parameter of the signature is absent.
    #[error("the parameter {name} is missing")]
    MissingParameter {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter of the signature is not of its type (RFC 9421 §2.3).
    #[error("the parameter {name} is not of its type")]
    ParameterType {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter that RFC 9421 does not define.
    #[error("a parameter is not known")]
    UnknownParameter,
    /// A component that must be covered is not.
    #[error("{name} is not covered")]
    NotCovered {
        /// The component.
        name: String,
    },
    /// A component is covered twice (RFC 9421 §2.5).
    #[error("a component is covered twice")]
    CoveredTwice,
    /// A component that is not known, has a parameter that is not taken here, or is none of a request.
    #[error("a component is not known or not taken")]
    Component,
    /// A covered component is not in the message, or not once.
    #[error("{name} is covered, but not in the message, or not once")]
    NotPresent {
        /// The component.
        name: String,
    },
    /// `alg` is not the algorithm of the key (RFC 9421 §3.2, step 6).
    #[error("alg is not {algorithm}, which is the key's")]
    OtherAlgorithm {
        /// The key's algorithm.
        algorithm: Algorithm,
    },
    /// `keyid` names no key of the sender.
    #[error("no key is called {}; there are {known}", .key_id.as_ref().map_or_else(|| "so, for the signature names none".to_owned(), Seen::to_string))]
    UnknownKey {
        /// What the signature names.
        key_id: Option<Seen>,
        /// The names of the keys that are there.
        known: Few,
    },
    /// There is no `keyid`, and the sender has several keys.
    #[error("several keys match")]
    AmbiguousKey,
    /// `expires` has passed.
    #[error("expired at {expires}, it is {now}")]
    Expired {
        /// The parameter, in seconds since 1970.
        expires: u64,
        /// The present.
        now: u64,
    },
    /// There is no digest of the body by an algorithm that counts (RFC 9530 §5): SHA-256 or SHA-512.
    #[error("no digest by SHA-256 or SHA-512")]
    NoDigest,
    /// A digest is not that of the body.
    #[error("a digest is not that of the body")]
    Digest,
    /// The signature is not right.
    #[error("the signature does not match")]
    Signature,
}

entries! {
    InvalidHttpSignature []
    Self::Field { .. } => "payload.http_signature.field", Theirs 401, "RFC 8941 §4",
        "Nothing.",
        "Write Signature and Signature-Input as RFC 9421 §4 has them.";
    Self::TooMany => "payload.http_signature.too_many", Theirs 401, "ours: sizes come first",
        "Nothing.",
        "Sign once, and cover what the receiver asks for.";
    Self::NotFound { .. } => "payload.http_signature.not_found", Theirs 401, "RFC 9421 §3.2",
        "Ask for the label or tag that the sender documents; by `keyid`, enter the key under the one that the message shows.",
        "Set the tag that the receiver asks for, or the `keyid` that it knows.";
    Self::Ambiguous => "payload.http_signature.ambiguous", Theirs 401, "RFC 9421 §3.2",
        "Ask for a label or tag that only one has.",
        "Use a tag of your own.";
    Self::Unpaired => "payload.http_signature.unpaired", Theirs 401, "RFC 9421 §3.2",
        "Have proxies in front pass both on.",
        "Send both, with the same labels.";
    Self::MissingParameter { .. } => "payload.http_signature.missing_parameter", Theirs 401, "RFC 9421 §2.3",
        "Do not demand it, where the sender documents that it is not sent.",
        "Put the parameter in.";
    Self::ParameterType { .. } => "payload.http_signature.parameter_type", Theirs 401, "RFC 9421 §2.3",
        "Nothing.",
        "Write it in its type: `created` is an integer, `keyid` a string.";
    Self::UnknownParameter => "payload.http_signature.unknown_parameter", Theirs 401, "RFC 9421 §2.3",
        "Nothing.",
        "Leave it out.";
    Self::NotCovered { .. } => "payload.http_signature.not_covered", Theirs 401, "RFC 9421 §7.2.1",
        "Ask for less only where the sender documents it: what is not covered is anybody's.",
        "Cover the component.";
    Self::CoveredTwice => "payload.http_signature.covered_twice", Theirs 401, "RFC 9421 §2.5",
        "Nothing.",
        "Cover each component once.";
    Self::Component => "payload.http_signature.component", Theirs 401, "RFC 9421 §2",
        "Nothing.",
        "Cover fields and derived components of the request, without such parameters.";
    Self::NotPresent { .. } => "payload.http_signature.not_present", Theirs 401, "RFC 9421 §2.5",
        "Have proxies in front pass signed fields on as they are.",
        "Cover fields that no proxy touches.";
    Self::OtherAlgorithm { .. } => "payload.http_signature.other_algorithm", Theirs 401, "RFC 9421 §3.2",
        "Check that the key is the sender's.",
        "Leave `alg` out, or name the key's.";
    Self::UnknownKey { .. } => "payload.http_signature.unknown_key", Theirs 401, "RFC 9421 §3.2",
        "Enter the key under the `keyid` that the message shows.",
        "Tell the receiver the key before you sign with it.";
    Self::AmbiguousKey => "payload.http_signature.ambiguous_key", Theirs 401, "RFC 9421 §3.2",
        "Nothing: no key is tried at a venture.",
        "Send `keyid`.";
    Self::Expired { .. } => "payload.http_signature.expired", Theirs 401, "RFC 9421 §2.3",
        "Check the clock.",
        "Sign each try anew.";
    Self::NoDigest => "payload.http_signature.no_digest", Theirs 401, "RFC 9530 §5",
        "Nothing.",
        "Send Content-Digest with sha-256.";
    Self::Digest => "payload.http_signature.digest", Theirs 401, "RFC 9530 §2",
        "Verify the bytes that arrived; have nothing in front change them.",
        "Hash the bytes that are sent, last of all.";
    Self::Signature => "payload.http_signature.signature", Theirs 401, "RFC 9421 §3.2",
        "Verify the URL as the sender called it: the origin outside of the proxy.",
        "Sign what is sent, with the key that the receiver has.";
}
