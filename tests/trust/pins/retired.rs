//! Pins that retire, labels, and pins without a backup.

use countersign::identity::{CertHash, Validity};
use countersign::testing::{KeyAlgorithm, NOT_AFTER, NOT_BEFORE, NOW, TestKey, utc};
use countersign::trust::{Pin, PinSet, VerifyPeer as _};
use countersign::usage::Retirement;

use super::{cast, key_of, leaf_of, not_pinned, spki};
use crate::stage::*;

#[test]
fn a_pin_retires_to_the_second() {
    let cast = cast();
    let at = utc(2026, 6, 1);
    for pin in [
        Pin::leaf(leaf_of(&cast.cert)),
        Pin::issuer(key_of(&cast.issuing)),
        Pin::anchor(key_of(&cast.root)),
        Pin::certificate(CertHash::of(cast.cert.leaf())),
    ] {
        let trust = cast.with(pin.retiring(at));
        let evidence = verify(&trust, &cast.cert).expect("trusted");
        assert_eq!(evidence.valid.not_after, at);
        assert_eq!(verify_at(&trust, &cast.cert, at).map(|_| ()), Ok(()));
        assert_eq!(
            verify_at(&trust, &cast.cert, seconds(at, 1)),
            Err(not_pinned(&cast.cert))
        );
    }
    // One pin retires, another one carries on.
    let both = PinSet::of([
        Pin::leaf(leaf_of(&cast.cert)).retiring(at),
        Pin::anchor(key_of(&cast.root)),
    ]);
    let trust = private(&[&cast.root]).and(both);
    let evidence = verify_at(&trust, &cast.cert, seconds(at, 1)).expect("trusted");
    assert_eq!(evidence.pin, Some(Pin::anchor(key_of(&cast.root))));
    assert_eq!(evidence.valid, Validity::new(NOT_BEFORE, NOT_AFTER));
    // A retirement after the certificate's end does not prolong it.
    let trust = cast.with(Pin::leaf(leaf_of(&cast.cert)).retiring(utc(2150, 1, 1)));
    assert_eq!(
        verify(&trust, &cast.cert).expect("trusted").valid.not_after,
        NOT_AFTER
    );
}

#[test]
fn the_next_key_is_pinned_before_it_is_used() {
    let cast = cast();
    let next = TestKey::generate(KeyAlgorithm::Ed25519);
    let pins = PinSet::of([
        Pin::leaf(leaf_of(&cast.cert)).labelled("acme"),
        Pin::leaf(spki(&next.spki_der())).labelled("acme"),
    ]);
    let trust = private(&[&cast.root]).and(pins);
    let rotated = cast.issuing.client(ACME).with_key(&next).issue();
    for cert in [&cast.cert, &rotated] {
        let evidence = verify(&trust, cert).expect("trusted");
        let pin = evidence.pin.expect("a pin");
        assert_eq!(pin.label(), Some("acme"));
        assert_eq!(pin.to_string(), format!("leaf {} label=acme", leaf_of(cert)));
    }
}

#[test]
fn a_label_without_a_backup_is_reported() {
    let at = utc(2026, 6, 1);
    let pin = |name: &str| Pin::leaf(spki(name.as_bytes()));
    let pins = PinSet::of([
        pin("a1").labelled("acme"),
        pin("a2").labelled("acme").retiring(at),
        pin("b1").labelled("bolt"),
        pin("c1").labelled("core").retiring(at),
        pin("d1").labelled("dune"),
        pin("d2").labelled("dune"),
        pin("none"),
    ]);
    let warnings = |now| {
        let warnings = pins.without_backup(now).into_iter();
        warnings
            .map(|warning| (warning.label, warning.pins))
            .collect::<Vec<_>>()
    };
    let some = |label: &str, pins| (Some(label.to_owned()), pins);
    assert_eq!(warnings(at), [(None, 1), some("bolt", 1), some("core", 1)]);
    assert_eq!(
        warnings(seconds(at, 1)),
        [(None, 1), some("acme", 1), some("bolt", 1), some("core", 0)]
    );
    assert_eq!(PinSet::default().without_backup(NOW), []);
    assert_eq!(pins.len(), 7);
    // The same key twice in one place is one pin; the later terms count.
    let twice = PinSet::of([pin("a").labelled("old"), pin("a").labelled("new")]);
    assert_eq!(twice.len(), 1);
    assert_eq!(warnings_of(&twice), [(Some("new".to_owned()), 1)]);
}

fn warnings_of(pins: &PinSet) -> Vec<(Option<String>, usize)> {
    let warnings = pins.without_backup(NOW).into_iter();
    warnings.map(|warning| (warning.label, warning.pins)).collect()
}

/// What is known of the others' use goes on: by it, the next of them is let go, or not.
#[test]
fn a_pin_that_is_retired_takes_only_its_own_history_along() {
    let cast = cast();
    let (old, new) = (Pin::leaf(spki(b"old")), Pin::leaf(leaf_of(&cast.cert)));
    let uses = |pins: &PinSet| {
        let mut all: Vec<_> = pins
            .usage()
            .map(|(pin, usage)| (pin == new, usage.uses))
            .collect();
        all.sort_unstable();
        all
    };
    let both = PinSet::of([old.clone(), new.clone()]);
    let peer = peer_at(&private(&[&cast.root]).and(both.clone()), &cast.cert, NOW).expect("trusted");
    both.confirm(&peer, NOW);
    assert_eq!(uses(&both), [(false, 0), (true, 1)]);
    let left = both.retire(&old, Retirement::forced(), NOW).expect("forced");
    assert_eq!(uses(&left), [(true, 1)]);
    // Read anew, from a file for one; and once for itself, which changes nothing.
    let anew = || PinSet::of([new.clone(), old.clone()]);
    assert_eq!(uses(&anew().with_history_of(&both)), [(false, 0), (true, 1)]);
    assert_eq!(
        uses(&both.clone().with_history_of(&both)),
        [(false, 0), (true, 1)]
    );
    let back = left
        .retire(&new, Retirement::forced(), NOW)
        .expect("forced")
        .stage([new.clone()]);
    assert_eq!(uses(&back), [(true, 0)], "what comes back begins anew");
}
