//! Which of several keys is asked: by name, by algorithm, or by whoever verifies.

use countersign::payload::KeyId;
use countersign::payload::jose::InvalidJwt::Signature;
use countersign::payload::jose::{
    Algorithm, Algorithms, HmacSigningKey, InvalidJwt, JwkSet, JwsVerifier, PublicKey, VerifyingKey,
};
use jose::{algorithms, b64, jwk, jwks, mint, named_key, pem, public, sign, signing_key};

use crate::jose_keys as jose;

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
