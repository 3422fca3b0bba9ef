//! Hostile tokens: their form and their header.

use countersign::payload::jose::InvalidJson::{DuplicateMember, NotAnObject, Syntax, TooDeep, TooMany};
use countersign::payload::jose::{InvalidJwt as No, JwtPart};

use super::{ES, base64, check, es, es256, json};
use crate::jose_keys::{b64, sign, signing_key};

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
