//! Keys and tokens for the tests of JOSE. The keys were made for these tests and are nobody's.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "each test uses its part of this, and fails loudly"
)]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::payload::jose::{Algorithm, HmacSigningKey, ProviderAlgorithms, SigningKey};
use countersign::tls::RustlsKey;
use rustls::crypto::CryptoProvider;

/// 64 bytes: long enough for each HMAC.
pub const SECRET: &[u8; 64] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub fn provider() -> &'static CryptoProvider {
    static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(rustls::crypto::aws_lc_rs::default_provider);
    &PROVIDER
}

pub fn algorithms() -> ProviderAlgorithms {
    provider().signature_verification_algorithms.all
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The public half of a key, as a JSON object without braces: `"kty":..,"n":..`.
pub fn public(name: &str) -> String {
    let all: serde_json::Value = serde_json::from_str(include_str!("public.json")).unwrap();
    let key = serde_json::to_string(&all[name]).unwrap();
    key.trim_matches(['{', '}']).to_owned()
}

/// A JWK of the key for this algorithm with further members, each with a comma before it.
pub fn jwk(algorithm: Algorithm, more: &str) -> String {
    match key_name(algorithm) {
        None => format!(r#"{{"kty":"oct","k":"{}"{more}}}"#, b64(SECRET)),
        Some(name) => format!("{{{}{more}}}", public(name)),
    }
}

pub fn jwks(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn key_name(algorithm: Algorithm) -> Option<&'static str> {
    Some(match algorithm.jose_name().split_at(2) {
        ("HS", _) => return None,
        ("RS" | "PS", _) => "rsa",
        ("ES", "256") => "p256",
        ("ES", "384") => "p384",
        ("ES", _) => "p521",
        _ => "ed25519",
    })
}

pub fn pem(name: &str) -> Vec<u8> {
    let found = PEM.iter().find(|(known, _)| *known == name);
    found.expect("a key of this name").1.to_vec()
}

const PEM: &[(&str, &[u8])] = &[
    ("ed25519", include_bytes!("ed25519.pem")),
    ("ed25519.pub", include_bytes!("ed25519.pub.pem")),
    ("other_p256", include_bytes!("other_p256.pem")),
    ("other_p256.pub", include_bytes!("other_p256.pub.pem")),
    ("p256", include_bytes!("p256.pem")),
    ("p256.pub", include_bytes!("p256.pub.pem")),
    ("p384", include_bytes!("p384.pem")),
    ("p384.pub", include_bytes!("p384.pub.pem")),
    ("p521", include_bytes!("p521.pem")),
    ("p521.pub", include_bytes!("p521.pub.pem")),
    ("rsa", include_bytes!("rsa.pem")),
    ("rsa.pub", include_bytes!("rsa.pub.pem")),
    ("rsa.pkcs1.pub", include_bytes!("rsa.pkcs1.pub.pem")),
    ("rsa1024", include_bytes!("rsa1024.pem")),
    ("rsa1024.pub", include_bytes!("rsa1024.pub.pem")),
];

pub fn signing_key(algorithm: Algorithm) -> Box<dyn SigningKey> {
    match key_name(algorithm) {
        None => Box::new(HmacSigningKey::new(algorithm, SECRET).unwrap()),
        Some(name) => named_key(algorithm, name),
    }
}

pub fn named_key(algorithm: Algorithm, name: &str) -> Box<dyn SigningKey> {
    Box::new(RustlsKey::from_pem(provider(), algorithm, &pem(name)).unwrap())
}

/// A token with this very header and payload, rightly signed.
pub fn mint(algorithm: Algorithm, header: &str, payload: impl AsRef<[u8]>) -> String {
    sign(&*signing_key(algorithm), &b64(header), &b64(payload))
}

pub fn sign(key: &dyn SigningKey, header: &str, payload: &str) -> String {
    let signed = format!("{header}.{payload}");
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", b64(signature))
}

pub const EVERY: [Algorithm; 13] = [
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
];
