//! Floods that have felled other servers, played at the crate's own: a healthy sender is served meanwhile, and what was
//! taken is given back.

use std::process::Command;
use std::time::{Duration, Instant};

use countersign::web::Bounds;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::door::{Door, TEMPLATE, world};
use crate::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Raw, WINDOW_UPDATE, frame, request,
};
use crate::sender::{Greeting, Sender, Version, delivery, said};
use crate::support::secs;

const OK: &str = r#"{"status": 200}"#;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Door {
    /// Delivers once more, on a connection of its own, and tells how long that took.
    async fn deliver(&self, id: &str) -> Duration {
        let begun = Instant::now();
        let served = async {
            let mut sender = Sender::of(self.address, &world().acme).await;
            let order = delivery("acme", id, OK, self.hands.now());
            sender.send(order).await
        };
        let answer = timeout(secs(60), served).await.expect("in time");
        assert_eq!(answer, said(200, format!("acme acme-2026 URI {TEMPLATE}")));
        begun.elapsed()
    }

    /// Has a healthy sender deliver until the flood is over, and tells the longest wait, and how many there were.
    async fn through(&self, name: &str, flood: impl Future<Output = ()>) -> (Duration, usize) {
        let mut flood = std::pin::pin!(flood);
        let (mut longest, mut number) = (Duration::ZERO, 0);
        loop {
            let id = format!("{name}_{number}");
            let mut delivered = std::pin::pin!(self.deliver(&id));
            let over = tokio::select! {
                () = &mut flood => true,
                took = &mut delivered => {
                    longest = longest.max(took);
                    number += 1;
                    sleep(millis(20)).await;
                    continue;
                }
            };
            longest = longest.max(delivered.await);
            assert!(over);
            return (longest, number + 1);
        }
    }

    fn told(&self, code: &str) -> usize {
        let told = self.log.take();
        told.iter()
            .filter(|line| **line == format!("cut: {code}"))
            .count()
    }
}

/// This process's memory, in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse().ok()).expect("a number")
}

/// A process of its own, whose memory is nobody else's, and which may open so many files.
fn alone(test: &str, files: usize) -> bool {
    const INSIDE: &str = "COUNTERSIGN_TEST_ALONE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let own = std::env::current_exe().expect("a path");
    let inside = Command::new("sh")
        .args(["-c", &format!("ulimit -n {files} && exec \"$@\""), "sh"])
        .arg(own)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "yes")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&inside.stdout);
    let errors = String::from_utf8_lossy(&inside.stderr);
    assert!(
        inside.status.success() && said.contains("1 passed"),
        "{said}{errors}"
    );
    for line in errors.lines().filter(|line| line.starts_with("floods: ")) {
        eprintln!("{line}");
    }
    false
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(test);
}

const IDLE: usize = 2_000;

#[test]
fn idle_connections_by_the_thousand() {
    if alone("floods::idle_connections_by_the_thousand", 8_192) {
        run(idle());
    }
}

async fn idle() {
    let bounds = Bounds::default()
        .with_connections_per_source(3_000)
        .with_connections_per_tenant(3_000)
        .with_idle_timeout(secs(600));
    let door = Door::bounded(bounds).await;
    let mut after = Vec::new();
    for round in 0..2 {
        let before = resident();
        let crowd = async {
            let mut idle = Vec::new();
            for _ in 0..IDLE {
                let greeting = Greeting::new(Some(&world().acme), Version::Http1);
                idle.push(greeting.tls(door.address).await.expect("a connection"));
            }
            // The last client knows that it is connected before the server does.
            let all = async {
                while door.drain.connections() < IDLE {
                    sleep(millis(10)).await;
                }
            };
            timeout(secs(60), all).await.expect("all are open at once");
            drop(idle);
        };
        let (longest, number) = door.through(&format!("idle_{round}"), crowd).await;
        eprintln!(
            "floods: {IDLE} idle connections, {} KiB each with both ends; {number} deliveries meanwhile, the longest took {longest:?}",
            resident().saturating_sub(before) / IDLE
        );
        door.empties().await;
        after.push(resident());
    }
    assert!(after[1] < after[0] + after[0] / 5, "it grows: {after:?} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_headers_by_the_hundred() {
    let bounds = Bounds::default().with_header_timeout(secs(2));
    let door = Door::bounded(bounds).await;
    let flood = async {
        let mut slow = JoinSet::new();
        for _ in 0..200 {
            let greeting = Greeting::new(Some(&world().acme), Version::Http1);
            let mut tls = greeting.tls(door.address).await.expect("a connection");
            slow.spawn(async move {
                let _ = tls.write_all(b"POST /orders HTTP/1.1\r\n").await;
                while tls.write_all(b"x").await.is_ok() {
                    sleep(millis(200)).await;
                }
            });
        }
        slow.join_all().await;
    };
    let (longest, number) = door.through("slow", timed(flood)).await;
    eprintln!("floods: 200 slow requests; {number} deliveries meanwhile, the longest took {longest:?}");
    assert_eq!(door.told("connection.slow_headers"), 200);
    door.empties().await;
}

async fn timed(flood: impl Future<Output = ()>) {
    timeout(secs(120), flood).await.expect("it is over");
}

/// CVE-2023-44487: a stream is begun and reset at once, so that no limit of streams is ever met.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset() {
    let door = Door::bounded(Bounds::default()).await;
    let flood = async {
        let mut sent = 0;
        for _ in 0..5 {
            let mut raw = Raw::open(&door).await;
            for stream in (1..200_000).step_by(2) {
                let pair = [
                    frame(HEADERS, END_HEADERS | END_STREAM, stream, &request("/who")),
                    frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
                ];
                if raw.say(&pair.concat()).await.is_err() {
                    break;
                }
                sent += 1;
            }
            raw.end().await;
        }
        assert!(sent < 5 * 100_000, "nobody has stopped it");
    };
    let (longest, number) = door.through("rapid", timed(flood)).await;
    eprintln!(
        "floods: rapid reset on 5 connections; {number} deliveries meanwhile, the longest took {longest:?}"
    );
    // Ours, or HTTP/2's own limit of streams that are reset before anybody has looked at them.
    let told = door.log.take();
    let cut = told
        .iter()
        .filter(|line| ["cut: connection.resets", "cut: connection.overdone"].contains(&line.as_str()));
    assert_eq!(cut.count(), 5, "{told:?}");
    door.empties().await;
}

/// The same at a pace at which each stream is seen before it is reset: only a count by the second notices.
#[tokio::test]
async fn resets_are_counted_by_the_second() {
    let door = Door::bounded(Bounds::default().with_resets_per_second(10)).await;
    let mut raw = Raw::open(&door).await;
    let mut sent = 0;
    for stream in (1..1_000).step_by(2) {
        let pair = [
            frame(HEADERS, END_HEADERS, stream, &request("/orders")),
            frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
        ];
        if raw.say(&pair.concat()).await.is_err() {
            break;
        }
        sent += 1;
        sleep(millis(10)).await;
    }
    raw.end().await;
    assert_eq!(door.told("connection.resets"), 1);
    // Ten may be: a sender gives up what it has under way.
    assert!((11..400).contains(&sent), "{sent}");
}

/// CVE-2024-27983 and its kind: header fields without end, in as many frames as one likes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn continuation_flood() {
    let door = Door::bounded(Bounds::default()).await;
    let flood = async {
        for size in [0, 100, 16_000] {
            let mut raw = Raw::open(&door).await;
            let begun = frame(HEADERS, 0, 1, &request("/orders"));
            raw.say(&begun).await.expect("taken");
            let piece = frame(CONTINUATION, 0, 1, &vec![0x20; size]);
            let mut sent = 0;
            while raw.say(&piece).await.is_ok() {
                sent += 1;
                assert!(sent < 100_000, "nobody has stopped it");
            }
            raw.end().await;
        }
    };
    let (longest, _) = door.through("continuation", timed(flood)).await;
    eprintln!("floods: CONTINUATION without end; the longest delivery took {longest:?}");
    let told = door.log.take();
    let cut = told.iter().filter(|line| line.starts_with("cut: "));
    let of_ours = told
        .iter()
        .filter(|line| *line == "cut: connection.continuations");
    assert!(of_ours.count() >= 2, "{told:?}");
    assert!(cut.count() <= 3, "{told:?}");
    door.empties().await;
}

/// CVE-2025-8671: the server is made to reset the stream itself, by what is no reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_you_reset() {
    let door = Door::bounded(Bounds::default()).await;
    let flood = async {
        for _ in 0..5 {
            let mut raw = Raw::open(&door).await;
            for stream in (1..200_000).step_by(2) {
                let most = 0x7fff_ffff_u32.to_be_bytes();
                let all = [
                    frame(HEADERS, END_HEADERS, stream, &request("/orders")),
                    // More of a window than there may be (RFC 9113 §6.9.1).
                    frame(WINDOW_UPDATE, 0, stream, &most),
                ];
                if raw.say(&all.concat()).await.is_err() {
                    break;
                }
                assert!(stream < 100_000, "nobody has stopped it");
            }
            raw.end().await;
        }
    };
    let (longest, number) = door.through("made", timed(flood)).await;
    eprintln!(
        "floods: MadeYouReset on 5 connections; {number} deliveries meanwhile, the longest took {longest:?}"
    );
    assert_eq!(door.told("connection.resets"), 5);
    assert_eq!(
        door.desk.handled().len(),
        number,
        "nothing else reached a handler"
    );
    door.empties().await;
}

#[test]
fn descriptors_that_run_out() {
    if alone("floods::descriptors_that_run_out", 96) {
        run(run_out());
    }
}

/// More idle connections than the process may have files: what is open is served, and once the idle ones are left, everybody.
async fn run_out() {
    let bounds = Bounds::default().with_idle_timeout(secs(4));
    let door = Door::bounded(bounds).await;
    let mut open = Sender::of(door.address, &world().acme).await;
    let mut send = async |id: &str| {
        let order = delivery("acme", id, OK, door.hands.now());
        open.send(order).await.status
    };
    assert_eq!(send("msg_before").await, 200);
    let mut idle = JoinSet::new();
    let mut waiting = Vec::new();
    loop {
        // Both ends are in this process: one of them finds no descriptor.
        let greeting = Greeting::new(Some(&world().acme), Version::Http1);
        match timeout(secs(1), greeting.tls(door.address)).await {
            Ok(Ok(tls)) => drop(idle.spawn(async move {
                let mut raw = Raw(tls);
                raw.end().await;
            })),
            Ok(Err(_)) => break,
            Err(_) => break,
        }
    }
    while let Ok(file) = std::fs::File::open("/dev/null") {
        waiting.push(file);
    }
    waiting.pop();
    let stranger = tokio::net::TcpStream::connect(door.address).await;
    door.log.wait_for("not accepting: Some(24)").await;
    assert_eq!(send("msg_meanwhile").await, 200, "what is open is served");
    drop(stranger);
    // The idle ones are left, and their descriptors are free.
    idle.join_all().await;
    drop(waiting);
    door.deliver("msg_afterwards").await;
    let told = door.log.take();
    let idle = told.iter().filter(|line| *line == "cut: connection.idle").count();
    assert!(idle >= 10, "{told:?}");
}
