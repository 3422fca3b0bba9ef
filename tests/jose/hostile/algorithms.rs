//! Hostile algorithms and signatures of tokens, and keys that a token brings along.

use countersign::payload::jose::{Algorithm, Algorithms, InvalidJwt, InvalidJwt as No, Jwk, JwtPart};

use super::{ES, HS, base64, check, es, es256};
use crate::jose_keys as jose;
use crate::jose_keys::{EVERY, algorithms, b64, jwk, mint, named_key, public, sign, signing_key, unb64};

/// Each good twin, so that what is refused below is refused for its own reason.
#[test]
fn every_algorithm_verifies() {
    for algorithm in EVERY {
        let name = algorithm.jose_name();
        let key = Jwk::parse(
            jwk(
                algorithm,
                &format!(r#","alg":"{name}","use":"sig","key_ops":["verify"]"#),
            )
            .as_bytes(),
        )
        .unwrap();
        let token = mint(algorithm, &format!(r#"{{"alg":"{name}"}}"#), "payload");
        for listed in [Algorithms::of([algorithm]), Algorithms::all()] {
            let jws = key
                .verifier(listed, algorithms())
                .verify_compact(&token)
                .map(|jws| jws.into_payload().into_owned());
            assert_eq!(jws, Ok(b"payload".to_vec()), "{name}");
        }
    }
}

#[test]
fn algorithm() {
    let none = |name: &str| format!("{}.e30.", b64(format!(r#"{{"alg":"{name}"}}"#)));
    check(
        &es256(),
        &[
            ("none", none("none"), No::UnknownAlgorithm),
            ("None", none("None"), No::UnknownAlgorithm),
            ("NONE", none("NONE"), No::UnknownAlgorithm),
            ("nOnE", none("nOnE"), No::UnknownAlgorithm),
            ("none with a space", none("none "), No::UnknownAlgorithm),
            ("none with a NUL", none(r"none\u0000"), No::UnknownAlgorithm),
            (
                "none with a good signature",
                es(r#"{"alg":"none"}"#),
                No::UnknownAlgorithm,
            ),
            ("empty", es(r#"{"alg":""}"#), No::UnknownAlgorithm),
            ("absent", es("{}"), No::Missing { name: "alg".into() }),
            (
                "Alg",
                es(r#"{"Alg":"ES256"}"#),
                No::Missing { name: "alg".into() },
            ),
            (
                "null",
                es(r#"{"alg":null}"#),
                No::MemberType { name: "alg".into() },
            ),
            (
                "number",
                es(r#"{"alg":256}"#),
                No::MemberType { name: "alg".into() },
            ),
            (
                "list",
                es(r#"{"alg":["ES256"]}"#),
                No::MemberType { name: "alg".into() },
            ),
            ("es256", es(r#"{"alg":"es256"}"#), No::UnknownAlgorithm),
            (
                "ES256 with a space",
                es(r#"{"alg":"ES256 "}"#),
                No::UnknownAlgorithm,
            ),
            ("ES256K", es(r#"{"alg":"ES256K"}"#), No::UnknownAlgorithm),
            ("ES521", es(r#"{"alg":"ES521"}"#), No::UnknownAlgorithm),
            (
                "an encryption",
                es(r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#),
                No::UnknownAlgorithm,
            ),
            (
                "ES384",
                es(r#"{"alg":"ES384"}"#),
                No::AlgorithmNotAllowed {
                    algorithm: Algorithm::Es384,
                },
            ),
            (
                "HS256",
                es(r#"{"alg":"HS256"}"#),
                No::AlgorithmNotAllowed { algorithm: HS },
            ),
        ],
    );

    // The list allows it, the key does not.
    let wide = Jwk::parse(jwk(ES, "").as_bytes())
        .unwrap()
        .verifier(Algorithms::all(), algorithms());
    let other = |algorithm| No::OtherAlgorithm { algorithm };
    check(
        &wide,
        &[
            (
                "ES384 on P-256",
                es(r#"{"alg":"ES384"}"#),
                other(Algorithm::Es384),
            ),
            (
                "RS256 on P-256",
                es(r#"{"alg":"RS256"}"#),
                other(Algorithm::Rs256),
            ),
            (
                "EdDSA on P-256",
                es(r#"{"alg":"EdDSA"}"#),
                other(Algorithm::EdDsa),
            ),
            ("HS256 on P-256", es(r#"{"alg":"HS256"}"#), other(HS)),
        ],
    );
}

/// CVE-2016-10555 and its kin: the public key as an HMAC secret, in every form in which somebody may hold it.
#[test]
fn public_key_as_secret() {
    let header = b64(r#"{"alg":"HS256"}"#);
    let text = jwk(Algorithm::Rs256, "");
    let pem = jose::pem("rsa.pub");
    let modulus = unb64(
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["n"]
            .as_str()
            .unwrap(),
    );
    let with_space = [b" ", &*pem].concat();
    let trimmed = pem.trim_ascii().to_vec();
    for secret in [pem, with_space, trimmed, text.clone().into_bytes(), modulus] {
        let forger = countersign::payload::jose::HmacSigningKey::new(HS, &secret).unwrap();
        let token = sign(&forger, &header, "e30");
        let key = Jwk::parse(text.as_bytes()).unwrap();
        for listed in [
            Algorithms::all().allow_choice(),
            Algorithms::of([HS]),
            Algorithms::of([HS, Algorithm::Rs256]),
        ] {
            let refused = key
                .verifier(listed, algorithms())
                .verify_compact(&token)
                .err()
                .unwrap();
            let expected = if listed == Algorithms::of([HS]) {
                No::UnusableKey
            } else {
                No::OtherAlgorithm { algorithm: HS }
            };
            assert_eq!(refused, expected);
        }
    }
}

/// CVE-2018-0114: the header brings its own key, or says where to fetch one.
#[test]
fn embedded_keys_are_never_used() {
    let own = format!("{{{}}}", public("other_p256"));
    let forger = named_key(ES, "other_p256");
    for member in [
        format!(r#""jwk":{own}"#),
        r#""jku":"https://attacker.example/jwks.json""#.into(),
        r#""x5u":"https://attacker.example/cert.pem""#.into(),
        r#""x5c":["MIIB"]"#.into(),
        r#""kid":"https://attacker.example/jwks.json""#.into(),
    ] {
        let header = b64(format!(r#"{{"alg":"ES256",{member}}}"#));
        let token = sign(&*forger, &header, "e30");
        assert_eq!(
            es256().verify_compact(&token).err(),
            Some(No::Signature),
            "{member}"
        );
        // The same header under the right key: the member is passed over.
        let token = sign(&*signing_key(ES), &header, "e30");
        assert_eq!(es256().verify_compact(&token).map(drop), Ok(()), "{member}");
    }
}

#[test]
fn signatures() {
    let good = es(r#"{"alg":"ES256"}"#);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let raw = unb64(signature);
    let with = |bytes: &[u8]| format!("{signed}.{}", b64(bytes));
    let n = {
        let hex = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        (0..32)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
            .collect::<Vec<_>>()
    };
    let (zero, one) = ([0_u8; 32], [[0_u8; 31].as_slice(), &[1]].concat());
    let mut flipped = raw.clone();
    flipped[10] ^= 1;
    let der = [&[0x30, 0x44, 2, 32][..], &raw[..32], &[2, 32], &raw[32..]].concat();
    let cases: Vec<(&str, String, InvalidJwt)> = [
        ("psychic", vec![0; 64]),
        ("r = 0", [&zero[..], &raw[32..]].concat()),
        ("s = 0", [&raw[..32], &zero].concat()),
        ("r = n", [&n[..], &raw[32..]].concat()),
        ("s = n", [&raw[..32], &n].concat()),
        ("r = s = 1", [&one[..], &one].concat()),
        ("all ones", vec![0xff; 64]),
        ("one bit", flipped),
        ("cut", raw[..63].to_vec()),
        ("half", raw[..32].to_vec()),
        ("longer", [&raw[..], &[0]].concat()),
        ("zero in front", [&[0], &raw[..]].concat()),
        ("twice", [&raw[..], &raw].concat()),
        ("swapped", [&raw[32..], &raw[..32]].concat()),
        ("DER", der),
        ("P-384's length", vec![1; 96]),
    ]
    .into_iter()
    .map(|(name, bytes)| (name, with(&bytes), No::Signature))
    .collect();
    check(&es256(), &cases);
    check(
        &es256(),
        &[
            (
                "longer than any",
                format!("{signed}.{}", "A".repeat(1400)),
                base64(JwtPart::Signature),
            ),
            (
                "of another header",
                good.replace(&b64(r#"{"alg":"ES256"}"#), &b64(r#"{"alg":"ES256" }"#)),
                No::Signature,
            ),
            (
                "of another payload",
                good.replace(".e30.", ".W10."),
                No::Signature,
            ),
            (
                "of another key",
                sign(&*named_key(ES, "other_p256"), &b64(r#"{"alg":"ES256"}"#), "e30"),
                No::Signature,
            ),
        ],
    );

    // Each proper prefix of a MAC (RUSTSEC-2024-0010), and every other length.
    let hmac = Jwk::parse(jwk(HS, "").as_bytes()).unwrap().verifier(HS, &[]);
    let good = mint(HS, r#"{"alg":"HS256"}"#, "{}");
    let (signed, mac) = good.rsplit_once('.').unwrap();
    let mac = unb64(mac);
    for len in 0..32 {
        assert_eq!(
            hmac.verify_compact(&format!("{signed}.{}", b64(&mac[..len])))
                .err(),
            Some(No::Signature),
            "{len}"
        );
    }
    let longer = format!("{signed}.{}", b64([&mac[..], &[0]].concat()));
    assert_eq!(hmac.verify_compact(&longer).err(), Some(No::Signature));

    // RSA: one algorithm's signature is not another's.
    for (signed_by, claimed) in [
        (Algorithm::Rs256, Algorithm::Ps256),
        (Algorithm::Ps256, Algorithm::Rs256),
        (Algorithm::Rs512, Algorithm::Rs256),
    ] {
        let verifier = Jwk::parse(jwk(claimed, "").as_bytes())
            .unwrap()
            .verifier(claimed, algorithms());
        let token = mint(signed_by, &format!(r#"{{"alg":"{claimed}"}}"#), "{}");
        assert_eq!(
            verifier.verify_compact(&token).err(),
            Some(No::Signature),
            "{signed_by} as {claimed}"
        );
    }
}
