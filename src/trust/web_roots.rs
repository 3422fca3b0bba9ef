use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::anchors::{Anchors, Kind};
use super::issuers::KnownIssuers;
use super::path::{Algorithms, PathRules};
use super::source::Source;
use super::{Evidence, InvalidCa, Presented, Profile, Revocation, Role, Untrusted, VerifiedPeer, VerifyPeer};
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
#[derive(Clone)]
pub struct WebRoots {
    rules: Arc<PathRules>,
}

impl WebRoots {
    /// Mozilla's list, under the strict profile.
    pub fn new(algorithms: Algorithms) -> Self {
        Self::of(Anchors::of_the_web(), algorithms, None)
    }

    /// Mozilla's list, checking revocation.
    pub fn with_revocation(algorithms: Algorithms, revocation: Revocation) -> Self {
        Self::of(Anchors::of_the_web(), algorithms, Some(revocation))
    }

    /// Mozilla's list, and beside it authorities of your own from a PEM text, as a company's machines have them.
    ///
    /// # Errors
    /// [`InvalidCa`] as for [`PrivateCa::from_pem`](super::PrivateCa::from_pem), public authorities apart.
    pub fn and_own_pem(algorithms: Algorithms, pem: &[u8], now: UnixTime) -> Result<Self, InvalidCa> {
        Self::and_own(algorithms, Source::Pem(pem.to_vec()), now)
    }

    /// The same from a PEM file.
    ///
    /// # Errors
    /// As for [`and_own_pem`](Self::and_own_pem), naming the file; also where it cannot be read.
    pub fn and_own_pem_file(
        algorithms: Algorithms,
        path: impl AsRef<Path>,
        now: UnixTime,
    ) -> Result<Self, InvalidCa> {
        Self::and_own(algorithms, Source::file(path), now)
    }

    fn and_own(algorithms: Algorithms, own: Source, now: UnixTime) -> Result<Self, InvalidCa> {
        let anchors = Anchors::read(&[own], Kind::Public, now)?.and_of_the_web();
        Ok(Self::of(anchors, algorithms, None))
    }

    fn of(anchors: Anchors, algorithms: Algorithms, revocation: Option<Revocation>) -> Self {
        Self {
            rules: Arc::new(PathRules {
                anchors,
                algorithms,
                profile: Profile::strict(),
                revocation,
                issuers: KnownIssuers::default(),
            }),
        }
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

    fn confirm(&self, peer: &VerifiedPeer) {
        self.rules.count(peer);
    }
}

impl fmt::Debug for WebRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebRoots").finish_non_exhaustive()
    }
}
