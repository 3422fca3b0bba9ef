//! Handshakes that are answered when they are signed, and not otherwise.

use countersign::payload::providers::handshakes;
use countersign::payload::{HmacVerifier, Keyring, Message, NotAuthentic, Scheme, Secret};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::{NOW, body, signed, signed_by};
use crate::vectors::at;

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
