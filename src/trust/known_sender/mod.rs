mod pix;
mod presets;

use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::algorithms::Algorithms;
use super::invalid_ca::Problem;
use super::second_check::Demanding;
use super::source::Source;
use super::{ExpectedPeers, InvalidCa, PrivateCa, Profile, PublicCa, SecondCheck, SharedCa, VerifyPeer};
use crate::identity::{CertHash, Name};

pub use pix::PixBank;

/// A webhook sender that shows a client certificate, and what its documentation says about it.
///
/// The certificate authority's own certificate is not in this crate: download it as the sender's documentation says, and
/// give it to [`trust`](Self::trust), which knows it by its SHA-256 fingerprint and takes no other. Authorities that
/// issue to others as well are only ever trusted together with the sender's exact names.
///
/// # Security
/// The certificate says who has called, never for which of its customers: [`second_check`](Self::second_check) says what
/// else must be verified, and [`does_not_prove`](Self::does_not_prove) what is left open without it. That check is demanded: the
/// evidence carries it, and no [`Countersigned`](crate::gate::Countersigned) is made of a payload that was proved otherwise.
///
/// ```no_run
/// use countersign::trust::KnownSender;
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// # let now = countersign::identity::Validity::ALWAYS.not_before;
/// let sender = KnownSender::pagerduty();
/// let anchors = std::fs::read("DigiCertGlobalRootG2.pem")?;
/// let trust = sender.trust(&anchors, algorithms, now)?;
/// assert_eq!(sender.tls(), countersign::trust::SenderTls::Only12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSender {
    name: &'static str,
    authority: Authority,
    /// Nobody is named where the authority is one's own.
    peers: Option<ExpectedPeers>,
    tls: SenderTls,
    second_check: SecondCheck,
    does_not_prove: &'static str,
    changes: &'static str,
    source: &'static str,
}

/// When the facts of all of them were last looked up.
const AS_OF: &str = "2026-11";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authority {
    /// One that issues to anybody, by name and by the fingerprints of its roots.
    Public(&'static str, &'static [&'static str]),
    /// The sender's own, which may issue to others as well, and whose fingerprint is not published.
    Shared(&'static str),
    /// The receiver's own, or one given for this purpose alone.
    Own(&'static str),
}

/// The versions of TLS that a sender can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SenderTls {
    /// TLS 1.2 and no better: the server needs [`Tls::allow_tls12`](crate::tls::Tls::allow_tls12).
    Only12,
    /// Its documentation asks for no version below 1.3.
    Unspecified,
}

impl KnownSender {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The authority whose certificate to download and give to [`trust`](Self::trust).
    pub fn authority(&self) -> &'static str {
        let (Authority::Public(name, _) | Authority::Shared(name) | Authority::Own(name)) = self.authority;
        name
    }

    /// The names that its certificate carries, one of which must match: those shaped like a DNS name as such, or as the only
    /// common name. None where the authority is your own, or keys are pinned.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.peers.iter().flat_map(ExpectedPeers::named)
    }

    /// The versions of TLS that it can do.
    pub fn tls(&self) -> SenderTls {
        self.tls
    }

    /// The page that documents this.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// What must be verified beside its certificate.
    pub fn second_check(&self) -> SecondCheck {
        self.second_check
    }

    /// What its certificate alone leaves open.
    pub fn does_not_prove(&self) -> &'static str {
        self.does_not_prove
    }

    /// Year and month in which these facts were looked up.
    pub fn as_of(&self) -> &'static str {
        AS_OF
    }

    /// When they are expected to change.
    pub fn changes(&self) -> &'static str {
        self.changes
    }

    /// Trusts this sender, under the strict profile.
    ///
    /// # Errors
    /// [`InvalidCa`] where the anchors must not be used, or one of them is not known by its fingerprint as the sender's.
    pub fn trust(
        &self,
        anchors: &[u8],
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Arc<dyn VerifyPeer>, InvalidCa> {
        self.trust_within(anchors, Profile::strict(), algorithms, now)
    }

    /// Trusts this sender, under another profile: see [`PublicCa`] on what changes in 2027.
    ///
    /// # Errors
    /// As for [`trust`](Self::trust).
    pub fn trust_within(
        &self,
        anchors: &[u8],
        profile: Profile,
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Arc<dyn VerifyPeer>, InvalidCa> {
        self.check_fingerprints(anchors)?;
        self.trust_other_anchors(anchors, profile, algorithms, now)
    }

    /// Trusts this sender below anchors that are not known to be its own: those of a successor, or of a sender that publishes
    /// no fingerprint.
    ///
    /// # Security
    /// That the file is the sender's is for you to know. Its exact names are asked for all the same.
    ///
    /// # Errors
    /// [`InvalidCa`] where the anchors must not be used.
    pub fn trust_other_anchors(
        &self,
        anchors: &[u8],
        profile: Profile,
        algorithms: Algorithms,
        now: UnixTime,
    ) -> Result<Arc<dyn VerifyPeer>, InvalidCa> {
        let named = || self.peers.clone().unwrap_or_else(|| ExpectedPeers::names([]));
        let private = || {
            PrivateCa::builder(algorithms)
                .pem(anchors)
                .with_profile(profile.clone())
                .build(now)
        };
        Ok(match self.authority {
            Authority::Public(..) => {
                let builder = PublicCa::builder(named(), algorithms);
                self.demanding(builder.pem(anchors).with_profile(profile.clone()).build(now)?)
            }
            Authority::Shared(_) => self.demanding(SharedCa::new(private()?, named())?),
            Authority::Own(_) => self.demanding(private()?),
        })
    }

    fn demanding(&self, trust: impl VerifyPeer + 'static) -> Arc<dyn VerifyPeer> {
        Arc::new(Demanding::new(trust, self.second_check))
    }

    /// Every certificate counts: each would be an anchor.
    fn check_fingerprints(&self, anchors: &[u8]) -> Result<(), InvalidCa> {
        let known = match self.authority {
            Authority::Public(_, fingerprints) => fingerprints,
            Authority::Shared(_) => &[],
            Authority::Own(_) => return Ok(()),
        };
        let source = Source::Pem(anchors.to_vec());
        let invalid = |problem| InvalidCa {
            source_name: source.to_string(),
            problem,
        };
        for der in source.certificates().map_err(invalid)? {
            let hash = CertHash::of(&der);
            if !known.iter().any(|known| CertHash::parse(known) == Ok(hash)) {
                return Err(invalid(Problem::OtherAnchor {
                    sender: self.name,
                    authority: self.authority(),
                    hash,
                }));
            }
        }
        Ok(())
    }
}
