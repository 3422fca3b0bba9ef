//! The cost of verifying a payload: us, the floor, and the libraries of the field.
//!
//! The floor is what one writes with `hmac` and `sha2` alone over the same bytes: take the key in, feed, compare in
//! constant time with a MAC that is decoded already; no header field is read for it, no time, no base64. `floor_keyed_once`
//! is less than any verification: the key was taken in before, as we do it, and nothing is compared either.

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload, VerifyPayload,
};
use countersign::tenant::TenantId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, Method, Uri};
use rustls::pki_types::UnixTime;
use sha2::Sha256;
use webhook_verify::Provider;

use crate::measure::Group;
use crate::report::Report;

const SIZES: [usize; 4] = [256, 2048, 64 * 1024, 1024 * 1024];
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";

pub(crate) fn run(report: &mut Report) {
    for size in SIZES {
        let body = vec![b'x'; size];
        standard(
            report,
            &size.to_string(),
            &Signed::new(Scheme::standard_webhooks(), &body),
        );
        github(
            report,
            &format!("github_{size}"),
            &Signed::new(Scheme::github(), &body),
        );
    }
    let body = vec![b'x'; 2048];
    stripe(report, "stripe_2048", &Signed::new(Scheme::stripe(), &body));
}

fn standard(report: &mut Report, name: &str, signed: &Signed<'_>) {
    let (key, time) = (&b"twenty-four bytes of key"[..], signed.now.as_secs().to_string());
    let parts = [ID.as_bytes(), b".", time.as_bytes(), b".", signed.body];
    let (floor, keyed_once) = (Raw::new(key, &parts), Raw::new(key, &parts));
    let standard = standardwebhooks::Webhook::new(SECRET).expect("a key");
    let svix = svix::webhooks::Webhook::new(SECRET).expect("a key");
    let renamed = signed.renamed([
        ("webhook-id", "svix-id"),
        ("webhook-timestamp", "svix-timestamp"),
        ("webhook-signature", "svix-signature"),
    ]);
    let group = Group::default()
        .case("ours", || signed.verify())
        .case("floor", move || floor.verify())
        .case("floor_keyed_once", move || keyed_once.mac())
        .case("standardwebhooks", || {
            standard
                .verify(black_box(signed.body), &signed.headers)
                .expect("authentic")
        })
        .case("svix", || {
            svix.verify(black_box(signed.body), &renamed).expect("authentic")
        })
        .case(
            "webhook_verify",
            signed.webhook_verify(Provider::StandardWebhooks),
        );
    judge(report, name, group);
}

fn github(report: &mut Report, name: &str, signed: &Signed<'_>) {
    let parts = [signed.body];
    let (floor, keyed_once) = (
        Raw::new(SECRET.as_bytes(), &parts),
        Raw::new(SECRET.as_bytes(), &parts),
    );
    let group = Group::default()
        .case("ours", || signed.verify())
        .case("floor", move || floor.verify())
        .case("floor_keyed_once", move || keyed_once.mac())
        .case("webhook_verify", signed.webhook_verify(Provider::GitHub));
    judge(report, name, group);
}

fn stripe(report: &mut Report, name: &str, signed: &Signed<'_>) {
    let time = signed.now.as_secs().to_string();
    let parts = [time.as_bytes(), b".", signed.body];
    let (floor, keyed_once) = (
        Raw::new(SECRET.as_bytes(), &parts),
        Raw::new(SECRET.as_bytes(), &parts),
    );
    let group = Group::default()
        .case("ours", || signed.verify())
        .case("floor", move || floor.verify())
        .case("floor_keyed_once", move || keyed_once.mac())
        .case("webhook_verify", signed.webhook_verify(Provider::Stripe));
    judge(report, name, group);
}

fn judge(report: &mut Report, name: &str, group: Group<'_>) {
    let measured = report.group(name, group);
    report.at_most(name, &measured, "ours", 1.05, "floor");
    report.at_most(name, &measured, "ours", 1.0, "webhook_verify");
}

/// A message and who verifies it.
struct Signed<'b> {
    body: &'b [u8],
    headers: HeaderMap,
    verifier: HmacVerifier,
    method: Method,
    uri: Uri,
    now: UnixTime,
}

impl<'b> Signed<'b> {
    fn new(scheme: Scheme, body: &'b [u8]) -> Self {
        let keys = Keyring::builder(&scheme)
            .key(
                TenantId::parse("acme").expect("a tenant"),
                "1",
                Secret::new(SECRET),
            )
            .build();
        let (keys, now) = (keys.expect("a key"), now());
        let tenant = TenantId::parse("acme").expect("a tenant");
        let signer = HmacSigner::new(scheme.clone(), keys.clone());
        let headers = signer.sign_payload(&Outgoing::new(&tenant, ID, body, now));
        Self {
            body,
            headers: headers.expect("signed"),
            verifier: HmacVerifier::new(scheme, keys),
            method: Method::POST,
            uri: Uri::from_static("/"),
            now,
        }
    }

    fn verify(&self) {
        let body = black_box(self.body);
        let message = Message::new(&self.method, &self.uri, &self.headers, body, self.now);
        let verified = self.verifier.verify_payload(&message);
        // Looked at where it is: copying the proof is no part of verifying.
        black_box(&verified).as_ref().expect("authentic");
    }

    fn webhook_verify(&self, provider: Provider) -> impl FnMut() {
        let secret = webhook_verify::Secret::new(SECRET);
        let options = webhook_verify::VerifyOptions::default();
        move || {
            let (provider, body) = (provider, black_box(self.body));
            webhook_verify::verify(provider, &self.headers, body, &secret, options.clone())
                .expect("authentic");
        }
    }

    /// The same fields under other names.
    fn renamed<const N: usize>(&self, names: [(&'static str, &'static str); N]) -> HeaderMap {
        HeaderMap::from_iter(names.map(|(from, to)| {
            let value = self.headers.get(from).expect("signed").clone();
            (HeaderName::from_static(to), value)
        }))
    }
}

/// What one writes with `hmac` and `sha2` alone.
struct Raw<'p> {
    key: &'p [u8],
    keyed: Hmac<Sha256>,
    parts: &'p [&'p [u8]],
    right: [u8; 32],
}

impl<'p> Raw<'p> {
    fn new(key: &'p [u8], parts: &'p [&'p [u8]]) -> Self {
        let mut raw = Self {
            key,
            keyed: Hmac::new_from_slice(key).expect("a key"),
            parts,
            right: [0; 32],
        };
        raw.right = raw.mac();
        raw
    }

    fn fed(&self, mut mac: Hmac<Sha256>) -> Hmac<Sha256> {
        for part in black_box(self.parts) {
            mac.update(part);
        }
        mac
    }

    fn mac(&self) -> [u8; 32] {
        self.fed(self.keyed.clone()).finalize().into_bytes().into()
    }

    fn verify(&self) {
        let mac = Hmac::new_from_slice(black_box(self.key)).expect("a key");
        self.fed(mac).verify_slice(black_box(&self.right)).expect("right");
    }
}

/// The libraries beside us look at the clock themselves.
fn now() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    UnixTime::since_unix_epoch(Duration::from_secs(since.as_secs()))
}
