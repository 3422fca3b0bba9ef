use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::open::now;
use super::pool::Pool;
use super::room::Room;

/// Closes what is idle for too long in all tenants' pools. Somebody is on duty while one of them keeps a connection,
/// whatever becomes of the delivery that it was made for.
pub(super) struct Sweeper {
    room: Arc<Room<Pool>>,
    every: Duration,
    on_duty: AtomicBool,
}

impl Sweeper {
    pub(super) fn new(room: Arc<Room<Pool>>, idle_for: Duration) -> Arc<Self> {
        Arc::new(Self {
            room,
            every: (idle_for / 2).max(Duration::from_millis(10)),
            on_duty: AtomicBool::new(false),
        })
    }

    /// Something is kept from now on.
    pub(super) fn call(self: &Arc<Self>) {
        if !self.on_duty.swap(true, Ordering::AcqRel) {
            tokio::spawn(sweep(Arc::downgrade(self), self.every));
        }
    }

    /// Tells whether there is more to do.
    fn sweep(&self) -> bool {
        // Off duty before looking: whoever keeps a connection after that finds nobody sweeping, and sends another.
        self.on_duty.store(false, Ordering::Release);
        let pools = self.room.holders();
        let left: usize = pools.iter().map(|pool| pool.sweep(now())).sum();
        left > 0 && !self.on_duty.swap(true, Ordering::AcqRel)
    }
}

/// Until nothing is kept, or the dispatcher is gone.
async fn sweep(sweeper: Weak<Sweeper>, every: Duration) {
    loop {
        sleep(every).await;
        if !sweeper.upgrade().is_some_and(|sweeper| sweeper.sweep()) {
            return;
        }
    }
}
