//! The examples while their files are replaced: nobody is refused whom the old or the new ones let in.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests say what they expect by failing loudly, and live in the present"
)]

mod dispatcher;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use countersign::identity::SpkiHash;
use countersign::testing::{TestCa, TestCert};

use crate::incoming::world::{BODY, Platform, SECRETS, hook};
use crate::mount::{Mount, WAYS, Way};
use crate::receiver::Receiver;

pub(crate) const ROUNDS: usize = 8;
const CLIENTS: usize = 8;

/// Everything that a receiver decides by, each kind in a folder of its own.
pub(crate) struct Files {
    pub(crate) own: Mount,
    pub(crate) clients: Mount,
    pub(crate) pins: Mount,
    pub(crate) keys: Mount,
    passing: [TestCa; 2],
}

impl Files {
    pub(crate) fn new(platform: &Platform) -> Self {
        let files = Self {
            own: Mount::new("own"),
            clients: Mount::new("clients"),
            pins: Mount::new("pins"),
            keys: Mount::new("keys"),
            passing: [TestCa::new("Passing 0"), TestCa::new("Passing 1")],
        };
        let _ = files.write(platform, 0);
        files
    }

    /// What stays, and beside it what comes and goes. With the certificate that is shown from then on.
    pub(crate) fn write(&self, platform: &Platform, round: usize) -> TestCert {
        let way = way(round);
        let own = platform.ca().server("localhost").issue();
        write(
            &self.own,
            way,
            &[("server.pem", own.chain_pem()), ("server.key", own.key_pem())],
        );
        let anchors = [platform.ca().pem(), self.passing[round % 2].pem()].concat();
        let revoked = platform.client("revoked").serial().clone();
        let lists = platform.ca().crl(round as u64 + 1).revoke(revoked).issue().pem();
        write(&self.clients, way, &[("ca.pem", anchors), ("crls.pem", lists)]);
        write(&self.pins, way, &[("pins.txt", pins(platform, round))]);
        write(&self.keys, way, &[("keys.txt", keys(round))]);
        own
    }

    pub(crate) fn break_all(&self, round: usize) {
        const BROKEN: [&str; 4] = ["", "\u{0}\u{1}", "-----BEGIN CERTIFICATE-----\nMIIB", "acme 2026"];
        let (way, broken) = (way(round), BROKEN[round / 3 % BROKEN.len()].to_owned());
        let both = |first, second| [(first, broken.clone()), (second, broken.clone())];
        write(&self.own, way, &both("server.pem", "server.key"));
        write(&self.clients, way, &both("ca.pem", "crls.pem"));
        write(&self.pins, way, &[("pins.txt", broken.clone())]);
        write(&self.keys, way, &[("keys.txt", broken.clone())]);
    }
}

fn way(round: usize) -> Way {
    WAYS[round % WAYS.len()]
}

pub(crate) fn write(mount: &Mount, way: Way, files: &[(&str, String)]) {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (*name, text.as_bytes()))
        .collect();
    mount.write(way, &files);
}

fn pins(platform: &Platform, round: usize) -> String {
    let pin = |who| SpkiHash::of(&platform.client(who).spki_der());
    let passing = SpkiHash::of(&round.to_be_bytes());
    let all = ["acme", "globex", "revoked"].map(pin);
    let lines = all.into_iter().chain([passing]);
    lines.map(|pin| format!("{pin}\n")).collect()
}

fn keys(round: usize) -> String {
    let stays = SECRETS.map(|(tenant, secret)| format!("{tenant} 2026 {secret}\n"));
    let (_, secret) = SECRETS[0];
    format!("{}acme round-{round} {secret}\n", stays.concat())
}

/// Clients that call again and again, each time with a handshake of their own.
#[derive(Default)]
pub(crate) struct Load {
    stop: AtomicBool,
    done: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Load {
    /// Plays `play` while they call, and for a while longer. Each must be let in each time. `beside` calls in its own way, until
    /// it is over.
    pub(crate) fn during(
        platform: &Platform,
        port: u16,
        beside: impl Fn(&Self) + Send + Sync,
        play: impl FnOnce(),
    ) {
        let load = Self::default();
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let load = &load;
                scope.spawn(move || load.client(platform, port, number));
            }
            scope.spawn(|| beside(&load));
            let stop = Stop(&load);
            play();
            load.goes_on();
            drop(stop);
        });
        assert_eq!(*load.failed.lock().expect("no panic"), Vec::<String>::new());
        println!("{} deliveries", load.done.load(Ordering::Relaxed));
    }

    fn client(&self, platform: &Platform, port: u16, number: usize) {
        for count in 0.. {
            let id = format!("msg_{number}_{count}");
            self.note(
                match platform.ask(port, "acme", "POST /hooks", &hook("acme", &id), BODY) {
                    (200, _) => Ok(()),
                    (status, text) => Err(format!("{id}: {status} {text}")),
                },
            );
            if self.is_over() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn note(&self, outcome: Result<(), String>) {
        if let Err(why) = outcome {
            self.failed.lock().expect("no panic").push(why);
        }
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn goes_on(&self) {
        let done = self.done.load(Ordering::Relaxed);
        until("it goes on", || {
            self.done.load(Ordering::Relaxed) > done + 2 * CLIENTS
        });
    }
}

/// Also where the play panics: nobody waits for clients that never end.
struct Stop<'l>(&'l Load);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{what}: it does not happen"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// Reads lines until there was one for each of these, with all that belongs into it.
pub(crate) fn read_each(mut line: impl FnMut() -> String, each: &[[&str; 2]]) {
    let (mut left, began) = (each.to_vec(), Instant::now());
    while !left.is_empty() {
        let line = line();
        assert!(began.elapsed() < Duration::from_secs(60), "{left:?} is not told");
        left.retain(|parts| !parts.iter().all(|part| line.contains(part)));
    }
}

/// Whom the server says that it is, in a handshake made now.
pub(crate) fn shows(platform: &Platform, port: u16, own: &TestCert) -> bool {
    let mut io = platform.connect(port, "acme", "localhost");
    let shaken = io.conn.complete_io(&mut io.sock);
    let shown = io.conn.peer_certificates().and_then(<[_]>::first).cloned();
    shaken.is_ok() && shown.as_deref() == own.chain().first().map(AsRef::as_ref)
}

const NAMES: [&str; 5] = [
    "--cert and --key",
    "--client-ca",
    "--pins",
    "\"--keys",
    "tenants of --keys",
];

fn receiver(files: &Files) -> Receiver {
    let path = |mount: &Mount, name| mount.path(name).display().to_string();
    let options = [
        ("--listen", "127.0.0.1:0".to_owned()),
        ("--cert", path(&files.own, "server.pem")),
        ("--key", path(&files.own, "server.key")),
        ("--client-ca", path(&files.clients, "ca.pem")),
        ("--pins", path(&files.pins, "pins.txt")),
        ("--keys", path(&files.keys, "keys.txt")),
        (
            "--tenants",
            "spiffe://platform.example/tenant/{tenant}".to_owned(),
        ),
    ];
    let options: Vec<_> = options
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value])
        .collect();
    Receiver::start_with(&options)
}

#[test]
fn the_receiver_goes_on_while_each_of_its_files_is_replaced_and_broken() {
    let platform = Platform::new("receiver-reloading");
    let files = Files::new(&platform);
    let receiver = receiver(&files);
    let line = || receiver.event();
    let mut own = None;
    Load::during(
        &platform,
        receiver.port,
        |_| {},
        || {
            for round in 1..=ROUNDS {
                if round % 3 == 0 {
                    files.break_all(round);
                    read_each(line, &NAMES.map(|name| [name, "last_good"]));
                }
                own = Some(files.write(&platform, round));
                read_each(line, &NAMES.map(|name| [name, "generation="]));
            }
        },
    );
    let own = own.expect("a round");
    until("the last one is shown", || shows(&platform, receiver.port, &own));

    // What is taken away counts for nobody any more.
    let (_, secret) = SECRETS[1];
    write(
        &files.keys,
        Way::Rename,
        &[("keys.txt", format!("acme 2026 {secret}\n"))],
    );
    let mut number = 0;
    until("the key is gone", || {
        number += 1;
        let fields = hook("acme", &format!("msg_after_{number}"));
        platform
            .ask(receiver.port, "acme", "POST /hooks", &fields, BODY)
            .0
            == 401
    });
}
