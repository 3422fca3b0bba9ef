//! Signed messages: header fields with many signatures, and bodies that are read before their signature is.

use std::collections::HashSet;

use countersign::payload::hmac::{KeyForm, KeySpec, PartialScheme, PartialVerifier};
use countersign::payload::providers::presets::Make;
use countersign::payload::providers::{
    AdyenVerifier, EbayVerifier, HubSpotLegacy, SnsVerifier, TwilioVerifier, handshakes, presets,
};
use countersign::payload::token::{TokenScheme, TokenVerifier};
use countersign::payload::{
    Head, HmacSigner, HmacVerifier, Keyring, Message, NoKey, NotAuthentic, Origin, Outgoing, Scheme, Secret,
    SignPayload as _, VerifyPayload as _,
};
use countersign::tenant::TenantId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::SignatureVerificationAlgorithm;
use rustls::pki_types::UnixTime;

use crate::{Run, grows, short_name};

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

/// More are not read.
const VALUES: usize = 64 * 1024;

/// What a JSON body may be made of, whatever is looked for in it.
fn json_bodies() -> Vec<(&'static str, usize, fn(usize) -> String)> {
    fn members(count: usize, value: &str) -> String {
        let members: Vec<_> = (0..count)
            .map(|number| format!("\"{number:x}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }
    vec![
        ("members", VALUES - 8, |count| members(count, "0")),
        ("members that begin alike", BODY / 1024, |count| {
            let members: Vec<_> = (0..count)
                .map(|number| format!("\"{}{number:x}\":0", "a".repeat(1000)))
                .collect();
            format!("{{{}}}", members.join(","))
        }),
        ("objects", VALUES / 2 - 8, |count| members(count, r#"{"a":{}}"#)),
        ("lists", VALUES - 8, |count| format!("[{}0]", "[],".repeat(count))),
        ("a long text", BODY - 16, |bytes| {
            format!("[\"{}\"]", "a".repeat(bytes))
        }),
        ("escapes", BODY - 16, |bytes| {
            format!("[\"{}\"]", "\\u00e4".repeat(bytes / 6))
        }),
        ("a long number", BODY - 16, |bytes| {
            format!("[{}]", "9".repeat(bytes))
        }),
        ("a long fraction", BODY - 16, |bytes| {
            format!("[0.{}]", "9".repeat(bytes))
        }),
        ("white space", BODY - 16, |bytes| {
            format!("[0{}]", " ".repeat(bytes))
        }),
        ("what has no end", BODY - 16, |bytes| "[".repeat(bytes)),
    ]
}

#[test]
fn json_in_a_body() {
    let spec = AdyenVerifier::KEYS;
    let adyen = AdyenVerifier::new(keys(spec));
    for (name, limit, body) in json_bodies() {
        let adyen = adyen.clone();
        grows(&format!("Adyen: {name}"), limit, move |size| {
            let (sent, adyen) = (Sent::of(body(size)), adyen.clone());
            assert!(sent.body.len() <= BODY, "{name}");
            Box::new(move || {
                assert_eq!(
                    adyen.recognize(&sent.message()).err(),
                    Some(NotAuthentic::MalformedBody)
                )
            })
        });
    }
}

/// Before anybody is known, a body of a mebibyte does not take the memory of eighty.
#[test]
fn json_in_a_body_takes_little_memory() {
    let adyen = AdyenVerifier::new(keys(AdyenVerifier::KEYS));
    let small: fn(usize) -> String = |count| format!("[{}0]", r#"{"a":0},"#.repeat(count));
    let lists: fn(usize) -> String = |count| format!("[{}0]", "[],".repeat(count));
    let more = [
        ("small objects", BODY / 8 - 1, small),
        ("more lists", BODY / 3 - 1, lists),
    ];
    for (name, limit, body) in json_bodies().into_iter().chain(more) {
        let sent = Sent::of(body(limit));
        assert!(sent.body.len() <= BODY, "{name}");
        let used = allocation_counter::measure(|| drop(adyen.recognize(&sent.message())));
        println!("{name}: {} KiB", used.bytes_max / 1024);
        assert!(used.bytes_max < 24 << 20, "{name}: {} bytes", used.bytes_max);
    }
}

#[test]
fn items_of_a_body() {
    let adyen = AdyenVerifier::new(keys(AdyenVerifier::KEYS));
    let mac = "A".repeat(43) + "=";
    grows("Adyen: items", 100, |count| {
        let text = "a".repeat(5_000);
        let item = format!(
            r#"{{"NotificationRequestItem":{{"pspReference":"{text}","additionalData":{{"hmacSignature":"{mac}"}}}}}}"#
        );
        let sent = Sent::of(format!(
            r#"{{"notificationItems":[{}]}}"#,
            vec![item; count].join(",")
        ));
        let adyen = adyen.clone();
        Box::new(move || {
            assert_eq!(
                adyen.recognize(&sent.message()).err(),
                Some(NotAuthentic::SignatureMismatch)
            )
        })
    });
    let scheme = presets::find("microsoft_graph").and_then(|preset| match preset.make {
        Make::Token(make) => Some(make()),
        _ => None,
    });
    let scheme: TokenScheme = scheme.expect("a preset");
    let tokens = TokenVerifier::new(scheme.clone(), keys(&scheme));
    grows("Graph: states", 20_000, |count| {
        let sent = Sent::of(format!(
            r#"{{"value":[{}]}}"#,
            vec![r#"{"clientState":"It's a Secret to Everybody"}"#; count].join(",")
        ));
        let tokens = tokens.clone();
        Box::new(move || assert!(tokens.recognize(&sent.message()).is_ok()))
    });
    let none = |_: &str| Err(NoKey::Unavailable);
    let sns = SnsVerifier::new(acme(), "arn:aws:sns:us-east-1:1:topic", none, algorithms()).expect("RSA");
    grows("SNS: a long message", BODY - 1_000, |bytes| {
        let sent = Sent::of(format!(
            r#"{{"Type":"Notification","MessageId":"1","Message":"{}","TopicArn":"arn:aws:sns:us-east-1:1:topic","Timestamp":"2026-09-21T13:33:20.000Z","SignatureVersion":"2","Signature":"AAAA","SigningCertURL":"https://sns.us-east-1.amazonaws.com/a.pem"}}"#,
            "a".repeat(bytes)
        ));
        let sns = sns.clone();
        Box::new(move || {
            let refused = sns
                .recognize(&sent.message())
                .map(drop)
                .map_err(|forged| forged.code());
            assert_eq!(refused, Err("payload.keys_unavailable"));
        })
    });
}

#[test]
fn forms() {
    let twilio = TwilioVerifier::new(origin(), keys(TwilioVerifier::KEYS));
    let mandrill = Scheme::mandrill(&origin());
    let mandrill = HmacVerifier::new(mandrill.clone(), keys(&mandrill));
    let form =
        |fields: usize, field: fn(usize) -> String| (0..fields).map(field).collect::<Vec<_>>().join("&");
    let cases: [(&str, usize, fn(usize) -> String); 5] = [
        ("fields", 1_000, |number| format!("{number:x}=1")),
        ("fields that begin alike", 1_000, |number| {
            format!("{}{number:x}=1", "a".repeat(1_000))
        }),
        ("values of one field", 1_000, |number| {
            format!("a={}{number:x}", "a".repeat(1_000))
        }),
        ("fields that are escaped", 1_000, |number| {
            format!("{}{number:x}=1", "%61".repeat(300))
        }),
        ("empty fields", 1_000, |_| String::new()),
    ];
    for (name, limit, field) in cases {
        grows(&format!("Twilio: {name}"), limit, |fields| {
            let sent = Sent::of(form(fields, field))
                .with("x-twilio-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
                .with("content-type", "application/x-www-form-urlencoded");
            let twilio = twilio.clone();
            Box::new(move || {
                assert_eq!(
                    twilio.verify_payload(&sent.message()).err(),
                    Some(NotAuthentic::SignatureMismatch)
                )
            })
        });
        grows(&format!("Mandrill: {name}"), limit, |fields| {
            let sent =
                Sent::of(form(fields, field)).with("x-mandrill-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
            let mandrill = mandrill.clone();
            Box::new(move || {
                assert_eq!(
                    mandrill.verify_payload(&sent.message()).err(),
                    Some(NotAuthentic::SignatureMismatch)
                )
            })
        });
    }
    grows("Mandrill: too many fields", BODY, |bytes| {
        let sent = Sent::of("&".repeat(bytes)).with("x-mandrill-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        let mandrill = mandrill.clone();
        Box::new(move || {
            assert_eq!(
                mandrill.verify_payload(&sent.message()).err(),
                Some(NotAuthentic::MalformedBody)
            )
        })
    });
    let braintree = Scheme::braintree();
    let braintree = HmacVerifier::new(braintree.clone(), keys(&braintree));
    grows("Braintree: signatures", 1_500, |count| {
        let pairs = vec!["a|0"; count]
            .join("&")
            .replace('&', "%26")
            .replace('|', "%7C");
        let sent = Sent::of(format!("bt_signature={pairs}&bt_payload=a%0A"));
        let braintree = braintree.clone();
        Box::new(move || assert!(braintree.verify_payload(&sent.message()).is_err()))
    });
}

#[test]
fn bodies_that_are_hashed() {
    // Raw, and again with what is beyond ASCII escaped.
    let cases = [
        ("GitHub", Scheme::github(), "x-hub-signature-256", "sha256="),
        ("Meta", Scheme::meta(), "x-hub-signature-256", "sha256="),
    ];
    for (name, scheme, field, prefix) in cases {
        let verifier = HmacVerifier::new(scheme.clone(), keys(&scheme));
        grows(&format!("{name}: beyond ASCII"), BODY, move |bytes| {
            let sent = Sent::of("ä".repeat(bytes / 2)).with(field, &format!("{prefix}{}", "0".repeat(64)));
            let verifier = verifier.clone();
            Box::new(move || {
                assert_eq!(
                    verifier.verify_payload(&sent.message()).err(),
                    Some(NotAuthentic::SignatureMismatch)
                )
            })
        });
    }
    let hubspot =
        HubSpotLegacy::version_1(acme(), &Secret::new("It's a Secret to Everybody")).expect("a secret");
    grows("HubSpot", BODY, |bytes| {
        let sent = Sent::of("a".repeat(bytes)).with("x-hubspot-signature", &"0".repeat(64));
        let hubspot = hubspot.clone();
        Box::new(move || {
            assert_eq!(
                hubspot.recognize(&sent.message()).err(),
                Some(NotAuthentic::SignatureMismatch)
            )
        })
    });
    let none = |_: &str| Err(NoKey::Unavailable);
    let ebay = EbayVerifier::new(acme(), none, &[&Sha1]).expect("an algorithm");
    for (name, member) in [("members", 0), ("a long key", 1)] {
        grows(&format!("eBay: {name}"), 5_000, |bytes| {
            use base64::Engine as _;
            let json = match member {
                0 => format!(
                    "{{{}}}",
                    (0..bytes / 8)
                        .map(|number| format!("\"{}\":0", short_name(number)))
                        .collect::<Vec<_>>()
                        .join(",")
                ),
                _ => format!(
                    r#"{{"alg":"ecdsa","digest":"SHA1","signature":"AAAA","kid":"{}"}}"#,
                    "a".repeat(bytes)
                ),
            };
            let sent = Sent::of("{}").with(
                "x-ebay-signature",
                &base64::engine::general_purpose::STANDARD.encode(json),
            );
            let ebay = ebay.clone();
            Box::new(move || {
                let refused = ebay
                    .verify_payload(&sent.message())
                    .map(drop)
                    .map_err(|forged| forged.code());
                assert_eq!(refused, Err("payload.malformed_signature"));
            })
        });
    }
}

/// No provider of rustls has ECDSA with SHA-1; this one verifies nothing.
#[derive(Debug)]
struct Sha1;

impl SignatureVerificationAlgorithm for Sha1 {
    fn verify_signature(
        &self,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<(), rustls::pki_types::InvalidSignature> {
        Err(rustls::pki_types::InvalidSignature)
    }

    fn public_key_alg_id(&self) -> rustls::pki_types::AlgorithmIdentifier {
        rustls::pki_types::alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> rustls::pki_types::AlgorithmIdentifier {
        rustls::pki_types::AlgorithmIdentifier::from_slice(&[
            0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01,
        ])
    }
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
