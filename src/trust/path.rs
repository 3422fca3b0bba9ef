use std::cell::Cell;
use std::sync::Arc;

use rustls_pki_types::{ServerName, UnixTime};
use webpki::{Cert, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use super::algorithms::Algorithms;
use super::anchors::{Anchor, Anchors};
use super::issuers::{KnownIssuer, KnownIssuers};
use super::revocation::{Issuer, NotRevoked, Revocation, Subject};
use super::untrusted::{check_validity, from_webpki};
use super::{Check, Evidence, Presented, Profile, Role, Untrusted, VerifiedPeer};
use crate::codes::Seen;
use crate::expiry::Expiries;
use crate::identity::{ExtendedKeyUsage, Facts, NameConstraints, NameTypes, PeerChain};

/// How many certificates of a path are looked past that were valid at another time.
const MAX_TIMES: usize = 4;

/// Builds and verifies paths: webpki does the path (RFC 5280 §6), our own rules what it leaves out.
pub(super) struct PathRules {
    pub(super) anchors: Anchors,
    pub(super) algorithms: Algorithms,
    pub(super) profile: Profile,
    pub(super) revocation: Option<Revocation>,
    pub(super) issuers: KnownIssuers,
}

impl PathRules {
    pub(super) fn verify(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        peer.check(Check::Size, || self.profile.check_size(peer.chain))?;
        let leaf = peer.chain.leaf().der();
        // Only where it was read of these very bytes: what else a caller has read says nothing of this leaf.
        match peer.end_entity.filter(|known| known.der() == *leaf) {
            Some(known) => self.verify_leaf(known, peer),
            None => {
                let end_entity = EndEntityCert::try_from(leaf).map_err(|error| from_webpki(&error))?;
                self.verify_leaf(&end_entity, peer)
            }
        }
    }

    fn verify_leaf(
        &self,
        end_entity: &EndEntityCert<'_>,
        peer: &Presented<'_>,
    ) -> Result<Evidence, Untrusted> {
        let evidence = match self.anchors.find_leaf(peer.chain.leaf().der()) {
            Some(anchor) => trusted_leaf(anchor, peer)?,
            None => peer.go_on(self.find_path(end_entity, peer))?,
        };
        self.profile.check_leaf(peer)?;
        if let Role::Server { name } = peer.role {
            peer.check(Check::ServerName, || check_name(end_entity, name))?;
        }
        Ok(evidence)
    }

    /// The peer has completed a handshake: its path was used.
    pub(super) fn count(&self, peer: &VerifiedPeer, now: UnixTime) {
        let used = peer.evidence().anchor;
        if let Some(anchor) = self.anchors.all().find(|anchor| Some(anchor.spki) == used) {
            anchor.count(now);
        }
    }

    /// Who asks why is also told what else is wrong with what has expired: as of the time when it was valid.
    fn find_path(&self, end_entity: &EndEntityCert<'_>, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let mut answer = self.build_path(end_entity, peer, peer.now);
        for _ in 0..MAX_TIMES {
            let Some(valid) = peer.when_valid(&answer) else {
                break;
            };
            answer = self.build_path(end_entity, peer, valid);
        }
        answer
    }

    /// What it rests on that ends.
    pub(super) fn expiries(&self, found: &mut Expiries) {
        for anchor in self.anchors.all() {
            anchor.expiry(found);
        }
        if let Some(revocation) = &self.revocation {
            revocation.expiries(found);
        }
    }

    fn build_path(
        &self,
        end_entity: &EndEntityCert<'_>,
        peer: &Presented<'_>,
        time: UnixTime,
    ) -> Result<Evidence, Untrusted> {
        let others = peer.chain.others();
        let candidates = self.anchors.candidates(|| issuers(end_entity, peer.chain));
        // When this says no, webpki tries the next candidate path; the last answer is the one to report.
        let (inspected, anyhow) = (Cell::new(None), Cell::new(None));
        let inspect = |path: &VerifiedPath<'_>| {
            let (answer, found) = peer.about_path(|peer| self.inspect(path, peer));
            anyhow.set(found);
            let verdict = if answer.is_ok() {
                Ok(())
            } else {
                // Any error that lets webpki go on; ours is kept beside it.
                Err(webpki::Error::UnknownIssuer)
            };
            inspected.set(Some(answer));
            verdict
        };
        let path = end_entity.verify_for_usage(
            self.algorithms,
            candidates.as_slice(),
            others,
            time,
            AnyPurpose,
            None,
            Some(&inspect),
        );
        match (path, inspected.take()) {
            (Ok(_), Some(Ok(evidence))) => {
                peer.adopt_path();
                Ok(evidence)
            }
            (Err(_), Some(Err(refused))) => {
                peer.adopt_path();
                anyhow.take().ok_or(refused)
            }
            (Err(webpki::Error::NameConstraintViolation), _) => Err(self.name_constraint(end_entity, peer)),
            (Err(webpki::Error::UnsupportedCriticalExtension), _) => Err(Untrusted::CriticalExtension {
                oid: unknown_critical(peer.chain),
            }),
            (Err(error), _) => Err(from_webpki(&error)),
            (Ok(_), _) => Err(Untrusted::Path),
        }
    }

    /// webpki says "violated" also of names that it does not compare.
    fn name_constraint(&self, end_entity: &EndEntityCert<'_>, peer: &Presented<'_>) -> Untrusted {
        let mut names = peer.chain.leaf().facts().names;
        let mut constrained = self.anchors.constrained(&issuers(end_entity, peer.chain));
        let others = peer.chain.others().iter().filter_map(|der| Facts::of(der).ok());
        for (issuer, _) in others.filter(|(facts, _)| facts.is_ca) {
            names = names.and(issuer.names);
            let own = issuer.name_constraints.map(NameConstraints::constrained);
            constrained = constrained.and(own.unwrap_or_default());
        }
        name_constraint(names, constrained)
    }

    /// Evidence of one path that webpki has verified, or why our own rules refuse it.
    fn inspect(&self, path: &VerifiedPath<'_>, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let leaf = peer.chain.leaf();
        let known: Vec<_> = path
            .intermediate_certificates()
            .map(|issuer| self.issuers.read(issuer))
            .collect::<Result<_, _>>()?;
        let anchor = self.anchors.find(path.anchor(), |anchor| {
            check_validity(anchor.validity, peer.now)?;
            self.check_anchor(anchor, path, &known, peer)
        })?;
        peer.check(Check::PathLength, || self.profile.check_path_length(known.len()))?;
        let mut evidence = Evidence::new(leaf.validity().intersect(anchor.validity));
        evidence.anchor = Some(anchor.spki);
        evidence.name_constrained = anchor.name_constrained;
        let mut purposes = leaf.facts().extended_key_usage;
        let mut has_email = leaf.facts().email_in_subject;
        // From the leaf up: the certificate whose issuer is looked at next.
        let mut subject = Subject::leaf(path.end_entity(), leaf);
        for (certificate, known) in path.intermediate_certificates().zip(&known) {
            purposes = ExtendedKeyUsage::common(purposes, known.facts.extended_key_usage);
            self.profile.check_issuer(&known.facts, purposes, peer)?;
            let constraints = known.facts.name_constraints;
            peer.check(Check::NameConstraints, || {
                match has_email && constraints.is_some_and(NameConstraints::constrain_emails) {
                    true => Err(name_constraint(NameTypes::EMAIL, NameTypes::EMAIL)),
                    false => Ok(()),
                }
            })?;
            has_email |= known.facts.email_in_subject;
            let issuer = Issuer::new(
                known.spki,
                &known.spki_der,
                known.facts.key_usage.is_none_or(|usage| usage.crl_sign),
            );
            evidence.valid = evidence.valid.intersect(known.validity);
            evidence.issuers_valid = evidence.issuers_valid.intersect(known.validity);
            evidence = not_revoked(evidence, self.check_revocation(&subject, &issuer, peer)?);
            evidence.name_constrained |= constraints.is_some();
            subject = Subject::intermediate(certificate, &known.facts);
        }
        let issuer = Issuer::new(anchor.spki, &anchor.spki_der, anchor.may_sign_crls);
        evidence = not_revoked(evidence, self.check_revocation(&subject, &issuer, peer)?);
        evidence.issuers = known.iter().map(|known| known.spki).collect();
        Ok(evidence)
    }

    /// What an anchor's certificate demands of the path, and webpki, which takes name, key and constraints on names from
    /// it, leaves out (RFC 5937 §3.2 for the path length): an anchor is no less bound by it than an intermediate.
    fn check_anchor(
        &self,
        anchor: &Anchor,
        path: &VerifiedPath<'_>,
        known: &[Arc<KnownIssuer>],
        peer: &Presented<'_>,
    ) -> Result<(), Untrusted> {
        // Self-issued ones do not count (RFC 5280 §4.2.1.9).
        let issued = |certificate: &&Cert<'_>| certificate.issuer() != certificate.subject();
        let intermediates = path.intermediate_certificates().filter(issued).count();
        if anchor.path_len.is_some_and(|most| intermediates > most as usize) {
            return Err(Untrusted::PathLength);
        }
        let leaf = peer.chain.leaf().facts();
        let facts = std::iter::once(leaf).chain(known.iter().map(|known| &known.facts));
        if anchor.constrained.contains(NameTypes::EMAIL) && facts.clone().any(|facts| facts.email_in_subject)
        {
            return Err(name_constraint(NameTypes::EMAIL, NameTypes::EMAIL));
        }
        match anchor.extended_key_usage {
            None => Ok(()),
            own => {
                let common = facts.fold(own, |common, facts| {
                    ExtendedKeyUsage::common(common, facts.extended_key_usage)
                });
                self.profile.check_issuer_purpose(common, peer.role)
            }
        }
    }

    fn check_revocation(
        &self,
        subject: &Subject<'_>,
        issuer: &Issuer<'_>,
        peer: &Presented<'_>,
    ) -> Result<NotRevoked, Untrusted> {
        match &self.revocation {
            Some(revocation) => peer.ask(Check::Revocation, NotRevoked::ALWAYS, || {
                revocation.check(subject, issuer, self.algorithms, peer.now)
            }),
            None => Ok(NotRevoked::ALWAYS),
        }
    }
}

/// webpki does not say which. The leaf was read before.
fn unknown_critical(chain: &PeerChain) -> Option<Seen> {
    let mut facts = chain.others().iter().filter_map(|der| Facts::of(der).ok());
    facts.find_map(|(issuer, _)| issuer.unknown_critical)
}

fn not_revoked(evidence: Evidence, answer: NotRevoked) -> Evidence {
    Evidence {
        valid: evidence.valid.intersect(answer.valid),
        reported: evidence.reported.or(answer.reported.map(Box::new)),
        ..evidence
    }
}

fn name_constraint(names: NameTypes, constrained: NameTypes) -> Untrusted {
    match names.not_compared(constrained) {
        Some(kind) => Untrusted::UnsupportedNameConstraint { kind },
        None => Untrusted::NameConstraint,
    }
}

/// Lets every purpose through: the [`Profile`] decides on it, for leaf and issuers.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

fn trusted_leaf(anchor: &Anchor, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
    peer.check(Check::Path, || Ok(()))?;
    peer.check(Check::Validity, || check_validity(anchor.validity, peer.now))?;
    Ok(Evidence {
        anchor: Some(anchor.spki),
        ..Evidence::new(anchor.validity)
    })
}

/// The names of all issuers in the chain, to find their anchors by.
fn issuers(end_entity: &EndEntityCert<'_>, chain: &PeerChain) -> Vec<Vec<u8>> {
    let others = chain
        .others()
        .iter()
        .filter_map(|der| EndEntityCert::try_from(der).ok());
    let others = others.map(|certificate| certificate.issuer().to_vec());
    std::iter::once(end_entity.issuer().to_vec())
        .chain(others)
        .collect()
}

fn check_name(end_entity: &EndEntityCert<'_>, name: &ServerName<'_>) -> Result<(), Untrusted> {
    end_entity
        .verify_is_valid_for_subject_name(name)
        .map_err(|_| Untrusted::WrongName {
            name: name.to_str().into_owned(),
        })
}
