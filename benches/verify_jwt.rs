//! What it costs to verify a token with some 300 bytes of claims: us, `jsonwebtoken` with both of its backends,
//! `jwt-simple`, and the floor, which is the bare signature check through the same crypto provider (of HMAC: with the
//! key taken in already).
//!
//! Ratios are ours / theirs, below 1 where we are faster. `cargo bench -p countersign-benches --bench verify_jwt`
//!
//! Which code checks a signature is the caller's choice, so ours is measured through aws-lc-rs, as the floor. How long an
//! Ed25519 takes depends on the processor, and even on where the linker puts it (aws-lc-rs's: 24 or 47 us on one machine,
//! from build to build), which says nothing about whoever calls it. So for EdDSA there is also `ours_dalek`, the same
//! verifier given `ed25519-dalek`, and the peers in pure Rust are compared with that.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a bench stops where something is wrong, and measures time"
)]

#[path = "../tests/support/jose/mod.rs"]
mod jose;
mod support;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::payload::Message;
use countersign::payload::jose::{
    Algorithm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, ProviderAlgorithms, UnboundJwts,
};
use countersign::tenant::TenantId;
use ed25519_dalek::Verifier as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, Uri};
use jose::{SECRET, algorithms, jwk, mint, pem, unb64};
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _, EdDSAPublicKeyLike as _, MACLike as _,
    RSAPublicKeyLike as _,
};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, UnixTime, alg_id,
};
use sha2::Sha256;
use support::{Group, Summary};

const ISSUER: &str = "https://issuer.example/tenants/0001";
const AUDIENCE: &str = "https://hooks.example/acme";

fn claims(now: u64) -> String {
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"acct_1NZ8Xy2eZvKYlo2C","exp":{},"nbf":{},"iat":{now},"jti":"01J9ZQ","event":"invoice.payment_succeeded","object":"in_1NZ8Xz2eZvKYlo2CQZc0pXkT","body":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}}"#,
        now + 86_400,
        now - 10,
    );
    assert!((290..=310).contains(&claims.len()), "{}", claims.len());
    claims
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

struct Contender {
    name: &'static str,
    run: Box<dyn Fn()>,
}

fn contender(name: &'static str, run: impl Fn() + 'static) -> Contender {
    Contender {
        name,
        run: Box::new(run),
    }
}

fn ours(
    name: &'static str,
    algorithm: Algorithm,
    with: ProviderAlgorithms,
    token: &str,
    now: u64,
) -> Contender {
    let key = Jwk::parse(jwk(algorithm, "").as_bytes())
        .unwrap()
        .verifier(algorithm, with);
    let keys = JwtKeyring::builder()
        .keys(TenantId::parse("acme").unwrap(), key)
        .build()
        .unwrap();
    let scheme = JwtScheme::new(
        "bench",
        JwtAt::bearer(),
        JwtRules::issuer(ISSUER).audience(AUDIENCE),
    );
    let verifier = UnboundJwts::new(scheme, keys);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    contender(name, move || {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let message = Message::new(&method, &uri, &headers, b"", now);
        black_box(verifier.recognize(&message).unwrap());
    })
}

/// The Ed25519 that `jsonwebtoken` has under the name of `rust_crypto`, called as it does.
#[derive(Debug)]
struct Dalek;

static WITH_DALEK: ProviderAlgorithms = &[&Dalek];

impl SignatureVerificationAlgorithm for Dalek {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = key.try_into().map_err(|_| InvalidSignature)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| InvalidSignature)?;
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| InvalidSignature)?;
        key.verify(message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

/// Compared with the peers that have the same Ed25519, or one like it.
fn ours_dalek(algorithm: Algorithm, token: &str, now: u64) -> Option<Contender> {
    let dalek = || ours("ours_dalek", algorithm, WITH_DALEK, token, now);
    (algorithm == Algorithm::EdDsa).then(dalek)
}

fn floor(algorithm: Algorithm, token: &str) -> Contender {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (signed, signature) = (signed.as_bytes().to_vec(), unb64(signature));
    if algorithm == Algorithm::Hs256 {
        let keyed = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
        return contender("floor", move || {
            keyed
                .clone()
                .chain_update(&signed)
                .verify_slice(&signature)
                .unwrap();
        });
    }
    let (name, with): (_, &dyn SignatureVerificationAlgorithm) = match algorithm {
        Algorithm::Rs256 => ("rsa", webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Ps256 => ("rsa", webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
        Algorithm::Es256 => ("p256", webpki::aws_lc_rs::ECDSA_P256_SHA256),
        Algorithm::Es384 => ("p384", webpki::aws_lc_rs::ECDSA_P384_SHA384),
        _ => ("ed25519", webpki::aws_lc_rs::ED25519),
    };
    let bits = key_bits(name);
    let signature = if name.starts_with('p') {
        der(&signature)
    } else {
        signature
    };
    contender("floor", move || {
        with.verify_signature(&bits, &signed, &signature).unwrap()
    })
}

/// The content of `subjectPublicKey`.
fn key_bits(name: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    let spki =
        rustls::pki_types::SubjectPublicKeyInfoDer::from_pem_slice(&pem(&format!("{name}.pub"))).unwrap();
    let len = match name {
        "rsa" => 270,
        "p256" => 65,
        "p384" => 97,
        _ => 32,
    };
    spki[spki.len() - len..].to_vec()
}

fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let number: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign: &[u8] = if number[0] & 0x80 == 0 { &[] } else { &[0] };
        [
            &[2, u8::try_from(sign.len() + number.len()).unwrap()],
            sign,
            &number,
        ]
        .concat()
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
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

fn jsonwebtoken(name: &'static str, algorithm: Algorithm, token: &str) -> Contender {
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

fn jwt_simple(algorithm: Algorithm, token: &str) -> Contender {
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

fn main() {
    SWITCHED
        .install_default()
        .unwrap_or_else(|_| panic!("a provider is installed already"));
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut summary = Summary::new("verify_jwt");
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ] {
        let name = algorithm.jose_name();
        let header = format!(r#"{{"alg":"{name}","typ":"JWT"}}"#);
        let token = mint(algorithm, &header, claims(now));
        let contenders = [
            ours("ours", algorithm, algorithms(), &token, now),
            floor(algorithm, &token),
            jsonwebtoken("jsonwebtoken_aws_lc_rs", algorithm, &token),
            jsonwebtoken("jsonwebtoken_rust_crypto", algorithm, &token),
            jwt_simple(algorithm, &token),
        ];
        let contenders = contenders.into_iter().chain(ours_dalek(algorithm, &token, now));
        let group = contenders.fold(Group::default(), |group, contender| {
            group.case(contender.name, contender.run)
        });
        let measured = group.run();
        measured.print(name);
        let dalek = measured.iter().find(|(case, _)| *case == "ours_dalek");
        for (case, figures) in measured.iter() {
            let key = format!("{}_{case}", name.to_lowercase());
            summary.allocations(&key, figures.allocations.count);
            let ours = match dalek {
                Some((_, dalek)) if ["jsonwebtoken_rust_crypto", "jwt_simple"].contains(&case) => dalek.ratio,
                _ => 1.0,
            };
            if !case.starts_with("ours") {
                summary.ratio(key, ours / figures.ratio);
            }
        }
    }
    summary.print();
}
