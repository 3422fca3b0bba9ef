//! Handshakes are answered; nothing else is, and nothing that could be a message is signed.

use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::handshakes;
use countersign::payload::providers::handshakes::Reply;
use countersign::payload::{Head, HmacSigner, HmacVerifier, Outgoing, Scheme, SignPayload};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::signing::ring;
use crate::vectors::{at, tenant};

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
    let meta = |head: &Head<'_>| body(handshakes::meta(head, "my verify token"));
    type Ask<'a> = &'a dyn Fn(&Head<'_>) -> Option<String>;
    let good = "/?hub.mode=subscribe&hub.verify_token=my%20verify%20token&hub.challenge=1158201444";
    let cases: [(
        &str,
        Ask<'_>,
        &Method,
        &str,
        &[(&'static str, &str)],
        Option<&str>,
    ); 16] = [
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
    let ask = |uri: &str| head_with(&get, uri, &[], |head| body(handshakes::x(&keys, head)));
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
    let keys = countersign::payload::Keyring::builder(spec)
        .key("acme", "1", "private key of braintree")
        .build()
        .expect("a key");
    let ask = |uri: &str| {
        head_with(&get, uri, &[], |head| {
            body(handshakes::braintree(&keys, "public_2", head))
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
    let signer = HmacSigner::new(scheme.clone(), ring(spec, &[1]));
    let mut headers = signer
        .sign_payload(&Outgoing::new(&tenant(), "1", body.as_bytes(), at(NOW)))
        .expect("signed");
    headers.insert(
        "twitch-eventsub-message-type",
        HeaderValue::from_static("webhook_callback_verification"),
    );
    let verifier = HmacVerifier::new(scheme.clone(), ring(spec, &[1]));
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

#[test]
fn signed_handshakes_are_believed_only_when_signed() {
    let zoom = |payload: &str, spoil| {
        let event = format!(r#"{{"event":"endpoint.url_validation","payload":{{"plainToken":{payload}}}}}"#);
        signed(
            &Scheme::zoom(),
            &event,
            |verifier, message| {
                handshakes::zoom(verifier, message)
                    .map(body)
                    .map_err(|forged| forged.code())
            },
            spoil,
        )
    };
    let mac = "8e9adafa8bc318f5d8f95c3f84655dc56949c973e6c6201d96553e5b05b737ed";
    let answer = format!(r#"{{"encryptedToken":"{mac}","plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#);
    assert_eq!(zoom(r#""qgg8vlvZRS6UYooatFL8Aw""#, false), Ok(Some(answer)));
    assert_eq!(
        zoom(r#""qgg8vlvZRS6UYooatFL8Aw""#, true),
        Err("payload.signature_mismatch")
    );
    assert_eq!(zoom(r#""v0:1790000000:{}""#, false), Ok(None));
    let slack = |event: &str, spoil| {
        signed(
            &Scheme::slack(),
            event,
            |verifier, message| {
                handshakes::slack(verifier, message)
                    .map(body)
                    .map_err(|forged| forged.code())
            },
            spoil,
        )
    };
    let event =
        r#"{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#;
    assert_eq!(
        slack(event, false),
        Ok(Some(
            "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P".into()
        ))
    );
    assert_eq!(slack(event, true), Err("payload.signature_mismatch"));
    assert_eq!(
        slack(r#"{"type":"event_callback"}"#, true),
        Ok(None),
        "no handshake: verified elsewhere"
    );
    let twitch = |spoil| {
        let event = r#"{"challenge":"pogchamp-kappa-360noscope-vohiyo"}"#;
        signed(
            &Scheme::twitch(),
            event,
            |verifier, message| {
                handshakes::twitch(verifier, message)
                    .map(body)
                    .map_err(|forged| forged.code())
            },
            spoil,
        )
    };
    assert_eq!(twitch(false), Ok(Some("pogchamp-kappa-360noscope-vohiyo".into())));
    assert_eq!(twitch(true), Err("payload.signature_mismatch"));
    let xero = |spoil| {
        signed(
            &Scheme::xero(),
            "{}",
            |verifier, message| handshakes::xero(verifier, message).status,
            spoil,
        )
    };
    assert_eq!(
        (xero(false), xero(true)),
        (StatusCode::OK, StatusCode::UNAUTHORIZED)
    );
}
