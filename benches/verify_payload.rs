//! What it costs to verify a payload: us, the floor, and the libraries of the field, in one run.
//!
//! The floor is raw `hmac` over `sha2`, keyed once, over the same bytes: less than that is no HMAC. Nothing is read for
//! it, no header field, no time, no base64, and nothing is compared. `keyed_each_time` takes the key in for each message
//! and compares, which is what one writes with those two crates alone. The cases of a group take turns over many
//! rounds, and what is compared is the ratio within a round, so that a machine which slows down slows down everybody.
//! The last line is JSON: ours / theirs, below 1 where we are faster.
#![allow(clippy::expect_used, missing_docs, reason = "a benchmark fails loudly")]

use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, SignPayload, VerifyPayload,
};
use countersign::tenant::TenantId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, Uri};
use rustls::pki_types::UnixTime;
use sha2::Sha256;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

const SIZES: [usize; 4] = [256, 2048, 64 * 1024, 1024 * 1024];
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ROUNDS: usize = 61;

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One contender: verifies the message once.
struct Case<'c> {
    name: &'static str,
    verify: Box<dyn Fn() + 'c>,
    allocations: usize,
    rounds: Vec<f64>,
}

impl<'c> Case<'c> {
    fn new(name: &'static str, verify: impl Fn() + 'c) -> Self {
        verify(); // what is done once is done
        let before = COUNTING.stats();
        verify();
        let change = COUNTING.stats() - before;
        let allocations = change.allocations + change.reallocations;
        Self {
            name,
            verify: Box::new(verify),
            allocations,
            rounds: Vec::with_capacity(ROUNDS),
        }
    }

    fn run(&mut self, times: u32) {
        let began = clock();
        for _ in 0..times {
            (self.verify)();
        }
        self.rounds.push(began.elapsed_ns() / f64::from(times));
    }
}

struct Began(Instant);

#[expect(clippy::disallowed_methods, reason = "a benchmark looks at the clock")]
fn clock() -> Began {
    Began(Instant::now())
}

impl Began {
    #[expect(clippy::disallowed_methods, reason = "a benchmark looks at the clock")]
    fn elapsed_ns(&self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1e9
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the libraries beside us look at the clock themselves"
)]
fn now() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    UnixTime::since_unix_epoch(Duration::from_secs(since.as_secs()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The first case against each of the others.
fn compare(group: &str, size: usize, mut cases: Vec<Case<'_>>, results: &mut Vec<(String, f64)>) {
    // A round of a case takes about a millisecond.
    let times = u32::try_from((1_500_000 / (size + 500)).max(2)).expect("a small number");
    for round in 0..ROUNDS {
        let count = cases.len();
        for turn in 0..count {
            let next = (turn + round) % count;
            if let Some(case) = cases.get_mut(next) {
                case.run(times);
            }
        }
    }
    let ours = cases.first().map(|case| case.rounds.clone()).unwrap_or_default();
    for case in &cases {
        let ratio = median(
            ours.iter()
                .zip(&case.rounds)
                .map(|(ours, theirs)| ours / theirs)
                .collect(),
        );
        println!(
            "{group:>16} {size:>8} B  {:>18}: {:>12.0} ns, ours / theirs {ratio:.3}, {} allocations",
            case.name,
            median(case.rounds.clone()),
            case.allocations
        );
        let prefix = if group == "standard" {
            String::new()
        } else {
            format!("{group}_")
        };
        if case.name == "ours" {
            #[expect(clippy::cast_precision_loss, reason = "a handful")]
            results.push((format!("{prefix}{size}_allocations"), case.allocations as f64));
        } else {
            results.push((format!("{prefix}{size}_{}", case.name), ratio));
        }
    }
}

fn signed(scheme: &Scheme, body: &[u8], now: UnixTime) -> (HeaderMap, HmacVerifier) {
    let keys = Keyring::builder(scheme)
        .key("acme", "1", SECRET)
        .build()
        .expect("a key");
    let tenant = TenantId::parse("acme").expect("a tenant");
    let signer = HmacSigner::new(scheme.clone(), keys.clone());
    let headers = signer.sign_payload(&Outgoing::new(
        &tenant,
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        body,
        now,
    ));
    (headers.expect("signed"), HmacVerifier::new(scheme.clone(), keys))
}

/// The MAC of these parts and its comparison; and, without a comparison, with the key taken in beforehand.
fn floors<'p, const N: usize>(
    key: &'p [u8],
    parts: &'p dyn Fn() -> [&'p [u8]; N],
) -> (impl Fn() + 'p, impl Fn() + 'p) {
    let keyed = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    let feed = |mut mac: Hmac<Sha256>, parts: [&[u8]; N]| {
        parts.iter().for_each(|part| mac.update(part));
        mac
    };
    let right = feed(keyed.clone(), parts()).finalize().into_bytes();
    let whole = move || {
        let mac = Hmac::<Sha256>::new_from_slice(black_box(key)).expect("a key");
        feed(mac, parts()).verify_slice(black_box(&right)).expect("right");
    };
    let bare = move || {
        black_box(feed(keyed.clone(), parts()).finalize());
    };
    (whole, bare)
}

fn standard(size: usize, results: &mut Vec<(String, f64)>) {
    let (body, now) = (vec![b'x'; size], now());
    let (headers, verifier) = signed(&Scheme::standard_webhooks(), &body, now);
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let ours = || {
        let message = Message::new(&method, &uri, &headers, black_box(&body), now);
        black_box(verifier.verify_payload(&message))
            .map(|_| ())
            .expect("authentic");
    };
    let key = b"twenty-four bytes of key";
    let time = now.as_secs().to_string();
    let parts = || {
        [
            &b"msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"[..],
            b".",
            time.as_bytes(),
            b".",
            black_box(&body),
        ]
    };
    let (keyed_each_time, floor) = floors(key, &parts);
    let svix = svix::webhooks::Webhook::new(SECRET).expect("a key");
    let mut svix_headers = HeaderMap::new();
    for (ours, theirs) in [
        ("webhook-id", "svix-id"),
        ("webhook-timestamp", "svix-timestamp"),
        ("webhook-signature", "svix-signature"),
    ] {
        svix_headers.insert(theirs, headers.get(ours).expect("signed").clone());
    }
    let standard = standardwebhooks::Webhook::new(SECRET).expect("a key");
    let secret = webhook_verify::Secret::new(SECRET);
    let options = webhook_verify::VerifyOptions::default();
    let provider = || webhook_verify::Provider::StandardWebhooks;
    let cases = vec![
        Case::new("ours", ours),
        Case::new("floor", floor),
        Case::new("keyed_each_time", keyed_each_time),
        Case::new("standardwebhooks", || {
            standard.verify(black_box(&body), &headers).expect("authentic")
        }),
        Case::new("svix", || {
            svix.verify(black_box(&body), &svix_headers).expect("authentic")
        }),
        Case::new("webhook_verify", || {
            webhook_verify::verify(provider(), &headers, black_box(&body), &secret, options.clone())
                .expect("authentic");
        }),
    ];
    compare("standard", size, cases, results);
}

fn github(size: usize, results: &mut Vec<(String, f64)>) {
    let (body, now) = (vec![b'x'; size], now());
    let (headers, verifier) = signed(&Scheme::github(), &body, now);
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let parts = || [black_box(&body[..])];
    let (keyed_each_time, floor) = floors(SECRET.as_bytes(), &parts);
    let secret = webhook_verify::Secret::new(SECRET);
    let options = webhook_verify::VerifyOptions::default();
    let cases = vec![
        Case::new("ours", || {
            let message = Message::new(&method, &uri, &headers, black_box(&body), now);
            black_box(verifier.verify_payload(&message))
                .map(|_| ())
                .expect("authentic");
        }),
        Case::new("floor", floor),
        Case::new("keyed_each_time", keyed_each_time),
        Case::new("webhook_verify", || {
            let provider = webhook_verify::Provider::GitHub;
            webhook_verify::verify(provider, &headers, black_box(&body), &secret, options.clone())
                .expect("authentic");
        }),
    ];
    compare("github", size, cases, results);
}

fn main() {
    let mut results = Vec::new();
    for size in SIZES {
        standard(size, &mut results);
        github(size, &mut results);
    }
    let fields: Vec<_> = results
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value:.3}"))
        .collect();
    println!("{{\"bench\":\"verify_payload\",{}}}", fields.join(","));
}
