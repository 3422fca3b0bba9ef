//! What a token says: each claim of its type, in its place.

use countersign::payload::jose::{InvalidJson, InvalidJwt, InvalidJwt as No, JwtPart, JwtRules, JwtVerifier};
use countersign::payload::{NotAuthentic, VerifyPayload as _};
use sha2::{Digest as _, Sha256};

use super::{BODY, NOW, Request, but, claim, claims, hex, keyring, rules, scheme, token, verify};

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
