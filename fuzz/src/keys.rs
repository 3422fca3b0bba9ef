use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::hmac::{KeyForm, KeySpec};
use countersign::payload::jose::{Algorithm, HmacSigningKey, PublicKey, SigningKey, VerifyingKey};
use countersign::payload::public_key::{PublicKeyForm, PublicKeyScheme, SignBytes};
use countersign::payload::{KeyId, Keyring, Secret};
use countersign::tenant::TenantId;
use countersign::testing::{KeyAlgorithm, TestKey};
use countersign::tls::RustlsKey;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::SignatureVerificationAlgorithm;

/// Those of aws-lc-rs.
pub fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    default_provider().signature_verification_algorithms.all
}

/// A secret in the form that the keys have, one for each number.
///
/// # Panics
/// Where the keys are no secrets.
pub fn secret(spec: &KeySpec, number: u8) -> String {
    let KeySpec::Secret { form, .. } = spec else {
        unreachable!("a public key")
    };
    let raw: Vec<u8> = (0..32).map(|place| place * 7 + number).collect();
    match form {
        KeyForm::Hex => raw.iter().map(|byte| format!("{byte:02x}")).collect(),
        KeyForm::Base64 { prefix } => format!("{prefix}{}", STANDARD.encode(raw)),
        _ => format!("secret number {number} of a target"),
    }
}

/// A ring of one key of this tenant.
///
/// # Panics
/// As [`secret`].
pub fn ring(spec: impl Into<KeySpec>, tenant: &str, number: u8) -> Keyring {
    let spec = spec.into();
    Keyring::builder(&spec)
        .key(
            TenantId::parse(tenant).expect("a tenant"),
            "1",
            Secret::new(&secret(&spec, number)),
        )
        .build()
        .expect("a key")
}

/// A key of this kind: ours, or somebody else's. RSA's take long to make, and are made once.
pub(crate) fn test_key(kind: KeyAlgorithm, is_own: bool) -> TestKey {
    static RSA: LazyLock<[TestKey; 2]> = LazyLock::new(|| [KeyAlgorithm::Rsa2048; 2].map(TestKey::generate));
    match kind {
        KeyAlgorithm::Rsa2048 => RSA[usize::from(is_own)].clone(),
        _ => TestKey::generate(kind),
    }
}

/// A private key that signs as the scheme says, and the public one as its provider shows it.
pub(crate) fn pair(scheme: &PublicKeyScheme, is_own: bool) -> (Arc<dyn SignBytes>, String) {
    let (algorithm, signs) = match scheme.name() {
        "wise" => (KeyAlgorithm::Rsa2048, SignatureScheme::RSA_PKCS1_SHA256),
        "sendgrid" => (KeyAlgorithm::EcdsaP256, SignatureScheme::ECDSA_NISTP256_SHA256),
        _ => (KeyAlgorithm::Ed25519, SignatureScheme::ED25519),
    };
    let key = test_key(algorithm, is_own);
    let spki = key.spki_der();
    let raw = &spki[spki.len() - 32..];
    let shown = match scheme.key_form() {
        PublicKeyForm::Hex => raw.iter().map(|byte| format!("{byte:02x}")).collect(),
        PublicKeyForm::Base64 { prefix } => format!("{prefix}{}", STANDARD.encode(raw)),
        PublicKeyForm::SpkiBase64 => STANDARD.encode(&spki),
        _ => format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&spki)
        ),
    };
    let signing = RustlsKey::from_pem(&default_provider(), signs, key.pem().as_bytes());
    (Arc::new(signing.expect("of this kind")), shown)
}

/// A key that signs by this algorithm of JOSE, and the one that verifies it.
///
/// # Panics
/// Where there is no key for it.
pub fn jose_key(algorithm: Algorithm, id: &str) -> (Arc<dyn SigningKey>, VerifyingKey) {
    let kind = match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            let secret = [id.len() as u8; 64];
            let signing = HmacSigningKey::new(algorithm, &secret).expect("long enough");
            let verifying = VerifyingKey::hmac(KeyId::new(id), algorithm, &secret);
            return (Arc::new(signing), verifying.expect("long enough"));
        }
        Algorithm::Es256 => KeyAlgorithm::EcdsaP256,
        Algorithm::Es384 => KeyAlgorithm::EcdsaP384,
        Algorithm::Es512 => KeyAlgorithm::EcdsaP521,
        Algorithm::EdDsa => KeyAlgorithm::Ed25519,
        _ => KeyAlgorithm::Rsa2048,
    };
    let key = test_key(kind, id == "k");
    let signing = RustlsKey::from_pem(&default_provider(), algorithm, key.pem().as_bytes());
    let public = PublicKey::from_spki_der(&key.spki_der()).expect("a key");
    let verifying = VerifyingKey::public(KeyId::new(id), algorithm, &public, algorithms());
    (
        Arc::new(signing.expect("of this kind")),
        verifying.expect("of this kind"),
    )
}
