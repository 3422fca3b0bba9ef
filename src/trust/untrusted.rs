use std::fmt;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::PassedOver;
use crate::codes::{Seen, entries};
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
    #[error("a critical extension is not supported{}", .oid.as_ref().map(|oid| format!(": {oid}")).unwrap_or_default())]
    CriticalExtension {
        /// Its OID, where it was found.
        oid: Option<Seen>,
    },
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

entries! {
    Untrusted [
        Self::Malformed(inner) => inner,
    ]
    Self::UnknownIssuer => "trust.unknown_issuer", Theirs 403 UnknownCa, "RFC 5280 §6.1",
        "Load the authority that issued it, if it is one of yours; `Issuer` of the leaf and `Subject` of the anchor \
         must be the same.",
        "Send the intermediates behind the leaf; use the certificate of this environment.";
    Self::Expired { .. } => "trust.expired", Theirs 403 CertificateExpired, "RFC 5280 §6.1.3",
        "Check this machine's clock (date -u); where the anchor has expired, load its successor beside it.",
        "Renew the certificate, and have the process that sends load it.";
    Self::NotYetValid { .. } => "trust.not_yet_valid", Theirs 403 CertificateExpired, "RFC 5280 §6.1.3",
        "Check this machine's clock: date -u.",
        "Wait until notBefore, or have it issued with one a few minutes in the past.";
    Self::NoExtendedKeyUsage { .. } => "trust.no_extended_key_usage", Theirs 403 UnsupportedCertificate, "RFC 5280 §4.2.1.12",
        "`Profile::allow_missing_eku`, where the authority issues to clients only.",
        "Issue it with extendedKeyUsage=clientAuth (serverAuth for a server) in the file of -extfile.";
    Self::ExtendedKeyUsage { .. } => "trust.extended_key_usage", Theirs 403 UnsupportedCertificate, "RFC 5280 §4.2.1.12",
        "Where this sender only has certificates for servers: `Profile::allow_server_auth_as_client`.",
        "Issue it with extendedKeyUsage=clientAuth, below an issuer that allows it.";
    Self::KeyUsage => "trust.key_usage", Theirs 403 UnsupportedCertificate, "RFC 5280 §4.2.1.3",
        "Nothing: TLS 1.3 needs the signature.",
        "Issue it with keyUsage=digitalSignature.";
    Self::IssuerKeyUsage => "trust.issuer_key_usage", Theirs 403 UnknownCa, "RFC 5280 §4.2.1.3",
        "Nothing: it is no authority by its own words.",
        "Issue the intermediate with keyUsage=keyCertSign,cRLSign.";
    Self::CaAsLeaf => "trust.ca_as_leaf", Theirs 403 UnsupportedCertificate, "RFC 5280 §4.2.1.9",
        "Nothing: who may issue may be anybody.",
        "Have a certificate issued for the client: basicConstraints=CA:FALSE in the file of -extfile.";
    Self::CrlSignerAsLeaf => "trust.crl_signer_as_leaf", Theirs 403 UnsupportedCertificate, "RFC 5280 §4.2.1.3",
        "Nothing: have the sender issue it anew.",
        "Issue it with keyUsage=digitalSignature, without cRLSign.";
    Self::LeafAsCa => "trust.leaf_as_ca", Theirs 403 UnknownCa, "RFC 5280 §4.2.1.9",
        "Nothing: such a path must never be taken.",
        "Issue the intermediate with basicConstraints=critical,CA:TRUE.";
    Self::Signature => "trust.signature", Theirs 403 DecryptError, "RFC 5280 §6.1.3",
        "Load the issuer's present certificate: one of the same name has another key.",
        "Have the certificate issued by the authority that the receiver trusts.";
    Self::SignatureAlgorithm => "trust.signature_algorithm", Theirs 403 DecryptError, "RFC 5280 §4.1.1.2",
        "Where the algorithm is sound, take a crypto provider that has it.",
        "Have it signed with SHA-256 or better by an RSA, ECDSA (P-256, P-384) or Ed25519 key: openssl x509 -req \
         -sha256";
    Self::NameConstraint => "trust.name_constraint", Theirs 403 BadCertificate, "RFC 5280 §4.2.1.10",
        "Nothing: the authority is limited on purpose.",
        "Have it issued with names inside the constraints, or by another authority.";
    Self::UnsupportedNameConstraint { .. } => "trust.unsupported_name_constraint", Theirs 403 BadCertificate, "RFC 5280 §4.2.1.10",
        "Nothing: a constraint that is not understood may be the one that forbids it.",
        "Leave names of that type out, or have it issued by an authority without that constraint.";
    Self::PathLength => "trust.path_length", Theirs 403 UnknownCa, "RFC 5280 §4.2.1.9",
        "Load the lower authority as anchor, if it is trusted by itself.",
        "Have it issued directly by the authority that has pathlen:0, or have that one reissued with a longer one.";
    Self::PathBudget => "trust.path_budget", Theirs 403 UnknownCa, "ours: path building is bounded",
        "Look who sends it.",
        "Send the leaf and the intermediates of one path only.";
    Self::CriticalExtension { .. } => "trust.critical_extension", Theirs 403 BadCertificate, "RFC 5280 §4.2",
        "Nothing: what is critical must not be passed over.",
        "Use a path without that certificate, or have it issued with the extension not critical.";
    Self::WrongName { .. } => "trust.wrong_name", Theirs 403 BadCertificate, "RFC 9525 §6",
        "Issue the server's certificate with the name as a DNS name in its subjectAltName.",
        "Reach the server under a name that its certificate has.";
    Self::NotPinned { .. } => "trust.not_pinned", Theirs 403 AccessDenied, "RFC 7469 §2.4",
        "Where the key is the sender's, add its pin beside the old one before the old one goes.",
        "Renew with the same key, or tell the receiver the new pin before you use it.";
    Self::WeakKey { .. } => "trust.weak_key", Theirs 403 UnsupportedCertificate, "NIST SP 800-57 Part 1, table 2",
        "Nothing: such keys can be broken.",
        "Make a new key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256, or RSA with \
         rsa_keygen_bits:2048 at least.";
    Self::UnsupportedKey { .. } => "trust.unsupported_key", Theirs 403 UnsupportedCertificate, "ours: keys that rustls can verify",
        "Nothing: the kind is not supported.",
        "Make the key RSA (rsaEncryption), ECDSA on P-256, P-384 or P-521 with an uncompressed point, Ed25519 or \
         ML-DSA.";
    Self::Lifetime { .. } => "trust.lifetime", Theirs 403 UnsupportedCertificate, "ours: Profile::with_max_lifetime",
        "Raise `Profile::with_max_lifetime`, where so long a life is meant.",
        "Have it issued for a shorter time: openssl x509 -req -days 90";
    Self::Policy { .. } => "trust.policy", Theirs 403 UnsupportedCertificate, "RFC 5280 §4.2.1.4",
        "Check the policy's OID against the authority's documents.",
        "Order the kind of certificate that asserts the policy.";
    Self::Revoked { .. } => "trust.revoked", Theirs 403 CertificateRevoked, "RFC 5280 §6.3",
        "Nothing: the authority has spoken.",
        "Have a new certificate issued, with a new key.";
    Self::RevocationUnknown { .. } => "trust.revocation_unknown", Ours 403 UnknownCa, "RFC 5280 §6.3",
        "Load a current list of every authority on the path, or loosen it: `Revocation::best_effort`, or the leaf \
         alone.",
        "Nothing: the receiver's lists are incomplete.";
    Self::CrlSignature { .. } => "trust.crl_signature", Ours 403 UnknownCa, "RFC 5280 §6.3.3",
        "Fetch the list anew from the authority.",
        "Nothing: the receiver's list is wrong.";
    Self::CrlExpired { .. } => "trust.crl_expired", Ours 403 UnknownCa, "RFC 5280 §6.3.3",
        "Fetch a current list, and watch that it is fetched before nextUpdate.",
        "Nothing: the receiver's list is old.";
    Self::CrlFromTheFuture { .. } => "trust.crl_from_the_future", Ours 403 UnknownCa, "RFC 5280 §6.3.3",
        "Check this machine's clock: date -u.",
        "Nothing: the receiver's clock is wrong.";
    Self::OnDenyList => "trust.on_deny_list", Theirs 403 CertificateRevoked, "ours: DenyList",
        "Take the entry off the list, if the reason for it is gone.",
        "Ask the receiver; a new certificate needs a new key.";
    Self::NothingBefore => "trust.nothing_before", Ours 403 AccessDenied, "ours: who only takes trust away trusts nobody",
        "Join it behind one that trusts: `PrivateCa::from_pem(..)?.and(deny)`.",
        "Nothing: the receiver is put together wrongly.";
    Self::Enrolment => "trust.enrolment", Ours 403 AccessDenied, "ours: who enrols admits nobody",
        "Enter what the report says into trust and tenants, and take `Enrolment` out.",
        "Nothing: the receiver is still setting up.";
    Self::ServersOnly => "trust.servers_only", Ours 403 AccessDenied, "ours: WebRoots is for servers only",
        "Use `PrivateCa`, or `PublicCa` with the names that are expected.",
        "Nothing: the receiver is put together wrongly.";
    Self::UnexpectedName => "trust.unexpected_name", Theirs 403 AccessDenied, "ours: a public authority needs names",
        "Where the sender documents a new name, add it to `ExpectedPeers`.",
        "Use the certificate with the name that you have published.";
    Self::Rfc5280 { .. } => "trust.rfc5280", Theirs 403 BadCertificate, "RFC 5280 §4 and §6",
        "Nothing: the rule is there for a reason.",
        "Have it issued anew with a tool that keeps to RFC 5280.";
    Self::CrlIssuer => "trust.crl_issuer", Ours 403 UnknownCa, "RFC 5280 §6.3.3",
        "Have the authority's certificate reissued with keyUsage=keyCertSign,cRLSign.",
        "Nothing: the receiver's authority is at fault.";
    Self::Path => "trust.path", Theirs 403 BadCertificate, "RFC 5280 §4.1",
        "Read the anchors anew.",
        "Send the intermediates as the authority publishes them.";
    Self::Denied { .. } => "trust.denied", Theirs 403 AccessDenied, "a verifier of your own",
        "What the verifier says.",
        "Ask the receiver.";
    Self::Unavailable => "trust.unavailable", Ours 503 AccessDenied, "RFC 9110 §15.6.4",
        "Look at whatever renews it, such as the revocation lists; it is withdrawn until then.",
        "Try again after Retry-After.";
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

pub(crate) fn check_validity(valid: Validity, now: UnixTime) -> Result<(), Untrusted> {
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
        E::UnsupportedCriticalExtension => Untrusted::CriticalExtension { oid: None },
        _ => Untrusted::Path,
    }
}
