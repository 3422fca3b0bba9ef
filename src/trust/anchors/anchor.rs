use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use webpki::EndEntityCert;

use crate::expiry::{self, Expiries};
use crate::identity::{ExtendedKeyUsage, Facts, Malformed, NameConstraints, NameTypes, SpkiHash, Validity};
use crate::trust::algorithms::Algorithms;
use crate::trust::invalid_ca::Problem;
use crate::trust::public_roots::PublicRoots;
use crate::usage::{Hits, Usage};

/// What is known of one anchor.
pub(in crate::trust) struct Anchor {
    pub(in crate::trust) spki: SpkiHash,
    pub(in crate::trust) spki_der: SubjectPublicKeyInfoDer<'static>,
    pub(in crate::trust) validity: Validity,
    pub(in crate::trust) name_constrained: bool,
    /// The types of names that it constrains.
    pub(in crate::trust) constrained: NameTypes,
    pub(in crate::trust) extended_key_usage: Option<ExtendedKeyUsage>,
    /// How many authorities may stand between it and a leaf.
    pub(in crate::trust) path_len: Option<u32>,
    pub(in crate::trust) may_sign_crls: bool,
    /// Its name, without the outer SEQUENCE.
    pub(in crate::trust) name: Box<[u8]>,
    subject: String,
    pub(super) hits: Hits,
}

/// A count of an anchor's use. In a change of authorities, the old one can go when nobody uses it any more:
/// [`PrivateCa::retire`](crate::trust::PrivateCa::retire).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnchorUsage {
    /// Its public key.
    pub spki: SpkiHash,
    /// Its subject, for people to read. Never to be matched.
    pub subject: String,
    /// When it is valid.
    pub validity: Validity,
    /// Completed handshakes of peers whose path ends in it.
    pub handshakes: Usage,
}

impl Anchor {
    fn new(subject: String, trusted: &TrustAnchor<'_>, facts: &Facts, validity: Validity) -> Self {
        let spki_der = webpki::spki_for_anchor(trusted);
        Self {
            spki: SpkiHash::of(&spki_der),
            spki_der,
            validity,
            name_constrained: trusted.name_constraints.is_some(),
            constrained: facts
                .name_constraints
                .map(NameConstraints::constrained)
                .unwrap_or_default(),
            extended_key_usage: facts.extended_key_usage,
            path_len: facts.path_len,
            may_sign_crls: facts.key_usage.is_none_or(|usage| usage.crl_sign),
            name: trusted.subject.as_ref().into(),
            subject,
            hits: Hits::default(),
        }
    }

    /// Whoever is on the list may sign: the list takes the place of the certificate.
    pub(super) fn of_the_web(trusted: &TrustAnchor<'static>) -> Self {
        let spki_der = webpki::spki_for_anchor(trusted);
        Self {
            spki: SpkiHash::of(&spki_der),
            spki_der,
            validity: Validity::ALWAYS,
            name_constrained: trusted.name_constraints.is_some(),
            constrained: NameTypes::default(),
            extended_key_usage: None,
            path_len: None,
            may_sign_crls: true,
            name: trusted.subject.as_ref().into(),
            subject: String::from("a public root"),
            hits: Hits::default(),
        }
    }

    /// The same certificate, as far as paths are concerned.
    pub(super) fn is_twin_of(&self, other: &Self) -> bool {
        (self.spki, &self.name, self.validity) == (other.spki, &other.name, other.validity)
    }

    pub(in crate::trust) fn count(&self, now: UnixTime) {
        self.hits.count(now);
    }

    pub(in crate::trust) fn expiry(&self, found: &mut Expiries) {
        found.add(expiry::Kind::Anchor, self.subject.as_str(), self.validity);
    }

    pub(in crate::trust) fn usage(&self) -> AnchorUsage {
        AnchorUsage {
            spki: self.spki,
            subject: self.subject.clone(),
            validity: self.validity,
            handshakes: self.hits.usage(),
        }
    }
}

/// As an anchor, or as a leaf that counts by itself: within its dates, and in webpki's form.
pub(super) fn taken(
    der: &CertificateDer<'_>,
    subject: String,
    facts: &Facts,
    validity: Validity,
    now: UnixTime,
) -> Result<(Anchor, TrustAnchor<'static>), Problem> {
    let not_after = validity.not_after;
    if now > not_after {
        return Err(Problem::Expired { subject, not_after });
    }
    let trusted =
        webpki::anchor_from_trusted_cert(der).map_err(|_| Problem::Certificate(Malformed::Certificate))?;
    let trusted = trusted.to_owned();
    Ok((Anchor::new(subject, &trusted, facts, validity), trusted))
}

pub(super) fn check_version(facts: &Facts, subject: &str) -> Result<(), Problem> {
    match facts.version {
        3 => Ok(()),
        version => Err(Problem::Version {
            subject: subject.to_owned(),
            version,
        }),
    }
}

pub(super) fn check_private(
    anchor: &Anchor,
    der: &CertificateDer<'_>,
    algorithms: Algorithms,
) -> Result<(), Problem> {
    let subject = || anchor.subject.clone();
    let public = PublicRoots::known();
    if public.contain(&anchor.spki) {
        return Err(Problem::Public { subject: subject() });
    }
    if public.have_issued(der, algorithms) {
        return Err(Problem::PublicIntermediate { subject: subject() });
    }
    Ok(())
}

/// For messages to the operator only.
pub(super) fn is_self_issued(der: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(der).is_ok_and(|certificate| certificate.issuer() == certificate.subject())
}

/// For messages to the operator only; never matched.
pub(in crate::trust) fn subject_text(der: &[u8]) -> String {
    use x509_parser::prelude::FromDer as _;
    match x509_parser::certificate::X509Certificate::from_der(der) {
        Ok((_, certificate)) => certificate.subject().to_string(),
        Err(_) => String::from("?"),
    }
}
