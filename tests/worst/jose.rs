//! Tokens, keys and key sets, and HTTP message signatures.

mod http_signatures;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::payload::jose::{
    Algorithm, HmacSigningKey, InvalidJwk, InvalidJwkSet, InvalidJwt, Jwk, JwkSet, JwsVerifier, JwtAt,
    JwtKeyring, JwtRules, JwtScheme, SigningKey as _, UnboundJwts, VerifyingKey,
};
use countersign::payload::{KeyId, Message, NotAuthentic};
use http::{HeaderMap, Method, Uri};

use crate::messages::{NOW, acme, at};
use crate::{Run, grows};

const SECRET: [u8; 32] = [7; 32];
const BODY: usize = 1024 * 1024;

fn b64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn verifier() -> JwsVerifier {
    JwsVerifier::of_key(VerifyingKey::hmac(KeyId::new("k"), Algorithm::Hs256, &SECRET).unwrap())
}

/// `,"0":1,"1":1` and so on.
fn members(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let _ = write!(text, ",\"{number:x}\":1");
        text
    })
}

fn refused(token: String, expected: InvalidJwt) -> Run {
    let verifier = verifier();
    Box::new(move || assert_eq!(verifier.verify_compact(&token).err(), Some(expected.clone())))
}

#[test]
fn headers_of_tokens() {
    let token = |header: String| format!("{}.{}.{}", b64(header), b64("{}"), b64([0; 32]));
    grows("members of a header", 126, |count| {
        refused(
            token(format!(r#"{{"alg":"HS256"{}}}"#, members(count))),
            InvalidJwt::Signature,
        )
    });
    grows("critical members", 62, |count| {
        let names: Vec<_> = (0..count).map(|number| format!("\"{number:x}\"")).collect();
        let header = format!(
            r#"{{"alg":"HS256","crit":[{}]{}}}"#,
            names.join(","),
            members(count)
        );
        refused(token(header), InvalidJwt::UnknownCritical)
    });
    grows("a long header", 12_000, |bytes| {
        refused(
            token(format!(r#"{{"alg":"HS256","a":"{}"}}"#, "a".repeat(bytes))),
            InvalidJwt::Signature,
        )
    });
    grows("a long payload", 16_000, |bytes| {
        let token = format!(
            "{}.{}.{}",
            b64(r#"{"alg":"HS256"}"#),
            "a".repeat(bytes),
            b64([0; 32])
        );
        refused(token, InvalidJwt::Signature)
    });
    grows("dots", 16 * 1024, |bytes| {
        refused(".".repeat(bytes), InvalidJwt::Segments)
    });
    grows("a detached payload", BODY, |bytes| {
        let (verifier, payload) = (verifier(), vec![b'a'; bytes]);
        let token = format!("{}..{}", b64(r#"{"alg":"HS256"}"#), b64([0; 32]));
        Box::new(move || {
            assert_eq!(
                verifier.verify_detached(&token, &payload).err(),
                Some(InvalidJwt::Signature)
            )
        })
    });
}

fn unbound() -> UnboundJwts {
    let rules = JwtRules::issuer("issuer").audience("hooks");
    UnboundJwts::new(
        JwtScheme::new("test", JwtAt::bearer(), rules),
        JwtKeyring::builder().keys(acme(), verifier()).build().unwrap(),
    )
}

fn recognize_list(jwts: &UnboundJwts, body: &[u8]) -> Option<NotAuthentic> {
    let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());
    let message = Message::new(&Method::POST, &uri, &headers, body, at(NOW));
    jwts.recognize_list("validationTokens", &message).err()
}

#[test]
fn lists_of_tokens_in_a_body() {
    let wrong = InvalidJwt::MemberType {
        name: "validationTokens".into(),
    };
    let bodies: [(&str, usize, fn(usize) -> String); 3] = [
        ("members", 60_000, |count| {
            format!(r#"{{"validationTokens":[]{}}}"#, members(count))
        }),
        ("members of a member", 60_000, |count| {
            format!(r#"{{"validationTokens":[],"z":{{"y":0{}}}}}"#, members(count))
        }),
        ("lists", 60_000, |count| {
            format!(r#"{{"validationTokens":[],"z":[{}0]}}"#, "[],".repeat(count))
        }),
    ];
    for (name, limit, body) in bodies {
        grows(&format!("a list of tokens beside {name}"), limit, |count| {
            let (jwts, body, wrong) = (unbound(), body(count), wrong.clone());
            assert!(body.len() <= BODY);
            Box::new(move || assert_eq!(recognize_list(&jwts, body.as_bytes()), Some(wrong.clone().into())))
        });
    }
}

#[test]
fn no_larger_body_is_read_for_tokens() {
    let body = |bytes: usize| format!("{}{}", r#"{"validationTokens":["x"]}"#, " ".repeat(bytes - 26));
    assert_eq!(
        recognize_list(&unbound(), body(BODY).as_bytes()),
        Some(InvalidJwt::Segments.into())
    );
    assert_eq!(
        recognize_list(&unbound(), body(BODY + 1).as_bytes()),
        Some(NotAuthentic::BodyTooLarge { limit: BODY })
    );
}

/// Claims are read after their signature, but whoever signs them is one of many tenants.
#[test]
fn claims() {
    let key = HmacSigningKey::new(Algorithm::Hs256, &SECRET).unwrap();
    let aud = |error: Option<NotAuthentic>| {
        matches!(
            error,
            Some(NotAuthentic::Jwt(InvalidJwt::Claim { name, .. })) if &*name == "aud"
        )
    };
    let claims: [(&str, usize, fn(usize) -> String); 2] = [
        ("claims", 1_000, |count| format!(r#""aud":"x"{}"#, members(count))),
        ("audiences", 1_000, |count| {
            format!(r#""aud":[{}]"#, vec!["\"x\""; count].join(","))
        }),
    ];
    for (name, limit, more) in claims {
        grows(name, limit, |count| {
            let signed = format!(
                "{}.{}",
                b64(r#"{"alg":"HS256"}"#),
                b64(format!(r#"{{"iss":"issuer",{}}}"#, more(count)))
            );
            let token = format!("{signed}.{}", b64(key.sign(signed.as_bytes()).unwrap()));
            assert!(token.len() <= 16 * 1024, "{}", token.len());
            let jwts = unbound();
            Box::new(move || {
                let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());
                let message = Message::new(&Method::POST, &uri, &headers, b"", at(NOW));
                assert!(aud(jwts.recognize_token(&token, &message).err()));
            })
        });
    }
}

#[test]
fn keys_and_sets() {
    let set =
        |json: String| -> Run { Box::new(move || assert!(JwkSet::parse_published(json.as_bytes()).is_ok())) };
    grows("members of a set", 8_000, |count| {
        set(format!(r#"{{"keys":[]{}}}"#, members(count)))
    });
    grows("keys of a set", 128, |count| {
        set(format!(
            r#"{{"keys":[{}]}}"#,
            vec![r#"{"kty":"x"}"#; count].join(",")
        ))
    });
    grows("members of a key", 8_000, |count| {
        set(format!(r#"{{"keys":[{{"kty":"x"{}}}]}}"#, members(count)))
    });
    grows("a key of RSA", 180_000, |bytes| {
        let key = format!(r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#, b64(vec![0xff; bytes]));
        Box::new(move || assert!(matches!(Jwk::parse(key.as_bytes()), Err(InvalidJwk::Weak(_)))))
    });
    grows("an exponent of RSA", 180_000, |bytes| {
        let key = format!(
            r#"{{"kty":"RSA","e":"{}","n":"{}"}}"#,
            b64(vec![0xff; bytes]),
            b64([0xff; 256])
        );
        Box::new(move || assert!(matches!(Jwk::parse(key.as_bytes()), Err(InvalidJwk::Weak(_)))))
    });
    grows("operations of a key", 250, |count| {
        let key = format!(
            r#"{{"kty":"oct","key_ops":[{}]}}"#,
            (0..count)
                .map(|number| format!("\"{number}\""))
                .collect::<Vec<_>>()
                .join(",")
        );
        Box::new(move || assert_eq!(Jwk::parse(key.as_bytes()).err(), Some(InvalidJwk::OtherUse)))
    });
    let too_large = vec![b' '; 256 * 1024 + 1];
    assert!(matches!(
        JwkSet::parse(&too_large),
        Err(InvalidJwkSet::TooLarge { .. })
    ));
}
