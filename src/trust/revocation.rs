use rustls_pki_types::{SubjectPublicKeyInfoDer, UnixTime};
use webpki::{Cert, EndEntityCert};

use super::Untrusted;
use super::anchors::Anchor;
use super::crls::{Crl, Crls};
use super::path::Algorithms;
use crate::identity::{Certificate, Facts, SerialNumber, SpkiHash, Validity};

/// Whether certificates on the path are asked after in CRLs (RFC 5280 §6.3), and what an unknown status means.
///
/// A CRL counts for a certificate if it was issued by the certificate's issuer, is signed with that issuer's key, is in
/// force now, and covers that kind of certificate. Its signature is verified once for each issuer key, not once for each
/// handshake. A CRL that is out of date is never passed over: it refuses.
#[derive(Debug, Clone)]
pub struct Revocation {
    crls: Crls,
    depth: RevocationDepth,
    unknown: UnknownStatus,
}

/// Which certificates are asked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationDepth {
    /// The leaf and every intermediate.
    Path,
    /// The leaf only.
    Leaf,
}

/// What becomes of a certificate that no CRL speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownStatus {
    /// It is refused.
    Refuse,
    /// It is let in.
    Allow,
}

impl Revocation {
    /// Every certificate on the path must be covered by a CRL.
    pub fn required(crls: Crls) -> Self {
        Self {
            crls,
            depth: RevocationDepth::Path,
            unknown: UnknownStatus::Refuse,
        }
    }

    /// Certificates are refused where a CRL lists them, and let in where none speaks about them.
    pub fn best_effort(crls: Crls) -> Self {
        Self {
            unknown: UnknownStatus::Allow,
            ..Self::required(crls)
        }
    }

    /// Asks after these certificates only.
    #[must_use]
    pub fn with_depth(mut self, depth: RevocationDepth) -> Self {
        self.depth = depth;
        self
    }

    /// Nothing to ask, and an answer required.
    pub(super) fn is_unfounded(&self) -> bool {
        self.unknown == UnknownStatus::Refuse && self.crls.is_empty()
    }

    /// Verifies the lists that this anchor has signed.
    pub(super) fn verify_early(&self, anchor: &Anchor, algorithms: Algorithms) {
        for crl in self.crls.of_issuer(&anchor.name) {
            let _ = crl.signed_by(anchor.spki, &anchor.spki_der, algorithms);
        }
    }

    /// For how long the good answer holds.
    pub(super) fn check(
        &self,
        subject: &Subject<'_>,
        issuer: &Issuer<'_>,
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Validity, Untrusted> {
        if self.depth == RevocationDepth::Leaf && subject.place == Place::Intermediate {
            return Ok(Validity::ALWAYS);
        }
        let mut valid = None;
        let mut asked: Vec<&Crl> = Vec::new();
        for crl in self
            .crls
            .of_issuer(subject.issuer)
            .filter(|crl| covers(crl, subject))
        {
            let Some(serials) = crl.signed_by(issuer.spki, issuer.spki_der, algorithms) else {
                continue;
            };
            // The newest that the issuer has signed speaks for the older ones.
            if asked.iter().any(|newer| newer.is_like(crl)) {
                continue;
            }
            asked.push(crl);
            if serials.contains(subject.serial) {
                return Err(Untrusted::Revoked {
                    serial: SerialNumber::from_bytes(subject.serial),
                });
            }
            if !issuer.may_sign_crls {
                return Err(Untrusted::CrlIssuer);
            }
            check_date(crl, now)?;
            valid = Some(valid.unwrap_or(Validity::ALWAYS).intersect(crl.validity));
        }
        match (valid, self.unknown) {
            (Some(valid), _) => Ok(valid),
            (None, UnknownStatus::Allow) => Ok(Validity::ALWAYS),
            (None, UnknownStatus::Refuse) => Err(Untrusted::RevocationUnknown {
                serial: SerialNumber::from_bytes(subject.serial),
            }),
        }
    }
}

/// A certificate that is asked after.
pub(super) struct Subject<'a> {
    /// Its issuer's name, without the outer SEQUENCE.
    issuer: &'a [u8],
    serial: &'a [u8],
    is_ca: bool,
    crl_points: &'a [String],
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Leaf,
    Intermediate,
}

impl<'a> Subject<'a> {
    pub(super) fn leaf(end_entity: &'a EndEntityCert<'a>, leaf: &'a Certificate) -> Self {
        Self::new(end_entity, leaf.facts(), Place::Leaf)
    }

    pub(super) fn intermediate(certificate: &'a Cert<'a>, facts: &'a Facts) -> Self {
        Self::new(certificate, facts, Place::Intermediate)
    }

    fn new(certificate: &'a Cert<'a>, facts: &'a Facts, place: Place) -> Self {
        Self {
            issuer: certificate.issuer(),
            serial: certificate.serial(),
            is_ca: facts.is_ca,
            crl_points: &facts.crl_points,
            place,
        }
    }
}

/// The certificate's issuer on the verified path.
pub(super) struct Issuer<'a> {
    pub(super) spki: SpkiHash,
    spki_der: &'a SubjectPublicKeyInfoDer<'a>,
    may_sign_crls: bool,
}

impl<'a> Issuer<'a> {
    pub(super) fn new(
        spki: SpkiHash,
        spki_der: &'a SubjectPublicKeyInfoDer<'a>,
        may_sign_crls: bool,
    ) -> Self {
        Self {
            spki,
            spki_der,
            may_sign_crls,
        }
    }
}

/// Whether the CRL's scope (RFC 5280 §5.2.5) includes the certificate.
fn covers(crl: &Crl, subject: &Subject<'_>) -> bool {
    let Some(scope) = &crl.scope else { return true };
    let kind = if subject.is_ca {
        !scope.leaves_only
    } else {
        !scope.cas_only
    };
    let point = scope.points.is_empty()
        || scope
            .points
            .iter()
            .any(|point| subject.crl_points.contains(point));
    kind && point
}

fn check_date(crl: &Crl, now: UnixTime) -> Result<(), Untrusted> {
    let Validity {
        not_before,
        not_after,
        ..
    } = crl.validity;
    if now < not_before {
        return Err(Untrusted::CrlFromTheFuture {
            this_update: not_before,
            now,
        });
    }
    if now > not_after {
        return Err(Untrusted::CrlExpired {
            next_update: not_after,
            now,
        });
    }
    Ok(())
}
