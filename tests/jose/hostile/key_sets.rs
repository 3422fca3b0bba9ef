//! Hostile sets of keys.

use countersign::payload::jose::InvalidJson::{DuplicateMember, NotAnObject, Syntax, TooMany};
use countersign::payload::jose::{Algorithm, InvalidJwk, InvalidJwkSet, Jwk, JwkSet};

use super::{ES, HS, es, unknown};
use crate::jose_keys::{algorithms, jwk, jwks};

#[test]
fn key_sets() {
    let huge = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000));
    let many = jwks(&vec![jwk(ES, ""); 129]);
    let cases = [
        ("empty", "".into(), InvalidJwkSet::Json(Syntax)),
        ("array", "[]".into(), InvalidJwkSet::Json(NotAnObject)),
        ("no keys", "{}".into(), InvalidJwkSet::NoKeys),
        ("keys an object", r#"{"keys":{}}"#.into(), InvalidJwkSet::NoKeys),
        ("keys null", r#"{"keys":null}"#.into(), InvalidJwkSet::NoKeys),
        ("a key, not a set", jwk(ES, ""), InvalidJwkSet::NoKeys),
        (
            "keys twice",
            r#"{"keys":[],"keys":[]}"#.into(),
            InvalidJwkSet::Json(DuplicateMember),
        ),
        (
            "a member twice in one that is not known",
            r#"{"keys":[],"x":{"y":1,"y":2}}"#.into(),
            InvalidJwkSet::Json(DuplicateMember),
        ),
        ("HTML", "<html></html>".into(), InvalidJwkSet::Json(Syntax)),
        ("huge", huge, InvalidJwkSet::TooLarge { limit: 256 * 1024 }),
        ("many keys", many, InvalidJwkSet::TooManyKeys { limit: 128 }),
        (
            "a secret among public keys",
            jwks(&[jwk(ES, ""), jwk(HS, "")]),
            InvalidJwkSet::Mixed,
        ),
        (
            "many values",
            format!(r#"{{"keys":[{}1]}}"#, "1,".repeat(9000)),
            InvalidJwkSet::Json(TooMany),
        ),
    ];
    for (name, set, expected) in cases {
        assert_eq!(JwkSet::parse(set.as_bytes()).err(), Some(expected), "{name}");
    }
    // The limits are what may be.
    let sized = |bytes: usize| {
        let around = r#"{"keys":[],"x":""}"#;
        around.replace(r#""""#, &format!(r#""{}""#, "x".repeat(bytes - around.len())))
    };
    let secrets = jwks(&[jwk(HS, ""), jwk(HS, "")]);
    assert_eq!(
        JwkSet::parse(secrets.as_bytes()).map(drop),
        Ok(()),
        "secrets alone"
    );
    let full = jwks(&vec![jwk(ES, ""); 128]);
    for set in [full, sized(256 * 1024)] {
        assert_eq!(
            JwkSet::parse(set.as_bytes()).map(drop),
            Ok(()),
            "{} bytes",
            set.len()
        );
    }
    let limit = 256 * 1024;
    let over = JwkSet::parse(sized(limit + 1).as_bytes());
    assert_eq!(over.err(), Some(InvalidJwkSet::TooLarge { limit }));

    // Unknown members and keys do not spoil the set.
    let set = jwks(&[
        "7".into(),
        r#"{"kty":"AKP","kid":"pq"}"#.into(),
        jwk(ES, r#","kid":"good","x5c":[],"ext":true"#),
    ]);
    let set = JwkSet::parse(set.as_bytes()).unwrap();
    let unusable: Vec<_> = set.unusable().collect();
    assert_eq!(
        unusable,
        [(0, &InvalidJwk::Json(NotAnObject)), (1, &InvalidJwk::UnknownType)]
    );
    assert_eq!(set.keys().map(Jwk::kid).collect::<Vec<_>>(), [Some("good")]);

    // A member that stands twice spoils its own key, wherever in it it stands.
    let set = jwks(&[
        jwk(ES, r#","kid":"a","kid":"b""#),
        jwk(ES, r#","kid":"c","ext":[{"x":1,"x":1}]"#),
        r#"[{"x":1,"x":1}]"#.into(),
        jwk(ES, r#","kid":"good","ext":{"x":1}"#),
    ]);
    let set = JwkSet::parse_published(set.as_bytes()).unwrap();
    let twice = &InvalidJwk::Json(DuplicateMember);
    assert_eq!(
        set.unusable().collect::<Vec<_>>(),
        [(0, twice), (1, twice), (2, twice)]
    );
    let verifier = set.verifier(ES, algorithms());
    for (kid, expected) in [
        ("good", Ok(())),
        ("a", Err(unknown("a", &["good"]))),
        ("c", Err(unknown("c", &["good"]))),
    ] {
        let token = es(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#));
        assert_eq!(verifier.verify_compact(&token).map(drop), expected, "{kid}");
    }

    // What is published must not be secret: of RSA, each part of the private key gives away all.
    let parts = ["d", "p", "q", "dp", "dq", "qi"].map(|part| format!(r#","{part}":"AQAB""#));
    let parts: Vec<_> = parts.into_iter().chain([r#","oth":[]"#.into()]).collect();
    let keys: Vec<_> = parts.iter().map(|part| jwk(Algorithm::Rs256, part)).collect();
    let published = JwkSet::parse_published(jwks(&keys).as_bytes()).unwrap();
    let all: Vec<_> = (0..parts.len())
        .map(|place| (place, &InvalidJwk::PublishedSecret))
        .collect();
    assert_eq!(published.unusable().collect::<Vec<_>>(), all);
    let set = jwks(&[jwk(HS, ""), jwk(ES, r#","d":"AA""#), jwk(ES, "")]);
    let published = JwkSet::parse_published(set.as_bytes()).unwrap();
    let secret = &InvalidJwk::PublishedSecret;
    assert_eq!(
        published.unusable().collect::<Vec<_>>(),
        [(0, secret), (1, secret)]
    );
}
