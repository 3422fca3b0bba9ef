//! HTTP message signatures: many of them, long ones, and long bases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::http_signature::{
    HttpSignatureKeyring, HttpSignaturePolicy, HttpSignatureVerifier, InvalidHttpSignature,
};
use countersign::payload::jose::{Algorithm, VerifyingKey};
use countersign::payload::{KeyId, Message, NotAuthentic, Origin, VerifyPayload as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::{BODY, SECRET};
use crate::messages::{NOW, acme, at};
use crate::{Run, grows, short_name};

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
