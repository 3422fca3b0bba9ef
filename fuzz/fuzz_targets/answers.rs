//! WHAT DOES THE SERVER SAY? Answers of consumers' servers to a delivery, over TLS on this machine, and of our own proxy to `CONNECT`: in every framing, with every
//! status, changed on the way. Delivered is what has 2xx and nothing else; a pause is as long as was asked for, within the rules; each delivery is one request,
//! whatever came of it; and no password stands in what is told.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use countersign::address::AddressGuard;
use countersign::clock::Clock;
use countersign::dispatch::{
    BodyEnd, Delivery, Dispatcher, Endpoint, Failure, Fate, Limits, Outcome, TenantIdentity,
};
use countersign::egress::{Egress, NotConnected, Proxy, Resolve, Resolving};
use countersign::payload::{HmacSigner, Scheme};
use countersign::testing::{NOW, TestCa};
use countersign::tls::{ClientAuth, Credentials, Tls};
use countersign::trust::PrivateCa;
use countersign_fuzz::{HttpAnswer, Loopback, acme, algorithms, bytes, ring, within};
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::UnixTime;

const HOST: &str = "hooks.acme.example";
const PASSWORD: &str = "Basic cGFzc3dvcmQ6b2YgdGhlIHByb3h5";
const IN_PATH: &str = "T0K3N-IN-THE-PATH";
/// How much of a body is kept.
const KEPT: usize = 1024;
const FLOOR: u64 = 60;
const LONGEST: u64 = 86_400;

struct World {
    server: Mutex<Loopback>,
    dispatcher: Dispatcher,
    port: u16,
    proxy: Mutex<Loopback>,
    through: Egress,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (clients, servers) = (TestCa::new("Tenants Root"), TestCa::new("Servers Root"));
    let tls = Tls::new(Arc::new(default_provider())).with_time_provider(Arc::new(Stopped));
    let trust = |ca: &TestCa| PrivateCa::from_pem(ca.pem().as_bytes(), algorithms(), NOW).expect("an anchor");
    let own = clients.client("spiffe://acme.example/tenant/acme").issue();
    let shown = servers.server(HOST).issue();
    let credentials = |cert: &countersign::testing::TestCert| {
        Credentials::new(tls.provider(), cert.chain(), cert.key()).expect("a pair")
    };
    let config = tls.server_config(&credentials(&shown), trust(&clients), ClientAuth::Require);
    let server = Loopback::tls(config.expect("a configuration"));
    let scheme = Scheme::standard_webhooks();
    let signer = HmacSigner::new(scheme.clone(), ring(&scheme, "acme", 1));
    let guard = AddressGuard::new().allow(server.address());
    let port = server.address().port();
    let dispatcher = Dispatcher::builder()
        .with_egress(Egress::new().with_guard(guard).with_resolver(Here))
        .with_ports([port])
        .with_limits(Limits::default().with_body(KEPT))
        .with_clock(Clock::new(|| NOW))
        .build();
    let identity = TenantIdentity::new(&tls, credentials(&own), trust(&servers), signer);
    dispatcher
        .set_identity(acme(), identity.expect("an identity"))
        .expect("TLS");
    let proxy = Loopback::plain();
    let password = HeaderValue::from_static(PASSWORD);
    let through = Proxy::at(proxy.address()).with_authorization(password);
    World {
        dispatcher,
        port,
        server: Mutex::new(server),
        through: Egress::new().through(through),
        proxy: Mutex::new(proxy),
    }
});

#[derive(Debug)]
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![IpAddr::from(Ipv4Addr::LOCALHOST)]) })
    }
}

#[derive(Debug)]
struct Stopped;

impl rustls::time_provider::TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        Some(NOW)
    }
}

// Choices: whose answer, its fields, its body, changes.
fuzz_target!(init: { LazyLock::force(&WORLD); }, |data: &[u8]| {
    // An input that ends early has chosen nothing more.
    let _ = play(&mut Unstructured::new(data));
});

fn play(choices: &mut Unstructured<'_>) -> Result<()> {
    match choices.int_in_range(0..=3)? {
        0 => proxied(choices),
        _ => delivered(choices),
    }
}

fn lock(server: &Mutex<Loopback>) -> MutexGuard<'_, Loopback> {
    server.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `Retry-After` says, and what that means.
fn retry_after(choices: &mut Unstructured<'_>) -> Result<(Vec<u8>, Option<u64>)> {
    let line = |value: &[u8]| [b"Retry-After: ", value, b"\r\n"].concat();
    Ok(match choices.int_in_range(0..=6)? {
        0 => (Vec::new(), None),
        1 | 2 => {
            let seconds = u64::from(choices.arbitrary::<u32>()?);
            (line(seconds.to_string().as_bytes()), Some(seconds))
        }
        // A day after `NOW`, and long before it.
        3 => (line(b"Fri, 02 Jan 2026 00:00:00 GMT"), Some(86_400)),
        4 => (line(b"Fri, 31 Dec 1999 23:59:59 GMT"), Some(0)),
        5 => (line(b"120").repeat(2), None),
        _ => {
            let text = bytes(choices, 32)?;
            let safe: Vec<u8> = text
                .iter()
                .copied()
                .filter(|byte| !byte.is_ascii_control())
                .collect();
            let trimmed = safe.trim_ascii();
            // What is no number and no date says nothing; whether this is one is not asked here.
            let is_none = !trimmed.iter().any(u8::is_ascii_digit);
            (line(&safe), if is_none { None } else { Some(u64::MAX) })
        }
    })
}

fn delivered(choices: &mut Unstructured<'_>) -> Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let world = &*WORLD;
    let (mut fields, asked) = retry_after(choices)?;
    fields.extend(
        choices
            .choose(&[
                &b""[..],
                b"Location: https://elsewhere.example/\r\n",
                b"Connection: close\r\n",
                b"Keep-Alive: timeout=0\r\n",
            ])?
            .iter(),
    );
    let mut body = match choices.arbitrary()? {
        true => b"<center>No required SSL certificate was sent</center>".to_vec(),
        false => Vec::new(),
    };
    body.extend(bytes(choices, 64)?);
    body.resize(
        body.len() + *choices.choose(&[0, 1, KEPT - 64, KEPT, 2 * KEPT])?,
        b'x',
    );
    let answer = HttpAnswer::choose(&fields, body, choices)?;
    // Another endpoint each time: a circuit that has opened would deliver nothing more.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let url = format!("https://{HOST}:{}/{IN_PATH}/{number}", world.port);
    let endpoint = Endpoint::parse(acme(), &url).expect("an endpoint");
    let delivery = Delivery::new(acme(), "msg_1", r#"{"paid":true}"#);
    let server = lock(&world.server);
    let (outcome, requests) = within(answer.bytes.len(), || {
        server.answering(&answer.bytes, world.dispatcher.deliver(&endpoint, &delivery))
    });
    assert_eq!(requests, 1, "{outcome:?} {answer:?}");
    always(&outcome, &answer);
    if !answer.is_changed && answer.status >= 200 {
        judge(&outcome, &answer, asked);
    }
    Ok(())
}

/// Whatever came.
fn always(outcome: &Outcome, answer: &HttpAnswer) {
    let shown = || format!("{outcome:?} {answer:?}");
    let status = outcome.answer.as_ref().map(|answer| answer.status);
    assert_eq!(
        outcome.fate == Fate::Delivered,
        outcome.failure.is_none(),
        "{}",
        shown()
    );
    assert!(
        outcome.failure.is_some() || status.is_some_and(|status| status / 100 == 2),
        "{}",
        shown()
    );
    assert!(!outcome.code().ends_with("timed_out"), "{}", shown());
    if let Fate::Retry { after } = outcome.fate {
        assert!(after.as_secs() <= LONGEST, "{}", shown());
    }
    if let Some(answer) = &outcome.answer {
        assert!(answer.body.len() <= KEPT, "{}", shown());
    }
    if let Some(failure) = &outcome.failure {
        assert!(!format!("{failure} {failure:?}").contains(IN_PATH), "{failure:?}");
    }
}

/// What was sent as it was written.
fn judge(outcome: &Outcome, sent: &HttpAnswer, asked: Option<u64>) {
    let shown = || format!("{outcome:?} {sent:?}");
    let Some(answer) = &outcome.answer else {
        // A head that readers read differently is none.
        assert!(sent.whole.is_none(), "{}", shown());
        return;
    };
    assert_eq!(answer.status, sent.status, "{}", shown());
    let has_body = !matches!(sent.status, 204 | 304);
    if let (Some(whole), true) = (&sent.whole, has_body) {
        assert_eq!(answer.body, whole[..whole.len().min(KEPT)], "{}", shown());
        assert_eq!(answer.end == BodyEnd::Whole, whole.len() <= KEPT, "{}", shown());
    }
    let floor = match sent.status {
        408 | 425 | 429 | 502..=504 => FLOOR,
        _ => 0,
    };
    let expected = match sent.status {
        200..=299 => Fate::Delivered,
        300..=399 => Fate::Dead,
        410 => Fate::Gone,
        // It says neither, or it is not known here what it says.
        _ if asked == Some(u64::MAX) => outcome.fate,
        _ => Fate::Retry {
            after: Duration::from_secs(asked.unwrap_or(0).min(LONGEST).max(floor)),
        },
    };
    assert_eq!(outcome.fate, expected, "{}", shown());
    let is_ours = matches!(sent.status, 495 | 496);
    let nginx = sent.status == 400 && answer.body.starts_with(b"<center>No required");
    let is_refused = matches!(outcome.failure, Some(Failure::IdentityRefusedByStatus { .. }));
    assert_eq!(is_refused, is_ours || nginx, "{}", shown());
}

fn proxied(choices: &mut Unstructured<'_>) -> Result<()> {
    let world = &*WORLD;
    let echo = format!("x-echo: {PASSWORD}\r\n");
    let fields = *choices.choose(&["", echo.as_str(), "connection: close\r\n"])?;
    let answer = HttpAnswer::choose(fields.as_bytes(), bytes(choices, 64)?.to_vec(), choices)?;
    let proxy = lock(&world.proxy);
    let (connected, requests) = within(answer.bytes.len(), || {
        let connecting = world.through.connect("8.8.8.8", 443, Duration::from_secs(60));
        proxy.answering(&answer.bytes, connecting)
    });
    let connected = connected.map(drop);
    let told = format!("{connected:?} {:?}", world.through);
    assert!(!told.contains(PASSWORD), "{told}");
    if let Err(why) = &connected {
        assert!(!why.to_string().contains(PASSWORD), "{why}");
    }
    assert_eq!(requests, 1, "{told} {answer:?}");
    if !answer.is_changed && answer.status >= 200 {
        let is_told = match (answer.status, &connected) {
            // hyper makes no tunnel of an answer that has no body, though RFC 9110 (section 9.3.6) lets any success be one.
            (204, Err(NotConnected::Proxy { .. })) => true,
            (200..=299, connected) => connected.is_ok() || answer.whole.is_none(),
            (502..=504, Err(NotConnected::Unreachable { .. })) => true,
            (502..=504, connected) => {
                matches!(connected, Err(NotConnected::Proxy { .. })) && answer.whole.is_none()
            }
            (_, connected) => matches!(connected, Err(NotConnected::Proxy { .. })),
        };
        assert!(is_told, "{told} {answer:?}");
    }
    Ok(())
}
