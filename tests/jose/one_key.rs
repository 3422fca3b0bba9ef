//! One JWS, one JWK: forgeries that only the holder of the private key can make, and what conforms and must pass.
//!
//! What anybody can make wrong is in `hostile.rs`. `tests/support/jose/forgeries.py` writes the signatures.

use crate::jose_keys as jose;

use countersign::codes::Seen;
use countersign::payload::KeyId;
use countersign::payload::jose::InvalidJwk::{UnknownCurve, Weak};
use countersign::payload::jose::InvalidJwt::{Signature, TooLarge, UnknownAlgorithm};
use countersign::payload::jose::WeakKey::{
    NotOnCurve, NotProvided, PssParameters, SecretTooShort, SmallOrder,
};
use countersign::payload::jose::{
    Algorithm, Algorithms, HmacSigningKey, InvalidJwk, InvalidJwt, Jwk, JwkSet, JwsVerifier, PublicKey,
    VerifyingKey, WeakKey,
};
use jose::{EVERY, algorithms, b64, jwk, jwks, mint, named_key, pem, public, sign, signing_key};
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

/// RFC 7517 §4.5: keys of different types may share a name, as alternatives of each other.
#[test]
fn keys_of_one_name_for_different_algorithms() {
    let (es, rs, ps) = (Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256);
    let named = r#","kid":"a""#;
    let stranger = format!("{{{}{named}}}", public("other_p256"));
    let token = |algorithm: Algorithm| {
        let header = b64(format!(r#"{{"alg":"{algorithm}","kid":"a"}}"#));
        sign(&*signing_key(algorithm), &header, "e30")
    };
    let (ec, rsa, p384) = (jwk(es, named), jwk(rs, named), jwk(Algorithm::Es384, named));
    let ps_only = jwk(ps, r#","kid":"a","alg":"PS256""#);
    let rs_only = jwk(rs, r#","kid":"a","alg":"RS256""#);
    let short = r#"{"kty":"oct","k":"AAAA","kid":"a"}"#.to_owned();
    let ambiguous = Err(InvalidJwt::AmbiguousKey);
    let cases: Vec<(&str, Vec<&String>, Algorithms, Algorithm, Result<(), InvalidJwt>)> = vec![
        ("type", vec![&rsa, &ec], Algorithms::of([es, rs]), es, Ok(())),
        (
            "type, the other",
            vec![&rsa, &ec],
            Algorithms::of([es, rs]),
            rs,
            Ok(()),
        ),
        (
            "type, every algorithm listed",
            vec![&rsa, &ec],
            Algorithms::PUBLIC_KEY,
            es,
            Ok(()),
        ),
        (
            "type, only one listed",
            vec![&rsa, &ec],
            Algorithms::of([es]),
            es,
            Ok(()),
        ),
        ("curve", vec![&p384, &ec], Algorithms::PUBLIC_KEY, es, Ok(())),
        (
            "own algorithm",
            vec![&ps_only, &rs_only],
            Algorithms::of([rs, ps]),
            ps,
            Ok(()),
        ),
        (
            "nobody decided for the RSA key",
            vec![&rsa, &ec],
            Algorithms::of([es, rs, ps]),
            rs,
            Err(InvalidJwt::UndecidedAlgorithm),
        ),
        (
            "for neither",
            vec![&rsa, &p384],
            Algorithms::of([es, rs, Algorithm::Es384]),
            es,
            Err(InvalidJwt::OtherAlgorithm { algorithm: es }),
        ),
        (
            "two of one type",
            vec![&rsa, &ec, &stranger],
            Algorithms::of([es, rs]),
            es,
            ambiguous.clone(),
        ),
        (
            "perhaps this one",
            vec![&rs_only, &rsa],
            Algorithms::of([rs]),
            rs,
            ambiguous.clone(),
        ),
        (
            "perhaps an undecided one",
            vec![&rs_only, &rsa],
            Algorithms::of([rs, ps]),
            rs,
            ambiguous.clone(),
        ),
        (
            "undecided, but not for this",
            vec![&rsa],
            Algorithms::of([es, rs, ps]),
            es,
            Err(InvalidJwt::OtherAlgorithm { algorithm: es }),
        ),
        (
            "one that cannot be used",
            vec![&short, &short],
            Algorithms::of([Algorithm::Hs256]),
            Algorithm::Hs256,
            ambiguous,
        ),
    ];
    for (name, keys, listed, algorithm, expected) in cases {
        let keys: Vec<_> = keys.into_iter().cloned().collect();
        let set = JwkSet::parse(jwks(&keys).as_bytes()).unwrap();
        let verified = set
            .verifier(listed, algorithms())
            .verify_compact(&token(algorithm))
            .map(drop);
        assert_eq!(verified, expected, "{name}");
    }

    // Without a name, too, a key that nobody decided for is none for another type.
    let set = JwkSet::parse(jwks(&[jwk(rs, "")]).as_bytes()).unwrap();
    let verifier = set.verifier([es, rs, ps], algorithms());
    let unnamed = |algorithm: Algorithm| mint(algorithm, &format!(r#"{{"alg":"{algorithm}"}}"#), "{}");
    for (algorithm, expected) in [
        (es, InvalidJwt::NoKey { algorithm: es }),
        (rs, InvalidJwt::UndecidedAlgorithm),
    ] {
        assert_eq!(verifier.verify_compact(&unnamed(algorithm)).err(), Some(expected));
    }
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

/// RSA keys that name no algorithm, as Microsoft Entra publishes them, under the list that key sets are used with.
#[test]
fn rsa_keys_without_alg_are_for_rs256() {
    let (rs, rs512, ps) = (Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256);
    let entra = jwks(&[jwk(
        rs,
        r#","use":"sig","kid":"a","x5t":"a","issuer":"https://login.example/""#,
    )]);
    let set = JwkSet::parse_published(entra.as_bytes()).unwrap();
    let verifier = set.verifier(Algorithms::PUBLIC_KEY, algorithms());
    let verdict = |algorithm: Algorithm| {
        let token = mint(algorithm, &format!(r#"{{"alg":"{algorithm}","kid":"a"}}"#), "{}");
        verifier.verify_compact(&token).map(|jws| jws.algorithm())
    };
    assert_eq!(verdict(rs), Ok(rs));
    // One key, one algorithm: no token chooses another (RFC 8725 §3.1).
    for other in [rs512, ps] {
        assert_eq!(
            verdict(other),
            Err(InvalidJwt::OtherAlgorithm { algorithm: other })
        );
    }
}

/// PEM keys and short secrets, while one is replaced by another: whatever `kid` says, and nobody else's.
#[test]
fn keys_that_the_caller_has_chosen() {
    let es = Algorithm::Es256;
    let public = |name: &str| {
        let key = PublicKey::from_pem(&pem(name)).unwrap();
        VerifyingKey::public(KeyId::new(name), es, &key, algorithms()).unwrap()
    };
    let secret =
        |id: &str, secret: &[u8]| VerifyingKey::short_hmac(KeyId::new(id), Algorithm::Hs256, secret).unwrap();
    let both = JwsVerifier::of_keys([
        public("p256.pub"),
        public("other_p256.pub"),
        secret("s", &[7; 16]),
    ]);
    let one = JwsVerifier::of_keys([public("p256.pub")]);
    for header in [r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","kid":"whatever"}"#] {
        for name in ["p256", "other_p256"] {
            let token = sign(&*named_key(es, name), &b64(header), "e30");
            let key = |verifier: &JwsVerifier| {
                let verified = verifier.verify_compact(&token);
                verified.map(|jws| jws.key().as_str().to_owned())
            };
            assert_eq!(key(&both), Ok(format!("{name}.pub")), "{header}");
            assert_eq!(
                key(&both.clone().allow_trying_keys()),
                Ok(format!("{name}.pub")),
                "{header}"
            );
            let alone = if name == "p256" {
                Ok("p256.pub".into())
            } else {
                Err(Signature)
            };
            assert_eq!(key(&one), alone, "{header}");
        }
    }
    let refused = |verifier: JwsVerifier, token: &str| verifier.verify_compact(token).err();
    let header = b64(r#"{"alg":"HS256"}"#);
    let of = |verifier: JwsVerifier| {
        let long = HmacSigningKey::new(Algorithm::Hs256, &[9; 32]).unwrap();
        refused(verifier, &sign(&long, &header, "e30"))
    };
    assert_eq!(of(both), Some(Signature));
    let algorithm = Algorithm::Hs256;
    assert_eq!(of(one), Some(InvalidJwt::AlgorithmNotAllowed { algorithm }));
    assert_eq!(
        of(JwsVerifier::of_keys([])),
        Some(InvalidJwt::AlgorithmNotAllowed { algorithm })
    );
    let many = |count: u8| (0..count).map(|n| secret("s", &[n; 32]));
    let first = [secret("first", &[9; 32])];
    assert_eq!(of(JwsVerifier::of_keys(many(7).chain(first.clone()))), None);
    assert_eq!(
        of(JwsVerifier::of_keys(many(8).chain(first))),
        Some(InvalidJwt::AmbiguousKey)
    );
}

/// One `kid` twice for one algorithm, where trying is allowed: each of those, and no key of another name.
#[test]
fn one_name_twice_where_trying_is_allowed() {
    let es = Algorithm::Es256;
    let stranger = |more: &str| format!("{{{}{more}}}", public("other_p256"));
    let (a, b) = (r#","kid":"a","alg":"ES256""#, r#","kid":"b""#);
    let token = |name: &str| sign(&*named_key(es, name), &b64(r#"{"alg":"ES256","kid":"a"}"#), "e30");
    let broken = r#"{"kty":"EC","kid":"a"}"#.to_owned();
    let cases = [
        ("both", vec![jwk(es, a), stranger(a)], "other_p256", Ok(())),
        ("both, the first", vec![jwk(es, a), stranger(a)], "p256", Ok(())),
        (
            "one of another name",
            vec![jwk(es, a), stranger(b)],
            "other_p256",
            Err(Signature),
        ),
        (
            "one broken",
            vec![broken.clone(), stranger(a)],
            "other_p256",
            Ok(()),
        ),
        (
            "only broken",
            vec![broken.clone(), broken],
            "p256",
            Err(InvalidJwt::UnusableKey),
        ),
        ("eight", vec![jwk(es, a); 8], "p256", Ok(())),
        ("nine", vec![jwk(es, a); 9], "p256", Err(InvalidJwt::AmbiguousKey)),
    ];
    for (name, keys, signer, expected) in cases {
        let set = JwkSet::parse(jwks(&keys).as_bytes()).unwrap();
        let verifier = set.verifier(Algorithms::PUBLIC_KEY, algorithms());
        if keys.len() > 1 && name != "one of another name" {
            let refused = verifier.verify_compact(&token(signer)).err();
            assert_eq!(refused, Some(InvalidJwt::AmbiguousKey), "{name}: where it is not");
        }
        let verified = verifier
            .allow_trying_keys()
            .verify_compact(&token(signer))
            .map(drop);
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
