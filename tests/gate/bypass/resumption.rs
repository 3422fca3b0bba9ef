//! R: sessions that outlive what they rested on.

use std::sync::Arc;

use countersign::gate::Policy;
use countersign::live::Live;
use countersign::refusal::Refusal;
use countersign::tenant::{NoTenant, TenantTable};
use countersign::testing::{NOW, TestCa};
use countersign::tls::rustls::AlertDescription::{CertificateRequired, CertificateRevoked, UnknownCA};
use countersign::tls::rustls::pki_types::{ServerName, UnixTime};
use countersign::tls::rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use countersign::tls::rustls::{ClientConfig, ServerConfig};
use countersign::tls::{Binding, BoundSessions, ClientAuth, Tls, allow_resumption, rustls};
use countersign::trust::{
    DenyList, Evidence, PinSet, Presented, PrivateCa, Profile, Revocation, Untrusted, VerifiedPeer,
    VerifyPeer,
};

use super::{acme_table, caller, crls, door, key_of, policy, resuming};
use crate::stage::*;

/// CVE-2025-68121: the authority is gone, the session stays.
#[test]
fn r1_removed_ca_does_not_resume() {
    let (old, new) = (TestCa::new("Old"), TestCa::new("New"));
    let cert = old.client(ACME).issue();
    for version in VERSIONS {
        for resumes in [false, true] {
            let live = Live::new(private(&[&old]));
            let policy = policy(live.clone());
            let server = match resumes {
                true => resuming(&policy, &Clock::at(NOW)),
                false => Arc::new(door(&policy, &Clock::at(NOW))),
            };
            let client = client(&cert, version);
            assert!(meet(&server, &client).is_full());
            assert_eq!(meet(&server, &client).handshake.resumed(), resumes);
            live.replace(private(&[&new]));
            let after = meet(&server, &client);
            assert_eq!(after.reason, Some(Untrusted::UnknownIssuer), "{resumes}");
            assert_eq!(after.alert(), Some(UnknownCA));
        }
    }
}

/// The attack works where nobody binds sessions: this is what the defence is there for.
#[test]
fn r1_without_the_binding_the_session_stays_and_the_request_is_still_refused() {
    let (old, new) = (TestCa::new("Old"), TestCa::new("New"));
    let cert = old.client(ACME).issue();
    let live = Live::new(private(&[&old]));
    let policy = policy(live.clone());
    let mut config = door(&policy, &Clock::at(NOW));
    config.session_storage = ServerSessionMemoryCache::new(64);
    config.send_tls13_tickets = 2;
    let (server, client) = (Arc::new(config), client(&cert, VERSIONS[0]));
    assert!(meet(&server, &client).is_full());
    live.replace(private(&[&new]));
    let after = meet(&server, &client);
    assert!(after.handshake.resumed(), "rustls asks nobody");
    let connected = after.handshake.server.expect("connected");
    let refused = caller(&connected, &policy, NOW).map(|_| ());
    assert_eq!(refused, Err(Untrusted::UnknownIssuer.into()));
}

/// CWE-367: the policy changes between the verification and the storing of the session.
#[test]
fn r1_a_change_in_the_middle_of_a_handshake_makes_no_session() {
    #[derive(Debug)]
    struct Swaps {
        trust: Live<PrivateCa>,
        to: PrivateCa,
    }
    impl VerifyPeer for Swaps {
        fn verify_peer(&self, peer: &Presented<'_>) -> Result<Evidence, Untrusted> {
            self.trust.verify_peer(peer)
        }
        fn generation(&self) -> u64 {
            self.trust.generation()
        }
        /// Possession is proved, the session is not stored yet.
        fn confirm(&self, _: &VerifiedPeer, _: UnixTime) {
            self.trust.replace(self.to.clone());
        }
    }
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    for version in VERSIONS {
        let swaps = Swaps {
            trust: Live::new(private(&[&root])),
            to: private(&[&TestCa::new("New")]),
        };
        let policy = policy(swaps);
        let server = resuming(&policy, &Clock::at(NOW));
        let client = client(&cert, version);
        let open = meet(&server, &client);
        assert!(open.is_full(), "it was trusted when it was asked about");
        let open = open.handshake.server.expect("connected");
        assert_eq!(
            caller(&open, &policy, NOW).map(|_| ()),
            Err(Untrusted::UnknownIssuer.into())
        );
        // What was verified under the old policy is no session of the new one, although it was stored under it.
        let again = meet(&server, &client);
        assert_eq!(again.reason, Some(Untrusted::UnknownIssuer));
        assert_eq!(again.alert(), Some(UnknownCA));
    }
}

/// go-spiffe, G123: the authorizer is not asked on resumption.
#[test]
fn r2_what_is_denied_between_connections_is_denied_on_resumption() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let other = || {
        TenantTable::builder()
            .uri("spiffe://acme.example/tenant/{tenant}")
            .known(["other"])
            .build()
            .expect("a table")
    };
    for version in VERSIONS {
        let (denied, tenants) = (Live::new(DenyList::new()), Live::new(acme_table()));
        let policy = Policy::new(private(&[&root]).and(denied.clone()), tenants.clone());
        let server = resuming(&policy, &Clock::at(NOW));
        let client = client(&cert, version);
        let first = meet(&server, &client);
        let open = first.handshake.server.expect("connected");
        assert!(meet(&server, &client).handshake.resumed());

        tenants.replace(other());
        let after = meet(&server, &client);
        assert!(after.is_full(), "a session of another table");
        let unknown = Refusal::NoTenant(NoTenant::Unknown {
            rule: "URI spiffe://acme.example/tenant/{tenant}".into(),
            name: "acme".into(),
        });
        for connected in [&open, after.handshake.server.as_ref().expect("connected")] {
            assert_eq!(caller(connected, &policy, NOW).map(|_| ()), Err(unknown.clone()));
        }

        denied.replace(DenyList::new().key(key_of(&cert)));
        let after = meet(&server, &client);
        assert_eq!(after.reason, Some(Untrusted::OnDenyList));
        assert_eq!(after.alert(), Some(CertificateRevoked));
        assert_eq!(
            caller(&open, &policy, NOW).map(|_| ()),
            Err(Untrusted::OnDenyList.into())
        );
    }
}

/// CVE-2025-23419, CVE-2025-23048, GHSA-gv8r-9rw9-9697: from one virtual host to another.
#[test]
fn r3_a_session_of_one_door_is_none_of_another() {
    let (front, back) = (TestCa::new("Front"), TestCa::new("Back"));
    let cert = front.client(ACME).issue();
    let (open, strict) = (policy(private(&[&front])), policy(private(&[&back])));
    let store: Arc<dyn StoresServerSessions> = ServerSessionMemoryCache::new(64);
    let shared = |policy: &Policy| {
        let mut config = door(policy, &Clock::at(NOW));
        let binding = Binding::new(policy).with_time_provider(Clock::at(NOW));
        config.session_storage = Arc::new(BoundSessions::new(store.clone(), binding));
        config.send_tls13_tickets = 2;
        Arc::new(config)
    };
    for version in VERSIONS {
        for (front, back) in [
            (shared(&open), shared(&strict)),
            (
                resuming(&open, &Clock::at(NOW)),
                resuming(&strict, &Clock::at(NOW)),
            ),
            (
                Arc::new(door(&open, &Clock::at(NOW))),
                Arc::new(door(&strict, &Clock::at(NOW))),
            ),
        ] {
            let client = client(&cert, version);
            assert!(meet(&front, &client).is_full());
            let elsewhere = meet(&back, &client);
            assert_eq!(elsewhere.reason, Some(Untrusted::UnknownIssuer));
            assert_eq!(elsewhere.alert(), Some(UnknownCA));
        }
    }
}

/// `ServerConfig::clone` shares the store, and the verifier: what is bound to a policy that has verified nobody resumes
/// nobody.
#[test]
fn r3_a_cloned_configuration_is_bound_again() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let (one, two) = (policy(private(&[&root])), policy(private(&[&root])));
    let mut config = door(&one, &Clock::at(NOW));
    allow_resumption(&mut config, &one);
    let [mut again, mut other] = [config.clone(), config.clone()];
    allow_resumption(&mut again, &one);
    allow_resumption(&mut other, &two);
    let [config, again, other] = [config, again, other].map(Arc::new);
    for version in VERSIONS {
        let client = client(&cert, version);
        assert!(meet(&config, &client).is_full());
        assert!(meet(&again, &client).is_full());
        assert!(meet(&again, &client).handshake.resumed());
        assert!(meet(&other, &client).is_full());
        assert!(meet(&other, &client).is_full());
    }
}

/// CVE-2022-21654, and its second act: only the first authority was in the digest.
#[test]
fn r4_any_part_of_the_policy_changes_it() {
    let (first, last) = (TestCa::new("First"), TestCa::new("Last"));
    let cert = first.client(ACME).issue();
    let anchors = |cas: &[&TestCa]| builder(cas);
    let build = |builder: countersign::trust::PrivateCaBuilder| builder.build(NOW).expect("a policy");
    let all = || anchors(&[&first, &last]);
    let changes: Vec<(&str, PrivateCa)> = vec![
        ("the last authority", build(anchors(&[&first]))),
        (
            "one more authority",
            build(anchors(&[&first, &last, &TestCa::new("More")])),
        ),
        (
            "a flag",
            build(all().with_profile(Profile::strict().allow_missing_eku())),
        ),
        (
            "a list",
            build(all().with_revocation(Revocation::best_effort(crls([last.crl(1)])))),
        ),
        ("nothing at all", build(all())),
    ];
    for (case, change) in changes {
        for version in VERSIONS {
            let live = Live::new(build(all()));
            let policy = policy(live.clone());
            let server = resuming(&policy, &Clock::at(NOW));
            let client = client(&cert, version);
            assert!(meet(&server, &client).is_full(), "{case}");
            let before = policy.generation();
            live.replace(change.clone());
            assert!(policy.generation() > before, "{case}");
            assert!(meet(&server, &client).is_full(), "{case}");
            assert!(meet(&server, &client).handshake.resumed(), "{case}");
        }
    }
}

/// Envoy #42668, Traefik #7644: the identity of a resumed session was lost, and rules turned round.
#[test]
fn r6_full_and_resumed_are_the_same_caller() {
    let root = TestCa::new("Root");
    let cert = root.intermediate("Issuing").client(ACME).issue();
    let policy = policy(private(&[&root]).and(PinSet::new([key_of(&cert)])));
    let server = resuming(&policy, &Clock::at(NOW));
    for version in VERSIONS {
        let client = client(&cert, version);
        let (full, resumed) = (meet(&server, &client), meet(&server, &client));
        assert!(full.is_full() && resumed.handshake.resumed());
        let callers = [full, resumed].map(|outcome| {
            let connected = outcome.handshake.server.expect("connected");
            caller(&connected, &policy, NOW).expect("a caller")
        });
        let [full, resumed] = &callers;
        assert_eq!(full.tenant(), resumed.tenant());
        assert_eq!(full.rule(), resumed.rule());
        assert_eq!(full.peer().chain(), resumed.peer().chain());
        assert_eq!(full.peer().evidence(), resumed.peer().evidence());
    }
}

/// A session that an offering door made, at a demanding door.
#[test]
fn r7_a_session_without_a_certificate_is_nobody() {
    let root = TestCa::new("Root");
    let policy = policy(private(&[&root]));
    // The worst that can be put together by hand: one store and one binding for both.
    let clock = Clock::at(NOW);
    let binding = Binding::new(&policy).with_time_provider(clock.clone());
    let store: Arc<dyn StoresServerSessions> = ServerSessionMemoryCache::new(64);
    let door = |client_auth| {
        let mut config = Tls::new(provider())
            .allow_tls12()
            .server_config(&server_credentials(), policy.trust(), client_auth)
            .expect("a configuration");
        config.time_provider = clock.clone();
        config.session_storage = Arc::new(BoundSessions::new(store.clone(), binding.clone()));
        config.send_tls13_tickets = 2;
        Arc::new(config)
    };
    let (offering, demanding) = (door(ClientAuth::Offer), door(ClientAuth::Require));
    for version in VERSIONS {
        let stranger = anonymous(version);
        assert!(meet(&offering, &stranger).is_full());
        // rustls would resume it, without asking again whether a certificate is mandatory: there is no such session.
        let refused = meet(&demanding, &stranger);
        assert_eq!(refused.alert(), Some(CertificateRequired));
        assert!(
            meet(&offering, &stranger).is_full(),
            "nor at the door that made it"
        );
        // Stored by others than ours, it is let through, and nobody.
        let shared = ServerSessionMemoryCache::new(64);
        let unbound = |config: &Arc<ServerConfig>| {
            let mut config = ServerConfig::clone(config);
            config.session_storage = shared.clone();
            Arc::new(config)
        };
        assert!(meet(&unbound(&offering), &stranger).is_full());
        let through = meet(&unbound(&demanding), &stranger);
        assert!(through.handshake.resumed(), "rustls asks nobody");
        let connected = through.handshake.server.expect("connected");
        assert_eq!(
            caller(&connected, &policy, NOW).map(|_| ()),
            Err(Refusal::NoCertificate)
        );
    }
}

/// curl CVE-2026-9545: data before the handshake.
#[test]
fn r9_no_early_data() {
    let root = TestCa::new("Root");
    let cert = root.client(ACME).issue();
    let policy = policy(private(&[&root]));
    let mut config = door(&policy, &Clock::at(NOW));
    config.max_early_data_size = 16_384;
    allow_resumption(&mut config, &policy);
    assert_eq!(config.max_early_data_size, 0);
    let server = Arc::new(config);
    let mut eager = ClientConfig::clone(&client(&cert, VERSIONS[0]));
    eager.enable_early_data = true;
    let eager = Arc::new(eager);
    assert!(meet(&server, &eager).is_full());
    let name = ServerName::try_from(SERVER).expect("a name");
    let mut again = rustls::ClientConnection::new(eager.clone(), name).expect("a client");
    assert!(again.early_data().is_none(), "no ticket allows any");
    assert!(meet(&server, &eager).handshake.resumed());
}
