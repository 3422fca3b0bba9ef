//! Known senders: the anchors that are theirs, their names, and what else must be verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::identity::{CertHash, Name, PeerChain, SpkiHash};
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::trust::{ExpectedPeers, KnownSender, PinSet, Profile, SecondCheck, SharedCa, Untrusted};

use crate::stage::*;

const G2: &str = "CB3CCBB76031E5E0138F8DD39A23F9DE47FFC35E43C1144CEA27D46A5AB1CB5F";
const G3: &str = "31AD6648F8104138C738F39EA4320133393E3A18CC02296EF97C2AC9EF6731D0";
const SSL_COM: &str = "85666A562EE0BE5CE925C1D8890A6F76A87EC16D4D7D5F29EA7419CF20123B69";
const ISRG_X1: &str = "96BCEC06264976F37460779ACF28C5A7CFE8A3C0AAE11A8FFCEE05C0BDDF08C6";

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A root that browsers ship, by its fingerprint.
fn root(fingerprint: &str) -> String {
    let hash = CertHash::parse(fingerprint).expect("a fingerprint");
    let mut roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    pem(roots.find(|der| CertHash::of(der) == hash).expect("a root"))
}

fn pin_of(cert: &TestCert) -> SpkiHash {
    let chain = PeerChain::parse(cert.chain()).expect("a chain");
    chain.leaf().spki()
}

fn trusted(sender: &KnownSender, anchors: &str) -> Result<(), String> {
    let built = sender.trust(anchors.as_bytes(), algorithms(), NOW);
    built.map(|_| ()).map_err(|invalid| invalid.to_string())
}

fn other_anchor(sender: &KnownSender, anchors: &str) -> String {
    let der = STANDARD.decode(
        anchors
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect::<String>(),
    );
    format!(
        "certificate authorities from the PEM text given: the certificate {} is not known as an anchor of {}; give that of {}, \
         or ask for another by `trust_other_anchors`, after comparing it with the sender's own documentation",
        CertHash::of(&der.expect("base64")),
        sender.name(),
        sender.authority(),
    )
}

/// Those whose authority is not one's own: who they are, which anchors are theirs, their name, what else to verify.
fn others() -> Vec<(KnownSender, &'static [&'static str], &'static str, SecondCheck)> {
    let docusign = KnownSender::docusign(["connect.docusign.example"]).expect("a name");
    let signature = SecondCheck::Signature;
    let reference = SecondCheck::Body("transactionReference");
    vec![
        (
            KnownSender::pagerduty(),
            &[G2],
            "webhooks.pagerduty.com",
            signature("pagerduty"),
        ),
        (
            KnownSender::pagerduty_eu(),
            &[G2],
            "webhooks.eu.pagerduty.com",
            signature("pagerduty"),
        ),
        (
            KnownSender::slack(),
            &[G2, G3],
            "platform-tls-client.slack.com",
            signature("slack"),
        ),
        (
            KnownSender::dialogflow_es(),
            &[SSL_COM],
            "Google LLC",
            SecondCheck::IdentityToken,
        ),
        (docusign, &[G2], "connect.docusign.example", signature("docusign")),
        (
            KnownSender::meta(),
            &[],
            "client.webhooks.fbclientcerts.com",
            signature("meta"),
        ),
        (
            KnownSender::worldpay(),
            &[],
            "Payment Status Event Sender",
            reference,
        ),
        (
            KnownSender::worldpay_try(),
            &[],
            "Payment Status Event Sender (secure-test)",
            reference,
        ),
    ]
}

#[test]
fn a_sender_takes_its_own_anchor_and_refuses_another_file() {
    let private = TestCa::new("DigiCert Global Root G2").pem();
    for (sender, own, ..) in others() {
        for known in [G2, G3, SSL_COM, ISRG_X1] {
            let anchors = root(known);
            let expected = if own.contains(&known) {
                Ok(())
            } else {
                Err(other_anchor(&sender, &anchors))
            };
            assert_eq!(trusted(&sender, &anchors), expected, "{} {known}", sender.name());
        }
        assert_eq!(
            trusted(&sender, &private),
            Err(other_anchor(&sender, &private)),
            "{}",
            sender.name()
        );
        // Each certificate of a file is an anchor, so one that is known does not vouch for the next.
        if let Some(known) = own.first() {
            let both = format!("{}{private}", root(known));
            assert_eq!(
                trusted(&sender, &both),
                Err(other_anchor(&sender, &private)),
                "{}",
                sender.name()
            );
        }
    }
}

#[test]
fn a_sender_is_its_name_below_other_anchors_too() {
    let ca = TestCa::new("Successor");
    for (sender, _, name, _) in others() {
        let anchors = ca.pem();
        let trust = sender.trust_other_anchors(anchors.as_bytes(), Profile::strict(), algorithms(), NOW);
        let trust = trust.expect("anchors");
        let named = |text: &str| match sender.names() {
            [Name::Dns(_)] => ca.client("x.example").without_san().dns(text),
            _ => ca.client("x.example").without_san().common_name(text),
        };
        let no = Err(Untrusted::UnexpectedName);
        assert_eq!(
            verify(&*trust, &named(name).issue()).map(|_| ()),
            Ok(()),
            "{name}"
        );
        assert_eq!(
            verify(&*trust, &named("webhooks.example").issue()).map(|_| ()),
            no,
            "{name}"
        );
    }
}

#[test]
fn a_sender_says_its_second_check_and_what_it_leaves_open() {
    for (sender, _, _, expected) in others() {
        assert_eq!(sender.second_check(), expected, "{}", sender.name());
        assert!(
            sender.does_not_prove().len() > 10 && sender.changes().len() > 10,
            "{}",
            sender.name()
        );
        assert_eq!(sender.as_of(), "2026-11", "{}", sender.name());
    }
    for own in [KnownSender::adobe_sign(), KnownSender::my_certificate()] {
        assert_eq!(own.second_check(), SecondCheck::Nothing, "{}", own.name());
        let (private, public) = (TestCa::new("Own").pem(), root(G2));
        assert_eq!(trusted(&own, &private), Ok(()), "{}", own.name());
        let refused = trusted(&own, &public).expect_err("a public root");
        assert!(
            refused.contains("is a public authority, which issues to anybody"),
            "{refused}"
        );
    }
}

/// A payment provider that also signs its customers' certificates.
#[test]
fn a_shared_authority_needs_names_or_pins() {
    let ca = TestCa::new("Payment Provider");
    let (sender, customer) = (
        ca.client("hooks.psp.example").issue(),
        ca.client("mallory.example").issue(),
    );
    for nobody in [ExpectedPeers::names([]), ExpectedPeers::pins(PinSet::default())] {
        let refused = SharedCa::new(private(&[&ca]), nobody)
            .map(|_| ())
            .map_err(|invalid| invalid.to_string());
        let expected = "certificate authorities from shared authorities: an authority that issues to others as well proves \
                        nothing about who it is; give exact names or pins of the senders";
        assert_eq!(refused, Err(expected.to_owned()));
    }
    let leaf = pin_of(&sender);
    let (by_pin, by_name) = (
        SharedCa::new(private(&[&ca]), ExpectedPeers::pins(PinSet::new([leaf]))).expect("somebody"),
        SharedCa::new(
            private(&[&ca]),
            ExpectedPeers::host_names(["hooks.psp.example"]).expect("a name"),
        )
        .expect("somebody"),
    );
    let named = ca
        .client("x.example")
        .without_san()
        .common_name("hooks.psp.example")
        .issue();
    assert_eq!(verify(&by_pin, &sender).map(|_| ()), Ok(()));
    assert_eq!(
        verify(&by_pin, &customer).map(|_| ()),
        Err(Untrusted::NotPinned {
            spki: pin_of(&customer)
        })
    );
    assert_eq!(verify(&by_name, &sender).map(|_| ()), Ok(()));
    assert_eq!(verify(&by_name, &named).map(|_| ()), Ok(()));
    assert_eq!(
        verify(&by_name, &customer).map(|_| ()),
        Err(Untrusted::UnexpectedName)
    );
    let stranger = TestCa::new("Payment Provider")
        .client("hooks.psp.example")
        .issue();
    let refused = verify(&by_name, &stranger).map(|_| ());
    assert_eq!(
        refused,
        Err(Untrusted::Signature),
        "of another authority of the same name"
    );
}
