//! DID THEY SAY THIS? What a preset signs, the same preset takes, and takes for this tenant only, whatever the body is.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use countersign::payload::hmac::{KeyForm, KeySpec};
use countersign::payload::providers::presets::{self, Make};
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, NotAuthentic, Origin, Outgoing, Scheme, Secret, VerifyPayload,
};
use countersign::tenant::TenantId;
use countersign_fuzz::bounded;
use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::UnixTime;

struct Pair {
    signer: HmacSigner,
    verifier: HmacVerifier,
    other: HmacVerifier,
}

static PAIRS: LazyLock<Vec<Pair>> = LazyLock::new(|| {
    let origin = Origin::parse("https://example.com").expect("an origin");
    let schemes = presets::all().filter_map(|preset| match preset.make {
        Make::Hmac(make) => Some(make()),
        Make::HmacOfUrl(make) => Some(make(&origin)),
        _ => None,
    });
    schemes.map(|scheme| Pair::new(&scheme)).collect()
});

impl Pair {
    fn new(scheme: &Scheme) -> Self {
        let ring = |tenant: &str, secret: usize| {
            Keyring::builder(scheme)
                .key(
                    TenantId::parse(tenant).unwrap(),
                    "1",
                    Secret::new(secrets(scheme)[secret]),
                )
                .build()
                .expect("a key")
        };
        Self {
            signer: HmacSigner::new(scheme.clone(), ring("acme", 0)),
            verifier: HmacVerifier::new(scheme.clone(), ring("acme", 0)),
            other: HmacVerifier::new(scheme.clone(), ring("globex", 1)),
        }
    }
}

fn secrets(scheme: &Scheme) -> [&'static str; 2] {
    let KeySpec::Secret { form, .. } = KeySpec::from(scheme) else {
        unreachable!("an HMAC has a secret")
    };
    match form {
        KeyForm::Base64 { .. } => [
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "D2FVsBQIhrscChlQIMV+b5sSYspob7oE",
        ],
        KeyForm::Hex => [
            "44782DEF547AAA06C910C43932B1EB0C",
            "54782DEF547AAA06C910C43932B1EB0D",
        ],
        _ => ["It's a Secret to Everybody", "It's a Secret to Nobody, it is"],
    }
}

// The first byte chooses the preset; the rest is the body.
fuzz_target!(init: { LazyLock::force(&PAIRS); }, |data: &[u8]| {
    let Some((choice, body)) = data.split_first() else {
        return;
    };
    let pair = &PAIRS[usize::from(*choice) % PAIRS.len()];
    let (acme, method, uri) = (
        TenantId::parse("acme").unwrap(),
        Method::POST,
        Uri::from_static("/in?id=1"),
    );
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
    let outgoing = Outgoing::new(&acme, "msg_1", body, now).with_request(&method, &uri);
    let Ok((headers, body)) = bounded(body, || pair.signer.sign_with_body(&outgoing)) else {
        return;
    };
    let message = Message::new(&method, &uri, &headers, &body, now);
    match pair.verifier.verify_payload(&message) {
        Ok(authentic) => assert_eq!(authentic.sender(), &acme),
        // A time or a name that stands in the body is the body's matter, also when it is signed.
        Err(why) => assert_ne!(why, NotAuthentic::SignatureMismatch),
    }
    assert!(pair.other.verify_payload(&message).is_err(), "by this key alone");
});
