//! Hostile tokens, keys and key sets, by class, each with the exact error. Claims are in `claims.rs`.
//!
//! | class | published as | test |
//! |---|---|---|
//! | `none` in every spelling | CVE-2015-9235 | [`algorithm`] |
//! | public key as an HMAC secret | CVE-2016-10555, CVE-2022-29217, CVE-2024-33663, CVE-2026-34950 | [`public_key_as_secret`] |
//! | key of the token's own | CVE-2018-0114 | [`embedded_keys_are_never_used`] |
//! | URL in the token | the class of `jku` and `x5u` | [`embedded_keys_are_never_used`] |
//! | `kid` as path, SQL, a megabyte | the class | [`choice_of_key`] |
//! | `crit` passed over | CVE-2025-59420, CVE-2026-32597 | [`critical`] |
//! | `b64` | RFC 7797 §6, §7 | [`unencoded_payload`] |
//! | empty or short secret | CVE-2026-45363 | [`short_secrets`], [`keys`] |
//! | psychic signatures | CVE-2022-21449 | [`signatures`] |
//! | partial comparison | RUSTSEC-2024-0010 | [`signatures`] |
//! | many dots | CVE-2025-30204, CVE-2025-27144 | [`form`] |
//! | lenient base64 | RFC 7515 §2 | [`base64url`] |
//! | members that stand twice | RFC 7515 §4, RFC 7519 §4 | [`header_json`], `claims.rs` |
//! | `use`, `key_ops`, `alg` of a key | RFC 7517 §4.2 to §4.4 | [`keys`], [`undecided_algorithms`] |
//! | weak RSA, ROCA | CVE-2017-15361 | [`keys`], `algorithms/modulus.rs` |
//! | point not on the curve | the class of invalid-curve attacks | [`keys`] |
//! | two keys of one name | RFC 7517 §4.5 | [`choice_of_key`] |
//! | claim of another type | CVE-2026-25537 | `claims.rs`: `every_claim_is_of_its_type_and_says_what_it_must` |
//! | token of another kind | RFC 8725 §3.11 | `claims.rs`: `types_of_tokens` |
//! | malleable signature as replay key | | `claims.rs`: `a_rewritten_signature_is_the_same_delivery` |
//! | forged PKCS#1 encodings, other salts, numbers out of range | RFC 8017 §8, RFC 8032 §5.1.7 | `jws_one_key.rs`: `forgeries_of_the_key_holder` |
//! | digest trusted | go-fed/httpsig #6 | `http_signature.rs`: `tampered_messages` |

use crate::jose_keys as jose;

use countersign::codes::{Few, Seen};
use countersign::payload::jose::InvalidJson::{DuplicateMember, NotAnObject, Syntax, TooDeep, TooMany};
use countersign::payload::jose::InvalidJwt as No;
use countersign::payload::jose::{
    Algorithm, Algorithms, InvalidJwk, InvalidJwkSet, InvalidJwt, Jwk, JwkSet, JwsVerifier, JwtPart, WeakKey,
};
use jose::{EVERY, SECRET, algorithms, b64, jwk, jwks, mint, named_key, public, sign, signing_key, unb64};

const ES: Algorithm = Algorithm::Es256;
const HS: Algorithm = Algorithm::Hs256;

fn es256() -> JwsVerifier {
    Jwk::parse(jwk(ES, r#","alg":"ES256""#).as_bytes())
        .unwrap()
        .verifier(ES, algorithms())
}

/// A header that is rightly signed, with the payload `{}`.
fn es(header: &str) -> String {
    mint(ES, header, "{}")
}

fn json(problem: countersign::payload::jose::InvalidJson) -> InvalidJwt {
    No::Json {
        part: JwtPart::Header,
        problem,
    }
}

fn base64(part: JwtPart) -> InvalidJwt {
    No::Base64 { part }
}

fn check(verifier: &JwsVerifier, cases: &[(&str, String, InvalidJwt)]) {
    for (name, token, expected) in cases {
        assert_eq!(
            verifier.verify_compact(token).err().as_ref(),
            Some(expected),
            "{name}: {token:.200}"
        );
    }
}

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
fn form() {
    let good = es(r#"{"alg":"ES256"}"#);
    let [header, payload, signature] = *good.split('.').collect::<Vec<_>>() else {
        panic!()
    };
    check(
        &es256(),
        &[
            ("empty", String::new(), No::Segments),
            ("one part", header.into(), No::Segments),
            ("two parts", format!("{header}.{payload}"), No::Segments),
            ("four parts", format!("{good}."), No::Segments),
            (
                "five parts, as of an encrypted token",
                format!("{header}.{payload}.{signature}.a.b"),
                No::Segments,
            ),
            ("two dots", "..".into(), json(Syntax)),
            ("a thousand dots", ".".repeat(1000), No::Segments),
            (
                "a megabyte of dots",
                ".".repeat(1 << 20),
                No::TooLarge { limit: 16384 },
            ),
            ("a megabyte", "A".repeat(1 << 20), No::TooLarge { limit: 16384 }),
            ("no signature", format!("{header}.{payload}."), No::Signature),
            ("no payload", format!("{header}..{signature}"), No::Signature),
            ("no header", format!(".{payload}.{signature}"), json(Syntax)),
            (
                "line break after it",
                format!("{good}\n"),
                base64(JwtPart::Signature),
            ),
            ("space before it", format!(" {good}"), base64(JwtPart::Header)),
            ("in quotes", format!("\"{good}\""), base64(JwtPart::Header)),
            ("not ASCII", format!("{good}é"), base64(JwtPart::Signature)),
            ("NUL", format!("{good}\0"), base64(JwtPart::Signature)),
            (
                "JSON serialization",
                format!(r#"{{"payload":"{payload}"}}"#),
                No::Segments,
            ),
        ],
    );
}

#[test]
fn base64url() {
    let good = es(r#"{"alg":"ES256"}"#);
    let [header, payload, signature] = *good.split('.').collect::<Vec<_>>() else {
        panic!()
    };
    let payload_of_one = sign(&*signing_key(ES), header, "AA");
    // 64 bytes leave four spare bits in the last of 86 digits: A, Q, g and w have none set.
    let last = signature.chars().last().unwrap();
    let spare = char::from(u8::try_from(u32::from(last)).unwrap() + 1);
    check(
        &es256(),
        &[
            (
                "padded header",
                sign(&*signing_key(ES), &format!("{header}="), payload),
                base64(JwtPart::Header),
            ),
            (
                "padded payload",
                sign(&*signing_key(ES), header, "AA=="),
                base64(JwtPart::Payload),
            ),
            (
                "padded signature",
                format!("{good}=="),
                base64(JwtPart::Signature),
            ),
            (
                "spare bits in the payload",
                payload_of_one.replace(".AA.", ".AB."),
                No::Signature,
            ),
            (
                "spare bits in a signed payload",
                sign(&*signing_key(ES), header, "AB"),
                base64(JwtPart::Payload),
            ),
            (
                "spare bits in the signature",
                format!("{header}.{payload}.{}{spare}", &signature[..85]),
                base64(JwtPart::Signature),
            ),
            (
                "standard alphabet: +",
                sign(&*signing_key(ES), header, "+++w"),
                base64(JwtPart::Payload),
            ),
            (
                "standard alphabet: /",
                sign(&*signing_key(ES), header, "///w"),
                base64(JwtPart::Payload),
            ),
            (
                "question mark",
                sign(&*signing_key(ES), header, "e30?"),
                base64(JwtPart::Payload),
            ),
            (
                "question mark in the signature",
                format!("{header}.{payload}.{}?", &signature[..85]),
                base64(JwtPart::Signature),
            ),
            (
                "white space",
                sign(&*signing_key(ES), header, "e 30"),
                base64(JwtPart::Payload),
            ),
            (
                "line break",
                sign(&*signing_key(ES), header, "e3\n0"),
                base64(JwtPart::Payload),
            ),
            (
                "one digit",
                sign(&*signing_key(ES), header, "e"),
                base64(JwtPart::Payload),
            ),
            (
                "percent-encoded",
                sign(&*signing_key(ES), header, "e3%30"),
                base64(JwtPart::Payload),
            ),
        ],
    );
}

#[test]
fn header_json() {
    let deep = format!(r#"{{"alg":"ES256","x":{}{}}}"#, "[".repeat(16), "]".repeat(16));
    let many = format!(r#"{{"alg":"ES256","x":[{}0]}}"#, "0,".repeat(200));
    check(
        &es256(),
        &[
            ("not JSON", es("alg=ES256"), json(Syntax)),
            ("cut short", es(r#"{"alg":"ES256""#), json(Syntax)),
            ("two values", es(r#"{"alg":"ES256"}{}"#), json(Syntax)),
            ("byte order mark", es("\u{feff}{\"alg\":\"ES256\"}"), json(Syntax)),
            ("trailing comma", es(r#"{"alg":"ES256",}"#), json(Syntax)),
            ("comment", es(r#"{"alg":"ES256"/**/}"#), json(Syntax)),
            ("NUL after it", es("{\"alg\":\"ES256\"}\0"), json(Syntax)),
            (
                "half a surrogate pair",
                es(r#"{"alg":"ES256","kid":"\ud800"}"#),
                json(Syntax),
            ),
            (
                "not UTF-8",
                sign(
                    &*signing_key(ES),
                    &b64(b"{\"alg\":\"ES256\",\"kid\":\"\xff\"}"),
                    "e30",
                ),
                json(Syntax),
            ),
            ("array", es(r#"["ES256"]"#), json(NotAnObject)),
            ("text", es(r#""ES256""#), json(NotAnObject)),
            ("null", es("null"), json(NotAnObject)),
            (
                "alg twice",
                es(r#"{"alg":"ES256","alg":"none"}"#),
                json(DuplicateMember),
            ),
            (
                "alg twice, once escaped",
                es(r#"{"alg":"ES256","\u0061lg":"ES256"}"#),
                json(DuplicateMember),
            ),
            (
                "twice inside",
                es(r#"{"alg":"ES256","x":{"y":1,"y":1}}"#),
                json(DuplicateMember),
            ),
            ("deep", es(&deep), json(TooDeep)),
            ("many", es(&many), json(TooMany)),
        ],
    );
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

#[test]
fn critical() {
    let crit = |members: &str| es(&format!(r#"{{"alg":"ES256",{members}}}"#));
    check(
        &es256(),
        &[
            ("unknown", crit(r#""crit":["x"],"x":1"#), No::UnknownCritical),
            (
                "known and unknown",
                crit(r#""crit":["b64","x"],"b64":true,"x":1"#),
                No::UnknownCritical,
            ),
            (
                "exp",
                crit(r#""crit":["exp"],"exp":9999999999"#),
                No::UnknownCritical,
            ),
            ("empty list", crit(r#""crit":[]"#), No::Critical),
            ("absent member", crit(r#""crit":["x"]"#), No::Critical),
            ("absent b64", crit(r#""crit":["b64"]"#), No::Critical),
            ("twice", crit(r#""crit":["b64","b64"],"b64":true"#), No::Critical),
            ("text", crit(r#""crit":"b64","b64":true"#), No::Critical),
            ("object", crit(r#""crit":{"b64":true},"b64":true"#), No::Critical),
            ("null", crit(r#""crit":null"#), No::Critical),
            ("false", crit(r#""crit":false"#), No::Critical),
            ("number in it", crit(r#""crit":[1]"#), No::Critical),
            ("list in it", crit(r#""crit":[["b64"]],"b64":true"#), No::Critical),
            ("empty name", crit(r#""crit":[""]"#), No::Critical),
            ("alg", crit(r#""crit":["alg"]"#), No::Critical),
            ("kid", crit(r#""crit":["kid"],"kid":"x""#), No::Critical),
            ("crit", crit(r#""crit":["crit"]"#), No::Critical),
            ("typ", crit(r#""crit":["typ"],"typ":"JWT""#), No::Critical),
            (
                "other case",
                crit(r#""crit":["B64"],"B64":true"#),
                No::UnknownCritical,
            ),
        ],
    );
}

#[test]
fn unencoded_payload() {
    let b64_member = |members: &str| es(&format!(r#"{{"alg":"ES256",{members}}}"#));
    let verifier = es256();
    check(
        &verifier,
        &[
            (
                "attached",
                b64_member(r#""b64":false,"crit":["b64"]"#),
                No::AttachedUnencoded,
            ),
            ("not critical", b64_member(r#""b64":false"#), No::B64NotCritical),
            (
                "true, not critical",
                b64_member(r#""b64":true"#),
                No::B64NotCritical,
            ),
            (
                "text",
                b64_member(r#""b64":"false","crit":["b64"]"#),
                No::MemberType { name: "b64".into() },
            ),
            (
                "number",
                b64_member(r#""b64":0,"crit":["b64"]"#),
                No::MemberType { name: "b64".into() },
            ),
            (
                "null",
                b64_member(r#""b64":null,"crit":["b64"]"#),
                No::MemberType { name: "b64".into() },
            ),
        ],
    );

    // A detached payload signed in one form does not pass in the other.
    let plain = b64(r#"{"alg":"ES256"}"#);
    let raw = b64(r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#);
    let loose = b64(r#"{"alg":"ES256","b64":false}"#);
    let detach = |token: &str| {
        let parts: Vec<_> = token.splitn(2, '.').collect();
        let signature = token.rsplit('.').next().unwrap();
        format!("{}..{signature}", parts[0])
    };
    let cases = [
        (
            "encoded",
            detach(&sign(&*signing_key(ES), &plain, &b64("body"))),
            Ok(()),
        ),
        (
            "unencoded",
            detach(&sign(&*signing_key(ES), &raw, "body")),
            Ok(()),
        ),
        (
            "encoded, said to be unencoded",
            detach(&sign(&*signing_key(ES), &raw, &b64("body"))),
            Err(No::Signature),
        ),
        (
            "unencoded, said to be encoded",
            detach(&sign(&*signing_key(ES), &plain, "body")),
            Err(No::Signature),
        ),
        (
            "unencoded, not critical",
            detach(&sign(&*signing_key(ES), &loose, "body")),
            Err(No::B64NotCritical),
        ),
        (
            "not detached",
            sign(&*signing_key(ES), &plain, &b64("body")),
            Err(No::NotDetached),
        ),
        (
            "of another payload",
            detach(&sign(&*signing_key(ES), &raw, "bodz")),
            Err(No::Signature),
        ),
    ];
    for (name, token, expected) in cases {
        assert_eq!(
            verifier.verify_detached(&token, b"body").map(drop),
            expected,
            "{name}"
        );
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
