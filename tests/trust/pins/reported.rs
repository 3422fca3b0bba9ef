//! Report only: what would be refused is told, and let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use countersign::expiry::{Expiries, Kind};
use countersign::identity::{ChainLimits, Validity};
use countersign::testing::{NOT_AFTER, NOT_BEFORE, NOW, TestCa, utc};
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::trust::{
    Evidence, Pin, PinSet, Presented, ReportOnly, SecondCheck, Untrusted, VerifiedPeer, VerifyPeer,
};

use super::{cast, key_of, leaf_of, not_pinned, spki};
use crate::stage::*;

#[test]
fn report_only_reports_and_lets_in_and_trusts_nobody_alone() {
    let cast = cast();
    let pins = PinSet::new([spki(b"other")]);
    let trust = private(&[&cast.root]).and(ReportOnly::new(pins.clone()));
    let evidence = verify(&trust, &cast.cert).expect("let in");
    assert_eq!(evidence.reported, Some(Box::new(not_pinned(&cast.cert))));
    assert_eq!(evidence.pin, None);
    assert_eq!(evidence.anchor, Some(key_of(&cast.root)));
    assert_eq!(evidence.valid, Validity::new(NOT_BEFORE, NOT_AFTER));

    let matching = PinSet::of([Pin::leaf(leaf_of(&cast.cert)).retiring(utc(2026, 6, 1))]);
    let trust = private(&[&cast.root]).and(ReportOnly::new(matching));
    let evidence = verify(&trust, &cast.cert).expect("let in");
    assert_eq!(evidence.reported, None);
    // What only reports does not shorten anything.
    assert_eq!(evidence.valid, Validity::new(NOT_BEFORE, NOT_AFTER));

    assert_eq!(
        verify(&ReportOnly::new(PinSet::new([leaf_of(&cast.cert)])), &cast.cert),
        Err(Untrusted::NothingBefore)
    );
    assert_eq!(
        verify(&ReportOnly::new(pins).and(private(&[&cast.root])), &cast.cert),
        Err(Untrusted::NothingBefore)
    );
    // What came before must still agree.
    let other = private(&[&TestCa::new("Other")]).and(ReportOnly::new(PinSet::default()));
    assert_eq!(verify(&other, &cast.cert), Err(Untrusted::UnknownIssuer));
}

/// A verifier with a past, limits and demands of its own.
#[derive(Debug, Default, Clone)]
struct Inner {
    confirmed: Arc<AtomicUsize>,
}

fn narrow() -> ChainLimits {
    let mut limits = ChainLimits::default();
    limits.certificates = 3;
    limits
}

impl VerifyPeer for Inner {
    fn verify_peer(&self, _: &Presented<'_>) -> Result<Evidence, Untrusted> {
        let mut evidence = Evidence::new(Validity::ALWAYS);
        evidence.second_checks.push(SecondCheck::UrlSecret);
        evidence.shared_authority = true;
        Ok(evidence)
    }

    fn generation(&self) -> u64 {
        7
    }

    fn limits(&self) -> ChainLimits {
        narrow()
    }

    fn confirm(&self, _: &VerifiedPeer, _: UnixTime) {
        self.confirmed.fetch_add(1, Relaxed);
    }

    fn expiries(&self, found: &mut Expiries) {
        found.add(Kind::Crl, "a list", Validity::new(NOT_BEFORE, NOT_AFTER));
    }
}

#[test]
fn report_only_demands_nothing_and_hands_on_the_rest() {
    let cast = cast();
    let inner = Inner::default();
    let dry = ReportOnly::new(inner.clone());
    assert_eq!((dry.generation(), dry.limits()), (7, narrow()));
    let trust = private(&[&cast.root]).and(dry);
    let peer = peer_at(&trust, &cast.cert, NOW).expect("let in");
    let evidence = peer.evidence();
    assert_eq!(
        (evidence.second_checks.as_slice(), evidence.shared_authority),
        (&[][..], false)
    );
    trust.confirm(&peer, NOW);
    let mut found = Expiries::default();
    trust.expiries(&mut found);
    assert!(found.sorted().iter().any(|expiry| expiry.name() == "a list"));
    assert_eq!(inner.confirmed.load(Relaxed), 1);
}
