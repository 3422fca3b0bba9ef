//! What is signed here is verified here, whatever the preset.

use countersign::payload::hmac::{Digest, KeyForm, KeySpec, PartialVerifier};
use countersign::payload::providers::presets;
use countersign::payload::providers::presets::Make;
use countersign::payload::{
    CannotSign, HmacSigner, HmacVerifier, Keyring, Message, Origin, Outgoing, Secret, SignPayload,
    VerifyPayload,
};
use countersign::tenant::TenantId;
use http::{Method, Uri};
use proptest::prelude::*;

use crate::vectors::{at, tenant};

/// A secret in the form that the keys have.
pub fn secret(spec: impl Into<KeySpec>, number: u8) -> String {
    let KeySpec::Secret { form, .. } = spec.into() else {
        panic!("a public key")
    };
    let raw: Vec<u8> = (0..32).map(|position| position * 7 + number).collect();
    match form {
        KeyForm::Hex => raw.iter().map(|byte| format!("{byte:02x}")).collect(),
        KeyForm::Base64 { prefix } => {
            use base64::Engine as _;
            format!(
                "{prefix}{}",
                base64::engine::general_purpose::STANDARD.encode(raw)
            )
        }
        _ => format!("secret number {number} of a test"),
    }
}

/// A ring of several keys of one tenant.
pub fn ring(spec: impl Into<KeySpec>, numbers: &[u8]) -> Keyring {
    let spec = spec.into();
    let builder = Keyring::builder(&spec);
    let keys = numbers.iter().fold(builder, |builder, number| {
        builder.key(
            TenantId::parse("acme").unwrap(),
            format!("key-{number}"),
            Secret::new(&secret(&spec, *number)),
        )
    });
    keys.build().expect("a ring")
}

pub fn origin() -> Origin {
    Origin::parse("https://hooks.example.com").expect("an origin")
}

/// A body of the kind that the preset takes.
pub fn body_for(preset: &str, text: &str, now: u64) -> Vec<u8> {
    match preset {
        "linear" => serde_json::json!({ "webhookTimestamp": now * 1000, "text": text })
            .to_string()
            .into_bytes(),
        "mailgun" => serde_json::json!({ "text": text }).to_string().into_bytes(),
        "mandrill" => format!("a={}&b=2", text.len()).into_bytes(),
        _ => text.as_bytes().to_vec(),
    }
}

/// Verified by the full path, or by the partial one.
enum Either {
    Full(HmacVerifier),
    Partial(PartialVerifier),
}

fn both(make: Make, signing: &[u8], verifying: &[u8]) -> Option<(HmacSigner, Either)> {
    Some(match make {
        Make::Hmac(make) => full(make(), signing, verifying),
        Make::HmacOfUrl(make) => full(make(&origin()), signing, verifying),
        Make::Partial(make) => {
            let spec = KeySpec::from(&make());
            let verifier = PartialVerifier::new(make(), ring(&spec, verifying));
            (
                HmacSigner::partial(make(), ring(&spec, signing)),
                Either::Partial(verifier),
            )
        }
        _ => return None,
    })
}

fn full(scheme: countersign::payload::Scheme, signing: &[u8], verifying: &[u8]) -> (HmacSigner, Either) {
    let spec = KeySpec::from(&scheme);
    let verifier = HmacVerifier::new(scheme.clone(), ring(&spec, verifying));
    (
        HmacSigner::new(scheme, ring(&spec, signing)),
        Either::Full(verifier),
    )
}

fn verdict(verifier: &Either, message: &Message<'_>) -> Result<String, &'static str> {
    match verifier {
        Either::Full(verifier) => match verifier.verify_payload(message) {
            Ok(authentic) => Ok(authentic.key().to_string()),
            Err(forged) => Err(forged.code()),
        },
        Either::Partial(verifier) => match verifier.recognize(message) {
            Ok(recognized) => Ok(recognized.key().to_string()),
            Err(forged) => Err(forged.code()),
        },
    }
}

fn target() -> (Method, Uri) {
    (Method::POST, Uri::from_static("/in/box?data.id=ABC123"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn what_is_signed_is_verified(text in "\\PC{0,60}", now in 1_000_000_000_u64..2_000_000_000) {
        let (method, uri) = target();
        let tenant = tenant();
        for preset in presets::all() {
            let Some((signer, verifier)) = both(preset.make, &[1], &[2, 1]) else { continue };
            let body = body_for(preset.name, &text, now);
            let outgoing = Outgoing::new(&tenant, "msg-1", &body, at(now)).with_request(&method, &uri);
            let (headers, body) = signer.sign_with_body(&outgoing).expect(preset.name);
            let message = Message::new(&method, &uri, &headers, &body, at(now));
            prop_assert_eq!(verdict(&verifier, &message), Ok("key-1".to_owned()), "{}", preset.name);
        }
    }
}

/// The others: each provider's own type, both halves of it.
mod types {
    use std::sync::{Arc, LazyLock};

    use countersign::payload::NoKey;
    use countersign::payload::providers::{
        AdyenVerifier, EbaySigner, EbayVerifier, HubSpotLegacy, PayPalSigner, PayPalVerifier, SnsSigner,
        SnsVerifier, TwilioVerifier,
    };
    use countersign::payload::public_key::{PublicKeyScheme, PublicKeySigner, PublicKeyVerifier, SignBytes};
    use countersign::testing::{KeyAlgorithm, NOW as ISSUED, TestCa, TestCert};
    use countersign::tls::RustlsKey;
    use rustls::SignatureScheme;

    use super::*;
    use crate::vectors::algorithms;

    const SECRET: &str = "a secret of no more than a test";
    const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:topic";
    const PAYPAL: &str = "https://api.paypal.com/v1/notifications/certs/CERT-1";
    const SNS: &str = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem";

    static CERTIFICATE: LazyLock<TestCert> = LazyLock::new(|| {
        let ca = TestCa::new("A public authority");
        ca.server("api.paypal.com")
            .key_algorithm(KeyAlgorithm::Rsa2048)
            .issue()
    });

    fn rsa_key() -> Arc<dyn SignBytes> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = provider.key_provider.load_private_key(CERTIFICATE.key());
        let key = RustlsKey::new(key.expect("a key"), SignatureScheme::RSA_PKCS1_SHA256);
        Arc::new(key.expect("RSA"))
    }

    fn certificates(url: &str) -> Result<rustls::pki_types::CertificateDer<'static>, NoKey> {
        assert!([PAYPAL, SNS].contains(&url), "{url}");
        Ok(CERTIFICATE.leaf().clone())
    }

    /// What is said of a message that was signed here, and of the same with another body.
    fn verdicts(
        (headers, body): (http::HeaderMap, Vec<u8>),
        now: u64,
        verify: impl Fn(&Message<'_>) -> Result<(), countersign::payload::NotAuthentic>,
    ) -> [Result<(), &'static str>; 2] {
        let (method, uri) = target();
        let mut other = body.clone();
        let last = other
            .iter()
            .rposition(u8::is_ascii_alphanumeric)
            .expect("some text");
        other[last] ^= 1;
        [body, other].map(|body| {
            let message = Message::new(&method, &uri, &headers, &body, at(now));
            verify(&message).map_err(|forged| forged.code())
        })
    }

    fn of_type(name: &str, text: &str, now: u64) -> Option<[Result<(), &'static str>; 2]> {
        let (method, uri) = target();
        let tenant = tenant();
        let bare = Outgoing::new(&tenant, "msg-1", text.as_bytes(), at(now));
        let outgoing = bare.with_request(&method, &uri);
        let whole = |headers| (headers, outgoing.body.to_vec());
        let hubspot = |hubspot: HubSpotLegacy| {
            let signed = whole(hubspot.sign_payload(&outgoing).expect("signed"));
            verdicts(signed, now, |message| hubspot.recognize(message).map(drop))
        };
        Some(match name {
            "hubspot_legacy" => {
                let [v1, v2] = [
                    HubSpotLegacy::version_1(tenant.clone(), &Secret::new(SECRET)),
                    HubSpotLegacy::version_2(tenant.clone(), &Secret::new(SECRET), &origin()),
                ];
                let verdicts = hubspot(v1.expect("a secret"));
                assert_eq!(hubspot(v2.expect("a secret")), verdicts);
                verdicts
            }
            "paypal" => {
                let signer = PayPalSigner::new(tenant.clone(), "1JE4291016473214C", PAYPAL, rsa_key());
                let verifier =
                    PayPalVerifier::new(tenant.clone(), "1JE4291016473214C", certificates, algorithms());
                let verifier = verifier.expect("RSA");
                let signed = whole(signer.sign_payload(&outgoing).expect("signed"));
                verdicts(signed, now, |message| verifier.recognize(message).map(drop))
            }
            "aws_sns" => {
                let signer = SnsSigner::new(tenant.clone(), TOPIC, SNS, rsa_key());
                let verifier = SnsVerifier::new(tenant.clone(), TOPIC, certificates, algorithms());
                let verifier = verifier.expect("RSA");
                let signed = (http::HeaderMap::new(), signer.sign(&outgoing).expect("signed"));
                verdicts(signed, now, |message| verifier.recognize(message).map(drop))
            }
            "ebay" => {
                use crate::ebay_key::EbayKey as Key;
                use crate::sha1::EcdsaSha1;
                let shown = Key::new(7).shown();
                let signer = EbaySigner::new(tenant.clone(), "key-1", Arc::new(Key::new(7)));
                let find = move |_: &str| Ok::<_, NoKey>(shown.clone());
                let verifier = EbayVerifier::new(tenant.clone(), find, &[&EcdsaSha1]).expect("provided");
                let signed = whole(signer.sign_payload(&outgoing).expect("signed"));
                verdicts(signed, now, |message| verifier.verify_payload(message).map(drop))
            }
            "twilio" => {
                let verifier = TwilioVerifier::new(origin(), ring(TwilioVerifier::KEYS, &[1]));
                let form = format!("Body=a{}", text.len());
                let outgoing =
                    Outgoing::new(&tenant, "msg-1", form.as_bytes(), at(now)).with_request(&method, &uri);
                let headers = verifier.sign_payload(&outgoing).expect("signed");
                let signed = (headers, form.clone().into_bytes());
                verdicts(signed, now, |message| verifier.verify_payload(message).map(drop))
            }
            "adyen" => {
                let verifier = AdyenVerifier::new(ring(AdyenVerifier::KEYS, &[1]));
                let item = serde_json::json!({ "merchantReference": text, "success": "true" });
                let batch = serde_json::json!({ "notificationItems": [{ "NotificationRequestItem": item }] });
                let batch = batch.to_string();
                let outgoing =
                    Outgoing::new(&tenant, "msg-1", batch.as_bytes(), at(now)).with_request(&method, &uri);
                let signed = (http::HeaderMap::new(), verifier.sign(&outgoing).expect("signed"));
                verdicts(signed, now, |message| verifier.recognize(message).map(drop))
            }
            _ => return None,
        })
    }

    /// Rightly signed, and to be confirmed elsewhere: whoever may publish must not make a receiver call out.
    #[test]
    fn a_signed_sns_confirmation_leads_to_sns_only() {
        use base64::Engine as _;
        let verifier = SnsVerifier::new(tenant(), TOPIC, certificates, algorithms()).expect("RSA");
        let now = ISSUED.as_secs();
        let (method, uri) = target();
        let verdict = |url: &str| {
            let fields = [
                ("Message", "You have chosen to subscribe"),
                ("MessageId", "165545c9-2a5c-472c-8df2-7ff2be2b3b1b"),
                ("SubscribeURL", url),
                ("Timestamp", "2026-11-23T12:00:00.000Z"),
                ("Token", "2336412f37f"),
                ("TopicArn", TOPIC),
                ("Type", "SubscriptionConfirmation"),
            ];
            let text: String = fields
                .iter()
                .map(|(name, value)| format!("{name}\n{value}\n"))
                .collect();
            let signature = rsa_key().sign_bytes(text.as_bytes()).expect("signed");
            let mut body: serde_json::Map<_, _> = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), serde_json::json!(value)))
                .collect();
            body.insert("SignatureVersion".into(), "2".into());
            body.insert("SigningCertURL".into(), SNS.into());
            let signature = base64::engine::general_purpose::STANDARD.encode(signature);
            body.insert("Signature".into(), signature.into());
            let body = serde_json::Value::from(body).to_string();
            let headers = http::HeaderMap::new();
            let message = Message::new(&method, &uri, &headers, body.as_bytes(), at(now));
            let recognized = verifier.recognize(&message);
            recognized
                .map(|sns| {
                    // Whoever has the URL can confirm.
                    let shown = format!("{sns:?}");
                    assert!(
                        !shown.contains("2336412f37f") && !shown.contains("You have"),
                        "{shown}"
                    );
                    sns.subscribe_url.is_some()
                })
                .map_err(|forged| forged.code())
        };
        let query = "?Action=ConfirmSubscription&Token=2336412f37f";
        for (host, expected) in [
            ("https://sns.us-east-1.amazonaws.com/", Ok(true)),
            (
                "https://sns.us-east-1.amazonaws.com.evil.example/",
                Err("payload.malformed_body"),
            ),
            (
                "https://evil.example/sns.us-east-1.amazonaws.com/",
                Err("payload.malformed_body"),
            ),
            (
                "http://sns.us-east-1.amazonaws.com/",
                Err("payload.malformed_body"),
            ),
            ("https://169.254.169.254/", Err("payload.malformed_body")),
        ] {
            assert_eq!(verdict(&format!("{host}{query}")), expected, "{host}");
        }
    }

    /// Twilio signs the form of a POST only: a GET with the same form would be signed as well, and is not Twilio's.
    #[test]
    fn twilio_signs_no_body_of_a_get() {
        let (method, uri) = target();
        let verifier = TwilioVerifier::new(origin(), ring(TwilioVerifier::KEYS, &[1]));
        let (tenant, form) = (tenant(), b"Body=a");
        let outgoing = Outgoing::new(&tenant, "msg-1", form, at(1)).with_request(&method, &uri);
        let headers = verifier.sign_payload(&outgoing).expect("signed");
        for (method, expected) in [(Method::POST, Ok(())), (Method::GET, Err("payload.denied"))] {
            let message = Message::new(&method, &uri, &headers, form, at(1));
            let verdict = verifier.verify_payload(&message).map(drop);
            assert_eq!(verdict.map_err(|forged| forged.code()), expected, "{method}");
        }
    }

    fn with_public_key(scheme: PublicKeyScheme, text: &str, now: u64) -> [Result<(), &'static str>; 2] {
        let (method, uri) = target();
        let tenant = tenant();
        let (private, shown) = crate::public_key::key_for(&scheme);
        let keys = Keyring::builder(&scheme)
            .key(TenantId::parse("acme").unwrap(), "1", Secret::new(&shown))
            .build()
            .expect("a ring");
        let outgoing = Outgoing::new(&tenant, "msg-1", text.as_bytes(), at(now)).with_request(&method, &uri);
        let signer = PublicKeySigner::new(scheme.clone(), tenant.clone(), private);
        let verifier = PublicKeyVerifier::new(scheme, keys, algorithms()).expect("provided");
        let signed = (
            signer.sign_payload(&outgoing).expect("signed"),
            text.as_bytes().to_vec(),
        );
        verdicts(signed, now, |message| verifier.verify_payload(message).map(drop))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        /// With the property above: every preset that signs at all, and no other body passes.
        #[test]
        fn every_preset_signs(text in "[a-z0-9]{1,40}", later in 0_u64..1_000_000) {
            let now = ISSUED.as_secs() + later;
            for preset in presets::all() {
                let verdicts = match preset.make {
                    Make::Hmac(_) | Make::HmacOfUrl(_) | Make::Partial(_) | Make::Token(_) => continue,
                    Make::PublicKey(make) => Some(with_public_key(make(), &text, now)),
                    _ => of_type(preset.name, &text, now),
                };
                let [right, wrong] = verdicts.expect(preset.name);
                prop_assert_eq!(right, Ok(()), "{}", preset.name);
                prop_assert!(
                    matches!(wrong, Err("payload.signature_mismatch" | "payload.malformed_body")),
                    "{}: {:?}", preset.name, wrong
                );
            }
        }
    }
}

/// During a rotation, receivers with either key accept, where the scheme carries several signatures.
#[test]
fn several_keys_sign_at_once() {
    let (method, uri) = target();
    let tenant = tenant();
    let mut several = Vec::new();
    for preset in presets::all() {
        let Some((signer, old)) = both(preset.make, &[1, 2], &[1]) else {
            continue;
        };
        let Some((_, new)) = both(preset.make, &[1, 2], &[2]) else {
            continue;
        };
        let body = body_for(preset.name, "{}", 1_790_000_000);
        let outgoing = Outgoing::new(&tenant, "msg-1", &body, at(1_790_000_000)).with_request(&method, &uri);
        let (headers, body) = signer.sign_with_body(&outgoing).expect(preset.name);
        let message = Message::new(&method, &uri, &headers, &body, at(1_790_000_000));
        assert_eq!(
            verdict(&new, &message),
            Ok("key-2".to_owned()),
            "{}: the newest signs",
            preset.name
        );
        if verdict(&old, &message).is_ok() {
            several.push(preset.name);
        }
    }
    for name in [
        "standard_webhooks",
        "svix",
        "stripe",
        "pagerduty",
        "docusign",
        "box_com",
        "recurly",
        "cronofy",
        "braintree",
    ] {
        assert!(
            several.contains(&name),
            "{name} carries several signatures: {several:?}"
        );
    }
}

#[test]
fn what_cannot_be_verified_is_not_signed() {
    let stranger = countersign::tenant::TenantId::parse("stranger").expect("a tenant");
    let acme = tenant();
    let spec = KeySpec::Secret {
        digest: Digest::Sha256,
        form: KeyForm::Utf8,
    };
    let scheme = countersign::payload::Scheme::standard_webhooks();
    let signer = HmacSigner::new(scheme.clone(), ring(KeySpec::from(&scheme), &[1]));
    let sha1 = KeySpec::Secret {
        digest: Digest::Sha1,
        form: KeyForm::Utf8,
    };
    let other = HmacSigner::new(countersign::payload::Scheme::github(), ring(sha1, &[1]));
    let braintree = HmacSigner::new(countersign::payload::Scheme::braintree(), ring(&spec, &[1]));
    let origin = countersign::payload::Origin::parse("https://hooks.example").unwrap();
    let square = HmacSigner::new(countersign::payload::Scheme::square(&origin), ring(&spec, &[1]));
    let mercado_pago = HmacSigner::partial(
        countersign::payload::hmac::PartialScheme::mercado_pago(),
        ring(&spec, &[1]),
    );
    let now = at(1_790_000_000);
    let no_key = CannotSign::NoKey(countersign::payload::NoKey::Unknown {
        sender: stranger.clone(),
    });
    let key = CannotSign::Key {
        reason: "a key of another scheme",
    };
    let long = "x".repeat(257);
    let cases = [
        (
            "a stranger",
            signer.sign_payload(&Outgoing::new(&stranger, "id", b"", now)),
            no_key,
        ),
        (
            "an empty id",
            signer.sign_payload(&Outgoing::new(&acme, "", b"", now)),
            CannotSign::Id,
        ),
        (
            "a separator",
            signer.sign_payload(&Outgoing::new(&acme, "a.b", b"", now)),
            CannotSign::Id,
        ),
        (
            "a line break",
            signer.sign_payload(&Outgoing::new(&acme, "a\nb", b"", now)),
            CannotSign::Id,
        ),
        (
            "a long id",
            signer.sign_payload(&Outgoing::new(&acme, &long, b"", now)),
            CannotSign::Id,
        ),
        (
            "a SHA-1 key for SHA-256",
            other.sign_payload(&Outgoing::new(&acme, "id", b"", now)),
            key,
        ),
        (
            "no header field",
            braintree.sign_payload(&Outgoing::new(&acme, "id", b"", now)),
            CannotSign::InBody,
        ),
        (
            "a target that nobody told",
            square.sign_payload(&Outgoing::new(&acme, "id", b"", now)),
            CannotSign::RequestNeeded,
        ),
        (
            "a parameter of it",
            mercado_pago.sign_payload(&Outgoing::new(&acme, "id", b"", now)),
            CannotSign::RequestNeeded,
        ),
    ];
    for (name, signed, expected) in cases {
        assert_eq!(signed, Err(expected), "{name}");
    }
}

/// A signer that tenants share, or that was chosen when the program started.
#[test]
fn a_shared_signer_signs_as_the_one_that_is_shared() {
    let scheme = countersign::payload::Scheme::standard_webhooks();
    let signer = HmacSigner::new(scheme.clone(), ring(&scheme, &[1]));
    let shared: std::sync::Arc<dyn SignPayload> = std::sync::Arc::new(signer.clone());
    let acme = tenant();
    let outgoing = Outgoing::new(&acme, "msg_1", b"{}", at(1_790_000_000));
    assert_eq!(signer.sign_payload(&outgoing), shared.sign_payload(&outgoing));
    assert!(shared.sign_payload(&outgoing).is_ok());
}
