use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::algorithms::Algorithms;
use super::anchors::{Anchors, Kind};
use super::authorities::Authorities;
use super::path::PathRules;
use super::source::Source;
use super::{Evidence, InvalidCa, Presented, Revocation, Role, Untrusted, VerifiedPeer, VerifyPeer};
use crate::expiry::Expiries;
use crate::identity::ChainLimits;

/// Trust in *servers* of the public web, for the name that we wanted to reach: what a browser does, by Mozilla's list.
///
/// For the sender's side, to consumers with an ordinary certificate. It is a list at the time this crate was built (of
/// the crate `webpki-roots`): keep that current, or bring authorities of your own with [`PrivateCa`](super::PrivateCa).
///
/// # Security
/// It says that somebody controlled the name when the certificate was issued, to one of a hundred authorities. Join the
/// consumer's keys with [`and`](VerifyPeer::and) where they can be had: `WebRoots.and(PinSet)`. As a client nobody is
/// trusted by it (`trust.servers_only`): a name in a certificate that anybody can buy is no tenant; for that there is
/// [`PublicCa`](super::PublicCa).
///
/// The roots come without their certificates, so their own dates are not looked at: who leaves the list is out.
///
/// ```
/// use countersign::identity::PeerChain;
/// # use countersign::testing::{NOW, TestCa};
/// use countersign::tls::rustls::pki_types::ServerName;
/// use countersign::trust::{Role, Untrusted, VerifiedPeer, WebRoots};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// let trust = WebRoots::new(algorithms);
/// let chain = PeerChain::parse(
///     TestCa::new("A root of nobody's").server("hooks.example").issue().chain()
/// )?;
/// let name = ServerName::try_from("hooks.example")?;
/// let refused = VerifiedPeer::verify(&trust, chain, Role::Server { name: &name }, NOW).err();
/// assert_eq!(refused, Some(Untrusted::UnknownIssuer));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WebRoots {
    rules: Arc<PathRules>,
}

impl WebRoots {
    /// Mozilla's list, under the strict profile.
    pub fn new(algorithms: Algorithms) -> Self {
        Self::of(Authorities::new(algorithms).rules_for(Anchors::of_the_web()))
    }

    /// Mozilla's list, with authorities of your own beside it, or revocation.
    pub fn builder(algorithms: Algorithms) -> WebRootsBuilder {
        WebRootsBuilder {
            authorities: Authorities::new(algorithms),
        }
    }

    fn of(rules: PathRules) -> Self {
        Self {
            rules: Arc::new(rules),
        }
    }
}

/// A builder of [`WebRoots`]: what stands beside Mozilla's list. Mistakes are reported by [`build`](Self::build).
#[derive(Debug, Clone)]
pub struct WebRootsBuilder {
    authorities: Authorities,
}

impl WebRootsBuilder {
    /// Authorities of your own from a PEM text, as a company's machines have them.
    #[must_use]
    pub fn own_pem(mut self, pem: &[u8]) -> Self {
        self.authorities.sources.push(Source::Pem(pem.to_vec()));
        self
    }

    /// Authorities of your own from a PEM file.
    #[must_use]
    pub fn own_pem_file(mut self, path: impl AsRef<Path>) -> Self {
        self.authorities.sources.push(Source::file(path));
        self
    }

    /// Checks revocation.
    #[must_use]
    pub fn with_revocation(mut self, revocation: Revocation) -> Self {
        self.authorities.revocation = Some(revocation);
        self
    }

    /// The verifier.
    ///
    /// # Errors
    /// [`InvalidCa`] as for [`PrivateCa::from_pem`](super::PrivateCa::from_pem), public authorities apart; also where
    /// revocation is required and no CRL is given.
    pub fn build(self, now: UnixTime) -> Result<WebRoots, InvalidCa> {
        let anchors = match self.authorities.sources.as_slice() {
            [] => Anchors::of_the_web(),
            own => Anchors::read(own, Kind::Public, now)?.and_of_the_web(),
        };
        self.authorities.check_revocation(&anchors)?;
        Ok(WebRoots::of(self.authorities.rules_for(anchors)))
    }
}

impl VerifyPeer for WebRoots {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        match peer.role {
            Role::Server { .. } => self.rules.verify(peer),
            Role::Client => Err(Untrusted::ServersOnly),
        }
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

impl fmt::Debug for WebRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebRoots").finish_non_exhaustive()
    }
}
