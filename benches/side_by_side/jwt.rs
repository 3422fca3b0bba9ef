//! The cost of verifying a token with some 300 bytes of claims: us, `jsonwebtoken` with both of its backends,
//! `jwt-simple`, the floor, which is the bare signature check through the same crypto provider (of HMAC: with the
//! key taken in already), and the least that looks at the token at all.
//!
//! Which code checks a signature is the caller's choice, so ours is measured through aws-lc-rs, as the floor. How long an
//! Ed25519 takes depends on the processor, and even on where the linker puts it (aws-lc-rs's: 24 or 47 us on one machine,
//! from build to build), which says nothing about whoever calls it. So for EdDSA there is also `ours_dalek`, the same
//! verifier given `ed25519-dalek`, and the peers in pure Rust are compared with that.

use std::hint::black_box;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::payload::Message;
use countersign::payload::jose::{
    Algorithm, Jwk, JwtAt, JwtKeyring, JwtRules, JwtScheme, ProviderAlgorithms, UnboundJwts,
    aws_lc_rs_algorithms,
};
use countersign::tenant::TenantId;
use ed25519_dalek::Verifier as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, Uri};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, UnixTime, alg_id,
};
use sha2::Sha256;

use crate::jose::{SECRET, algorithms, jwk, mint, pem, unb64};
use crate::jwt_least::{Least, LeastHeader};
use crate::jwt_peers::{install, jsonwebtoken, jwt_simple};
use crate::measure::Group;
use crate::report::Report;

pub(crate) const ISSUER: &str = "https://issuer.example/tenants/0001";
pub(crate) const AUDIENCE: &str = "https://hooks.example/acme";

fn claims(now: u64) -> String {
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"acct_1NZ8Xy2eZvKYlo2C","exp":{},"nbf":{},"iat":{now},"jti":"01J9ZQ","event":"invoice.payment_succeeded","object":"in_1NZ8Xz2eZvKYlo2CQZc0pXkT","body":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}}"#,
        now + 86_400,
        now - 10,
    );
    assert!((290..=310).contains(&claims.len()), "{}", claims.len());
    claims
}

pub(crate) struct Contender {
    name: &'static str,
    run: Box<dyn Fn()>,
}

pub(crate) fn contender(name: &'static str, run: impl Fn() + 'static) -> Contender {
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
    let headers = bearer(token);
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    contender(name, move || {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let message = Message::new(&method, &uri, &headers, b"", now);
        black_box(verifier.recognize(&message).unwrap());
    })
}

fn bearer(token: &str) -> HeaderMap {
    let field = format!("Bearer {token}").parse().unwrap();
    HeaderMap::from_iter([(http::header::AUTHORIZATION, field)])
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

/// The least that looks at a whole token: its field, base64 into a place on the stack, header and claims by serde, as much of
/// them as no sound verifier leaves out, and the signature under a key that was read before.
fn least(algorithm: Algorithm, token: &str, now: u64) -> Contender {
    let (headers, check) = (bearer(token), checked(algorithm));
    contender("least", move || {
        let field = headers.get("authorization").unwrap().to_str().unwrap();
        let token = field.strip_prefix("Bearer ").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let mut places = ([0; 128], [0; 512], [0; 512]);
        let header: LeastHeader<'_> = serde_json::from_slice(decoded(header, &mut places.0)).unwrap();
        assert!(header.alg == algorithm.jose_name() && header.typ == Some("JWT"));
        assert!(header.crit.is_none() && header.b64.is_none());
        assert!(check(signed.as_bytes(), decoded(signature, &mut places.2)));
        let claims: Least<'_> = serde_json::from_slice(decoded(claims, &mut places.1)).unwrap();
        assert!(claims.iss == Some(ISSUER) && claims.aud == Some(AUDIENCE));
        assert!(claims.exp.is_some_and(|exp| now < exp + 60));
        assert!(
            [claims.nbf, claims.iat]
                .iter()
                .flatten()
                .all(|at| *at <= now + 60)
        );
        black_box(claims.jti);
    })
}

fn decoded<'p>(text: &str, place: &'p mut [u8]) -> &'p [u8] {
    let len = URL_SAFE_NO_PAD.decode_slice(text, place).unwrap();
    &place[..len]
}

type Check = Box<dyn Fn(&[u8], &[u8]) -> bool>;

fn checked(algorithm: Algorithm) -> Check {
    use aws_lc_rs::signature as aws;
    let (name, with): (_, &'static dyn aws::VerificationAlgorithm) = match algorithm {
        Algorithm::Hs256 => {
            let keyed = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
            return Box::new(move |message, mac| {
                keyed.clone().chain_update(message).verify_slice(mac).is_ok()
            });
        }
        Algorithm::Rs256 => ("rsa", &aws::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Ps256 => ("rsa", &aws::RSA_PSS_2048_8192_SHA256),
        Algorithm::Es256 => ("p256", &aws::ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => ("p384", &aws::ECDSA_P384_SHA384_FIXED),
        _ => ("ed25519", &aws::ED25519),
    };
    let key = aws::ParsedPublicKey::new(with, key_bits(name)).unwrap();
    Box::new(move |message, signature| key.verify_sig(message, signature).is_ok())
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

pub(crate) fn run(report: &mut Report) {
    install();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ] {
        measure(report, algorithm, now);
    }
}

fn measure(report: &mut Report, algorithm: Algorithm, now: u64) {
    let name = algorithm.jose_name();
    let header = format!(r#"{{"alg":"{name}","typ":"JWT"}}"#);
    let token = mint(algorithm, &header, claims(now));
    let contenders = [
        ours("ours", algorithm, aws_lc_rs_algorithms(), &token, now),
        floor(algorithm, &token),
        least(algorithm, &token, now),
        jsonwebtoken("jsonwebtoken_aws_lc_rs", algorithm, &token),
        jsonwebtoken("jsonwebtoken_rust_crypto", algorithm, &token),
        jwt_simple(algorithm, &token),
    ];
    // By rustls's own way, for which a key is bytes.
    let in_bytes = || ours("ours_in_bytes", algorithm, algorithms(), &token, now);
    let in_bytes = (algorithm != Algorithm::Hs256).then(in_bytes);
    let contenders = contenders.into_iter().chain(in_bytes);
    let contenders = contenders.chain(ours_dalek(algorithm, &token, now));
    let group = contenders.fold(Group::default(), |group, contender| {
        group.case(contender.name, contender.run)
    });
    let name = name.to_lowercase();
    let measured = report.group(&name, group);
    report.at_most(&name, &measured, "ours", 1.10, "least");
    if measured.find("ours_in_bytes").is_some() {
        report.at_most(&name, &measured, "ours_in_bytes", 1.10, "least");
    }
    report.at_most(&name, &measured, "ours", 1.0, "jsonwebtoken_aws_lc_rs");
    let pure = measured.find("ours_dalek").map_or("ours", |_| "ours_dalek");
    report.at_most(&name, &measured, pure, 1.0, "jsonwebtoken_rust_crypto");
}
