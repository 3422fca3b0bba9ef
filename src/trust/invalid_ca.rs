use rustls_pki_types::UnixTime;

use crate::codes::Seen;
use crate::date::Date;
use crate::identity::{CertHash, Malformed};
use crate::pem::InvalidPem;

/// A set of anchors that must not be used: which source, which certificate, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("certificate authorities from {source_name}: {problem}")]
pub struct InvalidCa {
    pub(super) source_name: String,
    pub(super) problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot be read ({0}); check that the file exists and that this process may read it")]
    Unreadable(String),
    #[error("cannot be taken as PEM: {0}")]
    Pem(InvalidPem),
    #[error("holds no certificate; give the CA certificates as PEM sections \"BEGIN CERTIFICATE\"")]
    NoCertificate,
    #[error(
        "a certificate in it cannot be used: {0}; export it again from the CA, or have the CA issue it anew"
    )]
    Certificate(Malformed),
    #[error(
        "{subject} is an X.509 certificate of version {version}, which cannot say that it is an authority; make it again with \
         basicConstraints=critical,CA:TRUE and keyUsage=critical,keyCertSign,cRLSign, as `openssl req -x509` does, or `openssl x509 \
         -req` with -extfile"
    )]
    Version { subject: String, version: u8 },
    #[error(
        "{subject} is not a certificate authority (basicConstraints cA is false); give its issuer, or trust it as a leaf"
    )]
    NotACa { subject: String },
    #[error(
        "{subject} is not a certificate authority (basicConstraints cA is false), and self-signed; trust it as a leaf (`leaf_pem`)"
    )]
    SelfSignedLeaf { subject: String },
    #[error("{subject} is a certificate authority; give it as an anchor, not as a leaf")]
    NotALeaf { subject: String },
    #[error(
        "{subject} is self-signed and a certificate authority (basicConstraints cA), as tools make them unless told otherwise, \
         and no peer may show an authority as its own certificate; make it again with CA:FALSE, or pin its key (`PinSet`)"
    )]
    SelfSignedCa { subject: String },
    #[error(
        "{subject} may not sign certificates (keyUsage lacks keyCertSign); give the CA certificate that may"
    )]
    MayNotSign { subject: String },
    #[error("{subject} has a weak key (RSA below 2048 bits); have the CA issue a new one")]
    WeakKey { subject: String },
    #[error(
        "{subject} has a key of a kind that is not supported; RSA, ECDSA on P-256, P-384 and P-521 (uncompressed), Ed25519 and \
         ML-DSA are"
    )]
    UnsupportedKey { subject: String },
    #[error("{subject} expired at {}; remove it, or give its successor", Date(*.not_after))]
    Expired { subject: String, not_after: UnixTime },
    #[error(
        "{subject} is a public authority, which issues to anybody; for senders with a public certificate use PublicCa, \
         together with their exact names or keys"
    )]
    Public { subject: String },
    #[error(
        "{subject} was issued by a public authority, so whom it issues to is not for you to say; for senders with a public \
         certificate use PublicCa, together with their exact names or keys"
    )]
    PublicIntermediate { subject: String },
    #[error(
        "{subject} has the critical extension {oid}, which is not supported, so nobody can say what it means"
    )]
    CriticalExtension { subject: String, oid: Seen },
    #[error("{subject} breaks RFC 5280: {rule}; have the CA issue a new one")]
    Rfc5280 { subject: String, rule: &'static str },
    #[error("revocation is required and no CRL is loaded; give the CRLs of every authority on the path")]
    NoCrl,
    #[error(
        "no CRL of {issuer} is signed with the key of the anchor of that name, so nobody would be refused by it; fetch it \
         from the CA itself, or give the anchor whose it is"
    )]
    CrlSignature { issuer: String },
    #[error("a public authority proves nothing about who it is; give exact names or pins of the senders")]
    NoNames,
    #[error(
        "the certificate {hash} is not known as an anchor of {sender}; give that of {authority}, or ask for another by \
         `trust_other_anchors`, after comparing it with the sender's own documentation"
    )]
    OtherAnchor {
        sender: &'static str,
        authority: &'static str,
        hash: CertHash,
    },
    #[error(
        "an authority that issues to others as well proves nothing about who it is; give exact names or pins of the senders"
    )]
    NoSharedNames,
}
