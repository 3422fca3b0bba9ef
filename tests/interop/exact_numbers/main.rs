use std::time::Duration;

use countersign::UnixTime;
use countersign::payload::jose::{Algorithm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, UnboundJwts};
use countersign::payload::{Message, NotAuthentic};
use countersign::tenant::TenantId;
use http::{HeaderMap, Method, Uri, header::AUTHORIZATION};

type AnyError = Box<dyn std::error::Error>;

/// `{"iss":"https://acme.example","aud":"hooks","exp":1790000000.5,"depth":[[[-1.5e3,18446744073709551616]]]}`, HS256 by Python.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJodHRwczovL2FjbWUuZXhhbXBsZSIsImF1ZCI6Imhvb2tzIiwiZXhwIjoxNzkwMDAwMDAwLjUsImRlcHRoIjpbW1stMS41ZTMsMTg0NDY3NDQwNzM3MDk1NTE2MTZdXV19.vzryh3UUDAQrZ6kWXmGjqbI6HC37IeyvsCG6ZNPg1P0";

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_789_999_000))
}

fn of_token(token: &str) -> Result<Result<(), NotAuthentic>, AnyError> {
    let jwk =
        Jwk::parse(br#"{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#)?;
    let keys = JwtKeyring::builder()
        .keys(TenantId::parse("acme")?, jwk.verifier(Algorithm::Hs256, &[]))
        .build()?;
    let rules = JwtRules::issuer("https://acme.example").audience("hooks");
    let recognizer = UnboundJwts::new(JwtScheme::new("acme", JwtAt::bearer(), rules), keys);
    let (method, uri, mut headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse()?);
    Ok(recognizer
        .recognize(&Message::new(&method, &uri, &headers, b"{}", now()))
        .map(drop))
}

fn main() -> Result<(), AnyError> {
    let value: serde_json::Value = serde_json::from_str("1.10")?;
    assert_eq!(value.to_string(), "1.10", "the feature is on");
    assert_eq!(of_token(TOKEN)?, Ok(()));
    println!("all of it was read");
    Ok(())
}
