//! One JWS, one JWK: forgeries that only the holder of the private key can make, and what conforms and must pass.
//!
//! What anybody can make wrong is in `hostile.rs`. `tests/support/jose/forgeries.py` writes the signatures.

mod chosen;

use crate::jose_keys as jose;

use countersign::codes::Seen;
use countersign::payload::KeyId;
use countersign::payload::jose::InvalidJwk::{UnknownCurve, Weak};
use countersign::payload::jose::InvalidJwt::{Signature, TooLarge, UnknownAlgorithm};
use countersign::payload::jose::WeakKey::{
    NotOnCurve, NotProvided, PssParameters, SecretTooShort, SmallOrder,
};
use countersign::payload::jose::{
    Algorithm, Algorithms, InvalidJwk, InvalidJwt, Jwk, JwkSet, JwsVerifier, PublicKey, VerifyingKey, WeakKey,
};
use jose::{EVERY, algorithms, b64, jwk, jwks, mint, pem, signing_key};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

/// Why a signature does not count under a key: the key is none, or the signature is wrong.
#[derive(Debug, PartialEq)]
enum No {
    Key(InvalidJwk),
    Token(InvalidJwt),
}

fn verdict(key: &str, token: &str) -> Result<Vec<u8>, No> {
    let key = Jwk::parse(key.as_bytes()).map_err(No::Key)?;
    let verifier = key.verifier(Algorithms::all().allow_choice(), algorithms());
    let jws = verifier.verify_compact(token).map_err(No::Token)?;
    Ok(jws.into_payload().into_owned())
}

#[test]
fn forgeries_of_the_key_holder() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../support/jose/forgeries.json")).unwrap();
    assert_eq!(cases.len(), 54);
    for case in &cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let name = text("name");
        let expected = match name {
            _ if case["accept"] == true => Ok(()),
            "ECDSA: secp256k1" | "ECDSA: secp256k1 said to sign ES256" => Err(No::Key(UnknownCurve {
                crv: Seen::of("secp256k1"),
            })),
            "ECDSA: secp256k1 said to be P-256" => Err(No::Key(Weak(NotOnCurve))),
            _ if name.starts_with("Ed25519: key") => Err(No::Key(Weak(SmallOrder))),
            _ => Err(No::Token(Signature)),
        };
        assert_eq!(verdict(text("key"), text("token")).map(drop), expected, "{name}");
    }
    let accepted = cases.iter().filter(|case| case["accept"] == true).count();
    assert_eq!(accepted, 7, "of each kind one, and n - s besides");
}

/// A key of another kind never answers for an algorithm, whatever is listed.
#[test]
fn no_key_verifies_another_kind() {
    for of_key in EVERY {
        for of_token in EVERY {
            let key = jwk(of_key, &format!(r#","alg":"{of_key}""#));
            let token = mint(of_token, &format!(r#"{{"alg":"{of_token}"}}"#), "payload");
            let expected = if of_key == of_token {
                Ok(b"payload".to_vec())
            } else {
                Err(No::Token(InvalidJwt::OtherAlgorithm { algorithm: of_token }))
            };
            assert_eq!(verdict(&key, &token), expected, "{of_token} under {of_key}");
        }
    }
}

/// Detached in both forms, for every algorithm: bytes that are no text, none at all, and dots, which cannot stand in
/// an attached one (RFC 7797 §5.2).
#[test]
fn detached_payloads() {
    let every_byte: Vec<u8> = (0..=255).collect();
    for algorithm in EVERY {
        let verifier = Jwk::parse(jwk(algorithm, "").as_bytes())
            .unwrap()
            .verifier(algorithm, algorithms());
        let encoded = b64(format!(r#"{{"alg":"{algorithm}"}}"#));
        let raw = b64(format!(r#"{{"alg":"{algorithm}","b64":false,"crit":["b64"]}}"#));
        for payload in [b"".as_slice(), b"$.02", &every_byte] {
            let key = signing_key(algorithm);
            let signed = |header: &str, signed: &[u8]| {
                let text = [header.as_bytes(), b".", signed].concat();
                format!("{header}..{}", b64(key.sign(&text).unwrap()))
            };
            let tokens = [signed(&encoded, b64(payload).as_bytes()), signed(&raw, payload)];
            for token in &tokens {
                let jws = verifier.verify_detached(token, payload).unwrap();
                assert_eq!(jws.payload(), payload, "{algorithm}");
                let other = [payload, b"x"].concat();
                assert_eq!(
                    verifier.verify_detached(token, &other).err(),
                    Some(Signature),
                    "{algorithm}"
                );
            }
        }
    }
}

/// What RFC 7515 permits in a header changes nothing.
#[test]
fn conforming_headers() {
    let long = format!(r#"{{"alg":"ES256","x":"{}"}}"#, "k".repeat(9000));
    for header in [
        " \r\n{ \"alg\" : \"ES256\" } \t",
        r#"{"\u0061lg":"\u0045S256"}"#,
        r#"{"alg":"ES256","crit":["b64"],"b64":true}"#,
        r#"{"alg":"ES256","typ":"JOSE","cty":"x"}"#,
        r#"{"alg":"ES256","kid":""}"#,
        r#"{"alg":"ES256","kid":"ä😀"}"#,
        r#"{"alg":"ES256","x":null,"y":[[[1]]],"z":{"a":{"a":1.5e9}}}"#,
        r#"{"alg":"ES256","enc":"A128GCM","zip":"DEF","exp":"never"}"#,
        &long,
    ] {
        let token = mint(Algorithm::Es256, header, "payload");
        assert_eq!(
            verdict(&jwk(Algorithm::Es256, ""), &token),
            Ok(b"payload".to_vec()),
            "{header:.60}"
        );
    }
}

#[test]
fn other_serializations_are_none() {
    let good = mint(Algorithm::Es256, r#"{"alg":"ES256"}"#, "payload");
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = *parts else {
        panic!()
    };
    let key = jwk(Algorithm::Es256, "");
    let flat = format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    for text in [flat, general] {
        assert_eq!(
            verdict(&key, &text),
            Err(No::Token(InvalidJwt::Segments)),
            "{text:.40}"
        );
    }
}

/// RFC 9864 §2.2 names the curve; RFC 8037 §3.1 did not. Both are the same algorithm, in key and token.
#[test]
fn names_of_ed25519() {
    for of_key in ["", r#","alg":"EdDSA""#, r#","alg":"Ed25519""#] {
        for of_token in ["EdDSA", "Ed25519"] {
            let token = mint(Algorithm::EdDsa, &format!(r#"{{"alg":"{of_token}"}}"#), "payload");
            let key = jwk(Algorithm::EdDsa, of_key);
            assert_eq!(
                verdict(&key, &token),
                Ok(b"payload".to_vec()),
                "{of_key} {of_token}"
            );
        }
    }
    let token = mint(Algorithm::EdDsa, r#"{"alg":"Ed448"}"#, "payload");
    assert_eq!(
        verdict(&jwk(Algorithm::EdDsa, ""), &token),
        Err(No::Token(UnknownAlgorithm))
    );
}

/// 16 KiB, unless somebody asks for more; the header never more.
#[test]
fn limits() {
    let es256 = || -> JwsVerifier {
        Jwk::parse(jwk(Algorithm::Es256, "").as_bytes())
            .unwrap()
            .verifier(Algorithm::Es256, algorithms())
    };
    let large = mint(Algorithm::Es256, r#"{"alg":"ES256"}"#, vec![b'x'; 1 << 16]);
    let len = large.len();
    let usual = 16 * 1024;
    let wordy = format!(r#"{{"alg":"ES256","x":"{}"}}"#, "x".repeat(usual));
    let wordy = mint(Algorithm::Es256, &wordy, "payload");
    let cases = [
        ("as it is", es256(), &large, Err(TooLarge { limit: usual })),
        ("enough", es256().with_limit(len), &large, Ok(1 << 16)),
        (
            "one less",
            es256().with_limit(len - 1),
            &large,
            Err(TooLarge { limit: len - 1 }),
        ),
        (
            "after another choice",
            es256().with_limit(len).allow_trying_keys(),
            &large,
            Ok(1 << 16),
        ),
        (
            "less than usual",
            es256().with_limit(9),
            &large,
            Err(TooLarge { limit: 9 }),
        ),
        (
            "header",
            es256().with_limit(1 << 20),
            &wordy,
            Err(TooLarge { limit: usual }),
        ),
    ];
    for (name, verifier, token, expected) in cases {
        let verified = verifier.verify_compact(token).map(|jws| jws.payload().len());
        assert_eq!(verified, expected, "{name}");
    }
}

/// Whatever is refused as an unusable key has its reason, and nothing that is used has one.
#[test]
fn each_unusable_key_has_its_reason() {
    let (es, es512, hs) = (Algorithm::Es256, Algorithm::Es512, Algorithm::Hs256);
    let ring = rustls::crypto::ring::default_provider()
        .signature_verification_algorithms
        .all;
    let set = jwks(&[
        jwk(es, ""),
        jwk(es512, ""),
        jwk(Algorithm::Es384, ""),
        jwk(Algorithm::Rs256, ""),
        jwk(es, r#","use":"enc""#),
        r#"{"kty":"EC"}"#.into(),
    ]);
    let set = JwkSet::parse(set.as_bytes()).unwrap();
    let verifier = set.verifier([es, es512, Algorithm::Rs256, Algorithm::Ps256], ring);
    let reasons: Vec<_> = verifier
        .unusable()
        .map(|(place, why)| (place, why.clone()))
        .collect();
    let expected = [
        (1, Weak(NotProvided { algorithm: es512 })),
        (2, InvalidJwk::NotListed),
        (3, InvalidJwk::Undecided),
        (4, InvalidJwk::OtherUse),
        (5, InvalidJwk::Missing { name: "crv" }),
    ];
    assert_eq!(reasons, expected);
    let short = Jwk::parse(br#"{"kty":"oct","k":"AAAA"}"#)
        .unwrap()
        .verifier(hs, &[]);
    let why = Weak(SecretTooShort {
        algorithm: hs,
        bytes: 3,
        wanted: 32,
    });
    assert_eq!(short.unusable().collect::<Vec<_>>(), [(0, &why)]);
}

fn der_of(pem: &[u8]) -> Vec<u8> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).unwrap();
    der.to_vec()
}

fn found(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut places = bytes.windows(wanted.len());
    places.position(|place| place == wanted).unwrap()
}

/// `openssl rsa -RSAPublicKey_out` and `openssl genpkey -algorithm RSA-PSS`: a key that is for PSS verifies nothing else,
/// and by no hash but its own.
#[test]
fn rsa_public_keys_as_openssl_writes_them() {
    let (rs, ps, ps512) = (Algorithm::Rs256, Algorithm::Ps256, Algorithm::Ps512);
    let spki = PublicKey::from_pem(&pem("rsa.pub")).unwrap();
    assert!(PublicKey::from_pem(&pem("rsa.pkcs1.pub")) == Ok(spki.clone()));
    assert!([rs, ps, ps512].into_iter().all(|algorithm| spki.fits(algorithm)));

    let cases: Vec<Value> = serde_json::from_str(include_str!("../support/jose/pss.json")).unwrap();
    // Marked for encryption by OAEP, it is no key for signatures.
    let mut other = der_of(cases[0]["key"].as_str().unwrap().as_bytes());
    let pss = found(&other, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a]);
    assert!(PublicKey::from_spki_der(&other).is_ok());
    other[pss + 8] = 0x07;
    assert_eq!(PublicKey::from_spki_der(&other).map(drop), Err(WeakKey::Encoding));

    let verdict = |case: &Value, algorithm: Algorithm| -> Result<Option<bool>, WeakKey> {
        let key = PublicKey::from_pem(case["key"].as_str().unwrap().as_bytes())?;
        let key = VerifyingKey::public(KeyId::new("k"), algorithm, &key, algorithms())?;
        let token = case["tokens"][algorithm.jose_name()].as_str();
        let verifier = JwsVerifier::of_key(key);
        Ok(token.map(|token| verifier.verify_compact(token).is_ok()))
    };
    let not_for = |algorithm| Err(WeakKey::OtherType { algorithm });
    let expected = [
        ("any", [not_for(rs), Ok(Some(true)), Ok(Some(true))]),
        ("sha256", [not_for(rs), Ok(Some(true)), not_for(ps512)]),
        ("sha512", [not_for(rs), not_for(ps), Ok(Some(true))]),
        ("sha1", [const { Err(PssParameters) }; 3]),
        ("mixed", [const { Err(PssParameters) }; 3]),
        ("long_salt", [const { Err(PssParameters) }; 3]),
    ];
    assert_eq!(cases.len(), expected.len());
    for (case, (name, expected)) in cases.iter().zip(expected) {
        assert_eq!(case["name"], name);
        assert_eq!(
            [rs, ps, ps512].map(|algorithm| verdict(case, algorithm)),
            expected,
            "{name}"
        );
    }
}
