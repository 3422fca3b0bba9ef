//! Peers that take their time, and what that costs the others.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use countersign::refusal::Refusal;
use countersign::web::{CallerLayer, PayloadLayer};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use rustls::pki_types::UnixTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Interval, interval};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::door::{Desk, Door, Hands, LIMIT, Log, Plan, TEMPLATE, all_behind, keys, payload_layer, world};
use crate::sender::{Greeting, Sender, Version, delivery, empty, said, send};
use crate::support::{Flaky, secs};

const OK: &str = r#"{"status": 200}"#;

/// A body that arrives a byte at a time.
pub(crate) struct Drip {
    bytes: VecDeque<u8>,
    pause: Interval,
    /// Whether it ends when the bytes are through.
    ends: bool,
}

impl Drip {
    fn new(body: &str, pause: Duration, ends: bool) -> Self {
        Self {
            bytes: body.bytes().collect(),
            pause: interval(pause),
            ends,
        }
    }
}

impl Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_empty() {
            return if self.ends {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        std::task::ready!(self.pause.poll_tick(cx));
        let byte = self.bytes.pop_front();
        Poll::Ready(byte.map(|byte| Ok(Frame::data(Bytes::from(vec![byte])))))
    }
}

/// A body that never comes.
#[derive(Debug)]
pub(crate) struct Never(#[expect(dead_code, reason = "held")] pub(crate) DuplexStream);

impl Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

impl Door {
    async fn impatient() -> Self {
        let route: fn(PayloadLayer, CallerLayer) -> Router<Arc<Desk>> = |payload, caller| {
            let payload = payload.with_body_timeout(Duration::from_millis(800));
            all_behind(|routes| routes.layer(payload).layer(caller))
        };
        Self::planned(Plan {
            route,
            ..Plan::default()
        })
        .await
    }

    async fn dripper(&self, version: Version) -> Sender<Drip> {
        let greeting = Greeting::new(Some(&world().acme), version);
        Sender::greet(self.address, greeting).await.expect("a connection")
    }

    fn dripping(&self, version: Version, id: &str, body: Drip) -> Request<Drip> {
        delivery("acme", id, OK, self.hands.now())
            .request(version)
            .map(|_| body)
    }
}

#[tokio::test]
async fn a_body_has_so_much_time_and_no_more() {
    let good = said(200, format!("acme acme-2026 URI {TEMPLATE}"));
    for version in [Version::Http1, Version::Http2] {
        let door = Door::impatient().await;
        let pause = Duration::from_millis;
        let cases = [
            ("slow, and in time", Drip::new(OK, pause(10), true), &good),
            ("too slow", Drip::new(OK, pause(150), true), &empty(408)),
            (
                "stuck at the beginning",
                Drip::new("", pause(1), false),
                &empty(408),
            ),
            ("stuck at the end", Drip::new(OK, pause(1), false), &empty(408)),
        ];
        for (number, (name, body, expected)) in cases.into_iter().enumerate() {
            door.log.take();
            let mut sender = door.dripper(version).await;
            let request = door.dripping(version, &format!("msg_{number}"), body);
            let answer = sender.ask(request).await.expect(name);
            assert_eq!(answer, *expected, "{name}, {version:?}");
            let told = door.log.take();
            if answer.status != 408 {
                continue;
            }
            assert_eq!(
                told,
                ["connected", "refused: acme payload.body_too_slow"],
                "{name}"
            );
            let closes = answer
                .headers
                .get("connection")
                .is_some_and(|value| value == "close");
            assert_eq!(closes, version == Version::Http1, "{name}, {version:?}");
            let again = door.dripping(version, &format!("msg_{number}"), Drip::new(OK, pause(1), true));
            match version {
                Version::Http1 => assert!(sender.ask(again).await.is_err(), "{name}: it was closed"),
                Version::Http2 => assert_eq!(
                    sender.ask(again).await.expect(name),
                    good,
                    "{name}: only the stream"
                ),
            }
        }
        assert_eq!(door.store.len(), if version == Version::Http1 { 1 } else { 4 });
    }
}

/// A body that says how long it will be, and must not be asked for more.
struct Announced(u64);

impl Body for Announced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("it was read");
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_is_read() {
    let layer = payload_layer(
        keys(&["acme"]),
        Arc::<Flaky>::default(),
        &Log::default(),
        &Hands::default(),
    );
    let request = delivery("acme", "msg_1", OK, UnixTime::now()).request(Version::Http1);
    let request = request.map(|_| Announced(LIMIT as u64 + 1));
    let never = service_fn(|_: Request<Full<Bytes>>| async { panic!("it was handled") });
    let answered: Result<Response<Full<Bytes>>, Infallible> = layer.layer(never).oneshot(request).await;
    let Ok(response) = answered;
    assert_eq!(
        (response.status().as_u16(), response.extensions().get::<Refusal>()),
        (413, Some(&Refusal::BodyTooLarge { limit: LIMIT }))
    );
}

#[tokio::test]
async fn a_length_that_is_too_large_is_answered_at_once() {
    let door = Door::open().await;
    let greeting = Greeting::new(Some(&world().acme), Version::Http1);
    let mut stream = greeting.tls(door.address).await.expect("a connection");
    let signed = delivery("acme", "msg_1", OK, door.hands.now()).headers;
    let mut head = format!(
        "POST /orders HTTP/1.1\r\nhost: hooks.acme.example\r\ncontent-length: {}\r\n",
        LIMIT + 1
    );
    for (name, value) in &signed {
        head += &format!("{name}: {}\r\n", value.to_str().expect("ASCII"));
    }
    stream.write_all((head + "\r\n").as_bytes()).await.expect("open");
    let mut answer = [0; 12];
    let read = tokio::time::timeout(secs(20), stream.read_exact(&mut answer)).await;
    read.expect("sooner than a body would time out")
        .expect("an answer");
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
}

// --- the others ---------------------------------------------------------------------------------------------------------

const HALF_OPEN: usize = 1_000;
const SLOW: usize = 20;
const DELIVERIES: usize = 31;

/// Begins a TLS record and says nothing more, or a byte a second.
async fn half_open(door: &Door, how_many: usize) -> Vec<TcpStream> {
    let mut peers = Vec::new();
    for number in 0..how_many {
        let mut peer = TcpStream::connect(door.address).await.expect("the port is open");
        if number % 2 == 0 {
            peer.write_all(&[0x16, 3, 1, 2, 0, 1]).await.expect("open");
        }
        peers.push(peer);
    }
    peers
}

/// Peers that are known, and send a byte of their body a second.
async fn slow(door: &Door, how_many: usize) -> JoinSet<()> {
    let mut peers = JoinSet::new();
    for number in 0..how_many {
        let version = if number % 2 == 0 {
            Version::Http1
        } else {
            Version::Http2
        };
        let mut sender = door.dripper(version).await;
        let request = door.dripping(
            version,
            &format!("msg_slow_{number}"),
            Drip::new(OK, secs(1), true),
        );
        peers.spawn(async move {
            let _ = sender.ask(request).await;
        });
    }
    peers
}

/// The median of deliveries, each on a connection of its own: handshake, request, answer.
async fn median(door: &Door, round: &str) -> Duration {
    let mut times = Vec::new();
    for number in 0..DELIVERIES {
        let order = delivery("acme", &format!("msg_{round}_{number}"), OK, door.hands.now());
        let begun = Instant::now();
        let answer = send(door.address, &world().acme, order).await;
        times.push(begun.elapsed());
        assert_eq!(answer, said(200, format!("acme acme-2026 URI {TEMPLATE}")));
    }
    times.sort();
    times[DELIVERIES / 2]
}

/// A ratio within one run, so that a slow machine is slow for both; it may try three times, since a busy one is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_delivery_does_not_wait_for_the_others() {
    const BOUND: f64 = 3.0;
    let plan = Plan {
        handshake_timeout: secs(120),
        max_handshakes: HALF_OPEN + 64,
        ..Plan::default()
    };
    let door = Door::planned(plan).await;
    median(&door, "warm").await;
    let mut ratio = f64::INFINITY;
    for round in 0..3 {
        let alone = median(&door, &format!("alone_{round}")).await;
        let half_open = half_open(&door, HALF_OPEN).await;
        let slow = slow(&door, SLOW).await;
        let in_company = median(&door, &format!("company_{round}")).await;
        ratio = in_company.as_secs_f64() / alone.as_secs_f64();
        println!(
            "slow: {HALF_OPEN} half-open handshakes, {SLOW} peers at a byte a second: a delivery takes {in_company:?}, \
             alone {alone:?}: {ratio:.2} x"
        );
        drop((half_open, slow));
        if ratio <= BOUND {
            return;
        }
    }
    panic!("{ratio} times as long in company");
}
