use std::fmt;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::PassedOver;
use crate::date::Date;
use crate::identity::{Malformed, SerialNumber, SpkiHash, Validity};

/// The reason why a peer is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Untrusted {
    /// The chain could not be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// No path leads from the leaf to an anchor.
    #[error("no path leads to a trusted certificate authority")]
    UnknownIssuer,
    /// A certificate on the path, or its anchor, is no longer valid.
    #[error("expired at {} (now {})", Date(*.not_after), Date(*.now))]
    Expired {
        /// Its last second.
        not_after: UnixTime,
        /// When it was asked.
        now: UnixTime,
    },
    /// A certificate on the path is not valid yet.
    #[error("not valid before {} (now {})", Date(*.not_before), Date(*.now))]
    NotYetValid {
        /// Its first second.
        not_before: UnixTime,
        /// When it was asked.
        now: UnixTime,
    },
    /// The leaf has no extended key usage, and the profile demands one.
    #[error("the leaf has no extended key usage; {needed} is required")]
    NoExtendedKeyUsage {
        /// The purpose that is needed.
        needed: &'static str,
    },
    /// A certificate on the path is not meant for this purpose (RFC 5280 §4.2.1.12).
    #[error("the extended key usage does not allow {needed}")]
    ExtendedKeyUsage {
        /// The purpose that is needed.
        needed: &'static str,
    },
    /// The key usage of the leaf does not allow digital signatures (RFC 5280 §4.2.1.3).
    #[error("the key usage of the leaf does not allow digital signatures")]
    KeyUsage,
    /// An issuer's key usage does not allow it to sign certificates (RFC 5280 §4.2.1.3).
    #[error("the key usage of an issuer does not allow it to sign certificates")]
    IssuerKeyUsage,
    /// The leaf is a certificate authority, or may sign certificates.
    #[error("the leaf is a certificate authority, or may sign certificates")]
    CaAsLeaf,
    /// The key usage of the leaf allows it to sign CRLs, which is for authorities (RFC 5280 §4.2.1.3).
    #[error("the key usage of the leaf allows it to sign CRLs (cRLSign), as only an authority's may")]
    CrlSignerAsLeaf,
    /// An issuer on the only path is no certificate authority.
    #[error("an issuer on the path is not a certificate authority")]
    LeafAsCa,
    /// A signature on the path is wrong.
    #[error("a signature on the path is wrong")]
    Signature,
    /// A signature on the path uses an algorithm that the crypto provider does not verify.
    #[error("a signature on the path uses an algorithm that is not supported")]
    SignatureAlgorithm,
    /// A name lies outside what a certificate authority on the path may certify (RFC 5280 §4.2.1.10).
    #[error("a name violates the constraints of a certificate authority on the path")]
    NameConstraint,
    /// An authority on the path constrains names of a type that is not compared, and such a name is there. It may be good or
    /// bad (RFC 5280 §4.2.1.10: process the constraint, or reject the certificate).
    #[error(
        "an authority on the path constrains names of the type {kind}, which is not supported, and a certificate below it has one"
    )]
    UnsupportedNameConstraint {
        /// The type of name.
        kind: &'static str,
    },
    /// The path is longer than an authority on it allows, or than the verifier follows: six intermediates.
    #[error("the path is too long")]
    PathLength,
    /// Path building was given up: the chain is made to be expensive.
    #[error("path building was given up after too many attempts")]
    PathBudget,
    /// A critical extension that the verifier does not know (RFC 5280 §4.2).
    #[error("a critical extension is not supported")]
    CriticalExtension,
    /// The leaf is not valid for the server name that we wanted to reach.
    #[error("the leaf is not valid for {name}")]
    WrongName {
        /// The name we wanted to reach.
        name: String,
    },
    /// The public key of the leaf is not among the pins.
    #[error("the public key {spki} is not pinned")]
    NotPinned {
        /// The key that was presented.
        spki: SpkiHash,
    },
    /// A key on the path is too weak: RSA below 2048 bits.
    #[error("a key on the path is too weak (RSA below 2048 bits)")]
    WeakKey,
    /// A key on the path is of a kind that is not supported, weak or not: id-RSASSA-PSS, Ed448, other curves, a compressed
    /// point.
    #[error(
        "a key on the path is of a kind that is not supported; RSA, ECDSA on P-256, P-384 and P-521 (uncompressed), Ed25519 \
         and ML-DSA are"
    )]
    UnsupportedKey,
    /// The leaf is valid for longer than the profile allows.
    #[error("the leaf is valid for {} seconds; at most {} are allowed", .lifetime.as_secs(), .max.as_secs())]
    Lifetime {
        /// Its lifetime.
        lifetime: Duration,
        /// The longest allowed.
        max: Duration,
    },
    /// The leaf does not assert a certificate policy that the profile requires.
    #[error("the leaf does not assert the certificate policy {required}")]
    Policy {
        /// The OID.
        required: String,
    },
    /// A certificate on the path is revoked.
    #[error("the certificate with serial number {serial} is revoked")]
    Revoked {
        /// Its serial number.
        serial: SerialNumber,
    },
    /// Revocation is required, and no CRL speaks about a certificate on the path.
    #[error("no CRL speaks about the certificate with serial number {serial}{}", AndWhy(.passed_over))]
    RevocationUnknown {
        /// Its serial number.
        serial: SerialNumber,
        /// The lists in its issuer's name, and why each says nothing of it.
        passed_over: Vec<PassedOver>,
    },
    /// A CRL in the name of an issuer on the path is not signed with that issuer's key. Nobody is refused for it: it is
    /// [reported](super::Evidence::reported), and counts as if it were not there.
    #[error("the CRL of {issuer} is not signed with its issuer's key, so it is passed over")]
    CrlSignature {
        /// The issuer, for people to read.
        issuer: String,
    },
    /// The CRL that speaks about a certificate on the path is out of date.
    #[error("the CRL was to be replaced at {} (now {})", Date(*.next_update), Date(*.now))]
    CrlExpired {
        /// Its nextUpdate.
        next_update: UnixTime,
        /// When it was asked.
        now: UnixTime,
    },
    /// The CRL that speaks about a certificate on the path is not valid yet.
    #[error("the CRL was issued at {}, in the future of {}", Date(*.this_update), Date(*.now))]
    CrlFromTheFuture {
        /// Its thisUpdate.
        this_update: UnixTime,
        /// When it was asked.
        now: UnixTime,
    },
    /// The certificate, its key or its serial number stands on the deny list.
    #[error("denied by the operator's list")]
    OnDenyList,
    /// The verifier only ever takes trust away, and none that gives any stands before it.
    #[error("nothing before this verifier trusts the peer; join it behind one with `and`")]
    NothingBefore,
    /// Nobody is admitted: the server only finds out who tries ([`Enrolment`](crate::tls::Enrolment)).
    #[error("nobody is admitted while clients are enrolled")]
    Enrolment,
    /// The verifier trusts servers only, and the peer is a client.
    #[error("only servers are trusted by this verifier")]
    ServersOnly,
    /// None of the names of the leaf is one that is expected of this sender.
    #[error("none of its names is expected")]
    UnexpectedName,
    /// A certificate on the path breaks a rule of RFC 5280 that path building does not look at.
    #[error("a certificate on the path breaks RFC 5280: {rule}")]
    Rfc5280 {
        /// The rule.
        rule: &'static str,
    },
    /// A CRL is signed by an authority that may not sign CRLs.
    #[error("the key usage of an issuer does not allow it to sign CRLs, and it has signed one")]
    CrlIssuer,
    /// A part of the chain is not well-formed in a way that only path building shows.
    #[error("a certificate on the path is malformed")]
    Path,
    /// A verifier outside this crate said no.
    #[error("refused: {reason}")]
    Denied {
        /// In its own words; for the operator only.
        reason: &'static str,
    },
    /// What decides was [withdrawn](crate::live::Live::withdraw), because nobody could renew it. An outage, not a refusal.
    #[error("whom to trust is not known just now: it could not be renewed for too long")]
    Unavailable,
}

impl Untrusted {
    /// A stable name of the reason, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.code(),
            Self::UnknownIssuer => "trust.unknown_issuer",
            Self::Expired { .. } => "trust.expired",
            Self::NotYetValid { .. } => "trust.not_yet_valid",
            Self::NoExtendedKeyUsage { .. } => "trust.no_extended_key_usage",
            Self::ExtendedKeyUsage { .. } => "trust.extended_key_usage",
            Self::KeyUsage => "trust.key_usage",
            Self::IssuerKeyUsage => "trust.issuer_key_usage",
            Self::CaAsLeaf => "trust.ca_as_leaf",
            Self::CrlSignerAsLeaf => "trust.crl_signer_as_leaf",
            Self::LeafAsCa => "trust.leaf_as_ca",
            Self::Signature => "trust.signature",
            Self::SignatureAlgorithm => "trust.signature_algorithm",
            Self::NameConstraint => "trust.name_constraint",
            Self::UnsupportedNameConstraint { .. } => "trust.unsupported_name_constraint",
            Self::PathLength => "trust.path_length",
            Self::PathBudget => "trust.path_budget",
            Self::CriticalExtension => "trust.critical_extension",
            Self::WrongName { .. } => "trust.wrong_name",
            Self::NotPinned { .. } => "trust.not_pinned",
            Self::WeakKey => "trust.weak_key",
            Self::UnsupportedKey => "trust.unsupported_key",
            Self::Lifetime { .. } => "trust.lifetime",
            Self::Policy { .. } => "trust.policy",
            Self::Revoked { .. } => "trust.revoked",
            Self::RevocationUnknown { .. } => "trust.revocation_unknown",
            Self::CrlSignature { .. } => "trust.crl_signature",
            Self::CrlExpired { .. } => "trust.crl_expired",
            Self::CrlFromTheFuture { .. } => "trust.crl_from_the_future",
            Self::OnDenyList => "trust.on_deny_list",
            Self::NothingBefore => "trust.nothing_before",
            Self::Enrolment => "trust.enrolment",
            Self::ServersOnly => "trust.servers_only",
            Self::UnexpectedName => "trust.unexpected_name",
            Self::Rfc5280 { .. } => "trust.rfc5280",
            Self::CrlIssuer => "trust.crl_issuer",
            Self::Path => "trust.path",
            Self::Denied { .. } => "trust.denied",
            Self::Unavailable => "trust.unavailable",
        }
    }
}

/// How many lists a message names; with a list for each of many distribution points there may be hundreds.
const NAMED: usize = 4;

struct AndWhy<'a>(&'a [PassedOver]);

impl fmt::Display for AndWhy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for list in self.0.iter().take(NAMED) {
            write!(f, "; {list}")?;
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

pub(super) fn check_validity(valid: Validity, now: UnixTime) -> Result<(), Untrusted> {
    if now < valid.not_before {
        return Err(Untrusted::NotYetValid {
            not_before: valid.not_before,
            now,
        });
    }
    if now > valid.not_after {
        return Err(Untrusted::Expired {
            not_after: valid.not_after,
            now,
        });
    }
    Ok(())
}

/// What webpki says, in our words.
pub(super) fn from_webpki(error: &webpki::Error) -> Untrusted {
    use webpki::Error as E;
    match error {
        E::UnknownIssuer => Untrusted::UnknownIssuer,
        E::CertExpired { time, not_after } => Untrusted::Expired {
            not_after: *not_after,
            now: *time,
        },
        E::CertNotValidYet { time, not_before } => Untrusted::NotYetValid {
            not_before: *not_before,
            now: *time,
        },
        E::CaUsedAsEndEntity => Untrusted::CaAsLeaf,
        E::EndEntityUsedAsCa => Untrusted::LeafAsCa,
        E::InvalidSignatureForPublicKey => Untrusted::Signature,
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | E::SignatureAlgorithmMismatch => Untrusted::SignatureAlgorithm,
        E::NameConstraintViolation | E::MalformedNameConstraint | E::InvalidNetworkMaskConstraint => {
            Untrusted::NameConstraint
        }
        E::PathLenConstraintViolated | E::MaximumPathDepthExceeded => Untrusted::PathLength,
        E::MaximumSignatureChecksExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumNameConstraintComparisonsExceeded => Untrusted::PathBudget,
        E::UnsupportedCriticalExtension => Untrusted::CriticalExtension,
        _ => Untrusted::Path,
    }
}
