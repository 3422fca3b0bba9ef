//! SNS, PayPal and eBay: providers whose messages name a published key.

use std::sync::Arc;

use countersign::payload::providers::{PayPalVerifier, SnsVerifier};
use countersign::payload::public_key::{PublicKeyAlgorithm, UnsupportedAlgorithm};
use countersign::payload::{Keyring, Message, NoKey, Secret, Strength, VerifyPayload as _};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;

use super::{NOW, headers};
use crate::vectors::{algorithms, at, tenant};

/// When the messages below were signed.
const SIGNED: u64 = 1_800_000_000;

#[derive(Deserialize)]
struct Rsa {
    certificate: String,
    paypal_body: String,
    paypal_signature: String,
    sns: Vec<Sns>,
}

#[derive(Deserialize)]
struct Sns {
    name: String,
    body: String,
}

fn rsa() -> Rsa {
    toml::from_str(include_str!("../../vectors/rsa.toml")).expect("a file")
}

fn certificates(
    rsa: &Rsa,
) -> impl Fn(&str) -> Result<CertificateDer<'static>, NoKey> + Send + Sync + 'static {
    let der = Arc::new(CertificateDer::from_pem_slice(rsa.certificate.as_bytes()).expect("a certificate"));
    move |url| {
        if url.ends_with("-1.pem") || url.ends_with("CERT-1") {
            Ok((*der).clone())
        } else {
            Err(NoKey::Unavailable)
        }
    }
}

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:topic";

fn sns(verifier: &SnsVerifier, body: &str, now: u64) -> Result<String, &'static str> {
    let (method, uri, headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
    let message = Message::new(&method, &uri, &headers, body.as_bytes(), at(now));
    verifier
        .recognize(&message)
        .map(|sns| sns.message_id)
        .map_err(|forged| forged.code())
}

#[test]
fn sns_signs_fields_of_the_body() {
    let rsa = rsa();
    let mut available = algorithms().to_vec();
    let modern = SnsVerifier::new(tenant(), TOPIC, certificates(&rsa), &available).expect("RSA");
    available.push(&crate::sha1::RsaSha1);
    let both = SnsVerifier::new(tenant(), TOPIC, certificates(&rsa), &available).expect("RSA");
    let id = || Ok("22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324".to_owned());
    for vector in &rsa.sns {
        assert_eq!(sns(&both, &vector.body, SIGNED), id(), "{}", vector.name);
        let expected = if vector.name == "version 1" {
            Err("payload.denied")
        } else {
            id()
        };
        assert_eq!(sns(&modern, &vector.body, SIGNED), expected, "{}", vector.name);
    }
    let good = &rsa.sns[2].body;
    let cases = [
        (
            "another message",
            good.replace("two", "2"),
            Err("payload.signature_mismatch"),
        ),
        (
            "another id",
            good.replace("22b80b92", "32b80b92"),
            Err("payload.signature_mismatch"),
        ),
        (
            "another subject",
            good.replace("a subject", "no subject"),
            Err("payload.signature_mismatch"),
        ),
        (
            "another topic",
            good.replace(":topic", ":other"),
            Err("payload.denied"),
        ),
        (
            "a downgrade",
            good.replace(r#"Version": "2"#, r#"Version": "1"#),
            Err("payload.signature_mismatch"),
        ),
        (
            "an unknown version",
            good.replace(r#"Version": "2"#, r#"Version": "3"#),
            Err("payload.denied"),
        ),
        (
            "a host of evil",
            good.replace("amazonaws.com/", "amazonaws.com.evil.com/"),
            Err("payload.malformed_body"),
        ),
        (
            "a certificate not there yet",
            good.replace("Service-1.pem", "Service2.pem"),
            Err("payload.keys_unavailable"),
        ),
        (
            "a second line",
            good.replace("a subject", "a\\nsubject"),
            Err("payload.malformed_body"),
        ),
        (
            "two ids",
            good.replacen('{', r#"{"MessageId": "x","#, 1),
            Err("payload.malformed_body"),
        ),
        ("no JSON", good.replace('{', "["), Err("payload.malformed_body")),
        (
            "unsigned extras",
            good.replacen('{', r#"{"Extra": "x","#, 1),
            id(),
        ),
    ];
    for (name, body, expected) in cases {
        assert_eq!(sns(&both, &body, SIGNED), expected, "{name}");
    }
    assert_eq!(
        sns(&both, good, 0),
        Err("payload.denied"),
        "the certificate is not valid then"
    );
}

#[test]
fn paypal_signs_a_checksum() {
    let rsa = rsa();
    let webhook = "1JE4291016473214C";
    let verifier =
        |webhook| PayPalVerifier::new(tenant(), webhook, certificates(&rsa), algorithms()).expect("RSA");
    let url = "https://api.paypal.com/v1/notifications/certs/CERT-1";
    let good = [
        ("paypal-transmission-id", "69cd13f0-d67a-11e5-baa3-778b53f4ae55"),
        ("paypal-transmission-time", "2027-01-15T08:00:00Z"),
        ("paypal-transmission-sig", &*rsa.paypal_signature),
        ("paypal-cert-url", url),
        ("paypal-auth-algo", "SHA256withRSA"),
    ];
    let check = |webhook, fields: &[(&'static str, &str)], body: &str, now| {
        let (method, uri, headers) = (Method::POST, Uri::from_static("/"), headers(fields));
        let message = Message::new(&method, &uri, &headers, body.as_bytes(), at(now));
        verifier(webhook)
            .recognize(&message)
            .map(|event| event.recognized.strength())
            .map_err(|forged| forged.code())
    };
    let swap = |name: &str, value: &'static str| {
        good.map(|(field, old)| {
            if field == name {
                (field, value)
            } else {
                (field, old)
            }
        })
    };
    let body = &*rsa.paypal_body;
    assert_eq!(check(webhook, &good, body, SIGNED), Ok(Strength::Checksum));
    assert_eq!(
        check("other", &good, body, SIGNED),
        Err("payload.signature_mismatch")
    );
    assert_eq!(
        check(webhook, &good, "{}", SIGNED),
        Err("payload.signature_mismatch")
    );
    assert_eq!(check(webhook, &good, body, SIGNED + 301), Err("replay.stale"));
    for (name, value, code) in [
        ("paypal-auth-algo", "none", "payload.malformed_header"),
        (
            "paypal-cert-url",
            "https://evil.com/v1/notifications/certs/CERT-1",
            "payload.malformed_header",
        ),
        (
            "paypal-cert-url",
            "https://api.paypal.com/v1/notifications/certs/CERT2",
            "payload.keys_unavailable",
        ),
        ("paypal-transmission-id", "x", "payload.signature_mismatch"),
        ("paypal-transmission-id", "a|b", "payload.malformed_header"),
        ("paypal-transmission-time", "yesterday", "payload.malformed_time"),
        ("paypal-transmission-sig", "!", "payload.malformed_signature"),
    ] {
        assert_eq!(
            check(webhook, &swap(name, value), body, SIGNED),
            Err(code),
            "{name}: {value}"
        );
    }
    let none = PayPalVerifier::new(tenant(), webhook, certificates(&rsa), &[]);
    assert_eq!(none.err(), Some(unsupported()));
}

fn unsupported() -> UnsupportedAlgorithm {
    let scheme = countersign::payload::public_key::PublicKeyScheme::wise();
    assert_eq!(scheme.algorithm(), PublicKeyAlgorithm::RsaSha256);
    let keys = Keyring::builder(&scheme)
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(&wise_key()))
        .build()
        .expect("a key");
    let verifier = countersign::payload::public_key::PublicKeyVerifier::new(scheme, keys, &[]);
    verifier.expect_err("nothing to verify with")
}

fn wise_key() -> String {
    let vectors = crate::vectors::published();
    vectors
        .into_iter()
        .find(|vector| vector.preset == "wise")
        .expect("a vector")
        .keys
        .remove(0)
}

/// `VALID` of eBay/event-notification-nodejs-sdk, test/test.json, as it is sent: JSON without spaces.
#[test]
fn ebay_is_believed_in_its_own_sample() {
    use crate::sha1::EcdsaSha1;
    use countersign::payload::providers::EbayVerifier;

    const SIGNATURE: &str = "eyJhbGciOiJlY2RzYSIsImtpZCI6Ijk5MzYyNjFhLTdkN2ItNDYyMS1hMGYxLTk2Y2NiNDI4YWY0OSIsInNpZ25hdHVyZSI6Ik1FWUNJUUNmeGZJV3V4bVdjSUJRSjljNS9YN2lHREpxczJSQ0dzQkVhQWppbnlycmZBSWhBSVY2d0djVGlCdVY1S0pVaWYyaG9reXJMK1E5c3NIa2FkK214Mm5FRTI1dyIsImRpZ2VzdCI6IlNIQTEifQ==";
    const BODY: &str = r#"{"metadata":{"topic":"MARKETPLACE_ACCOUNT_DELETION","schemaVersion":"1.0","deprecated":false},"notification":{"notificationId":"49feeaeb-4982-42d9-a377-9645b8479411_33f7e043-fed8-442b-9d44-791923bd9a6d","eventDate":"2021-03-19T20:43:59.462Z","publishDate":"2021-03-19T20:43:59.679Z","publishAttemptCount":1,"data":{"username":"test_user","userId":"ma8vp1jySJC","eiasToken":"nY+sHZ2PrBmdj6wVnY+sEZ2PrA2dj6wJnY+gAZGEpwmdj6x9nY+seQ=="}}}"#;
    let find = |id: &str| {
        match id {
        "9936261a-7d7b-4621-a0f1-96ccb428af49" => Ok("-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZhhxXKtR+TOvtDbgTPCkSof02qgBB7IsYOyf76ilExJ/upAa/vKIKheOoCyOpcLmi4t0b4uepb7LLjmMr90FUg==-----END PUBLIC KEY-----".to_owned()),
        _ => Err(NoKey::Unavailable),
    }
    };
    let verifier = EbayVerifier::new(tenant(), find, &[&EcdsaSha1]).expect("provided");
    let (root, headers) = (Uri::from_static("/"), headers(&[("x-ebay-signature", SIGNATURE)]));
    let changed = BODY.replace("test_user", "test_uses");
    for (body, expected) in [
        (BODY, Ok("acme".to_owned())),
        (&*changed, Err("payload.signature_mismatch")),
    ] {
        let message = Message::new(&Method::POST, &root, &headers, body.as_bytes(), at(NOW));
        let verified = verifier.verify_payload(&message);
        let verdict = verified
            .map(|authentic| authentic.sender().to_string())
            .map_err(|forged| forged.code());
        assert_eq!(verdict, expected);
    }
}

#[test]
fn ebay_names_its_key() {
    use crate::ebay_key::EbayKey as Key;
    use crate::sha1::EcdsaSha1;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use countersign::payload::providers::EbayVerifier;
    use countersign::payload::public_key::SignBytes as _;

    const ID: &str = "9936261a-7d7b-4621-a0f1-96ccb428af49";
    let key = Key::new(7);
    let shown = key.shown();
    let find = move |id: &str| match id {
        ID => Ok(shown.clone()),
        "wrapped" => Ok(shown
            .replace("KEY-----M", "KEY-----\nM")
            .replace("-----END", "\n-----END")
            + "\n"),
        "garbled" => Ok(shown.replace("MFkw", "MFkx")),
        "other" => Ok(Key::new(8).shown()),
        _ => Err(NoKey::Unavailable),
    };
    let verifier = EbayVerifier::new(tenant(), find, &[&EcdsaSha1]).expect("provided");
    let body = br#"{"metadata":{"topic":"MARKETPLACE_ACCOUNT_DELETION"}}"#;
    let signature = STANDARD.encode(key.sign_bytes(body).expect("signed"));
    let packed = |alg: &str, kid: &str, digest: &str, signature: &str| {
        format!(r#"{{"alg":"{alg}","kid":"{kid}","signature":"{signature}","digest":"{digest}"}}"#)
    };
    let good = packed("ecdsa", ID, "SHA1", &signature);
    let malformed = Err("payload.malformed_signature");
    let cases = [
        ("good", good.clone(), Ok("acme".to_owned())),
        (
            "a key in lines",
            packed("ECDSA", "wrapped", "sha1", &signature),
            Ok("acme".to_owned()),
        ),
        (
            "another key",
            packed("ecdsa", "other", "SHA1", &signature),
            Err("payload.signature_mismatch"),
        ),
        (
            "a garbled key",
            packed("ecdsa", "garbled", "SHA1", &signature),
            Err("payload.denied"),
        ),
        (
            "a key to be fetched",
            packed("ecdsa", "new", "SHA1", &signature),
            Err("payload.keys_unavailable"),
        ),
        (
            "a path for a key",
            packed("ecdsa", "../x", "SHA1", &signature),
            malformed.clone(),
        ),
        (
            "no key",
            packed("ecdsa", "", "SHA1", &signature),
            malformed.clone(),
        ),
        (
            "no algorithm",
            packed("none", ID, "SHA1", &signature),
            malformed.clone(),
        ),
        (
            "another digest",
            packed("ecdsa", ID, "SHA256", &signature),
            malformed.clone(),
        ),
        ("no signature", packed("ecdsa", ID, "SHA1", ""), malformed.clone()),
        (
            "two signatures",
            good.replace("}", r#","signature":""}"#),
            malformed.clone(),
        ),
        ("a list", "[]".to_owned(), malformed.clone()),
    ];
    let root = Uri::from_static("/");
    let verdict = |field: &str, body: &[u8]| {
        let headers = headers(&[("x-ebay-signature", field)]);
        let message = Message::new(&Method::POST, &root, &headers, body, at(NOW));
        let verified = verifier.verify_payload(&message);
        verified
            .map(|authentic| authentic.sender().to_string())
            .map_err(|forged| forged.code())
    };
    for (name, packed, expected) in cases {
        assert_eq!(verdict(&STANDARD.encode(packed), body), expected, "{name}");
    }
    assert_eq!(
        verdict(&STANDARD.encode(&good), b"{}"),
        Err("payload.signature_mismatch")
    );
    assert_eq!(verdict(&good, body), malformed);
    let none = EbayVerifier::new(tenant(), |_: &str| Err(NoKey::Unavailable), algorithms());
    assert_eq!(
        none.map(drop).map_err(|unsupported| unsupported.algorithm),
        Err(PublicKeyAlgorithm::EcdsaP256Sha1)
    );
}
