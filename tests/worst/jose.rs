//! Tokens, keys and key sets, and HTTP message signatures.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, InvalidHttpSignature,
};
use countersign::payload::jose::{
    Algorithm, HmacSigningKey, InvalidJwk, InvalidJwkSet, InvalidJwt, Jwk, JwkSet, JwsVerifier, JwtAt,
    JwtKeyring, JwtRules, JwtScheme, SigningKey as _, UnboundJwts, VerifyingKey,
};
use countersign::payload::{KeyId, Message, NotAuthentic, Origin, VerifyPayload as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::messages::{NOW, acme, at};
use crate::{Run, grows, short_name};

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

/// A request with this target, these fields and this body, and what is said of its signature.
struct Request {
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn new(target: &str, fields: &[(&'static str, String)]) -> Self {
        let field = |(name, value): &(&'static str, String)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a value"),
            )
        };
        Self {
            uri: target.parse().expect("a target"),
            headers: fields.iter().map(field).collect(),
            body: Vec::new(),
        }
    }

    /// Refused, and not for its fields' form where the signature is what is looked at.
    fn refused(self, expected: impl Fn(&NotAuthentic) -> bool + 'static) -> Run {
        let key = VerifyingKey::hmac(KeyId::new("k"), Algorithm::Hs256, &SECRET).unwrap();
        let policy = HttpSignaturePolicy::new(Origin::parse("https://hooks.example").unwrap());
        let verifier = HttpSignatureVerifier::new(
            policy,
            HttpSignatureKeyring::builder()
                .keys(acme(), [key])
                .build()
                .unwrap(),
        );
        Box::new(move || {
            let message = Message::new(&Method::POST, &self.uri, &self.headers, &self.body, at(NOW));
            let refused = verifier
                .verify_payload(&message)
                .map(drop)
                .expect_err("it is refused");
            assert!(expected(&refused), "{refused:?}");
        })
    }
}

fn is_signature(forged: &NotAuthentic) -> bool {
    *forged == InvalidHttpSignature::Signature.into()
}

fn input(components: &str) -> String {
    format!(r#"a=("@method" "@target-uri" {components});created={NOW};keyid="k""#)
}

fn signature() -> String {
    format!("a=:{}:", STANDARD.encode([0; 32]))
}

#[test]
fn http_signatures() {
    grows("query parameters that are covered", 28, |count| {
        // The more are covered, the longer the query: the worst is both.
        let query: String = (0..count * 280).map(|number| format!("&{number:x}=1")).collect();
        let covered: String = (0..count)
            .map(|number| format!(r#""@query-param";name="{number:x}" "#))
            .collect();
        let fields = [("signature-input", input(&covered)), ("signature", signature())];
        Request::new(&format!("/?{}", &query[1..]), &fields).refused(is_signature)
    });
    grows("members of a field that are covered", 28, |count| {
        let digest: Vec<_> = (0..count * 40)
            .map(|number| format!("{}=1", short_name(number)))
            .collect();
        let covered: String = (0..count)
            .map(|number| format!("\"a\";key=\"{}\" ", short_name(number)))
            .collect();
        let fields = [
            ("signature-input", input(&covered)),
            ("signature", signature()),
            ("a", digest.join(", ")),
        ];
        Request::new("/", &fields).refused(is_signature)
    });
    grows("fields that are covered", 28, |count| {
        let names: Vec<_> = (0..count).map(short_name).collect();
        let covered: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let fields = [
            ("signature-input", input(&covered.join(" "))),
            ("signature", signature()),
        ];
        let mut request = Request::new("/", &fields);
        for name in names {
            request.headers.insert(
                HeaderName::try_from(name).unwrap(),
                HeaderValue::from_str(&"a".repeat(8_000)).unwrap(),
            );
        }
        request.refused(is_signature)
    });
    grows("lines of a field", 4_000, |count| {
        let fields = [("signature-input", input("\"b\"")), ("signature", signature())];
        let mut request = Request::new("/", &fields);
        for _ in 0..count {
            request.headers.append("b", HeaderValue::from_static("a"));
        }
        request.refused(is_signature)
    });
    let any = |_: &NotAuthentic| true;
    let inputs: [(&str, usize, fn(usize) -> String); 6] = [
        ("components", 1_200, |count| {
            input(
                &(0..count)
                    .map(|number| format!("\"{}\"", short_name(number)))
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        }),
        ("one component again and again", 1_500, |count| {
            input(&vec!["\"b\""; count].join(" "))
        }),
        ("parameters of a component", 1_500, |count| {
            input(&format!(
                "\"b\"{}",
                (0..count)
                    .map(|number| format!(";{}", short_name(number)))
                    .collect::<String>()
            ))
        }),
        ("parameters", 1_500, |count| {
            input("")
                + &(0..count)
                    .map(|number| format!(";{}", short_name(number)))
                    .collect::<String>()
        }),
        ("signatures", 1_000, |count| {
            (0..count)
                .map(|number| format!("{}=()", short_name(number)))
                .collect::<Vec<_>>()
                .join(",")
        }),
        ("a long text", 8_000, |bytes| {
            input(&format!("\"{}\"", "a".repeat(bytes)))
        }),
    ];
    for (name, limit, field) in inputs {
        grows(&format!("Signature-Input: {name}"), limit, |size| {
            let fields = [("signature-input", field(size)), ("signature", signature())];
            Request::new("/", &fields).refused(any)
        });
    }
    grows("Signature: entries", 1_000, |count| {
        let entries: Vec<_> = (0..count)
            .map(|number| format!("{}=::", short_name(number)))
            .collect();
        let fields = [("signature-input", input("")), ("signature", entries.join(","))];
        Request::new("/", &fields).refused(any)
    });
    grows("Content-Digest: entries", 1_000, |count| {
        let entries: Vec<_> = (0..count)
            .map(|number| format!("{}=::", short_name(number)))
            .collect();
        let fields = [
            ("signature-input", input("\"content-digest\"")),
            ("signature", signature()),
            ("content-digest", entries.join(",")),
        ];
        Request::new("/", &fields).refused(|forged| *forged == InvalidHttpSignature::NoDigest.into())
    });
    grows("Content-Digest: a body", BODY, |bytes| {
        let digest = format!(
            "sha-512=:{}:,sha-256=:{}:",
            STANDARD.encode([0; 64]),
            STANDARD.encode([0; 32])
        );
        let fields = [
            ("signature-input", input("\"content-digest\"")),
            ("signature", signature()),
            ("content-digest", digest),
        ];
        let mut request = Request::new("/", &fields);
        request.body = vec![b'a'; bytes];
        request.refused(|forged| *forged == InvalidHttpSignature::Digest.into())
    });
}
