use std::fmt;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use crate::tenant::TenantId;

/// The name of one delivery of one tenant under one scheme, in 32 bytes.
///
/// Made of nothing but what the signature covers, so that nobody can vary it without breaking the signature. Each retry
/// of a delivery has the same name, so it serves as an idempotency key: written out, it is 64 hexadecimal digits.
///
/// ```
/// use countersign::replay::ClaimKey;
/// use countersign::tenant::TenantId;
///
/// let of = |tenant: &str, id: &[u8]| {
///     Ok::<_, countersign::tenant::InvalidTenantId>(
///         ClaimKey::of(&TenantId::parse(tenant)?, "mine", [id])
///     )
/// };
/// assert_eq!(of("acme", b"1")?, of("acme", b"1")?);
/// assert_ne!(of("acme", b"1")?, of("globex", b"1")?, "nobody uses up another's deliveries");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimKey([u8; 32]);

impl ClaimKey {
    /// The key of a delivery: a hash over tenant, scheme and `parts`, each with its length.
    pub fn of<'a>(tenant: &TenantId, scheme: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new_with_prefix(b"countersign claim\0");
        let mut take = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        take(tenant.as_str().as_bytes());
        take(scheme.as_bytes());
        parts.into_iter().for_each(take);
        Self(hash.finalize().into())
    }

    /// The bytes, for a store of your own.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimKey(")?;
        self.0
            .iter()
            .take(8)
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

/// A claim to handle a delivery, as a store is asked for it.
///
/// ```
/// use std::time::Duration;
/// use countersign::UnixTime;
/// use countersign::replay::{Claim, ClaimKey, Terms};
/// use countersign::tenant::TenantId;
///
/// let (acme, now) = (
///     TenantId::parse("acme")?,
///     UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000)),
/// );
/// let key = ClaimKey::of(&acme, "mine", [&b"delivery-1"[..]]);
/// let terms = Terms::default().with_lease(Duration::from_secs(60));
/// let claim = Claim::new(key, acme, now, terms, None);
/// assert_eq!(claim.lease_end(), UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_060)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The delivery.
    pub key: ClaimKey,
    /// Whose it is: stores share their room fairly between tenants.
    pub tenant: TenantId,
    /// The present, in seconds since 1970.
    pub now: UnixTime,
    /// How long the handler may take before the claim is up for others: it outlives a crash by no more than this.
    pub lease: Duration,
    /// Once committed, until when the delivery is refused.
    pub keep_until: UnixTime,
    /// If it was handled before: until when at least it is refused from now on. For the sender has signed it anew, and
    /// what it signed would pass for as long.
    pub renew_until: Option<UnixTime>,
}

impl Claim {
    /// A claim at `now` under these terms. No message of this delivery that is signed by now passes as fresh after
    /// `fresh_until`: see [`Tolerance::any_fresh_until`](super::Tolerance::any_fresh_until). `None` where none is ever too
    /// old, since no time is signed.
    ///
    /// The sender may sign it again while it is being handled, so it is refused for a lease longer than that.
    pub fn new(
        key: ClaimKey,
        tenant: TenantId,
        now: UnixTime,
        terms: Terms,
        fresh_until: Option<UnixTime>,
    ) -> Self {
        let window = later(now, terms.window.max(terms.lease));
        let keep_until = fresh_until.map_or(window, |until| window.max(later(until, terms.lease)));
        Self {
            key,
            tenant,
            now,
            lease: terms.lease,
            keep_until,
            renew_until: fresh_until.map(|_| keep_until),
        }
    }

    /// How long the delivery is refused, once committed.
    pub fn window(&self) -> Duration {
        since(self.now, self.keep_until)
    }

    /// How long it is refused from now on at least, if it was handled before.
    pub fn renewal(&self) -> Option<Duration> {
        self.renew_until.map(|until| since(self.now, until))
    }

    /// The last second of the lease: the delivery is up for others after it.
    pub fn lease_end(&self) -> UnixTime {
        later(self.now, self.lease)
    }
}

/// Whole seconds; cannot overflow.
fn later(now: UnixTime, by: Duration) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs().saturating_add(by.as_secs())))
}

fn since(start: UnixTime, end: UnixTime) -> Duration {
    Duration::from_secs(end.as_secs().saturating_sub(start.as_secs()))
}

/// The terms of claims: how long each is held. Whole seconds: a fraction of one does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// How long a handler may take. Default 60 seconds.
    ///
    /// To be longer than the store may take to answer, too: a message may pass for the last time when it is claimed, and what
    /// was handled is remembered for a lease longer than it passes.
    pub lease: Duration,
    /// How long a handled delivery is refused at least. Default 24 hours.
    ///
    /// It is refused for longer where a message of it would pass for longer: at least for twice the tolerance, since a
    /// clock that is ahead may have signed one, and the lease besides. Where the time is signed, a retry that is refused as
    /// handled begins the window anew: so the window must outlast the longest pause between two retries, and not all of
    /// them. Where no time is signed it does not, and must outlast them all.
    pub window: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            window: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl Terms {
    /// A handler may take this long.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// A handled delivery is refused for this long at least.
    #[must_use]
    pub fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }
}

/// A claim that a store has granted. To be committed or released; if neither happens, the lease runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "neither committed nor released, it keeps the delivery's retries away until its lease runs out"]
pub struct Claimed {
    key: ClaimKey,
    tenant: TenantId,
    token: u64,
    keep_until: UnixTime,
    renew_until: Option<UnixTime>,
    window: Duration,
}

impl Claimed {
    /// A claim that is granted under this token: for implementations of stores. No two grants of one key may share a token.
    pub fn granted(claim: &Claim, token: u64) -> Self {
        Self {
            key: claim.key,
            tenant: claim.tenant.clone(),
            token,
            keep_until: claim.keep_until,
            renew_until: claim.renew_until,
            window: claim.window(),
        }
    }

    /// The delivery.
    pub fn key(&self) -> ClaimKey {
        self.key
    }

    /// The tenant whose delivery it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The token of this grant of the key.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Once committed, until when the delivery is refused.
    pub fn keep_until(&self) -> UnixTime {
        self.keep_until
    }

    /// The same where the sender signs a time: a message of this delivery passes until then, and not after it.
    pub fn renew_until(&self) -> Option<UnixTime> {
        self.renew_until
    }

    /// For how long that is: the span that a store counts by a clock of its own, from the commit on.
    pub fn window(&self) -> Duration {
        self.window
    }
}
