//! What is resumed.

use std::sync::Arc;
use std::time::Duration;

use countersign::gate::Policy;
use countersign::live::Live;
use countersign::testing::{NOW, TestCa};
use countersign::tls::rustls::server::{ProducesTickets, ServerSessionMemoryCache};
use countersign::tls::rustls::{AlertDescription, ServerConfig};
use countersign::tls::{Binding, BoundSessions, BoundTickets, allow_resumption, disable_resumption, rustls};
use countersign::trust::Untrusted;

use super::policy;
use crate::stage::*;

/// A server that resumes by tickets, the way of [`allow_resumption`] by sessions.
fn by_tickets(config: &mut ServerConfig, policy: &Policy) {
    let tickets = rustls::crypto::aws_lc_rs::Ticketer::new().expect("a ticketer");
    let binding = Binding::new(policy).with_time_provider(config.time_provider.clone());
    config.ticketer = Arc::new(BoundTickets::new(tickets, binding));
    config.send_tls13_tickets = 2;
}

#[test]
fn what_is_resumed_is_bound_to_the_policy_as_it_was() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    for (case, resume) in [
        ("sessions", allow_resumption as fn(&mut ServerConfig, &Policy)),
        ("tickets", by_tickets),
    ] {
        for version in VERSIONS {
            let live = Live::new(private(&[&root]));
            let policy = policy(live.clone());
            let mut config = server_config(policy.trust(), &Clock::at(NOW));
            resume(&mut config, &policy);
            assert_eq!(config.max_early_data_size, 0);
            let (server, client) = (Arc::new(config), client(&cert, version));
            assert!(meet(&server, &client).is_full(), "{case}");
            for _ in 0..3 {
                let again = meet(&server, &client);
                assert!(again.handshake.resumed(), "{case}: {:?}", again.handshake);
                let seen = again.handshake.server.expect("connected");
                assert_eq!(seen.peer_certificates(), Some(&cert.chain()[..]));
            }
            // The same policy, published again: a full handshake, and then sessions of the new one.
            live.replace(private(&[&root]));
            assert!(meet(&server, &client).is_full(), "{case}");
            assert!(meet(&server, &client).handshake.resumed(), "{case}");
            live.replace(private(&[&TestCa::new("Other")]));
            let refused = meet(&server, &client);
            assert_eq!(refused.reason, Some(Untrusted::UnknownIssuer), "{case}");
            assert_eq!(refused.alert(), Some(AlertDescription::UnknownCA), "{case}");
        }
    }
}

#[test]
fn a_shared_store_keeps_policies_apart() {
    let (one, two) = (TestCa::new("One"), TestCa::new("Two"));
    let cert = one.client(ACME).issue();
    let sessions = ServerSessionMemoryCache::new(64);
    let tickets = rustls::crypto::aws_lc_rs::Ticketer::new().expect("a ticketer");
    let door = |ca: &TestCa, ticketed: bool| {
        let policy = policy(private(&[ca]));
        let mut config = server_config(policy.trust(), &Clock::at(NOW));
        config.send_tls13_tickets = 2;
        let binding = Binding::new(&policy).with_time_provider(Clock::at(NOW));
        if ticketed {
            config.ticketer = Arc::new(BoundTickets::new(tickets.clone(), binding));
        } else {
            config.session_storage = Arc::new(BoundSessions::new(sessions.clone(), binding));
        }
        Arc::new(config)
    };
    for ticketed in [false, true] {
        let (front, back) = (door(&one, ticketed), door(&two, ticketed));
        for version in VERSIONS {
            let client = client(&cert, version);
            assert!(meet(&front, &client).is_full());
            assert!(meet(&front, &client).handshake.resumed());
            let elsewhere = meet(&back, &client);
            assert_eq!(elsewhere.reason, Some(Untrusted::UnknownIssuer), "{ticketed}");
        }
    }
}

/// Each has a lineage and a clock of its own, so a session of one is none of the other, though their policy is the same.
#[test]
fn a_shared_store_keeps_bindings_of_one_policy_apart() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    let sessions = ServerSessionMemoryCache::new(64);
    let tickets = rustls::crypto::aws_lc_rs::Ticketer::new().expect("a ticketer");
    let door = |ticketed: bool, binding: Binding| {
        let mut config = server_config(policy.trust(), &Clock::at(NOW));
        config.send_tls13_tickets = 2;
        if ticketed {
            config.ticketer = Arc::new(BoundTickets::new(tickets.clone(), binding));
        } else {
            config.session_storage = Arc::new(BoundSessions::new(sessions.clone(), binding));
        }
        Arc::new(config)
    };
    let binding = || Binding::new(&policy).with_time_provider(Clock::at(NOW));
    for ticketed in [false, true] {
        for version in VERSIONS {
            let own = binding();
            let (front, beside) = (door(ticketed, own.clone()), door(ticketed, own));
            let other = door(ticketed, binding());
            let shown = || client(&cert, version);
            let (to_beside, to_other) = (shown(), shown());
            assert!(meet(&front, &to_beside).is_full());
            assert!(
                meet(&beside, &to_beside).handshake.resumed(),
                "a clone of it, {ticketed}"
            );
            assert!(meet(&front, &to_other).is_full());
            assert!(meet(&other, &to_other).is_full(), "another one, {ticketed}");
        }
    }
}

/// Lasts for as long as it is told, and encrypts nothing.
#[derive(Debug)]
struct Lasting(u32);

impl ProducesTickets for Lasting {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.0
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some(plain.to_vec())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        Some(cipher.to_vec())
    }
}

#[test]
fn a_ticket_does_not_promise_more_than_its_lineage() {
    let policy = policy(private(&[&TestCa::new("Root")]));
    let within = |seconds| Binding::new(&policy).with_max_lineage(Duration::from_secs(seconds));
    for (case, inner, binding, expected) in [
        ("an hour", 43_200, Binding::new(&policy), 3600),
        ("less than an hour", 600, Binding::new(&policy), 600),
        ("a short lineage", 43_200, within(60), 60),
        ("a long lineage", 43_200, within(86_400), 43_200),
        ("an endless one", u32::MAX, within(u64::MAX), u32::MAX),
        ("none", 43_200, within(0), 0),
    ] {
        let tickets = BoundTickets::new(Arc::new(Lasting(inner)), binding);
        assert_eq!(tickets.lifetime(), expected, "{case}");
    }
}

#[test]
fn resumption_is_off_unless_it_is_asked_for() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let plain = server(private(&[&root]));
    let mut switched = server_config(private(&[&root]), &Clock::at(NOW));
    switched.session_storage = ServerSessionMemoryCache::new(64);
    switched.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("a ticketer");
    switched.send_tls13_tickets = 4;
    switched.max_early_data_size = 1024;
    disable_resumption(&mut switched);
    for server in [plain, Arc::new(switched)] {
        assert_eq!(server.max_early_data_size, 0);
        assert!(!server.ticketer.enabled());
        for version in VERSIONS {
            let client = client(&cert, version);
            for _ in 0..3 {
                assert!(meet(&server, &client).is_full(), "{:?}", version.version);
            }
        }
    }
}
