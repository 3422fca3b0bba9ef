//! HTTP message signatures (RFC 9421) and digests (RFC 9530): every refusal with its exact error, and both ways.

mod covered;
mod fields;
mod signed;

use std::time::Duration;

use countersign::codes::Few;
use countersign::payload::http_signature::InvalidHttpSignature as No;
use countersign::payload::http_signature::{
    ChooseSignature, HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier,
};
use countersign::payload::jose::{Algorithm, PublicKey, VerifyingKey};
use countersign::payload::{KeyId, Message, NoKey, NotAuthentic, Origin, VerifyPayload as _};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};
use rustls::pki_types::UnixTime;

use crate::jose_keys::{SECRET, algorithms, pem, signing_key};

const NOW: u64 = 1_790_000_000;

const BODY: &[u8] = br#"{"hello": "world"}"#;

const DIGEST: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

const ES: Algorithm = Algorithm::Es256;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn origin() -> Origin {
    Origin::parse("https://hooks.example").unwrap()
}

fn key(id: &str, algorithm: Algorithm) -> VerifyingKey {
    let name = match algorithm {
        Algorithm::Hs256 => return VerifyingKey::hmac(KeyId::new(id), algorithm, SECRET).unwrap(),
        Algorithm::Rs256 | Algorithm::Ps512 => "rsa.pub",
        Algorithm::Es256 => "p256.pub",
        Algorithm::Es384 => "p384.pub",
        _ => "ed25519.pub",
    };
    let public = PublicKey::from_pem(&pem(name)).unwrap();
    VerifyingKey::public(KeyId::new(id), algorithm, &public, algorithms()).unwrap()
}

fn keys() -> HttpSignatureKeyring {
    HttpSignatureKeyring::builder()
        .keys(acme(), [key("k", ES), key("h", Algorithm::Hs256)])
        .build()
        .unwrap()
}

/// None is the one that is asked for: what was seen, and what would count.
fn not_found(by: &'static str, seen: &[&'static str], wanted: &[&'static str]) -> Result<(), NotAuthentic> {
    let few = |texts: &[&'static str]| Few::of(texts.iter().copied());
    let (seen, wanted) = (few(seen), few(wanted));
    Err(NotAuthentic::HttpSignature(No::NotFound { by, seen, wanted }))
}

struct Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn message(&self) -> Message<'_> {
        Message::new(&self.method, &self.uri, &self.headers, &self.body, at(NOW))
    }
}

/// What is covered of the request below, line by line.
fn line(component: &str) -> String {
    let value = match component.trim_matches('"') {
        "@method" => "POST",
        "@target-uri" => "https://hooks.example/acme?x=1&y=2",
        "@authority" => "hooks.example",
        "@scheme" => "https",
        "@path" => "/acme",
        "@query" => "?x=1&y=2",
        "@request-target" => "/acme?x=1&y=2",
        "content-digest" => DIGEST,
        "content-type" => "application/json",
        "x-twice" => "a, b",
        r#"@query-param";name="x"# => "1",
        r#"content-digest";sf"# => DIGEST,
        r#"x-dict";key="a"# => "1",
        r#"x-dict";key="b"# => "?1;x=2",
        r#"x-dict";key="c"# => "(1 2)",
        _ => "",
    };
    format!("{component}: {value}\n")
}

/// A request with one signature by `ES256`, rightly made over what `input` says.
fn request(input: &str) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("content-digest", DIGEST.parse().unwrap());
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.append("x-twice", "a".parse().unwrap());
    headers.append("x-twice", " b ".parse().unwrap());
    headers.append("x-dict", "a=1,b;x=2".parse().unwrap());
    headers.append("x-dict", "c=( 1  2 )".parse().unwrap());
    headers.insert("signature-input", format!("s={input}").parse().unwrap());
    headers.insert("signature", format!("s=:{}:", signature(input)).parse().unwrap());
    Request {
        method: Method::POST,
        uri: Uri::from_static("/acme?x=1&y=2"),
        headers,
        body: BODY.to_vec(),
    }
}

fn signature(input: &str) -> String {
    let components = input
        .split_once(')')
        .map_or("", |(inner, _)| inner.trim_start_matches('('));
    let lines: String = components
        .split(' ')
        .filter(|name| !name.is_empty())
        .map(line)
        .collect();
    let base = format!("{lines}\"@signature-params\": {input}");
    let signature = signing_key(ES).sign(base.as_bytes()).unwrap();
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature)
}

fn policy() -> HttpSignaturePolicy {
    HttpSignaturePolicy::new(origin())
}

fn verify_with(policy: HttpSignaturePolicy, request: &Request) -> Result<(), NotAuthentic> {
    HttpSignatureVerifier::new(policy, keys())
        .verify_payload(&request.message())
        .map(drop)
}

fn verify(request: &Request) -> Result<(), NotAuthentic> {
    verify_with(policy(), request)
}

const COVERED: &str = r#"("@method" "@target-uri" "content-digest")"#;

fn params(more: &str) -> String {
    format!(r#"{COVERED};created={NOW};keyid="k"{more}"#)
}

#[test]
fn tampered_messages() {
    let refused = |change: &dyn Fn(&mut Request)| {
        let mut request = request(&params(""));
        change(&mut request);
        verify(&request)
    };
    let signature = || Err(NotAuthentic::HttpSignature(No::Signature));
    let digest = || Err(NotAuthentic::HttpSignature(No::Digest));
    let set = |name: &'static str, value: &'static str| {
        move |request: &mut Request| {
            request.headers.insert(name, value.parse().unwrap());
        }
    };
    let field = |name| {
        Err(NotAuthentic::HttpSignature(No::Field {
            name: HeaderName::from_static(name),
        }))
    };
    assert_eq!(refused(&|_| {}), Ok(()));
    assert_eq!(refused(&|request| request.method = Method::PUT), signature());
    assert_eq!(
        refused(&|request| request.uri = Uri::from_static("/globex?x=1&y=2")),
        signature()
    );
    assert_eq!(
        refused(&|request| request.uri = Uri::from_static("/acme?x=1&y=3")),
        signature()
    );
    assert_eq!(refused(&|request| request.body[0] ^= 1), digest());
    assert_eq!(refused(&|request| request.body.clear()), digest());
    assert_eq!(refused(&|request| request.body.push(b' ')), digest());
    // go-fed/httpsig #6: a digest that fits the body, but is not the one that was signed.
    assert_eq!(
        refused(&|request| {
            request.body = b"{}".to_vec();
            request.headers.insert(
                "content-digest",
                "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:"
                    .parse()
                    .unwrap(),
            );
        }),
        signature()
    );
    let no_digest = || Err(NotAuthentic::HttpSignature(No::NoDigest));
    assert_eq!(
        refused(&set("content-digest", "md5=:Sd/dVLAcvNLSq16eXua5uQ==:")),
        no_digest()
    );
    assert_eq!(
        refused(&set("content-digest", "unixsum=30637, crc32c=:AAAAAA==:")),
        no_digest()
    );
    assert_eq!(refused(&set("content-digest", "")), no_digest());
    assert_eq!(
        refused(&set(
            "content-digest",
            "sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE"
        )),
        digest()
    );
    assert_eq!(refused(&set("content-digest", "sha-256=:AA==:")), digest());
    assert_eq!(
        refused(&set(
            "content-digest",
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:, sha-512=:AA==:"
        )),
        digest()
    );
    assert_eq!(refused(&set("content-digest", "=")), field("content-digest"));
    assert_eq!(
        refused(&|request| drop(request.headers.remove("content-digest"))),
        Err(NotAuthentic::MissingHeader {
            name: HeaderName::from_static("content-digest")
        })
    );
    // Two lines are one field, and this is not what was signed.
    assert_eq!(
        refused(&|request| {
            request.headers.append("content-digest", DIGEST.parse().unwrap());
        }),
        Err(NotAuthentic::HttpSignature(No::Signature))
    );
}

/// The label is chosen by policy, never because it comes first; a malformed one beside a good one is passed over.
#[test]
fn several_signatures() {
    let (tagged, plain) = (params(r#";tag="app""#), params(""));
    let build = |entries: &[(&str, &str, String)]| {
        let mut request = request(&plain);
        let inputs: Vec<_> = entries
            .iter()
            .map(|(label, input, _)| format!("{label}={input}"))
            .collect();
        let signatures: Vec<_> = entries
            .iter()
            .map(|(label, _, signature)| format!("{label}=:{signature}:"))
            .collect();
        request
            .headers
            .insert("signature-input", inputs.join(", ").parse().unwrap());
        request
            .headers
            .insert("signature", signatures.join(", ").parse().unwrap());
        request
    };
    let by_tag = || policy().choosing(ChooseSignature::ByTag("app".into()));
    let by_label = |label: &str| policy().choosing(ChooseSignature::ByLabel(label.into()));
    let proxy = format!(r#"("@method");created={NOW};keyid="proxy""#);
    let malformed = r#"("@method");created="x""#;
    let both = build(&[("p", &proxy, "AAAA".into()), ("s", &plain, signature(&plain))]);
    assert_eq!(verify(&both), Ok(()));
    let beside = build(&[("m", malformed, "AAAA".into()), ("s", &plain, signature(&plain))]);
    assert_eq!(verify(&beside), Ok(()));
    let two = build(&[
        ("a", &plain, signature(&plain)),
        ("b", &tagged, signature(&tagged)),
    ]);
    assert_eq!(verify(&two), Err(NotAuthentic::HttpSignature(No::Ambiguous)));
    assert_eq!(verify_with(by_tag(), &two), Ok(()));
    assert_eq!(verify_with(by_label("a"), &two), Ok(()));
    assert_eq!(
        verify_with(by_label("c"), &two),
        not_found("label", &["a", "b"], &["c"])
    );
    assert_eq!(verify_with(by_tag(), &both), not_found("tag", &[], &["app"]));
    let unnamed = format!("{COVERED};created={NOW}");
    let unnamed = build(&[("s", &unnamed, signature(&unnamed))]);
    assert_eq!(
        verify_with(by_label("s"), &unnamed),
        Err(NotAuthentic::HttpSignature(No::AmbiguousKey))
    );
}

#[test]
fn another_origin_or_tenant() {
    let elsewhere = HttpSignaturePolicy::new(Origin::parse("https://other.example").unwrap());
    assert_eq!(
        verify_with(elsewhere, &request(&params(""))),
        Err(NotAuthentic::HttpSignature(No::Signature))
    );
    let verifier = HttpSignatureVerifier::new(policy(), keys());
    let globex = TenantId::parse("globex").unwrap();
    let request = request(&params(""));
    assert_eq!(
        verifier
            .verify_payload(&request.message().from_sender(&globex))
            .err(),
        Some(NotAuthentic::NoKey(NoKey::Unknown {
            sender: globex.clone()
        }))
    );
}

#[test]
fn the_nonce_is_the_delivery() {
    let claim = |input: &str| {
        let request = request(input);
        let verifier = HttpSignatureVerifier::new(policy(), keys());
        let authentic = verifier.verify_payload(&request.message()).unwrap();
        authentic.claim(at(NOW), Default::default()).key
    };
    let nonce = |nonce: &str, more: &str| claim(&params(&format!(r#";nonce="{nonce}"{more}"#)));
    assert_eq!(nonce("a", ""), nonce("a", r#";tag="x""#));
    assert_ne!(nonce("a", ""), nonce("b", ""));
    // Without one: all that is signed, and not the signature, which ECDSA makes anew each time.
    assert_eq!(claim(&params("")), claim(&params("")));
    assert_ne!(claim(&params("")), claim(&params(r#";tag="x""#)));
}
