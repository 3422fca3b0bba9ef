//! X.509 certificates and the names in them (**who is it?**): what a peer *claims*. Nothing here is trusted.
//!
//! [`PeerChain::parse`] takes the certificates as they came off the wire and reads the leaf: its names, its key,
//! its validity. Whether any of it is true is decided in [`trust`](crate::trust); whose it is, in
//! [`tenant`](crate::tenant). Only the leaf ever yields an identity: names in any other certificate are not read.
//!
//! Two independent parsers (rustls-webpki, which decides trust, and x509-parser, which reads what webpki does not
//! expose) must agree on the public key, the serial number, the issuer and every DNS and URI name. Where they do
//! not, the chain is refused: a certificate that means different things to different readers is an attack.

mod agreement;
mod certificate;
pub(crate) mod der;
mod facts;
mod hashes;
mod names;
mod outline;
mod rfc3339;
mod spiffe;
mod validity;
mod written_names;

use std::fmt;

use crate::codes::{Seen, entries};
use rustls_pki_types::CertificateDer;
#[cfg(feature = "tls")]
use webpki::EndEntityCert;

pub use certificate::{Certificate, SerialNumber};
pub(crate) use facts::{ExtendedKeyUsage, Facts, KeyKind, NameConstraints, NameTypes, uris};
pub use hashes::{CertHash, InvalidHash, SpkiHash};
pub use names::{InvalidName, Name, NameKind};
pub(crate) use rfc3339::from_rfc3339;
pub use spiffe::{InvalidSpiffeId, SpiffeId};
pub(crate) use spiffe::{MAX_ID, is_path_segment, is_trust_domain};
pub use validity::Validity;
pub(crate) use validity::from_asn1;

/// The certificates that a peer presented: the leaf, read, and the others, as they came.
///
/// A claim, not a proof. [`VerifiedPeer::verify`](crate::trust::VerifiedPeer::verify) turns it into one.
///
/// ```
/// # use countersign::testing::TestCa;
/// use countersign::identity::{Name, PeerChain};
///
/// # let chain = TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue().chain();
/// let claimed = PeerChain::parse(chain)?;
/// assert_eq!(claimed.leaf().names(), [Name::Uri("spiffe://acme.example/tenant/acme".into())]);
/// # Ok::<(), countersign::identity::Malformed>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PeerChain {
    leaf: Certificate,
    others: Box<[CertificateDer<'static>]>,
}

impl PeerChain {
    /// Reads a chain in the order of a TLS Certificate message (RFC 8446 §4.4.2): the leaf first, then the others in
    /// any order, within [`ChainLimits::default`].
    ///
    /// # Errors
    /// [`Malformed`], with the first thing found wrong. Sizes are checked before anything is parsed.
    pub fn parse<'a>(certificates: impl IntoIterator<Item = CertificateDer<'a>>) -> Result<Self, Malformed> {
        Self::parse_within(ChainLimits::default(), certificates)
    }

    /// [`parse`](Self::parse) with limits of your own.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn parse_within<'a>(
        limits: ChainLimits,
        certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Self, Malformed> {
        let mut certificates = limits.admit(certificates)?.into_iter();
        let leaf = certificates.next().ok_or(Malformed::Empty)?;
        Ok(Self {
            leaf: Certificate::parse(leaf)?,
            others: certificates.map(CertificateDer::into_owned).collect(),
        })
    }

    /// [`parse`](Self::parse) of certificates that somebody else keeps, and how webpki reads the leaf: so that it need
    /// not do so twice.
    #[cfg(feature = "tls")]
    pub(crate) fn parse_borrowed<'a>(
        limits: ChainLimits,
        leaf: &'a CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> Result<(Self, EndEntityCert<'a>), Malformed> {
        limits.check(std::iter::once(leaf).chain(others))?;
        let (leaf, end_entity) = Certificate::parse_borrowed(leaf)?;
        let others = others.iter().map(|other| other.clone().into_owned()).collect();
        Ok((Self { leaf, others }, end_entity))
    }

    /// The certificate that the peer proves possession of in the handshake.
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The same, to keep.
    #[cfg(feature = "tls")]
    pub(crate) fn into_leaf(self) -> Certificate {
        self.leaf
    }

    /// What came after the leaf: candidates for path building, of which nothing is read for identity.
    pub fn others(&self) -> &[CertificateDer<'static>] {
        &self.others
    }

    /// Every certificate in the order it was presented.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> + Clone {
        std::iter::once(self.leaf.der()).chain(&self.others)
    }
}

impl fmt::Debug for PeerChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerChain")
            .field("leaf", &self.leaf)
            .field("others", &self.others.len())
            .finish()
    }
}

/// Limits on what a peer may present before anything of it is parsed or any signature is checked.
///
/// A chain of junk certificates costs a path builder milliseconds before the peer has proved anything; a bound on
/// count and size comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainLimits {
    /// Certificates in the chain, leaf included. Default 8: a leaf, six intermediates, which is as many as path building
    /// follows, and a root that need not have been sent.
    pub certificates: usize,
    /// Bytes of DER of all certificates together. Default 16 KiB.
    pub bytes: usize,
}

impl Default for ChainLimits {
    fn default() -> Self {
        Self {
            certificates: 8,
            bytes: 16 * 1024,
        }
    }
}

impl ChainLimits {
    /// Those of the handshake that is over: whoever has verified it had limits of its own.
    #[cfg(any(feature = "tower", feature = "tokio", feature = "dispatch"))]
    pub(crate) const OF_THE_HANDSHAKE: Self = Self {
        certificates: usize::MAX,
        bytes: usize::MAX,
    };

    /// What passes one of the two passes this.
    pub(crate) fn wider(self, other: Self) -> Self {
        Self {
            certificates: self.certificates.max(other.certificates),
            bytes: self.bytes.max(other.bytes),
        }
    }

    /// Takes at most this many certificates.
    #[must_use]
    pub fn with_certificates(mut self, certificates: usize) -> Self {
        self.certificates = certificates;
        self
    }

    /// Takes at most this many bytes of DER in all.
    #[must_use]
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Whether certificates in hand are within.
    pub(crate) fn check<'a, 'd: 'a>(
        self,
        certificates: impl Iterator<Item = &'a CertificateDer<'d>>,
    ) -> Result<(), Malformed> {
        let (mut count, mut bytes) = (0, 0_usize);
        for certificate in certificates {
            (count, bytes) = (count + 1, bytes.saturating_add(certificate.len()));
        }
        if count > self.certificates {
            return Err(Malformed::TooManyCertificates {
                limit: self.certificates,
            });
        }
        if bytes > self.bytes {
            return Err(Malformed::ChainTooLarge { limit: self.bytes });
        }
        Ok(())
    }

    fn admit<'a>(
        self,
        certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Vec<CertificateDer<'a>>, Malformed> {
        let mut admitted = Vec::with_capacity(self.certificates.min(4));
        let mut bytes = 0_usize;
        for certificate in certificates {
            bytes = bytes.saturating_add(certificate.len());
            if admitted.len() == self.certificates {
                return Err(Malformed::TooManyCertificates {
                    limit: self.certificates,
                });
            }
            if bytes > self.bytes {
                return Err(Malformed::ChainTooLarge { limit: self.bytes });
            }
            admitted.push(certificate);
        }
        Ok(admitted)
    }
}

/// The reason why a presented chain could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The list of certificates was empty.
    #[error("the chain holds no certificate")]
    Empty,
    /// More certificates than [`ChainLimits::certificates`].
    #[error("the chain holds more than {limit} certificates")]
    TooManyCertificates {
        /// The limit in force.
        limit: usize,
    },
    /// More bytes than [`ChainLimits::bytes`].
    #[error("the chain is larger than {limit} bytes")]
    ChainTooLarge {
        /// The limit in force.
        limit: usize,
    },
    /// Not one X.509 v3 certificate in DER (RFC 5280 §4.1), or one with bytes after it.
    #[error("the certificate is not X.509 in DER, or is cut off, or has bytes behind it")]
    Certificate,
    /// A certificate of version 1 or 2, which has no extensions (RFC 5280 §4.1.2.1).
    #[error(
        "the certificate is X.509 of version {version}, and must be of version 3; `openssl x509 -req` makes version 1 \
         unless it is given extensions: issue it again with -extfile"
    )]
    Version {
        /// The version.
        version: u8,
    },
    /// A critical extension that is not known (RFC 5280 §4.2).
    #[error("the critical extension {oid} of the certificate is not supported")]
    CriticalExtension {
        /// Its OID.
        oid: Seen,
    },
    /// An extension stands twice (RFC 5280 §4.2) or cannot be read.
    #[error("an extension of the certificate is repeated or cannot be read")]
    Extension,
    /// The validity dates cannot be told as seconds since 1970, or end before they begin.
    #[error("the validity of the certificate cannot be used: {problem} ({seen})")]
    Validity {
        /// What is wrong with it.
        problem: &'static str,
        /// The date, or both.
        seen: Seen,
    },
    /// A name is made to be misread: by a control character, NUL, or a mark that hides text or changes its direction; or an
    /// IP address has another length than one.
    #[error("a {kind} of the certificate is not well-formed: {seen}")]
    Name {
        /// The kind of name.
        kind: NameKind,
        /// What stands there.
        seen: Seen,
    },
    /// webpki and x509-parser read something different out of the same bytes.
    #[error("two parsers disagree on the {field} of the certificate")]
    ParsersDisagree {
        /// What they disagree on.
        field: &'static str,
    },
}

entries! {
    Malformed []
    Self::Empty => "identity.empty", Theirs 403 BadCertificate, "RFC 8446 §4.4.2",
        "Nothing, unless clients without a certificate are to be let in: then ask for one without requiring it.",
        "Configure a client certificate, and its chain, for this host.";
    Self::TooManyCertificates { .. } => "identity.too_many_certificates", Theirs 403 BadCertificate, "ours: sizes come first",
        "Raise `ChainLimits::with_certificates` in the profile, where chains really are so long.",
        "Send the leaf and its intermediates only, the leaf first; no roots, no bundle.";
    Self::ChainTooLarge { .. } => "identity.chain_too_large", Theirs 403 BadCertificate, "ours: sizes come first",
        "Raise `ChainLimits::with_bytes` in the profile, where certificates really are so large.",
        "Send the leaf and its intermediates only; spread many names over several certificates.";
    Self::Certificate => "identity.certificate", Theirs 403 BadCertificate, "RFC 5280 §4.1",
        "Read PEM files with `pem`, and hand DER to what takes DER: openssl x509 -in client.pem -outform DER -out \
         client.der",
        "Issue or export the certificate anew, and check it with openssl x509 -noout -text.";
    Self::Version { .. } => "identity.version", Theirs 403 BadCertificate, "RFC 5280 §4.1.2.1",
        "Nothing: have the sender issue it anew.",
        "Issue it with extensions: openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -extfile client.ext, \
         where client.ext has extendedKeyUsage=clientAuth and a subjectAltName.";
    Self::CriticalExtension { .. } => "identity.critical_extension", Theirs 403 BadCertificate, "RFC 5280 §4.2",
        "Nothing: it cannot be processed here.",
        "Issue the certificate without that extension, or with the extension not critical.";
    Self::Extension => "identity.extension", Theirs 403 BadCertificate, "RFC 5280 §4.2",
        "Nothing: have the sender issue it anew.",
        "Issue the certificate with each extension once, in the DER of its definition.";
    Self::Validity { .. } => "identity.validity", Theirs 403 BadCertificate, "RFC 5280 §4.1.2.5",
        "Nothing: have the sender issue it anew.",
        "Issue the certificate with notBefore from 1970 on and notAfter behind it: openssl x509 -req .. -not_before \
         .. -not_after ..";
    Self::Name { .. } => "identity.name", Theirs 403 BadCertificate, "RFC 5280 §4.2.1.6",
        "Nothing: such a name is nobody's.",
        "Issue the certificate with the name in plain ASCII.";
    Self::ParsersDisagree { .. } => "identity.parsers_disagree", Theirs 403 BadCertificate, "ours: two parsers must agree",
        "Keep the certificate and report it: it is either broken or an attack.",
        "Issue the certificate with a common library: openssl x509 -req, cfssl, step.";
}
