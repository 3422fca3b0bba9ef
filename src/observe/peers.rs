use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Event, Observer, PeerCertificate};
use crate::expiry::{Expires, Expiries, Expiry, Kind};
use crate::identity::Validity;
use crate::recent::Recent;
use crate::tenant::TenantId;

/// Tenants that are remembered by default.
const TENANTS: usize = 10_000;
/// Certificates of one tenant: its clients, by name.
const NAMES: usize = 64;

/// The certificates of peers as they were last seen, so that a tenant is told of before it is refused.
///
/// An observer: it learns of each certificate that is found to be a tenant's ([`Event::Identified`]). Of several under one
/// name, the last one seen counts, so a renewal takes the place of what it renews. Certificates that live for less than two
/// days are left out: machines renew them, and between two connections nobody sees it.
///
/// They end with the first certificate on their path, the anchor left out: that of an issuer, too, is the tenant's to renew.
///
/// Bounded: 10,000 tenants, of which the ones that were not seen for longest are forgotten, and 64 names of each.
///
/// ```
/// use std::sync::Arc;
/// use countersign::expiry::Expiries;
/// use countersign::identity::PeerChain;
/// use countersign::observe::{Event, Observer, PeerCertificate, PeersSeen};
/// use countersign::tenant::TenantId;
/// use countersign::testing::TestCa;
///
/// let seen = Arc::new(PeersSeen::new());
/// // Given to the layers with `observed_by(seen.clone())`, or with others as `Observers::new().and(seen.clone())`.
/// let chain = PeerChain::parse(TestCa::new("Acme Root").client("spiffe://pay.example/acme").issue().chain())?;
/// let (tenant, certificate) = (&TenantId::parse("acme")?, PeerCertificate::of(chain.leaf()));
/// seen.observe(&Event::Identified { peer: None, tenant, rule: "", certificate });
/// let listed = Expiries::of(&*seen).sorted();
/// assert_eq!(listed.first().and_then(|expiry| expiry.owner()), Some("acme"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PeersSeen {
    shortest: Duration,
    seen: Mutex<Recent<TenantId, Names>>,
}

type Names = HashMap<Box<str>, Validity>;

impl PeersSeen {
    /// Remembers up to 10,000 tenants.
    pub fn new() -> Self {
        Self::with_capacity(TENANTS)
    }

    /// Remembers up to so many tenants.
    pub fn with_capacity(tenants: usize) -> Self {
        Self {
            shortest: Duration::from_secs(2 * 86_400),
            seen: Mutex::new(Recent::new(tenants)),
        }
    }

    /// Leaves out certificates that live for less than this. Default two days.
    #[must_use]
    pub fn with_shortest_lifetime(mut self, shortest: Duration) -> Self {
        self.shortest = shortest;
        self
    }

    /// Forgets a tenant that is no customer any more, and will not renew anything.
    pub fn forget(&self, tenant: &TenantId) {
        self.lock().remove(tenant);
    }

    fn note(&self, tenant: &TenantId, certificate: PeerCertificate<'_>) {
        let validity = certificate.validity();
        if validity.lifetime() < self.shortest {
            return;
        }
        let name = match certificate.names().first() {
            Some(name) => name.to_string(),
            None => certificate.spki().to_string(),
        };
        // An issuer that ends before it is the end of both.
        let validity = Validity::new(validity.not_before, certificate.path_ends());
        self.lock().get_or_default(tenant).note(name.into(), validity);
    }

    /// Nothing in here can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, Recent<TenantId, Names>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for PeersSeen {
    fn default() -> Self {
        Self::new()
    }
}

trait Note {
    fn note(&mut self, name: Box<str>, validity: Validity);
}

impl Note for Names {
    /// Where there is no room, what ends first gives way: a client under a new name at each renewal leaves it behind.
    fn note(&mut self, name: Box<str>, validity: Validity) {
        if self.len() >= NAMES && !self.contains_key(&name) {
            let first = self.iter().min_by_key(|(_, validity)| validity.not_after);
            if let Some(first) = first.map(|(name, _)| name.clone()) {
                self.remove(&first);
            }
        }
        self.insert(name, validity);
    }
}

impl Observer for PeersSeen {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Identified {
            tenant, certificate, ..
        } = event
        {
            self.note(tenant, *certificate);
        }
    }
}

impl Expires for PeersSeen {
    fn expiries(&self, found: &mut Expiries) {
        for (tenant, names) in self.lock().iter() {
            for (name, validity) in names {
                found.push(
                    Expiry::new(Kind::PeerCertificate, name.clone(), *validity).owned_by(tenant.as_str()),
                );
            }
        }
    }
}

impl fmt::Debug for PeersSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeersSeen")
            .field("tenants", &self.lock().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::UnixTime;

    use super::*;

    fn until(second: u64) -> Validity {
        let at = |second| UnixTime::since_unix_epoch(Duration::from_secs(second));
        Validity::new(at(0), at(second))
    }

    fn listed(peers: &PeersSeen) -> Vec<String> {
        let listed = Expiries::of(peers).sorted();
        let shown = listed
            .iter()
            .map(|expiry| format!("{} {}", expiry.owner().unwrap_or_default(), expiry.name()));
        shown.collect()
    }

    fn note(peers: &PeersSeen, tenant: &str, name: &str, validity: Validity) {
        let tenant = TenantId::parse(tenant).unwrap();
        peers.lock().get_or_default(&tenant).note(name.into(), validity);
    }

    #[test]
    fn whoever_was_not_seen_for_longest_is_forgotten() {
        let peers = PeersSeen::with_capacity(4);
        for (tenant, name) in [
            ("a", "x"),
            ("b", "x"),
            ("c", "x"),
            ("a", "y"),
            ("d", "x"),
            ("e", "x"),
        ] {
            note(&peers, tenant, name, until(10));
        }
        // The halves were a, b, then c, a, and d, e: b is gone, a was seen again, and is known with all of its names.
        assert_eq!(listed(&peers), ["a x", "c x", "d x", "e x", "a y"]);
        peers.forget(&TenantId::parse("c").unwrap());
        assert_eq!(listed(&peers), ["a x", "d x", "e x", "a y"]);
    }

    #[test]
    fn a_renewal_takes_the_place_of_what_it_renews_and_names_are_bounded() {
        let peers = PeersSeen::new();
        note(&peers, "a", "x", until(10));
        note(&peers, "a", "x", until(20));
        assert_eq!(
            Expiries::of(&peers).sorted().first().map(Expiry::not_after),
            Some(until(20).not_after)
        );
        for second in 0..1000_u64 {
            note(&peers, "a", &format!("pod-{second}"), until(1000 + second));
        }
        let listed = Expiries::of(&peers).sorted();
        assert_eq!(listed.len(), NAMES);
        assert_eq!(listed.first().map(Expiry::name), Some("pod-936"));
    }

    #[cfg(feature = "testing")]
    #[test]
    fn what_lives_for_less_than_two_days_is_left_out() {
        use crate::identity::PeerChain;
        use crate::testing::{NOW, TestCa};

        let ca = TestCa::new("Acme Root");
        let listed_after = |seconds| {
            let peers = PeersSeen::new();
            let until = UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() + seconds));
            let client = ca.client("spiffe://pay.example/acme").validity(NOW, until);
            let chain = PeerChain::parse(client.issue().chain()).unwrap();
            peers.note(
                &TenantId::parse("acme").unwrap(),
                PeerCertificate::of(chain.leaf()),
            );
            listed(&peers).len()
        };
        assert_eq!((listed_after(2 * 86_400 - 1), listed_after(2 * 86_400)), (0, 1));
    }
}
