//! Expiry (**until when?**): what a policy holds until when, how urgent that is, and what to do.
//!
//! A pure function of the policy and the time: the list that an operator reads, the events and the metrics are all made of
//! what stands here, so they cannot disagree.

mod urgency;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::date::Date;
use crate::identity::Validity;

pub use urgency::{InvalidThresholds, Thresholds, Urgency};

/// How long something is taken to last that has an end and no beginning: a pin with a retirement date, for one.
const UNTOLD_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// A holder of what expires: a policy, a key ring, one's own certificate, the certificates of peers that were seen.
///
/// ```
/// use countersign::UnixTime;
/// use countersign::expiry::{Expires, Expiries, Kind};
/// use countersign::identity::Validity;
///
/// /// A licence of your own, beside what the crate knows of.
/// #[derive(Debug)]
/// struct Licence(Validity);
///
/// impl Expires for Licence {
///     fn expiries(&self, found: &mut Expiries) {
///         found.add(Kind::Key, "licence of the vault", self.0);
///     }
/// }
///
/// let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
/// let found = Expiries::of(&Licence(Validity::new(at(0), at(100))));
/// assert_eq!(found.sorted().first().map(|next| next.name()), Some("licence of the vault"));
/// ```
pub trait Expires: fmt::Debug + Send + Sync {
    /// Adds what it holds. Pure: of the policy of this moment.
    fn expiries(&self, found: &mut Expiries);
}

impl<E: Expires + ?Sized> Expires for Arc<E> {
    fn expiries(&self, found: &mut Expiries) {
        (**self).expiries(found);
    }
}

/// The kind of a thing that expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A certificate of ours.
    OwnCertificate,
    /// A certificate authority that we trust.
    Anchor,
    /// A list of revoked certificates: until its `nextUpdate`.
    Crl,
    /// A pin with a retirement date.
    Pin,
    /// A key of payloads.
    Key,
    /// A peer's certificate, as it was last seen.
    PeerCertificate,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::OwnCertificate,
        Self::Anchor,
        Self::Crl,
        Self::Pin,
        Self::Key,
        Self::PeerCertificate,
    ];

    /// A stable name, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnCertificate => "own_certificate",
            Self::Anchor => "anchor",
            Self::Crl => "crl",
            Self::Pin => "pin",
            Self::Key => "key",
            Self::PeerCertificate => "peer_certificate",
        }
    }

    /// What to do before it expires.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::OwnCertificate => "renew it, and see that the renewed pair is loaded",
            Self::Anchor => {
                "load the authority's next certificate beside it, and have peers renew under that one"
            }
            Self::Crl => {
                "fetch the authority's next list; when this one is out of date, its peers are refused"
            }
            Self::Pin => "pin the next key beside it, or set a later date",
            Self::Key => "add the next key beside it, and hand it to the sender",
            Self::PeerCertificate => "have the tenant renew it; we refuse it from that second on",
        }
    }
}

/// One thing that expires: what it is, whose, and from when until when it holds.
///
/// ```
/// use std::time::Duration;
/// use countersign::UnixTime;
/// use countersign::expiry::{Expiry, Kind, Thresholds, Urgency};
/// use countersign::identity::Validity;
///
/// let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
/// let root = Expiry::new(Kind::Anchor, "CN=Acme Root", Validity::new(at(0), at(1000))).owned_by("acme");
/// let urgency = |now| root.urgency(at(now), Thresholds::default());
/// assert_eq!([urgency(799), urgency(800)], [Urgency::None, Urgency::Warning]);
/// assert_eq!([urgency(900), urgency(1001)], [Urgency::Urgent, Urgency::Critical]);
/// assert_eq!(root.to_string(), "anchor CN=Acme Root (acme) expires 1970-01-01T00:16:40Z");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expiry {
    kind: Kind,
    name: Box<str>,
    owner: Option<Box<str>>,
    validity: Validity,
}

impl Expiry {
    /// Something of this kind and name, in force within `validity`.
    pub fn new(kind: Kind, name: impl Into<Box<str>>, validity: Validity) -> Self {
        Self {
            kind,
            name: name.into(),
            owner: None,
            validity,
        }
    }

    /// Whose it is: a tenant, as a rule.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<Box<str>>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it is called: a subject, a label, the name of a key. Never a secret.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose it is, where it is somebody's.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The last second at which it holds.
    pub fn not_after(&self) -> UnixTime {
        self.validity.not_after
    }

    /// [`not_after`](Self::not_after) as people read it (RFC 3339).
    pub fn end(&self) -> impl fmt::Display {
        Date(self.not_after())
    }

    /// How long it still holds; zero once it does not.
    pub fn left(&self, now: UnixTime) -> Duration {
        self.validity.left(now)
    }

    /// The first second at which so many of a hundred parts of its lifetime are used.
    ///
    /// What has no beginning (a pin has none) is taken to last 90 days.
    pub fn used_up_to(&self, percent: u8) -> UnixTime {
        let end = self.validity.not_after.as_secs();
        let begin = match self.validity.not_before.as_secs() {
            0 => end.saturating_sub(UNTOLD_LIFETIME.as_secs()),
            begin => begin,
        };
        let part = u128::from(end.saturating_sub(begin)) * u128::from(percent.min(100)) / 100;
        let part = u64::try_from(part).unwrap_or(u64::MAX);
        UnixTime::since_unix_epoch(Duration::from_secs(begin.saturating_add(part)))
    }

    /// How urgent it is at `now`.
    pub fn urgency(&self, now: UnixTime, thresholds: Thresholds) -> Urgency {
        if now > self.not_after() {
            Urgency::Critical
        } else if now >= self.used_up_to(thresholds.urgent()) {
            Urgency::Urgent
        } else if now >= self.used_up_to(thresholds.warning()) {
            Urgency::Warning
        } else {
            Urgency::None
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)?;
        if let Some(owner) = &self.owner {
            write!(f, " ({owner})")?;
        }
        write!(f, " expires {}", Date(self.not_after()))
    }
}

/// A list of what expires.
///
/// ```
/// use countersign::expiry::{Expiries, Kind};
/// use countersign::identity::Validity;
///
/// let mut found = Expiries::default();
/// found.add(Kind::Key, "never ends", Validity::ALWAYS);
/// assert!(found.sorted().is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expiries {
    found: Vec<Expiry>,
}

impl Expiries {
    /// What this holder holds.
    pub fn of(holder: &(impl Expires + ?Sized)) -> Self {
        let mut found = Self::default();
        holder.expiries(&mut found);
        found
    }

    /// Adds what nobody owns in particular.
    pub fn add(&mut self, kind: Kind, name: impl Into<Box<str>>, validity: Validity) {
        self.push(Expiry::new(kind, name, validity));
    }

    /// Adds one. What never ends is left out.
    pub fn push(&mut self, expiry: Expiry) {
        if expiry.not_after() < Validity::ALWAYS.not_after {
            self.found.push(expiry);
        }
    }

    /// By the time that is left, least first: what has expired the longest ago begins.
    pub fn sorted(mut self) -> Vec<Expiry> {
        self.found.sort_by(|one, other| one.order().cmp(&other.order()));
        self.found
    }
}

impl Expiry {
    fn order(&self) -> (UnixTime, Kind, &str, Option<&str>) {
        (self.not_after(), self.kind, &self.name, self.owner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(secs))
    }

    const DAY: u64 = 86_400;

    #[test]
    fn each_threshold_begins_at_its_second() {
        let year = Validity::new(at(1000 * DAY), at(1100 * DAY));
        let of = |validity| Expiry::new(Kind::Key, "2026", validity);
        let retiring = Validity::new(at(0), at(1000 * DAY));
        let backwards = Validity::new(at(50), at(40));
        let tighter = Thresholds::new(50, 100).unwrap_or_default();
        for (name, validity, now, thresholds, expected) in [
            ("fresh", year, 1000 * DAY, Thresholds::default(), Urgency::None),
            (
                "before",
                year,
                1080 * DAY - 1,
                Thresholds::default(),
                Urgency::None,
            ),
            ("80 %", year, 1080 * DAY, Thresholds::default(), Urgency::Warning),
            (
                "below 90",
                year,
                1090 * DAY - 1,
                Thresholds::default(),
                Urgency::Warning,
            ),
            ("90 %", year, 1090 * DAY, Thresholds::default(), Urgency::Urgent),
            (
                "last second",
                year,
                1100 * DAY,
                Thresholds::default(),
                Urgency::Urgent,
            ),
            (
                "over",
                year,
                1100 * DAY + 1,
                Thresholds::default(),
                Urgency::Critical,
            ),
            ("set", year, 1050 * DAY, tighter, Urgency::Warning),
            ("set, at the end", year, 1100 * DAY, tighter, Urgency::Urgent),
            (
                "no beginning, 19 days",
                retiring,
                981 * DAY,
                Thresholds::default(),
                Urgency::None,
            ),
            (
                "no beginning, 18 days",
                retiring,
                982 * DAY,
                Thresholds::default(),
                Urgency::Warning,
            ),
            ("no lifetime", backwards, 40, Thresholds::default(), Urgency::None),
            (
                "no lifetime, over",
                backwards,
                41,
                Thresholds::default(),
                Urgency::Critical,
            ),
        ] {
            assert_eq!(of(validity).urgency(at(now), thresholds), expected, "{name}");
        }
    }

    #[test]
    fn what_never_ends_is_not_listed_and_the_rest_by_time_left() {
        let mut found = Expiries::default();
        found.add(Kind::Anchor, "later", Validity::new(at(1), at(30)));
        found.add(Kind::Key, "never", Validity::ALWAYS);
        found.add(Kind::Pin, "sooner", Validity::new(at(1), at(20)));
        found.add(Kind::Crl, "sooner too", Validity::new(at(1), at(20)));
        let sorted = found.sorted();
        let names: Vec<_> = sorted.iter().map(Expiry::name).collect();
        assert_eq!(names, ["sooner too", "sooner", "later"]);
    }

    #[test]
    fn thresholds_are_in_order() {
        for (warning, urgent, good) in [
            (80, 90, true),
            (0, 100, true),
            (90, 90, false),
            (95, 90, false),
            (80, 101, false),
        ] {
            assert_eq!(
                Thresholds::new(warning, urgent).is_ok(),
                good,
                "{warning} {urgent}"
            );
        }
    }
}
