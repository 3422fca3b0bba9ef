//! DID THEY SAY THIS? `Signature-Input`, `Signature`, `Content-Digest` and a body as they come from outside: split at
//! the first three line breaks.
#![no_main]

use std::time::Duration;

use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier,
};
use countersign::payload::jose::{Algorithm, VerifyingKey};
use countersign::payload::{KeyId, Message, Origin, VerifyPayload};
use countersign::tenant::TenantId;
use countersign_fuzz::bounded;
use http::{HeaderMap, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::UnixTime;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in ["signature-input", "signature", "content-digest"] {
        if let Some(value) = parts.next().and_then(|value| HeaderValue::from_bytes(value).ok()) {
            headers.insert(name, value);
        }
    }
    let key = VerifyingKey::hmac(KeyId::new("k"), Algorithm::Hs256, &[7; 32]).unwrap();
    let keys = HttpSignatureKeyring::builder()
        .keys(TenantId::parse("acme").unwrap(), [key])
        .build()
        .unwrap();
    let policy = HttpSignaturePolicy::new(Origin::parse("https://hooks.example").unwrap());
    let (method, uri) = (Method::POST, Uri::from_static("/acme?x=1"));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
    let message = Message::new(&method, &uri, &headers, parts.next().unwrap_or_default(), now);
    let verifier = HttpSignatureVerifier::new(policy, keys);
    let _ = bounded(data, || verifier.verify_payload(&message));
});
