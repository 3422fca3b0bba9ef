use std::cell::Cell;
use std::fmt;
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::profile::purpose;
use super::untrusted::{check_validity, from_webpki};
use super::{Evidence, Presented, Profile, Role, Untrusted, VerifyPeer};
use crate::identity::{Extensions, SpkiHash, Validity};

/// Trusts what certificate authorities of your own have issued.
///
/// A path from the leaf to one of the anchors is built and verified by rustls-webpki (RFC 5280 §6), and the
/// [`Profile`] is asked of every certificate on it, and the anchor's own dates are honoured, which webpki does not do.
///
/// The signature algorithms are those of the caller's rustls `CryptoProvider`:
/// `provider.signature_verification_algorithms.all`.
#[derive(Clone)]
pub struct PrivateCa {
    anchors: Vec<TrustAnchor<'static>>,
    /// What webpki does not keep of an anchor; at the same place as the anchor.
    facts: Vec<AnchorFacts>,
    algorithms: Algorithms,
    profile: Profile,
}

type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

#[derive(Debug, Clone)]
struct AnchorFacts {
    spki: SpkiHash,
    validity: Validity,
    name_constrained: bool,
}

impl PrivateCa {
    /// Anchors from the certificates of a PEM text, which may hold other sections too.
    ///
    /// # Errors
    /// [`InvalidCa`]: no certificate in it, one that cannot be read, is expired at `now`, is no certificate authority
    /// or may not sign certificates.
    pub fn from_pem(pem: &[u8], algorithms: Algorithms, now: UnixTime) -> Result<Self, InvalidCa> {
        Self::from_source(Source::Text, pem, algorithms, now)
    }

    /// Anchors from a PEM file.
    ///
    /// # Errors
    /// [`InvalidCa`] as for [`from_pem`](Self::from_pem), naming the file; also where it cannot be read.
    pub fn from_pem_file(
        path: impl AsRef<Path>,
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Self, InvalidCa> {
        let source = Source::File(path.as_ref().into());
        match std::fs::read(path.as_ref()) {
            Ok(pem) => Self::from_source(source, &pem, algorithms, now),
            Err(error) => Err(InvalidCa {
                source_name: source.to_string(),
                problem: Problem::Unreadable(error.to_string()),
            }),
        }
    }

    fn from_source(
        source: Source,
        pem: &[u8],
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Self, InvalidCa> {
        let mut ca = Self {
            anchors: Vec::new(),
            facts: Vec::new(),
            algorithms,
            profile: Profile::strict(),
        };
        let invalid = |problem| InvalidCa {
            source_name: source.to_string(),
            problem,
        };
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| invalid(Problem::Pem(error.to_string())))?;
            ca.add(&certificate, now).map_err(invalid)?;
        }
        if ca.anchors.is_empty() {
            return Err(invalid(Problem::NoCertificate));
        }
        Ok(ca)
    }

    fn add(&mut self, der: &CertificateDer<'_>, now: UnixTime) -> Result<(), Problem> {
        let (extensions, validity) = Extensions::of(der).map_err(|_| Problem::Certificate)?;
        let subject = subject(der);
        if !extensions.is_ca {
            return Err(Problem::NotACa { subject });
        }
        self.profile
            .check_issuer(&extensions)
            .map_err(|_| Problem::MayNotSign {
                subject: subject.clone(),
            })?;
        if now > validity.not_after {
            return Err(Problem::Expired {
                subject,
                not_after: validity.not_after,
            });
        }
        let anchor = webpki::anchor_from_trusted_cert(der)
            .map_err(|_| Problem::Certificate)?
            .to_owned();
        let spki = SpkiHash::of(&webpki::spki_for_anchor(&anchor));
        self.facts.push(AnchorFacts {
            spki,
            validity,
            name_constrained: anchor.name_constraints.is_some(),
        });
        self.anchors.push(anchor);
        Ok(())
    }

    /// Its anchors' public keys.
    pub fn anchors(&self) -> impl Iterator<Item = SpkiHash> {
        self.facts.iter().map(|facts| facts.spki)
    }

    /// Evidence of one path that webpki has verified, or why our own rules refuse it.
    fn inspect(&self, path: &VerifiedPath<'_>, leaf: Validity, now: UnixTime) -> Result<Evidence, Untrusted> {
        let facts = self.facts_of(path.anchor()).ok_or(Untrusted::UnknownIssuer)?;
        check_validity(facts.validity, now)?;
        let mut evidence = Evidence::new(leaf.intersect(facts.validity));
        evidence.anchor = Some(facts.spki);
        evidence.name_constrained = facts.name_constrained;
        let mut issuers = Vec::new();
        for issuer in path.intermediate_certificates() {
            let (extensions, validity) = Extensions::of(&issuer.der())?;
            self.profile.check_issuer(&extensions)?;
            evidence.valid = evidence.valid.intersect(validity);
            evidence.name_constrained |= extensions.name_constrained;
            issuers.push(SpkiHash::of(&issuer.subject_public_key_info()));
        }
        evidence.issuers = issuers.into();
        Ok(evidence)
    }

    fn facts_of(&self, anchor: &TrustAnchor<'_>) -> Option<&AnchorFacts> {
        self.anchors
            .iter()
            .position(|candidate| candidate == anchor)
            .and_then(|place| self.facts.get(place))
    }
}

impl VerifyPeer for PrivateCa {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let leaf = peer.chain.leaf();
        let needed = purpose(peer.role);
        let end_entity = EndEntityCert::try_from(leaf.der()).map_err(|error| from_webpki(error, needed))?;
        // webpki tries the next candidate path when this says no; the last answer is the one to report.
        let inspected = Cell::new(None);
        let inspect = |path: &VerifiedPath<'_>| {
            let answer = self.inspect(path, leaf.validity(), peer.now);
            let verdict = if answer.is_ok() {
                Ok(())
            } else {
                Err(webpki::Error::UnknownIssuer)
            };
            inspected.set(Some(answer));
            verdict
        };
        let path = end_entity.verify_for_usage(
            self.algorithms,
            &self.anchors,
            peer.chain.others(),
            peer.now,
            key_usage(peer.role),
            None,
            Some(&inspect),
        );
        let evidence = match (path, inspected.take()) {
            (Ok(_), Some(Ok(evidence))) => evidence,
            (Err(_), Some(Err(refused))) => return Err(refused),
            (Err(error), _) => return Err(from_webpki(error, needed)),
            (Ok(_), _) => return Err(Untrusted::Path),
        };
        self.profile.check_leaf(leaf, peer.role)?;
        check_name(&end_entity, peer.role)?;
        Ok(evidence)
    }
}

impl fmt::Debug for PrivateCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateCa")
            .field("anchors", &self.facts)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

fn check_name(end_entity: &EndEntityCert<'_>, role: Role<'_>) -> Result<(), Untrusted> {
    let Role::Server { name } = role else {
        return Ok(());
    };
    end_entity
        .verify_is_valid_for_subject_name(name)
        .map_err(|_| Untrusted::WrongName {
            name: name.to_str().into_owned(),
        })
}

fn key_usage(role: Role<'_>) -> KeyUsage {
    match role {
        Role::Client => KeyUsage::client_auth(),
        Role::Server { .. } => KeyUsage::server_auth(),
    }
}

/// For messages to the operator only; never matched.
fn subject(der: &[u8]) -> String {
    use x509_parser::prelude::FromDer as _;
    match x509_parser::certificate::X509Certificate::from_der(der) {
        Ok((_, certificate)) => certificate.subject().to_string(),
        Err(_) => String::from("?"),
    }
}

#[derive(Debug)]
enum Source {
    Text,
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("the PEM text given"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// A set of anchors that must not be used: which source, which certificate, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("certificate authorities from {source_name}: {problem}")]
pub struct InvalidCa {
    source_name: String,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("cannot be read ({0}); check that the file exists and that this process may read it")]
    Unreadable(String),
    #[error("not well-formed PEM ({0}); export it again as PEM")]
    Pem(String),
    #[error("holds no certificate; it must hold the CA certificates as PEM sections \"BEGIN CERTIFICATE\"")]
    NoCertificate,
    #[error("a certificate in it is not X.509 in DER; export it again from the CA")]
    Certificate,
    #[error(
        "{subject} is not a certificate authority (basicConstraints cA is false); give its issuer, or pin it instead"
    )]
    NotACa { subject: String },
    #[error(
        "{subject} may not sign certificates (keyUsage lacks keyCertSign); give the CA certificate that may"
    )]
    MayNotSign { subject: String },
    #[error("{subject} expired at {} (seconds since 1970); remove it, or give its successor", .not_after.as_secs())]
    Expired { subject: String, not_after: UnixTime },
}
