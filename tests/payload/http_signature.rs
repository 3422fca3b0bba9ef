//! HTTP message signatures (RFC 9421) and digests (RFC 9530): every refusal with its exact error, and both ways.

use crate::jose_keys as jose;

use std::sync::Arc;
use std::time::Duration;

use countersign::codes::Few;
use countersign::payload::http_signature::InvalidHttpSignature as No;
use countersign::payload::http_signature::{
    ChooseSignature, HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, HttpSigner,
};
use countersign::payload::jose::{Algorithm, PublicKey, VerifyingKey};
use countersign::payload::{
    CannotSign, KeyId, Message, NoKey, NotAuthentic, Origin, Outgoing, SignPayload, VerifyPayload,
};
use countersign::replay::{NotFresh, Terms, Tolerance};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};
use jose::{SECRET, algorithms, pem, signing_key};
use rustls::pki_types::UnixTime;

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
fn what_must_be_covered() {
    let with = |covered: &str| verify(&request(&format!(r#"({covered});created={NOW};keyid="k""#)));
    let not = |name: &str| Err(NotAuthentic::HttpSignature(No::NotCovered { name: name.into() }));
    let component = || Err(NotAuthentic::HttpSignature(No::Component));
    let cases = [
        (r#""@method" "@target-uri" "content-digest""#, Ok(())),
        (
            r#""@method" "@authority" "@path" "@query" "content-digest""#,
            Ok(()),
        ),
        (
            r#""@method" "@authority" "@request-target" "content-digest""#,
            Ok(()),
        ),
        (
            r#""@method" "@scheme" "@target-uri" "content-digest" "content-type" "x-twice""#,
            Ok(()),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@query-param";name="x""#,
            Ok(()),
        ),
        ("", not("@method")),
        (r#""@target-uri" "content-digest""#, not("@method")),
        (r#""@method" "content-digest""#, not("@authority")),
        (r#""@method" "@authority" "content-digest""#, not("@path")),
        (
            r#""@method" "@authority" "@path" "content-digest""#,
            not("@query"),
        ),
        (
            r#""@method" "@path" "@query" "content-digest""#,
            not("@authority"),
        ),
        (r#""@method" "@target-uri""#, not("content-digest")),
        (
            r#""@method" "@target-uri" "content-digest";key="sha-256""#,
            not("content-digest"),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "content-digest""#,
            Err(NotAuthentic::HttpSignature(No::CoveredTwice)),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@status""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@unknown""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@signature-params""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "Content-Type""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "content-type";sf"#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "content-type";bs"#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@method";req"#,
            component(),
        ),
        (r#""@method" "@target-uri" "content-digest" "x";tr"#, component()),
        (
            r#""@method" "@target-uri" "content-digest" content-type"#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@query-param""#,
            component(),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "@query-param";name="z""#,
            Err(NotAuthentic::HttpSignature(No::NotPresent {
                name: "@query-param z".into(),
            })),
        ),
        (
            r#""@method" "@target-uri" "content-digest" "x-absent""#,
            Err(NotAuthentic::HttpSignature(No::NotPresent {
                name: "x-absent".into(),
            })),
        ),
    ];
    for (covered, expected) in cases {
        assert_eq!(with(covered), expected, "{covered}");
    }
    let many = vec![r#""content-type""#; 40].join(" ");
    assert_eq!(
        with(&format!(r#""@method" "@target-uri" "content-digest" {many}"#)),
        Err(NotAuthentic::HttpSignature(No::TooMany))
    );
    let field = policy().require_field(HeaderName::from_static("content-type"));
    assert_eq!(verify_with(field, &request(&params(""))), not("content-type"));
}

#[test]
fn parameters() {
    let with = |rest: &str| verify(&request(&format!("{COVERED}{rest}")));
    let of_type = |name| Err(NotAuthentic::HttpSignature(No::ParameterType { name }));
    let missing = |name| Err(NotAuthentic::HttpSignature(No::MissingParameter { name }));
    let good = format!(r#";created={NOW};keyid="k""#);
    let cases = [
        (good.clone(), Ok(())),
        (format!("{good};alg=\"ecdsa-p256-sha256\""), Ok(())),
        (format!("{good};expires={}", NOW + 1), Ok(())),
        (r#";keyid="k""#.into(), missing("created")),
        (format!(r#";created="{NOW}";keyid="k""#), of_type("created")),
        (format!(r#";created={NOW}.0;keyid="k""#), of_type("created")),
        (r#";created=-1;keyid="k""#.into(), of_type("created")),
        (r#";created;keyid="k""#.into(), of_type("created")),
        (
            format!(r#";created={};keyid="k""#, NOW - 301),
            Err(NotAuthentic::NotFresh(NotFresh::Stale {
                signed: at(NOW - 301),
                now: at(NOW),
            })),
        ),
        (
            format!(r#";created={};keyid="k""#, NOW + 301),
            Err(NotAuthentic::NotFresh(NotFresh::FromTheFuture {
                signed: at(NOW + 301),
                now: at(NOW),
            })),
        ),
        (
            format!("{good};expires={NOW}"),
            Err(NotAuthentic::HttpSignature(No::Expired {
                expires: NOW,
                now: NOW,
            })),
        ),
        (format!("{good};expires=\"x\""), of_type("expires")),
        (format!("{good};nonce=1"), of_type("nonce")),
        (format!("{good};alg=hmac"), of_type("alg")),
        (
            format!("{good};alg=\"hmac-sha256\""),
            Err(NotAuthentic::HttpSignature(No::OtherAlgorithm { algorithm: ES })),
        ),
        (
            format!("{good};alg=\"ES256\""),
            Err(NotAuthentic::HttpSignature(No::OtherAlgorithm { algorithm: ES })),
        ),
        (
            format!("{good};alg=\"none\""),
            Err(NotAuthentic::HttpSignature(No::OtherAlgorithm { algorithm: ES })),
        ),
        (
            format!("{good};x=1"),
            Err(NotAuthentic::HttpSignature(No::UnknownParameter)),
        ),
        (format!(r#";created={NOW};keyid=k"#), of_type("keyid")),
        (
            format!(r#";created={NOW};keyid="other""#),
            not_found("keyid", &["other"], &["k", "h"]),
        ),
        (format!(";created={NOW}"), not_found("keyid", &[], &["k", "h"])),
        (
            format!(r#";created={NOW};keyid="h""#),
            Err(NotAuthentic::HttpSignature(No::Signature)),
        ),
    ];
    for (rest, expected) in cases {
        assert_eq!(with(&rest), expected, "{rest}");
    }
    assert_eq!(
        verify_with(policy().require_nonce(), &request(&params(""))),
        missing("nonce")
    );
    assert_eq!(
        verify_with(policy().require_nonce(), &request(&params(r#";nonce="n""#))),
        Ok(())
    );
    let strict = policy().with_tolerance(Tolerance::within(Duration::from_secs(10)));
    let old = request(&format!(r#"{COVERED};created={};keyid="k""#, NOW - 11));
    assert_eq!(
        verify_with(strict, &old),
        Err(NotAuthentic::NotFresh(NotFresh::Stale {
            signed: at(NOW - 11),
            now: at(NOW)
        }))
    );
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

#[test]
fn fields() {
    let with = |input: Option<&str>, signature: Option<&str>| {
        let mut request = request(&params(""));
        for (name, value) in [("signature-input", input), ("signature", signature)] {
            match value {
                Some(value) => drop(request.headers.insert(name, value.parse().unwrap())),
                None => drop(request.headers.remove(name)),
            }
        }
        verify(&request)
    };
    let good_input = format!("s={}", params(""));
    let good = format!("s=:{}:", signature(&params("")));
    let (good_input, good) = (Some(&*good_input), Some(&*good));
    let field = |name| {
        Err(NotAuthentic::HttpSignature(No::Field {
            name: HeaderName::from_static(name),
        }))
    };
    let missing = |name| {
        Err(NotAuthentic::MissingHeader {
            name: HeaderName::from_static(name),
        })
    };
    assert_eq!(with(good_input, good), Ok(()));
    assert_eq!(with(None, good), missing("signature-input"));
    assert_eq!(with(good_input, None), missing("signature"));
    assert_eq!(with(Some(""), Some("")), not_found("keyid", &[], &["k", "h"]));
    assert_eq!(with(Some("s="), good), field("signature-input"));
    assert_eq!(with(Some("s=1"), good), field("signature-input"));
    assert_eq!(with(good_input, Some("s=\"x\"")), field("signature"));
    assert_eq!(with(good_input, Some("s=()")), field("signature"));
    assert_eq!(with(good_input, Some("s=:%%:")), field("signature"));
    assert_eq!(
        with(good_input, Some("t=:AA==:")),
        Err(NotAuthentic::HttpSignature(No::Unpaired))
    );
    assert_eq!(
        with(good_input, Some("s=::")),
        Err(NotAuthentic::HttpSignature(No::Signature))
    );
    let zeros = format!("s=:{}==:", "A".repeat(86));
    assert_eq!(
        with(good_input, Some(&zeros)),
        Err(NotAuthentic::HttpSignature(No::Signature))
    );
    let long = format!("s={}", params(&format!(r#";nonce="{}""#, "n".repeat(9000))));
    assert_eq!(with(Some(&long), good), field("signature-input"));
    let many: Vec<_> = (0..9).map(|i| format!("s{i}=()")).collect();
    assert_eq!(
        with(Some(&many.join(", ")), good),
        Err(NotAuthentic::HttpSignature(No::TooMany))
    );
}

/// RFC 9651 §4.2: lines of one field are joined, as proxies and libraries write them.
#[test]
fn a_field_on_several_lines_is_one() {
    let mut several = request(&params(""));
    several.headers.append("signature", "t=:AA==:".parse().unwrap());
    several.headers.append("signature-input", "t=()".parse().unwrap());
    assert_eq!(verify(&several), Ok(()));

    let sha_512 =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
    let input = params("");
    let base = format!(
        "{}{}\"content-digest\": {DIGEST}, {sha_512}\n\"@signature-params\": {input}",
        line("\"@method\""),
        line("\"@target-uri\"")
    );
    let signature = signing_key(ES).sign(base.as_bytes()).unwrap();
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
    for (second, expected) in [
        (sha_512, Ok(())),
        ("sha-512=:AA==:", Err(NotAuthentic::HttpSignature(No::Digest))),
    ] {
        let mut request = request(&input);
        request.headers.append("content-digest", second.parse().unwrap());
        request
            .headers
            .insert("signature", format!("s=:{signature}:").parse().unwrap());
        assert_eq!(verify(&request), expected, "{second}");
    }
    let half = format!("x=\"{}\"", "y".repeat(5000));
    let mut long = request(&params(""));
    long.headers.append("signature", half.parse().unwrap());
    long.headers.append("signature", half.parse().unwrap());
    assert_eq!(
        verify(&long),
        Err(NotAuthentic::HttpSignature(No::Field {
            name: HeaderName::from_static("signature")
        }))
    );
}

/// RFC 9421 §2.1.1 and §2.1.2, and what is not taken of §2.1.
#[test]
fn structured_fields_are_covered_by_their_members() {
    let absent = |name: &str| Err(NotAuthentic::HttpSignature(No::NotPresent { name: name.into() }));
    let component = Err(NotAuthentic::HttpSignature(No::Component));
    let digest = Err(NotAuthentic::HttpSignature(No::NotCovered {
        name: "content-digest".into(),
    }));
    for (components, expected) in [
        (
            r#""content-digest" "x-dict";key="a" "x-dict";key="b" "x-dict";key="c""#,
            Ok(()),
        ),
        (r#""content-digest";sf"#, Ok(())),
        (r#""content-digest" "content-digest";sf"#, Ok(())),
        (r#""content-digest" "x-dict";key="z""#, absent("x-dict")),
        (
            r#""content-digest" "content-type";key="a""#,
            absent("content-type"),
        ),
        (r#""content-digest" "x-absent";key="a""#, absent("x-absent")),
        // Nobody can tell its type.
        (r#""content-digest" "x-dict";sf"#, component.clone()),
        (r#""content-digest" "x-dict";key="a";sf"#, component.clone()),
        (r#""content-digest" "x-dict";bs"#, component.clone()),
        (r#""content-digest" "x-dict";key=1"#, component.clone()),
        (r#""content-digest" "@path";sf"#, component.clone()),
        (r#""content-digest" "@path";key="a""#, component),
        // One member is not the field.
        (r#""content-digest";key="sha-256""#, digest),
    ] {
        let input = format!(r#"("@method" "@target-uri" {components});created={NOW};keyid="k""#);
        assert_eq!(verify(&request(&input)), expected, "{components}");
    }
}

/// RFC 9421 §2.2.8.
#[test]
fn a_query_parameter_is_encoded_as_in_a_form_and_stands_once() {
    let covered = r#"("@method" "@target-uri" "content-digest" "@query-param";name="x")"#;
    let input = format!(r#"{covered};created={NOW};keyid="k""#);
    let absent = || {
        Err(NotAuthentic::HttpSignature(No::NotPresent {
            name: "@query-param x".into(),
        }))
    };
    for (query, value, expected) in [
        ("x=a*b", "a*b", Ok(())),
        ("x=%2a", "*", Ok(())),
        ("x=a~b", "a%7Eb", Ok(())),
        ("x=a~b", "a~b", Err(NotAuthentic::HttpSignature(No::Signature))),
        ("x=a+b%20c", "a%20b%20c", Ok(())),
        ("x=%c3%a7-_.", "%C3%A7-_.", Ok(())),
        ("y=1&x", "", Ok(())),
        ("x=1&x=1", "1", absent()),
        ("x=1&%78=1", "1", absent()),
        ("y=1", "", absent()),
    ] {
        let base = format!(
            "{}\"@target-uri\": https://hooks.example/acme?{query}\n{}\"@query-param\";name=\"x\": {value}\n\"@signature-params\": {input}",
            line("\"@method\""),
            line("\"content-digest\"")
        );
        let signature = signing_key(ES).sign(base.as_bytes()).unwrap();
        let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
        let mut request = request(&input);
        request.uri = format!("/acme?{query}").parse().unwrap();
        request
            .headers
            .insert("signature", format!("s=:{signature}:").parse().unwrap());
        assert_eq!(verify(&request), expected, "{query} {value}");
    }
}

/// What a bot signs: the host and who it is, with a tag. Only where the policy says so, and never as bound to the request.
#[test]
fn web_bot_auth_covers_the_authority() {
    let bots = || {
        policy()
            .require_authority_only()
            .choosing(ChooseSignature::ByTag("web-bot-auth".into()))
    };
    let not_covered = |name: &str| Err(NotAuthentic::HttpSignature(No::NotCovered { name: name.into() }));
    let signed = |components: &str, body: &[u8]| {
        let mut request = request(&format!(
            r#"({components});created={NOW};keyid="k";tag="web-bot-auth""#
        ));
        request.body = body.to_vec();
        request
    };
    let bound = |request: &Request| {
        let verifier = HttpSignatureVerifier::new(bots(), keys());
        let message = request.message();
        verifier
            .verify_payload(&message)
            .map(|authentic| (authentic.bindings().request, authentic.bindings().body))
    };
    let agent = r#""@authority" "x-dict";key="a""#;
    assert_eq!(bound(&signed(agent, b"")), Ok((false, false)));
    assert_eq!(
        bound(&signed(r#""@method" "@target-uri""#, b"")),
        Ok((true, false))
    );
    assert_eq!(
        bound(&signed(r#""@authority" "content-digest""#, BODY)),
        Ok((false, true))
    );
    assert_eq!(verify(&signed(agent, b"")), not_covered("@method"));
    assert_eq!(
        verify_with(bots(), &signed(r#""@method" "@path""#, b"")),
        not_covered("@authority")
    );
    assert_eq!(
        verify_with(bots(), &signed(agent, BODY)),
        not_covered("content-digest")
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

#[test]
fn signing_and_verifying() {
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Rs256,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ] {
        let signer = HttpSigner::new(origin())
            .covering(http::header::CONTENT_TYPE)
            .with_tag("app");
        let signer = signer.with_key(acme(), KeyId::new("k"), Arc::from(signing_key(algorithm)));
        let tenant = acme();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let uri = Uri::from_static("/acme?x=1");
        let outgoing = Outgoing::new(&tenant, "delivery-1", BODY, at(NOW))
            .with_request(&Method::POST, &uri)
            .with_headers(&headers);
        let added = signer.sign_payload(&outgoing).unwrap();
        headers.extend(added);
        let mut request = Request {
            method: Method::POST,
            uri,
            headers,
            body: BODY.to_vec(),
        };
        let keys = HttpSignatureKeyring::builder()
            .keys(acme(), [key("k", algorithm)])
            .build()
            .unwrap();
        let policy = policy()
            .choosing(ChooseSignature::ByTag("app".into()))
            .require_nonce();
        let verifier = HttpSignatureVerifier::new(policy, keys);
        let message = request.message();
        let authentic = verifier.verify_payload(&message).unwrap();
        let bindings = authentic.bindings();
        assert!(bindings.body && bindings.request, "{algorithm}");
        let terms = Terms::default()
            .with_window(Duration::ZERO)
            .with_lease(Duration::ZERO);
        let keep_until = authentic.claim(at(NOW), terms).keep_until;
        assert_eq!(keep_until, at(NOW + 600), "{algorithm}: twice the tolerance");
        request
            .headers
            .insert("content-type", "text/plain".parse().unwrap());
        assert_eq!(
            verifier.verify_payload(&request.message()).err(),
            Some(NotAuthentic::HttpSignature(No::Signature)),
            "{algorithm}"
        );
    }
    let signer =
        HttpSigner::new(origin()).with_key(acme(), KeyId::new("k"), Arc::from(signing_key(Algorithm::Hs512)));
    let tenant = acme();
    let outgoing = Outgoing::new(&tenant, "delivery-1", BODY, at(NOW));
    let root = Uri::from_static("/");
    let outgoing = outgoing.with_request(&Method::POST, &root);
    let refused = signer.sign_payload(&outgoing);
    assert_eq!(refused.err(), Some(CannotSign::Algorithm));
}

/// What cannot be signed is named.
#[test]
fn the_signer_names_what_it_cannot_sign() {
    let tenant = acme();
    let root = Uri::from_static("/");
    let mut headers = HeaderMap::new();
    headers.insert("x-name", http::HeaderValue::from_bytes(b"caf\xe9").unwrap());
    headers.insert("content-type", "text/plain".parse().unwrap());
    let many: Vec<HeaderName> = (0..32).map(|n| format!("x-{n}").parse().unwrap()).collect();
    for name in &many {
        headers.insert(name.clone(), "1".parse().unwrap());
    }
    let outgoing = Outgoing::new(&tenant, "delivery-1", BODY, at(NOW))
        .with_request(&Method::POST, &root)
        .with_headers(&headers);
    let sign = |signer: HttpSigner, id: &str| {
        signer
            .with_key(acme(), KeyId::new(id), Arc::from(signing_key(ES)))
            .sign_payload(&outgoing)
            .map(drop)
    };
    let signer = || HttpSigner::new(origin());
    let component = |reason| Err(CannotSign::Component { reason });
    assert_eq!(
        sign(signer().covering(HeaderName::from_static("x-name")), "k"),
        component(No::NotPresent {
            name: "x-name".into()
        })
    );
    assert_eq!(
        sign(many.into_iter().fold(signer(), HttpSigner::covering), "k"),
        component(No::TooMany)
    );
    assert_eq!(
        sign(signer(), "schl\u{fc}ssel"),
        Err(CannotSign::Parameter { name: "keyid" })
    );
    assert_eq!(
        sign(signer().with_tag("t\u{e4}g"), "k"),
        Err(CannotSign::Parameter { name: "tag" })
    );
    // Named twice, covered once.
    let twice = signer()
        .covering(http::header::CONTENT_TYPE)
        .covering(http::header::CONTENT_TYPE)
        .covering(HeaderName::from_static("content-digest"));
    assert_eq!(sign(twice, "k"), Ok(()));
}

/// A sender with many receivers covers where each message goes, and tells what it lacks rather than covering less.
#[test]
fn the_destination_is_covered() {
    let (tenant, here) = (acme(), Uri::from_static("https://hooks.example/acme?x=1"));
    let (relative, elsewhere) = (
        Uri::from_static("/acme?x=1"),
        Uri::from_static("https://evil.example/acme?x=1"),
    );
    let bare = Outgoing::new(&tenant, "delivery-1", BODY, at(NOW));
    let signer = |signer: HttpSigner| {
        signer.with_key(acme(), KeyId::new("k"), Arc::from(signing_key(Algorithm::Hs256)))
    };
    let verified_at = |headers: HeaderMap| {
        let keys = HttpSignatureKeyring::builder()
            .keys(acme(), [key("k", Algorithm::Hs256)])
            .build()
            .unwrap();
        let message = Message::new(&Method::POST, &relative, &headers, BODY, at(NOW));
        HttpSignatureVerifier::new(policy(), keys)
            .verify_payload(&message)
            .map(drop)
    };
    let (any, fixed) = (
        signer(HttpSigner::to_any_origin()),
        signer(HttpSigner::new(origin())),
    );
    let covering = signer(HttpSigner::new(origin()).covering(http::header::CONTENT_TYPE));
    let needed = Err(CannotSign::FieldNeeded {
        name: http::header::CONTENT_TYPE,
    });
    let other = Err(NotAuthentic::HttpSignature(No::Signature));
    let to = |uri| bare.with_request(&Method::POST, uri);
    let cases = [
        ("absolute", &any, to(&here), Ok(Ok(()))),
        ("another receiver", &any, to(&elsewhere), Ok(other)),
        ("no origin", &any, to(&relative), Err(CannotSign::RequestNeeded)),
        ("no request", &any, bare, Err(CannotSign::RequestNeeded)),
        ("its own origin", &fixed, to(&relative), Ok(Ok(()))),
        ("the receiver's own name", &fixed, to(&elsewhere), Ok(Ok(()))),
        ("no request, fixed", &fixed, bare, Err(CannotSign::RequestNeeded)),
        ("a field that is not there", &covering, to(&relative), needed),
    ];
    for (name, signer, outgoing, expected) in cases {
        let signed = signer.sign_payload(&outgoing).map(verified_at);
        assert_eq!(signed, expected, "{name}");
    }
}
