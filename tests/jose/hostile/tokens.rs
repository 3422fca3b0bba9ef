//! Hostile tokens: their form, their header, their signature.

use countersign::payload::jose::InvalidJson::{DuplicateMember, NotAnObject, Syntax, TooDeep, TooMany};
use countersign::payload::jose::{Algorithm, Algorithms, InvalidJwt, InvalidJwt as No, Jwk, JwtPart};

use super::{ES, HS, base64, check, es, es256, json};
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
