//! Kinds of tokens, and the places they stand in.

use countersign::payload::jose::{InvalidJwt as No, JwtPart, JwtRules, JwtVerifier};
use countersign::payload::{NotAuthentic, VerifyPayload as _};
use http::{HeaderMap, HeaderName};

use super::{BODY, HS, Request, claims, keyring, rules, scheme, token};
use crate::jose_keys::mint;

#[test]
fn types_of_tokens() {
    let with_header = |rules: JwtRules, header: &str| {
        let request = Request::bearing(&mint(HS, header, claims("")));
        JwtVerifier::new(scheme(rules), keyring())
            .verify_payload(&request.message(BODY))
            .map(drop)
    };
    let webhook = || rules().with_types(["webhook+jwt"]);
    let cases = [
        ("absent", rules(), r#"{"alg":"HS256"}"#, Ok(())),
        ("jwt", rules(), r#"{"alg":"HS256","typ":"jwt"}"#, Ok(())),
        (
            "application/jwt",
            rules(),
            r#"{"alg":"HS256","typ":"application/jwt"}"#,
            Ok(()),
        ),
        (
            "not below application",
            rules(),
            r#"{"alg":"HS256","typ":"applicationxjwt"}"#,
            Err(No::Type),
        ),
        (
            "access token",
            rules(),
            r#"{"alg":"HS256","typ":"at+jwt"}"#,
            Err(No::Type),
        ),
        (
            "session token for a webhook",
            webhook(),
            r#"{"alg":"HS256","typ":"JWT"}"#,
            Err(No::Type),
        ),
        (
            "absent, wanted",
            webhook(),
            r#"{"alg":"HS256"}"#,
            Err(No::Missing { name: "typ".into() }),
        ),
        (
            "wanted",
            webhook(),
            r#"{"alg":"HS256","typ":"webhook+jwt"}"#,
            Ok(()),
        ),
        (
            "number",
            rules(),
            r#"{"alg":"HS256","typ":1}"#,
            Err(No::MemberType { name: "typ".into() }),
        ),
        (
            "nested",
            rules(),
            r#"{"alg":"HS256","cty":"JWT"}"#,
            Err(No::Nested),
        ),
        (
            "nested, in lower case",
            rules(),
            r#"{"alg":"HS256","cty":"jwt"}"#,
            Err(No::Nested),
        ),
        (
            "nested, in full",
            rules(),
            r#"{"alg":"HS256","cty":"application/JWT"}"#,
            Err(No::Nested),
        ),
        (
            "other content",
            rules(),
            r#"{"alg":"HS256","cty":"application/json"}"#,
            Ok(()),
        ),
        (
            "critical",
            rules(),
            r#"{"alg":"HS256","crit":["x"],"x":1}"#,
            Err(No::UnknownCritical),
        ),
        (
            "unencoded (RFC 7797 §7)",
            rules(),
            r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
            Err(No::AttachedUnencoded),
        ),
        ("none", rules(), r#"{"alg":"none"}"#, Err(No::UnknownAlgorithm)),
    ];
    for (name, rules, header, expected) in cases {
        assert_eq!(
            with_header(rules, header),
            expected.map_err(NotAuthentic::Jwt),
            "{name}"
        );
    }
}

#[test]
fn places_of_tokens() {
    let good = token(&claims(""));
    let name = HeaderName::from_static("authorization");
    let with = |values: &[String]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value.parse().unwrap());
        }
        let request = Request::with(headers);
        JwtVerifier::new(scheme(rules()), keyring())
            .verify_payload(&request.message(BODY))
            .map(drop)
    };
    let malformed = || Err(NotAuthentic::MalformedHeader { name: name.clone() });
    assert_eq!(with(&[]), Err(NotAuthentic::MissingHeader { name: name.clone() }));
    assert_eq!(
        with(&[format!("Bearer {good}"), format!("Bearer {good}")]),
        Err(NotAuthentic::RepeatedHeader { name: name.clone() })
    );
    assert_eq!(with(&[format!("bearer {good}")]), Ok(()));
    assert_eq!(with(std::slice::from_ref(&good)), malformed());
    assert_eq!(with(&[format!("Basic {good}")]), malformed());
    assert_eq!(with(&["Bearer".into()]), malformed());
    let base64 = Err(NotAuthentic::Jwt(No::Base64 {
        part: JwtPart::Header,
    }));
    assert_eq!(with(&[format!("Bearer  {good}")]), base64);
    assert_eq!(
        with(&[format!("Bearer {good}, Bearer {good}")]),
        Err(NotAuthentic::Jwt(No::Segments))
    );
}
