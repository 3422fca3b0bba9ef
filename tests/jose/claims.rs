//! Hostile claims, each with the exact error; bindings to body, request and certificate; tenants; presets both ways.

use crate::jose_keys as jose;

use std::sync::Arc;
use std::time::Duration;

use countersign::codes::Few;
use countersign::identity::CertHash;
use countersign::payload::hmac::KeyProblem;
use countersign::payload::jose::InvalidJwt as No;
use countersign::payload::jose::{
    Algorithm, BodyHash, BoundJwtScheme, DetachedVerifier, HashForm, HmacSigningKey, InvalidJson, InvalidJwt,
    Jwk, JwtAt, JwtKeyring, JwtPart, JwtRules, JwtScheme, JwtSigner, JwtVerifier, UnboundJwts,
};
use countersign::payload::{
    Authentic, CannotSign, ClientCertificate, KeyId, Message, NoKey, NotAuthentic, Outgoing, Recognized,
    SchemeText, SignPayload, Strength, VerifyPayload,
};
use countersign::replay::Terms;
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, Method, Uri};
use jose::{SECRET, b64, jwk, mint, sign, signing_key};
use rustls::pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

pub(crate) const HS: Algorithm = Algorithm::Hs256;
pub(crate) const NOW: u64 = 1_790_000_000;
pub(crate) const BODY: &[u8] = br#"{"event":"paid"}"#;

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn keyring() -> JwtKeyring {
    let key = Jwk::parse(jwk(HS, "").as_bytes()).unwrap();
    JwtKeyring::builder()
        .keys(tenant("acme"), key.verifier(HS, &[]))
        .build()
        .unwrap()
}

pub(crate) fn rules() -> JwtRules {
    JwtRules::issuer("issuer").audience("hooks")
}

pub(crate) fn scheme(rules: JwtRules) -> BoundJwtScheme {
    JwtScheme::new("test", JwtAt::bearer(), rules).bound_to_body(BodyHash::in_claim("body", HashForm::Hex))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Good claims, with these members after them.
pub(crate) fn claims(more: &str) -> String {
    let hash = hex(&Sha256::digest(BODY));
    format!(
        r#"{{"iss":"issuer","aud":"hooks","exp":{},"body":"{hash}"{more}}}"#,
        NOW + 300
    )
}

/// Good claims with one of them in another form; removed, where there is none.
pub(crate) fn but(name: &str, value: Option<&str>) -> String {
    let mut claims: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&claims("")).unwrap();
    claims.remove(name);
    let mut text = serde_json::to_string(&claims).unwrap();
    if let Some(value) = value {
        text.pop();
        text.push_str(&format!(r#","{name}":{value}}}"#));
    }
    text
}

pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl Request {
    pub(crate) fn bearing(token: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        Self::with(headers)
    }

    pub(crate) fn with(headers: HeaderMap) -> Self {
        Self {
            method: Method::POST,
            uri: Uri::from_static("/hooks/acme?x=1"),
            headers,
        }
    }

    pub(crate) fn message<'a>(&'a self, body: &'a [u8]) -> Message<'a> {
        Message::new(&self.method, &self.uri, &self.headers, body, at(NOW))
    }
}

pub(crate) fn token(claims: &str) -> String {
    mint(HS, r#"{"alg":"HS256","typ":"JWT"}"#, claims)
}

fn verify(rules: JwtRules, claims: &str) -> Result<(), NotAuthentic> {
    let request = Request::bearing(&token(claims));
    JwtVerifier::new(scheme(rules), keyring())
        .verify_payload(&request.message(BODY))
        .map(drop)
        .map_err(which)
}

/// Without what the claim says: `a_claim_says_what_it_is_and_what_it_must_be` is about that.
fn which(why: NotAuthentic) -> NotAuthentic {
    match why {
        NotAuthentic::Jwt(No::Claim { name, .. }) => NotAuthentic::Jwt(claim(name)),
        other => other,
    }
}

fn claim(name: impl Into<SchemeText>) -> InvalidJwt {
    No::Claim {
        name: name.into(),
        seen: Few::default(),
        wanted: Few::default(),
    }
}

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

#[test]
fn a_token_proves_this_body_and_no_other() {
    for (form, hash) in [
        (HashForm::Hex, hex(&Sha256::digest(BODY))),
        (HashForm::Hex, hex(&Sha256::digest(BODY)).to_uppercase()),
        (HashForm::Base64Url, b64(Sha256::digest(BODY))),
        (
            HashForm::Base64,
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, Sha256::digest(BODY)),
        ),
    ] {
        let tokens = JwtScheme::new("test", JwtAt::bearer(), rules());
        let verifier = JwtVerifier::new(tokens.bound_to_body(BodyHash::in_claim("hash", form)), keyring());
        let request = Request::bearing(&token(&claims(&format!(r#","hash":"{hash}""#))));
        let authentic = verifier.verify_payload(&request.message(BODY)).unwrap();
        assert!(authentic.bindings().body, "{form:?}");
        for other in [&b""[..], b"{}", br#"{"event":"paid"} "#, br#"{"event": "paid"}"#] {
            assert_eq!(
                verifier.verify_payload(&request.message(other)).err(),
                Some(NotAuthentic::Jwt(No::OtherBody)),
                "{form:?}"
            );
        }
    }
}

/// RFC 8705 §3: `x5t#S256`, with the value of its Appendix A.
#[test]
fn a_bound_token_counts_only_under_its_certificate() {
    let thumbprint = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    let hash: [u8; 32] = jose::unb64(thumbprint).try_into().unwrap();
    let (own, other) = (CertHash::from(hash), CertHash::of(b"another"));
    let bound = claims(&format!(r#","cnf":{{"x5t#S256":"{thumbprint}"}}"#));
    let cnf = |value: &str| claims(&format!(r#","cnf":{value}"#));
    let non_canonical = format!(r#"{{"x5t#S256":"{}1"}}"#, &thumbprint[..42]);
    let must = || rules().require_certificate();
    let of_type = Err(No::MemberType { name: "cnf".into() });
    let cases = [
        (
            "bound, right certificate",
            rules(),
            bound.clone(),
            Some(own),
            Ok(Some(own)),
        ),
        (
            "bound, no certificate",
            rules(),
            bound.clone(),
            None,
            Err(No::NoCertificate),
        ),
        (
            "bound, other certificate",
            rules(),
            bound,
            Some(other),
            Err(No::OtherCertificate),
        ),
        ("not bound", rules(), claims(""), Some(own), Ok(None)),
        (
            "not bound, but must",
            must(),
            claims(""),
            Some(own),
            Err(No::NotBoundToCertificate),
        ),
        (
            "bound to a key",
            rules(),
            cnf(r#"{"jkt":"x"}"#),
            Some(own),
            Err(No::UnknownConfirmation),
        ),
        (
            "bound twice",
            rules(),
            cnf(&format!(r#"{{"x5t#S256":"{thumbprint}","jkt":"x"}}"#)),
            Some(own),
            Err(No::UnknownConfirmation),
        ),
        (
            "empty",
            rules(),
            cnf("{}"),
            Some(own),
            Err(No::UnknownConfirmation),
        ),
        ("text", rules(), cnf(r#""x""#), Some(own), of_type.clone()),
        ("null", rules(), cnf("null"), Some(own), of_type.clone()),
        (
            "number",
            rules(),
            cnf(r#"{"x5t#S256":1}"#),
            Some(own),
            Err(No::UnknownConfirmation),
        ),
        (
            "short",
            rules(),
            cnf(r#"{"x5t#S256":"AA"}"#),
            Some(own),
            of_type.clone(),
        ),
        (
            "padded",
            rules(),
            cnf(&format!(r#"{{"x5t#S256":"{thumbprint}="}}"#)),
            Some(own),
            of_type.clone(),
        ),
        ("spare bits", rules(), cnf(&non_canonical), Some(own), of_type),
    ];
    for (name, rules, claims, certificate, expected) in cases {
        let request = Request::bearing(&token(&claims));
        let mut message = request.message(BODY);
        if let Some(hash) = certificate {
            message = message.with_certificate(ClientCertificate::of_hash(hash));
        }
        let verifier = JwtVerifier::new(scheme(rules), keyring());
        let answer = verifier
            .verify_payload(&message)
            .map(|authentic| authentic.bindings().certificate);
        assert_eq!(answer, expected.map_err(NotAuthentic::Jwt), "{name}");
    }
}

#[test]
fn a_ring_without_keys_or_with_a_tenant_twice_is_not_built() {
    let key = || Jwk::parse(jwk(HS, "").as_bytes()).unwrap().verifier(HS, &[]);
    let once = || JwtKeyring::builder().keys(tenant("acme"), key());
    let invalid = |place, problem| Err((place, problem));
    for (case, builder, expected) in [
        ("one", once(), Ok(1)),
        ("two", once().keys(tenant("globex"), key()), Ok(2)),
        ("none", JwtKeyring::builder(), invalid(None, KeyProblem::NoKeys)),
        (
            "twice",
            once().keys(tenant("acme"), key()),
            invalid(Some(2), KeyProblem::SameTenant),
        ),
    ] {
        let built = builder.build().map(|ring| ring.tenants());
        assert_eq!(
            built.map_err(|invalid| (invalid.place, invalid.problem)),
            expected,
            "{case}"
        );
    }
}

#[test]
fn a_tenant_has_its_own_keys() {
    let key = |algorithm| {
        Jwk::parse(jwk(algorithm, "").as_bytes())
            .unwrap()
            .verifier(algorithm, jose::algorithms())
    };
    let keys = JwtKeyring::builder()
        .keys(tenant("acme"), key(HS))
        .keys(tenant("globex"), key(Algorithm::Es256));
    let keys = keys.build().unwrap();
    let verifier = JwtVerifier::new(scheme(rules()), keys);
    let acme = Request::bearing(&token(&claims("")));
    let globex = Request::bearing(&mint(Algorithm::Es256, r#"{"alg":"ES256"}"#, claims("")));
    let (a, g, nobody) = (tenant("acme"), tenant("globex"), tenant("initech"));
    let as_sender = |request: &Request, sender| {
        verifier
            .verify_payload(&request.message(BODY).from_sender(sender))
            .map(|proof| proof.sender().clone())
    };
    assert_eq!(as_sender(&acme, &a), Ok(a.clone()));
    assert_eq!(as_sender(&globex, &g), Ok(g.clone()));
    assert_eq!(
        as_sender(&acme, &g),
        Err(NotAuthentic::Jwt(No::AlgorithmNotAllowed { algorithm: HS }))
    );
    assert_eq!(
        as_sender(&globex, &a),
        Err(NotAuthentic::Jwt(No::AlgorithmNotAllowed {
            algorithm: Algorithm::Es256
        }))
    );
    assert_eq!(
        as_sender(&acme, &nobody),
        Err(NotAuthentic::NoKey(NoKey::Unknown {
            sender: nobody.clone()
        }))
    );
    assert_eq!(
        verifier.verify_payload(&acme.message(BODY)).err(),
        Some(NotAuthentic::NoKey(NoKey::SenderNeeded))
    );
}

/// A delivery is `jti`, or what is signed; never the signature, which ECDSA lets anybody rewrite.
#[test]
fn a_rewritten_signature_is_the_same_delivery() {
    let key = Jwk::parse(jwk(Algorithm::Es256, "").as_bytes()).unwrap();
    let keys = JwtKeyring::builder()
        .keys(tenant("acme"), key.verifier(Algorithm::Es256, jose::algorithms()))
        .build()
        .unwrap();
    let verifier = JwtVerifier::new(scheme(rules()), keys);
    let claim = |token: &str| {
        let request = Request::bearing(token);
        let authentic: Authentic<'_> = verifier.verify_payload(&request.message(BODY)).unwrap();
        authentic.claim(at(NOW), Default::default()).key
    };
    let header = b64(r#"{"alg":"ES256"}"#);
    let mint = |claims: &str| sign(&*signing_key(Algorithm::Es256), &header, &b64(claims));
    let (first, second) = (mint(&claims("")), mint(&claims("")));
    assert_ne!(first, second, "ECDSA signs with a nonce");
    assert_eq!(claim(&first), claim(&second));
    assert_ne!(claim(&first), claim(&mint(&claims(r#","x":1"#))));
    let with_id = |id: &str, more: &str| claim(&mint(&claims(&format!(r#","jti":"{id}"{more}"#))));
    assert_eq!(with_id("a", ""), with_id("a", r#","x":1"#));
    assert_ne!(with_id("a", ""), with_id("b", ""));
}

/// For this audience, and of this account, which Google has verified.
fn an_identity_token_of_google(tokens: JwtScheme, name: &str) {
    let verifier = UnboundJwts::new(tokens, keyring());
    let claims = format!(
        r#"{{"iss":"https://accounts.google.com","aud":"https://hooks.example/acme","exp":{},"iat":{NOW},"email":"push@project.example","email_verified":true}}"#,
        NOW + 3600
    );
    let request = Request::bearing(&token(&claims));
    let recognized: Recognized = verifier.recognize(&request.message(b"anything at all")).unwrap();
    assert_eq!(
        (recognized.scheme(), recognized.strength()),
        (name, Strength::UnboundToken)
    );
    for (sent, instead, wrong) in [
        ("true", "false", "email_verified"),
        ("push@project.example", "other@project.example", "email"),
        (
            "https://hooks.example/acme",
            "https://hooks.example/globex",
            "aud",
        ),
        ("https://accounts.google.com", "https://accounts.example", "iss"),
    ] {
        let request = Request::bearing(&token(&claims.replace(sent, instead)));
        let refused = verifier.recognize(&request.message(b"")).err().map(which);
        assert_eq!(refused, Some(NotAuthentic::Jwt(claim(wrong))), "{name}");
    }
}

#[test]
fn an_unbound_token_is_weaker_in_its_type() {
    let (audience, account) = ("https://hooks.example/acme", "push@project.example");
    an_identity_token_of_google(JwtScheme::google_pubsub(audience, account), "google_pubsub");
    an_identity_token_of_google(
        JwtScheme::google_dialogflow(audience, account),
        "google_dialogflow",
    );
    let graph = UnboundJwts::new(JwtScheme::microsoft_graph("app", "dir"), keyring());
    let claims = format!(
        r#"{{"iss":"https://sts.windows.net/dir/","aud":"app","exp":{},"appid":"0bf30f3b-4a52-48df-9a82-234910c4a086","tid":"dir"}}"#,
        NOW + 3600
    );
    let (good, bad) = (token(&claims), token(&claims.replace("\"app\"", "\"other\"")));
    let listed = |list: &str| {
        let body = format!(r#"{{"value":[],"validationTokens":{list}}}"#);
        let request = Request::with(HeaderMap::new());
        graph
            .recognize_list("validationTokens", &request.message(body.as_bytes()))
            .map(drop)
            .map_err(which)
    };
    let wrong = Err(NotAuthentic::Jwt(No::MemberType {
        name: "validationTokens".into(),
    }));
    assert_eq!(listed(&format!(r#"["{good}","{good}"]"#)), Ok(()));
    assert_eq!(
        listed(&format!(r#"["{good}","{bad}"]"#)),
        Err(NotAuthentic::Jwt(claim("aud")))
    );
    assert_eq!(listed("[]"), wrong);
    let times = |count: usize| listed(&format!("[{}]", vec![format!("{good:?}"); count].join(",")));
    assert_eq!(times(16), Ok(()));
    assert_eq!(times(17), wrong, "each costs a verification");
    assert_eq!(listed("[1]"), wrong);
    assert_eq!(listed("null"), wrong);
}

/// MessageBird's own tests: no `payload_hash` where there is no body, and nothing but that.
fn messagebird_leaves_out_the_hash_of_no_body(acme: &TenantId, key: &Arc<HmacSigningKey>) {
    let preset = BoundJwtScheme::messagebird("https://hooks.example");
    let signer = JwtSigner::new(preset.clone()).with_key(acme.clone(), KeyId::new("k"), key.clone());
    let verifier = JwtVerifier::new(preset, keyring());
    let uri = Uri::from_static("/hooks/acme?x=1");
    let signed = |body: &'static [u8]| {
        let outgoing = Outgoing::new(acme, "delivery-1", body, at(NOW));
        Request::with(
            signer
                .sign_payload(&outgoing.with_request(&Method::POST, &uri))
                .unwrap(),
        )
    };
    let missing = Some(NotAuthentic::Jwt(No::Missing {
        name: "payload_hash".into(),
    }));
    let cases = [
        ("no body, no hash", signed(b""), &b""[..], None),
        ("a body, no hash", signed(b""), BODY, missing),
        (
            "a hash, no body",
            signed(BODY),
            b"",
            Some(NotAuthentic::Jwt(No::OtherBody)),
        ),
    ];
    for (name, request, body, expected) in cases {
        assert_eq!(
            verifier.verify_payload(&request.message(body)).err(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn presets_both_ways() {
    let acme = tenant("acme");
    let key = Arc::new(HmacSigningKey::new(HS, SECRET).unwrap());
    let uri = Uri::from_static("/hooks/acme?x=1");
    for preset in [
        BoundJwtScheme::plaid(),
        BoundJwtScheme::netlify(),
        BoundJwtScheme::vonage(),
        BoundJwtScheme::messagebird("https://hooks.example"),
        BoundJwtScheme::fusionauth(),
        BoundJwtScheme::swt("issuer"),
    ] {
        let signer = JwtSigner::new(preset.clone()).with_key(acme.clone(), KeyId::new("k"), key.clone());
        let outgoing = Outgoing::new(&acme, "delivery-1", BODY, at(NOW));
        let request = Request::with(
            signer
                .sign_payload(&outgoing.with_request(&Method::POST, &uri))
                .unwrap(),
        );
        let verifier = JwtVerifier::new(preset, keyring());
        let verify = |body| verifier.verify_payload(&request.message(body));
        assert_eq!(
            verify(BODY).map(|proof| proof.sender().clone()),
            Ok(acme.clone()),
            "{verifier:?}"
        );
        assert_eq!(
            verify(b"{}").err(),
            Some(NotAuthentic::Jwt(No::OtherBody)),
            "{verifier:?}"
        );
    }

    messagebird_leaves_out_the_hash_of_no_body(&acme, &key);

    let atlassian = JwtScheme::atlassian_connect("client", "/hooks");
    let signer = JwtSigner::unbound(atlassian.clone()).with_key(acme.clone(), KeyId::new("k"), key.clone());
    let outgoing = Outgoing::new(&acme, "delivery-1", BODY, at(NOW));
    assert_eq!(
        signer.sign_payload(&outgoing).err(),
        Some(CannotSign::RequestNeeded)
    );
    let mut request = Request::with(
        signer
            .sign_payload(&outgoing.with_request(&Method::POST, &uri))
            .unwrap(),
    );
    let verifier = UnboundJwts::new(atlassian, keyring());
    assert_eq!(verifier.recognize(&request.message(BODY)).map(drop), Ok(()));
    request.uri = Uri::from_static("/hooks/acme?x=2");
    assert_eq!(
        verifier.recognize(&request.message(BODY)).err(),
        Some(NotAuthentic::Jwt(No::OtherRequest))
    );

    let monday = JwtScheme::monday("https://hooks.example");
    let signer = JwtSigner::unbound(monday.clone()).with_key(acme.clone(), KeyId::new("k"), key);
    let request = Request::with(signer.sign_payload(&outgoing).unwrap());
    assert_eq!(
        UnboundJwts::new(monday, keyring())
            .recognize(&request.message(BODY))
            .map(drop),
        Ok(())
    );
    assert_eq!(
        signer
            .sign_payload(&Outgoing::new(&tenant("globex"), "1", BODY, at(NOW)))
            .err(),
        Some(CannotSign::NoKey(NoKey::Unknown {
            sender: tenant("globex")
        }))
    );
    assert_eq!(
        signer
            .sign_payload(&Outgoing::new(&acme, "", BODY, at(NOW)))
            .err(),
        Some(CannotSign::Id)
    );
}

#[test]
fn swt_with_another_hash_is_refused() {
    let verifier = JwtVerifier::new(BoundJwtScheme::swt("issuer"), keyring());
    let hash = hex(&Sha256::digest(BODY));
    let with = |data: &str| {
        let claims = format!(
            r#"{{"iss":"issuer","jti":"1","iat":{NOW},"exp":{},"webhook":{data}}}"#,
            NOW + 300
        );
        let request = Request::bearing(&token(&claims));
        verifier
            .verify_payload(&request.message(BODY))
            .map(drop)
            .map_err(which)
    };
    let refused = |why| Err(NotAuthentic::Jwt(why));
    assert_eq!(
        with(&format!(r#"{{"data":{{"hash":"{hash}","hashAlg":"SHA-256"}}}}"#)),
        Ok(())
    );
    assert_eq!(
        with(&format!(r#"{{"data":{{"hash":"{hash}","hashAlg":"SHA3-256"}}}}"#)),
        refused(claim("hashAlg"))
    );
    assert_eq!(
        with(&format!(r#"{{"data":{{"hash":"{hash}"}}}}"#)),
        refused(No::Missing {
            name: "hashAlg".into()
        })
    );
    assert_eq!(with("{}"), refused(No::Missing { name: "data".into() }));
    assert_eq!(
        with(r#""x""#),
        refused(No::MemberType {
            name: "webhook".into()
        })
    );
}

#[test]
fn detached_signatures_of_the_body() {
    let name = HeaderName::from_static("x-jws-signature");
    let verifier = DetachedVerifier::constant_contact(name.clone(), keyring());
    let header = b64(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#);
    let body = std::str::from_utf8(BODY).unwrap();
    let signature = sign(&*signing_key(HS), &header, body)
        .rsplit('.')
        .next()
        .unwrap()
        .to_owned();
    let mut headers = HeaderMap::new();
    headers.insert(name, format!("{header}..{signature}").parse().unwrap());
    let request = Request::with(headers);
    assert!(
        verifier
            .verify_payload(&request.message(BODY))
            .unwrap()
            .bindings()
            .body
    );
    assert_eq!(
        verifier.verify_payload(&request.message(b"{}")).err(),
        Some(NotAuthentic::Jwt(No::Signature))
    );
}

#[test]
fn nothing_secret_is_shown() {
    let key = HmacSigningKey::new(HS, SECRET).unwrap();
    let jwk = Jwk::parse(jwk(HS, "").as_bytes()).unwrap();
    let signer =
        JwtSigner::new(BoundJwtScheme::vonage()).with_key(tenant("acme"), KeyId::new("k"), Arc::new(key));
    let shown = format!("{signer:?} {jwk:?} {:?} {:?}", jwk.verifier(HS, &[]), keyring());
    assert!(
        !shown.contains("0123456789abcdef") && !shown.contains(&b64(SECRET)[..16]),
        "{shown}"
    );
}

/// Through the gate: the connection's own certificate is what `cnf` is compared with, and the proof remembers it.
#[tokio::test]
async fn the_gate_records_what_was_bound() {
    use countersign::gate::{self, Caller, Countersigned, Policy};
    use countersign::identity::PeerChain;
    use countersign::refusal::Refusal;
    use countersign::replay::MemoryStore;
    use countersign::tenant::TenantTable;
    use countersign::testing::TestCa;
    use countersign::trust::PrivateCa;

    #[expect(clippy::disallowed_methods, reason = "the test certificates are of this day")]
    let now = UnixTime::now();
    let ca = TestCa::new("Root");
    let trust = PrivateCa::from_pem(ca.pem().as_bytes(), jose::algorithms(), now).unwrap();
    let tenants = TenantTable::builder()
        .known(["acme"])
        .uri("spiffe://example/tenant/{tenant}");
    let policy = Policy::new(trust, tenants.build().unwrap());
    let caller = |leaf: Vec<_>| Caller::identify(&policy, PeerChain::parse(leaf).unwrap(), now).unwrap();
    let leaf = ca.client("spiffe://example/tenant/acme").issue();
    let other = ca.client("spiffe://example/tenant/acme").issue();
    let own = CertHash::of(leaf.leaf());

    let scheme = scheme(rules().require_certificate());
    let key = Arc::new(HmacSigningKey::new(HS, SECRET).unwrap());
    let acme = tenant("acme");
    let signer = JwtSigner::new(scheme.clone())
        .with_key(acme.clone(), KeyId::new("k"), key)
        .bound_to_certificate(own);
    let outgoing = Outgoing::new(&acme, "delivery-1", BODY, now);
    let mut request = Request::with(signer.sign_payload(&outgoing).unwrap());
    request.method = Method::POST;
    let message = Message::new(&request.method, &request.uri, &request.headers, BODY, now);
    let verifier = JwtVerifier::new(scheme, keyring());

    let stranger = caller(other.chain());
    let refused = gate::verify(&verifier, message, Some(&stranger)).err();
    assert_eq!(
        refused,
        Some(Refusal::NotAuthentic(NotAuthentic::Jwt(No::OtherCertificate)))
    );
    let refused = gate::verify(&verifier, message, None).err();
    assert_eq!(
        refused,
        Some(Refusal::NotAuthentic(NotAuthentic::Jwt(No::NoCertificate)))
    );

    let caller = caller(leaf.chain());
    let authentic = gate::verify(&verifier, message, Some(&caller)).unwrap();
    let store = MemoryStore::default();
    let (fresh, _) = gate::claim(&store, authentic, Terms::default(), now)
        .await
        .unwrap();
    let bindings = Countersigned::bind(caller, fresh).unwrap().bindings();
    assert_eq!((bindings.body, bindings.certificate), (true, Some(own)));
}
