//! Report only: what would be refused is told, and let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use countersign::expiry::{Expiries, Kind};
use countersign::gate::Policy;
use countersign::identity::{ChainLimits, Validity};
use countersign::tenant::TenantTable;
use countersign::testing::{NOT_AFTER, NOT_BEFORE, NOW, TestCa, utc};
use countersign::tls::rustls::pki_types::UnixTime;
use countersign::trust::{
    Crls, Evidence, Pin, PinSet, Presented, ReportOnly, Revocation, Role, SecondCheck, Untrusted,
    VerifiedPeer, VerifyPeer,
};
use countersign::web::Connection;

use super::{Cast, cast, key_of, leaf_of, not_pinned, spki};
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

/// A dry run whose answer changes, when that is, and what is reported before and from then on.
type Changing = (
    &'static str,
    Box<dyn VerifyPeer>,
    UnixTime,
    [Option<Untrusted>; 2],
);

fn changing(cast: &Cast) -> Vec<Changing> {
    let end = seconds(NOW, 30 * 86_400);
    let after = seconds(end, 1);
    let leaf = || Pin::leaf(leaf_of(&cast.cert));
    let retiring = || PinSet::of([leaf().retiring(end)]);
    let list = |issuer: &TestCa| issuer.crl(1).next_update(end).issue().pem();
    let lists = list(&cast.issuing) + &list(&cast.root);
    let lists = Crls::from_pem(lists.as_bytes(), NOW).expect("lists");
    let required = with_revocation(&cast.root, Revocation::required(lists));
    let out_of_date = Untrusted::CrlExpired {
        next_update: end,
        now: after,
    };
    let over = Untrusted::Expired {
        not_after: end,
        now: after,
    };
    let too_young = Untrusted::NotYetValid {
        not_before: after,
        now: NOW,
    };
    let (not_pinned, behind) = (not_pinned(&cast.cert), PinSet::new([leaf_of(&cast.cert)]));
    #[rustfmt::skip]
    let table: Vec<Changing> = vec![
        ("a pin that retires", Box::new(ReportOnly::new(retiring())), after, [None, Some(not_pinned.clone())]),
        ("lists that run out", Box::new(ReportOnly::new(required)), after, [None, Some(out_of_date)]),
        ("of two, the second", Box::new(ReportOnly::new(PinSet::of([leaf()]).and(retiring()))), after, [None, Some(not_pinned.clone())]),
        ("a dry run of a dry run", Box::new(ReportOnly::new(PinSet::of([leaf()]).and(ReportOnly::new(retiring())))), after, [None, Some(not_pinned.clone())]),
        ("before another", Box::new(ReportOnly::new(retiring()).and(behind)), after, [None, Some(not_pinned)]),
        ("evidence that says itself until when it holds", Box::new(ReportOnly::new(Until(end))), after, [None, Some(over)]),
        ("what begins later", Box::new(ReportOnly::new(Later { begins: after })), after, [Some(too_young), None]),
    ];
    table
}

/// Says for how long its evidence holds, and leaves it to others to ask.
#[derive(Debug)]
struct Until(UnixTime);

impl VerifyPeer for Until {
    fn verify_peer(&self, _: &Presented<'_>) -> Result<Evidence, Untrusted> {
        Ok(Evidence::new(Validity::new(NOT_BEFORE, self.0)))
    }
}

/// Trusts everybody from a time on.
#[derive(Debug)]
struct Later {
    begins: UnixTime,
}

impl VerifyPeer for Later {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        if peer.now < self.begins {
            return Err(Untrusted::NotYetValid {
                not_before: self.begins,
                now: peer.now,
            });
        }
        Ok(Evidence::new(Validity::ALWAYS))
    }
}

/// By memory of a handshake, and on a connection that stays open.
#[test]
fn what_was_reported_counts_for_as_long_as_it_would_be_again() {
    let cast = cast();
    for (case, dry, change, [before, after]) in changing(&cast) {
        let tenants = TenantTable::builder().uri("spiffe://acme.example/tenant/{tenant}");
        let tenants = tenants.known(["acme"]).build().expect("a table");
        let policy = Policy::new(private(&[&cast.root]).and(dry), tenants);
        let trust = policy.trust();
        let address = ([192, 0, 2, 1], 4711).into();
        let open = Connection::new(address, Some(&cast.cert.chain())).expect("a chain");
        let reported = |evidence: &Evidence| evidence.reported.as_deref().cloned();
        let on_it = |now| {
            let caller = open.identify(&policy, now);
            reported(caller.expect("let in").peer().evidence())
        };
        let by_memory = |now| reported(&verify_at(&trust, &cast.cert, now).expect("let in"));
        let certificates = cast.cert.chain();
        let remembered = |now| {
            let recall = trust.memory().expect("a memory");
            recall.peer(Role::Client, certificates.iter(), now).is_some()
        };
        let peer = peer_at(&trust, &cast.cert, NOW).expect("let in");
        assert_eq!(
            peer.evidence().valid,
            Validity::new(NOT_BEFORE, NOT_AFTER),
            "{case}"
        );
        trust.memory().expect("a memory").keep(Role::Client, peer, NOW);
        let last = seconds(change, -1);
        assert_eq!(
            [remembered(NOW), remembered(last), remembered(change)],
            [true, true, false],
            "{case}"
        );
        for (now, expected) in [(NOW, &before), (change, &after)] {
            assert_eq!(&by_memory(now), expected, "{case}, by memory");
            assert_eq!(&on_it(now), expected, "{case}, on an open connection");
        }
    }
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
