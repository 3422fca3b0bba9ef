use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwapOption;
use rustls_pki_types::UnixTime;
use tokio::sync::Semaphore;

use super::pool::Pool;
use super::room::Room;
use super::sweeper::Sweeper;
use super::turns::Turns;
use super::{Failure, Limits, TenantIdentity};
use crate::clock::Clock;
use crate::tenant::TenantId;
use crate::tls::{InvalidTls, Outbound};

/// The senders of all tenants.
pub(super) struct Tenants {
    all: RwLock<HashMap<TenantId, Arc<Tenant>>>,
    generations: AtomicU64,
    room: Arc<Room<Pool>>,
    sweeper: Arc<Sweeper>,
}

/// What outlives a change of a tenant's identity: its share of what may be under way.
pub(super) struct Tenant {
    current: ArcSwapOption<Active>,
    pub(super) share: Arc<Semaphore>,
}

/// A tenant's sender in one generation, with all that was made under it.
pub(super) struct Active {
    pub(super) generation: u64,
    pub(super) sender: TenantIdentity,
    pub(super) outbound: Outbound,
    pub(super) pool: Arc<Pool>,
}

impl Tenants {
    pub(super) fn new(limits: &Limits) -> Self {
        let room = Arc::<Room<Pool>>::default();
        Self {
            all: RwLock::default(),
            generations: AtomicU64::new(0),
            sweeper: Sweeper::new(room.clone(), limits.idle_for),
            room,
        }
    }

    /// The old one is retired after the new one is in place: nothing that asks in between is left without.
    pub(super) fn set(
        &self,
        tenant: TenantId,
        sender: TenantIdentity,
        clock: &Clock,
        turns: &Turns,
    ) -> Result<u64, InvalidTls> {
        let outbound = sender.outbound(clock)?;
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let active = Active {
            generation,
            sender,
            outbound,
            pool: Pool::new(self.room.clone(), self.sweeper.clone()),
        };
        let slot = all.entry(tenant).or_insert_with(|| {
            Arc::new(Tenant {
                current: ArcSwapOption::empty(),
                share: turns.share(),
            })
        });
        retire(slot.current.swap(Some(Arc::new(active))));
        Ok(generation)
    }

    pub(super) fn remove(&self, tenant: &TenantId) -> bool {
        let removed = self
            .all
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(tenant);
        removed.is_some_and(|tenant| retire(tenant.current.swap(None)))
    }

    pub(super) fn find(&self, tenant: &TenantId) -> Option<Arc<Tenant>> {
        self.read().get(tenant).cloned()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<TenantId, Arc<Tenant>>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tenant {
    pub(super) fn active(&self) -> Option<Arc<Active>> {
        self.current.load_full()
    }
}

impl Active {
    /// What has expired is not shown: the other side would only refuse it.
    pub(super) fn check_certificate(&self, now: UnixTime) -> Result<(), Failure> {
        let validity = self.sender.validity();
        if validity.contains(now) {
            Ok(())
        } else {
            Err(Failure::OwnCertificate { validity, now })
        }
    }
}

fn retire(active: Option<Arc<Active>>) -> bool {
    match active {
        Some(active) => {
            active.pool.retire();
            true
        }
        None => false,
    }
}
