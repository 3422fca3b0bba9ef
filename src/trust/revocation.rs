use std::collections::HashMap;
use std::sync::Arc;

use rustls_pki_types::{SubjectPublicKeyInfoDer, UnixTime};
use webpki::{Cert, EndEntityCert};

use super::Untrusted;
use super::algorithms::Algorithms;
use super::anchors::Anchor;
use super::crls::{Crl, Crls, Unanswered};
use super::invalid_ca::Problem;
use crate::expiry::Expiries;
use crate::identity::{Certificate, Facts, SerialNumber, SpkiHash, Validity};

/// Revocation checking by CRLs (RFC 5280 §6.3): which certificates are asked after, and what an unknown status means.
///
/// A CRL counts for a certificate if it was issued by the certificate's issuer, is signed with that issuer's key, is in
/// force now, and its scope (issuingDistributionPoint) includes the certificate. Its signature is verified once for each
/// issuer key, not once for each handshake. A CRL that is out of date is never passed over: it refuses.
///
/// Whom a list *names* is refused whatever its scope and date: no issuer gives a serial number twice.
///
/// A list in an issuer's name that the issuer's key has not signed puts nothing aside, and is not passed over in silence:
/// where it is the only one in the name of an anchor, the verifier is not built; in a handshake it is reported
/// ([`Evidence::reported`](super::Evidence::reported), [`Untrusted::CrlSignature`]), unless it says itself that another
/// key has signed it.
///
/// ```
/// use countersign::identity::PeerChain;
/// use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{Crls, PrivateCa, Revocation, Role, VerifiedPeer};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// let ca = TestCa::new("Acme Root");
/// let (good, stolen) = (
///     ca.client("spiffe://pay.example/a").issue(),
///     ca.client("spiffe://pay.example/b").issue(),
/// );
/// let lists = Crls::from_pem(
///     ca.crl(1).revoke(stolen.serial().clone()).issue().pem().as_bytes(),
///     NOW,
/// )?;
/// let trust = PrivateCa::builder(algorithms).pem(ca.pem().as_bytes());
/// let trust = trust.with_revocation(Revocation::required(lists)).build(NOW)?;
/// let refused = |chain| {
///     Ok::<_, Box<dyn std::error::Error>>(
///         VerifiedPeer::verify(&trust, PeerChain::parse(chain)?, Role::Client, NOW).err()
///     )
/// };
/// assert_eq!(refused(good.chain())?, None);
/// assert_eq!(refused(stolen.chain())?.map(|why| why.code()), Some("trust.revoked"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Revocation {
    crls: Crls,
    depth: RevocationDepth,
    unknown: UnknownStatus,
}

/// The certificates that are asked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationDepth {
    /// The leaf and every intermediate.
    Path,
    /// The leaf only.
    Leaf,
}

/// The verdict on a certificate that no CRL speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownStatus {
    /// It is refused.
    Refuse,
    /// It is let in.
    Allow,
}

impl Revocation {
    /// Demands that every certificate on the path be covered by a CRL.
    pub fn required(crls: Crls) -> Self {
        Self {
            crls,
            depth: RevocationDepth::Path,
            unknown: UnknownStatus::Refuse,
        }
    }

    /// Certificates are refused where a CRL of their issuer lists them, and let in where none does and none that speaks
    /// about them is out of date.
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

    /// Until when the newest of its lists count.
    pub(super) fn expiries(&self, found: &mut Expiries) {
        self.crls.expiries(found);
    }

    /// Verifies the lists that these anchors have signed. Where there are some in the name of an anchor, and none of that
    /// name has signed one of them, nobody would ever be refused by them.
    pub(super) fn verify_early(
        &self,
        anchors: &[Arc<Anchor>],
        algorithms: Algorithms,
    ) -> Result<(), Problem> {
        let signed =
            |crl: &Crl, anchor: &Anchor| crl.signed_by(anchor.spki, &anchor.spki_der, algorithms).is_some();
        let mut unsigned = HashMap::new();
        for anchor in anchors {
            // All of them, since each is verified by that.
            let lists = self.crls.of_issuer(&anchor.name);
            let own = lists.filter(|crl| signed(crl, anchor)).count();
            if let Some(first) = self.crls.of_issuer(&anchor.name).next() {
                unsigned.entry(&anchor.name).or_insert((first, 0)).1 += own;
            }
        }
        match unsigned.into_values().find(|(_, signed)| *signed == 0) {
            Some((first, _)) => Err(Problem::CrlSignature {
                issuer: first.issuer_text().to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// For how long the good answer holds, and what is to be reported of the lists.
    pub(super) fn check(
        &self,
        subject: &Subject<'_>,
        issuer: &Issuer<'_>,
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<NotRevoked, Untrusted> {
        if self.depth == RevocationDepth::Leaf && subject.place == Place::Intermediate {
            return Ok(NotRevoked::ALWAYS);
        }
        let mut valid = None;
        let (mut asked, mut strange): (Vec<&Crl>, Vec<&Crl>) = (Vec::new(), Vec::new());
        let mut passed_over = Vec::new();
        for crl in self.crls.of_issuer(subject.issuer) {
            let Some(serials) = crl.signed_by(issuer.spki, issuer.spki_der, algorithms) else {
                passed_over.push(crl.passed_over(Unanswered::Signature));
                strange.push(crl);
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
            if let Some(reason) = subject.left_out_of(crl) {
                passed_over.push(crl.passed_over(reason));
                continue;
            }
            if !issuer.may_sign_crls {
                return Err(Untrusted::CrlIssuer);
            }
            check_date(crl, now)?;
            valid = Some(valid.unwrap_or(Validity::ALWAYS).intersect(crl.validity));
        }
        if valid.is_none() && self.unknown == UnknownStatus::Refuse {
            return Err(Untrusted::RevocationUnknown {
                serial: SerialNumber::from_bytes(subject.serial),
                passed_over,
            });
        }
        // One that names another key than a list of this issuer's own is another authority's, or an older one's.
        let anothers = |crl: &&Crl| asked.iter().any(|own| crl.names_another_key_than(own));
        strange.retain(|crl| !anothers(crl));
        Ok(NotRevoked {
            valid: valid.unwrap_or(Validity::ALWAYS),
            reported: strange.first().map(|crl| Untrusted::CrlSignature {
                issuer: crl.issuer_text().to_owned(),
            }),
        })
    }
}

/// No list that counts names a certificate.
pub(super) struct NotRevoked {
    /// When that is so.
    pub(super) valid: Validity,
    /// A list that could not be believed.
    pub(super) reported: Option<Untrusted>,
}

impl NotRevoked {
    pub(super) const ALWAYS: Self = Self {
        valid: Validity::ALWAYS,
        reported: None,
    };
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

    fn left_out_of(&self, crl: &Crl) -> Option<Unanswered> {
        crl.scope.as_ref()?.leaves_out(self.is_ca, self.crl_points)
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
