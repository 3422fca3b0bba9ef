//! `jsonwebtoken` and `jwt-simple`, called as their users call them.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::payload::jose::Algorithm;
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _, EdDSAPublicKeyLike as _, MACLike as _,
    RSAPublicKeyLike as _,
};

use crate::jose::{SECRET, pem};
use crate::jwt::{AUDIENCE, Contender, ISSUER, contender};

/// Lets each of `jsonwebtoken`'s backends be asked by name.
pub(crate) fn install() {
    SWITCHED
        .install_default()
        .unwrap_or_else(|_| panic!("a provider is installed already"));
}

#[derive(serde::Deserialize)]
#[allow(
    dead_code,
    reason = "read by serde: what a user of these libraries would write"
)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    event: String,
    object: String,
    body: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[allow(
    dead_code,
    reason = "read by serde: what a user of these libraries would write"
)]
struct Custom {
    event: String,
    object: String,
    body: String,
}

/// `jsonwebtoken` asks one provider for the whole process: this one asks whichever is on.
static RUST_CRYPTO: AtomicBool = AtomicBool::new(false);
static SWITCHED: jsonwebtoken::crypto::CryptoProvider = jsonwebtoken::crypto::CryptoProvider {
    signer_factory: |algorithm, key| {
        (jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.signer_factory)(algorithm, key)
    },
    verifier_factory: |algorithm, key| {
        let provider = if RUST_CRYPTO.load(Ordering::Relaxed) {
            &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER
        } else {
            &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
        };
        (provider.verifier_factory)(algorithm, key)
    },
    key_utils: jsonwebtoken::crypto::KeyUtils::new_unimplemented(),
};

pub(crate) fn jsonwebtoken(name: &'static str, algorithm: Algorithm, token: &str) -> Contender {
    use jsonwebtoken::{Algorithm as Theirs, DecodingKey, Validation};
    let (theirs, key) = match algorithm {
        Algorithm::Hs256 => (Theirs::HS256, DecodingKey::from_secret(SECRET)),
        Algorithm::Rs256 => (Theirs::RS256, DecodingKey::from_rsa_pem(&pem("rsa.pub")).unwrap()),
        Algorithm::Ps256 => (Theirs::PS256, DecodingKey::from_rsa_pem(&pem("rsa.pub")).unwrap()),
        Algorithm::Es256 => (Theirs::ES256, DecodingKey::from_ec_pem(&pem("p256.pub")).unwrap()),
        Algorithm::Es384 => (Theirs::ES384, DecodingKey::from_ec_pem(&pem("p384.pub")).unwrap()),
        _ => (
            Theirs::EdDSA,
            DecodingKey::from_ed_pem(&pem("ed25519.pub")).unwrap(),
        ),
    };
    let mut validation = Validation::new(theirs);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    let token = token.to_owned();
    contender(name, move || {
        RUST_CRYPTO.store(name.ends_with("rust_crypto"), Ordering::Relaxed);
        black_box(jsonwebtoken::decode::<Claims>(&token, &key, &validation).unwrap());
    })
}

pub(crate) fn jwt_simple(algorithm: Algorithm, token: &str) -> Contender {
    use jwt_simple::prelude::{
        ES256PublicKey, ES384PublicKey, Ed25519PublicKey, HS256Key, PS256PublicKey, RS256PublicKey,
        VerificationOptions,
    };
    let options = VerificationOptions {
        allowed_issuers: Some([ISSUER.to_owned()].into()),
        allowed_audiences: Some([AUDIENCE.to_owned()].into()),
        ..Default::default()
    };
    let token = token.to_owned();
    let text = |name: &str| String::from_utf8(pem(name)).unwrap();
    macro_rules! with {
        ($key:expr) => {{
            let key = $key;
            contender("jwt_simple", move || {
                black_box(key.verify_token::<Custom>(&token, Some(options.clone())).unwrap());
            })
        }};
    }
    match algorithm {
        Algorithm::Hs256 => with!(HS256Key::from_bytes(SECRET)),
        Algorithm::Rs256 => with!(RS256PublicKey::from_pem(&text("rsa.pub")).unwrap()),
        Algorithm::Ps256 => with!(PS256PublicKey::from_pem(&text("rsa.pub")).unwrap()),
        Algorithm::Es256 => with!(ES256PublicKey::from_pem(&text("p256.pub")).unwrap()),
        Algorithm::Es384 => with!(ES384PublicKey::from_pem(&text("p384.pub")).unwrap()),
        _ => with!(Ed25519PublicKey::from_pem(&text("ed25519.pub")).unwrap()),
    }
}
