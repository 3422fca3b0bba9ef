//! R5: sessions that are made of sessions, and end with what the first one rested on.

use std::sync::Arc;
use std::time::Duration;

use countersign::gate::Policy;
use countersign::testing::{NOW, TestCa, utc};
use countersign::tls::rustls::AlertDescription::{CertificateExpired, UnknownCA};
use countersign::tls::rustls::ServerConfig;
use countersign::tls::{Binding, BoundTickets, allow_resumption_within, rustls};
use countersign::trust::{Revocation, Untrusted};

use super::{caller, crls, door, policy, resuming};
use crate::stage::*;

/// RFC 8446 §4.6.1, HAProxy 9f1d59099: a session renewed from hop to hop outlives the certificate.
#[test]
fn r5_a_lineage_of_sessions_ends_with_the_certificate() {
    let root = TestCa::new("Root");
    let end = seconds(NOW, 3_600);
    let cert = root.client(ACME).validity(utc(2025, 1, 1), end).issue();
    for version in VERSIONS {
        let clock = Clock::at(NOW);
        let policy = policy(private(&[&root]));
        let server = resuming(&policy, &clock);
        let client = client(&cert, version);
        assert!(meet(&server, &client).is_full());
        for minute in 1..=60 {
            clock.set(seconds(NOW, minute * 60));
            let hop = meet(&server, &client);
            assert!(hop.handshake.resumed());
            let connected = hop.handshake.server.expect("connected");
            let caller = caller(&connected, &policy, clock.now()).map(|caller| caller.tenant().to_string());
            assert_eq!(caller, Ok("acme".to_owned()), "minute {minute}");
        }
        for days in [0, 1, 37] {
            let now = seconds(end, 1 + days * 86_400);
            clock.set(now);
            let late = meet(&server, &client);
            assert_eq!(late.reason, Some(Untrusted::Expired { not_after: end, now }));
            assert_eq!(late.alert(), Some(CertificateExpired), "day {days}");
        }
        // By default there is no session to outlive anything.
        let server = Arc::new(door(&policy, &clock));
        let late = meet(&server, &client);
        assert_eq!(late.alert(), Some(CertificateExpired));
    }
}

/// How a door keeps its sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sessions {
    Stored,
    Tickets,
}

/// A door whose lineages of sessions last no longer than that.
fn resuming_within(
    max: Duration,
    sessions: Sessions,
    policy: &Policy,
    clock: &Arc<Clock>,
) -> Arc<ServerConfig> {
    let mut config = door(policy, clock);
    allow_resumption_within(&mut config, policy, max);
    if sessions == Sessions::Tickets {
        let binding = Binding::new(policy)
            .with_max_lineage(max)
            .with_time_provider(clock.clone());
        let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("a ticketer");
        config.ticketer = Arc::new(BoundTickets::new(ticketer, binding));
    }
    Arc::new(config)
}

const MINUTE: i64 = 60;

/// RFC 8446 §4.6.1: from hop to hop, a session would last for as long as the certificate.
#[test]
fn r5_a_lineage_of_sessions_ends_after_the_longest_time_allowed() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    for version in VERSIONS {
        for sessions in [Sessions::Stored, Sessions::Tickets] {
            let clock = Clock::at(NOW);
            let server = resuming_within(Duration::from_secs(3_600), sessions, &policy, &clock);
            for lineage in 0..2 {
                let client = client(&cert, version);
                let began = seconds(NOW, lineage * 61 * MINUTE);
                clock.set(began);
                assert!(meet(&server, &client).is_full(), "{version:?} {sessions:?}");
                for minutes in 1..=6 {
                    clock.set(seconds(began, minutes * 10 * MINUTE));
                    let hop = meet(&server, &client);
                    assert!(hop.handshake.resumed(), "{version:?} {sessions:?} {minutes}0");
                }
                clock.set(seconds(began, 60 * MINUTE + 1));
                let after = meet(&server, &without_resumption(&client));
                assert!(after.is_full());
                // The newest session of the lineage, seconds old.
                let after = meet(&server, &client);
                assert!(after.is_full(), "{version:?} {sessions:?} lineage {lineage}");
            }
            // A clock that was set back makes no session younger.
            let client = client(&cert, version);
            assert!(meet(&server, &client).is_full());
            clock.set(NOW);
            assert!(meet(&server, &client).is_full(), "{version:?} {sessions:?}");
        }
    }
}

/// Many machines of a sender show one certificate: each session has a lineage of its own.
#[test]
fn r5_nobody_prolongs_the_lineage_of_another() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    for version in VERSIONS {
        for sessions in [Sessions::Stored, Sessions::Tickets] {
            let clock = Clock::at(NOW);
            let server = resuming_within(Duration::from_secs(3_600), sessions, &policy, &clock);
            let thief = client(&cert, version);
            let owner = without_resumption(&client(&cert, version));
            assert!(meet(&server, &thief).is_full());
            for minute in (10..=120).step_by(10) {
                clock.set(seconds(NOW, minute * MINUTE));
                assert!(meet(&server, &owner).is_full());
                let hop = meet(&server, &thief);
                // It has the key after all, so its next lineage begins here.
                let expected = minute != 70;
                assert_eq!(
                    hop.handshake.resumed(),
                    expected,
                    "{version:?} {sessions:?} {minute}"
                );
            }
        }
    }
}

/// Where nobody watches the handshake as a whole, the last proof of the certificate is what counts.
#[test]
fn r5_a_lineage_that_nobody_watches_ends_after_the_last_proof() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    for version in VERSIONS {
        for sessions in [Sessions::Stored, Sessions::Tickets] {
            let clock = Clock::at(NOW);
            let server = resuming_within(Duration::from_secs(3_600), sessions, &policy, &clock);
            let client = client(&cert, version);
            let meet = || countersign::testing::handshake(server.clone(), client.clone(), SERVER);
            assert!(!meet().resumed());
            for minute in (10..=60).step_by(10) {
                clock.set(seconds(NOW, minute * MINUTE));
                assert!(meet().resumed(), "{version:?} {sessions:?} {minute}");
            }
            clock.set(seconds(NOW, 60 * MINUTE + 1));
            assert!(!meet().resumed(), "{version:?} {sessions:?}");
        }
    }
}

/// A list of revocations goes out of date: nothing has changed, and the session is none any more.
#[test]
fn r5_a_session_ends_with_whatever_its_trust_rests_on() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let end = seconds(NOW, 600);
    let list = root.crl(1).next_update(end);
    let trust = with_revocation(&root, Revocation::required(crls([list])));
    let policy = policy(trust);
    for version in VERSIONS {
        let clock = Clock::at(NOW);
        let server = resuming(&policy, &clock);
        let client = client(&cert, version);
        assert!(meet(&server, &client).is_full());
        clock.set(end);
        assert!(meet(&server, &client).handshake.resumed());
        let now = seconds(end, 1);
        clock.set(now);
        let late = meet(&server, &client);
        assert_eq!(
            late.reason,
            Some(Untrusted::CrlExpired {
                next_update: end,
                now
            })
        );
        assert_eq!(late.alert(), Some(UnknownCA));
    }
}
