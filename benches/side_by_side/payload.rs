//! The cost of verifying a payload: us, the floor, and the libraries of the field.
//!
//! "least" is what one writes by hand for this one scheme, with `hmac` and `sha2`: the fields are read, the time is looked at, the
//! signature is decoded into a place on the stack and compared in constant time, and the key was taken in before. "mac" is less than
//! any verification: the MAC alone, of bytes that lie ready.

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
    // What stands behind `whsec_`.
    let key = STANDARD.decode(&SECRET[6..]).expect("base64");
    let least = Least::new(&key, signed);
    let standard = standardwebhooks::Webhook::new(SECRET).expect("a key");
    let svix = svix::webhooks::Webhook::new(SECRET).expect("a key");
    let renamed = signed.renamed([
        ("webhook-id", "svix-id"),
        ("webhook-timestamp", "svix-timestamp"),
        ("webhook-signature", "svix-signature"),
    ]);
    let group = Group::default()
        .case("ours", || signed.verify())
        .case("least", || {
            assert_eq!(least.standard(black_box(signed)), Some(()))
        })
        .case("mac", || least.mac(black_box(signed.body)))
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
    let least = Least::new(SECRET.as_bytes(), signed);
    let group = Group::default()
        .case("ours", || signed.verify())
        .case("least", || assert_eq!(least.github(black_box(signed)), Some(())))
        .case("mac", || least.mac(black_box(signed.body)))
        .case("webhook_verify", signed.webhook_verify(Provider::GitHub));
    judge(report, name, group);
}

fn stripe(report: &mut Report, name: &str, signed: &Signed<'_>) {
    let least = Least::new(SECRET.as_bytes(), signed);
    let group = Group::default()
        .case("ours", || signed.verify())
        .case("least", || assert_eq!(least.stripe(black_box(signed)), Some(())))
        .case("mac", || least.mac(black_box(signed.body)))
        .case("webhook_verify", signed.webhook_verify(Provider::Stripe));
    judge(report, name, group);
}

fn judge(report: &mut Report, name: &str, group: Group<'_>) {
    let measured = report.group(name, group);
    report.at_most(name, &measured, "ours", 1.05, "least");
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

    fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
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

/// What one writes by hand.
struct Least {
    keyed: Hmac<Sha256>,
    now: u64,
}

impl Least {
    fn new(key: &[u8], signed: &Signed<'_>) -> Self {
        Self {
            keyed: Hmac::new_from_slice(key).expect("a key"),
            now: signed.now.as_secs(),
        }
    }

    fn mac(&self, body: &[u8]) -> [u8; 32] {
        self.keyed
            .clone()
            .chain_update(body)
            .finalize()
            .into_bytes()
            .into()
    }

    fn is_fresh(&self, time: &str) -> Option<()> {
        (time.parse::<u64>().ok()?.abs_diff(self.now) <= 300).then_some(())
    }

    fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> Option<()> {
        let fed = parts
            .iter()
            .fold(self.keyed.clone(), |fed, part| fed.chain_update(part));
        fed.verify_slice(mac).ok()
    }

    fn standard(&self, signed: &Signed<'_>) -> Option<()> {
        let [id, time, signatures] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| signed.field(name));
        let (id, time) = (id?, time?);
        self.is_fresh(time)?;
        let mut place = [0; 36];
        signatures?.split(' ').find_map(|signature| {
            let mac = signature.strip_prefix("v1,").filter(|mac| mac.len() == 44)?;
            let len = STANDARD.decode_slice(mac, &mut place).ok()?;
            self.verify(
                &[id.as_bytes(), b".", time.as_bytes(), b".", signed.body],
                &place[..len],
            )
        })
    }

    fn github(&self, signed: &Signed<'_>) -> Option<()> {
        let mac = unhex(signed.field("x-hub-signature-256")?.strip_prefix("sha256=")?)?;
        self.verify(&[signed.body], &mac)
    }

    fn stripe(&self, signed: &Signed<'_>) -> Option<()> {
        let field = signed.field("stripe-signature")?;
        let parts = || field.split(',').filter_map(|part| part.split_once('='));
        let (_, time) = parts().find(|(name, _)| *name == "t")?;
        self.is_fresh(time)?;
        parts()
            .filter(|(name, _)| *name == "v1")
            .find_map(|(_, mac)| self.verify(&[time.as_bytes(), b".", signed.body], &unhex(mac)?))
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(bytes)
}

/// The libraries beside us look at the clock themselves.
fn now() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    UnixTime::since_unix_epoch(Duration::from_secs(since.as_secs()))
}
