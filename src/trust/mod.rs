//! Certificate verification (**do we trust it?**): from a claimed chain to a verified peer.
//!
//! [`VerifyPeer`] decides; [`VerifiedPeer::verify`] is the only mint of the proof. Two deciders are joined with
//! [`and`](VerifyPeer::and), and both must agree: `PrivateCa` *and* `PinSet`.
//!
//! ```
//! # use countersign::testing::TestCa;
//! # use countersign::identity::PeerChain;
//! use countersign::trust::{PinSet, PrivateCa, Role, Untrusted, VerifiedPeer, VerifyPeer};
//!
//! # let ca = TestCa::new("Acme Root");
//! # let (ca_pem, chain) = (ca.pem(), ca.client("spiffe://acme.example/tenant/acme").issue().chain());
//! # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
//! # let now = countersign::identity::Validity::ALWAYS.not_before; // 1970
//! # let now = rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_790_000_000));
//! let chain = PeerChain::parse(chain)?;
//! let pinned = PinSet::new([chain.leaf().spki()]);
//! let trust = PrivateCa::from_pem(ca_pem.as_bytes(), algorithms, now)?.and(pinned);
//! let peer = VerifiedPeer::verify(&trust, chain, Role::Client, now)?;
//! assert!(peer.evidence().pin.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An unverified chain cannot be mapped to a tenant; this does not compile:
//!
//! ```compile_fail,E0308
//! fn shortcut(
//!     tenants: &dyn countersign::tenant::ResolveTenant,
//!     claimed: &countersign::identity::PeerChain,
//! ) {
//!     let _ = tenants.resolve_tenant(claimed);
//! }
//! ```

mod algorithms;
mod anchors;
mod applicant;
mod authorities;
mod crls;
mod deny;
mod invalid_ca;
mod issuers;
mod joined;
mod known_sender;
mod path;
mod pin;
mod pin_table;
mod pins;
mod private_ca;
mod profile;
mod public_ca;
mod public_roots;
mod remembered;
mod report_only;
mod revocation;
mod second_check;
mod shared_ca;
mod signed;
mod source;
mod trace;
mod untrusted;
mod verified;
mod web_roots;

use std::fmt;

use rustls_pki_types::{ServerName, UnixTime};
use webpki::EndEntityCert;

use crate::expiry::Expiries;
use crate::identity::{ChainLimits, PeerChain, SpkiHash, Validity};

pub use anchors::AnchorUsage;
pub use applicant::Applicant;
pub use crls::{Crls, InvalidCrls, PassedOver, Unanswered};
pub use deny::DenyList;
pub use invalid_ca::InvalidCa;
pub use joined::And;
pub use known_sender::{KnownSender, PixBank, SenderTls};
pub use pin::{Pin, PinProblem};
pub use pins::{InvalidPin, PinSet, PinWarning};
pub use private_ca::{PrivateCa, PrivateCaBuilder};
pub use profile::Profile;
pub use public_ca::{ExpectedPeers, PublicCa, PublicCaBuilder};
pub(crate) use public_roots::is_public_authority;
pub use remembered::{Recall, Remembered};
pub use report_only::ReportOnly;
pub use revocation::{Revocation, RevocationDepth, UnknownStatus};
pub use second_check::SecondCheck;
pub use shared_ca::SharedCa;
pub use trace::Check;
pub(crate) use trace::{Answer, Note, Trace};
pub use untrusted::Untrusted;
pub(crate) use untrusted::check_validity;
pub use verified::VerifiedPeer;
pub use web_roots::{WebRoots, WebRootsBuilder};

/// A decision whether a presented certificate chain is trusted right now. Pure: no I/O, no clock.
pub trait VerifyPeer: fmt::Debug + Send + Sync {
    /// What makes the peer trusted, or why it is not.
    ///
    /// # Errors
    /// [`Untrusted`], with the first reason found.
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted>;

    /// The number of the last change after which an answer may differ for any other reason than time; 0 for a
    /// verifier that never changes: who says so is not asked again. One that may yet change says 1 from the start, not 0.
    ///
    /// Open connections are asked again when it differs. The numbers come from one count for the whole process, which
    /// [`Live`](crate::live::Live) keeps: to make a verifier replaceable, put it into one rather than counting by hand.
    fn generation(&self) -> u64 {
        0
    }

    /// How large a chain it wants to be asked about: what is larger is refused before any of it is read. The limits of its
    /// [`Profile`], where it has one.
    fn limits(&self) -> ChainLimits {
        ChainLimits::default()
    }

    /// What this verifier remembers of peers that it has verified before. Nothing by default; see [`Remembered`].
    fn memory(&self) -> Option<Recall> {
        None
    }

    /// The peer has proved in a handshake, at `now`, that it holds the key: the time to count. Does nothing by default.
    ///
    /// Not called for a peer that showed a certificate and did not prove anything: certificates are public.
    fn confirm(&self, peer: &VerifiedPeer, now: UnixTime) {
        let _ = (peer, now);
    }

    /// Adds what it rests on that ends: anchors, revocation lists, pins with a retirement date. Nothing by default.
    fn expiries(&self, found: &mut Expiries) {
        let _ = found;
    }

    /// Trusted only if `other` agrees too. `other` is asked second and sees what this one found.
    fn and<V: VerifyPeer>(self, other: V) -> And<Self, V>
    where
        Self: Sized,
    {
        And {
            first: self,
            second: other,
        }
    }
}

/// A certificate chain as it is presented to a verifier.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Presented<'a> {
    /// The claimed chain.
    pub chain: &'a PeerChain,
    /// What the peer wants to be.
    pub role: Role<'a>,
    /// The present, in seconds since 1970.
    pub now: UnixTime,
    /// What the verifiers before this one in an [`And`] found; the verified path, for instance.
    pub found: Option<&'a Evidence>,
    /// The leaf as webpki reads it, where that is known already.
    end_entity: Option<&'a EndEntityCert<'a>>,
    /// Where somebody wants to know of each check what came of it.
    trace: Option<&'a Trace>,
}

impl<'a> Presented<'a> {
    /// As it is presented to the first verifier.
    fn first(chain: &'a PeerChain, role: Role<'a>, now: UnixTime) -> Self {
        Self {
            chain,
            role,
            now,
            found: None,
            end_entity: None,
            trace: None,
        }
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("chain", &self.chain)
            .field("role", &self.role)
            .field("now", &self.now)
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}

/// The role that the peer plays in the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role<'a> {
    /// The peer is a client that authenticates itself to us.
    Client,
    /// The peer is the server that we wanted to reach under this name.
    Server {
        /// The name we wanted to reach.
        name: &'a ServerName<'a>,
    },
}

/// The evidence that made a peer trusted, and for how long it holds under the same policy.
///
/// ```
/// use countersign::identity::Validity;
/// use countersign::trust::{Evidence, Presented, Untrusted, VerifyPeer};
///
/// /// Trusts what somebody else has verified: for tests of what stands behind.
/// #[derive(Debug)]
/// struct Verified;
///
/// impl VerifyPeer for Verified {
///     fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
///         Ok(Evidence::new(peer.chain.leaf().validity()))
///     }
/// }
///
/// assert_eq!(Evidence::new(Validity::ALWAYS).valid, Validity::ALWAYS);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// The public key of the anchor that the verified path ends in.
    pub anchor: Option<SpkiHash>,
    /// The public keys of the issuers on the verified path, from the leaf's issuer up, without the anchor.
    pub issuers: Box<[SpkiHash]>,
    /// The time in which the certificates of all those issuers are within their dates.
    pub issuers_valid: Validity,
    /// A certificate authority on the verified path constrains names (RFC 5280 §4.2.1.10). Common names escape such
    /// constraints, so they never count below it.
    pub name_constrained: bool,
    /// The authority issues to others as well: a [`PublicCa`] or a [`SharedCa`]. That it has issued says nothing about whose the
    /// peer is.
    pub shared_authority: bool,
    /// What must be verified of a delivery beside this certificate, all of it: a [`KnownSender`] demands it, and no
    /// [`Countersigned`](crate::gate::Countersigned) is made without.
    pub second_checks: Vec<SecondCheck>,
    /// The pin that matched.
    pub pin: Option<Pin>,
    /// What a [`ReportOnly`] verifier would have refused it for, or a [`Revocation`] list that could not be believed.
    pub reported: Option<Box<Untrusted>>,
    /// The time for which the decision holds: the intersection of all that it rests on.
    pub valid: Validity,
    /// The time for which all of this would be found again. Outside of it the peer is asked about anew, and is as trusted as
    /// before: a [`ReportOnly`] sets it, whose report changes with time.
    pub settled: Validity,
}

impl Evidence {
    /// Evidence that holds for that time and says nothing else yet.
    pub fn new(valid: Validity) -> Self {
        Self {
            anchor: None,
            issuers: Box::default(),
            issuers_valid: Validity::ALWAYS,
            name_constrained: false,
            shared_authority: false,
            second_checks: Vec::new(),
            pin: None,
            reported: None,
            valid,
            settled: Validity::ALWAYS,
        }
    }

    /// Whether it counts as it is at `now`, without asking again.
    pub(crate) fn stands_at(&self, now: UnixTime) -> bool {
        self.valid.contains(now) && self.settled.contains(now)
    }

    /// The evidence of both together: the facts of both, for the time in which both hold.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.second_checks.extend(other.second_checks);
        Self {
            anchor: self.anchor.or(other.anchor),
            issuers: if self.issuers.is_empty() {
                other.issuers
            } else {
                self.issuers
            },
            issuers_valid: self.issuers_valid.intersect(other.issuers_valid),
            name_constrained: self.name_constrained || other.name_constrained,
            shared_authority: self.shared_authority || other.shared_authority,
            second_checks: self.second_checks,
            pin: self.pin.or(other.pin),
            reported: self.reported.or(other.reported),
            valid: self.valid.intersect(other.valid),
            settled: self.settled.intersect(other.settled),
        }
    }
}
