//! Hostile claims, each with the exact error; bindings to body, request and certificate; tenants; presets both ways.

mod bound;
mod kinds;
mod presets;
mod rules;
mod said;

use std::time::Duration;

use countersign::codes::Few;
use countersign::payload::jose::{
    Algorithm, BodyHash, BoundJwtScheme, HashForm, InvalidJwt, InvalidJwt as No, Jwk, JwtAt, JwtKeyring,
    JwtRules, JwtScheme, JwtVerifier,
};
use countersign::payload::{Message, NotAuthentic, SchemeText, VerifyPayload};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri};
use rustls::pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use crate::jose_keys::{jwk, mint};

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
