//! Customers of an authority that issues to others as well: by name, and by pins in each place.

use countersign::identity::SpkiHash;
use countersign::testing::{NOW, TestCa, TestCert};
use countersign::trust::{ExpectedPeers, Pin, PinSet, PublicCa, SharedCa, Untrusted};

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
