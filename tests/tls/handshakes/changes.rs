//! What a change of policy reaches.

use std::sync::Arc;
use std::time::Duration;

use countersign::gate::Policy;
use countersign::identity::{ChainLimits, NameKind, SpkiHash};
use countersign::live::Live;
use countersign::refusal::Refusal;
use countersign::tenant::{NoTenant, Rule, TenantId, TenantTable, TenantTableBuilder};
use countersign::testing::{NOW, TestCa, TestCert, utc};
use countersign::tls::allow_resumption;
use countersign::trust::{
    Crls, DenyList, Pin, PinSet, PrivateCa, Profile, Revocation, RevocationDepth, Untrusted, VerifyPeer,
};
use countersign::web::Connection;
use proptest::prelude::*;

use super::{acme, address, connected, leaf_key, policy, tenant};
use crate::stage::*;

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
