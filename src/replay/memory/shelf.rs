use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::{Limits, MemoryStore, Share, WhenFull};
use crate::replay::{Claim, ClaimAnswer, ClaimKey, Claimed, Settlement, StoreDown};
use crate::tenant::TenantId;

/// How many ended claims of its tenant a claim clears away: more than it adds, so that they never pile up, and few, so
/// that nobody waits for a million of them that end in the same second.
const A_FEW: usize = 8;
/// How many it clears away in one go where there is no room, before it looks again.
const MANY: usize = 1024;
/// For so many claims the table is made at the start, so that no claim waits for it to grow. Memory that is not used
/// yet costs address space only.
const PREPARED: usize = 1 << 20;

/// The claims, and whose they are.
pub(super) struct Shelf {
    entries: HashMap<ClaimKey, Entry>,
    rooms: HashMap<TenantId, Room>,
    tokens: u64,
    /// The second by the store's own clock, which leases and windows are counted by.
    now: Second,
    /// The time of the last claim, by which messages are judged fresh, and the second in which it was told.
    told: (UnixTime, Second),
    /// When all rooms were last cleared away: doing it twice in a second is no use.
    swept: Option<Second>,
}

/// A second by the store's own clock.
type Second = u64;
/// Of what is not signed with a time.
const NEVER: UnixTime = UnixTime::since_unix_epoch(Duration::ZERO);

#[derive(Clone, Copy)]
struct Entry {
    /// The grant that it stems from.
    token: u64,
    state: State,
    /// The last second through which it is kept.
    end: Second,
    /// Until when a message of what was handled may pass as fresh, by the claims' clock. Not of a lease, and not where no time
    /// is signed.
    passes_until: UnixTime,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Leased,
    Handled,
}

/// One tenant's claims, in the order in which they end.
#[derive(Default)]
struct Room {
    leased: BTreeSet<(Second, ClaimKey)>,
    handled: BTreeSet<(Second, ClaimKey)>,
}

impl Shelf {
    pub(super) fn for_claims(capacity: usize) -> Self {
        Self {
            entries: HashMap::with_capacity(capacity.min(PREPARED)),
            rooms: HashMap::new(),
            tokens: 0,
            now: 0,
            told: (NEVER, 0),
            swept: None,
        }
    }

    /// So long has the store's clock been running: never less than before.
    pub(super) fn pass(&mut self, elapsed: Duration) {
        // A clock of a caller's own may go back, and what has ended is not to come alive again.
        self.now = self.now.max(elapsed.as_secs());
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn claim(&mut self, claim: &Claim, limits: &Limits) -> Result<ClaimAnswer, StoreDown> {
        self.told = (claim.now, self.now);
        self.forget(&claim.tenant, A_FEW);
        if let Some(held) = self.held(&claim.tenant, &claim.key) {
            self.renew(held, claim);
            return Ok(held.answer(self.now));
        }
        self.make_room(&claim.tenant, limits)?;
        self.tokens += 1;
        let entry = Entry {
            token: self.tokens,
            state: State::Leased,
            end: self.after(claim.lease),
            passes_until: NEVER,
        };
        self.put(&claim.tenant, claim.key, entry);
        Ok(ClaimAnswer::Granted(Claimed::granted(claim, self.tokens)))
    }

    /// What was handled is kept as handled, whatever has become of the lease.
    pub(super) fn commit(&mut self, claimed: &Claimed, limits: &Limits) -> Result<Settlement, StoreDown> {
        let (tenant, key) = (claimed.tenant(), claimed.key());
        let held = self.held(tenant, &key);
        if held.is_none() {
            self.make_room(tenant, limits)?;
        }
        let mut entry = Entry {
            token: claimed.token(),
            state: State::Handled,
            end: self.after(claimed.window()),
            passes_until: claimed.renew_until().unwrap_or(NEVER),
        };
        if let Some(held) = held {
            entry.last_at_least(held.end, held.passes_until);
        }
        self.put(tenant, key, entry);
        match held {
            Some(held) if held.token != claimed.token() => Ok(Settlement::LeaseLost),
            _ => Ok(Settlement::Done),
        }
    }

    pub(super) fn release(&mut self, claimed: &Claimed) -> Settlement {
        let (tenant, key) = (claimed.tenant(), claimed.key());
        match self.held(tenant, &key) {
            // Only its own lease: a release that comes late must not free the next holder's.
            Some(held) if held.state == State::Leased && held.token == claimed.token() => {
                self.remove(tenant, &key);
                Settlement::Done
            }
            _ => Settlement::LeaseLost,
        }
    }

    fn renew(&mut self, held: Entry, claim: &Claim) {
        if let (State::Handled, Some((span, until))) = (held.state, claim.renewal().zip(claim.renew_until)) {
            let mut renewed = held;
            renewed.last_at_least(self.after(span), until);
            self.put(&claim.tenant, claim.key, renewed);
        }
    }

    /// What time it is by the claims' clock, if nobody has set it since.
    fn told_now(&self) -> UnixTime {
        let (told, at) = self.told;
        let since = self.now.saturating_sub(at);
        UnixTime::since_unix_epoch(Duration::from_secs(told.as_secs().saturating_add(since)))
    }

    /// The last second of a span that begins now.
    fn after(&self, span: Duration) -> Second {
        self.now.saturating_add(span.as_secs())
    }

    /// What is held of this delivery, if that has not ended.
    fn held(&mut self, tenant: &TenantId, key: &ClaimKey) -> Option<Entry> {
        let entry = *self.entries.get(key)?;
        if entry.is_over(self.now, self.told_now()) {
            self.remove(tenant, key);
            return None;
        }
        Some(entry)
    }

    fn put(&mut self, tenant: &TenantId, key: ClaimKey, entry: Entry) {
        self.remove(tenant, &key);
        let room = self.rooms.entry(tenant.clone()).or_default();
        room.order(entry.state).insert((entry.end, key));
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, tenant: &TenantId, key: &ClaimKey) {
        let Some(entry) = self.entries.remove(key) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(tenant) {
            room.order(entry.state).remove(&(entry.end, *key));
        }
        self.leave(tenant);
    }

    /// No room is kept for a tenant that holds nothing.
    fn leave(&mut self, tenant: &TenantId) {
        if self.rooms.get(tenant).is_some_and(|room| room.held() == 0) {
            self.rooms.remove(tenant);
        }
    }
}

/// Room for one more.
impl Shelf {
    /// Clears away everything that has ended before it refuses anything; then forgets one for the other, where that is
    /// allowed.
    fn make_room(&mut self, tenant: &TenantId, limits: &Limits) -> Result<(), StoreDown> {
        let Err(full) = self.sweep_until_room(tenant, limits) else {
            return Ok(());
        };
        match limits.when_full {
            WhenFull::Forget if self.forget_handled(tenant) => Ok(()),
            _ => Err(full),
        }
    }

    fn has_room(&self, tenant: &TenantId, limits: &Limits) -> Result<(), StoreDown> {
        let free = self.free(tenant, limits);
        let share = match limits.share {
            Share::OfWhatIsFree => free,
            Share::Fixed(claims) => claims,
        };
        match self.rooms.get(tenant).map_or(0, Room::held) {
            _ if free == 0 => Err(StoreDown::Full),
            held if held >= share => Err(StoreDown::ShareUsedUp {
                tenant: tenant.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// How many more claims there is room for, if the next one is this tenant's.
    fn free(&self, tenant: &TenantId, limits: &Limits) -> usize {
        let newcomer = usize::from(!self.rooms.contains_key(tenant));
        let tenants = (self.rooms.len() + newcomer).saturating_mul(MemoryStore::BYTES_PER_TENANT);
        let bytes = limits.bytes.saturating_sub(tenants) / MemoryStore::BYTES_PER_CLAIM;
        limits.capacity.min(bytes).saturating_sub(self.entries.len())
    }

    /// Clears rooms away until there is room, or nothing is left that has ended.
    fn sweep_until_room(&mut self, tenant: &TenantId, limits: &Limits) -> Result<(), StoreDown> {
        let full = self.has_room(tenant, limits);
        if full.is_ok() || self.swept == Some(self.now) {
            return full;
        }
        let owners: Vec<_> = self.rooms.keys().cloned().collect();
        for owner in &owners {
            while self.forget(owner, MANY) > 0 {
                if self.has_room(tenant, limits).is_ok() {
                    return Ok(());
                }
            }
        }
        self.swept = Some(self.now);
        self.has_room(tenant, limits)
    }

    /// Clears away so many of a tenant's claims that have ended; tells how many it has looked at.
    fn forget(&mut self, tenant: &TenantId, most: usize) -> usize {
        let (now, told) = (self.now, self.told_now());
        let Some(room) = self.rooms.get_mut(tenant) else {
            return 0;
        };
        let mut ended = 0;
        while ended < most
            && let Some(key) = room.pop_ended(now)
        {
            ended += 1;
            // Whoever claims one key for two tenants breaks a promise, but never makes another claim end early.
            let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.end < now) else {
                continue;
            };
            if entry.is_over(now, told) {
                self.entries.remove(&key);
                continue;
            }
            // The claims' clock was set back: it stays until that has come so far again.
            let left = entry.passes_until.as_secs().saturating_sub(told.as_secs());
            entry.end = now.saturating_add(left);
            room.order(entry.state).insert((entry.end, key));
        }
        self.leave(tenant);
        ended
    }

    /// Forgets the tenant's handled delivery that is nearest to its end; tells whether there was one.
    fn forget_handled(&mut self, tenant: &TenantId) -> bool {
        let room = self.rooms.get_mut(tenant);
        let Some((_, key)) = room.and_then(|room| room.handled.pop_first()) else {
            return false;
        };
        self.entries.remove(&key);
        self.leave(tenant);
        true
    }
}

impl Room {
    fn held(&self) -> usize {
        self.leased.len() + self.handled.len()
    }

    fn order(&mut self, state: State) -> &mut BTreeSet<(Second, ClaimKey)> {
        match state {
            State::Leased => &mut self.leased,
            State::Handled => &mut self.handled,
        }
    }

    fn pop_ended(&mut self, now: Second) -> Option<ClaimKey> {
        let orders = [&mut self.leased, &mut self.handled];
        let ended = orders
            .into_iter()
            .find(|order| order.first().is_some_and(|(end, _)| *end < now))?;
        ended.pop_first().map(|(_, key)| key)
    }
}

impl Entry {
    /// Whether it may be forgotten.
    fn is_over(&self, now: Second, told: UnixTime) -> bool {
        self.end < now && (self.passes_until < told || self.passes_until == NEVER)
    }

    /// No claim ends earlier for another.
    fn last_at_least(&mut self, end: Second, passes_until: UnixTime) {
        self.end = self.end.max(end);
        self.passes_until = self.passes_until.max(passes_until);
    }

    fn answer(&self, now: Second) -> ClaimAnswer {
        let left = Duration::from_secs(self.end.saturating_sub(now));
        match self.state {
            State::Handled => ClaimAnswer::Handled,
            State::Leased => ClaimAnswer::InProgress { left },
        }
    }
}
