//! What a token says: each claim of its type, in its place, for as long as it counts.

use std::time::Duration;

use countersign::payload::jose::{InvalidJson, InvalidJwt, InvalidJwt as No, JwtPart, JwtRules, JwtVerifier};
use countersign::payload::{NotAuthentic, VerifyPayload};
use countersign::replay::Terms;
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};

use super::{BODY, HS, NOW, Request, at, but, claim, claims, hex, keyring, rules, scheme, token, verify};
use crate::jose_keys::mint;

#[test]
fn a_claim_says_what_it_is_and_what_it_must_be() {
    let told = |rules: JwtRules, claims: &str| {
        let request = Request::bearing(&token(claims));
        let answer = JwtVerifier::new(scheme(rules), keyring())
            .verify_payload(&request.message(BODY))
            .map(drop);
        answer.unwrap_err().to_string()
    };
    let says = |name: &str, seen: &str, wanted: &str| {
        format!("{name} does not say what it must: it says {seen}, and must say {wanted}")
    };
    let us = rules().or_audience("hooks2");
    for (rules, claims, expected) in [
        (
            rules(),
            but("iss", Some(r#""issuer2""#)),
            says("iss", r#""issuer2""#, r#""issuer""#),
        ),
        (
            rules(),
            but("aud", Some(r#"["x","y"]"#)),
            says("aud", r#""x", "y""#, r#""hooks""#),
        ),
        (
            us,
            but("aud", Some("[]")),
            says("aud", "none", r#""hooks", "hooks2""#),
        ),
        (
            rules().require_text("event", "paid"),
            claims(r#","event":"a\nb""#),
            says("event", r#""a\nb""#, r#""paid""#),
        ),
        (
            rules().require_true("email_verified"),
            claims(r#","email_verified":false"#),
            says("email_verified", r#""something else""#, r#""true""#),
        ),
    ] {
        assert_eq!(told(rules, &claims), expected);
    }
}

#[test]
fn every_claim_is_of_its_type_and_says_what_it_must() {
    let of_type = |name: &'static str| Err(No::MemberType { name: name.into() });
    let wrong = |name: &'static str| Err(claim(name));
    let missing = |name: &'static str| Err(No::Missing { name: name.into() });
    let soon = |seconds: i64| (NOW as i64 + seconds).to_string();
    let expired = |exp| Err(No::Expired { exp, now: NOW });
    let cases: Vec<(&str, String, Result<(), InvalidJwt>)> = vec![
        ("good", claims(""), Ok(())),
        ("iss absent", but("iss", None), missing("iss")),
        ("iss null", but("iss", Some("null")), of_type("iss")),
        ("iss number", but("iss", Some("42")), of_type("iss")),
        ("iss list", but("iss", Some(r#"["issuer"]"#)), of_type("iss")),
        ("iss object", but("iss", Some("{}")), of_type("iss")),
        ("iss other", but("iss", Some(r#""issuer2""#)), wrong("iss")),
        ("iss prefix", but("iss", Some(r#""issue""#)), wrong("iss")),
        ("iss other case", but("iss", Some(r#""Issuer""#)), wrong("iss")),
        ("iss empty", but("iss", Some(r#""""#)), wrong("iss")),
        ("iss NUL", but("iss", Some(r#""issuer\u0000""#)), wrong("iss")),
        ("aud absent", but("aud", None), missing("aud")),
        ("aud null", but("aud", Some("null")), of_type("aud")),
        ("aud number", but("aud", Some("7")), of_type("aud")),
        ("aud object", but("aud", Some(r#"{"hooks":1}"#)), of_type("aud")),
        ("aud other", but("aud", Some(r#""hook""#)), wrong("aud")),
        ("aud empty list", but("aud", Some("[]")), wrong("aud")),
        (
            "aud list of others",
            but("aud", Some(r#"["a","b"]"#)),
            wrong("aud"),
        ),
        (
            "aud list with a number",
            but("aud", Some(r#"["hooks",7]"#)),
            of_type("aud"),
        ),
        (
            "aud nested list",
            but("aud", Some(r#"[["hooks"]]"#)),
            of_type("aud"),
        ),
        ("aud list", but("aud", Some(r#"["a","hooks"]"#)), Ok(())),
        ("sub number", claims(r#","sub":5"#), of_type("sub")),
        ("sub null", claims(r#","sub":null"#), of_type("sub")),
        ("jti number", claims(r#","jti":5"#), of_type("jti")),
        ("exp absent", but("exp", None), missing("exp")),
        ("exp null", but("exp", Some("null")), of_type("exp")),
        ("exp text", but("exp", Some(r#""9999999999""#)), of_type("exp")),
        ("exp true", but("exp", Some("true")), of_type("exp")),
        ("exp list", but("exp", Some("[9999999999]")), of_type("exp")),
        ("exp beyond all", but("exp", Some("1e300")), of_type("exp")),
        ("exp with an exponent", but("exp", Some("1e10")), Ok(())),
        (
            "exp gone, with an exponent",
            but("exp", Some("1.5E9")),
            expired(1_500_000_000),
        ),
        (
            "exp is 2^64",
            but("exp", Some("18446744073709551616.0")),
            of_type("exp"),
        ),
        (
            "exp next below",
            but("exp", Some("18446744073709549568.0")),
            Ok(()),
        ),
        ("exp negative fraction", but("exp", Some("-0.5")), of_type("exp")),
        ("exp tiny", but("exp", Some("1e-400")), expired(0)),
        (
            "exp with a fraction, rounded down",
            but("exp", Some(&format!("{}.999", NOW - 60))),
            expired(NOW - 60),
        ),
        (
            "exp with a fraction",
            but("exp", Some(&format!("{}.001", NOW - 59))),
            Ok(()),
        ),
        (
            "exp of many digits",
            but("exp", Some(&format!("{}.{}", NOW, "9".repeat(8_000)))),
            Ok(()),
        ),
        ("nbf negative fraction", claims(r#","nbf":-0.5"#), of_type("nbf")),
        (
            "nbf with a fraction, rounded up",
            claims(&format!(r#","nbf":{}.001"#, NOW + 60)),
            Err(No::NotYetValid {
                nbf: NOW + 61,
                now: NOW,
            }),
        ),
        (
            "nbf with a fraction",
            claims(&format!(r#","nbf":{}.999"#, NOW + 59)),
            Ok(()),
        ),
        (
            "iat with a fraction",
            claims(&format!(r#","iat":{}.999"#, NOW + 60)),
            Ok(()),
        ),
        ("exp negative", but("exp", Some("-1")), of_type("exp")),
        (
            "exp beyond 64 bits",
            but("exp", Some("18446744073709551616")),
            of_type("exp"),
        ),
        ("exp largest", but("exp", Some("18446744073709551615")), Ok(())),
        ("exp zero", but("exp", Some("0")), expired(0)),
        ("exp just gone", but("exp", Some(&soon(-60))), expired(NOW - 60)),
        ("exp within leeway", but("exp", Some(&soon(-59))), Ok(())),
        (
            "exp ten minutes ago",
            but("exp", Some(&soon(-600))),
            expired(NOW - 600),
        ),
        ("nbf text", claims(r#","nbf":"0""#), of_type("nbf")),
        ("nbf negative", claims(r#","nbf":-1"#), of_type("nbf")),
        (
            "nbf within leeway",
            claims(&format!(r#","nbf":{}"#, NOW + 60)),
            Ok(()),
        ),
        (
            "nbf ahead",
            claims(&format!(r#","nbf":{}"#, NOW + 61)),
            Err(No::NotYetValid {
                nbf: NOW + 61,
                now: NOW,
            }),
        ),
        (
            "nbf largest",
            claims(r#","nbf":18446744073709551615"#),
            Err(No::NotYetValid {
                nbf: u64::MAX,
                now: NOW,
            }),
        ),
        ("iat text", claims(r#","iat":"0""#), of_type("iat")),
        ("iat negative fraction", claims(r#","iat":-0.5"#), of_type("iat")),
        (
            "iat ahead",
            claims(&format!(r#","iat":{}"#, NOW + 61)),
            Err(No::FromTheFuture {
                iat: NOW + 61,
                now: NOW,
            }),
        ),
        (
            "tenant other",
            claims(r#","tenant":"evil""#),
            Err(No::OtherTenant {
                name: "tenant".into(),
            }),
        ),
        ("tenant number", claims(r#","tenant":1"#), of_type("tenant")),
        ("tenant same", claims(r#","tenant":"acme""#), Ok(())),
        ("body absent", but("body", None), missing("body")),
        ("body number", but("body", Some("0")), of_type("body")),
        ("body null", but("body", Some("null")), of_type("body")),
        ("body empty", but("body", Some(r#""""#)), of_type("body")),
        ("body short", but("body", Some(r#""00""#)), of_type("body")),
        (
            "body other",
            but("body", Some(&format!(r#""{}""#, "0".repeat(64)))),
            Err(No::OtherBody),
        ),
        (
            "body list",
            but("body", Some(&format!(r#"["{}"]"#, hex(&Sha256::digest(BODY))))),
            of_type("body"),
        ),
    ];
    for (name, claims, expected) in cases {
        assert_eq!(
            verify(rules(), &claims),
            expected.map_err(NotAuthentic::Jwt),
            "{name}: {claims}"
        );
    }
    let json = |problem| {
        Err(NotAuthentic::Jwt(No::Json {
            part: JwtPart::Payload,
            problem,
        }))
    };
    let cases = [
        ("not JSON", "claims".into(), json(InvalidJson::Syntax)),
        ("list", "[]".into(), json(InvalidJson::NotAnObject)),
        (
            "exp twice",
            claims(&format!(r#","exp":{}"#, NOW + 900)),
            json(InvalidJson::DuplicateMember),
        ),
        (
            "role twice",
            claims(r#","role":"user","role":"admin""#),
            json(InvalidJson::DuplicateMember),
        ),
        (
            "role twice inside",
            claims(r#","x":{"role":"user","role":"admin"}"#),
            json(InvalidJson::DuplicateMember),
        ),
        (
            "deep",
            claims(&format!(r#","x":{}{}"#, "[".repeat(60), "]".repeat(60))),
            json(InvalidJson::TooDeep),
        ),
        (
            "many",
            claims(&format!(r#","x":[{}0]"#, "0,".repeat(2000))),
            json(InvalidJson::TooMany),
        ),
    ];
    for (name, claims, expected) in cases {
        assert_eq!(verify(rules(), &claims), expected, "{name}");
    }
}

#[test]
fn rules_ask_for_more_or_less() {
    let iat = |iat: u64| claims(&format!(r#","iat":{iat}"#));
    let missing = |name: &'static str| Err(NotAuthentic::Jwt(No::Missing { name: name.into() }));
    let wrong = |name: &'static str| Err(NotAuthentic::Jwt(claim(name)));
    let age = || rules().with_max_age(Duration::from_secs(300));
    let endless = || {
        rules()
            .allow_no_expiry()
            .with_max_lifetime(Duration::from_secs(300))
    };
    let without_exp = |iat: u64| but("exp", None).replace('{', &format!(r#"{{"iat":{iat},"#));
    let cases: Vec<(&str, JwtRules, String, Result<(), NotAuthentic>)> = vec![
        ("any issuer", rules().allow_any_issuer(), but("iss", None), Ok(())),
        (
            "any issuer, of the wrong type",
            rules().allow_any_issuer(),
            but("iss", Some("1")),
            Err(NotAuthentic::Jwt(No::MemberType { name: "iss".into() })),
        ),
        (
            "any audience",
            rules().allow_any_audience(),
            but("aud", None),
            Ok(()),
        ),
        (
            "any audience, of the wrong type",
            rules().allow_any_audience(),
            but("aud", Some("[1]")),
            Err(NotAuthentic::Jwt(No::MemberType { name: "aud".into() })),
        ),
        ("no end", rules().allow_no_expiry(), but("exp", None), Ok(())),
        ("age without iat", age(), claims(""), missing("iat")),
        ("age", age(), iat(NOW - 300), Ok(())),
        (
            "too old",
            age(),
            iat(NOW - 301),
            Err(NotAuthentic::Jwt(No::TooOld {
                iat: NOW - 301,
                now: NOW,
            })),
        ),
        (
            "lifetime",
            rules().with_max_lifetime(Duration::from_secs(300)),
            iat(NOW),
            Ok(()),
        ),
        (
            "long life",
            rules().with_max_lifetime(Duration::from_secs(299)),
            iat(NOW),
            Err(NotAuthentic::Jwt(No::LivesTooLong { limit: 299 })),
        ),
        (
            "lifetime without iat",
            rules().with_max_lifetime(Duration::from_secs(300)),
            claims(""),
            missing("iat"),
        ),
        ("lifetime without exp", endless(), without_exp(NOW - 300), Ok(())),
        (
            "lifetime without exp, over",
            endless(),
            without_exp(NOW - 301),
            Err(NotAuthentic::Jwt(No::TooOld {
                iat: NOW - 301,
                now: NOW,
            })),
        ),
        (
            "lifetime without exp and a shorter age",
            endless().with_max_age(Duration::from_secs(10)),
            without_exp(NOW - 11),
            Err(NotAuthentic::Jwt(No::TooOld {
                iat: NOW - 11,
                now: NOW,
            })),
        ),
        (
            "lifetime without exp and iat",
            endless(),
            but("exp", None),
            missing("iat"),
        ),
        (
            "a tenant claim of another meaning",
            rules().allow_any_tenant_claim(),
            claims(r#","tenant":"eu-west""#),
            Ok(()),
        ),
        (
            "a tenant claim of another type",
            rules().allow_any_tenant_claim(),
            claims(r#","tenant":{"id":1}"#),
            Ok(()),
        ),
        (
            "a tenant claim of another meaning, and one that tells",
            rules().allow_any_tenant_claim().with_tenant_in("sub", "{tenant}"),
            claims(r#","tenant":"acme","sub":"globex""#),
            Err(NotAuthentic::Jwt(No::OtherTenant { name: "sub".into() })),
        ),
        (
            "no leeway",
            rules().with_leeway(Duration::ZERO),
            but("exp", Some(&NOW.to_string())),
            Err(NotAuthentic::Jwt(No::Expired { exp: NOW, now: NOW })),
        ),
        ("jti", rules().require_id(), claims(""), missing("jti")),
        (
            "text",
            rules().require_text("event", "paid"),
            claims(r#","event":"paid""#),
            Ok(()),
        ),
        (
            "other text",
            rules().require_text("event", "paid"),
            claims(r#","event":"refunded""#),
            wrong("event"),
        ),
        (
            "no text",
            rules().require_text("event", "paid"),
            claims(""),
            missing("event"),
        ),
        (
            "true",
            rules().require_true("email_verified"),
            claims(r#","email_verified":true"#),
            Ok(()),
        ),
        (
            "false",
            rules().require_true("email_verified"),
            claims(r#","email_verified":false"#),
            wrong("email_verified"),
        ),
        (
            "true as text",
            rules().require_true("email_verified"),
            claims(r#","email_verified":"true""#),
            wrong("email_verified"),
        ),
        (
            "tenant in sub",
            rules().with_tenant_in("sub", "t:{tenant}"),
            claims(r#","sub":"t:acme""#),
            Ok(()),
        ),
        (
            "other tenant in sub",
            rules().with_tenant_in("sub", "t:{tenant}"),
            claims(r#","sub":"t:acme2""#),
            Err(NotAuthentic::Jwt(No::OtherTenant { name: "sub".into() })),
        ),
        (
            "no tenant in sub",
            rules().with_tenant_in("sub", "t:{tenant}"),
            claims(""),
            missing("sub"),
        ),
        (
            "two issuers",
            rules().or_issuer("other"),
            but("iss", Some(r#""other""#)),
            Ok(()),
        ),
    ];
    for (name, rules, claims, expected) in cases {
        assert_eq!(verify(rules, &claims), expected, "{name}: {claims}");
    }
}

/// A delivery is remembered until none of its signatures passes any more: the first of a token's ends.
#[test]
fn a_token_counts_until_the_first_of_its_ends() {
    let age = |seconds| Duration::from_secs(seconds);
    let iat = |iat: u64| claims(&format!(r#","iat":{iat}"#));
    let without_exp = but("exp", None).replace('{', &format!(r#"{{"iat":{NOW},"#));
    let cases = [
        ("exp", rules(), iat(NOW), NOW + 360),
        (
            "age before exp",
            rules().with_max_age(age(100)),
            iat(NOW - 10),
            NOW + 90,
        ),
        (
            "exp before age",
            rules().with_max_age(age(9_000)),
            iat(NOW - 10),
            NOW + 360,
        ),
        (
            "lifetime",
            rules().allow_no_expiry().with_max_lifetime(age(100)),
            without_exp,
            NOW + 100,
        ),
    ];
    // Terms that ask for nothing of their own.
    let terms = Terms::default().with_lease(age(1)).with_window(age(1));
    for (name, rules, claims, until) in cases {
        let request = Request::bearing(&token(&claims));
        let verifier = JwtVerifier::new(scheme(rules), keyring());
        let authentic = verifier.verify_payload(&request.message(BODY)).unwrap();
        assert_eq!(
            authentic.claim(at(NOW), terms).window(),
            age(until - NOW + 1),
            "{name}"
        );
    }
}

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
