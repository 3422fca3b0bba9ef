//! Real receivers judge what the dispatcher sends: nginx, Node, Python and `openssl s_server`, each as a process of its
//! own. The tables say what is to become of a delivery, and whose fault it is.
//!
//! What is not installed is skipped, loudly; where the environment variable `CI` is set, that is a failure.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect by failing loudly"
)]

mod alerts;
mod keep_alive;
mod libraries;
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "../support/packages.rs"]
mod packages;
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "../support/process.rs"]
mod process;
#[path = "../support/sending.rs"]
mod sending;
mod server;
mod world;

use std::time::Duration;

use countersign::clock::Clock;
use countersign::dispatch::{
    BodyEnd, Connected, Deadlines, Delivery, Endpoint, Failure, Fate, Limits, Outcome,
};
use countersign::testing::utc;
use http::Method;
use process::or_skip;
use sending::{tls, to_loopback};
use server::{Kind, Server, Version};
use world::{HOST, Shows, World};

#[test]
fn nginx() {
    judged_by(Kind::Nginx);
}

#[test]
fn node() {
    judged_by(Kind::Node);
}

#[test]
fn python() {
    judged_by(Kind::Python);
}

#[test]
fn openssl() {
    judged_by(Kind::OpenSsl);
}

/// What is to become of it, its code, and whose fault it is.
type Verdict = (Fate, &'static str, Option<&'static str>);

const DELIVERED: Verdict = (Fate::Delivered, "delivered", None);

const fn retry(seconds: u64, code: &'static str, fault: &'static str) -> Verdict {
    let after = Duration::from_secs(seconds);
    (Fate::Retry { after }, code, Some(fault))
}

const fn dead(code: &'static str, fault: &'static str) -> Verdict {
    (Fate::Dead, code, Some(fault))
}

/// What a server answers, and what comes of it: the same whoever answers so.
const ANSWERS: &[(&str, Verdict)] = &[
    ("/ok", DELIVERED),
    ("/301", dead("dispatch.redirected", "theirs")),
    ("/410", (Fate::Gone, "dispatch.gone", Some("theirs"))),
    ("/429", retry(120, "dispatch.status", "theirs")),
    ("/500", retry(0, "dispatch.status", "theirs")),
    ("/503", retry(60, "dispatch.status", "theirs")),
    // Where nginx stands in front of nobody.
    ("/bad-gateway", retry(60, "dispatch.status", "theirs")),
    ("/closes", retry(0, "dispatch.no_answer", "network")),
    ("/babble", retry(0, "dispatch.not_http", "theirs")),
    // The head of the answer says that it was taken; the rest is of no use to us.
    ("/breaks-off", DELIVERED),
    ("/huge", DELIVERED),
    ("/endless", DELIVERED),
    ("/trickle", DELIVERED),
    ("/silent", retry(60, "dispatch.answer_timed_out", "network")),
];

impl Kind {
    fn answers(self, path: &str) -> bool {
        let without: &[&str] = match self {
            Self::Nginx => &["/babble", "/breaks-off", "/endless"],
            Self::Node | Self::Python => &["/bad-gateway", "/endless"],
            // It sends files, and reads no faster or slower than it can.
            Self::OpenSsl => &["/bad-gateway", "/huge", "/trickle", "/silent"],
        };
        !without.contains(&path)
    }

    /// `openssl s_server` answers nothing else.
    fn method(self) -> Method {
        match self {
            Self::OpenSsl => Method::GET,
            _ => Method::POST,
        }
    }

    /// Of a certificate that the server does not take: what comes of it, and what the server says.
    fn refusal(self, version: Version, shows: Shows) -> (Verdict, &'static str) {
        let ours = retry(0, "dispatch.identity_refused", "ours");
        match (self, shows) {
            (Self::Nginx, _) => (ours, "status 400"),
            // Node judges the certificate at the end of the handshake, and closes without a word: nobody can tell why.
            (Self::Node, _) if version == Version::V12 => (retry(0, "dispatch.handshake", "theirs"), "eof"),
            (Self::Node, _) => (retry(0, "dispatch.no_answer", "network"), ""),
            (_, Shows::Expired) => (ours, "certificate_expired"),
            (_, _) => (ours, "unknown_ca"),
        }
    }
}

/// What is wrong with a server, and what comes of it.
const SERVERS: &[(&str, Verdict)] = &[
    ("expired", dead("trust.expired", "theirs")),
    ("stranger", dead("trust.unknown_issuer", "theirs")),
    ("unasking", retry(0, "dispatch.identity_not_asked", "theirs")),
    ("mute", retry(60, "dispatch.handshake_timed_out", "network")),
];

fn judged_by(kind: Kind) {
    if or_skip(&format!("{kind:?} as a receiver"), kind.find()).is_none() {
        return;
    }
    let world = World::new(&format!("{kind:?}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for version in [Version::V13, Version::V12] {
        let server = Server::start(kind, &world, version);
        let scene = Scene {
            kind,
            version,
            world: &world,
            server,
        };
        runtime.block_on(scene.play());
    }
}

struct Scene<'a> {
    kind: Kind,
    version: Version,
    world: &'a World,
    server: Server,
}

impl Scene<'_> {
    async fn play(&self) {
        self.each_answer_has_its_fate().await;
        self.what_is_shown_is_the_identity_in_force().await;
        self.bad_certificates_are_our_own_fault().await;
        self.bad_servers_get_nothing().await;
        self.tls13_alone_is_spoken_unless_more_is_allowed().await;
    }

    async fn each_answer_has_its_fate(&self) {
        for (path, expected) in ANSWERS.iter().filter(|(path, _)| self.kind.answers(path)) {
            let outcome = self.deliver(Shows::Good, "good", path).await.expect("a port");
            self.assert_verdict(path, &outcome, *expected);
            let Some(answer) = outcome.answer else { continue };
            assert_eq!(
                (answer.end, answer.body.len()),
                self.read(path, &answer.body),
                "{self}: {path}"
            );
        }
    }

    /// The server itself says whose certificate it has seen. s_server has no words for that.
    async fn what_is_shown_is_the_identity_in_force(&self) {
        if self.kind == Kind::OpenSsl {
            return;
        }
        let dispatcher = to_loopback(&self.server.ports()).build();
        let endpoint = self.endpoint("good", "/ok").expect("a port");
        let (fresh, reused) = (Connected::Fresh, Connected::Reused);
        for (shows, connections) in [(Shows::Good, [fresh, reused]), (Shows::Renewed, [fresh, reused])] {
            let sender = self.world.sender(shows);
            dispatcher
                .set_identity(self.world.acme.id(), sender)
                .expect("a sender");
            for connection in connections {
                let outcome = dispatcher.deliver(&endpoint, &self.delivery()).await;
                let answer = outcome.answer.expect("an answer");
                let said = String::from_utf8_lossy(&answer.body).to_uppercase();
                let expected = (self.world.serial(shows), connection);
                assert_eq!((said, answer.connection), expected, "{self}: {shows:?}");
            }
        }
    }

    /// How far the body is to be read. What trickles is cut off by time, anywhere before the limit.
    fn read(&self, path: &str, body: &[u8]) -> (BodyEnd, usize) {
        let limit = Limits::default().body;
        match path {
            "/huge" | "/endless" => (BodyEnd::CutOff, limit),
            "/trickle" => (BodyEnd::CutOff, body.len().min(limit - 1)),
            "/breaks-off" => (BodyEnd::CutOff, 1),
            _ => (BodyEnd::Whole, body.len()),
        }
    }

    async fn bad_certificates_are_our_own_fault(&self) {
        for shows in [Shows::Expired, Shows::Stranger] {
            let (expected, words) = self.kind.refusal(self.version, shows);
            let outcome = self.deliver(shows, "good", "/ok").await.expect("a port");
            self.assert_verdict(&format!("{shows:?}"), &outcome, expected);
            let failure = outcome.failure.expect("a failure").to_string();
            assert!(failure.contains(words), "{self}: {shows:?}: {failure}");
        }
        let after = self.deliver(Shows::Good, "good", "/ok").await.expect("a port");
        self.assert_verdict("a good one after bad ones", &after, DELIVERED);
    }

    async fn bad_servers_get_nothing(&self) {
        for (variant, expected) in SERVERS {
            if let Some(outcome) = self.deliver(Shows::Good, variant, "/ok").await {
                self.assert_verdict(variant, &outcome, *expected);
                assert_eq!(outcome.answer, None, "{self}: {variant}");
            }
        }
    }

    async fn tls13_alone_is_spoken_unless_more_is_allowed(&self) {
        let sender = self.world.sender_by(&tls(), Shows::Good);
        let dispatcher = to_loopback(&self.server.ports()).build();
        dispatcher
            .set_identity(self.world.acme.id(), sender)
            .expect("a sender");
        let endpoint = self.endpoint("good", "/ok").expect("a port");
        let outcome = dispatcher.deliver(&endpoint, &self.delivery()).await;
        let expected = match self.version {
            Version::V13 => DELIVERED,
            Version::V12 => retry(0, "dispatch.handshake", "theirs"),
        };
        self.assert_verdict("TLS 1.3 alone", &outcome, expected);
        if self.version == Version::V12 {
            let reason = "the server sent the alert protocol_version".to_owned();
            assert_eq!(outcome.failure, Some(Failure::Handshake { reason }), "{self}");
        }
    }

    /// One attempt; nothing where the server has no such variant.
    async fn deliver(&self, shows: Shows, variant: &str, path: &str) -> Option<Outcome> {
        let endpoint = self.endpoint(variant, path)?;
        let mut builder = to_loopback(&self.server.ports()).with_deadlines(deadlines(variant, path));
        if shows == Shows::Expired {
            // To us it is valid still: a clock that is slow.
            builder = builder.with_clock(Clock::new(|| utc(2020, 6, 1)));
        }
        let dispatcher = builder.build();
        let sender = self.world.sender(shows);
        dispatcher
            .set_identity(self.world.acme.id(), sender)
            .expect("a sender");
        Some(dispatcher.deliver(&endpoint, &self.delivery()).await)
    }

    fn endpoint(&self, variant: &str, path: &str) -> Option<Endpoint> {
        let url = format!("https://{HOST}:{}{path}", self.server.port(variant)?);
        Some(Endpoint::parse(self.world.acme.id(), &url).expect("a URL"))
    }

    fn delivery(&self) -> Delivery {
        Delivery::new(self.world.acme.id(), "msg_1", r#"{"paid":true}"#).with_method(self.kind.method())
    }

    fn assert_verdict(&self, case: &str, outcome: &Outcome, expected: Verdict) {
        let fault = outcome.fault().map(|fault| fault.code());
        let verdict = (outcome.fate, outcome.code(), fault);
        assert_eq!(verdict, expected, "{self}: {case}: {outcome:?}");
    }
}

impl std::fmt::Display for Scene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}, TLS {}", self.kind, self.version.number())
    }
}

/// Long enough for a busy machine, and short where the server is to be waited for in vain.
fn deadlines(variant: &str, path: &str) -> Deadlines {
    let (patient, short) = (Duration::from_secs(60), Duration::from_millis(500));
    let but = |hurried| if hurried { short } else { patient };
    Deadlines::default()
        .with_whole(patient)
        .with_connecting(patient)
        .with_handshake(but(variant == "mute"))
        .with_answer(but(path == "/silent"))
        .with_body(but(path == "/trickle"))
}
