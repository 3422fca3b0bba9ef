//! Customers of an authority that issues to others as well: by name, and by pins in each place.

use std::sync::Arc;

use countersign::expiry::Expiries;
use countersign::identity::{ChainLimits, SpkiHash};
use countersign::testing::{NOT_AFTER, NOW, TestCa, TestCert, utc};
use countersign::trust::{
    ExpectedPeers, KnownSender, Pin, PinSet, PixBank, Profile, PublicCa, SharedCa, Untrusted, VerifyPeer,
};

use crate::stage::*;

fn key_of(cert: &TestCert) -> SpkiHash {
    SpkiHash::of(&cert.spki_der())
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
    let leaf = key_of(&sender);
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
            spki: key_of(&customer)
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

/// A pin of an issuer is looked for on the path that was found, and not in what a client stuffs into its chain.
#[test]
fn a_public_authority_is_narrowed_to_one_of_its_issuers() {
    let root = TestCa::new("Public Root");
    let [issuing, other] = ["Issuing 1", "Issuing 2"].map(|name| root.intermediate(name));
    let trust = |pin| {
        let peers = ExpectedPeers::pins(PinSet::of([pin]));
        let builder = PublicCa::builder(peers, algorithms()).pem(root.pem().as_bytes());
        builder.build(NOW).expect("anchors")
    };
    let [sender, stranger] = [&issuing, &other].map(|ca| ca.client("hooks.sender.example").issue());
    let hash = |ca: &TestCa| SpkiHash::of(&ca.spki_der());
    for (pin, of_the_sender, of_the_stranger) in [
        (Pin::issuer(hash(&issuing)), true, false),
        (Pin::anchor(hash(&root)), true, true),
        (Pin::anchor(hash(&issuing)), false, false),
        (Pin::leaf(key_of(&sender)), true, false),
    ] {
        let trust = trust(pin.clone());
        for (cert, expected) in [(&sender, of_the_sender), (&stranger, of_the_stranger)] {
            let expected = match expected {
                true => Ok(Some(pin.clone())),
                false => Err(Untrusted::NotPinned { spki: key_of(cert) }),
            };
            let pinned = verify(&trust, cert).map(|evidence| evidence.pin);
            assert_eq!(pinned, expected, "{pin:?}");
        }
    }
}

/// Who changes a pin or an anchor has to know which is in use, and what ends when; and a handshake, how much it may read.
#[test]
fn what_such_an_authority_rests_on_is_counted_and_told() {
    let root = TestCa::new("Authority");
    let sender = root.client("hooks.sender.example").issue();
    let (pin, retires) = (Pin::leaf(key_of(&sender)), utc(2030, 1, 1));
    let pins = || PinSet::of([pin.clone().labelled("sender").retiring(retires)]);
    let mut limits = ChainLimits::default();
    limits.certificates = 3;
    let profile = || Profile::strict().with_limits(limits);
    let pem = root.pem();
    let public = |peers| {
        let builder = PublicCa::builder(peers, algorithms()).pem(pem.as_bytes());
        Arc::new(builder.with_profile(profile()).build(NOW).expect("anchors")) as Arc<dyn VerifyPeer>
    };
    let shared = |peers| {
        let authorities = with_profile(&root, profile());
        Arc::new(SharedCa::new(authorities, peers).expect("somebody")) as Arc<dyn VerifyPeer>
    };
    let known = |peers| {
        let sender = KnownSender::pix(PixBank::Efi, peers);
        let trust = sender.trust_other_anchors(pem.as_bytes(), profile(), algorithms(), NOW);
        trust.expect("anchors")
    };
    type Build<'a> = &'a dyn Fn(ExpectedPeers) -> Arc<dyn VerifyPeer>;
    let kinds: [(&str, Build<'_>); 3] = [("public", &public), ("shared", &shared), ("known", &known)];
    for (kind, build) in kinds {
        let pins = pins();
        let trust = build(ExpectedPeers::pins(pins.clone()));
        assert_eq!(trust.limits(), limits, "{kind}");
        let uses = || pins.usage().map(|(_, usage)| usage.uses).collect::<Vec<_>>();
        let peer = peer_at(&*trust, &sender, NOW).expect("trusted");
        assert_eq!(uses(), [0], "{kind}: a certificate is public");
        trust.confirm(&peer, NOW);
        assert_eq!(uses(), [1], "{kind}");
        let mut found = Expiries::default();
        trust.expiries(&mut found);
        let ends = found.sorted().into_iter();
        let mut ends: Vec<_> = ends.map(|one| (one.name().to_owned(), one.not_after())).collect();
        ends.sort();
        let expected = [
            ("CN=Authority".to_owned(), NOT_AFTER),
            ("sender".to_owned(), retires),
        ];
        assert_eq!(ends, expected, "{kind}");
    }
}
