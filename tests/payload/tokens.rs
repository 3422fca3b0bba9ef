//! Providers that sign nothing: recognized, never more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::hmac::{KeyForm, KeyProblem};
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
        ("figma", _) => return (headers, serde_json::json!({ "passcode": secret }).to_string()),
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
        let missing = if ["figma", "microsoft_graph"].contains(&preset.name) {
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
    assert_eq!(count, 18);
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

fn tenant() -> TenantId {
    TenantId::parse("acme").expect("a name")
}

/// Whether the request with this target is recognized, by a scheme of one's own.
fn at_target(scheme: &TokenScheme, target: &str) -> Result<Strength, &'static str> {
    let keys = Keyring::builder(scheme)
        .key(tenant(), "old", Secret::new("zL8-another_of.the~same"))
        .key(tenant(), "new", Secret::new(URL_SECRET));
    let verifier = TokenVerifier::new(scheme.clone(), keys.build().expect("keys"));
    let (method, headers) = (Method::POST, HeaderMap::new());
    let uri: Uri = target.parse().expect("a target");
    let message = Message::new(&method, &uri, &headers, b"{}", at(1_790_000_000));
    assert!(!format!("{message:?}").contains(&URL_SECRET[..8]), "{target}");
    let recognized = verifier.recognize(&message);
    assert!(!format!("{recognized:?}").contains(&URL_SECRET[..8]), "{target}");
    recognized
        .map(|recognized| recognized.strength())
        .map_err(|forged| forged.code())
}

const URL_SECRET: &str = "u3Jq-9wX.v7hT_z2Lk~";

#[test]
fn a_secret_in_the_url_is_single_whole_and_written_in_one_form() {
    let path = TokenScheme::url_path("mine", "/hooks/", "/pix");
    let query = TokenScheme::url_parameter("mine", "hmac");
    let (missing, malformed, wrong) = (
        Err("payload.missing_url_secret"),
        Err("payload.malformed_url_secret"),
        Err("payload.signature_mismatch"),
    );
    let good = Ok(Strength::Url);
    let cases = [
        (&path, format!("/hooks/{URL_SECRET}/pix"), good),
        (&path, "/hooks/zL8-another_of.the~same/pix?a=b".to_owned(), good),
        (
            &path,
            format!("https://hooks.example/hooks/{URL_SECRET}/pix"),
            good,
        ),
        (&path, format!("/hooks/{}/pix", &URL_SECRET[1..]), wrong),
        (&path, format!("/hooks/{URL_SECRET}a/pix"), wrong),
        (&path, format!("/hooks/{URL_SECRET}"), missing),
        (&path, format!("/Hooks/{URL_SECRET}/pix"), missing),
        (&path, "/hooks//pix".to_owned(), missing),
        (&path, "/hooks/pix".to_owned(), missing),
        (&path, format!("/hooks/{URL_SECRET}/x/pix"), malformed),
        (&path, format!("/hooks/{URL_SECRET}//pix"), malformed),
        (
            &path,
            format!("/hooks/{}/pix", URL_SECRET.replace('u', "%75")),
            malformed,
        ),
        (&path, format!("/?hmac={URL_SECRET}"), missing),
        (&query, format!("/any?hmac={URL_SECRET}"), good),
        (&query, format!("/any?a=b&hmac={URL_SECRET}&ignorar=/pix"), good),
        (&query, "/any".to_owned(), missing),
        (&query, "/any?hmac=".to_owned(), missing),
        (&query, "/any?hmac".to_owned(), missing),
        (&query, format!("/any?Hmac={URL_SECRET}"), missing),
        (&query, format!("/any?%68mac={URL_SECRET}"), missing),
        (&query, format!("/any?xhmac={URL_SECRET}"), missing),
        (
            &query,
            format!("/any?hmac={URL_SECRET}&hmac={URL_SECRET}"),
            malformed,
        ),
        (&query, format!("/any?hmac=wrong&hmac={URL_SECRET}"), malformed),
        (
            &query,
            format!("/any?hmac={}", URL_SECRET.replace('u', "%75")),
            malformed,
        ),
        (&query, format!("/any?hmac={URL_SECRET}+"), malformed),
        (&query, format!("/any?hmac={URL_SECRET}x"), wrong),
    ];
    for (scheme, target, expected) in cases {
        assert_eq!(at_target(scheme, &target), expected, "{target}");
    }
}

#[test]
fn a_secret_that_has_two_forms_in_a_url_is_no_key_of_one() {
    let scheme = TokenScheme::url_parameter("mine", "hmac");
    for secret in [
        "a secret of sixteen bytes",
        "sixteen+bytes/of=base64",
        "sixteen%20bytes%20of%20it",
    ] {
        let built = Keyring::builder(&scheme)
            .key(tenant(), "1", Secret::new(secret))
            .build();
        let expected = KeyProblem::Form {
            form: KeyForm::Unreserved,
        };
        assert_eq!(
            built.map(|_| ()).map_err(|invalid| invalid.problem),
            Err(expected),
            "{secret}"
        );
    }
}
