use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};

use super::algorithms::Algorithms;
use super::anchors::{Anchor, AnchorUsage, Anchors, Kind};
use super::authorities::{Authorities, takes_authorities};
use super::issuers::KnownIssuers;
use super::path::PathRules;
use super::source::Source;
use super::{Evidence, InvalidCa, Presented, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::Expiries;
use crate::identity::{ChainLimits, SpkiHash};
use crate::usage::{NotRetired, Retirement};

/// Trust in what certificate authorities of your own have issued.
///
/// A path from the leaf to one of the anchors is built and verified by rustls-webpki (RFC 5280 §6). On top of that
/// the [`Profile`](super::Profile) is asked of every certificate on it, the anchor's own dates, path length and extended key usage are
/// honoured, and [`Revocation`](super::Revocation) is checked where it is given. Authorities that browsers trust are refused as anchors, and
/// so are the intermediates that these have issued themselves: they issue to anybody. What such an intermediate has issued
/// in turn is not recognised, since the list of browsers has roots only.
///
/// # Security
/// Whoever these authorities have issued to is trusted. Do they issue to others than your senders, as a payment provider's
/// do to all of its customers? Then name those who may call, by a [`SharedCa`](super::SharedCa): this one cannot know.
///
/// The signature algorithms are those of the caller's rustls `CryptoProvider`:
/// `provider.signature_verification_algorithms.all`, or [`Tls::algorithms`](crate::tls::Tls::algorithms).
///
/// ```
/// use countersign::identity::PeerChain;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{PrivateCa, Role, VerifiedPeer};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let ca = TestCa::new("Acme Root");
/// let trust = PrivateCa::from_pem(ca.pem().as_bytes(), algorithms, NOW)?;
/// let client = PeerChain::parse(ca.client("spiffe://acme.example/tenant/acme").issue().chain())?;
/// assert!(VerifiedPeer::verify(&trust, client, Role::Client, NOW).is_ok());
/// let server = PeerChain::parse(ca.server("pay.example").issue().chain())?;
/// let refused = VerifiedPeer::verify(&trust, server, Role::Client, NOW).err();
/// assert_eq!(refused.map(|why| why.code()), Some("trust.extended_key_usage"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PrivateCa {
    rules: Arc<PathRules>,
}

impl PrivateCa {
    /// Anchors from the certificates of a PEM text, all or none, under the strict profile. Keys may stand beside them; a CRL
    /// may not, since it would have no effect.
    ///
    /// # Errors
    /// [`InvalidCa`]: no certificate in it, one that cannot be read, is expired at `now`, is no certificate authority,
    /// may not sign certificates, has a weak key, is an authority that browsers trust, or was issued by one.
    pub fn from_pem(pem: &[u8], algorithms: Algorithms, now: UnixTime) -> Result<Self, InvalidCa> {
        Self::builder(algorithms).pem(pem).build(now)
    }

    /// Anchors from a PEM file, under the strict profile.
    ///
    /// # Errors
    /// [`InvalidCa`] as for [`from_pem`](Self::from_pem), naming the file; also where it cannot be read.
    pub fn from_pem_file(
        path: impl AsRef<Path>,
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Self, InvalidCa> {
        Self::builder(algorithms).pem_file(path).build(now)
    }

    /// Several sources, another profile, revocation.
    pub fn builder(algorithms: Algorithms) -> PrivateCaBuilder {
        PrivateCaBuilder {
            authorities: Authorities::new(algorithms),
        }
    }

    /// Its anchors' public keys.
    pub fn anchors(&self) -> impl Iterator<Item = SpkiHash> {
        self.rules.anchors.all().map(|anchor| anchor.spki)
    }

    /// Its anchors, and how much each is used.
    pub fn usage(&self) -> impl Iterator<Item = AnchorUsage> {
        self.rules.anchors.all().map(Anchor::usage)
    }

    /// The same with the anchors of `next` beside its own: the first step of a change of authorities. Profile and
    /// revocation are those of `next`, whose lists must cover both. What was counted goes on.
    #[must_use]
    pub fn stage(&self, next: &Self) -> Self {
        self.with_anchors(next.rules.anchors.and(&self.rules.anchors), &next.rules)
    }

    /// The same without the anchors of this key: the last step.
    ///
    /// # Errors
    /// [`NotRetired`] where the terms do not let it go.
    pub fn retire(&self, anchor: SpkiHash, terms: Retirement, now: UnixTime) -> Result<Self, NotRetired> {
        let left = self.rules.anchors.retire(anchor, terms, now)?;
        Ok(self.with_anchors(left, &self.rules))
    }

    /// Takes over what was counted of the same anchors, from the authorities that these replace.
    #[must_use]
    pub fn with_history_of(self, previous: &Self) -> Self {
        self.rules.anchors.continue_from(&previous.rules.anchors);
        self
    }

    fn with_anchors(&self, anchors: Anchors, rules: &PathRules) -> Self {
        Self {
            rules: Arc::new(PathRules {
                anchors,
                algorithms: rules.algorithms,
                profile: rules.profile.clone(),
                revocation: rules.revocation.clone(),
                issuers: KnownIssuers::default(),
            }),
        }
    }
}

impl VerifyPeer for PrivateCa {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        self.rules.verify(peer)
    }

    fn limits(&self) -> ChainLimits {
        self.rules.profile.limits()
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.rules.count(peer, now);
    }

    fn expiries(&self, found: &mut Expiries) {
        self.rules.expiries(found);
    }
}

impl fmt::Debug for PrivateCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateCa")
            .field("anchors", &self.anchors().collect::<Vec<_>>())
            .field("profile", &self.rules.profile)
            .field("revocation", &self.rules.revocation)
            .finish()
    }
}

/// A builder of a [`PrivateCa`]. Mistakes are reported by [`build`](Self::build).
#[derive(Debug, Clone)]
pub struct PrivateCaBuilder {
    authorities: Authorities,
}

takes_authorities!(PrivateCaBuilder);

impl PrivateCaBuilder {
    /// An anchor in DER.
    #[must_use]
    pub fn der(mut self, der: CertificateDer<'_>) -> Self {
        self.authorities.sources.push(Source::Der(der.into_owned()));
        self
    }

    /// Leaves that are trusted as they are, byte for byte, whoever issued them: for peers with a self-signed
    /// certificate. The profile is asked of them; revocation is not.
    #[must_use]
    pub fn leaf_pem(mut self, pem: &[u8]) -> Self {
        self.authorities.sources.push(Source::LeafPem(pem.to_vec()));
        self
    }

    /// The verifier.
    ///
    /// # Errors
    /// [`InvalidCa`] as for [`PrivateCa::from_pem`]; also where revocation is required and no CRL is given.
    pub fn build(self, now: UnixTime) -> Result<PrivateCa, InvalidCa> {
        let kind = Kind::Private(self.authorities.algorithms);
        let rules = self.authorities.rules(kind, now)?;
        Ok(PrivateCa {
            rules: Arc::new(rules),
        })
    }
}
