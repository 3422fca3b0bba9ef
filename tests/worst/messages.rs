//! Signed messages: header fields with many signatures, and bodies that are read before their signature is.

mod bodies;

use std::collections::HashSet;

use countersign::payload::hmac::{KeyForm, KeySpec, PartialScheme, PartialVerifier};
use countersign::payload::providers::presets::Make;
use countersign::payload::providers::{handshakes, presets};
use countersign::payload::{
    Head, HmacSigner, HmacVerifier, Keyring, Message, Origin, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::SignatureVerificationAlgorithm;
use rustls::pki_types::UnixTime;

use crate::{Run, grows};

pub(crate) const NOW: u64 = 1_790_000_000;
/// The longest header field that is read, and the largest body.
const FIELD: usize = 8 * 1024;
const BODY: usize = 1024 * 1024;
/// The longest target that `http` takes.
const TARGET: usize = 60 * 1024;

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

pub(crate) fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn origin() -> Origin {
    Origin::parse("https://hooks.example").unwrap()
}

pub(crate) fn algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all
}

fn keys(spec: impl Into<KeySpec>) -> Keyring {
    let spec = spec.into();
    let secret = match spec {
        KeySpec::Secret {
            form: KeyForm::Base64 { .. },
            ..
        } => "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        KeySpec::Secret {
            form: KeyForm::Hex, ..
        } => "44782DEF547AAA06C910C43932B1EB0C",
        _ => "It's a Secret to Everybody",
    };
    Keyring::builder(spec)
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(secret))
        .build()
        .expect("a key")
}

/// A message of one's own.
struct Sent {
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn of(body: impl Into<Vec<u8>>) -> Self {
        Self {
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).expect("a value"),
        );
        self
    }

    fn to(mut self, target: &str) -> Self {
        self.uri = target.parse().expect("a target");
        self
    }

    fn message(&self) -> Message<'_> {
        Message::new(&Method::POST, &self.uri, &self.headers, &self.body, at(NOW))
    }
}

/// Of one text again and again, so many bytes.
fn filled(with: &str, bytes: usize) -> String {
    with.repeat(bytes.div_ceil(with.len()))
        .chars()
        .take(bytes)
        .collect()
}

/// Every preset, with each of its header fields filled with each of these.
#[test]
fn every_field_of_every_preset() {
    const FILLED: [&str; 7] = ["v1=0,", "v1,0 ", "t=1,v1=", " ", ",", "=", "0,v1,v0=0 "];
    let mut known = HashSet::new();
    for preset in presets::all() {
        let scheme = match preset.make {
            Make::Hmac(make) => make(),
            Make::HmacOfUrl(make) => make(&origin()),
            _ => continue,
        };
        let (signer, owner, uri) = (
            HmacSigner::new(scheme.clone(), keys(&scheme)),
            acme(),
            Uri::from_static("/"),
        );
        let outgoing =
            Outgoing::new(&owner, "msg_1", br#"{"id":"1"}"#, at(NOW)).with_request(&Method::POST, &uri);
        let Ok(signed) = signer.sign_payload(&outgoing) else {
            continue; // What stands in the body is below.
        };
        // One of each kind will do: most differ in nothing but names.
        let kind = format!("{:?} {}", scheme, preset.signature());
        let kind: String = kind.split(['"', '`']).step_by(2).collect();
        if !known.insert(kind) {
            continue;
        }
        let verifier = HmacVerifier::new(scheme.clone(), keys(&scheme));
        for name in signed.keys() {
            for filling in FILLED {
                let (verifier, signed) = (verifier.clone(), signed.clone());
                grows(
                    &format!("{} {name} {filling:?}", preset.name),
                    FIELD,
                    move |bytes| {
                        let mut sent = Sent::of(br#"{"id":"1"}"#.to_vec());
                        sent.headers = signed.clone();
                        let value = HeaderValue::from_str(&filled(filling, bytes)).expect("a value");
                        sent.headers.insert(name, value);
                        let verifier = verifier.clone();
                        Box::new(move || assert!(verifier.verify_payload(&sent.message()).is_err()))
                    },
                );
            }
        }
    }
    assert!(known.len() > 10, "{known:?}");
}

/// A field of 8 KiB that is named four thousand times is not hashed four thousand times.
#[test]
fn names_of_header_fields() {
    let scheme = Scheme::coinbase_cdp();
    let verifier = HmacVerifier::new(scheme.clone(), keys(&scheme));
    let mac = "0".repeat(64);
    let malformed = Err("payload.malformed_signature");
    let named = |names: String, value: &str| {
        let field = format!("t={NOW},h={names},v1={mac}");
        Sent::of("{}").with("x-hook0-signature", &field).with("a", value)
    };
    let verdict = |sent: &Sent| {
        verifier
            .verify_payload(&sent.message())
            .map(drop)
            .map_err(|forged| forged.code())
    };
    assert_eq!(
        verdict(&named("a".into(), "b")),
        Err("payload.signature_mismatch")
    );
    assert_eq!(verdict(&named("a a".into(), "b")), malformed);
    assert_eq!(verdict(&named("a A".into(), "b")), malformed);
    grows("one field named again and again", 8_000, |bytes| {
        let (sent, verifier) = (named(filled("a ", bytes), &filled("b", bytes)), verifier.clone());
        Box::new(move || {
            let verdict = verifier
                .verify_payload(&sent.message())
                .map(drop)
                .map_err(|forged| forged.code());
            assert_eq!(verdict, malformed);
        })
    });
}

#[test]
fn queries_of_handshakes() {
    let cases: [(&str, usize, fn(usize) -> String); 4] = [
        ("fields", 1_000, |count| {
            (0..count)
                .map(|number| format!("{number:x}=1"))
                .collect::<Vec<_>>()
                .join("&")
        }),
        ("one field again and again", 1_000, |count| {
            vec!["hub.mode=1"; count].join("&")
        }),
        ("a long field", TARGET, |bytes| {
            format!("hub.challenge={}", "a".repeat(bytes))
        }),
        ("escapes", TARGET, |bytes| {
            format!("hub.challenge={}", "%61".repeat(bytes / 3))
        }),
    ];
    for (name, limit, query) in cases {
        grows(&format!("handshakes: {name}"), limit, |size| {
            let sent = Sent::of("").to(&format!("/?{}", query(size)));
            Box::new(move || {
                let head = Head::new(&Method::GET, &sent.uri, &sent.headers, at(NOW));
                assert_eq!(handshakes::meta(&head, &Secret::new("token")), None);
                assert_eq!(handshakes::dropbox(&head), None);
                assert_eq!(handshakes::microsoft_graph(&head), None);
            })
        });
    }
}

#[test]
fn signed_urls() {
    let scheme = PartialScheme::mercado_pago();
    let verifier = PartialVerifier::new(scheme.clone(), keys(&scheme));
    let verifier = &verifier;
    let with = |query: fn(usize) -> String| {
        move |size: usize| -> Run {
            let field = format!("ts={NOW}000,v1={}", "0".repeat(64));
            let sent = Sent::of("{}")
                .with("x-signature", &field)
                .with("x-request-id", "1")
                .to(&format!("/?{}", query(size)));
            let verifier = verifier.clone();
            Box::new(move || assert!(verifier.recognize(&sent.message()).is_err()))
        }
    };
    grows(
        "Mercado Pago: fields",
        8_000,
        with(|count| {
            (0..count)
                .map(|number| format!("{number:x}=1"))
                .collect::<Vec<_>>()
                .join("&")
        }),
    );
    grows(
        "Mercado Pago: a long value",
        TARGET,
        with(|bytes| format!("data.id={}", "A".repeat(bytes))),
    );
}
