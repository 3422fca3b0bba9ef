//! Verifiers of which nothing can be changed: tokens and HTTP message signatures.

use std::sync::Arc;
use std::time::Duration;

use countersign::UnixTime;
use countersign::explain::{self, Mistake, PayloadCheck, PayloadReport};
use countersign::payload::http_signature::{
    ChooseSignature, HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner,
};
use countersign::payload::jose::{
    Algorithm, BodyHash, BoundJwtScheme, HashForm, HmacSigningKey, Jwk, JwtAt, JwtKeyring, JwtRules,
    JwtScheme, JwtSigner, JwtVerifier, VerifyingKey,
};
use countersign::payload::{KeyId, Message, Origin, Outgoing, SignPayload as _};
use countersign::testing::NOW;
use http::{HeaderMap, Method, Uri};

use super::mail::acme;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

fn scheme(audience: &str) -> BoundJwtScheme {
    let rules = JwtRules::issuer("https://acme.example").audience(audience);
    JwtScheme::new("acme", JwtAt::bearer(), rules)
        .bound_to_body(BodyHash::in_claim("body", HashForm::Base64Url))
}

fn token(body: &[u8]) -> HeaderMap {
    let key = HmacSigningKey::new(Algorithm::Hs256, KEY).expect("a key");
    let signer = JwtSigner::new(scheme("hooks")).with_key(acme(), KeyId::new("k1"), Arc::new(key));
    signer
        .sign_payload(&Outgoing::new(&acme(), "delivery-1", body, NOW))
        .expect("a token")
}

fn explained(audience: &str, headers: &HeaderMap, body: &[u8], after: u64) -> PayloadReport {
    let jwk = Jwk::parse(
        br#"{"kty":"oct","kid":"k1","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#,
    );
    let keys = JwtKeyring::builder()
        .keys(acme(), jwk.expect("a key").verifier(Algorithm::Hs256, &[]))
        .build()
        .expect("keys");
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() + after));
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    explain::signature(
        &JwtVerifier::new(scheme(audience), keys),
        &Message::new(&method, &uri, headers, body, now),
    )
}

fn first(report: &PayloadReport) -> (PayloadCheck, String) {
    let finding = report.findings.first().expect("a finding");
    (finding.check, report.to_string())
}

#[test]
fn a_token_says_which_check_failed_and_what_was_seen() {
    let good = token(b"{}");
    assert_eq!(explained("hooks", &good, b"{}", 0).verdict, Ok(()));
    let cases = [
        (
            explained("hooks", &good, b"{}", 3600),
            PayloadCheck::Freshness,
            "expired, before now by 55 min",
        ),
        (
            explained("other", &good, b"{}", 0),
            PayloadCheck::Claims,
            "it says \"hooks\", and must say \"other\"",
        ),
        (
            explained("hooks", &good, b"[]", 0),
            PayloadCheck::Digest,
            "the token is for another body",
        ),
    ];
    for (report, check, expected) in cases {
        let (found, text) = first(&report);
        assert_eq!(found, check, "{text}");
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let report = explained("hooks", &good, b"{}\n", 0);
    assert_eq!(report.diagnoses[0].mistake, Mistake::NewlineAdded, "{report}");
}

#[test]
fn an_http_message_signature_is_looked_into_as_well() {
    let key = HmacSigningKey::new(Algorithm::Hs256, KEY).expect("a key");
    let other = HmacSigningKey::new(Algorithm::Hs256, KEY).expect("a key");
    let origin = Origin::parse("https://hooks.example").expect("an origin");
    let (method, uri) = (Method::POST, Uri::from_static("https://hooks.example/in/?a=1"));
    let signer = HttpSigner::new(origin.clone()).with_key(acme(), KeyId::new("k1"), Arc::new(key));
    let tenant = acme();
    let outgoing = Outgoing::new(&tenant, "delivery-1", b"{\"a\":1}", NOW).with_request(&method, &uri);
    let headers = signer.sign_payload(&outgoing).expect("a signature");
    let key = VerifyingKey::hmac(KeyId::new("k1"), Algorithm::Hs256, KEY).expect("a key");
    let keys = HttpSignatureKeyring::builder()
        .keys(acme(), [key])
        .build()
        .expect("keys");
    let verifier = HttpSignatureVerifier::new(HttpSignaturePolicy::new(origin.clone()), keys.clone());
    let explained = |uri: &'static str, body: &[u8]| {
        let uri = Uri::from_static(uri);
        explain::signature(&verifier, &Message::new(&method, &uri, &headers, body, NOW))
    };
    assert_eq!(explained("/in/?a=1", b"{\"a\":1}").verdict, Ok(()));
    let cases = [
        (
            explained("/in/?a=1", b"{\"a\": 1}"),
            PayloadCheck::Digest,
            Mistake::JsonWhiteSpace,
        ),
        (
            explained("/in?a=1", b"{\"a\":1}"),
            PayloadCheck::Match,
            Mistake::TrailingSlash,
        ),
    ];
    for (report, check, mistake) in cases {
        assert_eq!(first(&report).0, check, "{report}");
        assert_eq!(report.diagnoses[0].mistake, mistake, "{report}");
    }
    let signer =
        HttpSigner::new(origin.clone())
            .with_tag("acme")
            .with_key(acme(), KeyId::new("k2"), Arc::new(other));
    let headers = signer.sign_payload(&outgoing).expect("a signature");
    let uri = Uri::from_static("/in/?a=1");
    // By `keyid`, which is how a signature is chosen unless it is said otherwise.
    let report = explain::signature(
        &verifier,
        &Message::new(&method, &uri, &headers, b"{\"a\":1}", NOW),
    );
    let text = report.to_string();
    assert!(
        text.contains("by keyid there are \"k2\", and \"k1\" would count"),
        "{text}"
    );
    // What a stranger writes there is cut and escaped.
    let mut long = headers.clone();
    let input = headers["signature-input"].to_str().expect("ASCII").to_owned();
    let name = format!("\\\"{}", "x".repeat(200));
    long.insert(
        "signature-input",
        input.replace("k2", &name).parse().expect("a value"),
    );
    let report = explain::signature(&verifier, &Message::new(&method, &uri, &long, b"{\"a\":1}", NOW));
    let text = report.to_string();
    let shown = format!("there are \"\\\"{}\".., and", "x".repeat(63));
    assert!(text.contains(&shown) && !text.contains(&"x".repeat(64)), "{text}");
    let policy = HttpSignaturePolicy::new(origin).choosing(ChooseSignature::ByTag("acme".into()));
    let verifier = HttpSignatureVerifier::new(policy, keys);
    let report = explain::signature(
        &verifier,
        &Message::new(&method, &uri, &headers, b"{\"a\":1}", NOW),
    );
    let (check, text) = first(&report);
    assert_eq!(check, PayloadCheck::Keys, "{text}");
    assert!(
        text.contains("no key is called \"k2\"; there are \"k1\""),
        "{text}"
    );
}
