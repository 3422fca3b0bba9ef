//! What changes and fails meanwhile, one after the other, round after round.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::receiver::Receiver;
use crate::stage::{STEP, Stage};
use crate::stores::Stores;
use crate::traffic::Traffic;
use crate::world::{Phase, Toggle, World};

/// In less time there is traffic, and nothing goes wrong.
const LEAST_TIME: Duration = Duration::from_secs(5);
/// Descriptors that are left for connections, at once.
const FEW: u64 = 3;

pub(crate) struct Faults {
    stage: Arc<Stage>,
    receiver: Arc<Receiver>,
    stores: Stores,
    traffic: Arc<Traffic>,
    time: Duration,
    /// How long each lasts.
    hold: Duration,
}

impl Faults {
    pub(crate) fn new(
        stage: Arc<Stage>,
        receiver: Arc<Receiver>,
        stores: Stores,
        traffic: Arc<Traffic>,
        time: Duration,
    ) -> Self {
        let hold = (time / 60).clamp(Duration::from_millis(200), Duration::from_secs(3));
        Self {
            stage,
            receiver,
            stores,
            traffic,
            time,
            hold,
        }
    }

    /// One round at least, where there is time for any.
    pub(crate) async fn play(&mut self, end: Instant) {
        while self.time >= LEAST_TIME {
            self.round().await;
            if Instant::now() > end {
                return;
            }
        }
    }

    async fn round(&mut self) {
        for toggle in Toggle::ALL {
            self.toggle(toggle, false).await;
        }
        self.outage(
            |world| &mut world.redis,
            |stores| stores.redis.kill(),
            |stores| stores.redis.restart(),
        )
        .await;
        self.clock(STEP).await;
        self.toggle(Toggle::Pin, true).await;
        self.outage(
            |world| &mut world.postgres,
            |stores| stores.postgres.kill(),
            |stores| stores.postgres.restart(),
        )
        .await;
        self.toggle(Toggle::List, true).await;
        self.clock(-STEP).await;
        self.toggle(Toggle::Authority, true).await;
        self.outage(
            |world| &mut world.redis,
            |stores| stores.redis.pause(),
            |stores| stores.redis.resume(),
        )
        .await;
        self.few_descriptors().await;
        self.renew().await;
        self.toggle(Toggle::Tenant, true).await;
        self.outage(
            |world| &mut world.postgres,
            |stores| stores.postgres.pause(),
            |stores| stores.postgres.resume(),
        )
        .await;
        self.toggle(Toggle::Key, true).await;
    }

    async fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut *self.traffic.world.write().await);
    }

    async fn hold(&self) {
        tokio::time::sleep(self.hold).await;
    }

    /// A file that cannot be read stands there for a moment, and changes nothing; then one that does.
    async fn toggle(&self, toggle: Toggle, lets_in: bool) {
        let name = match toggle {
            Toggle::Pin => "pins",
            Toggle::Authority | Toggle::List => "clients",
            Toggle::Tenant => "tenants",
            Toggle::Key => "keys",
        };
        let (stage, receiver) = (&self.stage, &self.receiver);
        receiver
            .sees("not-reloaded", name, || stage.break_file(toggle))
            .await;
        self.change(|world| *world.phase(toggle) = Phase::Either).await;
        receiver
            .sees("reloaded", name, || stage.write(toggle, lets_in))
            .await;
        self.change(|world| *world.phase(toggle) = Phase::of(lets_in))
            .await;
        self.hold().await;
    }

    /// The receiver's own certificate: nobody notices.
    async fn renew(&self) {
        self.receiver.sees("reloaded", "own", || self.stage.renew()).await;
    }

    async fn clock(&self, seconds: i64) {
        for seconds in [seconds, 0] {
            // Nothing that is under way may see two times.
            let leisure = self.traffic.leisure.write().await;
            let mut world = self.traffic.world.write().await;
            self.receiver.set_clock(seconds).await;
            world.clock = seconds;
            drop((world, leisure));
            self.hold().await;
        }
    }

    /// While it is killed or paused, whoever asks it is told that it is not available; before and after, either.
    async fn outage(
        &mut self,
        store: fn(&mut World) -> &mut Phase,
        begin: fn(&mut Stores),
        end: fn(&mut Stores),
    ) {
        self.change(|world| *store(world) = Phase::Either).await;
        tokio::task::block_in_place(|| begin(&mut self.stores));
        self.change(|world| *store(world) = Phase::No).await;
        self.hold().await;
        self.change(|world| *store(world) = Phase::Either).await;
        tokio::task::block_in_place(|| end(&mut self.stores));
        self.traffic.settle().await;
        self.change(|world| *store(world) = Phase::Yes).await;
    }

    /// Those who take their time would be in the way.
    async fn few_descriptors(&self) {
        let _leisure = self.traffic.leisure.write().await;
        self.change(|world| world.descriptors = Phase::Either).await;
        let limit = self.receiver.descriptors() + FEW;
        self.receiver.limit_descriptors(Some(limit));
        self.hold().await;
        self.receiver.limit_descriptors(None);
        self.traffic.settle().await;
        self.change(|world| world.descriptors = Phase::Yes).await;
    }
}
