//! What is shown of proofs, keys and terms, for people: neither a secret nor a body, and each thing by its own name.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::expiry::{Expiry, Kind};
use countersign::explain::PayloadInquiry;
use countersign::identity::Validity;
use countersign::payload::token::TokenScheme;
use countersign::payload::{
    HmacSigner, HmacVerifier, Keyring, Message, Outgoing, Scheme, Secret, SignPayload as _,
    VerifyPayload as _,
};
use countersign::replay::{Claimed, Terms};
use countersign::testing::{NOW, TestCa};
use countersign::trust::{ExpectedPeers, PublicCa, SecondCheck, WebRoots};
use http::{Method, Uri};

use crate::vectors::{algorithms, at, tenant};

const SECRET: &str = "never to be shown 0123456789";
const BODY: &[u8] = br#"{"card":"4111"}"#;

fn is_discreet(shown: &str) -> bool {
    ![SECRET, "4111"].iter().any(|word| shown.contains(word))
}

#[test]
fn neither_a_secret_nor_a_body_is_shown() {
    let scheme = Scheme::github();
    let keys = Keyring::builder(&scheme).key(tenant(), "2026", Secret::new(SECRET));
    let keys = keys.build().expect("keys");
    let signer = HmacSigner::new(scheme.clone(), keys.clone());
    let owner = tenant();
    let outgoing = Outgoing::new(&owner, "1", BODY, at(1_790_000_000));
    let headers = signer.sign_payload(&outgoing).expect("signed");
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let message = Message::new(&method, &uri, &headers, BODY, at(1_790_000_000));
    let verifier = HmacVerifier::new(scheme.clone(), keys.clone());
    let authentic = verifier.verify_payload(&message).expect("good");
    let claim = authentic.claim(message.now, Terms::default());
    let shown = format!("{authentic:?}");
    assert!(
        shown.contains("acme") && shown.contains("2026") && is_discreet(&shown),
        "{shown}"
    );
    let fresh = authentic
        .settle(&Claimed::granted(&claim, 7))
        .expect("its own claim");
    assert_eq!(fresh.claimed().key(), claim.key);
    let inquiry = PayloadInquiry::new(scheme).key(tenant(), "2026", Secret::new(SECRET));
    let others = [
        format!("{fresh:?}"),
        format!("{inquiry:?}"),
        format!("{keys:?}"),
        format!("{verifier:?} {signer:?}"),
    ];
    assert!(others.iter().all(|shown| is_discreet(shown)), "{others:?}");
    assert!(
        others[1].contains("github") && others[1].contains("keys: 1"),
        "{}",
        others[1]
    );
}

#[test]
fn a_verifier_of_certificates_shows_whom_it_expects() {
    let ca = TestCa::new("Public");
    let peers = ExpectedPeers::host_names(["hooks.sender.example"]).expect("a name");
    let public = PublicCa::builder(peers, algorithms()).pem(ca.pem().as_bytes());
    let shown = format!("{:?}", public.build(NOW).expect("anchors"));
    assert!(
        shown.starts_with("PublicCa") && shown.contains("hooks.sender.example"),
        "{shown}"
    );
    assert!(format!("{:?}", WebRoots::new(algorithms())).starts_with("WebRoots"));
}

#[test]
fn each_second_check_is_named() {
    let checks = [
        (
            SecondCheck::Signature("stripe"),
            "a signature of the scheme stripe",
        ),
        (
            SecondCheck::IdentityToken("pubsub"),
            "an identity token of the scheme pubsub",
        ),
        (
            SecondCheck::Body("`key`"),
            "`key` of the body, looked up at the sender",
        ),
        (SecondCheck::UrlSecret, "a secret in the URL"),
        (
            SecondCheck::UrlSecretOrBody("`key`"),
            "a secret in the URL, or `key` of the body, looked up at the sender",
        ),
        (SecondCheck::Nothing, "nothing"),
    ];
    for (check, expected) in checks {
        assert_eq!(check.to_string(), expected);
    }
}

#[test]
fn a_token_scheme_says_in_which_field_its_secret_is() {
    let field = |scheme: &TokenScheme| scheme.header_field().map(|name| name.as_str().to_owned());
    assert_eq!(
        field(&TokenScheme::basic("own")).as_deref(),
        Some("authorization")
    );
    assert_eq!(field(&TokenScheme::url_path("own", "/hooks/", "/pix")), None);
}

/// Alerts are routed by these names, and people told by these words.
#[test]
fn each_kind_of_what_ends_has_a_name_and_a_remedy_of_its_own() {
    let names: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let expected = [
        "anchor",
        "crl",
        "key",
        "own_certificate",
        "peer_certificate",
        "pin",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    let remedies: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.remedy()).collect();
    assert_eq!(remedies.len(), Kind::ALL.len());
    let pin = Expiry::new(Kind::Pin, "next", Validity::new(at(0), at(1000))).owned_by("acme");
    assert_eq!(pin.to_string(), "pin next (acme) expires 1970-01-01T00:16:40Z");
    assert_eq!(pin.left(at(990)), Duration::from_secs(10));
    assert_eq!(pin.left(at(1001)), Duration::ZERO);
}
