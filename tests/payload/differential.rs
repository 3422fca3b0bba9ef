//! Beside `standardwebhooks` 1.0.1, `svix` 2.9.1 and `webhook-verify` 0.1.0: where we differ, and why.

use std::panic::{AssertUnwindSafe, catch_unwind};

use countersign::payload::hmac::{KeyProblem, KeySpec};
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload, VerifyPayload,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use proptest::prelude::*;

use crate::now;
use crate::vectors::{at, tenant};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const FIELDS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Yes,
    No,
    Panics,
}
use Says::{No, Panics, Yes};

fn says(verify: impl FnOnce() -> bool) -> Says {
    match catch_unwind(AssertUnwindSafe(verify)) {
        Ok(true) => Yes,
        Ok(false) => No,
        Err(_) => Panics,
    }
}

fn sign(id: &str, time: u64, body: &[u8]) -> HeaderMap {
    let scheme = Scheme::standard_webhooks();
    let keys = Keyring::builder(KeySpec::from(&scheme))
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(SECRET))
        .build()
        .expect("a key");
    let signer = HmacSigner::new(scheme, keys);
    signer
        .sign_payload(&Outgoing::new(&tenant(), id, body, at(time)))
        .expect("signed")
}

/// We, `standardwebhooks`, `svix`, `webhook-verify`.
fn all_say(headers: &HeaderMap, body: &[u8]) -> [Says; 4] {
    let scheme = Scheme::standard_webhooks();
    let keys = Keyring::builder(KeySpec::from(&scheme))
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(SECRET))
        .build()
        .expect("a key");
    let verifier = HmacVerifier::new(scheme, keys);
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let message = Message::new(&method, &uri, headers, body, at(now()));
    let standard = standardwebhooks::Webhook::new(SECRET).expect("a key");
    let svix = svix::webhooks::Webhook::new(SECRET).expect("a key");
    let secret = webhook_verify::Secret::new(SECRET);
    let provider = webhook_verify::Provider::StandardWebhooks;
    let options = webhook_verify::VerifyOptions::default();
    [
        says(|| verifier.verify_payload(&message).is_ok()),
        says(|| standard.verify(body, headers).is_ok()),
        says(|| svix.verify(body, headers).is_ok()),
        says(|| webhook_verify::verify(provider, headers, body, &secret, options).is_ok()),
    ]
}

fn with(headers: &HeaderMap, name: &'static str, value: &str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert(name, HeaderValue::from_str(value).expect("a value"));
    headers
}

/// Signed as the libraries sign, whatever the identity and the time look like.
fn signed_as_they_sign(id: &str, time: &str, body: &[u8]) -> HeaderMap {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let key =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &SECRET[6..]).expect("base64");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key");
    [id.as_bytes(), b".", time.as_bytes(), b".", body]
        .iter()
        .for_each(|part| mac.update(part));
    let mac = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        mac.finalize().into_bytes(),
    );
    let values = [id.to_owned(), time.to_owned(), format!("v1,{mac}")];
    let pair = |(name, value): (&'static str, String)| {
        (HeaderName::from_static(name), value.parse().expect("a value"))
    };
    FIELDS.into_iter().zip(values).map(pair).collect()
}

#[test]
fn where_we_differ() {
    let (body, time) = (&b"{\"test\": 2432232314}"[..], now());
    let good = sign("msg_1", time, body);
    let signature = good["webhook-signature"].to_str().expect("text").to_owned();
    let twice = |name: &'static str, value: &'static str| {
        let mut headers = good.clone();
        headers.append(name, HeaderValue::from_static(value));
        headers
    };
    let (t, plus, zero) = (time.to_string(), format!("+{time}"), format!("0{time}"));
    // Only a build with overflow checks says so; the others wrap round.
    let least = if cfg!(debug_assertions) { Panics } else { No };
    let many = vec![signature.as_str(); 101].join(" ");
    let cases = [
        ("as it should be", "", good.clone(), body, [Yes, Yes, Yes, Yes]),
        ("another body", "", good.clone(), b"{}", [No, No, No, No]),
        (
            "a malformed signature beside a good one",
            "one must not veto the other, or no sender can change its algorithm",
            with(&good, "webhook-signature", &format!("v1,xx {signature}")),
            body,
            [Yes, Yes, Yes, No],
        ),
        (
            "another version beside a good one",
            "",
            with(&good, "webhook-signature", &format!("v2,xx {signature}")),
            body,
            [Yes, Yes, Yes, Yes],
        ),
        (
            "a time with a sign",
            "a time has one form",
            with(&good, "webhook-timestamp", &plus),
            body,
            [No, Yes, Yes, No],
        ),
        (
            "a time with a zero",
            "a time has one form",
            with(&good, "webhook-timestamp", &zero),
            body,
            [No, Yes, Yes, No],
        ),
        (
            "the least time",
            "no text from outside may panic; with overflow checks theirs does",
            signed_as_they_sign("msg_1", "-9223372036854775808", body),
            body,
            [No, least, No, No],
        ),
        (
            "two identities",
            "a field that must be single and is not: another reader may take the other one",
            twice("webhook-id", "msg_2"),
            body,
            [No, Yes, Yes, Yes],
        ),
        (
            "two signatures fields",
            "as above",
            twice("webhook-signature", "v1,xx"),
            body,
            [No, Yes, Yes, Yes],
        ),
        (
            "an identity with a separator",
            "`a.b` + `c` and `a` + `b.c` are the same signed bytes: a replay under another name",
            signed_as_they_sign("msg.1", &t, body),
            body,
            [No, Yes, Yes, Yes],
        ),
        (
            "an empty identity",
            "it names nothing",
            signed_as_they_sign("", &t, body),
            body,
            [No, Yes, Yes, Yes],
        ),
        (
            "a hundred and one signatures",
            "limits before work",
            with(&good, "webhook-signature", &many),
            body,
            [No, Yes, Yes, Yes],
        ),
        (
            "a body that is not UTF-8",
            "a body is bytes",
            signed_as_they_sign("msg_1", &t, b"\xff"),
            b"\xff",
            [Yes, No, No, Yes],
        ),
        (
            "stale",
            "",
            sign("msg_1", time - 400, body),
            body,
            [No, No, No, No],
        ),
        (
            "from the future",
            "",
            sign("msg_1", time + 400, body),
            body,
            [No, No, No, No],
        ),
    ];
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // theirs is expected below, and noise
    let verdicts: Vec<_> = cases
        .iter()
        .map(|(_, _, headers, body, _)| all_say(headers, body))
        .collect();
    std::panic::set_hook(hook);
    for ((name, reason, _, _, expected), verdict) in cases.iter().zip(verdicts) {
        assert_eq!(
            verdict, *expected,
            "{name}: we, standardwebhooks, svix, webhook-verify"
        );
        let [ours, theirs @ ..] = expected;
        let differs = theirs.iter().any(|says| says != ours);
        assert!(
            !differs || !reason.is_empty(),
            "{name}: a difference has a reason"
        );
    }
}

#[test]
fn where_webhook_verify_differs_on_github() {
    let scheme = Scheme::github();
    let key = "It's a Secret to Everybody";
    let keys = Keyring::builder(KeySpec::from(&scheme))
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(key))
        .build()
        .expect("a key");
    let verifier = HmacVerifier::new(scheme, keys);
    let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let cases = [
        (format!("sha256={digits}"), [Yes, Yes]),
        // A MAC has one form: ours is the strict one.
        (format!("SHA256={digits}"), [No, Yes]),
        (format!("sha256={}", digits.to_uppercase()), [No, Yes]),
        (format!("sha1={digits}"), [No, No]),
        (digits.to_owned(), [No, No]),
    ];
    for (signature, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-hub-signature-256",
            HeaderValue::from_str(&signature).expect("a value"),
        );
        let (method, uri) = (Method::POST, Uri::from_static("/"));
        let message = Message::new(&method, &uri, &headers, b"Hello, World!", at(0));
        let provider = webhook_verify::Provider::GitHub;
        let theirs = webhook_verify::verify(
            provider,
            &headers,
            b"Hello, World!",
            &webhook_verify::Secret::new(key),
            Default::default(),
        );
        let verdict = [
            says(|| verifier.verify_payload(&message).is_ok()),
            says(|| theirs.is_ok()),
        ];
        assert_eq!(verdict, expected, "{signature}");
    }
    // And an empty secret, with which anybody can sign: refused here when it is configured.
    let empty = hmac_hex(b"", b"Hello, World!");
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-hub-signature-256",
        HeaderValue::from_str(&format!("sha256={empty}")).expect("a value"),
    );
    let provider = webhook_verify::Provider::GitHub;
    let theirs = webhook_verify::verify(
        provider,
        &headers,
        b"Hello, World!",
        &webhook_verify::Secret::new(""),
        Default::default(),
    );
    assert_eq!(theirs.map(drop), Ok(()));
    let ours = Keyring::builder(&Scheme::github())
        .allow_weak_secrets()
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(""))
        .build();
    assert_eq!(ours.err().map(|invalid| invalid.problem), Some(KeyProblem::Empty));
    assert_eq!(
        standardwebhooks::Webhook::new("whsec_")
            .map(drop)
            .err()
            .map(|why| why.to_string()),
        None
    );
    let ours = Keyring::builder(&Scheme::standard_webhooks())
        .allow_weak_secrets()
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new("whsec_"))
        .build();
    assert_eq!(ours.err().map(|invalid| invalid.problem), Some(KeyProblem::Empty));
}

fn hmac_hex(key: &[u8], text: &[u8]) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key)
        .expect("a key")
        .chain_update(text);
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_well_formed_is_judged_alike(
        id in "[a-zA-Z0-9_-]{1,40}",
        body in "\\PC{0,200}",
        off in -290_i64..290,
        tampered in any::<bool>(),
    ) {
        let headers = sign(&id, now().saturating_add_signed(off), body.as_bytes());
        let sent = if tampered { format!("{body}x") } else { body };
        let expected = if tampered { No } else { Yes };
        prop_assert_eq!(all_say(&headers, sent.as_bytes()), [expected; 4]);
    }
}
