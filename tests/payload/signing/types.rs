//! The others: each provider's own type, both halves of it.

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
