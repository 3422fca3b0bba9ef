//! What is sent, by whom, and what is known of its answer before it is sent.

mod kinds;
mod sent;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::HeaderMap;
use rustls::pki_types::UnixTime;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use crate::client::request;
use crate::expected::{AnyOf, HANDLED, Verdict};
use crate::stage::{HOST, Stage, TOLERANCE};
use crate::world::{Store, World, later};
use kinds::{FAST, SLOW};
use sent::Connections;

/// Who sends at once: the quick ones, and those who take their time.
const QUICK: usize = 6;
const LEISURELY: usize = 6;
/// Between two requests of a quick one.
const PAUSE: Duration = Duration::from_millis(4);
/// How many deliveries are kept, to be sent again.
const KEPT: usize = 256;
/// How many wrong verdicts are told in full.
const SHOWN: usize = 10;
/// How many requests there are at most, however fast the machine is.
const MOST: u64 = 4_000_000;

/// A message that is signed, and where it goes.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    store: Store,
    headers: HeaderMap,
    body: Vec<u8>,
    signed: UnixTime,
}

impl Delivery {
    fn bytes(&self) -> Vec<u8> {
        request(self.store.path(), HOST, &self.headers, &self.body)
    }

    /// Whether its time is still taken, also when the answer comes a little later.
    fn is_fresh(&self, now: UnixTime) -> bool {
        let distance = self.signed.as_secs().abs_diff(now.as_secs());
        distance + 5 < TOLERANCE.as_secs() && self.signed <= now
    }
}

/// How many requests there were of a kind, how many were judged wrong, and how many a store was too slow for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) wrong: u64,
    pub(crate) late: u64,
    pub(crate) time: Duration,
}

pub(crate) struct Traffic {
    stage: Arc<Stage>,
    port: u16,
    pub(crate) world: RwLock<World>,
    /// Held by those who take their time: they know nothing of the world but the time, and whether they can connect.
    pub(crate) leisure: RwLock<()>,
    sent: AtomicU64,
    ids: AtomicU64,
    /// Handled for certain, and perhaps handled.
    handled: Mutex<VecDeque<Delivery>>,
    doubtful: Mutex<VecDeque<Delivery>>,
    tallies: Mutex<BTreeMap<&'static str, Tally>>,
    wrong: Mutex<Vec<String>>,
}

impl Traffic {
    pub(crate) fn new(stage: Arc<Stage>, port: u16, world: World) -> Self {
        Self {
            stage,
            port,
            world: RwLock::new(world),
            leisure: RwLock::default(),
            sent: AtomicU64::new(0),
            ids: AtomicU64::new(1),
            handled: Mutex::default(),
            doubtful: Mutex::default(),
            tallies: Mutex::default(),
            wrong: Mutex::default(),
        }
    }

    pub(crate) fn start(self: &Arc<Self>, end: Instant) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for number in 0..QUICK {
            workers.spawn(self.clone().quick(number, end));
        }
        for number in 0..LEISURELY {
            workers.spawn(self.clone().leisurely(number, end));
        }
        workers
    }

    /// How many of them have panicked.
    pub(crate) async fn stop(&self, mut workers: JoinSet<()>) -> u64 {
        let mut panicked = 0;
        while let Some(ended) = workers.join_next().await {
            panicked += u64::from(ended.is_err());
        }
        panicked
    }

    async fn quick(self: Arc<Self>, number: usize, end: Instant) {
        let mut connections = Connections::default();
        // Each begins elsewhere, so that all kinds are under way at once.
        let kinds = FAST.iter().cycle().skip(number * FAST.len() / QUICK);
        for (turn, kind) in kinds.enumerate() {
            if Instant::now() > end || self.sent.load(SeqCst) > MOST {
                return;
            }
            {
                let world = self.world.read().await;
                let began = Instant::now();
                let store = Store::ALL[turn / FAST.len() % Store::ALL.len()];
                let seen = kind.play(&self, &world, store, &mut connections).await;
                self.enter(kind.name(), seen, began.elapsed());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn leisurely(self: Arc<Self>, number: usize, end: Instant) {
        for (kind, turn) in SLOW.iter().cycle().skip(number).zip(0..) {
            if Instant::now() > end || self.sent.load(SeqCst) > MOST {
                return;
            }
            let _leisure = self.leisure.read().await;
            let clock = self.world.read().await.clock;
            let began = Instant::now();
            let store = Store::ALL[turn / SLOW.len() % Store::ALL.len()];
            let seen = kind.play(&self, store, later(UnixTime::now(), clock)).await;
            self.enter(kind.name(), seen, began.elapsed());
        }
    }

    /// One kind's turn: nothing, one request or a few, each with what was known of its verdict.
    fn enter(&self, kind: &'static str, seen: Vec<(AnyOf, Verdict)>, time: Duration) {
        let mut tallies = self.tallies.lock().expect("sound");
        let tally = tallies.entry(kind).or_default();
        tally.time += time;
        for (expected, verdict) in seen {
            self.sent.fetch_add(1, SeqCst);
            tally.requests += 1;
            if expected.allows(&verdict) {
                continue;
            }
            if verdict.is_late(time) {
                tally.late += 1;
                continue;
            }
            tally.wrong += 1;
            let mut wrong = self.wrong.lock().expect("sound");
            if wrong.len() < SHOWN {
                wrong.push(format!("{kind}: {verdict:?}, not {expected}"));
            }
        }
    }

    fn delivery(&self, signer: &str, store: Store, at: UnixTime) -> Delivery {
        let id = format!("msg_{}", self.ids.fetch_add(1, SeqCst));
        let body = format!(r#"{{"type":"order.paid","of":"{signer}","id":"{id}"}}"#).into_bytes();
        Delivery {
            store,
            headers: self.stage.sign(signer, &id, &body, at),
            body,
            signed: at,
        }
    }

    /// Kept, to be sent again: as handled, where that is certain. Where the store was slow, it may not have been told in time.
    fn keep(&self, delivery: Delivery, is_certain: bool) {
        let shelf = if is_certain { &self.handled } else { &self.doubtful };
        let mut shelf = shelf.lock().expect("sound");
        shelf.push_back(delivery);
        if shelf.len() > KEPT {
            shelf.pop_front();
        }
    }

    /// One that was kept, and is fresh enough to be taken.
    fn kept(
        shelf: &Mutex<VecDeque<Delivery>>,
        turn: u64,
        fits: impl Fn(&Delivery) -> bool,
    ) -> Option<Delivery> {
        let shelf = shelf.lock().expect("sound");
        let fitting: Vec<_> = shelf.iter().filter(|delivery| fits(delivery)).collect();
        let place = turn.checked_rem(fitting.len() as u64)?;
        Some(fitting[usize::try_from(place).expect("a place")].clone())
    }

    /// Waits until a good delivery is taken by each store, as it is when nothing is wrong.
    pub(crate) async fn settle(&self) {
        for store in Store::ALL {
            let began = Instant::now();
            loop {
                let clock = self.world.read().await.clock;
                let delivery = self.delivery("acme", store, later(UnixTime::now(), clock));
                let verdict = self.fresh("acme", &delivery.bytes()).await;
                if AnyOf::from(HANDLED).allows(&verdict) {
                    break;
                }
                assert!(
                    began.elapsed() < Duration::from_secs(30),
                    "{store:?}: {verdict:?}"
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    pub(crate) fn tallies(&self) -> BTreeMap<&'static str, Tally> {
        self.tallies.lock().expect("sound").clone()
    }

    pub(crate) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().expect("sound").clone()
    }
}
