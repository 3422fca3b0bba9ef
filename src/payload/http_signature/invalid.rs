use http::HeaderName;

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
    #[error("no signature is the one asked for")]
    NotFound,
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
    #[error("the key is not known")]
    UnknownKey,
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

impl InvalidHttpSignature {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Field { .. } => "payload.http_signature.field",
            Self::TooMany => "payload.http_signature.too_many",
            Self::NotFound => "payload.http_signature.not_found",
            Self::Ambiguous => "payload.http_signature.ambiguous",
            Self::Unpaired => "payload.http_signature.unpaired",
            Self::MissingParameter { .. } => "payload.http_signature.missing_parameter",
            Self::ParameterType { .. } => "payload.http_signature.parameter_type",
            Self::UnknownParameter => "payload.http_signature.unknown_parameter",
            Self::NotCovered { .. } => "payload.http_signature.not_covered",
            Self::CoveredTwice => "payload.http_signature.covered_twice",
            Self::Component => "payload.http_signature.component",
            Self::NotPresent { .. } => "payload.http_signature.not_present",
            Self::OtherAlgorithm { .. } => "payload.http_signature.other_algorithm",
            Self::UnknownKey => "payload.http_signature.unknown_key",
            Self::AmbiguousKey => "payload.http_signature.ambiguous_key",
            Self::Expired { .. } => "payload.http_signature.expired",
            Self::NoDigest => "payload.http_signature.no_digest",
            Self::Digest => "payload.http_signature.digest",
            Self::Signature => "payload.http_signature.signature",
        }
    }
}
