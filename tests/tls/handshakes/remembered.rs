//! What is remembered, and for how long.

use std::sync::Arc;

use countersign::identity::PeerChain;
use countersign::live::Live;
use countersign::testing::{NOW, TestCa, TestCert, TestKey, utc};
use countersign::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use countersign::trust::{
    Crls, Evidence, Pin, PinSet, Presented, Remembered, Revocation, Role, Untrusted, VerifiedPeer, VerifyPeer,
};

use super::leaf_key;
use crate::stage;
use crate::stage::*;

/// Whether `trust` remembers this, having been asked by a handshake's verifier.
fn remembers(
    trust: &dyn VerifyPeer,
    role: Role<'_>,
    chain: &[CertificateDer<'static>],
    now: UnixTime,
) -> bool {
    let recall = trust.memory().expect("a memory");
    recall.peer(role, chain.iter(), now).is_some()
}

/// Says yes to everything and counts how often it is asked.
#[derive(Debug, Default)]
struct Counting {
    asked: std::sync::atomic::AtomicUsize,
    confirmed: std::sync::atomic::AtomicUsize,
}

impl Counting {
    fn counts(&self) -> (usize, usize) {
        let load = |count: &std::sync::atomic::AtomicUsize| count.load(std::sync::atomic::Ordering::SeqCst);
        (load(&self.asked), load(&self.confirmed))
    }
}

impl VerifyPeer for Counting {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(Evidence::new(peer.chain.leaf().validity()))
    }

    fn confirm(&self, _: &VerifiedPeer, _: UnixTime) {
        self.confirmed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_known_chain_is_not_verified_again_and_still_counted() {
    let counting = Arc::new(Counting::default());
    let server = server(Remembered::new(counting.clone()));
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    for version in VERSIONS {
        let client = client(&cert, version);
        for _ in 0..2 {
            assert!(meet(&server, &client).is_full());
        }
    }
    assert_eq!(counting.counts(), (1, 4));
    assert!(meet(&server, &client(&root.client(ACME).issue(), VERSIONS[0])).is_full());
    assert_eq!(counting.counts(), (2, 5));
}

#[test]
fn only_the_very_same_question_is_remembered() {
    let root = TestCa::new("Root");
    let (a, b) = (root.intermediate("A"), root.intermediate("B"));
    let cert = a
        .client("hooks.example.com")
        .client_and_server()
        .issue()
        .with_chain(vec![a.certificate().clone(), b.certificate().clone()]);
    let trust = Arc::new(Remembered::new(private(&[&root])));
    assert!(meet(&server(trust.clone()), &client(&cert, VERSIONS[0])).is_full());

    let shown = cert.chain();
    let own = ServerName::try_from("hooks.example.com").expect("a name");
    assert!(remembers(&trust, Role::Client, &shown, NOW));
    assert!(!remembers(&trust, Role::Server { name: &own }, &shown, NOW));
    let mut swapped = shown.clone();
    swapped.swap(1, 2);
    let mut longer = shown.clone();
    longer.push(root.certificate().clone());
    let mut joined = shown[..1].to_vec();
    joined.push(CertificateDer::from(
        [shown[1].as_ref(), shown[2].as_ref()].concat(),
    ));
    let renewed = a.client("hooks.example.com").with_key(&cert).issue().chain();
    for (case, other) in [
        ("swapped", swapped),
        ("one more", longer),
        ("one less", shown[..2].to_vec()),
        ("only the leaf", shown[..1].to_vec()),
        ("two made one", joined),
        ("renewed", renewed),
        ("nothing", vec![]),
    ] {
        assert!(!remembers(&trust, Role::Client, &other, NOW), "{case}");
    }

    // The ends of certificates are where it is looked for; one byte before them is another certificate.
    for place in 0..shown.len() {
        let mut other = shown.clone();
        let mut bytes = other[place].to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        other[place] = bytes.into();
        assert!(!remembers(&trust, Role::Client, &other, NOW), "byte of {place}");
    }
}

#[test]
fn a_client_remembers_a_server_for_its_name_only() {
    let root = TestCa::new("Root");
    let cert = root.server("hooks.example.com").issue();
    let trust = Remembered::new(private(&[&root]));
    let name = |text: &'static str| ServerName::try_from(text).expect("a name");
    let own = name("hooks.example.com");
    let chain = PeerChain::parse(cert.chain()).expect("a chain");
    let peer = VerifiedPeer::verify(&trust, chain, Role::Server { name: &own }, NOW).expect("trusted");
    let recall = trust.memory().expect("a memory");
    recall.keep(Role::Server { name: &own }, peer, NOW);
    let shown = cert.chain();
    assert!(remembers(&trust, Role::Server { name: &own }, &shown, NOW));
    assert!(!remembers(&trust, Role::Client, &shown, NOW));
    for other in ["other.example.com", "Hooks.example.com", "hooks.example.co"] {
        let other = name(other);
        assert!(!remembers(&trust, Role::Server { name: &other }, &shown, NOW));
    }
}

#[test]
fn memory_ends_with_the_first_member_that_does() {
    let from = utc(2025, 1, 1);
    let dates: [(&str, u8); 4] = [("leaf", 0), ("intermediate", 1), ("anchor", 2), ("list", 3)];
    for (case, which) in dates {
        let until = |place: u8| {
            if place == which {
                utc(2026, 6, 1)
            } else {
                utc(2030, 1, 1)
            }
        };
        let root = TestCa::builder("Root").validity(from, until(2)).issue();
        let issuing = root
            .intermediate_builder("Issuing")
            .validity(from, until(1))
            .issue();
        let cert = issuing.client(ACME).validity(from, until(0)).issue();
        let lists = [&root, &issuing].map(|ca| ca.crl(1).next_update(until(3)).issue().der().clone());
        let crls = Crls::from_der(lists, NOW).expect("lists");
        let trust = Arc::new(Remembered::new(with_revocation(
            &root,
            Revocation::required(crls),
        )));
        assert!(meet(&server(trust.clone()), &client(&cert, VERSIONS[0])).is_full());
        assert!(
            remembers(&trust, Role::Client, &cert.chain(), utc(2026, 6, 1)),
            "{case}"
        );
        let late = seconds(utc(2026, 6, 1), 1);
        assert!(!remembers(&trust, Role::Client, &cert.chain(), late), "{case}");
        assert!(!remembers(
            &trust,
            Role::Client,
            &cert.chain(),
            seconds(from, -400 * 86_400)
        ));
        let answer = verify_at(&trust, &cert, late).map(|_| ());
        let expected = match case {
            "list" => Untrusted::CrlExpired {
                next_update: utc(2026, 6, 1),
                now: late,
            },
            _ => Untrusted::Expired {
                not_after: utc(2026, 6, 1),
                now: late,
            },
        };
        assert_eq!(answer, Err(expected), "{case}");
    }
    // And with a pin's retirement.
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let pins = PinSet::of([Pin::leaf(leaf_key(&cert)).retiring(utc(2026, 6, 1))]);
    let trust = Arc::new(Remembered::new(private(&[&root]).and(pins)));
    assert!(meet(&server(trust.clone()), &client(&cert, VERSIONS[0])).is_full());
    assert!(remembers(&trust, Role::Client, &cert.chain(), utc(2026, 6, 1)));
    assert!(!remembers(
        &trust,
        Role::Client,
        &cert.chain(),
        seconds(utc(2026, 6, 1), 1)
    ));
}

#[test]
fn memory_ends_with_the_policy_that_it_is_of() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let live = Live::new(private(&[&root]));
    let trust = Arc::new(Remembered::new(live.clone()));
    let server = server(trust.clone());
    assert!(meet(&server, &client(&cert, VERSIONS[0])).is_full());
    assert!(remembers(&trust, Role::Client, &cert.chain(), NOW));
    // Even by the same policy, published again.
    live.replace(private(&[&root]));
    assert!(!remembers(&trust, Role::Client, &cert.chain(), NOW));
    assert!(meet(&server, &client(&cert, VERSIONS[0])).is_full());
    assert!(remembers(&trust, Role::Client, &cert.chain(), NOW));
    live.replace(private(&[&TestCa::new("Other")]));
    let outcome = meet(&server, &client(&cert, VERSIONS[0]));
    assert_eq!(outcome.reason, Some(Untrusted::UnknownIssuer));
    assert!(!remembers(&trust, Role::Client, &cert.chain(), NOW));

    // A memory inside what is replaced goes with it.
    let live = Live::new(Remembered::new(private(&[&root])));
    let server = stage::server(live.clone());
    assert!(meet(&server, &client(&cert, VERSIONS[0])).is_full());
    assert!(remembers(&live, Role::Client, &cert.chain(), NOW));
    live.replace(Remembered::new(private(&[&root])));
    assert!(!remembers(&live, Role::Client, &cert.chain(), NOW));

    // What was looked up before a change is kept under what it was looked up in.
    let live = Live::new(private(&[&root]));
    let trust = Remembered::new(live.clone());
    let recall = trust.memory().expect("a memory");
    let peer = peer_at(&trust, &cert, NOW).expect("trusted");
    live.replace(private(&[&TestCa::new("Other")]));
    recall.keep(Role::Client, peer, NOW);
    assert!(!remembers(&trust, Role::Client, &cert.chain(), NOW));
    assert_eq!(verify(&trust, &cert), Err(Untrusted::UnknownIssuer));
}

#[test]
fn asking_without_a_handshake_leaves_no_trace() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let trust = Remembered::new(private(&[&root]));
    assert_eq!(verify(&trust, &cert).map(|_| ()), Ok(()));
    assert!(!remembers(&trust, Role::Client, &cert.chain(), NOW));
    // What stands before a memory may matter, so it is not answered from memory.
    let pins = PinSet::new([leaf_key(&cert)]);
    let joined = private(&[&root]).and(Remembered::new(pins));
    assert!(joined.memory().is_none());
    assert_eq!(verify(&joined, &cert).map(|_| ()), Ok(()));
}

/// Trusts nobody of whom another verifier has found anything.
#[derive(Debug)]
struct Alone;

impl VerifyPeer for Alone {
    fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
        match peer.found {
            None => Ok(Evidence::new(peer.chain.leaf().validity())),
            Some(_) => Err(Untrusted::Path),
        }
    }
}

/// One memory for two places: what was found before it at the one was not known at the other.
#[test]
fn what_others_found_before_is_asked_anew() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let alone = Arc::new(Remembered::new(Alone));
    assert!(meet(&server(alone.clone()), &client(&cert, VERSIONS[0])).is_full());
    assert!(remembers(&alone, Role::Client, &cert.chain(), NOW));
    let second = private(&[&root]).and(alone);
    assert_eq!(verify(&second, &cert).map(drop), Err(Untrusted::Path));
}

#[test]
fn memory_is_bounded_and_keeps_those_that_come_back() {
    let root = TestCa::new("Root");
    let key = TestKey::generate(countersign::testing::KeyAlgorithm::default());
    let certs: Vec<_> = (0..64)
        .map(|_| root.client(ACME).with_key(&key).issue())
        .collect();
    let trust = Arc::new(Remembered::with_capacity(private(&[&root]), 8));
    let server = server(trust.clone());
    for cert in &certs {
        assert!(meet(&server, &client(&certs[0], VERSIONS[0])).is_full());
        assert!(meet(&server, &client(cert, VERSIONS[0])).is_full());
    }
    let kept = |cert: &TestCert| remembers(&trust, Role::Client, &cert.chain(), NOW);
    assert!(kept(&certs[0]), "it came back all the time");
    assert!(certs.iter().filter(|cert| kept(cert)).count() <= 8);
    // A memory for nobody is one too.
    let none = Arc::new(Remembered::with_capacity(private(&[&root]), 0));
    assert!(meet(&stage::server(none), &client(&certs[0], VERSIONS[0])).is_full());
}
