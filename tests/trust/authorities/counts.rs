//! What is counted of an anchor, and whose reason it is.

use std::sync::Arc;

use countersign::testing::{KeyAlgorithm, NOW, TestCa, TestCert, TestKey};
use countersign::tls::Reason;
use countersign::tls::rustls::AlertDescription::DecryptError;
use countersign::trust::{PinSet, PrivateCa, Untrusted, VerifyPeer};
use countersign::usage::{NotRetired, Retirement};

use super::{past, spki};
use crate::stage::*;

fn handshakes(trust: &PrivateCa) -> Vec<u64> {
    trust.usage().map(|usage| usage.handshakes.uses).collect()
}

#[test]
fn anchors_count_completed_handshakes_only() {
    let (old, new) = (TestCa::new("Old"), TestCa::new("New"));
    let trust = private(&[&old, &new]);
    let server = server(trust.clone());
    let (by_old, by_new) = (
        old.client(ACME).issue(),
        new.intermediate("I").client(ACME).issue(),
    );
    let thief = TestKey::generate(KeyAlgorithm::default());
    for version in VERSIONS {
        let before = handshakes(&trust);
        // Asked without a handshake, refused, and with a stolen certificate: nothing is counted.
        assert_eq!(verify(&trust, &by_old).map(|_| ()), Ok(()));
        meet(&server, &client(&old.client(ACME).expired().issue(), version));
        let stolen = meet(&server, &client_with(by_old.chain(), &thief, version));
        assert_eq!(stolen.alert(), Some(DecryptError));
        assert_eq!(handshakes(&trust), before);

        for (cert, expected) in [
            (&by_old, [before[0] + 1, before[1]]),
            (&by_new, [before[0] + 1, before[1] + 1]),
        ] {
            assert!(meet(&server, &client(cert, version)).is_full());
            assert_eq!(handshakes(&trust), expected);
        }
    }
    let usage: Vec<_> = trust.usage().collect();
    assert_eq!(usage[0].subject, "CN=Old");
    assert_eq!(usage[0].spki, spki(&old.spki_der()));
    assert_eq!(usage[1].validity.not_after, countersign::testing::NOT_AFTER);
}

#[test]
fn anchors_count_wherever_their_verifier_stands() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let pins = || PinSet::new([spki(&cert.spki_der())]);
    let trust = private(&[&root]);
    let places: Vec<(&str, Arc<dyn VerifyPeer>)> = vec![
        ("first", Arc::new(trust.clone().and(pins()))),
        ("second", Arc::new(pins().and(trust.clone()))),
        ("third", Arc::new(pins().and(pins().and(trust.clone())))),
    ];
    for (counted, (case, joined)) in (1..).zip(places) {
        assert!(meet(&server(joined), &client(&cert, VERSIONS[0])).is_full());
        assert_eq!(handshakes(&trust), [counted], "{case}");
    }
}

/// A certificate that is trusted as it stands is an anchor, too: it goes when its key is retired, and no other does.
#[test]
fn a_leaf_that_is_an_anchor_is_retired_by_its_key() {
    let [old, new] = ["Old", "New"].map(|_| TestCert::self_signed(ACME).issue());
    let root = TestCa::new("Root");
    let by_root = root.client(ACME).issue();
    let pem = [&old, &new].map(TestCert::chain_pem).concat();
    let all = builder(&[&root])
        .leaf_pem(pem.as_bytes())
        .build(NOW)
        .expect("anchors");
    let verdicts = |trust: &PrivateCa| [&old, &new, &by_root].map(|cert| verify(trust, cert).map(drop));
    let no = || Err(Untrusted::UnknownIssuer);
    assert_eq!(verdicts(&all), [Ok(()), Ok(()), Ok(())]);
    let retire = |trust: &PrivateCa, key: &[u8]| trust.retire(spki(key), Retirement::forced(), NOW);
    let without_old = retire(&all, &old.spki_der()).expect("forced");
    assert_eq!(verdicts(&without_old), [no(), Ok(()), Ok(())]);
    let without_root = retire(&without_old, &root.spki_der()).expect("forced");
    assert_eq!(verdicts(&without_root), [no(), Ok(()), no()]);
    let again = retire(&without_old, &old.spki_der()).map(|_| ());
    assert_eq!(again, Err(NotRetired::Unknown));
    let back = without_root.stage(&all);
    assert_eq!(
        verdicts(&back),
        [Ok(()), Ok(()), Ok(())],
        "staged, it is one again"
    );
}

/// Read anew from its file, an authority that is in use does not pass for one that nobody uses.
#[test]
fn counts_go_on_for_the_same_anchors() {
    let (kept, fresh) = (TestCa::new("Kept"), TestCa::new("Fresh"));
    let before = private(&[&kept]);
    let cert = kept.client(ACME).issue();
    assert!(meet(&server(before.clone()), &client(&cert, VERSIONS[0])).is_full());
    let after = private(&[&fresh, &kept]).with_history_of(&before);
    assert_eq!(handshakes(&after), [0, 1]);
}

#[test]
fn the_reason_is_that_of_the_connection_watched() {
    let root = TestCa::new("Root");
    let server = server(private(&[&root]));
    let bad = client(&root.client(ACME).expired().issue(), VERSIONS[0]);
    let good = client(&root.client(ACME).issue(), VERSIONS[0]);
    let ((), seen) = Reason::watch(|| {
        assert_eq!(meet(&server, &bad).reason, Some(past()));
        assert_eq!(meet(&server, &good).reason, None);
    });
    assert_eq!(seen.untrusted(), None);
}
