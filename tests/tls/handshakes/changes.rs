//! What a change of policy reaches.

mod parts;

use std::sync::Arc;

use countersign::live::Live;
use countersign::refusal::Refusal;
use countersign::testing::{NOW, TestCa, utc};
use countersign::tls::allow_resumption;
use countersign::trust::{PinSet, Untrusted, VerifyPeer as _};
use countersign::web::Connection;
use proptest::prelude::*;

use super::{acme, address, connected, leaf_key, policy, tenant};
use crate::stage::*;
use parts::{CHANGES, Parts, Running};

#[test]
fn a_change_of_any_part_reaches_the_next_request_and_no_session_outlives_it() {
    for (case, change, refusal) in CHANGES {
        let (mut parts, cert) = Parts::new();
        let running = Running::new(&parts);
        let open = connected(&cert);
        assert_eq!(tenant(&open, &running.policy, NOW), acme(), "{case}, before");

        let mut config = server_config(running.policy.trust(), &Clock::at(NOW));
        allow_resumption(&mut config, &running.policy);
        let server = Arc::new(config);
        let clients = VERSIONS.map(|version| client(&cert, version));
        for client in &clients {
            assert!(meet(&server, client).is_full(), "{case}, before");
            assert!(meet(&server, client).handshake.resumed(), "{case}, before");
        }

        let before = running.policy.generation();
        change(&running, &mut parts, &cert);
        assert!(running.policy.generation() > before, "{case}");

        let expected = match refusal {
            Some(refusal) => Err(refusal(&cert)),
            None => acme(),
        };
        assert_eq!(tenant(&open, &running.policy, NOW), expected, "{case}");
        for client in &clients {
            let again = meet(&server, client);
            assert!(!again.handshake.resumed(), "{case}: {:?}", again.handshake);
            match &expected {
                Err(Refusal::Untrusted(untrusted)) => {
                    assert_eq!(again.reason.as_ref(), Some(untrusted), "{case}")
                }
                _ => assert!(again.is_full(), "{case}: {again:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed, in whatever order: each change has a higher number than all before it, and an open
    /// connection gives the same answer as a new one under a policy made from scratch.
    #[test]
    fn any_sequence_of_changes_is_seen_at_once(order in proptest::collection::vec(0..CHANGES.len(), 1..6)) {
        let (mut parts, cert) = Parts::new();
        let running = Running::new(&parts);
        let open = connected(&cert);
        prop_assert_eq!(tenant(&open, &running.policy, NOW), acme());
        for place in order {
            let (case, change, _) = CHANGES[place];
            if parts.anchors.len() == 1 && case.contains("anchor removed") {
                continue;
            }
            let before = running.policy.generation();
            change(&running, &mut parts, &cert);
            prop_assert!(running.policy.generation() > before, "{}", case);
            let scratch = Running::new(&parts);
            prop_assert_eq!(
                tenant(&open, &running.policy, NOW),
                tenant(&connected(&cert), &scratch.policy, NOW),
                "{}", case
            );
        }
    }
}

#[test]
fn a_reader_never_sees_half_of_a_change() {
    let (one, two) = (TestCa::new("One"), TestCa::new("Two"));
    let (by_one, by_two) = (one.client(ACME).issue(), two.client(ACME).issue());
    let pins = |cert| PinSet::new([leaf_key(cert)]);
    // Anchor and pin change together: no moment lets a certificate in by one and the pin of the other.
    let both = Live::new(private(&[&one]).and(pins(&by_one)));
    let policy = policy(both.clone());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..2_000 {
                let (ca, cert) = if round % 2 == 0 {
                    (&two, &by_two)
                } else {
                    (&one, &by_one)
                };
                both.replace(private(&[ca]).and(pins(cert)));
            }
        });
        let open = [connected(&by_one), connected(&by_two)];
        while !writer.is_finished() {
            for connection in &open {
                let answer = tenant(connection, &policy, NOW);
                let refused = matches!(&answer, Err(Refusal::Untrusted(Untrusted::UnknownIssuer)));
                assert!(refused || answer == acme(), "{answer:?}");
            }
        }
    });
    // Once it is quiet, the answers are those of the last policy.
    assert_eq!(tenant(&connected(&by_one), &policy, NOW), acme());
    assert_eq!(
        tenant(&connected(&by_two), &policy, NOW),
        Err(Untrusted::UnknownIssuer.into())
    );
}

#[test]
fn an_open_connection_is_asked_about_time_and_about_the_door() {
    let root = TestCa::new("Root");
    let cert = root
        .client(ACME)
        .validity(utc(2025, 1, 1), utc(2026, 6, 1))
        .issue();
    let door = policy(private(&[&root]));
    let open = connected(&cert);
    let late = seconds(utc(2026, 6, 1), 1);
    let expired = Untrusted::Expired {
        not_after: utc(2026, 6, 1),
        now: late,
    };
    assert_eq!(tenant(&open, &door, NOW), acme());
    assert_eq!(tenant(&open, &door, utc(2026, 6, 1)), acme());
    assert_eq!(tenant(&open, &door, late), Err(expired.into()));
    // And again, should the clock have been wrong.
    assert_eq!(tenant(&open, &door, NOW), acme());
    // Another door does not take this one's word, though neither has ever changed.
    let other = policy(private(&[&TestCa::new("Other")]));
    assert_eq!(door.generation(), other.generation());
    assert_eq!(tenant(&open, &other, NOW), Err(Untrusted::UnknownIssuer.into()));
    assert_eq!(tenant(&open, &door, NOW), acme());
    // Who showed nothing is nobody at every door.
    for nothing in [None, Some(&[][..])] {
        let anonymous = Connection::new(address(), nothing).expect("a connection");
        assert_eq!(tenant(&anonymous, &door, NOW), Err(Refusal::NoCertificate));
    }
}
