//! What is signed here is verified here, whatever the preset.

mod types;

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
