//! The main job, on real sockets: a receiver that lets countersigned webhooks in and nothing else.
//!
//! `cargo run --example quickstart` makes a throw-away certificate authority, starts the receiver on a loopback port,
//! plays deliveries at it with a real HTTP client, and prints where each was stopped. It exits non-zero if one verdict
//! is not the expected one.

#![expect(
    clippy::disallowed_methods,
    reason = "a program takes the present from the system's clock"
)]
#![expect(clippy::expect_used, reason = "a poisoned lock ends the play")]

#[path = "support/command_line.rs"]
mod command_line;
#[path = "support/player.rs"]
mod player;
#[path = "quickstart/receiver.rs"]
mod receiver;
#[path = "support/say.rs"]
mod say;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use command_line::{Words, unknown};
use countersign::identity::SpkiHash;
use countersign::payload::{HmacSigner, Keyring, Outgoing, Scheme, Secret, SignPayload};
use countersign::tenant::TenantId;
use countersign::testing::{TestCa, TestCert};
use countersign::tls::Tls;
use countersign::trust::{PinSet, PrivateCa};
use http::Response;
use hyper::body::Incoming;
use player::{AnyError, Client, Delivery, answer};
use receiver::{BODY_LIMIT, Receiver, start};
use rustls::ClientConfig;
use rustls::pki_types::UnixTime;
use say::say;

const ACME_SECRET: &str = "whsec_YWNtZS1zZWNyZXQtb2YtMzItYnl0ZXMtZm9yLXRlc3Q=";
const GLOBEX_SECRET: &str = "whsec_Z2xvYmV4LXNlY3JldC1vZi0zMi1ieXRlcy10b28tb2s=";

// --- the senders ----------------------------------------------------------------------------------------------------

/// Everybody who takes part, with fresh keys.
struct World {
    tls: Tls,
    ca: TestCa,
    server: TestCert,
    acme: TestCert,
    acme_next: TestCert,
    globex: TestCert,
    unknown: TestCert,
    keys: Keyring,
}

impl World {
    fn new() -> Result<Self, AnyError> {
        let ca = TestCa::new("Quickstart Root");
        let client = |tenant: &str| {
            ca.client(&format!("spiffe://acme.example/tenant/{tenant}"))
                .issue()
        };
        let keys = Keyring::builder(&Scheme::standard_webhooks())
            .key(TenantId::parse("acme")?, "acme-2026", Secret::new(ACME_SECRET))
            .key(
                TenantId::parse("globex")?,
                "globex-2026",
                Secret::new(GLOBEX_SECRET),
            )
            .build()?;
        Ok(Self {
            tls: Tls::new(Arc::new(rustls::crypto::aws_lc_rs::default_provider())),
            server: ca.server("hooks.acme.example").issue(),
            acme: client("acme"),
            acme_next: client("acme"),
            globex: client("globex"),
            unknown: client("initech"),
            keys,
            ca,
        })
    }

    /// The keys in use, and the one that acme will change to.
    fn pins(&self) -> PinSet {
        let known = [&self.acme, &self.acme_next, &self.globex, &self.unknown];
        PinSet::new(known.map(|certificate| SpkiHash::of(&certificate.spki_der())))
    }

    /// A client that shows this certificate, or none.
    fn client(&self, certificate: Option<&TestCert>) -> Result<ClientConfig, AnyError> {
        let trust = PrivateCa::from_pem(self.ca.pem().as_bytes(), self.tls.algorithms(), UnixTime::now())?;
        player::client(
            &self.tls,
            trust,
            certificate.map(|shown| (shown.chain(), shown.key())),
        )
    }

    /// Headers and body of a good delivery.
    fn delivery(&self, tenant: &str, id: &str, body: &str, age: i64) -> Result<Delivery, AnyError> {
        let now = UnixTime::now().as_secs().saturating_add_signed(-age);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let signer = HmacSigner::new(Scheme::standard_webhooks(), self.keys.clone());
        let headers = signer.sign_payload(&Outgoing::new(
            &TenantId::parse(tenant)?,
            id,
            body.as_bytes(),
            now,
        ))?;
        Ok(Delivery {
            headers,
            body: body.to_owned().into(),
        })
    }
}

// --- the play -------------------------------------------------------------------------------------------------------

struct Play {
    world: World,
    receiver: Receiver,
    verdicts: usize,
    wrong: usize,
}

/// Where it is to be stopped, what the client is to see, what the operator is to see.
type Verdict = (&'static str, &'static str, &'static str);
const HANDLED: Verdict = ("handler", "HTTP 200", "-");

impl Play {
    /// One delivery on a connection of its own.
    async fn deliver(
        &mut self,
        tried: &str,
        client: Option<&TestCert>,
        delivery: Delivery,
        expected: Verdict,
    ) -> Result<(), AnyError> {
        let config = self.world.client(client)?;
        let outcome = match Client::connect(&self.receiver.place, Some(config)).await {
            Ok(mut client) => client.send(delivery).await,
            Err(error) => Err(error),
        };
        self.judge(tried, &outcome, expected).await
    }

    async fn judge(
        &mut self,
        tried: &str,
        outcome: &Result<Response<Incoming>, AnyError>,
        expected: Verdict,
    ) -> Result<(), AnyError> {
        let event = tokio::time::timeout(Duration::from_secs(5), self.receiver.events.recv()).await;
        let (stage, code) = event.ok().flatten().unwrap_or(("nowhere", "no event"));
        let answer = answer(outcome);
        let good = (stage, answer.as_str(), code) == expected;
        self.verdicts += 1;
        self.wrong += usize::from(!good);
        say(&format_args!(
            "{tried:<48} {stage:<11} {answer:<30} {code:<28} {}",
            if good { "ok" } else { "WRONG" }
        ));
        Ok(())
    }

    async fn certificates(&mut self) -> Result<(), AnyError> {
        let ca = &self.world.ca;
        let acme = "spiffe://acme.example/tenant/acme";
        let strangers = TestCa::new("Somebody Else").client(acme).issue();
        let (expired, early) = (
            ca.client(acme).expired().issue(),
            ca.client(acme).not_yet_valid().issue(),
        );
        let (server_only, unpinned) = (ca.client(acme).server_only().issue(), ca.client(acme).issue());
        let (good, next) = (self.world.acme.clone(), self.world.acme_next.clone());
        let unknown = self.world.unknown.clone();
        #[rustfmt::skip]
        let cases = [
            ("a good delivery", Some(&good), HANDLED),
            ("no certificate", None, ("handshake", "alert certificate_required", "identity.no_certificate")),
            ("a certificate of another CA", Some(&strangers), ("handshake", "alert unknown_ca", "trust.unknown_issuer")),
            ("an expired certificate", Some(&expired), ("handshake", "alert certificate_expired", "trust.expired")),
            ("a certificate that is not yet valid", Some(&early), ("handshake", "alert certificate_expired", "trust.not_yet_valid")),
            ("a server's certificate (EKU)", Some(&server_only), ("handshake", "alert unsupported_certificate", "trust.extended_key_usage")),
            ("a certificate whose key is not pinned", Some(&unpinned), ("handshake", "alert access_denied", "trust.not_pinned")),
            ("the next key, pinned in advance", Some(&next), HANDLED),
            ("a tenant nobody knows", Some(&unknown), ("tenant", "HTTP 403", "tenant.unknown")),
        ];
        for (number, (tried, client, expected)) in cases.into_iter().enumerate() {
            let delivery = self
                .world
                .delivery("acme", &format!("msg_certificate_{number}"), ORDER, 0)?;
            self.deliver(tried, client, delivery, expected).await?;
        }
        Ok(())
    }

    async fn payloads(&mut self) -> Result<(), AnyError> {
        let acme = self.world.acme.clone();
        let good = self.world.delivery("acme", "msg_payload", ORDER, 0)?;
        let bit_flipped = good.clone().with_body(ORDER.replace("false", "galse"));
        let unsigned = good.clone().without("webhook-signature");
        let twice = good.twice("webhook-signature");
        let large = format!("{ORDER}{}", " ".repeat(BODY_LIMIT));
        #[rustfmt::skip]
        let cases = [
            ("acme's certificate, globex's valid signature", self.world.delivery("globex", "msg_deputy", ORDER, 0)?, ("payload", "HTTP 401", "payload.signature_mismatch")),
            ("one bit of the body changed", bit_flipped, ("payload", "HTTP 401", "payload.signature_mismatch")),
            ("a timestamp ten minutes old", self.world.delivery("acme", "msg_stale", ORDER, 600)?, ("replay", "HTTP 401", "replay.stale")),
            ("a timestamp ten minutes ahead", self.world.delivery("acme", "msg_ahead", ORDER, -600)?, ("replay", "HTTP 401", "replay.from_the_future")),
            ("no signature header", unsigned, ("payload", "HTTP 401", "payload.missing_header")),
            ("the signature header twice", twice, ("payload", "HTTP 401", "payload.repeated_header")),
            ("a body over the limit", self.world.delivery("acme", "msg_large", &large, 0)?, ("payload", "HTTP 413", "payload.body_too_large")),
        ];
        for (tried, delivery, expected) in cases {
            self.deliver(tried, Some(&acme), delivery, expected).await?;
        }
        Ok(())
    }

    async fn replays(&mut self) -> Result<(), AnyError> {
        let acme = self.world.acme.clone();
        let once = self.world.delivery("acme", "msg_once", ORDER, 0)?;
        let replayed = ("replay", "HTTP 200", "replay.handled");
        let flaky = self.world.delivery("acme", "msg_flaky", FAILS_FIRST, 1)?;
        let retry = self.world.delivery("acme", "msg_flaky", FAILS_FIRST, 0)?;
        self.deliver("a delivery that is handled", Some(&acme), once.clone(), HANDLED)
            .await?;
        self.deliver("a replay of it", Some(&acme), once, replayed)
            .await?;
        self.deliver(
            "a delivery whose handler fails",
            Some(&acme),
            flaky,
            ("handler", "HTTP 500", "-"),
        )
        .await?;
        self.deliver("the sender's retry of it", Some(&acme), retry, HANDLED)
            .await
    }

    /// Trust does not end with the handshake.
    async fn open_connection(&mut self) -> Result<(), AnyError> {
        let (acme, refused) = (self.world.acme.clone(), "trust.not_pinned");
        let mut client = Client::connect(&self.receiver.place, Some(self.world.client(Some(&acme))?)).await?;

        let before = client
            .send(self.world.delivery("acme", "msg_open_1", ORDER, 0)?)
            .await;
        self.judge("a connection that stays open", &before, HANDLED)
            .await?;
        drop(before);

        self.receiver.pins.replace(PinSet::default());
        client.ready().await?;
        let after = client
            .send(self.world.delivery("acme", "msg_open_2", ORDER, 0)?)
            .await;
        self.judge(
            "its next request, after the pin is withdrawn",
            &after,
            ("identity", "HTTP 403", refused),
        )
        .await?;

        let delivery = self.world.delivery("acme", "msg_open_3", ORDER, 0)?;
        let expected = ("handshake", "alert access_denied", refused);
        self.deliver(
            "a new connection, after the pin is withdrawn",
            Some(&acme),
            delivery,
            expected,
        )
        .await
    }
}

const ORDER: &str = r#"{"order": 4711, "fail_first": false}"#;
const FAILS_FIRST: &str = r#"{"order": 4712, "fail_first": true}"#;

fn stop(mistake: &str) -> ExitCode {
    eprintln!("quickstart: {mistake}");
    ExitCode::from(2)
}

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    match Words::new().option() {
        Ok(None) => {}
        Ok(Some(option)) if option == "help" => {
            say("quickstart - deliveries over real sockets, and where each is stopped. It has no options.");
            return Ok(ExitCode::SUCCESS);
        }
        Ok(Some(option)) => return Ok(stop(&unknown(&option))),
        Err(mistake) => return Ok(stop(&mistake)),
    }
    let world = World::new()?;
    let receiver = start(&world).await?;
    let mut play = Play {
        world,
        receiver,
        verdicts: 0,
        wrong: 0,
    };
    say(&format_args!(
        "{:<48} {:<11} {:<30} {:<28} verdict",
        "tried", "stopped at", "the client sees", "the operator sees"
    ));
    play.certificates().await?;
    play.payloads().await?;
    play.replays().await?;
    play.open_connection().await?;
    let as_expected = play.verdicts - play.wrong;
    say(&format_args!(
        "quickstart: {as_expected} of {} verdicts as expected",
        play.verdicts
    ));
    Ok(if play.wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
