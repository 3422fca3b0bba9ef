//! Rules that ask for more or less than every token must say.

use std::time::Duration;

use countersign::payload::jose::{InvalidJwt as No, JwtRules, JwtVerifier};
use countersign::payload::{NotAuthentic, VerifyPayload as _};
use countersign::replay::Terms;

use super::{BODY, NOW, Request, at, but, claim, claims, keyring, rules, scheme, token, verify};

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
            "an empty jti",
            rules().require_id(),
            claims(r#","jti":"""#),
            missing("jti"),
        ),
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
            "one value for every tenant",
            rules().with_tenant_in("sub", "t:all"),
            claims(r#","sub":"t:all""#),
            Ok(()),
        ),
        (
            "another value than that",
            rules().with_tenant_in("sub", "t:all"),
            claims(r#","sub":"t:acme""#),
            Err(NotAuthentic::Jwt(No::OtherTenant { name: "sub".into() })),
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
            without_exp.clone(),
            NOW + 100,
        ),
    ];
    // A retry has another token, signed by now, under the same id.
    let named = |iat: u64| claims(&format!(r#","iat":{iat},"jti":"d1""#));
    let retried = [
        ("exp and iat", rules(), named(NOW - 250), NOW + 60 + 550 + 60),
        ("exp alone", rules(), claims(r#","jti":"d1""#), NOW + 360),
        (
            "age before exp",
            rules().with_max_age(age(100)),
            named(NOW - 10),
            NOW + 60 + 100,
        ),
        (
            "longest lifetime",
            rules().with_max_lifetime(age(1_000)),
            named(NOW),
            NOW + 60 + 1_000 + 60,
        ),
        (
            "lifetime without exp",
            rules().allow_no_expiry().with_max_lifetime(age(100)),
            without_exp.replace('{', r#"{"jti":"d1","#),
            NOW + 60 + 100,
        ),
        ("an empty id is none", rules(), claims(r#","jti":"""#), NOW + 360),
    ];
    // Terms that ask for nothing of their own.
    let terms = Terms::default().with_lease(age(1)).with_window(age(1));
    for (name, rules, claims, until) in cases.into_iter().chain(retried) {
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
