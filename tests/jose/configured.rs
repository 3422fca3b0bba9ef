//! Names of claims, types and fields that come from a configuration: the same rules as in a program, and errors that say the names.

use crate::jose_keys as jose;

use std::sync::Arc;
use std::time::Duration;

use countersign::payload::jose::InvalidJwt as No;
use countersign::payload::jose::{
    Algorithm, BodyHash, BoundJwtScheme, HashForm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, JwtSigner,
    JwtVerifier, RequestHash,
};
use countersign::payload::{
    KeyId, Message, NotAuthentic, Outgoing, SchemeText, SignPayload as _, VerifyPayload as _,
};
use countersign::tenant::TenantId;
use http::{Method, Uri};
use jose::{jwk, signing_key};
use rustls::pki_types::UnixTime;

const HS: Algorithm = Algorithm::Hs256;
const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
const BODY: &[u8] = br#"{"event":"paid"}"#;

/// The names that a scheme is made with.
#[derive(Clone)]
struct Names {
    field: &'static str,
    kind: &'static str,
    text: &'static str,
    flag: &'static str,
    tenant: &'static str,
    request: &'static str,
    within: &'static str,
    hash: &'static str,
    named: &'static str,
}

const GOOD: Names = Names {
    field: "Token",
    kind: "webhook+jwt",
    text: "event",
    flag: "live",
    tenant: "customer",
    request: "url_hash",
    within: "webhook",
    hash: "digest",
    named: "alg",
};

/// The scheme of these names, each made a text by `text`.
fn scheme<T: Into<SchemeText>>(names: &Names, text: fn(&'static str) -> T) -> BoundJwtScheme {
    let rules = JwtRules::issuer("issuer")
        .audience("hooks")
        .with_types([text(names.kind)])
        .require_text(text(names.text), "paid")
        .require_true(text(names.flag))
        .with_tenant_in(text(names.tenant), "t:{tenant}");
    let hash = BodyHash::within([text(names.within)], text(names.hash), HashForm::Hex)
        .named(text(names.named), text("SHA-256"));
    JwtScheme::new("acme", JwtAt::authorization(text(names.field)), rules)
        .bound_to_request(RequestHash::url(text(names.request), "https://hooks.example"))
        .bound_to_body(hash)
}

fn in_the_program(names: &Names) -> BoundJwtScheme {
    scheme(names, |text| text)
}

fn of_a_file(names: &Names) -> BoundJwtScheme {
    scheme(names, |text| text.to_owned())
}

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// What the one signs, the other verifies.
fn between(signer: BoundJwtScheme, verifier: BoundJwtScheme) -> Result<(), NotAuthentic> {
    let key = Jwk::parse(jwk(HS, "").as_bytes()).unwrap();
    let keys = JwtKeyring::builder()
        .keys(acme(), key.verifier(HS, &[]))
        .build()
        .unwrap();
    let signer = JwtSigner::new(signer).with_key(acme(), KeyId::new("k"), Arc::from(signing_key(HS)));
    let (method, uri) = (Method::POST, Uri::from_static("/hooks?x=1"));
    let headers = signer
        .sign_payload(&Outgoing::new(&acme(), "1", BODY, NOW).with_request(&method, &uri))
        .unwrap();
    JwtVerifier::new(verifier, keys)
        .verify_payload(&Message::new(&method, &uri, &headers, BODY, NOW))
        .map(drop)
}

#[test]
fn names_from_a_file_and_in_the_program_mean_the_same() {
    assert_eq!(between(in_the_program(&GOOD), of_a_file(&GOOD)), Ok(()));
    assert_eq!(between(of_a_file(&GOOD), in_the_program(&GOOD)), Ok(()));
}

/// A token of `GOOD` under a scheme that has one name otherwise.
#[test]
fn each_name_from_a_file_is_asked_for() {
    let cases: [(&str, fn(&mut Names), NotAuthentic); 9] = [
        (
            "field",
            |names| names.field = "Other",
            NotAuthentic::MalformedHeader {
                name: http::header::AUTHORIZATION,
            },
        ),
        ("kind", |names| names.kind = "JWT", No::Type.into()),
        ("text", |names| names.text = "x", missing("x")),
        ("flag", |names| names.flag = "x", missing("x")),
        ("tenant", |names| names.tenant = "x", missing("x")),
        ("request", |names| names.request = "x", missing("x")),
        ("within", |names| names.within = "x", missing("x")),
        ("hash", |names| names.hash = "x", missing("x")),
        ("named", |names| names.named = "x", missing("x")),
    ];
    for (what, change, expected) in cases {
        let mut names = GOOD.clone();
        change(&mut names);
        let refused = between(in_the_program(&GOOD), of_a_file(&names));
        assert_eq!(refused, Err(expected), "{what}");
    }
}

/// To demand more of a preset, whatever is bound to it.
#[test]
fn the_rules_of_a_scheme_are_changed_in_place() {
    let more = || in_the_program(&GOOD).with_rules(|rules| rules.require_text("region", "eu"));
    assert_eq!(between(in_the_program(&GOOD), more()), Err(missing("region")));
    assert_eq!(between(more(), more()), Ok(()));
    assert_eq!(between(more(), in_the_program(&GOOD)), Ok(()));
    let elsewhere = || RequestHash::url("url_hash", "https://other.example");
    let rebound = in_the_program(&GOOD).bound_to_request(elsewhere());
    assert_eq!(
        between(in_the_program(&GOOD), rebound),
        Err(No::OtherRequest.into())
    );
}

fn missing(name: &'static str) -> NotAuthentic {
    No::Missing { name: name.into() }.into()
}
