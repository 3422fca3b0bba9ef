//! Handshakes are answered; nothing else is, and nothing that could be a message is signed.

mod lacking;
mod pings;
mod signed;

use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::handshakes;
use countersign::payload::providers::handshakes::Reply;
use countersign::payload::{
    Head, HmacSigner, HmacVerifier, Keyring, Outgoing, Scheme, Secret, SignPayload as _,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::signing::ring;
use crate::vectors::{at, tenant};
pub(crate) use pings::{discord, hex};

const NOW: u64 = 1_790_000_000;

fn head_with<T>(
    method: &Method,
    uri: &str,
    fields: &[(&'static str, &str)],
    then: impl FnOnce(&Head<'_>) -> T,
) -> T {
    let uri: Uri = uri.parse().expect("a URI");
    let field = |(name, value): &(&'static str, &str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).expect("a value"),
        )
    };
    let headers: HeaderMap = fields.iter().map(field).collect();
    then(&Head::new(method, &uri, &headers, at(NOW)))
}

fn body(answer: Option<Reply>) -> Option<String> {
    answer.map(|answer| {
        assert_eq!(answer.status, StatusCode::OK);
        answer.body
    })
}

#[test]
fn echoes() {
    let (get, post) = (Method::GET, Method::POST);
    let long = format!("/?challenge={}", "x".repeat(1025));
    let okta = |head: &Head<'_>| body(handshakes::okta(head));
    let graph = |head: &Head<'_>| body(handshakes::microsoft_graph(head));
    let dropbox = |head: &Head<'_>| body(handshakes::dropbox(head));
    let meta = |head: &Head<'_>| body(handshakes::meta(head, &Secret::new("my verify token")));
    type Ask<'a> = &'a dyn Fn(&Head<'_>) -> Option<String>;
    let good = "/?hub.mode=subscribe&hub.verify_token=my%20verify%20token&hub.challenge=1158201444";
    let cases: [(
        &str,
        Ask<'_>,
        &Method,
        &str,
        &[(&'static str, &str)],
        Option<&str>,
    ); 17] = [
        (
            "okta",
            &okta,
            &get,
            "/",
            &[("x-okta-verification-challenge", "abc")],
            Some(r#"{"verification":"abc"}"#),
        ),
        (
            "okta, quotes",
            &okta,
            &get,
            "/",
            &[("x-okta-verification-challenge", "a\"b")],
            Some(r#"{"verification":"a\"b"}"#),
        ),
        (
            "okta, POST",
            &okta,
            &post,
            "/",
            &[("x-okta-verification-challenge", "abc")],
            None,
        ),
        ("okta, none", &okta, &get, "/", &[], None),
        (
            "graph",
            &graph,
            &post,
            "/?validationToken=Validation%3A+Testing",
            &[],
            Some("Validation: Testing"),
        ),
        (
            "graph, twice",
            &graph,
            &post,
            "/?validationToken=a&validationToken=b",
            &[],
            None,
        ),
        (
            "graph, control",
            &graph,
            &post,
            "/?validationToken=a%0Ab",
            &[],
            None,
        ),
        ("graph, none", &graph, &post, "/", &[], None),
        ("dropbox", &dropbox, &get, "/?challenge=abc", &[], Some("abc")),
        ("dropbox, POST", &dropbox, &post, "/?challenge=abc", &[], None),
        ("dropbox, long", &dropbox, &get, &long, &[], None),
        ("meta", &meta, &get, good, &[], Some("1158201444")),
        ("meta, POST", &meta, &post, good, &[], None),
        (
            "meta, wrong token",
            &meta,
            &get,
            &good.replace("my", "your"),
            &[],
            None,
        ),
        (
            "meta, mode",
            &meta,
            &get,
            &good.replace("subscribe", "unsubscribe"),
            &[],
            None,
        ),
        (
            "meta, markup",
            &meta,
            &get,
            &good.replace("1158201444", "%3Cscript%3E"),
            &[],
            None,
        ),
        (
            "meta, long",
            &meta,
            &get,
            &good.replace("1158201444", &"1".repeat(257)),
            &[],
            None,
        ),
    ];
    for (name, ask, method, uri, fields, expected) in cases {
        assert_eq!(
            head_with(method, uri, fields, |head| ask(head)).as_deref(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn header_fields_are_echoed() {
    let post = Method::POST;
    let secret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";
    let kept =
        head_with(&post, "/", &[("x-hook-secret", secret)], handshakes::asana).map(|(answer, kept)| {
            assert_eq!(
                answer.headers,
                [(
                    HeaderName::from_static("x-hook-secret"),
                    HeaderValue::from_str(secret).expect("a value")
                )]
            );
            kept
        });
    assert_eq!(kept.as_deref(), Some(secret));
    for other in ["short", "0123456789012345", "with a space in the middle of it"] {
        assert_eq!(
            head_with(&post, "/", &[("x-hook-secret", other)], handshakes::asana),
            None,
            "{other}"
        );
    }
    let adobe = |shown: &str, ours: &str| {
        head_with(&post, "/", &[("x-adobesign-clientid", shown)], |head| {
            handshakes::adobe_sign(head, ours).is_some()
        })
    };
    assert!(adobe("CBJCHBCAABAA", "CBJCHBCAABAA"));
    assert!(!adobe("CBJCHBCAABAB", "CBJCHBCAABAA"));
    assert!(!adobe("x", ""));
}

/// A text that could be a message is never signed.
#[test]
fn no_signing_oracle() {
    let get = Method::GET;
    let scheme = Scheme::x();
    let keys = ring(KeySpec::from(&scheme), &[1]);
    let ask = |uri: &str| {
        head_with(&get, uri, &[], |head| {
            body(handshakes::x(&keys, head).expect("a key"))
        })
    };
    let expected = r#"{"response_token":"sha256=iCqTnAD5PkbMbNrsQDybbIhlJ89f99MUJ+HM52TH96E="}"#;
    assert_eq!(
        ask("/?crc_token=MTYxOTg2NjQyMDAwMA-token").as_deref(),
        Some(expected)
    );
    for other in [
        "/?crc_token=%7B%22event%22%3A1%7D",
        "/?crc_token=%5B%5D",
        "/?crc_token=12345678",
        "/?crc_token=v0%3A1790000000%3A%7B%7D",
        "/?crc_token=a.b.c.d.e.f",
        "/?crc_token=short",
        "/?crc_token=",
        "/",
    ] {
        assert_eq!(ask(other), None, "{other}");
    }
    let braintree = Scheme::braintree();
    let spec = KeySpec::from(&braintree);
    let keys = countersign::payload::Keyring::builder(&spec)
        .key(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new("private key of braintree"),
        )
        .build()
        .expect("a key");
    let ask = |uri: &str| {
        head_with(&get, uri, &[], |head| {
            body(handshakes::braintree(&keys, "public_2", head).expect("a key"))
        })
    };
    let expected = "public_2|181ff20dfb280a9e132d9cb3bb139dd4951b8177";
    assert_eq!(
        ask("/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53").as_deref(),
        Some(expected)
    );
    for other in [
        "/?bt_challenge=PG5vdGlmaWNhdGlvbj4",
        "/?bt_challenge=20f9f8ed05f77439fe9",
        "/?bt_challenge=",
    ] {
        assert_eq!(ask(other), None, "{other}");
    }
}

fn signed<T>(
    scheme: &Scheme,
    body: &str,
    then: impl FnOnce(&HmacVerifier, &countersign::payload::Message<'_>) -> T,
    spoil: bool,
) -> T {
    let spec = KeySpec::from(scheme);
    let signer = HmacSigner::new(scheme.clone(), ring(&spec, &[1]));
    let mut headers = signer
        .sign_payload(&Outgoing::new(&tenant(), "1", body.as_bytes(), at(NOW)))
        .expect("signed");
    headers.insert(
        "twitch-eventsub-message-type",
        HeaderValue::from_static("webhook_callback_verification"),
    );
    let verifier = HmacVerifier::new(scheme.clone(), ring(&spec, &[1]));
    let spoiled = format!("{body} ");
    let body = if spoil {
        spoiled.as_bytes()
    } else {
        body.as_bytes()
    };
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let head = Head::new(&method, &uri, &headers, at(NOW));
    then(&verifier, &head.with_body(body))
}

/// What nobody signs: a probe, and the same with something that makes it a message.
#[test]
fn probes() {
    let (get, post, head) = (Method::GET, Method::POST, Method::HEAD);
    let onfleet = |head: &Head<'_>| body(handshakes::onfleet(head));
    let nylas = |head: &Head<'_>| body(handshakes::nylas(head));
    let intercom = |head: &Head<'_>| body(handshakes::intercom(head));
    let trello = |head: &Head<'_>| body(handshakes::trello(head));
    let mandrill = |head: &Head<'_>| body(handshakes::mandrill(head));
    let token = Secret::new("71745223-A-verification-token-of-32-characters");
    let ebay = |head: &Head<'_>| body(handshakes::ebay(head, &token, "https://hooks.example.com/ebay"));
    type Ask<'a> = &'a dyn Fn(&Head<'_>) -> Option<String>;
    // The hash is that of Python's hashlib over code, token and endpoint.
    let challenge =
        r#"{"challengeResponse":"e8d568f80f05cfab0d9e24c1d006e3737d2d7053ca39ee666ab034ca9ead9340"}"#;
    let cases: [(&str, Ask<'_>, &Method, &str, Option<&str>); 13] = [
        ("onfleet", &onfleet, &get, "/?check=r4nd0m", Some("r4nd0m")),
        ("onfleet, POST", &onfleet, &post, "/?check=r4nd0m", None),
        ("onfleet, none", &onfleet, &get, "/", None),
        (
            "nylas",
            &nylas,
            &get,
            "/?challenge=bc609b38-c81f",
            Some("bc609b38-c81f"),
        ),
        ("nylas, POST", &nylas, &post, "/?challenge=bc609b38-c81f", None),
        ("intercom", &intercom, &head, "/", Some("")),
        ("intercom, POST", &intercom, &post, "/", None),
        ("trello", &trello, &head, "/", Some("")),
        ("mandrill", &mandrill, &head, "/", Some("")),
        (
            "ebay",
            &ebay,
            &get,
            "/ebay?challenge_code=71745723-d031-455c-bfa5-f90d11b4f20a",
            Some(challenge),
        ),
        (
            "ebay, POST",
            &ebay,
            &post,
            "/ebay?challenge_code=71745723-d031-455c-bfa5-f90d11b4f20a",
            None,
        ),
        ("ebay, none", &ebay, &get, "/ebay", None),
        (
            "ebay, twice",
            &ebay,
            &get,
            "/ebay?challenge_code=a&challenge_code=b",
            None,
        ),
    ];
    for (name, ask, method, uri, expected) in cases {
        assert_eq!(
            head_with(method, uri, &[], |head| ask(head)).as_deref(),
            expected,
            "{name}"
        );
    }
}

/// Signed by the sender's own scheme, with one byte of the signature changed or not.
fn signed_by(scheme: &Scheme, keys: &Keyring, body: &[u8]) -> HeaderMap {
    let acme = tenant();
    let signer = HmacSigner::new(scheme.clone(), keys.clone());
    signer
        .sign_payload(&Outgoing::new(&acme, "1", body, at(NOW)))
        .expect("signed")
}
