use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::algorithms::Algorithms;
use super::anchors::Kind;
use super::authorities::{Authorities, takes_authorities};
use super::invalid_ca::{InvalidCa, Problem};
use super::path::PathRules;
use super::{Evidence, PinSet, Presented, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::Expiries;
use crate::identity::{ChainLimits, InvalidName, Name, NameKind, PeerChain};

/// Trust in exactly named, or pinned, holders of certificates from an authority that issues to anybody.
///
/// "Signed by a public authority" says that somebody bought a certificate. So it cannot be built without
/// [`ExpectedPeers`]: the exact names or the keys of those who may call.
///
/// # When public authorities stop issuing clientAuth
/// They do so by March 2027 (Chrome's root policy: 2027-03-15, DigiCert: 2027-03-01). A sender that relied on one will
/// move to an authority of its own, and then it is a [`PrivateCa`](super::PrivateCa) here; or it will present a
/// certificate for servers, and then it takes [`Profile::allow_server_auth_as_client`](super::Profile::allow_server_auth_as_client), together with *pins*: a name
/// alone says only that somebody controls that name today. Until then the strict profile works.
///
/// ```
/// use countersign::identity::PeerChain;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{ExpectedPeers, PublicCa, Role, Untrusted, VerifiedPeer};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let ca = TestCa::new("A public authority");
/// let expected = ExpectedPeers::host_names(["hooks.sender.example"])?;
/// let trust = PublicCa::builder(expected, algorithms).pem(ca.pem().as_bytes()).build(NOW)?;
/// let shown = |name| PeerChain::parse(ca.client(name).issue().chain());
/// let refused = |chain| VerifiedPeer::verify(&trust, chain, Role::Client, NOW).err();
/// assert_eq!(refused(shown("hooks.sender.example")?), None);
/// assert_eq!(refused(shown("hooks.customer.example")?), Some(Untrusted::UnexpectedName));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PublicCa {
    rules: Arc<PathRules>,
    expected: ExpectedPeers,
}

/// The customers of an authority that issues to others as well that may call: an allow-list of names or pins.
///
/// ```
/// use countersign::identity::{Name, NameKind};
/// use countersign::trust::ExpectedPeers;
///
/// let typed = ExpectedPeers::names([Name::parse(NameKind::Dns, "hooks.sender.example")?]);
/// let by_name = ExpectedPeers::host_names(["hooks.sender.example"])?;
/// assert!(ExpectedPeers::host_names(["*.sender.example"]).is_err(), "exact names, and no patterns");
/// # drop((typed, by_name));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedPeers(Allowed);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    Names(Arc<HashSet<Name>>),
    Pins(PinSet),
}

impl ExpectedPeers {
    /// Peers whose leaf carries one of these names, exactly, with its type.
    pub fn names(names: impl IntoIterator<Item = Name>) -> Self {
        Self(Allowed::Names(Arc::new(names.into_iter().collect())))
    }

    /// Peers whose leaf carries one of these host names, as a DNS name or as its only common name: for senders that say the
    /// name and not where it stands.
    ///
    /// # Errors
    /// [`InvalidName`] for what is no DNS name.
    pub fn host_names<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Result<Self, InvalidName> {
        let mut either = HashSet::new();
        for name in names {
            either.insert(Name::parse(NameKind::Dns, name.as_ref())?);
            either.insert(Name::parse(NameKind::CommonName, name.as_ref())?);
        }
        Ok(Self(Allowed::Names(Arc::new(either))))
    }

    /// Peers that one of these pins allows.
    pub fn pins(pins: PinSet) -> Self {
        Self(Allowed::Pins(pins))
    }

    pub(super) fn is_nobody(&self) -> bool {
        match &self.0 {
            Allowed::Names(names) => names.is_empty(),
            Allowed::Pins(pins) => pins.is_empty(),
        }
    }

    /// Names as they are written, each as the only common name, and as a DNS name where it is shaped like one.
    pub(super) fn wherever(names: &[&str]) -> Result<Self, InvalidName> {
        let mut either = HashSet::new();
        for name in names {
            either.insert(Name::parse(NameKind::CommonName, name)?);
            either.extend(Name::parse(NameKind::Dns, name));
        }
        Ok(Self(Allowed::Names(Arc::new(either))))
    }

    /// A pin among them was used.
    pub(super) fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        if let Allowed::Pins(pins) = &self.0 {
            pins.confirm(peer, now);
        }
    }

    pub(super) fn expiries(&self, found: &mut Expiries) {
        if let Allowed::Pins(pins) = &self.0 {
            pins.expiries(found);
        }
    }

    /// The names among them.
    pub(super) fn named(&self) -> impl Iterator<Item = &Name> {
        let names = match &self.0 {
            Allowed::Names(names) => Some(names),
            Allowed::Pins(_) => None,
        };
        names.into_iter().flat_map(|names| names.iter())
    }

    /// Whoever names them does so because the authority proves nothing.
    pub(super) fn check(&self, peer: &Presented<'_>, path: Evidence) -> Result<Evidence, Untrusted> {
        let path = Evidence {
            shared_authority: true,
            ..path
        };
        match &self.0 {
            Allowed::Names(names) if is_named(names, peer.chain, &path) => Ok(path),
            Allowed::Names(_) => Err(Untrusted::UnexpectedName),
            Allowed::Pins(pins) => {
                let pinned = pins.verify_peer(&Presented {
                    found: Some(&path),
                    ..*peer
                })?;
                Ok(path.join(pinned))
            }
        }
    }
}

/// One of its names is among those, and proves something: names of the subject escape the constraints of authorities,
/// and with two common names (or ids) nobody can say which of them the authority has checked.
fn is_named(names: &HashSet<Name>, chain: &PeerChain, path: &Evidence) -> bool {
    let counts = |name: &Name| {
        let kind = name.kind();
        let is_free = path.name_constrained && NameKind::OF_THE_SUBJECT.contains(&kind);
        !is_free && !chain.leaf().facts().is_repeated(kind)
    };
    let presented = chain.leaf().names();
    presented.iter().any(|name| names.contains(name) && counts(name))
}

impl PublicCa {
    /// Who of the authorities' customers may call; the anchors are added to it.
    pub fn builder(expected: ExpectedPeers, algorithms: Algorithms) -> PublicCaBuilder {
        PublicCaBuilder {
            authorities: Authorities::new(algorithms),
            expected,
        }
    }
}

impl VerifyPeer for PublicCa {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let path = self.rules.verify(peer)?;
        self.expected.check(peer, path)
    }

    fn limits(&self) -> ChainLimits {
        self.rules.profile.limits()
    }

    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        self.rules.count(peer, now);
        self.expected.confirm(peer, now);
    }

    fn expiries(&self, found: &mut Expiries) {
        self.rules.expiries(found);
        self.expected.expiries(found);
    }
}

impl fmt::Debug for PublicCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicCa")
            .field("expected", &self.expected)
            .field("profile", &self.rules.profile)
            .finish_non_exhaustive()
    }
}

/// A builder of a [`PublicCa`]. Mistakes are reported by [`build`](Self::build).
#[derive(Debug, Clone)]
pub struct PublicCaBuilder {
    authorities: Authorities,
    expected: ExpectedPeers,
}

takes_authorities!(PublicCaBuilder);

impl PublicCaBuilder {
    /// The verifier.
    ///
    /// # Errors
    /// [`InvalidCa`] as for [`PrivateCa::from_pem`](super::PrivateCa::from_pem), public authorities apart; also where
    /// nobody is named.
    pub fn build(self, now: UnixTime) -> Result<PublicCa, InvalidCa> {
        if self.expected.is_nobody() {
            return Err(InvalidCa {
                source_name: "public authorities".to_owned(),
                problem: Problem::NoNames,
            });
        }
        let rules = self.authorities.rules(Kind::Public, now)?;
        Ok(PublicCa {
            rules: Arc::new(rules),
            expected: self.expected,
        })
    }
}
