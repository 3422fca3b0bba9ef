use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::{
    ClaimedCertificate, Event, HandshakeFailure, LooksLike, Observer, PeerCertificate, RefusedClient,
};
use crate::breaker::source;
use crate::codes::Seen;
use crate::identity::{Name, SpkiHash};
use crate::recent::Recent;
use crate::tenant::TenantId;
use crate::trust::Untrusted;

/// Sources that are remembered by default, and so many keys and names of tenants that were let in.
const SOURCES: usize = 4096;
/// Refused certificates of one source.
const CLIENTS: usize = 8;
/// Names of one certificate that are looked at, and how long they may be.
const NAMES: usize = 8;
const NAME: usize = 256;

/// A watch over clients that come again and again with a certificate that is refused: it says which of them looks
/// expired, rotated but not distributed, or of another authority, and whose it may be.
///
/// It stands in front of another observer, tells it everything, and [`Event::RefusedAgain`] besides: at the tenth refusal
/// in a row, and every ten minutes while it goes on. Those of one source and key are in a row while none is later than ten
/// minutes after another, and no handshake with that key is completed. [`list`](Self::list) has all that go on just now.
///
/// Give it to the acceptor *and* the layers: from [`Event::Identified`] it learns which keys and names were let in, and as
/// whose.
///
/// ```
/// use std::sync::Arc;
/// use countersign::identity::PeerChain;
/// use countersign::observe::{ClaimedCertificate, Event, HandshakeFailure, LooksLike, Observer, RefusalWatch, Silent};
/// use countersign::testing::{NOW, TestCa};
/// use countersign::trust::Untrusted;
///
/// let watch = RefusalWatch::new(Silent::default());
/// // What an `Acceptor` tells that was given `observed_by(Arc::new(watch.clone()))`:
/// let chain = PeerChain::parse(TestCa::new("Other Root").client("spiffe://pay.example/acme").issue().chain())?;
/// let reason = &HandshakeFailure::Untrusted(Untrusted::UnknownIssuer);
/// for _ in 0..10 {
///     let claimed = Some(ClaimedCertificate::of(chain.leaf()));
///     watch.observe(&Event::HandshakeFailed { peer: "192.0.2.7:4711".parse()?, reason, claimed, at: NOW });
/// }
/// let list = watch.list(NOW);
/// assert_eq!(list.first().map(|client| (client.attempts, client.looks_like)), Some((10, LooksLike::AnotherCa)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
/// What is told is a guess at strangers' claims, see [`RefusedClient`]. Nothing is decided by it.
///
/// Bounded: 4,096 sources with 8 certificates each, and as many keys, and as many names, of tenants that were let in. Of each, who
/// was not seen for longest is forgotten; whoever commands many addresses can have others forgotten, and then they are told
/// of later, or not.
#[derive(Clone)]
pub struct RefusalWatch {
    inner: Arc<dyn Observer>,
    threshold: u64,
    quiet: Duration,
    state: Arc<Mutex<State>>,
}

impl RefusalWatch {
    /// In front of this observer.
    pub fn new(inner: impl Observer + 'static) -> Self {
        Self {
            inner: Arc::new(inner),
            threshold: 10,
            quiet: Duration::from_secs(600),
            state: Arc::new(Mutex::new(State::of(SOURCES))),
        }
    }

    /// Remembers so many sources, keys and names instead, and nothing of what was before.
    #[must_use]
    pub fn with_capacity(mut self, sources: usize) -> Self {
        self.state = Arc::new(Mutex::new(State::of(sources)));
        self
    }

    /// Tells at so many refusals in a row. Default 10.
    #[must_use]
    pub fn with_threshold(mut self, attempts: u64) -> Self {
        self.threshold = attempts.max(1);
        self
    }

    /// Takes refusals for a row while none is later than this after another, and tells as often while it goes on. Default
    /// ten minutes.
    #[must_use]
    pub fn with_quiet_time(mut self, quiet: Duration) -> Self {
        self.quiet = quiet;
        self
    }

    /// The clients that come again and again at that time, the most refused first.
    pub fn list(&self, now: UnixTime) -> Vec<RefusedClient> {
        let state = self.lock();
        let rows = state.refused.iter().flat_map(|(_, rows)| rows);
        let clients = rows.map(|row| &row.client);
        let mut list: Vec<_> = clients
            .filter(|client| client.attempts >= self.threshold && !self.is_over(client.last, now))
            .cloned()
            .collect();
        list.sort_by_key(|client| (std::cmp::Reverse(client.attempts), client.since));
        list
    }

    fn is_over(&self, last: UnixTime, now: UnixTime) -> bool {
        now.as_secs().saturating_sub(last.as_secs()) > self.quiet.as_secs()
    }

    /// What is to be told beside the event.
    fn note(&self, event: &Event<'_>) -> Option<RefusedClient> {
        match *event {
            Event::Identified {
                tenant, certificate, ..
            } => self.lock().known.note(tenant, certificate),
            Event::HandshakeCompleted {
                peer,
                certificate: Some(certificate),
                ..
            } => self.lock().let_in(source(peer.ip()), certificate),
            Event::HandshakeFailed {
                peer,
                reason: HandshakeFailure::Untrusted(untrusted),
                claimed: Some(claimed),
                at,
            } => return self.refused(source(peer.ip()), untrusted, claimed, at),
            _ => {}
        }
        None
    }

    fn refused(
        &self,
        source: IpAddr,
        untrusted: &Untrusted,
        claimed: ClaimedCertificate<'_>,
        now: UnixTime,
    ) -> Option<RefusedClient> {
        let mut state = self.lock();
        let resembles = state.known.whose(claimed);
        state.with_row(source, claimed, now, |row| {
            if self.is_over(row.client.last, now) {
                row.begin(now);
            }
            row.count(untrusted, resembles, now);
            let is_due = row.told.is_none_or(|told| self.is_over(told, now));
            (is_due && row.client.attempts >= self.threshold).then(|| row.tell(now))
        })
    }

    /// Nothing in here can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for RefusalWatch {
    fn observe(&self, event: &Event<'_>) {
        self.inner.observe(event);
        if let Some(client) = self.note(event) {
            self.inner.observe(&Event::RefusedAgain { client: &client });
        }
    }
}

impl fmt::Debug for RefusalWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusalWatch")
            .field("sources", &self.lock().refused.len())
            .finish_non_exhaustive()
    }
}

struct State {
    refused: Recent<IpAddr, Vec<Row>>,
    known: Known,
}

struct Row {
    client: RefusedClient,
    /// When it was last told of.
    told: Option<UnixTime>,
}

impl State {
    fn of(sources: usize) -> Self {
        Self {
            refused: Recent::new(sources),
            known: Known {
                keys: Recent::new(sources),
                names: Recent::new(sources),
            },
        }
    }

    /// Whoever holds the key was let in, so whatever was refused is over.
    fn let_in(&mut self, source: IpAddr, certificate: PeerCertificate<'_>) {
        if let Some(rows) = self.refused.get(&source) {
            rows.retain(|row| row.client.spki != certificate.spki());
        }
    }

    /// What that does with the row of this key. Where there is no room for one more, the one that was quiet for longest gives
    /// way.
    fn with_row<T>(
        &mut self,
        source: IpAddr,
        claimed: ClaimedCertificate<'_>,
        now: UnixTime,
        act: impl FnOnce(&mut Row) -> T,
    ) -> T {
        // The newest stands first.
        let rows = self.refused.get_or_default(&source);
        let spki = claimed.spki();
        let mut row = match rows.iter().position(|row| row.client.spki == spki) {
            Some(place) => rows.remove(place),
            None => Row::new(source, claimed, now),
        };
        let done = act(&mut row);
        rows.truncate(CLIENTS - 1);
        rows.insert(0, row);
        done
    }
}

impl Row {
    fn new(source: IpAddr, claimed: ClaimedCertificate<'_>, now: UnixTime) -> Self {
        let client = RefusedClient {
            source,
            spki: claimed.spki(),
            claims: claimed.names().first().map(|name| Seen::of(&name.to_string())),
            resembles: None,
            code: "",
            looks_like: LooksLike::Other,
            attempts: 0,
            since: now,
            last: now,
        };
        Self { client, told: None }
    }

    /// Another row of refusals.
    fn begin(&mut self, now: UnixTime) {
        (self.client.attempts, self.client.since, self.told) = (0, now, None);
    }

    fn count(&mut self, untrusted: &Untrusted, resembles: Option<Option<TenantId>>, now: UnixTime) {
        let client = &mut self.client;
        client.attempts = client.attempts.saturating_add(1);
        client.last = now;
        client.code = untrusted.code();
        client.looks_like = LooksLike::of(untrusted, resembles.is_some());
        client.resembles = resembles.flatten();
    }

    fn tell(&mut self, now: UnixTime) -> RefusedClient {
        self.told = Some(now);
        self.client.clone()
    }
}

/// Who was let in: the tenant, unless there were several.
struct Known {
    keys: Recent<SpkiHash, Option<TenantId>>,
    names: Recent<Box<str>, Option<TenantId>>,
}

impl Known {
    fn note(&mut self, tenant: &TenantId, certificate: PeerCertificate<'_>) {
        note(&mut self.keys, certificate.spki(), tenant);
        for name in looked_at(certificate.names()) {
            note(&mut self.names, name, tenant);
        }
    }

    /// Whose that certificate would be, where anybody was let in under its key or one of its names.
    fn whose(&mut self, claimed: ClaimedCertificate<'_>) -> Option<Option<TenantId>> {
        let by_key = self.keys.cloned(&claimed.spki());
        by_key.or_else(|| looked_at(claimed.names()).find_map(|name| self.names.cloned(&name)))
    }
}

/// Two tenants under one key or name are none.
fn note<K: Eq + Hash + Clone>(known: &mut Recent<K, Option<TenantId>>, key: K, tenant: &TenantId) {
    match known.get(&key) {
        Some(known) if known.as_ref() != Some(tenant) => *known = None,
        Some(_) => {}
        None => known.insert(key, Some(tenant.clone())),
    }
}

fn looked_at(names: &[Name]) -> impl Iterator<Item = Box<str>> {
    let written = names.iter().take(NAMES).map(Name::to_string);
    written.filter(|name| name.len() <= NAME).map(Box::from)
}
