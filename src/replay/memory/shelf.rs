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
    /// The time of the last claim, since nothing else tells the time.
    now: UnixTime,
    /// When all rooms were last cleared away: doing it twice in a second is no use.
    swept: Option<UnixTime>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The grant that it stems from.
    token: u64,
    state: State,
    /// The last second through which it is kept.
    end: UnixTime,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Leased,
    Handled,
}

/// One tenant's claims, in the order in which they end.
#[derive(Default)]
struct Room {
    leased: BTreeSet<(UnixTime, ClaimKey)>,
    handled: BTreeSet<(UnixTime, ClaimKey)>,
}

impl Shelf {
    pub(super) fn for_claims(capacity: usize) -> Self {
        Self {
            entries: HashMap::with_capacity(capacity.min(PREPARED)),
            rooms: HashMap::new(),
            tokens: 0,
            now: UnixTime::since_unix_epoch(Duration::ZERO),
            swept: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn claim(&mut self, claim: &Claim, limits: &Limits) -> Result<ClaimAnswer, StoreDown> {
        self.now = claim.now;
        self.forget(&claim.tenant, A_FEW);
        if let Some(held) = self.held(&claim.tenant, &claim.key) {
            self.renew(held, claim);
            return Ok(held.answer(claim.now));
        }
        self.make_room(&claim.tenant, limits)?;
        self.tokens += 1;
        let entry = Entry {
            token: self.tokens,
            state: State::Leased,
            end: claim.lease_end(),
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
        let entry = Entry {
            token: claimed.token(),
            state: State::Handled,
            end: held.map_or(claimed.keep_until(), |held| held.end.max(claimed.keep_until())),
        };
        self.put(tenant, key, entry);
        match held {
            Some(held) if held.token != claimed.token() => Ok(Settlement::LeaseLost),
            _ => Ok(Settlement::Done),
        }
    }

    pub(super) fn release(&mut self, claimed: &Claimed) -> Settlement {
        let (tenant, key) = (claimed.tenant(), claimed.key());
        match self.held(tenant, &key) {
            Some(held) if held.state == State::Leased && held.token == claimed.token() => {
                self.remove(tenant, &key);
                Settlement::Done
            }
            _ => Settlement::LeaseLost,
        }
    }

    fn renew(&mut self, held: Entry, claim: &Claim) {
        let renewed = claim.renew_until.filter(|until| *until > held.end);
        if let (State::Handled, Some(end)) = (held.state, renewed) {
            self.put(&claim.tenant, claim.key, Entry { end, ..held });
        }
    }

    /// What is held of this delivery, if that has not ended.
    fn held(&mut self, tenant: &TenantId, key: &ClaimKey) -> Option<Entry> {
        let entry = *self.entries.get(key)?;
        if entry.end < self.now {
            self.remove(tenant, key);
            return None;
        }
        Some(entry)
    }

    fn put(&mut self, tenant: &TenantId, key: ClaimKey, entry: Entry) {
        self.remove(tenant, &key);
        if self.swept.is_some_and(|swept| entry.end < swept) {
            self.swept = None; // a late commit, and ended already
        }
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

    /// Drops what has ended *before* now, for a claim is kept through its last second; tells how many.
    fn forget(&mut self, tenant: &TenantId, most: usize) -> usize {
        let (now, mut ended) = (self.now, 0);
        let Some(room) = self.rooms.get_mut(tenant) else {
            return 0;
        };
        let entries = &mut self.entries;
        for key in std::iter::from_fn(|| room.pop_ended(now)).take(most) {
            // Whoever claims one key for two tenants breaks a promise, but never makes another claim end early.
            if entries.get(&key).is_some_and(|entry| entry.end < now) {
                entries.remove(&key);
            }
            ended += 1;
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

    fn order(&mut self, state: State) -> &mut BTreeSet<(UnixTime, ClaimKey)> {
        match state {
            State::Leased => &mut self.leased,
            State::Handled => &mut self.handled,
        }
    }

    fn pop_ended(&mut self, now: UnixTime) -> Option<ClaimKey> {
        let orders = [&mut self.leased, &mut self.handled];
        let ended = orders
            .into_iter()
            .find(|order| order.first().is_some_and(|(end, _)| *end < now))?;
        ended.pop_first().map(|(_, key)| key)
    }
}

impl Entry {
    fn answer(&self, now: UnixTime) -> ClaimAnswer {
        let left = Duration::from_secs(self.end.as_secs().saturating_sub(now.as_secs()));
        match self.state {
            State::Handled => ClaimAnswer::Handled,
            State::Leased => ClaimAnswer::InProgress { left },
        }
    }
}
