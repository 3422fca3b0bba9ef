//! Handshakes are answered; nothing else is, and nothing that could be a message is signed.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use countersign::elsewhere::{Fetched, Keep};
use countersign::payload::hmac::KeySpec;
use countersign::payload::providers::handshakes;
use countersign::payload::providers::handshakes::Reply;
use countersign::payload::public_key::{PublicKeyScheme, PublicKeyVerifier};
use countersign::payload::{
    FindKeys, Head, HmacSigner, HmacVerifier, KeyCache, KeySource, Keyring, Message, NoKey, NotAuthentic,
    Outgoing, Scheme, Secret, SignPayload, TenantKeys, Wanted,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::signing::ring;
use crate::vectors::{algorithms, at, tenant};

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
            |verifier, message| handshakes::xero(verifier, message).expect("a key").status,
            spoil,
        )
    };
    assert_eq!(
        (xero(false), xero(true)),
        (StatusCode::OK, StatusCode::UNAUTHORIZED)
    );
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

fn message_with<T>(fields: &[(&'static str, &str)], body: &str, then: impl FnOnce(&Message<'_>) -> T) -> T {
    head_with(&Method::POST, "/hooks", fields, |head| {
        then(&head.with_body(body.as_bytes()))
    })
}

#[test]
fn pings_in_a_body() {
    type Ask<'a> = &'a dyn Fn(&Message<'_>) -> Option<String>;
    let woocommerce = |message: &Message<'_>| body(handshakes::woocommerce(message));
    let vtex = |message: &Message<'_>| body(handshakes::vtex_orders(message));
    let notion = |message: &Message<'_>| handshakes::notion(message).map(|(_, token)| token);
    let (form, token) = (
        &[("content-type", "application/x-www-form-urlencoded")],
        "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl",
    );
    let asked = format!(r#"{{"verification_token":"{token}"}}"#);
    let more = asked.replace('{', r#"{"type":"page.created","#);
    // Behind the token, in whichever order an object is read.
    let behind = asked.replace('}', r#","workspace_id":"w"}"#);
    let other = asked.replace("verification", "another");
    let cases: [(&str, Ask<'_>, &[(&'static str, &str)], &str, Option<&str>); 13] = [
        ("woocommerce", &woocommerce, form, "webhook_id=7", Some("")),
        (
            "woocommerce, signed",
            &woocommerce,
            &[("x-wc-webhook-signature", "x")],
            "webhook_id=7",
            None,
        ),
        (
            "woocommerce, more",
            &woocommerce,
            form,
            "webhook_id=7&order=1",
            None,
        ),
        ("woocommerce, no number", &woocommerce, form, "webhook_id=", None),
        ("vtex", &vtex, &[], r#"{"hookConfig":"ping"}"#, Some("")),
        (
            "vtex, more",
            &vtex,
            &[],
            r#"{"hookConfig":"ping","OrderId":"1"}"#,
            None,
        ),
        ("vtex, an order", &vtex, &[], r#"{"OrderId":"1"}"#, None),
        ("notion", &notion, &[], &asked, Some(token)),
        (
            "notion, signed",
            &notion,
            &[("x-notion-signature", "sha256=00")],
            &asked,
            None,
        ),
        ("notion, more", &notion, &[], &more, None),
        ("notion, by another name", &notion, &[], &other, None),
        ("notion, more behind it", &notion, &[], &behind, None),
        (
            "notion, short",
            &notion,
            &[],
            r#"{"verification_token":"short"}"#,
            None,
        ),
    ];
    for (name, ask, fields, body, expected) in cases {
        assert_eq!(
            message_with(fields, body, |message| ask(message)).as_deref(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn linkedin_signs_a_uuid_and_nothing_else() {
    let scheme = Scheme::linkedin();
    let keys = Keyring::builder(&scheme)
        .key(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new("linkedin client secret 01"),
        )
        .build()
        .expect("keys");
    let code = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
    let asked = format!("/linkedin?challengeCode={code}&applicationId=1");
    let right = format!(
        r#"{{"challengeCode":"{code}","challengeResponse":"6fdec29bbc57e9786ffa5016506713df38c1fd5c1a553dc14038794c66e016f0"}}"#
    );
    let get = Method::GET;
    let cases = [
        ("a UUID", &get, asked.as_str(), Some(right.as_str())),
        ("POST", &Method::POST, &asked, None),
        ("a message", &get, "/?challengeCode=hmacsha256%3D%7B%7D", None),
        (
            "another text",
            &get,
            "/?challengeCode=890e46654dfe4ab1b689ed553bceeed0",
            None,
        ),
    ];
    for (name, method, uri, expected) in cases {
        let answer = head_with(method, uri, &[], |head| {
            body(handshakes::linkedin(&keys, head).expect("a key"))
        });
        assert_eq!(answer.as_deref(), expected, "{name}");
    }
}

/// A store that knows its keys so many times, and then gives this reason.
#[derive(Debug)]
struct Forgetful {
    keys: Keyring,
    times: AtomicUsize,
    then: NoKey,
}

impl FindKeys for Forgetful {
    fn find_keys(&self, wanted: &Wanted<'_>) -> Result<TenantKeys, NoKey> {
        let left = self
            .times
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| self.then.clone())
            .and_then(|_| self.keys.find_keys(wanted))
    }
}

/// A source, which is not asked here.
#[derive(Debug)]
struct Nobody;

impl KeySource for Nobody {
    fn fetch_keys<'a>(&'a self, _: &'a TenantId) -> Fetched<'a, TenantKeys> {
        Box::pin(async { Ok(None) })
    }
}

/// Not known is never no: neither "no handshake" nor a 401.
#[test]
fn keys_that_are_not_known_yet_are_no_answer() {
    let acme = tenant();
    let store = |scheme: &Scheme, times, then: &NoKey| Forgetful {
        keys: ring(KeySpec::from(scheme), &[1]),
        times: AtomicUsize::new(times),
        then: then.clone(),
    };
    let cache = KeyCache::new(Nobody, Keep::default());
    let elsewhere = cache.find_keys(&Wanted::of(Some(&acme))).expect_err("not here");
    assert!(matches!(elsewhere, NoKey::Elsewhere(_)), "{elsewhere}");
    let get = Method::GET;
    for why in [NoKey::Unavailable, elsewhere] {
        let keys = store(&Scheme::x(), 0, &why);
        let asked: [Result<Option<Reply>, NotAuthentic>; 3] = [
            head_with(&get, "/?crc_token=MTYxOTg2NjQyMDAwMA-token", &[], |head| {
                handshakes::x(&keys, head)
            }),
            head_with(
                &get,
                "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53",
                &[],
                |head| handshakes::braintree(&keys, "public", head),
            ),
            head_with(
                &get,
                "/?challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0",
                &[],
                |head| handshakes::linkedin(&keys, head),
            ),
        ];
        assert_eq!(asked, [(); 3].map(|()| Err(NotAuthentic::NoKey(why.clone()))));
        // What is no handshake needs no key.
        let other = head_with(&get, "/", &[], |head| handshakes::x(&keys, head));
        assert_eq!(other, Ok(None));

        let (method, uri) = (Method::POST, Uri::from_static("/"));
        let headers = signed_by(
            &Scheme::xero(),
            &ring(KeySpec::from(&Scheme::xero()), &[1]),
            b"{}",
        );
        let message = Message::new(&method, &uri, &headers, b"{}", at(NOW));
        let xero = HmacVerifier::new(Scheme::xero(), store(&Scheme::xero(), 0, &why));
        assert_eq!(handshakes::xero(&xero, &message), Err(why.clone()));

        // Known for the signature, and gone for the answer.
        let event =
            br#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#;
        let headers = signed_by(
            &Scheme::zoom(),
            &ring(KeySpec::from(&Scheme::zoom()), &[1]),
            event,
        );
        let message = Message::new(&method, &uri, &headers, event, at(NOW));
        let zoom = HmacVerifier::new(Scheme::zoom(), store(&Scheme::zoom(), 1, &why));
        assert_eq!(handshakes::zoom(&zoom, &message), Err(NotAuthentic::NoKey(why)));
    }
    // That there is no key is known: a 401, as for a wrong signature.
    let unknown = NoKey::Unknown { sender: acme };
    let xero = HmacVerifier::new(Scheme::xero(), store(&Scheme::xero(), 0, &unknown));
    let headers = signed_by(
        &Scheme::xero(),
        &ring(KeySpec::from(&Scheme::xero()), &[1]),
        b"{}",
    );
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let refused = handshakes::xero(&xero, &Message::new(&method, &uri, &headers, b"{}", at(NOW)));
    assert_eq!(refused.map(|reply| reply.status), Ok(StatusCode::UNAUTHORIZED));
}

/// Signed by the sender's own scheme, with one byte of the signature changed or not.
fn signed_by(scheme: &Scheme, keys: &Keyring, body: &[u8]) -> HeaderMap {
    let acme = tenant();
    let signer = HmacSigner::new(scheme.clone(), keys.clone());
    signer
        .sign_payload(&Outgoing::new(&acme, "1", body, at(NOW)))
        .expect("signed")
}

#[test]
fn front_and_airship_are_answered_when_they_have_signed() {
    let (front, airship) = (Scheme::front(), Scheme::airship());
    let keys = |scheme: &Scheme| {
        Keyring::builder(scheme)
            .key(
                TenantId::parse("acme").unwrap(),
                "1",
                Secret::new("a secret of sixteen bytes"),
            )
            .build()
            .expect("keys")
    };
    let sync = r#"{"type":"sync","authorization":{"id":"cmp_abc"}}"#;
    let mut headers = signed_by(&front, &keys(&front), sync.as_bytes());
    headers.insert("x-front-challenge", HeaderValue::from_static("a random string"));
    let verifier = HmacVerifier::new(front.clone(), keys(&front));
    let ask = |headers: &HeaderMap, text: &str| {
        let (method, uri) = (Method::POST, Uri::from_static("/front"));
        handshakes::front(
            &verifier,
            &Message::new(&method, &uri, headers, text.as_bytes(), at(NOW)),
        )
        .map(body)
    };
    assert_eq!(
        ask(&headers, sync),
        Ok(Some(r#"{"challenge":"a random string"}"#.into()))
    );
    assert_eq!(
        ask(&headers, &sync.replace("abc", "abd")),
        Err(NotAuthentic::SignatureMismatch)
    );
    assert_eq!(ask(&headers, r#"{"type":"inbound"}"#), Ok(None));
    headers.remove("x-front-challenge");
    assert_eq!(ask(&headers, sync), Ok(None));

    let headers = signed_by(&airship, &keys(&airship), b"");
    let verifier = HmacVerifier::new(airship.clone(), keys(&airship));
    let ask = |method: Method, target: &str, headers: &HeaderMap| {
        let uri: Uri = target.parse().expect("a target");
        handshakes::airship(
            &verifier,
            &Message::new(&method, &uri, headers, b"", at(NOW)),
            "c0de",
        )
        .map(body)
    };
    assert_eq!(
        ask(Method::GET, "/airship/validate", &headers),
        Ok(Some(r#"{"confirmation_code":"c0de"}"#.into()))
    );
    assert_eq!(ask(Method::POST, "/airship/validate", &headers), Ok(None));
    assert_eq!(ask(Method::GET, "/airship/push", &headers), Ok(None));
    let nobody = HeaderName::from_static("x-ua-timestamp");
    assert_eq!(
        ask(Method::GET, "/validate", &HeaderMap::new()),
        Err(NotAuthentic::MissingHeader { name: nobody })
    );
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Discord with a key of this seed, and its verifier.
pub(crate) fn discord(seed: &[u8; 32]) -> (Ed25519KeyPair, PublicKeyVerifier) {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed");
    let scheme = PublicKeyScheme::discord();
    let keys = Keyring::builder(&scheme)
        .key(
            TenantId::parse("acme").unwrap(),
            "1",
            Secret::new(&hex(pair.public_key().as_ref())),
        )
        .build()
        .expect("keys");
    let verifier = PublicKeyVerifier::new(scheme, keys, algorithms()).expect("supported");
    (pair, verifier)
}

#[test]
fn both_pings_of_discord() {
    let (pair, verifier) = discord(&[7; 32]);
    let ask = |signed: &str, sent: &str| {
        let signature = hex(pair.sign(format!("{NOW}{signed}").as_bytes()).as_ref());
        let fields = [
            ("x-signature-ed25519", &*signature),
            ("x-signature-timestamp", "1790000000"),
        ];
        message_with(&fields, sent, |message| handshakes::discord(&verifier, message))
            .map(|reply| reply.map(|reply| (reply.status.as_u16(), reply.body)))
    };
    let interaction = r#"{"application_id":"1","id":"2","token":"t","type":1,"version":1}"#;
    let event_ping = r#"{"version":1,"application_id":"1234560123453231555","type":0}"#;
    let event = r#"{"version":1,"application_id":"1","type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}"#;
    let cases = [
        (
            "an interaction's PING",
            interaction,
            interaction,
            Ok(Some((200, r#"{"type":1}"#.to_owned()))),
        ),
        (
            "an event's PING",
            event_ping,
            event_ping,
            Ok(Some((204, String::new()))),
        ),
        ("an event", event, event, Ok(None)),
        ("a command", r#"{"type":2}"#, r#"{"type":2}"#, Ok(None)),
        (
            "signed by nobody",
            event,
            event_ping,
            Err(NotAuthentic::SignatureMismatch),
        ),
    ];
    for (name, signed, sent, expected) in cases {
        assert_eq!(ask(signed, sent), expected, "{name}");
    }
}

/// A source that knows these.
#[derive(Debug)]
struct Ring(Keyring);

impl KeySource for Ring {
    fn fetch_keys<'a>(&'a self, tenant: &'a TenantId) -> Fetched<'a, TenantKeys> {
        Box::pin(async { Ok(self.0.find_keys(&Wanted::of(Some(tenant))).ok()) })
    }
}

/// What met an outage is answered when it comes again: whoever asked has fetched what was lacking.
#[tokio::test]
async fn what_was_lacking_is_fetched_and_the_next_attempt_is_answered() {
    let (acme, xero, x) = (tenant(), Scheme::xero(), Scheme::x());
    let cache = |scheme: &Scheme| KeyCache::new(Ring(ring(KeySpec::from(scheme), &[1])), Keep::default());

    let headers = signed_by(&xero, &ring(KeySpec::from(&xero), &[1]), b"{}");
    let verifier = HmacVerifier::new(xero.clone(), cache(&xero));
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let mut message = Message::new(&method, &uri, &headers, b"{}", at(NOW));
    message.sender = Some(&acme);
    let Err(NoKey::Elsewhere(ticket)) = handshakes::xero(&verifier, &message) else {
        panic!("it is known already");
    };
    ticket.redeem(std::future::pending()).await;
    let answer = handshakes::xero(&verifier, &message);
    assert_eq!(answer.map(|reply| reply.status), Ok(StatusCode::OK));

    let keys = cache(&x);
    let ask = || {
        head_with(
            &Method::GET,
            "/?crc_token=MTYxOTg2NjQyMDAwMA-token",
            &[],
            |head| handshakes::x(&keys, &head.from_sender(&acme)),
        )
    };
    let Err(NotAuthentic::NoKey(NoKey::Elsewhere(ticket))) = ask() else {
        panic!("it is known already");
    };
    ticket.redeem(std::future::pending()).await;
    assert!(ask().is_ok_and(|reply| reply.is_some()));
}
