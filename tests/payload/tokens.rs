//! Providers that sign nothing: recognized, never more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::providers::presets;
use countersign::payload::providers::presets::Make;
use countersign::payload::token::{TokenScheme, TokenVerifier};
use countersign::payload::{Keyring, Message, Secret, Strength};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::vectors::at;

const SECRET: &str = "a token: of sixteen bytes and more";

/// What the provider would send.
fn shown(scheme: &TokenScheme, secret: &str) -> (HeaderMap, String) {
    let mut headers = HeaderMap::new();
    let body = match (scheme.name(), scheme.strength()) {
        ("microsoft_graph", _) => {
            return (
                headers,
                serde_json::json!({ "value": [{ "clientState": secret }, { "clientState": secret }] })
                    .to_string(),
            );
        }
        (_, Strength::Basic) => {
            let value = format!("Basic {}", STANDARD.encode(secret));
            headers.insert("authorization", HeaderValue::from_str(&value).expect("a value"));
            "{}"
        }
        _ => {
            let name = scheme.header_field().expect("a field").clone();
            headers.insert(name, HeaderValue::from_str(secret).expect("a value"));
            "{}"
        }
    };
    (headers, body.to_owned())
}

fn check(scheme: &TokenScheme, headers: &HeaderMap, body: &str) -> Result<Strength, &'static str> {
    let keys = Keyring::builder(scheme)
        .key(
            TenantId::parse("acme").unwrap(),
            "old",
            Secret::new("another token of the same"),
        )
        .key(TenantId::parse("acme").unwrap(), "new", Secret::new(SECRET));
    let verifier = TokenVerifier::new(scheme.clone(), keys.build().expect("keys"));
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let message = Message::new(&method, &uri, headers, body.as_bytes(), at(1_790_000_000));
    verifier
        .recognize(&message)
        .map(|recognized| recognized.strength())
        .map_err(|forged| forged.code())
}

#[test]
fn every_token_preset() {
    let field = HeaderName::from_static("x-my-token");
    let mut count = 0;
    for preset in presets::all() {
        let Make::Token(make) = preset.make else { continue };
        count += 1;
        let scheme = make().in_field(field.clone());
        let (headers, body) = shown(&scheme, SECRET);
        assert_eq!(
            check(&scheme, &headers, &body),
            Ok(scheme.strength()),
            "{}",
            preset.name
        );
        for other in [
            &SECRET[1..],
            &SECRET[..SECRET.len() - 1],
            "a token: of sixteen bytes and morf",
        ] {
            let (headers, body) = shown(&scheme, other);
            assert_eq!(
                check(&scheme, &headers, &body),
                Err("payload.signature_mismatch"),
                "{}",
                preset.name
            );
        }
        let missing = if preset.name == "microsoft_graph" {
            "payload.malformed_body"
        } else {
            "payload.missing_header"
        };
        assert_eq!(
            check(&scheme, &HeaderMap::new(), "{}"),
            Err(missing),
            "{}",
            preset.name
        );
    }
    assert_eq!(count, 15);
}

#[test]
fn each_item_shows_the_client_state() {
    let scheme = TokenScheme::microsoft_graph();
    let item = |secret: &str| serde_json::json!({ "clientState": secret });
    let cases = [
        (
            serde_json::json!([item(SECRET), item("other")]),
            Err("payload.signature_mismatch"),
        ),
        (
            serde_json::json!([item(SECRET), {}]),
            Err("payload.malformed_body"),
        ),
        (serde_json::json!([]), Err("payload.malformed_body")),
        (serde_json::json!([item(SECRET)]), Ok(Strength::Token)),
    ];
    for (items, expected) in cases {
        let body = serde_json::json!({ "value": items }).to_string();
        assert_eq!(check(&scheme, &HeaderMap::new(), &body), expected, "{body}");
    }
}

#[test]
fn a_field_that_was_not_chosen_lets_nobody_in() {
    let (headers, body) = (HeaderMap::new(), "{}");
    assert_eq!(
        check(&TokenScheme::datadog(), &headers, body),
        Err("payload.denied")
    );
}

#[test]
fn passwords_are_read_strictly() {
    let scheme = TokenScheme::postmark();
    let encoded = STANDARD.encode(SECRET);
    let cases = [
        (format!("Basic {encoded}"), Ok(Strength::Basic)),
        (format!("basic {encoded}"), Ok(Strength::Basic)),
        (format!("Bearer {encoded}"), Err("payload.malformed_header")),
        (format!("Basic  {encoded}"), Err("payload.malformed_header")),
        (
            format!("Basic {}", STANDARD.encode("no colon")),
            Err("payload.malformed_header"),
        ),
        ("Basic".to_owned(), Err("payload.malformed_header")),
    ];
    for (value, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&value).expect("a value"));
        assert_eq!(check(&scheme, &headers, "{}"), expected, "{value}");
    }
}
