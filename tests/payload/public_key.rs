//! Schemes with private keys: signed with rustls keys and with aws-lc-rs, verified through each provider.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::payload::hmac::{KeyProblem, Part, SignatureAt};
use countersign::payload::public_key::{
    PublicKeyAlgorithm, PublicKeyForm, PublicKeyScheme, PublicKeySigner, PublicKeyVerifier, SignBytes,
};
use countersign::payload::{
    CannotSign, Keyring, Message, NoKey, Outgoing, Scheme, Secret, SignPayload, VerifyPayload,
};
use countersign::tenant::TenantId;
use countersign::testing::{KeyAlgorithm, TestKey};
use countersign::tls::RustlsKey;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::SignatureScheme;

use crate::vectors::{at, published, tenant};

const NOW: u64 = 1_790_000_000;

/// A private key, the public one as the provider shows it, and how the key signs.
pub fn key_for(scheme: &PublicKeyScheme) -> (Arc<dyn SignBytes>, String) {
    let (algorithm, signs) = match scheme.name() {
        "wise" => (KeyAlgorithm::Rsa2048, SignatureScheme::RSA_PKCS1_SHA256),
        "sendgrid" => (KeyAlgorithm::EcdsaP256, SignatureScheme::ECDSA_NISTP256_SHA256),
        _ => (KeyAlgorithm::Ed25519, SignatureScheme::ED25519),
    };
    let key = TestKey::generate(algorithm);
    let spki = key.spki_der();
    let shown = match scheme.key_form() {
        PublicKeyForm::Hex => spki[spki.len() - 32..]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        PublicKeyForm::Base64 { prefix } => format!("{prefix}{}", STANDARD.encode(&spki[spki.len() - 32..])),
        PublicKeyForm::SpkiBase64 => STANDARD.encode(&spki),
        _ => format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&spki)
        ),
    };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let signing = provider
        .key_provider
        .load_private_key(key.private_key())
        .expect("a key");
    (
        Arc::new(RustlsKey::new(signing, signs).expect("of this kind")),
        shown,
    )
}

fn schemes() -> [PublicKeyScheme; 5] {
    [
        PublicKeyScheme::standard_webhooks_v1a(),
        PublicKeyScheme::discord(),
        PublicKeyScheme::telnyx(),
        PublicKeyScheme::sendgrid(),
        PublicKeyScheme::wise(),
    ]
}

#[test]
fn what_is_signed_is_verified_by_each_provider() {
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let acme = tenant();
    for scheme in schemes() {
        let (old, old_shown) = key_for(&scheme);
        let (new, new_shown) = key_for(&scheme);
        let signer = PublicKeySigner::new(scheme.clone(), tenant(), old).with_newer_key(new);
        let headers = signer
            .sign_payload(&Outgoing::new(&acme, "msg-1", b"{}", at(NOW)))
            .expect("signed");
        for provider in [
            rustls::crypto::aws_lc_rs::default_provider(),
            rustls::crypto::ring::default_provider(),
        ] {
            let keys = Keyring::builder(&scheme)
                .key(TenantId::parse("acme").unwrap(), "old", Secret::new(&old_shown))
                .key(TenantId::parse("acme").unwrap(), "new", Secret::new(&new_shown));
            let keys = keys.build().expect("keys");
            let all = provider.signature_verification_algorithms.all;
            let verifier = PublicKeyVerifier::new(scheme.clone(), keys, all).expect("supported");
            let check = |headers: &HeaderMap, body: &[u8]| {
                let message = Message::new(&method, &uri, headers, body, at(NOW));
                let authentic = verifier.verify_payload(&message);
                authentic
                    .map(|authentic| authentic.key().to_string())
                    .map_err(|forged| forged.code())
            };
            // Several signatures where the scheme carries them, and then the older key is found first.
            let expected = if scheme.name() == "standard_webhooks_v1a" {
                "old"
            } else {
                "new"
            };
            assert_eq!(
                check(&headers, b"{}"),
                Ok(expected.to_owned()),
                "{}",
                scheme.name()
            );
            assert_eq!(
                check(&headers, b"{ }"),
                Err("payload.signature_mismatch"),
                "{}",
                scheme.name()
            );
            assert_eq!(
                check(&HeaderMap::new(), b"{}"),
                Err("payload.missing_header"),
                "{}",
                scheme.name()
            );
        }
    }
}

#[test]
fn signatures_that_are_none_are_refused() {
    let scheme = PublicKeyScheme::standard_webhooks_v1a();
    let vectors = published();
    let vector = vectors
        .iter()
        .find(|vector| vector.preset == "standard_webhooks_v1a")
        .expect("a vector");
    let good = &vector.headers["webhook-signature"];
    let zeros = format!("v1a,{}", STANDARD.encode([0; 64]));
    let cases = [
        ("the good one", good.clone(), Ok("0".to_owned())),
        (
            "beside others",
            format!("v1,AAAA v1a,!! {good}"),
            Ok("0".to_owned()),
        ),
        ("zeros", zeros, Err("payload.signature_mismatch")),
        (
            "cut",
            good[..good.len() - 4].to_owned(),
            Err("payload.signature_mismatch"),
        ),
        ("empty", "v1a,".to_owned(), Err("payload.malformed_signature")),
        (
            "another version",
            good.replace("v1a", "v1"),
            Err("payload.malformed_signature"),
        ),
        (
            "long",
            format!("v1a,{}", "A".repeat(400)),
            Err("payload.malformed_signature"),
        ),
        (
            "many",
            [good.as_str(); 5].join(" "),
            Err("payload.too_many_signatures"),
        ),
    ];
    for (name, signature, expected) in cases {
        let mut headers = vector.header_map();
        headers.insert(
            "webhook-signature",
            HeaderValue::from_str(&signature).expect("a value"),
        );
        let verdict = vector.check_as(&headers, vector.body.as_bytes(), vector.now);
        assert_eq!(verdict, expected, "{name}");
    }
    assert_eq!(scheme.name(), "standard_webhooks_v1a");
}

#[test]
fn keys_of_another_kind_are_refused() {
    let ec = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let other_curve = TestKey::generate(KeyAlgorithm::EcdsaP384);
    let spki = |key: &TestKey| STANDARD.encode(key.spki_der());
    let sendgrid = PublicKeyScheme::sendgrid();
    let discord = PublicKeyScheme::discord();
    let wrong = |scheme: &PublicKeyScheme| {
        Some(KeyProblem::PublicKey {
            algorithm: scheme.algorithm(),
        })
    };
    let cases = [
        (&sendgrid, spki(&ec), None),
        (&sendgrid, spki(&other_curve), wrong(&sendgrid)),
        (&sendgrid, format!("{}AA==", spki(&ec)), wrong(&sendgrid)),
        (&sendgrid, String::new(), Some(KeyProblem::Empty)),
        (&discord, "00".repeat(32), None),
        (&discord, "00".repeat(31), wrong(&discord)),
        (&discord, "zz".repeat(32), wrong(&discord)),
    ];
    for (scheme, shown, expected) in cases {
        let built = Keyring::builder(scheme)
            .key(TenantId::parse("acme").unwrap(), "1", Secret::new(&shown))
            .build();
        assert_eq!(built.err().map(|invalid| invalid.problem), expected, "{shown}");
    }
}

#[test]
fn a_signer_signs_for_its_own_tenant() {
    let scheme = PublicKeyScheme::discord();
    let (key, _) = key_for(&scheme);
    let signer = PublicKeySigner::new(scheme, tenant(), key);
    let stranger = countersign::tenant::TenantId::parse("stranger").expect("a tenant");
    let refused = signer.sign_payload(&Outgoing::new(&stranger, "1", b"", at(NOW)));
    assert_eq!(
        refused,
        Err(CannotSign::NoKey(NoKey::Unknown {
            sender: stranger.clone()
        }))
    );
}

/// Signed by aws-lc-rs itself, as Telnyx does it: `{time}|{body}`.
#[test]
fn telnyx_as_aws_lc_signs_it() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
    let signature = STANDARD.encode(pair.sign(b"1790000000|{\"data\":1}"));
    let scheme = PublicKeyScheme::telnyx();
    let shown = STANDARD.encode(pair.public_key());
    let keys = Keyring::builder(&scheme)
        .key(TenantId::parse("acme").unwrap(), "1", Secret::new(&shown))
        .build()
        .expect("a key");
    let all = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let verifier = PublicKeyVerifier::new(scheme, keys, all).expect("supported");
    let mut headers = HeaderMap::new();
    headers.insert("telnyx-timestamp", HeaderValue::from_static("1790000000"));
    headers.insert(
        "telnyx-signature-ed25519",
        HeaderValue::from_str(&signature).expect("a value"),
    );
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let check = |now| {
        let message = Message::new(&method, &uri, &headers, b"{\"data\":1}", at(now));
        verifier
            .verify_payload(&message)
            .map(|_| ())
            .map_err(|forged| forged.code())
    };
    assert_eq!(check(NOW), Ok(()));
    assert_eq!(check(NOW + 301), Err("replay.stale"));
}

/// `openssl rsa -RSAPublicKey_out`: the same key, and only where a key of its type is wanted.
#[test]
fn an_rsa_key_may_be_shown_as_pkcs1() {
    let section = |der: &[u8]| {
        let text = STANDARD.encode(der);
        format!("-----BEGIN RSA PUBLIC KEY-----\n{text}\n-----END RSA PUBLIC KEY-----\n")
    };
    let wise = PublicKeyScheme::wise();
    let (signing, shown) = key_for(&wise);
    let spki = STANDARD
        .decode(shown.lines().nth(1).expect("a body"))
        .expect("base64");
    // 2048 bits: algorithm and header are 24 bytes.
    let pkcs1 = section(&spki[24..]);
    let keys = Keyring::builder(&wise)
        .key(TenantId::parse("acme").unwrap(), "k", Secret::new(&pkcs1))
        .build()
        .expect("keys");
    let (method, uri, acme) = (Method::POST, Uri::from_static("/"), tenant());
    let signer = PublicKeySigner::new(wise.clone(), tenant(), signing);
    let headers = signer
        .sign_payload(&Outgoing::new(&acme, "msg-1", b"{}", at(NOW)))
        .expect("signed");
    let all = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    let verifier = PublicKeyVerifier::new(wise.clone(), keys, all).expect("supported");
    let check = |body: &[u8]| {
        let message = Message::new(&method, &uri, &headers, body, at(NOW));
        verifier
            .verify_payload(&message)
            .map(drop)
            .map_err(|forged| forged.code())
    };
    assert_eq!(check(b"{}"), Ok(()));
    assert_eq!(check(b"{ }"), Err("payload.signature_mismatch"));

    let of_type = |algorithm| {
        let name = HeaderName::from_static("x-signature");
        let builder = Scheme::builder("acme")
            .signature(SignatureAt::Header {
                name,
                prefix: "".into(),
            })
            .signed([Part::Body]);
        PublicKeyScheme::new(builder, algorithm, PublicKeyForm::Pem).expect("a scheme")
    };
    // Two numbers, together as long as a key of Ed25519.
    let short = [&[0x30, 30, 2, 25, 1][..], &[7; 24], &[2, 1, 3]].concat();
    for (name, shown, scheme) in [
        ("cut", section(&spki[24..spki.len() - 1]), wise.clone()),
        ("more behind it", section(&[&spki[24..], &[0]].concat()), wise),
        ("not ECDSA", pkcs1, of_type(PublicKeyAlgorithm::EcdsaP256Sha256)),
        (
            "not Ed25519, and as long",
            section(&short),
            of_type(PublicKeyAlgorithm::Ed25519),
        ),
    ] {
        let built = Keyring::builder(&scheme)
            .key(TenantId::parse("acme").unwrap(), "1", Secret::new(&shown))
            .build();
        let algorithm = scheme.algorithm();
        let expected = Some(KeyProblem::PublicKey { algorithm });
        assert_eq!(built.err().map(|invalid| invalid.problem), expected, "{name}");
    }
}
