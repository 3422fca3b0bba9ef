//! Holes that were found in today's libraries (payload.md §4.0) and concern HMAC, each as a test of its row.

mod ambiguous;
mod published;

use countersign::payload::hmac::{KeyProblem, KeySpec};
use countersign::payload::providers::TwilioVerifier;
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use proptest::prelude::*;

use crate::signing::ring;
use crate::vectors::{at, published, tenant};

const NOW: u64 = 1_790_000_000;

const BODY: &[u8] = b"{\"event\":\"invoice.paid\"}";

fn sign(scheme: &Scheme) -> HeaderMap {
    let signer = HmacSigner::new(scheme.clone(), ring(KeySpec::from(scheme), &[1]));
    signer
        .sign_payload(&Outgoing::new(&tenant(), "msg-1", BODY, at(NOW)))
        .expect("signed")
}

fn verify_at(scheme: &Scheme, headers: &HeaderMap, body: &[u8], now: u64) -> Result<(), &'static str> {
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let verifier = HmacVerifier::new(scheme.clone(), ring(KeySpec::from(scheme), &[1]));
    let message = Message::new(&method, &uri, headers, body, at(now));
    verifier
        .verify_payload(&message)
        .map(|_| ())
        .map_err(|forged| forged.code())
}

fn verify(scheme: &Scheme, headers: &HeaderMap) -> Result<(), &'static str> {
    verify_at(scheme, headers, BODY, NOW)
}

fn with(headers: &HeaderMap, name: &'static str, value: &str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert(name, HeaderValue::from_str(value).expect("a value"));
    headers
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().expect("text")
}

#[test]
fn hole_4_0_1_empty_secret() {
    let whsec = KeyProblem::Form {
        form: Scheme::standard_webhooks_key_form(),
    };
    let cases = [
        (Scheme::standard_webhooks(), "", KeyProblem::Empty),
        (Scheme::standard_webhooks(), "whsec_", KeyProblem::Empty),
        (Scheme::standard_webhooks(), " ", KeyProblem::Space),
        (Scheme::standard_webhooks(), "whsec_ ", KeyProblem::Space),
        (Scheme::standard_webhooks(), "whsec_===", whsec),
        (Scheme::github(), "", KeyProblem::Empty),
        (Scheme::github(), "\t\n", KeyProblem::Space),
        (Scheme::stripe(), "", KeyProblem::Empty),
        (Scheme::authorize_net(), "", KeyProblem::Empty),
        (Scheme::braintree(), "", KeyProblem::Empty),
    ];
    for (scheme, secret, expected) in cases {
        for weak in [false, true] {
            let builder = Keyring::builder(&scheme);
            let builder = if weak {
                builder.allow_weak_secrets()
            } else {
                builder
            };
            let built = builder
                .key(TenantId::parse("acme").unwrap(), "1", Secret::new(secret))
                .build();
            assert_eq!(
                built.err().map(|invalid| invalid.problem),
                Some(expected.clone()),
                "{secret:?}"
            );
        }
    }
}

trait KeyFormOf {
    fn standard_webhooks_key_form() -> countersign::payload::hmac::KeyForm;
}

impl KeyFormOf for Scheme {
    fn standard_webhooks_key_form() -> countersign::payload::hmac::KeyForm {
        countersign::payload::hmac::KeyForm::Base64 {
            prefix: "whsec_".into(),
        }
    }
}

#[test]
fn hole_4_0_2_i64_min_timestamp() {
    let scheme = Scheme::standard_webhooks();
    let headers = sign(&scheme);
    for time in [
        "-9223372036854775808",
        "9223372036854775807",
        "18446744073709551615",
        "-1",
        "1e99",
    ] {
        let forged = with(&headers, "webhook-timestamp", time);
        assert_eq!(verify(&scheme, &forged), Err("payload.malformed_time"), "{time}");
    }
    assert_eq!(verify_at(&scheme, &headers, BODY, u64::MAX), Err("replay.stale"));
    assert_eq!(
        verify_at(&scheme, &headers, BODY, 0),
        Err("replay.from_the_future")
    );
}

proptest! {
    #[test]
    fn hole_4_0_2_no_number_panics(time in any::<i128>(), now in any::<u64>()) {
        let scheme = Scheme::standard_webhooks();
        let headers = with(&sign(&scheme), "webhook-timestamp", &time.to_string());
        let verdict = verify_at(&scheme, &headers, BODY, now);
        prop_assert!(time == i128::from(NOW) || verdict.is_err());
    }

    #[test]
    fn hole_4_0_2_no_header_panics(field in "[ -~]{0,80}", place in 0_usize..3) {
        for scheme in [Scheme::standard_webhooks(), Scheme::stripe(), Scheme::recurly(), Scheme::docusign(), Scheme::persona()] {
            let mut headers = sign(&scheme);
            let names: Vec<HeaderName> = headers.keys().cloned().collect();
            let name = &names[place % names.len()];
            let changed = headers[name] != field.as_str();
            headers.insert(name, HeaderValue::from_str(&field).expect("a value"));
            prop_assert_eq!(verify(&scheme, &headers).is_ok(), !changed, "{}", scheme.name());
        }
    }
}

#[test]
fn hole_4_0_3_other_forms_of_a_number() {
    let scheme = Scheme::standard_webhooks();
    let headers = sign(&scheme);
    for time in [
        "+1790000000",
        "01790000000",
        " 1790000000",
        "1790000000 ",
        "1790000000.0",
        "0x6AB13B80",
        "１７９００００００",
    ] {
        let mut forged = headers.clone();
        let value = HeaderValue::from_bytes(time.as_bytes()).expect("a value");
        forged.insert("webhook-timestamp", value);
        let code = if time.is_ascii() {
            "payload.malformed_time"
        } else {
            "payload.malformed_header"
        };
        assert_eq!(verify(&scheme, &forged), Err(code), "{time}");
    }
}

#[test]
fn hole_4_0_3_and_4_0_7_repeated_header() {
    for scheme in [
        Scheme::standard_webhooks(),
        Scheme::github(),
        Scheme::slack(),
        Scheme::docusign(),
    ] {
        let headers = sign(&scheme);
        for name in headers.keys() {
            for value in [headers[name].clone(), HeaderValue::from_static("other")] {
                let mut forged = headers.clone();
                forged.append(name.clone(), value);
                assert_eq!(verify(&scheme, &forged), Err("payload.repeated_header"), "{name}");
            }
        }
    }
}

#[test]
fn hole_4_0_4_twilio_json_body_is_authenticated() {
    let vector = published()
        .into_iter()
        .find(|vector| vector.name == "twilio json bodySHA256")
        .expect("a vector");
    let headers = vector.header_map();
    assert_eq!(vector.check(), Ok("0".into()));
    let changed = vector.body.replace("true", "false");
    assert_eq!(
        vector.check_as(&headers, changed.as_bytes(), NOW),
        Err("payload.signature_mismatch")
    );
    assert_eq!(
        vector.check_as(&headers, b"", NOW),
        Err("payload.signature_mismatch")
    );
    let mut form = headers.clone();
    form.insert(
        "content-type",
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    assert_eq!(
        vector.check_as(&form, changed.as_bytes(), NOW),
        Err("payload.signature_mismatch")
    );
}

/// Without the hash in the URL, a body that is no form would be covered by nothing.
#[test]
fn hole_4_0_4_twilio_body_that_nothing_covers() {
    let origin = countersign::payload::Origin::parse("https://mycompany.com").expect("an origin");
    let verifier = TwilioVerifier::new(origin, ring(TwilioVerifier::KEYS, &[1]));
    let (method, uri) = (Method::POST, Uri::from_static("/hook"));
    let tenant = tenant();
    let outgoing = Outgoing::new(&tenant, "", b"", at(NOW)).with_request(&method, &uri);
    let mut headers = verifier.sign_payload(&outgoing).expect("signed");
    let check = |headers: &HeaderMap, body: &[u8]| {
        let message = Message::new(&method, &uri, headers, body, at(NOW));
        verifier
            .verify_payload(&message)
            .map(|_| ())
            .map_err(|forged| forged.code())
    };
    assert_eq!(check(&headers, b""), Ok(()));
    assert_eq!(check(&headers, b"a=1"), Err("payload.signature_mismatch"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    assert_eq!(check(&headers, b"{}"), Err("payload.denied"));
    headers.remove("content-type");
    assert_eq!(check(&headers, b"{}"), Err("payload.denied"));
}

#[test]
fn hole_4_0_5_every_twilio_vector() {
    let vectors: Vec<_> = published()
        .into_iter()
        .filter(|vector| vector.preset == "twilio")
        .collect();
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        assert_eq!(vector.check(), Ok("0".into()), "{}", vector.name);
    }
}

#[test]
fn hole_4_0_6_a_malformed_signature_vetoes_nothing() {
    let tagged = Scheme::standard_webhooks();
    let headers = sign(&tagged);
    let good = text(&headers, "webhook-signature").to_owned();
    for bad in [
        "v1,xx", "v1,", "v1", ",", "v2,AAAA", "v1a,AAAA", "", "v1,====", "=,=",
    ] {
        for list in [format!("{bad} {good}"), format!("{good} {bad}")] {
            let mixed = with(&headers, "webhook-signature", &list);
            assert_eq!(verify(&tagged, &mixed), Ok(()), "{list}");
        }
    }
    let list = Scheme::stripe();
    let headers = sign(&list);
    let good = text(&headers, "stripe-signature").to_owned();
    for bad in ["v1=xx", "v1=", "v1", "=", "v0=00", ""] {
        let mixed = with(&headers, "stripe-signature", &format!("{bad},{good}"));
        assert_eq!(verify(&list, &mixed), Ok(()), "{bad}");
    }
}

#[test]
fn hole_4_0_7_prefix_and_digits_have_one_case() {
    let scheme = Scheme::github();
    let headers = sign(&scheme);
    let good = text(&headers, "x-hub-signature-256").to_owned();
    let digits = good.strip_prefix("sha256=").expect("a prefix");
    let cases = [
        (format!("SHA256={digits}"), Err("payload.malformed_signature")),
        (
            format!("sha256={}", digits.to_uppercase()),
            Err("payload.malformed_signature"),
        ),
        (format!("sha1={digits}"), Err("payload.malformed_signature")),
        (format!("sha256= {digits}"), Err("payload.malformed_signature")),
        (format!("sha256={digits} "), Err("payload.malformed_signature")),
        (digits.to_owned(), Err("payload.malformed_signature")),
        (good.clone(), Ok(())),
    ];
    for (signature, expected) in cases {
        assert_eq!(
            verify(&scheme, &with(&headers, "x-hub-signature-256", &signature)),
            expected,
            "{signature}"
        );
    }
}
