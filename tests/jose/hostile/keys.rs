//! Hostile keys and key sets, and which key is chosen.

use countersign::codes::{Few, Seen};
use countersign::payload::jose::InvalidJson::{DuplicateMember, NotAnObject, Syntax, TooMany};
use countersign::payload::jose::{
    Algorithm, Algorithms, InvalidJwk, InvalidJwkSet, InvalidJwt, InvalidJwt as No, Jwk, JwkSet, WeakKey,
};

use super::{ES, HS, check, es, es256};
use crate::jose_keys::{SECRET, algorithms, b64, jwk, jwks, mint, public, unb64};

#[test]
fn keys() {
    let ec = public("p256");
    let rsa = public("rsa");
    let okp = public("ed25519");
    let oct = format!(r#""kty":"oct","k":"{}""#, b64(SECRET));
    let get = |key: &str, name: &str| {
        serde_json::from_str::<serde_json::Value>(&format!("{{{key}}}")).unwrap()[name]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (x, y, n) = (get(&ec, "x"), get(&ec, "y"), get(&rsa, "n"));
    let longer = b64([&[0], &*unb64(&x)].concat());
    let shorter = b64(&unb64(&x)[1..]);
    let padded_n = b64([&[0], &*unb64(&n)].concat());
    let even_n = {
        let mut bytes = unb64(&n);
        *bytes.last_mut().unwrap() &= 0xfe;
        b64(bytes)
    };
    let flat = b64([0xff; 32]);
    let mut ninth = unb64(&get(&okp, "x"));
    ninth.pop();
    let weak = InvalidJwk::Weak;
    let of_type = |name| InvalidJwk::MemberType { name };
    let missing = |name| InvalidJwk::Missing { name };
    let odd = |name| InvalidJwk::Base64 { name };
    let other = |algorithm| weak(WeakKey::OtherType { algorithm });
    let cases: Vec<(&str, String, InvalidJwk)> = vec![
        ("empty", "".into(), InvalidJwk::Json(Syntax)),
        ("array", "[]".into(), InvalidJwk::Json(NotAnObject)),
        (
            "member twice",
            format!(r#"{{{ec},"kty":"EC"}}"#),
            InvalidJwk::Json(DuplicateMember),
        ),
        ("no kty", "{}".into(), missing("kty")),
        ("kty number", r#"{"kty":1}"#.into(), of_type("kty")),
        (
            "kty ec",
            format!("{{{}}}", ec.replace(r#""EC""#, r#""ec""#)),
            InvalidJwk::UnknownType,
        ),
        ("kty none", r#"{"kty":"none"}"#.into(), InvalidJwk::UnknownType),
        (
            "kty AKP",
            r#"{"kty":"AKP","alg":"ES256"}"#.into(),
            InvalidJwk::UnknownType,
        ),
        (
            "no crv",
            format!(r#"{{"kty":"EC","x":"{x}","y":"{y}"}}"#),
            missing("crv"),
        ),
        (
            "crv secp256k1",
            format!("{{{}}}", ec.replace("P-256", "secp256k1")),
            InvalidJwk::UnknownCurve {
                crv: Seen::of("secp256k1"),
            },
        ),
        (
            "crv p-256",
            format!("{{{}}}", ec.replace("P-256", "p-256")),
            InvalidJwk::UnknownCurve {
                crv: Seen::of("p-256"),
            },
        ),
        (
            "crv P-384 with P-256's point",
            format!("{{{}}}", ec.replace("P-256", "P-384")),
            weak(WeakKey::CoordinateLength {
                bytes: 32,
                wanted: 48,
            }),
        ),
        (
            "crv Ed25519 in EC",
            format!("{{{}}}", ec.replace("P-256", "Ed25519")),
            InvalidJwk::UnknownCurve {
                crv: Seen::of("Ed25519"),
            },
        ),
        (
            "no y",
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#),
            missing("y"),
        ),
        (
            "x number",
            format!(r#"{{"kty":"EC","crv":"P-256","x":1,"y":"{y}"}}"#),
            of_type("x"),
        ),
        (
            "x longer",
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{longer}","y":"{y}"}}"#),
            weak(WeakKey::CoordinateLength {
                bytes: 33,
                wanted: 32,
            }),
        ),
        (
            "x shorter",
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{shorter}","y":"{y}"}}"#),
            weak(WeakKey::CoordinateLength {
                bytes: 31,
                wanted: 32,
            }),
        ),
        (
            "x and y swapped",
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{y}","y":"{x}"}}"#),
            weak(WeakKey::NotOnCurve),
        ),
        (
            "x above p",
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{flat}","y":"{y}"}}"#),
            weak(WeakKey::NotOnCurve),
        ),
        (
            "point zero",
            format!(
                r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#,
                b64([0; 32])
            ),
            weak(WeakKey::NotOnCurve),
        ),
        (
            "x padded",
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}=","y":"{y}"}}"#),
            odd("x"),
        ),
        (
            "x with a space",
            format!(r#"{{"kty":"EC","crv":"P-256","x":" {x}","y":"{y}"}}"#),
            odd("x"),
        ),
        (
            "x empty",
            format!(r#"{{"kty":"EC","crv":"P-256","x":"","y":"{y}"}}"#),
            weak(WeakKey::CoordinateLength { bytes: 0, wanted: 32 }),
        ),
        (
            "EC alg ES384",
            format!(r#"{{{ec},"alg":"ES384"}}"#),
            other(Algorithm::Es384),
        ),
        (
            "EC alg RS256",
            format!(r#"{{{ec},"alg":"RS256"}}"#),
            other(Algorithm::Rs256),
        ),
        ("EC alg HS256", format!(r#"{{{ec},"alg":"HS256"}}"#), other(HS)),
        (
            "EC alg EdDSA",
            format!(r#"{{{ec},"alg":"EdDSA"}}"#),
            other(Algorithm::EdDsa),
        ),
        (
            "alg none",
            format!(r#"{{{ec},"alg":"none"}}"#),
            InvalidJwk::UnknownAlgorithm,
        ),
        (
            "alg ECDH-ES",
            format!(r#"{{{ec},"alg":"ECDH-ES"}}"#),
            InvalidJwk::UnknownAlgorithm,
        ),
        ("alg null", format!(r#"{{{ec},"alg":null}}"#), of_type("alg")),
        (
            "use enc",
            format!(r#"{{{ec},"use":"enc"}}"#),
            InvalidJwk::OtherUse,
        ),
        (
            "use Sig",
            format!(r#"{{{ec},"use":"Sig"}}"#),
            InvalidJwk::OtherUse,
        ),
        ("use empty", format!(r#"{{{ec},"use":""}}"#), InvalidJwk::OtherUse),
        ("use list", format!(r#"{{{ec},"use":["sig"]}}"#), of_type("use")),
        (
            "key_ops encrypt",
            format!(r#"{{{ec},"key_ops":["encrypt"]}}"#),
            InvalidJwk::OtherUse,
        ),
        (
            "key_ops sign only",
            format!(r#"{{{ec},"key_ops":["sign"]}}"#),
            InvalidJwk::OtherUse,
        ),
        (
            "key_ops empty",
            format!(r#"{{{ec},"key_ops":[]}}"#),
            InvalidJwk::OtherUse,
        ),
        (
            "key_ops unrelated",
            format!(r#"{{{ec},"key_ops":["verify","deriveKey"]}}"#),
            InvalidJwk::OtherUse,
        ),
        (
            "key_ops twice",
            format!(r#"{{{ec},"key_ops":["verify","verify"]}}"#),
            of_type("key_ops"),
        ),
        (
            "key_ops text",
            format!(r#"{{{ec},"key_ops":"verify"}}"#),
            of_type("key_ops"),
        ),
        (
            "key_ops number",
            format!(r#"{{{ec},"key_ops":[1]}}"#),
            of_type("key_ops"),
        ),
        (
            "use sig, key_ops encrypt",
            format!(r#"{{{ec},"use":"sig","key_ops":["encrypt"]}}"#),
            InvalidJwk::OtherUse,
        ),
        ("kid number", format!(r#"{{{ec},"kid":1}}"#), of_type("kid")),
        (
            "kid long",
            format!(r#"{{{ec},"kid":"{}"}}"#, "k".repeat(257)),
            of_type("kid"),
        ),
        (
            "kid with NUL",
            format!(r#"{{{ec},"kid":"a\u0000"}}"#),
            of_type("kid"),
        ),
        (
            "RSA without e",
            format!(r#"{{"kty":"RSA","n":"{n}"}}"#),
            missing("e"),
        ),
        (
            "RSA 1024",
            format!("{{{}}}", public("rsa1024")),
            weak(WeakKey::ModulusTooShort { bits: 1024 }),
        ),
        (
            "RSA empty",
            r#"{"kty":"RSA","n":"","e":"AQAB"}"#.into(),
            weak(WeakKey::ModulusTooShort { bits: 0 }),
        ),
        (
            "RSA zero in front",
            format!(r#"{{"kty":"RSA","n":"{padded_n}","e":"AQAB"}}"#),
            weak(WeakKey::LeadingZero),
        ),
        (
            "RSA even",
            format!(r#"{{"kty":"RSA","n":"{even_n}","e":"AQAB"}}"#),
            weak(WeakKey::ModulusFactor),
        ),
        (
            "RSA 9000 bits",
            format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, b64([0xff; 1125])),
            weak(WeakKey::ModulusTooLong { bits: 9000 }),
        ),
        (
            "RSA e = 1",
            format!(r#"{{"kty":"RSA","n":"{n}","e":"AQ"}}"#),
            weak(WeakKey::Exponent),
        ),
        (
            "RSA e = 2",
            format!(r#"{{"kty":"RSA","n":"{n}","e":"Ag"}}"#),
            weak(WeakKey::Exponent),
        ),
        (
            "RSA e = 3",
            format!(r#"{{"kty":"RSA","n":"{n}","e":"Aw"}}"#),
            weak(WeakKey::Exponent),
        ),
        (
            "RSA e even",
            format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAA"}}"#),
            weak(WeakKey::Exponent),
        ),
        (
            "RSA e number",
            format!(r#"{{"kty":"RSA","n":"{n}","e":65537}}"#),
            of_type("e"),
        ),
        (
            "RSA n in base64",
            format!(
                r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#,
                n.replace('-', "+").replace('_', "/") + "=="
            ),
            odd("n"),
        ),
        ("RSA alg ES256", format!(r#"{{{rsa},"alg":"ES256"}}"#), other(ES)),
        ("RSA alg HS256", format!(r#"{{{rsa},"alg":"HS256"}}"#), other(HS)),
        (
            "RSA alg RSA-OAEP",
            format!(r#"{{{rsa},"alg":"RSA-OAEP"}}"#),
            InvalidJwk::UnknownAlgorithm,
        ),
        (
            "OKP Ed448",
            r#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#.into(),
            InvalidJwk::UnknownCurve {
                crv: Seen::of("Ed448"),
            },
        ),
        (
            "OKP X25519",
            format!("{{{}}}", okp.replace("Ed25519", "X25519")),
            InvalidJwk::UnknownCurve {
                crv: Seen::of("X25519"),
            },
        ),
        (
            "OKP short",
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64(&ninth)),
            weak(WeakKey::CoordinateLength {
                bytes: 31,
                wanted: 32,
            }),
        ),
        (
            "OKP zero",
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64([0; 32])),
            weak(WeakKey::SmallOrder),
        ),
        (
            "OKP one",
            format!(
                r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#,
                b64([&[1][..], &[0; 31]].concat())
            ),
            weak(WeakKey::SmallOrder),
        ),
        (
            "OKP above p",
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64([0xff; 32])),
            weak(WeakKey::SmallOrder),
        ),
        (
            "OKP of order 8",
            r#"{"kty":"OKP","crv":"Ed25519","x":"xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o"}"#.into(),
            weak(WeakKey::SmallOrder),
        ),
        ("OKP alg ES256", format!(r#"{{{okp},"alg":"ES256"}}"#), other(ES)),
        (
            "oct empty",
            r#"{"kty":"oct","k":""}"#.into(),
            InvalidJwk::SecretLength { bytes: 0 },
        ),
        ("oct without k", r#"{"kty":"oct"}"#.into(), missing("k")),
        ("oct number", r#"{"kty":"oct","k":1}"#.into(), of_type("k")),
        ("oct padded", r#"{"kty":"oct","k":"AA=="}"#.into(), odd("k")),
        (
            "oct large",
            format!(r#"{{"kty":"oct","k":"{}"}}"#, b64([7; 4097])),
            InvalidJwk::SecretLength { bytes: 4097 },
        ),
        (
            "oct alg RS256",
            format!(r#"{{{oct},"alg":"RS256"}}"#),
            other(Algorithm::Rs256),
        ),
        (
            "oct alg A128KW",
            format!(r#"{{{oct},"alg":"A128KW"}}"#),
            InvalidJwk::UnknownAlgorithm,
        ),
    ];
    for (name, key, expected) in cases {
        assert_eq!(
            Jwk::parse(key.as_bytes()).err(),
            Some(expected),
            "{name}: {key:.200}"
        );
    }
}

/// RFC 8032 §5.1.3: y is below p, so that a key has one form.
#[test]
fn edwards_keys_are_below_p() {
    let weak = Some(InvalidJwk::Weak(WeakKey::SmallOrder));
    for (first, middle, last, expected) in [
        (0xeb, 0xff, 0x7f, None),
        (0xec, 0xff, 0x7f, weak.clone()),
        (0xed, 0xff, 0x7f, weak.clone()),
        (0xef, 0xff, 0x7f, weak.clone()),
        (0xef, 0xff, 0xff, weak.clone()),
        (0xff, 0xfe, 0x7f, None),
        (0xff, 0xff, 0x7e, None),
    ] {
        let x = b64([&[first][..], &[middle; 30], &[last]].concat());
        let key = Jwk::parse(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#).as_bytes());
        assert_eq!(key.err(), expected, "{first:x} {middle:x} {last:x}");
    }
}

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

fn unknown(kid: &str, known: &[&str]) -> InvalidJwt {
    No::UnknownKey {
        kid: Some(Seen::of(kid)),
        known: Few::of(known.iter().copied()),
    }
}
