//! Handled once, in a fleet that is killed again and again.
//!
//! 50 senders, 10,000 deliveries, two receivers in processes of their own, one Redis that keeps what it has answered. Redis
//! and one receiver are killed with SIGKILL and started again while the deliveries come. Senders retry what was not
//! answered; every fifth delivery goes to both receivers at once, every fifth is replayed at the other after it was
//! handled, every tenth fails at first. When all is over and every lease has run out, each is replayed once more.
//!
//! What counts as handled is the handler's ledger, where a delivery is entered under its claim key in one step. The crate
//! promises that a handler runs again for a delivery that it has handled in one case only: its process was killed after
//! the entry, and before the store had heard of it. So each second run must be excused by a kill of the very receiver that
//! had entered it, before it had answered; any other counts as `twice`, though the ledger knows the key.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly, some live in the present"
)]

#[path = "../../examples/fleet/receiver.rs"]
mod receiver;
#[path = "../support/redis_server.rs"]
mod redis_server;
#[path = "../../examples/fleet/sender.rs"]
mod sender;
#[path = "../../examples/fleet/world.rs"]
mod world;

mod books;
mod tally;

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use books::Books;
use countersign::replay::{Persistence, RedisStore, Terms};
use receiver::Ledger;
use redis_server::{PERSISTENT, Port, RedisServer, installed_or_skip};
use sender::Sender;
use tally::{Tally, deliver, replay_all};
use tokio::runtime::Runtime;
use world::{Folder, World};

const SENDERS: usize = 50;
const DELIVERIES: usize = 10_000;
/// How often each of the two, Redis and a receiver, is killed.
const KILLS: usize = 4;
/// Longer than the machine may stall between a claim and its commit.
const LEASE: Duration = Duration::from_secs(8);
/// How long Redis is away each time: long enough for commits to fail, and shorter than a lease.
const OUTAGE: Duration = Duration::from_millis(500);
/// For one delivery. The whole takes a fraction of a minute.
const PATIENCE: Duration = Duration::from_secs(60);
/// Senders come back sooner than they are asked to, so that the test is soon over.
const PAUSE: Duration = Duration::from_millis(100);

#[test]
fn every_delivery_is_handled_once() {
    let Some(command) = installed_or_skip("fleet") else {
        return;
    };
    let began = Instant::now();
    let folder = Folder::new("countersign-fleet");
    let world = Arc::new(World::create(folder.path(), SENDERS));
    let mut redis = RedisServer::start(&command, &PERSISTENT);
    let mut receivers = ["A", "B"].map(|name| Process::start(name, folder.path(), &redis.url()));
    let ports = [receivers[0].port.number, receivers[1].port.number];
    let done = Arc::new(AtomicUsize::new(0));

    let runtime = Runtime::new().expect("a runtime");
    let store = RedisStore::open(redis.url()).expect("a URL");
    assert_eq!(runtime.block_on(store.check()), Ok(Persistence::AppendOnly));
    let senders = world.senders().iter().map(|name| {
        let sender = Sender::new(&world, name, &ports);
        runtime.spawn(deliver(sender, name.clone(), done.clone()))
    });
    let senders: Vec<_> = senders.collect();

    let mut killed = HashSet::new();
    for kill in 0..2 * KILLS {
        wait_for(&done, (kill + 1) * DELIVERIES / (2 * KILLS + 2));
        if kill % 2 == 0 {
            redis.kill();
            std::thread::sleep(OUTAGE);
            redis.restart();
        } else {
            killed.insert(receivers[1].name());
            receivers[1].restart();
        }
    }
    let mut tally = Tally::default();
    let mut replays = Vec::new();
    for sender in senders {
        let (sender, name, sent) = runtime.block_on(sender).expect("no panic");
        tally.add(&sent);
        replays.push((sender, name));
    }
    // What was not committed is up again by then.
    std::thread::sleep(LEASE + Duration::from_secs(2));
    let mut late = Tally::default();
    let replays = replays
        .into_iter()
        .map(|(sender, name)| runtime.spawn(replay_all(sender, name)));
    for replayed in replays.collect::<Vec<_>>() {
        late.add(&runtime.block_on(replayed).expect("no panic"));
    }
    assert!(receivers.iter_mut().all(Process::is_alive));
    drop(receivers);

    let ledger = Books::read(&world, &killed, &tally.answered);
    let again = late.answered.intersection(&tally.answered).count();
    println!(
        "fleet: {DELIVERIES} deliveries, {} handled once, {} lost, {} twice",
        ledger.once, ledger.lost, ledger.twice
    );
    println!(
        "  {} attempts: {} answered with 503, {} cut off, {} failed, {} replays refused; Redis killed {KILLS} times, a receiver {KILLS} \
         times; {} runs again, after a kill between entry and commit, found the delivery entered; {:.1} s",
        tally.attempts,
        tally.later,
        tally.cut_off,
        tally.failed,
        tally.refused,
        ledger.excused,
        began.elapsed().as_secs_f32()
    );
    assert_eq!(
        (ledger.once, ledger.lost, ledger.twice),
        (DELIVERIES, 0, 0),
        "{:?}",
        ledger.wrong
    );
    assert_eq!(tally.given_up, 0);
    assert_eq!(
        (tally.handled_again, again),
        (0, 0),
        "a replay was answered with 200"
    );
    assert_eq!(
        late.refused, DELIVERIES,
        "each is refused when all is over: {late:?}"
    );
    assert!(
        tally.cut_off > 0 && tally.later > 0 && tally.refused > 0 && tally.failed > 0,
        "{tally:?}"
    );
}

fn wait_for(done: &AtomicUsize, deliveries: usize) {
    let began = Instant::now();
    while done.load(SeqCst) < deliveries {
        assert!(began.elapsed() < 2 * PATIENCE, "it has come to a stand");
        std::thread::sleep(Duration::from_millis(5));
    }
}

// --- receivers --------------------------------------------------------------------------------------------------------

const ROLE: &str = "COUNTERSIGN_FLEET_RECEIVER";

/// A receiver in a process of its own: this very test, told to be one.
struct Process {
    letter: &'static str,
    life: usize,
    folder: PathBuf,
    redis: String,
    port: Port,
    child: Child,
}

impl Process {
    fn start(letter: &'static str, folder: &Path, redis: &str) -> Self {
        let port = Port::reserve();
        let child = spawn(&format!("{letter}1"), folder, redis, port.number);
        Self {
            letter,
            life: 1,
            folder: folder.to_owned(),
            redis: redis.to_owned(),
            port,
            child,
        }
    }

    fn name(&self) -> String {
        format!("{}{}", self.letter, self.life)
    }

    fn restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.life += 1;
        self.child = spawn(&self.name(), &self.folder, &self.redis, self.port.number);
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(name: &str, folder: &Path, redis: &str, port: u16) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "receiver_process", "--nocapture"])
        .env(ROLE, format!("{name} {port} {redis} {}", folder.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut lines = lines.map_while(Result::ok);
    let listens = lines.find_map(|line| line.split_once("listening on ")?.1.parse().ok());
    assert_eq!(listens, Some(port), "it listens");
    // After a minute the test harness in it says so, and a process that cannot say it would end.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

/// No test: what [`spawn`] runs. It ends with the process that has spawned it.
#[test]
fn receiver_process() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let parts: Vec<&str> = role.splitn(4, ' ').collect();
    let (name, port, redis, folder) = (parts[0], parts[1], parts[2], Path::new(parts[3]));
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let world = World::open(folder, SENDERS);
    let store = RedisStore::open(redis).expect("a URL");
    let ledger = Ledger::open(&world.ledger(), name).expect("a ledger");
    let terms = Terms::default().with_lease(LEASE);
    let served = Runtime::new().expect("a runtime").block_on(receiver::serve(
        &world,
        store,
        terms,
        ledger,
        port.parse().expect("a port"),
        |port| println!("listening on {port}"),
    ));
    served.expect("it serves");
}
