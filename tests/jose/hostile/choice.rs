//! The key that is chosen, and its algorithm.

use countersign::payload::jose::{Algorithm, Algorithms, InvalidJwt, InvalidJwt as No, Jwk, JwkSet};

use super::{ES, HS, check, es, es256, unknown};
use crate::jose_keys::{SECRET, algorithms, b64, jwk, jwks, mint, public};

/// RFC 7518 §3.2: the secret is as long as the hash, for each.
#[test]
fn short_secrets() {
    for (algorithm, len) in [(HS, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        let header = b64(format!(r#"{{"alg":"{algorithm}"}}"#));
        for (bytes, expected) in [
            (len, No::Signature),
            (len - 1, No::UnusableKey),
            (1, No::UnusableKey),
        ] {
            let key = format!(r#"{{"kty":"oct","k":"{}"}}"#, b64(&SECRET[..bytes]));
            let verifier = Jwk::parse(key.as_bytes()).unwrap().verifier(algorithm, &[]);
            assert_eq!(
                verifier.verify_compact(&format!("{header}.e30.AAAA")).err(),
                Some(expected),
                "{algorithm} {bytes}"
            );
        }
    }
}

/// A key that names no algorithm has one only where type and list leave one.
#[test]
fn undecided_algorithms() {
    let rsa = Jwk::parse(jwk(Algorithm::Rs256, "").as_bytes()).unwrap();
    let two = Algorithms::of([Algorithm::Rs256, Algorithm::Ps256]);
    let rs = mint(Algorithm::Rs256, r#"{"alg":"RS256"}"#, "{}");
    let ps = mint(Algorithm::Ps256, r#"{"alg":"PS256"}"#, "{}");
    assert_eq!(
        rsa.verifier(two, algorithms()).verify_compact(&rs).err(),
        Some(No::UndecidedAlgorithm)
    );
    assert_eq!(
        JwkSet::from(rsa.clone())
            .verifier(two, algorithms())
            .verify_compact(&rs)
            .err(),
        Some(No::UndecidedAlgorithm)
    );
    for token in [&rs, &ps] {
        assert_eq!(
            rsa.verifier(two.allow_choice(), algorithms())
                .verify_compact(token)
                .map(drop),
            Ok(())
        );
    }
    let only = rsa.verifier(Algorithm::Rs256, algorithms());
    assert_eq!(only.verify_compact(&rs).map(drop), Ok(()));
    assert_eq!(
        only.verify_compact(&ps).err(),
        Some(No::AlgorithmNotAllowed {
            algorithm: Algorithm::Ps256
        })
    );

    // A key that names its own is held to it, whatever the list.
    let named = Jwk::parse(jwk(Algorithm::Rs256, r#","alg":"PS256""#).as_bytes()).unwrap();
    let verifier = named.verifier(two.allow_choice(), algorithms());
    assert_eq!(verifier.verify_compact(&ps).map(drop), Ok(()));
    assert_eq!(
        verifier.verify_compact(&rs).err(),
        Some(No::OtherAlgorithm {
            algorithm: Algorithm::Rs256
        })
    );

    // ring has no P-521: not a key, rather than a surprise.
    let ring = rustls::crypto::ring::default_provider()
        .signature_verification_algorithms
        .all;
    let p521 = Jwk::parse(jwk(Algorithm::Es512, "").as_bytes())
        .unwrap()
        .verifier(Algorithm::Es512, ring);
    let token = mint(Algorithm::Es512, r#"{"alg":"ES512"}"#, "{}");
    assert_eq!(p521.verify_compact(&token).err(), Some(No::UnusableKey));
}

#[test]
fn choice_of_key() {
    let named = |kid: &str| jwk(ES, &format!(r#","kid":"{kid}""#));
    let bare = jwk(ES, "");
    let stranger = |more: &str| format!("{{{}{more}}}", public("other_p256"));
    let with_kid = |kid: &str| es(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#));
    let without = es(r#"{"alg":"ES256"}"#);
    let traversal = "../../dev/null";
    let cases: Vec<(&str, Vec<String>, String, Result<(), InvalidJwt>)> = vec![
        (
            "by name",
            vec![stranger(r#","kid":"b""#), named("a")],
            with_kid("a"),
            Ok(()),
        ),
        ("the only one", vec![named("a")], without.clone(), Ok(())),
        (
            "the only one of its algorithm",
            vec![named("a"), jwk(Algorithm::Es384, "")],
            without.clone(),
            Ok(()),
        ),
        ("neither has a name", vec![bare.clone()], without.clone(), Ok(())),
        (
            "only the token has a name",
            vec![bare.clone()],
            with_kid("a"),
            Ok(()),
        ),
        (
            "unknown name",
            vec![named("a")],
            with_kid("b"),
            Err(unknown("b", &["a"])),
        ),
        (
            "name in other case",
            vec![named("a")],
            with_kid("A"),
            Err(unknown("A", &["a"])),
        ),
        (
            "name with more",
            vec![named("a")],
            with_kid("a\\u0020"),
            Err(unknown("a ", &["a"])),
        ),
        (
            "path for a name",
            vec![named("a")],
            with_kid(traversal),
            Err(unknown(traversal, &["a"])),
        ),
        (
            "SQL for a name",
            vec![named("a")],
            with_kid("' OR 1=1 --"),
            Err(unknown("' OR 1=1 --", &["a"])),
        ),
        ("empty set", vec![], with_kid("a"), Err(unknown("a", &[]))),
        (
            "empty set, no name",
            vec![],
            without.clone(),
            Err(No::NoKey { algorithm: ES }),
        ),
        (
            "another's key of that name",
            vec![stranger(r#","kid":"a""#)],
            with_kid("a"),
            Err(No::Signature),
        ),
        (
            "two of one name",
            vec![named("a"), stranger(r#","kid":"a""#)],
            with_kid("a"),
            Err(No::AmbiguousKey),
        ),
        (
            "the same twice",
            vec![named("a"), named("a")],
            with_kid("a"),
            Err(No::AmbiguousKey),
        ),
        (
            "two of one name, of two types",
            vec![named("a"), jwk(Algorithm::Rs256, r#","kid":"a""#)],
            with_kid("a"),
            Ok(()),
        ),
        (
            "one of them broken",
            vec![named("a"), r#"{"kty":"EC","kid":"a"}"#.into()],
            with_kid("a"),
            Err(No::AmbiguousKey),
        ),
        (
            "one of them for encryption",
            vec![named("a"), jwk(ES, r#","kid":"a","use":"enc""#)],
            with_kid("a"),
            Ok(()),
        ),
        (
            "only for encryption",
            vec![jwk(ES, r#","kid":"a","use":"enc""#)],
            with_kid("a"),
            Err(unknown("a", &[])),
        ),
        (
            "only a broken one",
            vec![r#"{"kty":"EC","kid":"a"}"#.into()],
            with_kid("a"),
            Err(No::UnusableKey),
        ),
        (
            "two without a name",
            vec![bare.clone(), stranger("")],
            without.clone(),
            Err(No::AmbiguousKey),
        ),
        (
            "two, token without a name",
            vec![named("a"), stranger(r#","kid":"b""#)],
            without.clone(),
            Err(No::AmbiguousKey),
        ),
        (
            "of another algorithm",
            vec![jwk(Algorithm::Es384, r#","kid":"a""#)],
            with_kid("a"),
            Err(No::OtherAlgorithm { algorithm: ES }),
        ),
        (
            "a secret of that name",
            vec![jwk(HS, r#","kid":"a""#)],
            with_kid("a"),
            Err(No::OtherAlgorithm { algorithm: ES }),
        ),
    ];
    let listed = Algorithms::of([ES, Algorithm::Es384, HS, Algorithm::Rs256]);
    for (name, keys, token, expected) in cases {
        let set = JwkSet::parse(jwks(&keys).as_bytes()).unwrap();
        assert_eq!(
            set.verifier(listed, algorithms())
                .verify_compact(&token)
                .map(drop),
            expected,
            "{name}"
        );
    }

    let two = JwkSet::parse(jwks(&[stranger(""), bare]).as_bytes())
        .unwrap()
        .verifier(ES, algorithms());
    assert_eq!(
        two.clone().allow_trying_keys().verify_compact(&without).map(drop),
        Ok(())
    );
    assert_eq!(
        two.allow_trying_keys().verify_compact(&with_kid("a")).err(),
        Some(No::AmbiguousKey)
    );

    let kid = No::MemberType { name: "kid".into() };
    check(
        &es256(),
        &[
            ("kid number", es(r#"{"alg":"ES256","kid":1}"#), kid.clone()),
            ("kid null", es(r#"{"alg":"ES256","kid":null}"#), kid.clone()),
            ("kid long", with_kid(&"k".repeat(257)), kid.clone()),
            ("kid with a line break", with_kid("a\\n"), kid),
            (
                "typ number",
                es(r#"{"alg":"ES256","typ":1}"#),
                No::MemberType { name: "typ".into() },
            ),
            (
                "cty list",
                es(r#"{"alg":"ES256","cty":[]}"#),
                No::MemberType { name: "cty".into() },
            ),
        ],
    );
}
