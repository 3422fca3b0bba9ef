use super::{Algorithm, InvalidJson};
use crate::codes::{Few, Seen, entries};
use crate::payload::SchemeText;

/// The reason why a token does not count. Of what stands in it, it says names of members, the name of the key, and the beginning of a claim
/// that is not the one that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJwt {
    /// Longer than any token here.
    #[error("the token is longer than {limit} bytes")]
    TooLarge {
        /// The limit in force.
        limit: usize,
    },
    /// Not three parts between two dots (RFC 7515 §7.1).
    #[error("the token has not three parts")]
    Segments,
    /// A part is not base64url in its canonical form (RFC 7515 §2).
    #[error("the {part} is not canonical base64url")]
    Base64 {
        /// Which part.
        part: JwtPart,
    },
    /// A part is not the JSON object that it must be.
    #[error("the {part} is not acceptable JSON: {problem}")]
    Json {
        /// Which part.
        part: JwtPart,
        /// What is wrong with it.
        problem: InvalidJson,
    },
    /// A member of the header or a claim is not of its type.
    #[error("{name} is not of its type")]
    MemberType {
        /// The member.
        name: SchemeText,
    },
    /// A member of the header or a claim is absent.
    #[error("{name} is missing")]
    Missing {
        /// The member.
        name: SchemeText,
    },
    /// `alg` is none that is known here; `none` is not (RFC 8725 §3.2).
    #[error("the algorithm is not known")]
    UnknownAlgorithm,
    /// `alg` is not on the receiver's list.
    #[error("{algorithm} is not allowed here")]
    AlgorithmNotAllowed {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// `alg` is not the algorithm of the key (RFC 8725 §3.1).
    #[error("{algorithm} is not the algorithm of the key")]
    OtherAlgorithm {
        /// The algorithm of the token.
        algorithm: Algorithm,
    },
    /// `crit` is empty, names a member twice, one that is absent, or one of RFC 7515 itself (RFC 7515 §4.1.11).
    #[error("crit is not well-formed")]
    Critical,
    /// `crit` names an extension that is not understood here.
    #[error("crit names an extension that is not understood")]
    UnknownCritical,
    /// `b64` stands outside `crit` (RFC 7797 §6).
    #[error("b64 is not listed in crit")]
    B64NotCritical,
    /// An unencoded payload that is not detached (RFC 7797 §5), or in a JWT (§7).
    #[error("the payload is unencoded but not detached")]
    AttachedUnencoded,
    /// The token carries a payload though it should be detached.
    #[error("the payload is not detached")]
    NotDetached,
    /// `kid` names no key of the set. Not a forgery: the set may have changed.
    #[error("no key is called {}; there are {known}", .kid.as_ref().map_or_else(|| "so, for the token names none".to_owned(), Seen::to_string))]
    UnknownKey {
        /// What the token names.
        kid: Option<Seen>,
        /// The names of the keys that are there.
        known: Few,
    },
    /// No key of the set can verify this algorithm.
    #[error("no key for {algorithm}")]
    NoKey {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// Several keys of the set answer to this token.
    #[error("several keys match")]
    AmbiguousKey,
    /// The key is for something else (RFC 7517 §4.2, §4.3), not understood, not listed, not provided or weak:
    /// [`JwsVerifier::unusable`](crate::payload::jose::JwsVerifier::unusable) says why.
    #[error("the key cannot be used")]
    UnusableKey,
    /// The key names no algorithm, and the list leaves several: see [`Algorithms`](crate::payload::jose::Algorithms).
    #[error("nobody has decided which algorithm the key is for: list one for its type")]
    UndecidedAlgorithm,
    /// The signature is not right.
    #[error("the signature does not match")]
    Signature,
    /// `typ` is not the one that is asked for (RFC 8725 §3.11).
    #[error("typ is not the one asked for")]
    Type,
    /// A token inside a token (RFC 7519 §5.2).
    #[error("nested tokens are not taken")]
    Nested,
    /// A claim does not say what it must.
    #[error("{name} does not say what it must: it says {seen}, and must say {wanted}")]
    Claim {
        /// The claim.
        name: SchemeText,
        /// What it says.
        seen: Few,
        /// What is wanted, one of them.
        wanted: Few,
    },
    /// `exp` has passed.
    #[error("expired at {exp}, it is {now}")]
    Expired {
        /// The claim, in seconds since 1970.
        exp: u64,
        /// The present.
        now: u64,
    },
    /// `nbf` lies ahead.
    #[error("not before {nbf}, it is {now}")]
    NotYetValid {
        /// The claim, in seconds since 1970.
        nbf: u64,
        /// The present.
        now: u64,
    },
    /// `iat` lies ahead.
    #[error("issued at {iat}, it is {now}")]
    FromTheFuture {
        /// The claim, in seconds since 1970.
        iat: u64,
        /// The present.
        now: u64,
    },
    /// `iat` is too long ago.
    #[error("issued at {iat} and too old at {now}")]
    TooOld {
        /// The claim, in seconds since 1970.
        iat: u64,
        /// The present.
        now: u64,
    },
    /// `exp` lies further from `iat` than the receiver takes.
    #[error("valid for longer than {limit} seconds")]
    LivesTooLong {
        /// The limit in force.
        limit: u64,
    },
    /// A claim names another tenant than the one whose key signed it.
    #[error("{name} names another tenant")]
    OtherTenant {
        /// The claim.
        name: SchemeText,
    },
    /// The claimed hash is not that of the body.
    #[error("the token is for another body")]
    OtherBody,
    /// The claimed hash is not that of method, path and query.
    #[error("the token is for another request")]
    OtherRequest,
    /// The token is bound to a certificate, and the connection has none (RFC 8705 §3).
    #[error("the token is bound to a certificate, and there is none")]
    NoCertificate,
    /// The token is bound to another certificate.
    #[error("the token is bound to another certificate")]
    OtherCertificate,
    /// The token is bound to no certificate, and must be.
    #[error("the token is not bound to a certificate")]
    NotBoundToCertificate,
    /// The token is bound in a way that is not understood (RFC 7800 §3.1).
    #[error("the token is bound in a way that is not understood")]
    UnknownConfirmation,
}

impl InvalidJwt {
    pub(in crate::payload::jose) fn missing(name: impl Into<SchemeText>) -> Self {
        Self::Missing { name: name.into() }
    }

    pub(in crate::payload::jose) fn of_another_type(name: impl Into<SchemeText>) -> Self {
        Self::MemberType { name: name.into() }
    }
}

/// A part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtPart {
    /// The protected header.
    Header,
    /// The payload; of a JWT, its claims.
    Payload,
    /// The signature.
    Signature,
}

impl std::fmt::Display for JwtPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

entries! {
    InvalidJwt []
    Self::TooLarge { .. } => "payload.token.too_large", Theirs 401, "ours: sizes come first",
        "Nothing: tokens are small.",
        "Leave claims out; send the body detached.";
    Self::Segments => "payload.token.segments", Theirs 401, "RFC 7515 §7.1",
        "Check from which field the token is taken.",
        "Send the compact form: header.payload.signature";
    Self::Base64 { .. } => "payload.token.base64", Theirs 401, "RFC 7515 §2",
        "Nothing.",
        "Encode with base64url, without padding.";
    Self::Json { .. } => "payload.token.json", Theirs 401, "RFC 7515 §4, RFC 8725 §2.4",
        "Nothing.",
        "Make tokens with a library.";
    Self::MemberType { .. } => "payload.token.member_type", Theirs 401, "RFC 7519 §4.1",
        "Nothing.",
        "Write it in the type that RFC 7519 gives it: times are numbers of seconds.";
    Self::Missing { .. } => "payload.token.missing_member", Theirs 401, "RFC 7519 §4.1",
        "Do not demand it, where the sender documents that it is not sent.",
        "Put the claim in.";
    Self::UnknownAlgorithm => "payload.token.unknown_algorithm", Theirs 401, "RFC 8725 §3.2",
        "Nothing.",
        "Sign with ES256, EdDSA, PS256 or RS256.";
    Self::AlgorithmNotAllowed { .. } => "payload.token.algorithm_not_allowed", Theirs 401, "RFC 8725 §3.1",
        "Put it on the list, where the sender documents it.",
        "Sign with an algorithm that the receiver allows.";
    Self::OtherAlgorithm { .. } => "payload.token.other_algorithm", Theirs 401, "RFC 8725 §3.1",
        "Check that the key is the sender's.",
        "Name the algorithm of the key that signs.";
    Self::Critical => "payload.token.critical", Theirs 401, "RFC 7515 §4.1.11",
        "Nothing.",
        "Write `crit` as RFC 7515 has it, or leave it out.";
    Self::UnknownCritical => "payload.token.unknown_critical", Theirs 401, "RFC 7515 §4.1.11",
        "Nothing: what is critical must not be passed over.",
        "Leave the extension out.";
    Self::B64NotCritical => "payload.token.b64_not_critical", Theirs 401, "RFC 7797 §6",
        "Nothing.",
        "List `b64` in `crit`.";
    Self::AttachedUnencoded => "payload.token.attached_unencoded", Theirs 401, "RFC 7797 §5",
        "Nothing.",
        "Detach the payload, or encode it.";
    Self::NotDetached => "payload.token.not_detached", Theirs 401, "RFC 7515 appendix F",
        "Verify it as a JWT, where the claims are in the token.",
        "Leave the middle part empty.";
    Self::UnknownKey { .. } => "payload.token.unknown_key", Theirs 401, "RFC 7515 §4.1.4",
        "Load the present set; the message says which `kid` was named and which are there.",
        "Publish the key before you sign with it.";
    Self::NoKey { .. } => "payload.token.no_key", Theirs 401, "RFC 7517 §4",
        "Load the present set of this sender.",
        "Publish the key that signs, with `use` sig.";
    Self::AmbiguousKey => "payload.token.ambiguous_key", Theirs 401, "RFC 7517 §4.5",
        "Nothing: no key is tried at a venture.",
        "Give each key its own `kid`, and name it in the token.";
    Self::UnusableKey => "payload.token.unusable_key", Theirs 401, "RFC 7517 §4.2",
        "Do what `JwsVerifier::unusable` says.",
        "Publish a key for signing, of 2048 bits of RSA at least or on a common curve.";
    Self::UndecidedAlgorithm => "payload.token.undecided_algorithm", Ours 401, "RFC 8725 §3.1",
        "List one algorithm for each type of key.",
        "Publish `alg` with the key.";
    Self::Signature => "payload.token.signature", Theirs 401, "RFC 7515 §5.2",
        "Load the present key of this sender, and verify the bytes that arrived.",
        "Sign with the key that you publish.";
    Self::Type => "payload.token.type", Theirs 401, "RFC 8725 §3.11",
        "Ask for the `typ` that the sender documents.",
        "Set `typ`.";
    Self::Nested => "payload.token.nested", Theirs 401, "RFC 7519 §5.2",
        "Nothing.",
        "Send the inner token.";
    Self::Claim { .. } => "payload.token.claim", Theirs 401, "RFC 7519 §4.1",
        "Correct what is wanted, where the message shows that it is the receiver's mistake.",
        "Issue the token for this receiver.";
    Self::Expired { .. } => "payload.token.expired", Theirs 401, "RFC 7519 §4.1.4",
        "Check the clock; allow for differing clocks with `with_leeway`.",
        "Sign each try anew.";
    Self::NotYetValid { .. } => "payload.token.not_yet_valid", Theirs 401, "RFC 7519 §4.1.5",
        "Check the clock; allow for differing clocks with `with_leeway`.",
        "Check the clock.";
    Self::FromTheFuture { .. } => "payload.token.from_the_future", Theirs 401, "RFC 7519 §4.1.6",
        "Check the clock; allow for differing clocks with `with_leeway`.",
        "Check the clock; write seconds.";
    Self::TooOld { .. } => "payload.token.too_old", Theirs 401, "RFC 7519 §4.1.6",
        "Raise `with_max_age`, where deliveries wait that long.",
        "Sign each try anew.";
    Self::LivesTooLong { .. } => "payload.token.lives_too_long", Theirs 401, "RFC 8725 §3.10",
        "Raise the limit, where the sender documents such lives.",
        "Issue tokens for a few minutes.";
    Self::OtherTenant { .. } => "payload.token.other_tenant", Theirs 401, "ours: both signatures name one tenant",
        "Look who has this key.",
        "Sign each tenant's tokens with that tenant's key.";
    Self::OtherBody => "payload.token.other_body", Theirs 401, "the sender's documentation",
        "Verify the bytes that arrived.",
        "Hash the bytes that are sent, last of all.";
    Self::OtherRequest => "payload.token.other_request", Theirs 401, "the sender's documentation",
        "Verify the URL as the sender called it: the origin outside of the proxy.",
        "Hash the URL that is called.";
    Self::NoCertificate => "payload.token.no_certificate", Theirs 401, "RFC 8705 §3",
        "Behind a proxy: `CallerLayer::behind`.",
        "Show the certificate that the token is bound to.";
    Self::OtherCertificate => "payload.token.other_certificate", Theirs 401, "RFC 8705 §3",
        "Nothing: it is what the binding is for.",
        "Issue the token for the certificate that is shown.";
    Self::NotBoundToCertificate => "payload.token.not_bound_to_certificate", Theirs 401, "RFC 8705 §3",
        "Do not demand the binding, where the sender does not document one.",
        "Put `cnf` with `x5t#S256` into the token.";
    Self::UnknownConfirmation => "payload.token.unknown_confirmation", Theirs 401, "RFC 7800 §3.1",
        "Nothing.",
        "Bind the token to the certificate: `x5t#S256`.";
}

impl InvalidJwt {
    /// Whether it is for want of a key: with another set of the same owner's the token might pass. What the receiver's own
    /// list decides is not.
    pub(in crate::payload::jose) fn is_about_the_key(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey { .. }
                | Self::NoKey { .. }
                | Self::AmbiguousKey
                | Self::UnusableKey
                | Self::OtherAlgorithm { .. }
                | Self::Signature
        )
    }
}
