//! DID THEY SAY THIS? Header fields and a body as they come from outside, by every preset, whole and in pieces.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use countersign::payload::hmac::{KeyForm, KeySpec};
use countersign::payload::providers::presets;
use countersign::payload::providers::presets::Make;
use countersign::payload::{Head, HmacVerifier, Keyring, Origin, Secret, VerifyPayload};
use countersign::tenant::TenantId;
use countersign_fuzz::{bounded, head_and_body, headers};
use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::UnixTime;

static VERIFIERS: LazyLock<Vec<HmacVerifier>> = LazyLock::new(|| {
    let origin = Origin::parse("https://example.com").expect("an origin");
    let schemes = presets::all().filter_map(|preset| match preset.make {
        Make::Hmac(make) => Some(make()),
        Make::HmacOfUrl(make) => Some(make(&origin)),
        _ => None,
    });
    let verifier = |scheme| {
        let KeySpec::Secret { form, .. } = KeySpec::from(&scheme) else {
            unreachable!()
        };
        let secret = match form {
            KeyForm::Base64 { .. } => "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            KeyForm::Hex => "44782DEF547AAA06C910C43932B1EB0C",
            _ => "It's a Secret to Everybody",
        };
        let keys = Keyring::builder(&scheme)
            .key(TenantId::parse("acme").unwrap(), "1", Secret::new(secret))
            .build()
            .expect("a key");
        HmacVerifier::new(scheme, keys)
    };
    schemes.map(verifier).collect()
});

// The first byte chooses the preset; then lines `name: value`, an empty line, the body.
fuzz_target!(init: { LazyLock::force(&VERIFIERS); }, |data: &[u8]| {
    let Some((choice, message)) = data.split_first() else {
        return;
    };
    let verifier = &VERIFIERS[usize::from(*choice) % VERIFIERS.len()];
    let (lines, body) = head_and_body(message);
    let headers = headers(lines);
    let (method, uri) = (Method::POST, Uri::from_static("/in?data.id=1"));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
    let head = Head::new(&method, &uri, &headers, now);
    let whole = bounded(data, || verifier.verify_payload(&head.with_body(body)))
        .map(|authentic| authentic.key().clone());
    let pieces = match verifier.begin_payload(&head, usize::MAX) {
        Ok(None) => return,
        Ok(Some(mut running)) => {
            let (first, second) = body.split_at(body.len() / 2);
            running
                .update(first)
                .and_then(|()| running.update(second))
                .expect("no limit");
            running.finish(now).map(|authentic| authentic.key().clone())
        }
        Err(forged) => Err(forged),
    };
    assert_eq!(whole, pieces);
});
