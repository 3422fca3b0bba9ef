//! Bodies that are read before their signature is.

use countersign::payload::providers::presets::Make;
use countersign::payload::providers::{
    AdyenVerifier, EbayVerifier, HubSpotLegacy, SnsVerifier, TwilioVerifier, presets,
};
use countersign::payload::token::{TokenScheme, TokenVerifier};
use countersign::payload::{HmacVerifier, NoKey, NotAuthentic, Scheme, Secret, VerifyPayload as _};
use rustls::pki_types::SignatureVerificationAlgorithm;

use super::{BODY, Sent, acme, algorithms, keys, origin};
use crate::{grows, short_name};

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
