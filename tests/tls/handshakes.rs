//! It keeps on verifying: what is remembered, what is resumed, and what a change of policy reaches.

use crate::stage;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign::gate::Policy;
use countersign::identity::{ChainLimits, NameKind, SpkiHash};
use countersign::live::Live;
use countersign::refusal::Refusal;
use countersign::tenant::{NoTenant, Rule, TenantId, TenantTable, TenantTableBuilder};
use countersign::testing::{NOT_BEFORE, NOW, TestCa, TestCert, TestKey, utc};
use countersign::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use countersign::tls::rustls::server::{ProducesTickets, ServerSessionMemoryCache};
use countersign::tls::rustls::{self, AlertDescription, ServerConfig};
use countersign::tls::{
    Binding, BoundSessions, BoundTickets, ClientAuth, Credentials, HandshakeVerifier, InvalidCredentials,
    InvalidTls, Tls, allow_resumption, disable_resumption,
};
use countersign::trust::{
    Crls, DenyList, Evidence, Fingerprint, Pin, PinSet, Presented, PrivateCa, Profile, Remembered,
    ReportOnly, Revocation, RevocationDepth, Role, Untrusted, VerifiedPeer, VerifyPeer,
};
use countersign::web::Connection;
use proptest::prelude::*;

use stage::*;

fn spki(ca: &TestCa) -> SpkiHash {
    SpkiHash::of(&ca.spki_der())
}

fn address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4711))
}

/// Whoever `trust` trusts, by its SPIFFE ID.
fn policy(trust: impl VerifyPeer + 'static) -> Policy {
    Policy::new(trust, acme_only().build().expect("a table"))
}

fn acme_only() -> TenantTableBuilder {
    TenantTable::builder()
        .uri("spiffe://acme.example/tenant/{tenant}")
        .known(["acme"])
}

fn connected(cert: &TestCert) -> Connection {
    Connection::new(address(), Some(&cert.chain())).expect("a chain")
}

fn tenant(connection: &Connection, policy: &Policy, now: UnixTime) -> Result<String, Refusal> {
    Ok(connection.identify(policy, now)?.tenant().to_string())
}

fn acme() -> Result<String, Refusal> {
    Ok("acme".to_owned())
}

// -- every part of a policy ----------------------------------------------------------------------------------------------

/// All that a policy is made of, small enough to change one part at a time.
struct Parts {
    anchors: Vec<TestCa>,
    profile: Profile,
    /// Who publishes a list, its number, and who is on it.
    lists: Vec<(TestCa, u64, Vec<TestCert>)>,
    depth: RevocationDepth,
    pins: Vec<Pin>,
    denied: DenyList,
    tenants: Vec<Rule>,
    known: Vec<&'static str>,
}

impl Parts {
    /// Three roots, a customer of an issuer below the first, a list of each authority.
    fn new() -> (Self, TestCert) {
        let anchors: Vec<_> = (0..3).map(|n| TestCa::new(&format!("Root {n}"))).collect();
        let issuing = anchors[0].intermediate("Issuing");
        let cert = issuing.client(ACME).issue();
        let publishers = [vec![issuing], anchors.clone()].concat();
        let parts = Self {
            anchors,
            profile: Profile::strict(),
            lists: publishers.into_iter().map(|ca| (ca, 1, vec![])).collect(),
            depth: RevocationDepth::Path,
            pins: vec![Pin::leaf(leaf_key(&cert))],
            denied: DenyList::new(),
            tenants: vec![Rule::template(
                NameKind::Uri,
                "spiffe://acme.example/tenant/{tenant}",
            )],
            known: vec!["acme", "other"],
        };
        (parts, cert)
    }

    fn trust(&self) -> PrivateCa {
        let lists = self.lists.iter().map(|(ca, number, revoked)| {
            let list = revoked
                .iter()
                .fold(ca.crl(*number), |list, cert| list.revoke(cert));
            list.issue().der().clone()
        });
        let crls = Crls::from_der(lists, NOW).expect("lists");
        let anchors: Vec<_> = self.anchors.iter().collect();
        builder(&anchors)
            .with_profile(self.profile.clone())
            .with_revocation(Revocation::required(crls).with_depth(self.depth))
            .build(NOW)
            .expect("anchors")
    }

    fn tenants(&self) -> TenantTable {
        let table = TenantTable::builder().known(self.known.iter().copied());
        let table = self.tenants.iter().cloned().fold(table, TenantTableBuilder::rule);
        table.build().expect("a table")
    }
}

/// A policy each of whose parts can be replaced while it is in use.
struct Running {
    trust: Live<PrivateCa>,
    pins: Live<PinSet>,
    denied: Live<DenyList>,
    tenants: Live<TenantTable>,
    policy: Policy,
}

impl Running {
    fn new(parts: &Parts) -> Self {
        let trust = Live::new(parts.trust());
        let pins = Live::new(PinSet::of(parts.pins.clone()));
        let denied = Live::new(parts.denied.clone());
        let tenants = Live::new(parts.tenants());
        let joined = trust.clone().and(pins.clone()).and(denied.clone());
        let policy = Policy::new(joined, tenants.clone());
        Self {
            trust,
            pins,
            denied,
            tenants,
            policy,
        }
    }
}

/// One change, and what it does to the client of the first anchor.
type Change = (
    &'static str,
    fn(&Running, &mut Parts, &TestCert),
    Option<fn(&TestCert) -> Refusal>,
);

fn leaf_key(cert: &TestCert) -> SpkiHash {
    SpkiHash::of(&cert.spki_der())
}

fn serial(cert: &TestCert) -> countersign::identity::SerialNumber {
    countersign::identity::SerialNumber::from_bytes(cert.serial().as_bytes())
}

const CHANGES: [Change; 17] = [
    (
        "the first anchor removed",
        |running, parts, _| {
            parts.anchors.remove(0);
            running.trust.replace(parts.trust());
        },
        Some(|_| Untrusted::UnknownIssuer.into()),
    ),
    (
        "only the last anchor removed",
        |running, parts, _| {
            parts.anchors.pop();
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the issuer's list",
        |running, parts, cert| {
            parts.lists[0].1 = 2;
            parts.lists[0].2.push(cert.clone());
            running.trust.replace(parts.trust());
        },
        Some(|cert| Untrusted::Revoked { serial: serial(cert) }.into()),
    ),
    (
        "only the last anchor's list",
        |running, parts, _| {
            if let Some(list) = parts.lists.last_mut() {
                list.1 += 1;
            }
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the depth of revocation",
        |running, parts, _| {
            parts.depth = RevocationDepth::Leaf;
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the profile: lifetime",
        |running, parts, _| {
            parts.profile = Profile::strict().with_max_lifetime(Duration::from_secs(60));
            running.trust.replace(parts.trust());
        },
        Some(|cert| {
            Untrusted::Lifetime {
                lifetime: chain(cert.chain()).leaf().validity().lifetime(),
                max: Duration::from_secs(60),
            }
            .into()
        }),
    ),
    (
        "the profile: path length",
        |running, parts, _| {
            parts.profile = Profile::strict().with_max_path_length(0);
            running.trust.replace(parts.trust());
        },
        Some(|_| Untrusted::PathLength.into()),
    ),
    (
        "the profile: policy",
        |running, parts, _| {
            parts.profile = Profile::strict().require_policy("1.2.3");
            running.trust.replace(parts.trust());
        },
        Some(|_| {
            Untrusted::Policy {
                required: "1.2.3".into(),
            }
            .into()
        }),
    ),
    (
        "the profile: limits",
        |running, parts, _| {
            parts.profile = Profile::strict().with_limits(ChainLimits::default().with_certificates(1));
            running.trust.replace(parts.trust());
        },
        Some(|_| countersign::identity::Malformed::TooManyCertificates { limit: 1 }.into()),
    ),
    (
        "the profile: missing EKU",
        |running, parts, _| {
            parts.profile = Profile::strict().allow_missing_eku();
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the profile: server's EKU",
        |running, parts, _| {
            parts.profile = Profile::strict().allow_server_auth_as_client();
            running.trust.replace(parts.trust());
        },
        None,
    ),
    (
        "the one pin",
        |running, parts, _| {
            parts.pins = vec![Pin::leaf(SpkiHash::of(b"another"))];
            running.pins.replace(PinSet::of(parts.pins.clone()));
        },
        Some(|cert| Untrusted::NotPinned { spki: leaf_key(cert) }.into()),
    ),
    (
        "a pin more",
        |running, parts, _| {
            parts.pins.push(Pin::issuer(SpkiHash::of(b"another")));
            running.pins.replace(PinSet::of(parts.pins.clone()));
        },
        None,
    ),
    (
        "a denied key",
        |running, parts, cert| {
            parts.denied = DenyList::new().key(leaf_key(cert));
            running.denied.replace(parts.denied.clone());
        },
        Some(|_| Untrusted::OnDenyList.into()),
    ),
    (
        "a denied certificate",
        |running, parts, cert| {
            parts.denied = DenyList::new().certificate(chain(cert.chain()).leaf());
            running.denied.replace(parts.denied.clone());
        },
        Some(|_| Untrusted::OnDenyList.into()),
    ),
    (
        "a tenant's rule",
        |running, parts, _| {
            parts.tenants = vec![Rule::name(
                TenantId::parse("acme").expect("a tenant"),
                NameKind::Dns,
                "x.example",
            )];
            running.tenants.replace(parts.tenants());
        },
        Some(|_| NoTenant::NoRule.into()),
    ),
    (
        "a known tenant",
        |running, parts, _| {
            parts.known = vec!["other"];
            running.tenants.replace(parts.tenants());
        },
        Some(|_| {
            NoTenant::Unknown {
                rule: "URI spiffe://acme.example/tenant/{tenant}".into(),
                name: "acme".into(),
            }
            .into()
        }),
    ),
];

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

// -- what is remembered --------------------------------------------------------------------------------------------------

fn fingerprint(role: Role<'_>, chain: &[CertificateDer<'static>]) -> Fingerprint {
    Fingerprint::of(role, chain.iter())
}

/// Whether `trust` remembers this, having been asked by a handshake's verifier.
fn remembers(
    trust: &dyn VerifyPeer,
    role: Role<'_>,
    chain: &[CertificateDer<'static>],
    now: UnixTime,
) -> bool {
    let recall = trust.memory().expect("a memory");
    recall.peer(&fingerprint(role, chain), now).is_some()
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

    // A client remembers a server for its name only.
    let names = ["hooks.example.com", "other.example.com", "Hooks.example.com"];
    let names = names.map(|name| ServerName::try_from(name).expect("a name"));
    let prints: Vec<_> = names
        .iter()
        .map(|name| fingerprint(Role::Server { name }, &shown))
        .collect();
    assert_ne!(prints[0], prints[1]);
    assert_ne!(prints[0], fingerprint(Role::Client, &shown));
    // Where name and certificate could be taken for each other, the lengths tell them apart.
    let glued = CertificateDer::from(b"hooks.example.com".to_vec());
    assert_ne!(
        prints[0],
        fingerprint(Role::Client, &[vec![glued], shown.clone()].concat())
    );
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
    recall.keep(fingerprint(Role::Client, &cert.chain()), peer, NOW);
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

// -- what is resumed -----------------------------------------------------------------------------------------------------

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

// -- configurations ------------------------------------------------------------------------------------------------------

#[test]
fn only_tls_1_3_unless_it_is_allowed() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let mut config = Tls::new(provider())
        .server_config(&server_credentials(), private(&[&root]), ClientAuth::Require)
        .expect("a configuration");
    config.time_provider = Clock::at(NOW);
    let server = Arc::new(config);
    assert!(meet(&server, &client(&cert, VERSIONS[0])).is_full());
    let old = meet(&server, &client(&cert, VERSIONS[1]));
    assert_eq!(old.alert(), Some(AlertDescription::ProtocolVersion));
    assert!(meet(&stage::server(private(&[&root])), &client(&cert, VERSIONS[1])).is_full());
}

#[test]
fn an_offer_lets_strangers_in_as_nobody_and_refuses_bad_certificates() {
    let root = TestCa::new("Root");
    let mut config = Tls::new(provider())
        .allow_tls12()
        .server_config(&server_credentials(), private(&[&root]), ClientAuth::Offer)
        .expect("a configuration");
    config.time_provider = Clock::at(NOW);
    let server = Arc::new(config);
    for version in VERSIONS {
        let stranger = meet(&server, &anonymous(version));
        assert!(stranger.is_full());
        let seen = stranger.handshake.server.expect("connected");
        assert_eq!(seen.peer_certificates(), None);
        let connection = Connection::new(address(), seen.peer_certificates()).expect("a connection");
        assert_eq!(
            tenant(&connection, &policy(private(&[&root])), NOW),
            Err(Refusal::NoCertificate)
        );
        assert!(meet(&server, &client(&root.client(ACME).issue(), version)).is_full());
        let bad = meet(
            &server,
            &client(&TestCa::new("Other").client(ACME).issue(), version),
        );
        assert_eq!(bad.reason, Some(Untrusted::UnknownIssuer));
        assert_eq!(bad.alert(), Some(AlertDescription::UnknownCA));
    }
}

#[test]
fn a_client_refuses_a_server_for_the_exact_reason() {
    let root = TestCa::new("Root");
    let own = root.client(ACME).issue();
    let credentials =
        |cert: &TestCert| Credentials::new(&provider(), cert.chain(), cert.key()).expect("a pair");
    let expired = Untrusted::Expired {
        not_after: utc(2021, 1, 1),
        now: NOW,
    };
    let purpose = Untrusted::ExtendedKeyUsage { needed: "serverAuth" };
    let name = Untrusted::WrongName { name: SERVER.into() };
    for (case, cert, expected) in [
        ("good", root.server(SERVER), None),
        (
            "another authority",
            TestCa::new("Other").server(SERVER),
            Some((Untrusted::UnknownIssuer, AlertDescription::UnknownCA)),
        ),
        (
            "expired",
            root.server(SERVER).expired(),
            Some((expired, AlertDescription::CertificateExpired)),
        ),
        (
            "a client's",
            root.client(SERVER),
            Some((purpose, AlertDescription::UnsupportedCertificate)),
        ),
        (
            "another server's",
            root.server("other.example"),
            Some((name, AlertDescription::BadCertificate)),
        ),
    ] {
        let tls = |now| Tls::new(provider()).with_time_provider(Clock::at(now));
        // A configuration is made of good credentials only; these have expired since.
        let made = if case == "expired" { utc(2020, 7, 1) } else { NOW };
        let server = tls(made).server_config(
            &credentials(&cert.issue()),
            private(&[&root]),
            ClientAuth::Require,
        );
        let client = tls(NOW).client_config(&credentials(&own), private(&[&root]));
        let (mut server, client) = (server.expect("a server"), client.expect("a client"));
        server.time_provider = Clock::at(NOW);
        let outcome = meet(&Arc::new(server), &Arc::new(client));
        let (reason, alert) = expected.unzip();
        assert_eq!(outcome.reason, reason, "{case}");
        let alert = alert.map(rustls::Error::AlertReceived);
        assert_eq!(outcome.handshake.server.err(), alert, "{case}");
    }
}

#[test]
fn credentials_are_a_pair_or_nothing() {
    let root = TestCa::new("Root");
    let (one, two) = (root.server(SERVER).issue(), root.server(SERVER).issue());
    let read = |chain: &str, key: &str| {
        Credentials::from_pem(&provider(), chain.as_bytes(), key.as_bytes()).map(|_| ())
    };
    let given = || "the PEM text given".to_owned();
    assert_eq!(read(&one.chain_pem(), &one.key_pem()), Ok(()));
    let together = format!("{}{}", one.key_pem(), one.chain_pem());
    assert_eq!(read(&together, &together), Ok(()));
    for (case, chain, key, expected) in [
        (
            "no certificate",
            one.key_pem(),
            one.key_pem(),
            InvalidCredentials::NoCertificate { file: given() },
        ),
        (
            "no key",
            one.chain_pem(),
            one.chain_pem(),
            InvalidCredentials::NoKey { file: given() },
        ),
        (
            "nothing",
            String::new(),
            String::new(),
            InvalidCredentials::NoCertificate { file: given() },
        ),
    ] {
        assert_eq!(read(&chain, &key), Err(expected), "{case}");
    }
    assert_eq!(
        read(&one.chain_pem(), &two.key_pem()),
        Err(InvalidCredentials::OtherKey { place: None })
    );
    let missing = Credentials::from_pem_files(&provider(), "/nonexistent/a.pem", "/nonexistent/b.pem");
    assert!(matches!(
        missing.map(|_| ()),
        Err(InvalidCredentials::Unreadable { file, .. }) if file == "/nonexistent/a.pem"
    ));
    let shown = format!("{:?}", server_credentials());
    assert_eq!(shown, "Credentials { certificates: 1, .. }");
}

#[test]
fn credentials_say_what_is_wrong_with_them() {
    let root = TestCa::new("Root");
    let issuing = root.intermediate("Issuing");
    let cert = issuing.server(SERVER).issue();
    let (leaf, issuer, top) = (
        cert.chain()[0].clone(),
        cert.chain()[1].clone(),
        root.certificate().clone(),
    );
    let other = TestCa::new("Other").certificate().clone();
    let read = |chain: &[&CertificateDer<'static>]| {
        let chain = chain.iter().map(|&der| der.clone()).collect();
        Credentials::new(&provider(), chain, cert.key()).map(|_| ())
    };
    let junk = CertificateDer::from(vec![0x30, 0]);
    for (case, chain, expected) in [
        ("in order", vec![&leaf, &issuer], Ok(())),
        ("with the root", vec![&leaf, &issuer, &top], Ok(())),
        ("the leaf alone", vec![&leaf], Ok(())),
        ("with another root behind", vec![&leaf, &issuer, &other], Ok(())),
        (
            "the issuer first",
            vec![&issuer, &leaf],
            Err(InvalidCredentials::OtherKey { place: Some(2) }),
        ),
        (
            "the root in between",
            vec![&leaf, &top, &issuer],
            Err(InvalidCredentials::Order { place: 1 }),
        ),
        (
            "another in between",
            vec![&leaf, &issuer, &other, &top],
            Err(InvalidCredentials::Order { place: 2 }),
        ),
        (
            "junk",
            vec![&junk],
            Err(InvalidCredentials::Certificate { place: 1 }),
        ),
        (
            "junk behind",
            vec![&leaf, &junk],
            Err(InvalidCredentials::Certificate { place: 2 }),
        ),
    ] {
        assert_eq!(read(&chain), expected, "{case}");
    }
    let from_pem = |key: &str| {
        Credentials::from_pem(&provider(), cert.chain_pem().as_bytes(), key.as_bytes()).map(|_| ())
    };
    let encrypted = InvalidCredentials::EncryptedKey {
        file: "the PEM text given".to_owned(),
    };
    for key in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n",
    ] {
        assert_eq!(from_pem(key), Err(encrypted.clone()));
    }
    let unusable = Credentials::new(
        &provider(),
        cert.chain(),
        rustls::pki_types::PrivatePkcs8KeyDer::from(vec![0x30, 0]).into(),
    );
    assert!(matches!(
        unusable.map(|_| ()),
        Err(InvalidCredentials::Key { .. })
    ));
    for (error, says) in [
        (
            InvalidCredentials::OtherKey { place: None },
            "give the key that its request was made with",
        ),
        (
            InvalidCredentials::OtherKey { place: Some(2) },
            "but that of certificate 2; write the leaf first",
        ),
        (encrypted, "decrypt it with `openssl pkey`"),
    ] {
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// Rule 10: what peers would refuse is refused here, before anybody sees it.
#[test]
fn credentials_out_of_time_make_no_configuration() {
    let root = TestCa::new("Root");
    let issuing = root
        .intermediate_builder("Issuing")
        .validity(NOT_BEFORE, utc(2026, 6, 1))
        .issue();
    let cert = issuing
        .server(SERVER)
        .validity(utc(2025, 1, 1), utc(2026, 9, 1))
        .issue();
    let credentials = Credentials::new(&provider(), cert.chain(), cert.key()).expect("a pair");
    let expired = |place, not_after, now| InvalidCredentials::Expired {
        place,
        not_after,
        now,
    };
    for (now, expected) in [
        (utc(2025, 1, 1), Ok(())),
        (utc(2026, 6, 1), Ok(())),
        (
            seconds(utc(2025, 1, 1), -1),
            Err(InvalidCredentials::NotYetValid {
                place: 1,
                not_before: utc(2025, 1, 1),
                now: seconds(utc(2025, 1, 1), -1),
            }),
        ),
        (
            seconds(utc(2026, 6, 1), 1),
            Err(expired(2, utc(2026, 6, 1), seconds(utc(2026, 6, 1), 1))),
        ),
        (
            seconds(utc(2026, 9, 1), 1),
            Err(expired(1, utc(2026, 9, 1), seconds(utc(2026, 9, 1), 1))),
        ),
    ] {
        assert_eq!(credentials.check(now), expected);
        let tls = Tls::new(provider()).with_time_provider(Clock::at(now));
        let server = tls.server_config(&credentials, private(&[&root]), ClientAuth::Require);
        let client = tls.client_config(&credentials, private(&[&root]));
        let expected = expected.map_err(InvalidTls::Credentials);
        assert_eq!(server.map(|_| ()), expected);
        assert_eq!(client.map(|_| ()), expected);
    }
    #[derive(Debug)]
    struct Stopped;
    impl rustls::time_provider::TimeProvider for Stopped {
        fn current_time(&self) -> Option<UnixTime> {
            None
        }
    }
    let tls = Tls::new(provider()).with_time_provider(Arc::new(Stopped));
    let server = tls.server_config(&credentials, private(&[&root]), ClientAuth::Require);
    assert_eq!(server.map(|_| ()), Err(InvalidTls::NoTime));
}

/// Rule 10: verified by one's own verifier before they are used.
#[test]
fn credentials_are_asked_of_ones_own_policy() {
    let (root, other) = (TestCa::new("Root"), TestCa::new("Other"));
    let cert = root.intermediate("Issuing").client(ACME).issue();
    let credentials = Credentials::new(&provider(), cert.chain(), cert.key()).expect("a pair");
    let name = ServerName::try_from(SERVER).expect("a name");
    let server = Role::Server { name: &name };
    let untrusted = |reason| Err(InvalidCredentials::Untrusted { reason });
    for (trust, role, expected) in [
        (&root, Role::Client, Ok(())),
        (&other, Role::Client, untrusted(Untrusted::UnknownIssuer)),
        (
            &root,
            server,
            untrusted(Untrusted::ExtendedKeyUsage { needed: "serverAuth" }),
        ),
    ] {
        assert_eq!(credentials.check_trusted(&private(&[trust]), role, NOW), expected);
    }
}

#[test]
fn a_verifier_of_ones_own_configuration_names_no_authority() {
    use countersign::tls::rustls::server::danger::ClientCertVerifier as _;
    let verifier = HandshakeVerifier::new(&provider(), ReportOnly::new(PinSet::default()));
    assert!(verifier.root_hint_subjects().is_empty());
    assert!(verifier.client_auth_mandatory() && verifier.offer_client_auth());
    let offered = HandshakeVerifier::new(&provider(), PinSet::default()).with_client_auth(ClientAuth::Offer);
    assert!(!offered.client_auth_mandatory() && offered.offer_client_auth());
    let _ = spki(&TestCa::new("Root"));
}
